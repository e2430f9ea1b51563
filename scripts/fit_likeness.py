"""Fit what counts as the same person's face in a video, and say how often that is wrong.

    python scripts/fit_likeness.py CLIPS

CLIPS is a folder with a `clips.jsonl` (docs/data.md). A face is held against the mean of its own
clip's first frames, and against that of another person's clip. Weights are fitted to training
people and judged on the others.
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from openvasa.capture.likeness import SMALLEST, Features, distances, features_of
from openvasa.data.clip_list import Kind, Split, read_clip_list
from openvasa.face.landmarker import MIN_PRESENCE, follow_face
from openvasa.media.inspect import read_frames

PEOPLE = {Split.TRAIN: 70, Split.TEST: 60}
FRAMES, EVERY = 75, 5
FIRST = 5
"""Faces of a clip that its mean is taken of."""


def _see(path: Path) -> list[Features]:
    seen, previous = [], None
    for number, image in enumerate(islice(read_frames(path), FRAMES)):
        tracked = follow_face(image, previous)
        found = tracked is not None and tracked.presence >= MIN_PRESENCE
        previous = tracked.landmarks if tracked is not None and found else None
        if previous is not None and number % EVERY == 0:
            seen.append(features_of(image, previous))
    return seen


def _pair(people: list[list[Features]]) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) distances within people, and (m, 2) between them."""
    means = [
        Features(
            *(np.mean([getattr(f, part) for f in seen[:FIRST]], axis=0) for part in vars(seen[0]))
        )
        for seen in people
    ]
    same = [
        distances(mean, f) for mean, seen in zip(means, people, strict=True) for f in seen[FIRST:]
    ]
    other = [
        distances(mean, f)
        for number, mean in enumerate(means)
        for at, seen in enumerate(people)
        if at != number
        for f in seen[FIRST::7]
    ]
    return np.array(same), np.array(other)


def main(folder: Path) -> None:
    rng = np.random.default_rng(0)
    measured = {}
    for split, count in PEOPLE.items():
        real = [c for c in read_clip_list(folder) if c.split == split and c.kind == Kind.REAL]
        groups = sorted({clip.group for clip in real})
        rng.shuffle(groups)
        names = [next(c.name for c in real if c.group == group) for group in groups[:count]]
        seen = [_see(folder / f"{name}.mp4") for name in names]
        measured[split] = _pair([faces for faces in seen if len(faces) > FIRST])
    same, other = (np.log(part + SMALLEST) for part in measured[Split.TRAIN])

    def loss(fitted: np.ndarray) -> float:
        # People and others weigh alike.
        right, wrong = (part @ fitted[1:] + fitted[0] for part in (same, other))
        return np.logaddexp(0, -right).mean() + np.logaddexp(0, wrong).mean()

    fitted = minimize(loss, np.zeros(3)).x
    print(f"WEIGHTS = {np.round(fitted[1:], 2).tolist()}\nBIAS = {fitted[0]:.2f}")
    for split, (same, other) in measured.items():
        scores = [np.log(part + SMALLEST) @ fitted[1:] + fitted[0] for part in (same, other)]
        for least in (-4, -2, 0, 2):
            strange, taken = 100 * (scores[0] <= least).mean(), 100 * (scores[1] > least).mean()
            print(
                f"{split.value}, above {least}: {strange:.1f} % of {len(same)} faces not their "
                f"own, {taken:.1f} % of {len(other)} others taken for them"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
