"""Edit motion: take pose and expression apart, turn, stretch, blend, and add blendshapes.

Because the latent keeps head pose, facial dynamics and identity apart, every edit is arithmetic on
one of them and carries over to any portrait. All functions return a new `Motion`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from openvasa.errors import InputError
from openvasa.face.canonical import PITCH, YAW
from openvasa.face.dynamics import dynamics_code
from openvasa.face.landmarker import BLENDSHAPE_NAMES, find_blendshapes
from openvasa.motion.motion import Motion
from openvasa.motion.resample import interpolate

SPIN_SECONDS = 4.0
STRETCHES = (0.25, 4.0)


def keep_pose(motion: Motion, expression: np.ndarray | None = None) -> Motion:
    """The head's movement on a face at rest, or with one (D,) expression throughout."""
    held = np.zeros_like(motion.dynamics)
    if expression is not None:
        held = held + expression.astype(np.float32)
    return Motion(motion.pose, held, motion.fps)


def keep_expression(motion: Motion) -> Motion:
    """The face's movement on a still head."""
    return replace(motion, pose=np.zeros_like(motion.pose))


def take_pose(motion: Motion, other: Motion) -> Motion:
    """The face of one motion on the head of another, over and over if that is shorter."""
    pose = _repeat_to(other.resample(motion.fps).pose, len(motion))
    return replace(motion, pose=pose)


def take_expression(motion: Motion, other: Motion) -> Motion:
    """The head of one motion with the face of another, over and over if that is shorter."""
    other = other.resample(motion.fps)
    dynamics, tongue = (_repeat_to(v, len(motion)) for v in (other.dynamics, other.tongue))
    return replace(motion, dynamics=dynamics, tongue=tongue)


def spin_head(motion: Motion, degrees: float, seconds: float = SPIN_SECONDS) -> Motion:
    """The face on a head that circles, `degrees` to the sides and half as far up and down."""
    angle = 2 * np.pi * np.arange(len(motion)) / (motion.fps * seconds)
    pose = np.zeros_like(motion.pose)
    # It sets out from straight ahead.
    start = np.minimum(angle / (np.pi / 2), 1)
    pose[:, YAW] = np.radians(degrees) * np.sin(angle)
    pose[:, PITCH] = np.radians(degrees) / 2 * np.cos(angle) * start
    return replace(motion, pose=pose)


def scale_parts(motion: Motion, *, pose: float = 1.0, expression: float = 1.0) -> Motion:
    """Move the head or the face more or less."""
    face = np.float32(expression)
    return replace(
        motion,
        pose=motion.pose * np.float32(pose),
        dynamics=motion.dynamics * face,
        tongue=motion.tongue * face,
    )


def stretch_time(motion: Motion, factor: float) -> Motion:
    """The same motion in `factor` times the time, 0.25 to 4."""
    if not STRETCHES[0] <= factor <= STRETCHES[1]:
        raise InputError(f"stretch {factor:g}: choose {STRETCHES[0]:g} to {STRETCHES[1]:g}")
    count = max(1, round(len(motion) * factor))
    if len(motion) < 2:
        return motion
    values = interpolate(motion.rows(), np.linspace(0, len(motion) - 1, count))
    return Motion.from_rows(values, motion.fps)


def blend_motions(motion: Motion, other: Motion, share: float = 0.5) -> Motion:
    """Between two motions: 0 is the first, 1 the second; as long as the shorter."""
    if not 0 <= share <= 1:
        raise InputError(f"blend {share:g}: the share of the other motion is 0 to 1")
    other = other.resample(motion.fps)
    count = min(len(motion), len(other))
    weight = np.float32(share)
    rows = motion.rows()[:count] * (1 - weight) + other.rows()[:count] * weight
    return Motion.from_rows(rows, motion.fps)


def add_blendshapes(motion: Motion, added: Mapping[str, float]) -> Motion:
    """Add constant amounts of ARKit blendshapes, −1 to 1; a name without side means both sides."""
    amounts = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
    for name, amount in added.items():
        sides = find_blendshapes(name)
        if not sides:
            raise InputError(f"{name}: not an ARKit blendshape; use a name such as jawOpen")
        if not -1 <= amount <= 1:
            raise InputError(f"{name} {amount:g}: choose -1 to 1")
        amounts[sides] += amount
    shift = dynamics_code().from_arkit(amounts)
    return replace(motion, dynamics=motion.dynamics + shift)


def _repeat_to(values: np.ndarray, count: int) -> np.ndarray:
    """(T, n) rows repeated there and back, so that nothing jumps, to `count` rows."""
    if len(values) >= count:
        return values[:count]
    period = np.concatenate([values, values[-2:0:-1]]) if len(values) > 2 else values
    return period[np.arange(count) % len(period)]
