"""From a driver's tracked face and speech to motion that any portrait can play.

What moves is measured against the driver at rest (`openvasa.motion.rest`), so that the motion
carries over to a portrait with another face and another way to hold the head. Where the driver is
not seen, the portrait comes to rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.capture.gaps import fill_gaps, find_runs
from openvasa.capture.tracking import LEAST_SECONDS, DriverTrack
from openvasa.errors import InputError
from openvasa.face.canonical import POSE_DIM, SHIFT, HeadTransform, fit_head, pose_between
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent
from openvasa.motion.articulation import speech_tongue
from openvasa.motion.motion import Motion
from openvasa.motion.rest import resting_head, resting_shape, smooth_heads, smooth_shape
from openvasa.rates import MOTION_RATE

POSE_EASE, FACE_EASE = 10, 3
"""Frames on either side of a cut in which head and face go over from one shot to the other: the
fewest in which they move no faster than people do (docs/lab/capture.md)."""


REACH = (0.17, 0.39)
"""Face widths within which heads stay to the side in 95 % and 99 % of the frames of real clips.
A driver who walks farther takes the portrait from the first up to the second at most."""


def motion_of(track: DriverTrack, portrait: FaceLatent | None = None) -> Motion:
    """The driver's motion against the driver at rest, as long as the video.

    Every shot has a rest of its own, so that the portrait keeps its framing and its face when the
    driver's picture changes. Head and face are eased over a cut.

    Args:
        track: where the driver's face is.
        portrait: whose head shall look the way the driver's does; None for a head that moves from
            any portrait's own pose as the driver's does from the driver's usual one.
    """
    code = dynamics_code()
    pose = np.zeros((len(track), POSE_DIM), np.float32)
    dynamics = np.zeros((len(track), code.size), np.float32)
    known = np.zeros(len(track), bool)
    for shot in np.unique(track.shots):
        of_shot = track.seen & (track.shots == shot)
        if of_shot.sum() < LEAST_SECONDS * MOTION_RATE:
            continue
        seen = [_measure(track.landmarks[first:last]) for first, last in find_runs(of_shot)]
        heads = [head for part in seen for head in part.heads]
        shape = np.concatenate([part.shape for part in seen])
        rest = _rest_like(portrait, heads, shape) if portrait else resting_head(heads)
        pose[of_shot] = [pose_between(rest, head) for head in heads]
        dynamics[of_shot] = code.encode(shape - resting_shape(shape, code.mouth_share))
        known |= of_shot
    if not known.any():
        raise InputError(
            f"the driver's face is seen for less than {LEAST_SECONDS:g} s in every shot; "
            "give a video with longer ones"
        )
    return Motion(
        fill_gaps(
            pose if portrait else _hold_place(pose),
            known & ~_near_cut(track.shots, POSE_EASE),
            slice(POSE_DIM),
        ),
        fill_gaps(dynamics, known & ~_near_cut(track.shots, FACE_EASE), slice(POSE_DIM, None)),
        MOTION_RATE,
    )


def _hold_place(pose: np.ndarray) -> np.ndarray:
    """(T, 6) poses whose head stays near its body, however far the driver walks."""
    usual, farthest = REACH
    shift = pose[:, SHIFT]
    beyond = np.maximum(np.abs(shift) - usual, 0)
    room = farthest - usual
    held = np.minimum(np.abs(shift), usual) + room * np.tanh(beyond / room)
    pose = pose.copy()
    pose[:, SHIFT] = np.sign(shift) * held
    return pose


def _rest_like(
    portrait: FaceLatent, heads: list[HeadTransform], shape: np.ndarray
) -> HeadTransform:
    """The head transform of a driver in the portrait's own pose.

    It looks the portrait's way. Where it is, and how far away, it is as when the driver looks most
    like the portrait; there the portrait keeps its place.

    Args:
        portrait: the portrait.
        heads: the driver's n heads in a shot.
        shape: (n, 478, 3) canonical shapes.
    """
    wanted = portrait.canonical @ portrait.head.rotation.T
    turned = shape @ np.stack([head.rotation for head in heads]).transpose(0, 2, 1)
    alike = heads[int(((turned - wanted) ** 2).sum(axis=(1, 2)).argmin())]
    return HeadTransform(portrait.head.rotation, alike.scale, alike.translation)


def _near_cut(shots: np.ndarray, frames: int) -> np.ndarray:
    """(T,) bool, where a shot ends or begins within so many frames."""
    near = np.zeros(len(shots), bool)
    for cut in np.flatnonzero(np.diff(shots)) + 1:
        near[max(cut - frames, 0) : cut + frames] = True
    return near


@dataclass(frozen=True)
class _Seen:
    """Frames in a row in which the driver is seen, smoothed.

    Attributes:
        heads: n head transforms in px of the driver's picture.
        shape: (n, 478, 3) float32 canonical shape.
    """

    heads: list[HeadTransform]
    shape: np.ndarray


def _measure(landmarks: np.ndarray) -> _Seen:
    """(n, 478, 3) px → heads and shapes."""
    fitted = [fit_head(points) for points in landmarks]
    shape = np.stack([head.invert(points) for head, points in zip(fitted, landmarks, strict=True)])
    heads = smooth_heads(
        rotation=np.stack([head.rotation for head in fitted]),
        translation=np.stack([head.translation for head in fitted]),
        scale=np.array([head.scale for head in fitted]),
    )
    return _Seen(heads, smooth_shape(shape))


def rest_until(motion: Motion, seconds: float) -> Motion:
    """The motion, and after its end as much rest as makes it so long, where it is shorter."""
    missing = round(seconds * motion.fps) - len(motion)
    if missing <= 0:
        return motion
    known = np.arange(len(motion) + missing) < len(motion)

    def extend(values: np.ndarray, channels: slice) -> np.ndarray:
        return fill_gaps(np.pad(values, ((0, missing), (0, 0))), known, channels)

    return Motion(
        extend(motion.pose, slice(POSE_DIM)),
        extend(motion.dynamics, slice(POSE_DIM, None)),
        motion.fps,
    )


def with_tongue_heard(motion: Motion, path: Path) -> Motion:
    """The driver's motion with the tongue that the driver's speech tells of; no camera sees it."""
    gain = speech_gain(read_blocks(path))
    tongue = speech_tongue(read_blocks(path), gain=gain)[: len(motion)]
    missing = len(motion) - len(tongue)
    return replace(motion, tongue=np.pad(tongue, ((0, missing), (0, 0))))
