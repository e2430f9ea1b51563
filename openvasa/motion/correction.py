"""What is done to generated motion beside the network, and why, as a list for each mode.

`WHOLE_FILE` and `LIVE` are applied in their order by `apply_corrections`, each at its stage. To
measure one, generate without it: `openvasa evaluate motion --without NAME`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache, partial

import numpy as np

from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code, lid_gap, lip_gap
from openvasa.maths import smoothstep
from openvasa.motion.articulation import PRESS, REACH
from openvasa.motion.config import load_motion_config
from openvasa.motion.controls import DISTANCE, GROUPS, stressed
from openvasa.motion.motion import POSE_DIM
from openvasa.motion.smoothing import smoothed
from openvasa.motion.space import HOP_NETWORK_FILE, NETWORK_FILE, MotionSpace, motion_space
from openvasa.rates import MOTION_RATE

TREMBLE_HZ, TREMBLE_RELEASE = 1.0, 3.0
"""Cut-off of a resting code, and how it rises with the code's speed (deviations a second)."""
NEARLY_SHUT, WIDE_AWAKE, SHUT_BY = 0.5, 0.72, 0.1
"""Lid openings, of a resting face's, below which lids go on to shut by `SHUT_BY`, and above which
they stay as they are."""
PRESS_FROM, PRESS_FULL = 0.15, 0.45
"""Reading at which lips begin to close for p, b and m, and from which on they are closed."""
REACH_FROM, REACH_FULL, LET_THROUGH = 0.3, 0.7, 0.4
"""Reading at which lips begin to part for the tongue's tip (th), from which on they let it through,
and the lip gap that takes, canonical units (4 mm): three quarters of the real mouths of the
training clips are open as far or farther there."""
CODE_LIMIT = 6.0
"""Standard deviations; real motion lies within."""
DYNAMICS_JOIN_FRAMES, POSE_JOIN_FRAMES = 6, 25
"""Frames over which what is left of a step between two windows of a file is spread: lips must soon
follow the speech again, the head has time."""
POSE_JOIN_HOPS = 4
"""Hops over which what is left of a step of the head between two hops is spread. The face has no
such step worth spreading: the network saw the frames before, and a short hop would be all join."""


class Stage(Enum):
    """When a correction is applied."""

    PREDICTION = "to every prediction of clean motion while it is sampled, normalised"
    WINDOW = "to a sampled window, normalised; the next window sees the result"
    ROWS = "to the rows that leave, not normalised; the next window does not see the result"


@dataclass(frozen=True)
class Moment:
    """What a correction may look at besides the motion of n frames that it corrects.

    Attributes:
        space: the network's normalised motion.
        context: (context, 6 + D) normalised motion before the window.
        values, known: (n, CONTROL_DIM) and (3,), the controls; see `Controls.rows`.
        hop: frames kept of the window.
        reading: (n, ARTICULATION_DIM) what the articulation reader hears; at stage ROWS only.
    """

    space: MotionSpace
    context: np.ndarray
    values: np.ndarray
    known: np.ndarray
    hop: int
    reading: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))


@dataclass(frozen=True)
class Correction:
    """One thing that is done to generated motion.

    Attributes:
        name: by which it is left out.
        reason: what the network does without it.
        stage: when it is applied.
        apply: (n, 6 + D) motion and its moment → the same shape.
    """

    name: str
    reason: str
    stage: Stage
    apply: Callable[[np.ndarray, Moment], np.ndarray]


def apply_corrections(
    corrections: Iterable[Correction], stage: Stage, motion: np.ndarray, moment: Moment
) -> np.ndarray:
    """(n, 6 + D) motion after those of the corrections that belong to a stage, in their order."""
    for correction in corrections:
        if correction.stage is stage:
            motion = correction.apply(motion, moment)
    return motion


def leave_out(corrections: tuple[Correction, ...], names: Iterable[str]) -> tuple[Correction, ...]:
    """The corrections without some.

    Raises:
        InputError: there is none of such a name.
    """
    known = [correction.name for correction in corrections]
    for name in names:
        if name not in known:
            raise InputError(f"correction {name}: unknown; choose of {', '.join(known)}")
    return tuple(correction for correction in corrections if correction.name not in set(names))


def limit_codes(motion: np.ndarray, moment: Moment) -> np.ndarray:
    """Motion within `CODE_LIMIT` deviations."""
    return np.clip(motion, -CODE_LIMIT, CODE_LIMIT)


def keep_distance(motion: np.ndarray, moment: Moment) -> np.ndarray:
    """Motion whose mean head distance is the one asked for."""
    if not moment.known[GROUPS.index(DISTANCE)]:
        return motion
    motion = motion.copy()
    space, at = moment.space, POSE_DIM - 1
    distance = motion[:, at] * space.deviation[at] + space.mean[at]
    missing = moment.values[:, DISTANCE].mean() - distance.mean()
    motion[:, at] += missing / space.deviation[at]
    return motion


