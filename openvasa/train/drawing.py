"""Measure how much of a drawn movement is seen, and fit what to draw so that all of it is.

Training people are redrawn: the motion of a clip, on the clip's most neutral frame. A face tracker
then sees of each drawn code a part, whatever the others do: the slope of least squares. The
regressor is what was drawn and known without error, so the tracker's noise does not lower it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.assets import ASSETS
from openvasa.data.clip_list import Clip, Kind, Split
from openvasa.data.prepare import Track, cached_clips, load_track
from openvasa.data.redraw import (
    cut_track,
    encode_frames,
    film,
    is_fit,
    neutral_frame,
    rows_of_track,
)
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.drawing import DRAWING_FILE, draw_codes, undo_response
from openvasa.motion.rest import smooth_shape
from openvasa.motion.row import Row, with_tongue_at_rest
from openvasa.render.warp_renderer import WarpRenderer

PEOPLE = 80
FRAMES = 100
"""Of each person's clip."""
LEAST_SEEN = 0.4
"""Of a code; one that is hardly seen is noise to the tracker, and is not drawn larger still."""


@dataclass(frozen=True)
class Redrawn:
    """What was drawn of one person and what the tracker saw, (T, D) codes each."""

    drawn: np.ndarray
    seen: np.ndarray


def train(
    cache: Path, clips: Path, people: int = PEOPLE, seed: int = 0, folder: Path = ASSETS
) -> dict[str, list[float]]:
    """Redraw people of the training split, and write the drawing as an asset.

    Args:
        cache: of `openvasa data prepare`.
        clips: the folder it was made from.
        people: how many; one clip of each.
        seed: of which.
        folder: to write into; the package's assets are what ships.

    Returns:
        How much of each code is seen, and its standard error over people.

    Raises:
        InputError: fewer than two clips can be redrawn.
    """
    redrawn = []
    chosen = _choose_people(cache, people, seed)
    for clip, track in tqdm(chosen, desc="redrawing", unit="person"):
        try:
            redrawn.append(redraw(clips / f"{clip.name}.mp4", cut_track(track, FRAMES)))
        except InputError as error:
            tqdm.write(f"left out: {error}")
    if len(redrawn) < 2:
        raise InputError(f"{cache}: fewer than two training clips can be redrawn (docs/data.md)")
    seen = measure_response(redrawn)
    drawing = undo_response(np.maximum(seen, LEAST_SEEN), dynamics_code())
    _save(folder / DRAWING_FILE.name, drawing)
    return {"seen": seen.tolist(), "error": _standard_error(redrawn).tolist()}


def _save(path: Path, drawing: np.ndarray) -> None:
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, drawing=drawing.astype(np.float16))
    partial.replace(path)


def redraw(video: Path, track: Track) -> Redrawn:
    """Draw a clip's motion on its most neutral frame, and track that.

    Raises:
        InputError: the frame is no portrait, or no face is seen in what is drawn.
    """
    code, rows = dynamics_code(), rows_of_track(track)
    face = encode_frames(video, {"neutral": neutral_frame(rows)})["neutral"]
    seen = film(WarpRenderer(face), face, with_tongue_at_rest(rows))
    drawn = draw_codes(Row.split(rows).codes)
    return Redrawn(drawn, code.encode(smooth_shape(seen.canonical) - face.neutral))


def measure_response(redrawn: list[Redrawn]) -> np.ndarray:
    """(D,) how much of each drawn code is seen; a person's constant offset does not count."""
    drawn = np.concatenate([one.drawn - one.drawn.mean(axis=0) for one in redrawn])
    seen = np.concatenate([one.seen - one.seen.mean(axis=0) for one in redrawn])
    return (drawn * seen).sum(axis=0) / (drawn**2).sum(axis=0)


def _standard_error(redrawn: list[Redrawn]) -> np.ndarray:
    """(D,) of the response, by leaving out one person after the other (the jackknife)."""
    others = [redrawn[:index] + redrawn[index + 1 :] for index in range(len(redrawn))]
    without = np.array([measure_response(rest) for rest in others])
    return without.std(axis=0) * np.sqrt(len(redrawn) - 1)


def _choose_people(cache: Path, people: int, seed: int) -> list[tuple[Clip, Track]]:
    """One real clip each of so many people trained on."""
    clips = [c for c in cached_clips(cache) if c.split == Split.TRAIN and c.kind == Kind.REAL]
    chosen: dict[str, tuple[Clip, Track]] = {}
    for number in np.random.default_rng(seed).permutation(len(clips)):
        clip = clips[number]
        if clip.group in chosen:
            continue
        track = load_track(cache, clip)
        if is_fit(track):
            chosen[clip.group] = (clip, track)
        if len(chosen) == people:
            break
    return list(chosen.values())
