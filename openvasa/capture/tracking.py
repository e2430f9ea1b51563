"""Where a driver's face is over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from openvasa.errors import InputError
from openvasa.face.landmarker import MIN_PRESENCE, follow_face
from openvasa.rates import MOTION_RATE

LEAST_SECONDS = 0.4

Progress = Callable[[int], None]


@dataclass(frozen=True)
class DriverTrack:
    """A driver's face over time, at `MOTION_RATE`.

    Attributes:
        landmarks: (T, 478, 3) float32 px of the driver's picture.
        seen: share of the driver's frames in which the face was found, 0–1.
    """

    landmarks: np.ndarray
    seen: float


def track_driver(
    frames: Iterable[tuple[float, np.ndarray]], name: str, progress: Progress | None = None
) -> DriverTrack:
    """Track the largest face of a video; gaps in which it is lost are bridged in a straight line.

    Args:
        frames: time in s, and frame.
        name: what to call the video in errors.
        progress: called with the number of frames done so far.

    Raises:
        InputError: no face, or too short.
    """
    times, found = [], []
    count, previous = 0, None
    for at, image in frames:
        count += 1
        tracked = follow_face(image, previous)
        previous = None
        if tracked is not None and tracked.presence >= MIN_PRESENCE:
            previous = tracked.landmarks
            times.append(at)
            found.append(tracked.landmarks)
        if progress is not None:
            progress(count)
    if not found:
        raise InputError(f"{name}: no face found; use a video in which a face looks at the camera")
    if times[-1] - times[0] < LEAST_SECONDS:
        raise InputError(f"{name}: shows a face for less than {LEAST_SECONDS} s; use a longer one")
    # From the video's own start, so that its sound stays in step.
    grid = np.arange(round(times[-1] * MOTION_RATE) + 1) / MOTION_RATE
    return DriverTrack(_at_times(np.stack(found), np.array(times), grid), len(found) / count)


def _at_times(values: np.ndarray, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(T, ...) values at increasing `times` → values at the times of `grid`, linear between."""
    at = np.interp(grid, times, np.arange(len(times)))
    low = np.minimum(at.astype(int), max(len(times) - 2, 0))
    part = (at - low).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    return values[low] + part * (values[np.minimum(low + 1, len(times) - 1)] - values[low])
