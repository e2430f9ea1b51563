"""Moments of clips over which the mouth or the eyes can be drawn again by other numbers.

The warp is drawn once, by the shipped numbers; only the layer is drawn again over it. What a
portrait's warp shows depends on no number but those of `mouth.evidence`, so that a layer drawn here
is the one that `WarpRenderer` draws by the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from openvasa.data.clip_list import Clip, Split
from openvasa.data.pairs import (
    Footage,
    choose_sources,
    choose_targets,
    follow,
    load_footage,
    sharp_clips,
)
from openvasa.errors import InputError
from openvasa.face.encode import cut_square, encode_picture
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.render.eye.lift import prepare_eyes
from openvasa.render.eye.paint import paint_eyes
from openvasa.render.mouth.paint import paint_mouth
from openvasa.render.mouth.prepare import prepare_mouth
from openvasa.render.shading import Shading
from openvasa.render.warp_renderer import Step, WarpRenderer

LEAST_FACE_PX = 200
"""Smaller faces, in px of the recording, show teeth and lashes too blurred to tell their light."""

PORTRAITS, TARGETS = 2, 4
"""Source frames of each person, the first with the mouth at rest, and frames that each moves to."""

SURROUNDINGS = 10
"""Px of the frame kept around what a layer draws, for the eye of who looks at the pictures."""

LEAST_DRAWN_PX = 40
"""Px that a layer has to draw in a frame for the frame to count."""


class Layer(NamedTuple):
    """A layer that is drawn over the warp.

    Attributes:
        prepare: what is done once for a portrait, from the portrait and the layer's numbers.
        paint: what draws it into a frame.
        painted: groups of its numbers that `prepare` only hands on.
    """

    prepare: Callable[[FaceLatent, Any], Any]
    paint: Callable[[np.ndarray, FrameGeometry, Any], None]
    painted: tuple[str, ...]


LAYERS = {
    "mouth": Layer(prepare_mouth, paint_mouth, ("walls", "rounded", "tongue", "tip")),
    "eye": Layer(prepare_eyes, paint_eyes, ("lid",)),
}
_STEPS = {Step.MOUTH: "mouth", Step.EYES: "eye"}


@dataclass(frozen=True)
class Moment:
    """One frame around a layer: (h, w) px from `left`, `top` of the frame on.

    Attributes:
        geometry: of the frame, prepared for the portrait.
        left, top: px of the frame.
        below: (h, w, 3) uint8 RGB, the frame without the layer.
        real: (h, w, 3) uint8 RGB, the same place in the clip's own frame.
        drawn: (h, w) bool, px that the layer changes, by the shipped numbers, and one px around.
    """

    geometry: FrameGeometry
    left: int
    top: int
    below: np.ndarray
    real: np.ndarray
    drawn: np.ndarray


@dataclass
class Scene:
    """One portrait and the moments that one layer is drawn in.

    Attributes:
        person: group of the clip that the portrait is from.
        layer: name of the layer.
        face: the portrait.
        moments: where the layer draws.
    """

    person: str
    layer: str
    face: FaceLatent
    moments: list[Moment]
    _prepared: tuple[Any, Any] | None = field(default=None, repr=False)

    def draw(self, shading: Shading) -> list[np.ndarray]:
        """(h, w, 3) uint8 RGB of each moment, the layer drawn by other numbers."""
        appearance = self._appearance(getattr(shading, self.layer))
        frame = np.zeros_like(self.face.image)
        pictures = []
        for moment in self.moments:
            height, width = moment.drawn.shape
            rows = slice(moment.top, moment.top + height)
            columns = slice(moment.left, moment.left + width)
            frame[rows, columns] = moment.below
            LAYERS[self.layer].paint(frame, moment.geometry, appearance)
            pictures.append(frame[rows, columns].copy())
        return pictures

    def _appearance(self, numbers: Any) -> Any:
        """What the layer prepares; the last one with the numbers that are only painted by."""
        layer = LAYERS[self.layer]
        painted = {group: getattr(type(numbers)(), group) for group in layer.painted}
        prepared_by = replace(numbers, **painted)
        if self._prepared is None or self._prepared[0] != prepared_by:
            self._prepared = prepared_by, layer.prepare(self.face, numbers)
        return replace(self._prepared[1], shading=numbers)


def make_scenes(
    face: FaceLatent, footage: Footage, source: int, targets: Sequence[int], person: str
) -> list[Scene]:
    """A scene for each layer that draws anything in the frames that a portrait moves to.

    Args:
        face: the portrait that the source frame makes.
        footage: the clip.
        source: number of the source frame.
        targets: numbers of the frames it moves to.
        person: whom the clip shows.
    """
    renderer = WarpRenderer(face, refined=False)
    moments: dict[str, list[Moment]] = {name: [] for name in LAYERS}
    for target in targets:
        real = cut_square(footage.frames[target], face.crop)
        below = face.image
        for step, geometry, frame in renderer.draw(follow(face, footage, source, target)):
            if step in _STEPS and (moment := _cut_moment(geometry, below, frame, real)):
                moments[_STEPS[step]].append(moment)
            below = frame.copy()
    return [Scene(person, name, face, found) for name, found in moments.items() if found]


def _cut_moment(
    geometry: FrameGeometry, below: np.ndarray, frame: np.ndarray, real: np.ndarray
) -> Moment | None:
    changed = (frame != below).any(axis=-1)
    if changed.sum() < LEAST_DRAWN_PX:
        return None
    drawn = cv2.dilate(changed.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rows, columns = (
        slice(max(int(seen[0]) - SURROUNDINGS, 0), int(seen[-1]) + 1 + SURROUNDINGS)
        for seen in (np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0))
    )
    cuts = (picture[rows, columns].copy() for picture in (below, real, drawn))
    return Moment(geometry, columns.start, rows.start, *cuts)


def collect_scenes(cache: Path, clips: Path, people: int, seed: int) -> list[Scene]:
    """Scenes of training people, of each person's sharpest clip, with a progress bar.

    Args:
        cache: from `openvasa data prepare`.
        clips: the folder of clips it was made from.
        people: at most so many.
        seed: draws people and frames.

    Raises:
        InputError: no sharp training clip.
    """
    cv2.setNumThreads(1)
    sharpest: dict[str, Clip] = {}
    for clip, _ in sorted(
        sharp_clips(cache, clips, Split.TRAIN, LEAST_FACE_PX), key=lambda found: -found[1]
    ):
        sharpest.setdefault(clip.group, clip)
    groups = np.random.default_rng(seed).permutation(sorted(sharpest))[:people]
    return [
        scene
        for group in tqdm(groups, desc="portraits", unit="person")
        for scene in _scenes_of_clip(cache, clips, sharpest[str(group)], seed)
    ]


def _scenes_of_clip(cache: Path, clips: Path, clip: Clip, seed: int) -> list[Scene]:
    """Nothing of a clip that has lost its face, nor of a frame that makes no portrait."""
    footage = load_footage(cache, clips, clip)
    if footage is None:
        return []
    rng = np.random.default_rng([seed, int.from_bytes(clip.name.encode()[:8], "big")])
    scenes = []
    for source in choose_sources(footage, rng)[:PORTRAITS]:
        targets = choose_targets(footage, source, TARGETS, rng).tolist()
        try:
            face = encode_picture(footage.frames[source], name=f"frame {source}")
        except InputError:
            continue
        scenes += make_scenes(face, footage, source, targets, clip.group)
    return scenes
