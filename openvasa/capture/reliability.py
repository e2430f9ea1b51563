"""Which of the tracker's answers about a driver's face are to be believed.

A face that slides out of the picture, or goes behind a hand, is tracked on by guesswork for a
while. docs/lab/capture.md tells how wrong such guesses are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from openvasa.capture.gaps import find_runs
from openvasa.capture.likeness import SMALLEST

PRESENCE_WEIGHT, STRANGENESS_WEIGHT, GUESS_BIAS = -0.252, 5.406, -4.716
"""Logistic regression of a wrong answer, a head 5° or landmarks 8 % of the eyes' distance off, on
the log-odds of presence and the logarithm of strangeness; fitted to clips with a painted hand."""
LEAST_LOG_ODDS, MOST_LOG_ODDS = -10.0, 16.0
"""Between these lie the log-odds of presence that mean something."""
SURE_INSIDE = 0.95
"""Share of the landmarks within the picture; with fewer the angles are wrong by up to 7°."""
LONGEST_DOUBT = 1.0
"""Seconds of doubtful frames in a row that are given up; of a longer doubt the rest is kept, since
a face that is cut off or covered all the time is better than none."""


@dataclass(frozen=True)
class Sighting:
    """One frame of a video.

    Attributes:
        at: when it is shown, s.
        landmarks: (478, 3) float32 px; None where the face is not seen.
        shot: number of its shot, from 0.
        guessed: the face is probably covered, and the landmarks guesswork.
        inside: share of the landmarks that lie within the picture, 0–1.
    """

    at: float
    landmarks: np.ndarray | None
    shot: int = 0
    guessed: bool = False
    inside: float = 1.0


def share_inside(landmarks: np.ndarray, width: int, height: int) -> float:
    """Share of (478, 3) landmarks, px, within a picture of that size."""
    points = landmarks[:, :2]
    return float(((points >= 0) & (points < [width, height])).all(axis=1).mean())


def is_guess(presence: float, strangeness: float) -> bool:
    """Whether the landmarks of a face are probably wrong.

    Args:
        presence: probability in 0–1 that there is a face.
        strangeness: how far its resting shape is from what it has been, as `Features.shape`.
    """
    odds = np.log(max(presence, 1e-9) / max(1 - presence, 1e-9))
    score = PRESENCE_WEIGHT * np.clip(odds, LEAST_LOG_ODDS, MOST_LOG_ODDS)
    return bool(score + STRANGENESS_WEIGHT * np.log(strangeness + SMALLEST) + GUESS_BIAS > 0)


def give_up_guesses(sightings: list[Sighting]) -> list[Sighting]:
    """The frames with the landmarks left out where they are guesswork.

    Doubtful frames beside a loss of the face go, and so do short stretches in which it is covered,
    as when a hand passes before it.
    """
    at = np.array([sighting.at for sighting in sightings])
    lost = np.array([sighting.landmarks is None for sighting in sightings])
    guessed = np.array([sighting.guessed for sighting in sightings])
    inside = np.array([sighting.inside >= SURE_INSIDE for sighting in sightings])
    given_up = lost.copy()
    for first, last in find_runs(~lost & guessed):
        if at[last - 1] - at[first] < LONGEST_DOUBT:
            given_up[first:last] = True
    for first, last in find_runs(~given_up & (guessed | ~inside)):
        if first and given_up[first - 1]:
            given_up[first:last] |= at[first:last] - at[first] < LONGEST_DOUBT
        if last < len(at) and given_up[last]:
            given_up[first:last] |= at[last] - at[first:last] < LONGEST_DOUBT
    return [
        replace(sighting, landmarks=None) if gone else sighting
        for sighting, gone in zip(sightings, given_up, strict=True)
    ]