def smooth_pose(motion: np.ndarray, moment: Moment, *, width: int) -> np.ndarray:
    """Motion whose head pose is filtered as the tracked poses of the training clips are."""
    pose = np.concatenate([moment.context, motion])[:, :POSE_DIM]
    steady = smoothed(pose, width, 2).astype(np.float32)[len(moment.context) :]
    return np.hstack([steady, motion[:, POSE_DIM:]])


def steady_codes(motion: np.ndarray, moment: Moment) -> np.ndarray:
    """Motion without the trackers' tremble on a resting face."""
    codes = remove_tremble(motion[:, POSE_DIM:], moment.context[-1, POSE_DIM:])
    return np.hstack([motion[:, :POSE_DIM], codes])


def remove_tremble(codes: np.ndarray, before: np.ndarray) -> np.ndarray:
    """One-euro filter (Casiez, Roussel & Vogel, CHI 2012): slow where a code rests, quick where it
    moves, so that speech and blinks lose next to nothing.

    Args:
        codes: (n, D) normalised dynamics, 25 frames a second.
        before: (D,) the frame before them, filtered.
    """
    steady = np.empty_like(codes)
    for frame, code in enumerate(codes):
        cutoff = TREMBLE_HZ + TREMBLE_RELEASE * MOTION_RATE * np.abs(code - before)
        before = before + (code - before) / (1 + MOTION_RATE / (2 * np.pi * cutoff))
        steady[frame] = before
    return steady


def meet_lips(motion: np.ndarray, moment: Moment, *, nearly_met: float) -> np.ndarray:
    """Motion whose lips meet where they nearly do; see `close_nearly_met_lips`."""
    mean, deviation = moment.space.mean[POSE_DIM:], moment.space.deviation[POSE_DIM:]
    codes = close_nearly_met_lips(motion[:, POSE_DIM:] * deviation + mean, nearly_met)
    return np.hstack([motion[:, :POSE_DIM], (codes - mean) / deviation])


def close_nearly_met_lips(codes: np.ndarray, nearly_met: float) -> np.ndarray:
    """Let lips that nearly meet, meet: (n, D) → (n, D) float32 dynamics.

    Below `nearly_met`, canonical units, generated lip gaps are brought to the distribution of real
    ones.
    """
    gap = codes @ _lip_opening()[0]
    return _bring_lips(codes, gap, _narrow_gap(gap, smoothstep(0, nearly_met, gap)))


def join_window(motion: np.ndarray, moment: Moment) -> np.ndarray:
    """Motion of a file's window that starts where the one before was heading."""
    step = head_on(moment.context) - motion[0]
    length = np.full(len(step), DYNAMICS_JOIN_FRAMES, np.float32)
    length[:POSE_DIM] = POSE_JOIN_FRAMES
    return motion + step * _fade(np.arange(len(motion)), length)


def join_head(motion: np.ndarray, moment: Moment) -> np.ndarray:
    """Motion of a hop whose head starts near where it was heading.

    Already the first frame keeps a part of its own: one that only followed the frames before would,
    in hops of one frame, never move again.
    """
    step = head_on(moment.context) - motion[0]
    step[POSE_DIM:] = 0
    length = np.array(POSE_JOIN_HOPS * moment.hop, np.float32)
    return motion + step * _fade(np.arange(1, len(motion) + 1), length)


def head_on(context: np.ndarray) -> np.ndarray:
    """(6 + D,) where (context, 6 + D) motion goes next, half of its last step on."""
    return 1.5 * context[-1] - 0.5 * context[-2]


def _fade(frames: np.ndarray, length: np.ndarray) -> np.ndarray:
    at = frames.astype(np.float32)[:, None]
    return (1 + np.cos(np.pi * np.minimum(at / length, 1))) / 2


def exaggerate_emotion(motion: np.ndarray, moment: Moment) -> np.ndarray:
    """Motion whose emotion people can name; see `controls.stressed`."""
    return stressed(motion, moment.values)


def shut_lids(motion: np.ndarray, moment: Moment) -> np.ndarray:
    """Motion whose lids shut where they nearly do; see `shut_nearly_shut_lids`."""
    return np.hstack([motion[:, :POSE_DIM], shut_nearly_shut_lids(motion[:, POSE_DIM:])])


def shut_nearly_shut_lids(codes: np.ndarray) -> np.ndarray:
    """Let lids that nearly shut, shut: (n, D) → (n, D) float32 dynamics.

    A blink lasts five frames; unsure which of them is the lowest, a network makes a shallow one.
    """
    reading, step = _lid_opening()
    opening = 1 + codes @ reading
    further = SHUT_BY * smoothstep(WIDE_AWAKE, NEARLY_SHUT, opening)
    further = np.minimum(further, np.maximum(opening, 0))
    return (codes - further[:, None] * step).astype(np.float32)


