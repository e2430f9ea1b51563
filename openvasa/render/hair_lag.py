"""Loose hair follows the head late: the pose that its free ends still take the head to have.

A lock hangs from the skull like a rod from a hinge. For small swings, the point at two thirds of a
rod's length moves as a simple pendulum of that length does (its centre of oscillation). Air and
other hair brake it. So each number y of the pose that hair trails obeys

    y'' + 2 ζ ω y' + ω² (y - x) = 0,    ω² = g / (2/3 L),

where x is the head's own. Between two frames the head is taken to move evenly. The equation then
has a solution in closed form, so frames of any rate, also uneven ones, lie on the same curve.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from openvasa.errors import InputError
from openvasa.face.canonical import POSE_DIM

GRAVITY = 981.0
"""cm/s²."""

FREE_LENGTH = 18.0
"""Cm of hair that hangs free: from the lobes of the ears, where it leaves the skull, to where it
comes to lie on the shoulders."""

PENDULUM_LENGTH = FREE_LENGTH * 2 / 3
"""Cm from a lock's root to its centre of oscillation, where it trails as far as its pose says."""

NATURAL_RATE = float(np.sqrt(GRAVITY / PENDULUM_LENGTH))
"""ω, rad/s: 1.4 swings a second, the frequency that is known of pony tails (Keller, SIAM J. Appl.
Math. 70(7), 2010)."""

DAMPING_RATIO = float(np.sqrt(0.5))
"""ζ, the least with which no movement of the head swings hair wider than the head itself moves.
A single hair in air is damped more (0.9 by Lamb's drag on a cylinder of 0.07 mm at 10 cm/s), a
closed lock, whose hairs share the air, less."""

FASTEST = 12.0
"""Rad or face widths a second beyond which the pose has jumped rather than moved: people turn their
heads by less than 700° a second."""

LONGEST_GAP = 0.5
"""Seconds between frames after which hair has come to rest, as far as anybody can tell."""

LEAST, MOST, USUAL = 0.0, 2.0, 1.0
"""How far loose hair may be asked to stay behind, and how far it does unless it is asked."""


def check_hair_lag(amount: float) -> None:
    """Raise InputError unless an amount of lag is in range."""
    if not LEAST <= amount <= MOST:
        raise InputError(
            f"hair lag {amount:g}: choose {LEAST:g} to {MOST:g}; {LEAST:g} moves hair with the head"
        )


class HairLag:
    """The pose that loose hair trails, frame after frame of one shot; used by one thread.

    Args:
        amount: how far hair stays behind: 0 not at all, 1 as a lock of `FREE_LENGTH` does.
    """

    def __init__(self, amount: float = USUAL) -> None:
        check_hair_lag(amount)
        self._amount = amount
        self._time: float | None = None
        self._pose = self._trailed = self._speed = np.zeros(POSE_DIM)

    def follow(self, pose: np.ndarray, time_s: float) -> np.ndarray:
        """(6,) float64 pose that hair trails at a moment, from the head's own (6,) `pose`.

        Hair starts at rest, and again after a cut, a jump back in time or a long gap.

        Args:
            pose: head pose, as in `openvasa.face.canonical.pose_between`.
            time_s: seconds from any origin.
        """
        pose = np.asarray(pose, np.float64)
        passed = 0.0 if self._time is None else time_s - self._time
        self._time = time_s
        moved = pose - self._pose
        if not 0 < passed <= LONGEST_GAP or np.abs(moved).max() > FASTEST * passed:
            self._trailed, self._speed = pose, np.zeros(POSE_DIM)
        else:
            self._trailed, self._speed = trail(
                self._trailed, self._speed, self._pose, moved / passed, passed
            )
        self._pose = pose
        return pose + self._amount * (self._trailed - pose)


def trail(
    trailed: np.ndarray, speed: np.ndarray, pose: np.ndarray, velocity: np.ndarray, seconds: float
) -> tuple[np.ndarray, np.ndarray]:
    """What becomes of a trailed pose and its speed while the head moves evenly.

    Args:
        trailed, speed: (6,) at the beginning, and its change a second.
        pose, velocity: (6,) the head's own at the beginning, and its change a second.
        seconds: how long it moves.
    """
    decay = DAMPING_RATIO * NATURAL_RATE
    swing = NATURAL_RATE * np.sqrt(1 - DAMPING_RATIO**2)
    # Hair that follows an even movement is behind by as much all the time; the rest swings out.
    behind = 2 * DAMPING_RATIO / NATURAL_RATE * velocity
    offset, rate = trailed - pose + behind, speed - velocity
    cos, sin = np.cos(swing * seconds), np.sin(swing * seconds)
    left = np.exp(-decay * seconds)
    late = (rate + decay * offset) / swing
    now = left * (cos * offset + sin * late)
    change = left * ((swing * late - decay * offset) * cos - (swing * offset + decay * late) * sin)
    return pose + velocity * seconds - behind + now, velocity + change


def trailed_poses(
    poses: Iterable[np.ndarray],
    fps: float,
    amount: float,
    before: Iterable[np.ndarray] = (),
) -> Iterator[np.ndarray | None]:
    """The poses that hair trails in a video, in order; None throughout for an amount of 0.

    Args:
        poses: (6,) head pose of each frame; numbers after the sixth are left alone.
        fps: frames a second.
        amount: as in `HairLag`.
        before: poses that the head had before the first of them.
    """
    lag = HairLag(amount)
    number = 0
    for pose in before:
        lag.follow(pose[:POSE_DIM], number / fps)
        number += 1
    for pose in poses:
        yield lag.follow(pose[:POSE_DIM], number / fps) if amount > 0 else None
        number += 1
