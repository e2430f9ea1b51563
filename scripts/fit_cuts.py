"""Fit what counts as a cut, and say how often it is missed and seen where there is none.

    python scripts/fit_cuts.py CLIPS

CLIPS is a folder with a `clips.jsonl` (docs/data.md). Frames that follow each other, at the clip's
rate and at half of it, are no cuts. Frames of two people's clips are one, and so is a frame
before its own middle enlarged. Weights are fitted to training people and judged on the others.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import minimize

from openvasa.capture.shots import MEMORY, SMALLEST, Look, look_at, measure_change, size_change
from openvasa.data.clip_list import Clip, Kind, Split, read_clip_list
from openvasa.face.landmarker import MIN_PRESENCE, follow_face
from openvasa.media.inspect import read_frames

CLIPS = {Split.TRAIN: 70, Split.TEST: 60}
"""Clips of each split, one a person."""
FRAMES = 50
SIDE = 256
"""Frames are brought to this side, so that a join is that of one video."""
JOINS = 10
"""Joins a clip."""
ZOOM = (0.55, 0.8)
"""Side of the enlarged middle, of the frame's."""
SETS = ("no cut", "no cut, half rate", "join", "zoom")


@dataclass(frozen=True)
class _Seen:
    looks: list[Look]
    faces: list[np.ndarray | None]
    middle: np.ndarray


def _see(path: Path) -> _Seen:
    looks: list[Look] = []
    faces: list[np.ndarray | None] = []
    middle = np.zeros(0)
    for image in islice(read_frames(path), FRAMES):
        middle = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        looks.append(look_at(middle))
        faces.append(_face_in(middle, faces[-1] if faces else None))
    return _Seen(looks, faces, middle)


def _face_in(image: np.ndarray, previous: np.ndarray | None) -> np.ndarray | None:
    tracked = follow_face(image, previous)
    found = tracked is not None and tracked.presence >= MIN_PRESENCE
    return tracked.landmarks if tracked is not None and found else None


def _choose(clips: list[Clip], split: Split, rng: np.random.Generator) -> list[Clip]:
    real = [clip for clip in clips if clip.split == split and clip.kind == Kind.REAL]
    groups = sorted({clip.group for clip in real})
    rng.shuffle(groups)
    return [next(c for c in real if c.group == group) for group in groups[: CLIPS[split]]]


def _steps(seen: _Seen, step: int) -> np.ndarray:
    """(n, 5) measures of frames `step` apart."""
    pairs = list(zip(range(0, len(seen.looks) - step), range(step, len(seen.looks)), strict=True))
    changes = [measure_change(seen.looks[a], seen.looks[b]) for a, b in pairs]
    return np.array(
        [
            [*changes[a], size_change(seen.faces[a], seen.faces[b]), _largest(changes, a, step)]
            for a, b in pairs[step:]
        ]
    ).reshape(-1, 5)


def _largest(changes: list[tuple[float, float, float]], before: int, step: int = 1) -> float:
    return max(c[0] for c in changes[:before][::-step][:MEMORY])


def _cut(before: _Seen, at: int, look: Look, face: np.ndarray | None) -> list[float]:
    changes = [
        measure_change(*pair) for pair in zip(before.looks[:at], before.looks[1:], strict=False)
    ]
    size = size_change(before.faces[at], face)
    return [*measure_change(before.looks[at], look), size, _largest(changes, at)]


def _zoom(seen: _Seen, rng: np.random.Generator) -> list[float]:
    side = round(SIDE * rng.uniform(*ZOOM))
    left, top = rng.integers((SIDE - side) // 4, (SIDE - side) * 3 // 4, 2)
    part = seen.middle[top : top + side, left : left + side]
    closer = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return _cut(seen, len(seen.looks) - 1, look_at(closer), _face_in(closer, None))


def _measure(seen: list[_Seen], rng: np.random.Generator) -> list[np.ndarray]:
    """The measures of each of `SETS`."""
    joins = []
    for first in seen:
        for _ in range(JOINS):
            second = seen[rng.integers(len(seen))]
            at, to = rng.integers(1, len(first.looks)), rng.integers(len(second.looks))
            if first is not second:
                joins.append(_cut(first, int(at), second.looks[to], second.faces[to]))
    steps = [np.concatenate([_steps(one, step) for one in seen]) for step in (1, 2)]
    zooms = [_zoom(one, rng) for one in seen for _ in range(2)]
    return [*steps, np.array(joins), np.array(zooms)]


def _fit(sets: list[np.ndarray]) -> tuple[np.ndarray, float]:
    logs = np.log(np.concatenate(sets) + SMALLEST)
    cut = np.repeat([-1, -1, 1, 1], [len(part) for part in sets])
    mean, spread = logs.mean(axis=0), logs.std(axis=0)

    def loss(weights: np.ndarray) -> float:
        score = (logs - mean) / spread @ weights[1:] + weights[0]
        return np.logaddexp(0, -score * cut).mean() + 1e-4 * (weights[1:] ** 2).sum()

    fitted = minimize(loss, np.zeros(6)).x
    weights = fitted[1:] / spread
    return weights, float(fitted[0] - weights @ mean)


def main(folder: Path) -> None:
    rng = np.random.default_rng(0)
    clips = read_clip_list(folder)
    measured = {}
    for split in Split:
        chosen = _choose(clips, split, rng)
        seen = [_see(folder / f"{clip.name}.mp4") for clip in chosen]
        measured[split] = _measure([one for one in seen if len(one.looks) > 10], rng)
    weights, bias = _fit(measured[Split.TRAIN])
    print(f"WEIGHTS = {np.round(weights, 3).tolist()}\nBIAS = {bias:.3f}")
    for split, sets in measured.items():
        for name, part in zip(SETS, sets, strict=True):
            found = int((np.log(part + SMALLEST) @ weights + bias > 0).sum())
            print(f"{split.value}, {name}: {found} of {len(part)} are cuts")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
