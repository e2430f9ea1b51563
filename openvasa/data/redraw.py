"""A tracked clip drawn again: its motion, a frame of it as the portrait, and what is seen."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np

from openvasa.ahead import made_ahead
from openvasa.data.prepare import Track, track_frames
from openvasa.errors import InputError
from openvasa.face.canonical import TURN
from openvasa.face.dynamics import dynamics_code
from openvasa.face.encode import encode_picture
from openvasa.face.latent import FaceLatent
from openvasa.face.topology import CHIN, FOREHEAD_TOP
from openvasa.media.inspect import read_frames
from openvasa.motion.geometry import geometry_at
from openvasa.motion.rest import head_poses, resting_shape, smooth_shape
from openvasa.motion.row import Row
from openvasa.rates import MOTION_RATE
from openvasa.render.renderer import Renderer

LEAST_SECONDS = 2.0
LEAST_FACE_PX = 100.0
"""Smaller faces, in px of the clip, tremble more in the track than they move."""
LEAST_SEEN = 0.98
"""Share of frames in which the tracker found the face."""

_TURN = np.radians(10.0)
"""Turn of the head that makes a frame as little neutral as one deviation of the face."""


def is_fit(track: Track) -> bool:
    """Whether a clip is long enough and shows its face large enough to be drawn again."""
    if len(track.valid) < LEAST_SECONDS * MOTION_RATE or track.valid.mean() < LEAST_SEEN:
        return False
    heights = np.linalg.norm(track.canonical[:, FOREHEAD_TOP] - track.canonical[:, CHIN], axis=1)
    return float(np.median(heights * track.scale)) >= LEAST_FACE_PX


def cut_track(track: Track, frames: int) -> Track:
    """The first frames of a track."""
    return Track(**{name: values[:frames] for name, values in vars(track).items()})


def rows_of_track(track: Track) -> np.ndarray:
    """(T, 6 + D) float32 motion of a track, against the rest that the track itself shows."""
    code = dynamics_code()
    shape = smooth_shape(track.canonical)
    codes = code.encode(shape - resting_shape(shape, code.mouth_share))
    poses = head_poses(track.rotation, track.translation, track.scale)
    return Row(poses, codes).join()


def neutral_frame(rows: np.ndarray) -> int:
    """Number of the frame in which face and head are nearest to the clip's rest."""
    row = Row.split(rows)
    face = (row.codes**2).mean(axis=1)
    head = (row.pose[:, TURN] ** 2).sum(axis=1) / _TURN**2
    return int(np.argmin(face + head))


def encode_frames(video: Path, numbers: Mapping[str, int]) -> dict[str, FaceLatent]:
    """Frames of a clip as portraits, by the names that `numbers` gives them.

    Raises:
        InputError: a frame is no usable portrait.
    """
    wanted = set(numbers.values())
    frames = {number: frame for number, frame in enumerate(read_frames(video)) if number in wanted}
    return {
        name: encode_picture(frames[number], name=f"{video.name}, {name}")
        for name, number in numbers.items()
        if number in frames
    }


def film(renderer: Renderer, face: FaceLatent, rows: np.ndarray) -> Track:
    """Render (T, 6 + D + 2) rows of motion of a face and track the frames.

    Raises:
        InputError: the tracker does not see the face from the beginning.
    """
    frames = (renderer.render(geometry_at(face, row)) for row in rows)
    with closing(made_ahead(frames)) as ready:
        track = Track(**track_frames(ready))
    if len(track.valid) < len(rows):
        raise InputError(f"no face is seen in the first of {len(rows)} rendered frames")
    return track
