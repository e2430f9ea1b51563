"""Composites to learn from: filmed faces with things put before them, in any light and style."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from openvasa.data.occluders.beards import draw_beard
from openvasa.data.occluders.glasses import draw_glasses
from openvasa.data.occluders.hair import draw_fringe
from openvasa.data.occluders.headwear import draw_headwear
from openvasa.data.occluders.held import draw_hand, draw_microphone, draw_thing
from openvasa.data.occluders.ink import draw_in_ink
from openvasa.data.occluders.looks import draw_look
from openvasa.data.occluders.masks import draw_mask
from openvasa.data.occluders.scene import Scene
from openvasa.data.stills import STILL_SIDE, Stills
from openvasa.data.styles import draw_style
from openvasa.face.occluders import SIDE, Occluder
from openvasa.face.topology import FACE_OVAL

UNKNOWN = 255
"""Label where hair may hang that nobody has marked: free, or a fringe."""
BROWS_AND_TEMPLES = np.array([127, 46, 53, 52, 65, 55, 8, 285, 295, 282, 283, 276, 356])
"""Where the forehead ends."""

ROLL, ZOOM, SHIFT = 0.1, 0.09, 0.035
"""Deviations by which faces are turned (rad), scaled and moved (of the square's side)."""


@dataclass(frozen=True)
class Composite:
    """A face with things before it.

    Attributes:
        picture: (SIDE, SIDE, 3) uint8 RGB.
        labels: (SIDE, SIDE) uint8 of `Occluder`, and `UNKNOWN`.
        landmarks: (478, 3) float32 px.
    """

    picture: np.ndarray
    labels: np.ndarray
    landmarks: np.ndarray


@dataclass(frozen=True)
class Composites:
    """Draws composites of some stills' bare faces.

    Attributes:
        stills: of people who wear nothing that hides anything.
    """

    stills: Stills

    @staticmethod
    def of_bare(stills: Stills) -> Composites:
        """Of those of the stills that show nothing worn."""
        return Composites(stills.only([i for i, worn in enumerate(stills.worn) if not worn]))

    def draw(self, rng: np.random.Generator) -> Composite:
        """One of a face drawn by chance, as all that is put before it."""
        index, other = rng.integers(len(self.stills), size=2)
        picture, landmarks = _place(
            self.stills.picture(int(index)), self.stills.landmarks[index], rng
        )
        scene = Scene.begin(picture, landmarks, self._texture(int(other)), rng)
        unknown = _find_unknown(scene)
        _fill_scene(scene)
        _end_picture(scene)
        labels = np.where((scene.labels == Occluder.FREE) & unknown, UNKNOWN, scene.labels)
        return Composite(_record(scene.picture, rng), labels.astype(np.uint8), landmarks)

    def _texture(self, index: int) -> np.ndarray:
        return cv2.resize(self.stills.picture(index), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _place(
    picture: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A still turned, scaled, moved and perhaps mirrored, and its landmarks."""
    zoom = SIDE / STILL_SIDE * np.exp(rng.normal(0, ZOOM))
    angle = rng.normal(0, ROLL)
    c, s = np.cos(angle) * zoom, np.sin(angle) * zoom
    linear = np.array([[c, -s], [s, c]])
    middle = np.full(2, STILL_SIDE / 2)
    shift = SIDE / 2 + rng.normal(0, SHIFT * SIDE, 2) - linear @ middle
    affine = np.column_stack([linear, shift]).astype(np.float32)
    border = (cv2.BORDER_REFLECT_101, cv2.BORDER_REPLICATE)[rng.integers(2)]
    placed = cv2.warpAffine(picture, affine, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=border)
    points = landmarks * np.float32(zoom)
    points[:, :2] = landmarks[:, :2] @ linear.T + shift
    return placed, points.astype(np.float32)


def _find_unknown(scene: Scene) -> np.ndarray:
    """(S, S) bool: outside the face, and its forehead, where unmarked hair may be."""
    face = scene.fill(scene.landmarks[FACE_OVAL, :2])
    brows = scene.landmarks[BROWS_AND_TEMPLES, :2]
    top = scene.landmarks[FACE_OVAL[np.r_[29:36, 0:8]], :2]
    forehead = scene.fill(np.vstack([brows, top[::-1]]))
    return (face < 0.5) | (forehead > 0.5)


def _fill_scene(scene: Scene) -> None:
    """Put things into a scene, from the skin outwards."""
    if scene.chance(0.3):
        draw_beard(scene)
    if scene.chance(0.4):
        draw_look(scene)
    if scene.chance(0.3):
        return
    if scene.chance(0.16):
        draw_mask(scene)
    if scene.chance(0.5):
        draw_glasses(scene)
    if scene.chance(0.16):
        draw_fringe(scene)
    if scene.chance(0.33):
        draw_headwear(scene)
    if scene.chance(0.3):
        (draw_hand, draw_microphone, draw_thing)[scene.rng.integers(3)](scene)


def _end_picture(scene: Scene) -> None:
    """At times let the picture end above the face, through hair or hat, mirrored beyond its edge
    as `openvasa.face.occluders.cut_head` does it."""
    face = scene.landmarks[FACE_OVAL, 1].min()
    if not scene.chance(0.4) or face < 2:
        return
    edge = int(scene.between(0.1, 0.95) * face)
    for plane in (scene.picture, scene.labels):
        beyond = plane[edge + 1 : 2 * edge + 1][::-1]
        plane[edge - len(beyond) : edge] = beyond


def _record(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The scene as cameras, painters and files show it: style, blur, grain, JPEG."""
    if rng.random() < 0.7:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.0))
    taken = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        # Small pictures, made larger.
        small = int(SIDE * rng.uniform(0.4, 0.9))
        taken = cv2.resize(taken, (small, small), interpolation=cv2.INTER_AREA)
        taken = cv2.resize(taken, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    taken = draw_style(rng, SIDE)(taken[None])[0]
    if rng.random() < 0.1:
        taken = draw_in_ink(taken, rng)
    if rng.random() < 0.4:
        grain = rng.standard_normal(taken.shape).astype(np.float32) * rng.uniform(1, 8)
        taken = np.clip(taken + grain, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
        coded = cv2.imdecode(cv2.imencode(".jpg", taken, quality)[1], cv2.IMREAD_COLOR)
        assert coded is not None
        taken = coded
    return taken
