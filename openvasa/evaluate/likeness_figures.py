"""How much a face moves, read off a track of it, and how like a person's that amount is.

A spread is the standard deviation within a clip. Everything is read off the tracker's raw frames,
without a filter: a filter would hide what trembles. Lengths are in % of the distance between the
outer eye corners, so that faces of every size compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

import cv2
import numpy as np

from openvasa.data.prepare import Track
from openvasa.face.canonical import TURN, HeadTransform
from openvasa.face.dynamics import dynamics_code, lid_gap
from openvasa.face.gaze import eye_gaze
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.motion.row import Row
from openvasa.rates import MOTION_RATE

SHUT, OPEN = 0.45, 0.7
"""Shares of the usual lid opening: a blink goes below the first, the next one only after the lids
were above the second. What trembles around one threshold counts once."""
LARGEST_GAZE = 45.0
"""Degrees from rest that eyes can turn; what a tracker reads beyond is no gaze."""

_EYE_CORNERS = (33, 263)
_INNER_LIPS = (13, 14)
_MOUTH_CORNERS = (61, 291)

_BLENDSHAPES = MappingProxyType(
    {
        "pucker": ("mouthPucker",),
        "funnel": ("mouthFunnel",),
        "smile": ("mouthSmileLeft", "mouthSmileRight"),
        "press": ("mouthPressLeft", "mouthPressRight"),
        "brow_up": ("browInnerUp",),
        "brow_down": ("browDownLeft", "browDownRight"),
        "squint": ("eyeSquintLeft", "eyeSquintRight"),
    }
)
"""Trace → the blendshapes that it is the mean of."""


@dataclass(frozen=True)
class Traces:
    """What is read off a track in every frame, T frames at 25 fps.

    Attributes:
        angles: (T, 3) yaw, pitch and roll of the head, degrees.
        steps: (T - 1,) angle between the heads of adjacent frames, degrees.
        lids: (T,) opening of both eyes, 1 is usual.
        gaze: (T, 2) yaw and pitch of the eyes in the head against their usual ones, degrees.
        aperture, width: (T,) gap between the lips, distance of the mouth's corners, %.
        shapes: blendshapes in 0–1, (T,) each, by the names of `Figures`.
    """

    angles: np.ndarray
    steps: np.ndarray
    lids: np.ndarray
    gaze: np.ndarray
    aperture: np.ndarray
    width: np.ndarray
    shapes: MappingProxyType[str, np.ndarray]


@dataclass(frozen=True)
class Figures:
    """How much a face moves.

    Attributes:
        yaw, pitch, roll: spread of the head's angles, degrees.
        pose_change: ΔP, mean angle between the heads of adjacent frames, degrees.
        blinks: a minute.
        aperture, width: spread of the lips' gap and of the mouth's width, %.
        pucker, funnel, smile, press: spread of these blendshapes of the mouth.
        brow_up, brow_down, squint: spread of these blendshapes around the eyes.
        gaze: spread of the eyes' yaw and pitch, both together, degrees, while eyes are open;
            nan where none is seen.
    """

    yaw: float
    pitch: float
    roll: float
    pose_change: float
    blinks: float
    aperture: float
    width: float
    pucker: float
    funnel: float
    smile: float
    press: float
    brow_up: float
    brow_down: float
    squint: float
    gaze: float


JUDGED = ("yaw", "pitch", "roll", "pose_change", "blinks") + (
    ("aperture", "width", "pucker", "smile", "brow_up")
)
"""The figures that likeness is the mean over."""


def read_traces(canonical: np.ndarray, rotation: np.ndarray, blendshapes: np.ndarray) -> Traces:
    """Read a track: (T, 478, 3) canonical shapes, (T, 3, 3) head to camera, (T, 52) in 0–1."""
    span = _distance(canonical, _EYE_CORNERS)
    lids = lid_gap(canonical)
    gaze = eye_gaze(canonical - np.median(canonical, axis=0))
    return Traces(
        angles=np.stack([HeadTransform(r, 1.0, np.zeros(3)).euler_degrees for r in rotation]),
        steps=_angles_between(rotation[:-1], rotation[1:]),
        lids=lids / np.median(lids),
        gaze=np.degrees(gaze),
        aperture=100 * _distance(canonical, _INNER_LIPS) / span,
        width=100 * _distance(canonical, _MOUTH_CORNERS) / span,
        shapes=MappingProxyType(
            {
                name: blendshapes[:, [BLENDSHAPE_NAMES.index(part) for part in parts]].mean(axis=1)
                for name, parts in _BLENDSHAPES.items()
            }
        ),
    )


def traces_of_track(track: Track) -> Traces:
    """The traces of a tracked video."""
    return read_traces(track.canonical, track.rotation, track.blendshapes)


def traces_of_rows(rows: np.ndarray) -> Traces:
    """What (T, 6 + D) rows of motion would show on the mean face, without any picture.

    Blendshapes are the dynamics code's linear reading, so that figures compare only with those of
    other rows.
    """
    code, row = dynamics_code(), Row.split(rows)
    turns = row.pose[:, TURN].astype(np.float64)
    rotation = np.stack([cv2.Rodrigues(turn)[0] for turn in turns])
    shapes = code.mean_shape + code.decode(row.codes)
    return read_traces(shapes, rotation, code.read_arkit(row.codes))


def _distance(points: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    return np.linalg.norm(points[:, pair[0]] - points[:, pair[1]], axis=1)


def _angles_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between (n, 3, 3) rotations."""
    cosine = (np.einsum("nij,nij->n", a, b) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def count_blinks(lids: np.ndarray) -> int:
    """Dips of a (T,) lid opening, 1 is usual."""
    count, awake = 0, True
    for opening in lids:
        if awake and opening < SHUT:
            count, awake = count + 1, False
        elif opening > OPEN:
            awake = True
    return count


def measure_traces(traces: Traces) -> Figures:
    """The figures of one clip."""
    yaw, pitch, roll = traces.angles.std(axis=0)
    awake = traces.gaze[(traces.lids > OPEN) & (abs(traces.gaze) < LARGEST_GAZE).all(axis=1)]
    return Figures(
        yaw=float(yaw),
        pitch=float(pitch),
        roll=float(roll),
        pose_change=float(traces.steps.mean()),
        blinks=count_blinks(traces.lids) * 60 * MOTION_RATE / len(traces.lids),
        aperture=float(traces.aperture.std()),
        width=float(traces.width.std()),
        gaze=float(np.sqrt(awake.var(axis=0).sum())) if len(awake) else np.nan,
        **{name: float(trace.std()) for name, trace in traces.shapes.items()},
    )


def mean_figures(found: Sequence[Figures], weights: Sequence[float]) -> Figures:
    """Weighted mean of the figures of several clips, each over those that have it."""
    return Figures(
        **{
            f.name: _mean_known(np.array([getattr(one, f.name) for one in found]), weights)
            for f in fields(Figures)
        }
    )


def _mean_known(values: np.ndarray, weights: Sequence[float]) -> float:
    known = ~np.isnan(values)
    return (
        float(np.average(values[known], weights=np.array(weights)[known]))
        if known.any()
        else np.nan
    )


def likeness_parts(made: Figures, real: Figures) -> dict[str, float]:
    """max(0, 1 - |made - real| / real) of each of the judged figures, by name."""
    parts = {}
    for name in JUDGED:
        wanted = getattr(real, name)
        parts[name] = max(0.0, 1 - abs(getattr(made, name) - wanted) / max(wanted, 1e-9))
    return parts


def likeness(made: Figures, real: Figures) -> float:
    """How like people's the amount of movement is, 0–1 (the form of THEval, arXiv:2511.04520).

    Both are means over the same clips. It asks how much, not when: the motion of another person
    scores well here and badly in sync.
    """
    return float(np.mean(list(likeness_parts(made, real).values())))
