"""From a driver's tracked face and speech to motion that any portrait can play.

What moves is measured against the driver at rest (`openvasa.motion.rest`), so that the motion
carries over to a portrait with another face and another way to hold the head.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.capture.tracking import DriverTrack
from openvasa.face.canonical import fit_head
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.articulation import speech_tongue
from openvasa.motion.motion import Motion
from openvasa.motion.rest import head_poses, resting_shape, smooth_shape
from openvasa.rates import MOTION_RATE


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


def with_tongue_heard(motion: Motion, path: Path) -> Motion:
    """The driver's motion with the tongue that the driver's speech tells of; no camera sees it."""
    gain = speech_gain(read_blocks(path))
    tongue = speech_tongue(read_blocks(path), gain=gain)[: len(motion)]
    missing = len(motion) - len(tongue)
    return replace(motion, tongue=np.pad(tongue, ((0, missing), (0, 0))))
