"""Motion that goes round: its end runs on into its beginning.

A longer motion has many pairs of moments that are so many frames apart and much alike. Between the
two stretches of the most alike pair, one fades into the other (video textures, Schödl et al.,
SIGGRAPH 2000, for one loop).
"""

from __future__ import annotations

import numpy as np

from openvasa.errors import InputError
from openvasa.maths import smoothstep
from openvasa.motion.motion import Motion
from openvasa.motion.resample import interpolate

FADE_S = 0.8
"""How long one stretch fades into the other: longer than a blink lasts, so that a blink in one of
them alone is unlike the other."""

STEP_WEIGHT = 25.0
"""A second has so many steps: a seam that steps along as fast as the motion would for a second is
as bad as one whose ends lie so far apart."""

NEIGHBOURS = 3
"""Rows beyond each end that interpolation may look at."""


def loop_motion(motion: Motion, seconds: float) -> Motion:
    """A part of a motion, `seconds` long, whose last frame runs on into its first.

    Args:
        motion: longer than the loop by the fade at least; by more, the better the ends fit.
        seconds: length of the loop, longer than the fade.

    Raises:
        InputError: the motion is too short for such a loop, or the loop for its fade.
    """
    rows, count = motion.rows(), round(seconds * motion.fps)
    fade = max(round(FADE_S * motion.fps), 2)
    if count <= fade:
        raise InputError(f"seconds {seconds:g}: choose more than {FADE_S:g} for a loop")
    if len(rows) < count + fade:
        raise InputError(
            f"a motion of {motion.seconds:.1f} s is too short for a loop of {seconds:g} s; "
            f"give one of {seconds + FADE_S:.1f} s at least"
        )
    start = _most_alike(rows, count, fade)
    begins = rows[start : start + fade]
    ends = rows[start + count : start + count + fade]
    share = smoothstep(0, 1, np.arange(1, fade + 1) / (fade + 1))[:, None]
    seam = ends + share * (begins - ends)
    looped = np.concatenate([rows[start + fade : start + count], seam]).astype(np.float32)
    return Motion.from_rows(looped, motion.fps)


def resample_loop(motion: Motion, fps: float) -> Motion:
    """A loop at another rate: between its last row and its first as between any two.

    A whole number of rows goes round, so that the loop may be faster or slower by part of a row.
    """
    rows = motion.rows()
    count = max(round(len(rows) * fps / motion.fps), 1)
    around = np.pad(rows, ((NEIGHBOURS, NEIGHBOURS), (0, 0)), mode="wrap")
    at = (np.arange(count) + 0.5) * len(rows) / count - 0.5
    return Motion.from_rows(interpolate(around, at + NEIGHBOURS), fps)


def _most_alike(rows: np.ndarray, count: int, fade: int) -> int:
    """The row at which a stretch of `fade` rows is most like the one `count` rows later.

    The step from the last frame to the first, which follows the fade, counts as much as the rest
    of it: where a portrait holds still, nobody sees a seam.
    """
    spread = rows.std(axis=0)
    scaled = rows / np.where(spread > 0, spread, 1)
    apart = ((scaled[count:] - scaled[:-count]) ** 2).sum(axis=1)
    unlike = np.convolve(apart, np.ones(fade) / fade, mode="valid")
    steps = (np.diff(scaled, axis=0) ** 2).sum(axis=1)
    return int(np.argmin(unlike + steps[fade - 1 :][: len(unlike)] * STEP_WEIGHT))
