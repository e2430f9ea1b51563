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

SLOWED, SLOWED_S = 0.65, 0.25
"""By how much of its speed a loop slows down where it begins again, and over how long: its last
frame is then within a px of its first."""

HEAD_RETURN_S, FACE_RETURN_S = 1.0, 0.3
"""How long the head takes back to where it began, and the face: a head swings, lips close quickly,
and what is said in that time is not seen."""

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
    looped = np.concatenate([rows[start + fade : start + count], seam])
    return Motion.from_rows(_slow_at_seam(looped, motion.fps), motion.fps)


def return_to_start(motion: Motion) -> Motion:
    """A motion that ends as it begins, of the same length: speech that is shown again and again.

    Head and face ease back to the first row over the motion's last moments, at most its last half.
    """
    rows, pose = motion.rows().copy(), motion.pose.shape[1]
    first = rows[0].copy()
    for part, seconds in ((slice(0, pose), HEAD_RETURN_S), (slice(pose, None), FACE_RETURN_S)):
        count = min(max(round(seconds * motion.fps), 1), (len(rows) + 1) // 2)
        share = smoothstep(0, 1, np.arange(1, count + 1) / count)[:, None]
        rows[-count:, part] += share * (first[part] - rows[-count:, part])
    return Motion.from_rows(rows, motion.fps)


def resample_loop(motion: Motion, fps: float) -> Motion:
    """A loop at another rate: between its last row and its first as between any two.

    A whole number of rows goes round, so that the loop may be faster or slower by part of a row.
    """
    rows = motion.rows()
    count = max(round(len(rows) * fps / motion.fps), 1)
    at = (np.arange(count) + 0.5) * len(rows) / count - 0.5
    return Motion.from_rows(_rows_around(rows, at), fps)


def _rows_around(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Rows of a loop at (N,) places between its own."""
    around = np.pad(rows, ((NEIGHBOURS, NEIGHBOURS), (0, 0)), mode="wrap")
    return interpolate(around, at + NEIGHBOURS).astype(np.float32)


def _slow_at_seam(rows: np.ndarray, fps: float) -> np.ndarray:
    """As many rows of a loop that passes from its last row to its first more slowly."""
    count = len(rows)
    after = np.arange(1, count + 1)
    from_seam = np.minimum(after, count - after)
    steps = 1 - SLOWED * np.exp(-((from_seam / (SLOWED_S * fps)) ** 2))
    steps *= count / steps.sum()
    return _rows_around(rows, np.append(0, np.cumsum(steps[:-1])) + (steps[-1] - 1) / 2)


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
