"""Frames of a driver with their times, from a camera or a video file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from openvasa.errors import InputError
from openvasa.media.inspect import read_timed_frames

LONGEST = 20 * 60.0
"""Seconds of a driver that are held in memory at once."""

CAMERA = "webcam"


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
