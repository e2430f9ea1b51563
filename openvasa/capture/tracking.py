"""Where a driver's face is over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from openvasa.errors import InputError
from openvasa.face.landmarker import MIN_PRESENCE, follow_face
from openvasa.face.topology import POINTS
from openvasa.rates import MOTION_RATE

LEAST_SECONDS = 0.4

Progress = Callable[[int], None]


@dataclass(frozen=True)
class DriverTrack:
    """A driver's face over the whole of a video, at `MOTION_RATE`.

    Attributes:
        landmarks: (T, 478, 3) float32 px of the driver's picture, zero where it is not seen.
        seen: (T,) bool, where the face is found.
    """

    landmarks: np.ndarray
    seen: np.ndarray

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.seen)


@dataclass(frozen=True)
class Sighting:
    """One frame of a video.

    Attributes:
        at: when it is shown, s.
        landmarks: (478, 3) float32 px; None where the face is not seen.
    """

    at: float
    landmarks: np.ndarray | None


def track_driver(
    frames: Iterable[tuple[float, np.ndarray]], name: str, progress: Progress | None = None
) -> DriverTrack:
    """Track the largest face of a video over all of the video.

    Args:
        frames: time in s, and (h, w, 3) uint8 RGB frame.
        name: what to call the video in errors.
        progress: called with the number of frames done so far.

    Raises:
        InputError: no face, or too short.
    """
    sightings: list[Sighting] = []
    previous = None
    for at, image in frames:
        tracked = follow_face(image, previous)
        found = tracked is not None and tracked.presence >= MIN_PRESENCE
        previous = tracked.landmarks if tracked is not None and found else None
        sightings.append(Sighting(at, previous))
        if progress is not None:
            progress(len(sightings))
    if all(sighting.landmarks is None for sighting in sightings):
        raise InputError(f"{name}: no face found; use a video in which a face looks at the camera")
    track = put_in_step(sightings)
    if track.seen.sum() < LEAST_SECONDS * MOTION_RATE:
        raise InputError(f"{name}: shows a face for less than {LEAST_SECONDS} s; use a longer one")
    return track


def put_in_step(sightings: list[Sighting]) -> DriverTrack:
    """Frames at any times → the whole video at `MOTION_RATE`, from its own start.

    Between two frames that both show the face its landmarks are linear in time.
    """
    times = np.array([sighting.at for sighting in sightings])
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / MOTION_RATE
    count = max(1, round((times[-1] + step) * MOTION_RATE))
    landmarks = np.zeros((count, POINTS, 3), np.float32)
    seen = np.zeros(count, bool)
    for frame in range(max(0, round((times[0] - step / 2) * MOTION_RATE)), count):
        at = np.interp(frame / MOTION_RATE, times, np.arange(len(times)))
        points = _between(sightings[int(at)], sightings[int(np.ceil(at))], at % 1)
        if points is not None:
            landmarks[frame], seen[frame] = points, True
    return DriverTrack(landmarks, seen)


def _between(before: Sighting, after: Sighting, share: float) -> np.ndarray | None:
    """(478, 3) landmarks on the way from one frame to the next; None where they are not seen."""
    first, second = before.landmarks, after.landmarks
    if first is None or second is None:
        return first if share < 0.5 else second
    return first + np.float32(share) * (second - first)
