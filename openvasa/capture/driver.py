"""From a video of a talking person to motion: reenactment.

The driver's face is tracked frame by frame. What moves is measured against the driver at rest
(`openvasa.motion.rest`), so that the motion carries over to a portrait with another face and
another way to hold the head.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.errors import InputError
from openvasa.face.canonical import fit_head
from openvasa.face.dynamics import dynamics_code
from openvasa.face.landmarker import MIN_PRESENCE, follow_face
from openvasa.media.inspect import read_timed_frames
from openvasa.motion.articulation import speech_tongue
from openvasa.motion.motion import Motion
from openvasa.motion.rest import head_poses, resting_shape, smooth_shape
from openvasa.rates import MOTION_RATE

"""Frames a second of the motion, whatever the driver's own rate."""

LONGEST = 20 * 60.0
"""Seconds of a driver that are held in memory at once."""

LEAST_SECONDS = 0.4
CAMERA = "webcam"

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


def is_camera(driver: str) -> bool:
    """Whether a driver names a camera: "webcam", "webcam:1" or "/dev/video1"."""
    return driver.split(":")[0] == CAMERA or driver.startswith("/dev/video")


def camera_frames(driver: str, seconds: float) -> Iterator[tuple[float, np.ndarray]]:
    """Time in s and (h, w, 3) uint8 RGB frame of a camera, for `seconds` or until Ctrl-C.

    Raises:
        InputError: there is no such camera, or it gives no picture.
    """
    name = driver.removeprefix(CAMERA).removeprefix(":") or "0"
    camera = cv2.VideoCapture(int(name) if name.isdecimal() else name)
    try:
        if not camera.isOpened():
            raise InputError(f"{driver}: no camera opens; give webcam:N or /dev/videoN")
        started = time.monotonic()
        while (now := time.monotonic() - started) < seconds:
            read, frame = camera.read()
            if not read:
                raise InputError(
                    f"{driver}: the camera gives no picture; is another program on it?"
                )
            yield now, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    except KeyboardInterrupt:
        # The usual way to end a recording; what was recorded is used.
        return
    finally:
        camera.release()


def file_frames(path: Path, seconds: float | None) -> Iterator[tuple[float, np.ndarray]]:
    """Time in s and (h, w, 3) uint8 RGB frame of a video file, its first `seconds` or all of it."""
    for at, frame in read_timed_frames(path):
        if seconds is not None and at >= seconds:
            return
        if at > LONGEST:
            raise InputError(
                f"{path}: longer than {LONGEST / 60:.0f} minutes; cut it, or ask for its first "
                "seconds only",
                parameters=("seconds",),
            )
        yield at, frame


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


def with_tongue_heard(motion: Motion, path: Path) -> Motion:
    """The driver's motion with the tongue that the driver's speech tells of; no camera sees it."""
    gain = speech_gain(read_blocks(path))
    tongue = speech_tongue(read_blocks(path), gain=gain)[: len(motion)]
    missing = len(motion) - len(tongue)
    return replace(motion, tongue=np.pad(tongue, ((0, missing), (0, 0))))


def _at_times(values: np.ndarray, times: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(T, ...) values at increasing `times` → values at the times of `grid`, linear between."""
    at = np.interp(grid, times, np.arange(len(times)))
    low = np.minimum(at.astype(int), max(len(times) - 2, 0))
    part = (at - low).astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    return values[low] + part * (values[np.minimum(low + 1, len(times) - 1)] - values[low])


def motion_of(track: DriverTrack) -> Motion:
    """The driver's motion against the driver at rest."""
    heads = [fit_head(landmarks) for landmarks in track.landmarks]
    canonical = np.stack(
        [head.invert(points) for head, points in zip(heads, track.landmarks, strict=True)]
    )
    pose = head_poses(
        rotation=np.stack([head.rotation for head in heads]),
        translation=np.stack([head.translation for head in heads]),
        scale=np.array([head.scale for head in heads]),
    )
    code = dynamics_code()
    shape = smooth_shape(canonical)
    change = shape - resting_shape(shape, code.mouth_share)
    return Motion(pose, code.encode(change), MOTION_RATE)
