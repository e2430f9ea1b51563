"""Where a driver's face is over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from openvasa.capture.following import PersonFollower
from openvasa.capture.reliability import Sighting, give_up_guesses, share_inside
from openvasa.capture.shots import ShotWatcher
from openvasa.errors import InputError
from openvasa.face.landmarker import TrackedFace
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
        shots: (T,) int, the number of the shot that a frame belongs to, from 0.
    """

    landmarks: np.ndarray
    seen: np.ndarray
    shots: np.ndarray

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.seen)

    @property
    def cuts(self) -> int:
        """Cuts between the first frame and the last."""
        return int(self.shots[-1] - self.shots[0])


def track_driver(
    frames: Iterable[tuple[float, np.ndarray]],
    name: str,
    progress: Progress | None = None,
    *,
    face: int | None = None,
) -> DriverTrack:
    """Track one person's face over all of a video.

    Args:
        frames: time in s, and (h, w, 3) uint8 RGB frame.
        name: what to call the video in errors.
        progress: called with the number of frames done so far.
        face: which of several people, from 1 in reading order, in the first frame that shows so
            many; None for the largest face.

    Raises:
        InputError: no face, or too short.
    """
    sightings: list[Sighting] = []
    watcher, follower, shot = ShotWatcher(), PersonFollower(face), 0
    for at, image in frames:
        found = follower.find(image)
        if watcher.begins(image, found and found.landmarks):
            shot, found = shot + 1, follower.find_after_cut(image)
            watcher.correct(found and found.landmarks)
        guessed = follower.remember(image, found)
        sightings.append(_sighting(at, found, shot, image, guessed))
        if progress is not None:
            progress(len(sightings))
    if all(sighting.landmarks is None for sighting in sightings):
        if face is not None:
            raise InputError(
                f"{name}: no frame shows {face} faces; choose a lower number",
                parameters=("face",),
            )
        raise InputError(f"{name}: no face found; use a video in which a face looks at the camera")
    track = put_in_step(give_up_guesses(sightings))
    if track.seen.sum() < LEAST_SECONDS * MOTION_RATE:
        raise InputError(f"{name}: shows a face for less than {LEAST_SECONDS} s; use a longer one")
    return track


def _sighting(
    at: float, face: TrackedFace | None, shot: int, image: np.ndarray, guessed: bool
) -> Sighting:
    if face is None:
        return Sighting(at, None, shot)
    height, width = image.shape[:2]
    inside = share_inside(face.landmarks, width, height)
    return Sighting(at, face.landmarks, shot, guessed, inside)


def put_in_step(sightings: list[Sighting]) -> DriverTrack:
    """Frames at any times → the whole video at `MOTION_RATE`, from its own start.

    Between two frames of a shot that both show the face its landmarks are linear in time.
    """
    times = np.array([sighting.at for sighting in sightings])
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / MOTION_RATE
    count = max(1, round((times[-1] + step) * MOTION_RATE))
    landmarks = np.zeros((count, POINTS, 3), np.float32)
    seen, shots = np.zeros(count, bool), np.zeros(count, int)
    for frame in range(max(0, round((times[0] - step / 2) * MOTION_RATE)), count):
        at = np.interp(frame / MOTION_RATE, times, np.arange(len(times)))
        before, after = sightings[int(at)], sightings[int(np.ceil(at))]
        shots[frame] = (before if at % 1 < 0.5 else after).shot
        points = _between(before, after, at % 1)
        if points is not None:
            landmarks[frame], seen[frame] = points, True
    return DriverTrack(landmarks, seen, shots)


def _between(before: Sighting, after: Sighting, share: float) -> np.ndarray | None:
    """(478, 3) landmarks on the way from one frame to the next; None where they are not seen."""
    first, second = before.landmarks, after.landmarks
    if first is None or second is None or before.shot != after.shot:
        return first if share < 0.5 else second
    return first + np.float32(share) * (second - first)