def articulate_lips(motion: np.ndarray, moment: Moment) -> np.ndarray:
    """Motion whose lips close for p, b and m and part where the tongue comes out."""
    codes, reading = motion[:, POSE_DIM:], moment.reading
    let_through = LET_THROUGH * smoothstep(REACH_FROM, REACH_FULL, reading[:, REACH])
    pressed = smoothstep(PRESS_FROM, PRESS_FULL, reading[:, PRESS])
    gap = codes @ _lip_opening()[0]
    wanted = _narrow_gap(np.maximum(gap, let_through), 1 - pressed)
    return np.hstack([motion[:, :POSE_DIM], _bring_lips(codes, gap, wanted)])


@lru_cache(maxsize=1)
def _lid_opening() -> tuple[np.ndarray, np.ndarray]:
    """(D,) float32 each: reads the opening of the lids off a code, 0 at rest and −1 shut, and the
    code that opens them by 1, with what goes with the lids in people, the mouth apart."""
    code = dynamics_code()
    reading = lid_gap(code.basis) / lid_gap(code.mean_shape)
    step = motion_space().deviation[POSE_DIM:] ** 2 * reading
    step = step - code.mouth_projection() @ step
    return reading, step / (reading @ step)


def _narrow_gap(gap: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(n,) lip gaps of which a share is kept; closed lips stay as they are."""
    return gap - np.maximum(gap, 0) * (1 - kept)


def _bring_lips(codes: np.ndarray, gap: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(n, D) float32 codes whose (n,) lip gaps are brought to other ones."""
    return (codes + (wanted - gap)[:, None] * _lip_opening()[1]).astype(np.float32)


@lru_cache(maxsize=1)
def _lip_opening() -> tuple[np.ndarray, np.ndarray]:
    """(D,) float32 each: reads the lip gap off a code, and the code that opens it by one unit and
    moves mouth and jaw only."""
    code = dynamics_code()
    reading = lip_gap(code.basis)
    step = code.mouth_projection() @ reading
    return reading, step / (reading @ step)


_FILE = load_motion_config(NETWORK_FILE.with_suffix(".json")).sampling
_STREAM = load_motion_config(HOP_NETWORK_FILE.with_suffix(".json")).sampling

LIMIT = Correction(
    "limit_codes",
    "strange audio throws the face further than any face goes",
    Stage.PREDICTION,
    limit_codes,
)
DISTANCE_KEPT = Correction(
    # After the limit: a distance asked for lies far outside what people do by themselves.
    "keep_distance",
    "the head only nears the distance asked for",
    Stage.PREDICTION,
    keep_distance,
)
TREMBLE = Correction(
    "steady_codes",
    "a resting face trembles as the trackers of the training clips do",
    Stage.WINDOW,
    steady_codes,
)
EMOTION = Correction(
    "exaggerate_emotion",
    "emotions show as talking clips bear them, too little for people to name",
    Stage.ROWS,
    exaggerate_emotion,
)
LIDS = Correction(
    # At stage ROWS: a generator that sees its own eyes shut further goes on shutting them.
    "shut_lids",
    "blinks stop halfway",
    Stage.ROWS,
    shut_lids,
)
ARTICULATION = Correction(
    "articulate_lips",
    "lips close by halves for p, b and m, and stay shut where the tongue comes out",
    Stage.ROWS,
    articulate_lips,
)


def _smoothing(width: int) -> Correction:
    reason = "the head shakes, as raw tracked poses do"
    return Correction("smooth_pose", reason, Stage.WINDOW, partial(smooth_pose, width=width))


def _meeting(nearly_met: float) -> Correction:
    reason = "lips that should meet stay a little apart"
    apply = partial(meet_lips, nearly_met=nearly_met)
    return Correction("meet_lips", reason, Stage.WINDOW, apply)


WHOLE_FILE = (
    LIMIT,
    DISTANCE_KEPT,
    _smoothing(_FILE.pose_filter_frames),
    TREMBLE,
    _meeting(_FILE.nearly_met),
    Correction("join", "windows start with a step", Stage.WINDOW, join_window),
    EMOTION,
    LIDS,
    ARTICULATION,
)
LIVE = (
    LIMIT,
    DISTANCE_KEPT,
    _smoothing(_STREAM.pose_filter_frames),
    TREMBLE,
    _meeting(_STREAM.nearly_met),
    Correction("join", "the head jolts from hop to hop", Stage.WINDOW, join_head),
    EMOTION,
    LIDS,
    ARTICULATION,
)
