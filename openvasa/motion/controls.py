"""What the user steers while a portrait talks: main gaze, head distance, emotion.

After VASA-1 (Xu et al., arXiv:2404.10667, section 3.2). Each is a constant or a curve over time,
and each may be left to the model. The generator sees them frame by frame as `CONTROL_DIM` numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.face.gaze import eye_directions, eye_gaze, head_gaze, iris_shifts, nearest_codes
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.face.topology import POINTS
from openvasa.motion.motion import POSE_DIM
from openvasa.rates import MOTION_RATE

EMOTIONS = ("happy", "angry", "sad", "surprised")
"""Emotions with an intensity of 0 to 1 each; all zero is neutral."""

GAZE, DISTANCE, EMOTION = slice(0, 2), slice(2, 3), slice(3, 3 + len(EMOTIONS))
GROUPS = (GAZE, DISTANCE, EMOTION)
CONTROL_DIM = 3 + len(EMOTIONS)

LARGEST_GAZE = (35.0, 25.0)
NEAREST, FARTHEST = 0.6, 1.6
LIP_GAPS = {"happy": 0.15, "surprised": 0.5}
"""How far an emotion at full intensity keeps the mouth open, canonical units."""

_EXPRESSIONS: dict[str, dict[str, float]] = {
    "happy": {"mouthSmile": 2.15, "eyeSquint": 0.65},
    "surprised": {"browInnerUp": 1.0, "browOuterUp": 1.25, "eyeWide": 1.0, "jawOpen": 0.15},
}
"""Facial actions of emotions (Ekman & Friesen's EMFACS, as ARKit blendshapes)."""

_STRESSED: dict[str, dict[str, float]] = {
    "happy": {"mouthSmile": 0.35, "eyeSquint": -0.2},
    "surprised": {"browInnerUp": 0.3, "browOuterUp": 0.4, "eyeWide": 0.4},
}
_STRESSED_ANGER = 0.5
_OPENED: dict[str, dict[str, float]] = {"happy": {"jawOpen": 0.08}, "surprised": {"jawOpen": 0.5}}
"""What `stressed` adds: facial actions, a share of the angry face, and a jaw that opens wider."""
_OPEN_GAP = 0.4
"""Lip gap, canonical units, from which on a stressed jaw opens wider by all of it: lips that meet
in speech go on to meet."""

_INNER_BROWS = np.array([107, 55, 336, 285])
_MIDDLE_BROWS = np.array([66, 65, 105, 52, 296, 295, 334, 282])
_OUTER_BROWS = np.array([63, 53, 70, 46, 293, 283, 300, 276])
_MOUTH_CORNERS = np.array([61, 78, 291, 308])
_UPPER_LIDS = np.array([158, 159, 160, 385, 386, 387])
_LOWER_LIDS = np.array([144, 145, 153, 373, 374, 380])
_STILL_LIPS = np.array([13, 14, 312, 317, 82, 87])


@dataclass(frozen=True)
class Curve:
    """Values over time, linear between keys and held at the ends.

    Attributes:
        times: (K,) seconds, rising.
        values: (K, n).
    """

    times: np.ndarray
    values: np.ndarray

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """(m,) seconds → (m, n)."""
        columns = [np.interp(seconds, self.times, column) for column in self.values.T]
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Controls:
    """What is steered; None leaves it to the model.

    Attributes:
        gaze: main gaze direction, yaw (> 0 to the picture's right) and pitch (> 0 up) in degrees
            against the portrait's own gaze, or a `Curve` of these.
        distance: head distance as a factor of the portrait's own, or a `Curve`.
        emotion: intensity 0–1 by name (`EMOTIONS`, or "neutral" for none), or a `Curve` of
            all four.
    """

    gaze: tuple[float, float] | Curve | None = None
    distance: float | Curve | None = None
    emotion: Mapping[str, float] | Curve | None = None

    def __post_init__(self) -> None:
        """Check names and ranges."""
        for key, limits in (("gaze", LARGEST_GAZE), ("emotion", (1.0,) * len(EMOTIONS))):
            curve = self._curve(key)
            if curve is None:
                continue
            if not np.isfinite(curve.values).all() or (np.abs(curve.values) > limits).any():
                reach = " and ".join(f"±{limit:g}" for limit in limits[:2])
                raise InputError(f"{key}: out of range; stay within {reach}")
        curve = self._curve("emotion")
        if curve is not None and (curve.values < 0).any():
            raise InputError("emotion: an intensity is 0 to 1")
        curve = self._curve("distance")
        if curve is not None and not ((curve.values >= NEAREST) & (curve.values <= FARTHEST)).all():
            raise InputError(f"distance: choose {NEAREST} to {FARTHEST} times the portrait's own")

    def _curve(self, key: str) -> Curve | None:
        value = getattr(self, key)
        if value is None or isinstance(value, Curve):
            return value
        if key == "emotion":
            unknown = set(value) - {*EMOTIONS, "neutral"}
            if unknown:
                names = ", ".join(("neutral", *EMOTIONS))
                raise InputError(f"emotion {sorted(unknown)[0]}: unknown; choose of {names}")
            value = [float(value.get(name, 0.0)) for name in EMOTIONS]
        return Curve(np.zeros(1), np.atleast_2d(np.asarray(value, float)))

    def rows(
        self, first: int, count: int, fps: float = MOTION_RATE
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the generator sees of frames `first` to `first + count`.

        Returns:
            (count, CONTROL_DIM) float32 values: gaze in rad, log distance, intensities; and
            (3,) float32, 1 where gaze, distance and emotion are steered.
        """
        seconds = (first + np.arange(count)) / fps
        values = np.zeros((count, CONTROL_DIM), np.float32)
        known = np.zeros(len(GROUPS), np.float32)
        for index, key in enumerate(("gaze", "distance", "emotion")):
            curve = self._curve(key)
            if curve is None:
                continue
            wanted = curve.at(seconds)
            convert = {"gaze": np.radians, "distance": np.log}.get(key, np.asarray)
            values[:, GROUPS[index]] = convert(wanted)
            known[index] = 1
        return values, known

    @staticmethod
    def load(path: str | Path) -> Controls:
        """Read curves from a JSON file.

        Keys `gaze` ([seconds, yaw, pitch] each), `distance` ([seconds, factor]) and `emotion`
        (a list of [seconds, {name: intensity}]); each is optional.
        """
        path = Path(path)
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file; check the path") from error
        except (ValueError, OSError) as error:
            raise InputError(f"{path}: not a JSON file of controls ({error})") from error
        try:
            return Controls(**_curves(content))
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise InputError(
                f"{path}: a control is a list of keys such as [0.0, 10, -5]; see docs/motion.md"
            ) from error


def _curves(content: Any) -> dict[str, Curve]:
    unknown = set(content) - {"gaze", "distance", "emotion"}
    if unknown:
        raise InputError(f"unknown control {sorted(unknown)[0]}; known are gaze, distance, emotion")
    curves = {}
    for key, keys in content.items():
        if key == "emotion":
            for _, named in keys:
                Controls(emotion=named)
            rows = [[t, *(float(named.get(name, 0)) for name in EMOTIONS)] for t, named in keys]
        else:
            rows = keys
        table = np.asarray(rows, float)
        size = {"gaze": 3, "distance": 2, "emotion": 1 + len(EMOTIONS)}[key]
        if table.ndim != 2 or table.shape[1] != size or not np.isfinite(table).all():
            raise ValueError(key)
        if (np.diff(table[:, 0]) <= 0).any():
            raise InputError(f"{key}: the times must rise")
        curves[key] = Curve(table[:, 0], table[:, 1:])
    return curves


def parse_gaze(text: str) -> tuple[float, float]:
    """`15,-5` → yaw and pitch in degrees."""
    try:
        yaw, pitch = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            f"gaze {text}: give yaw and pitch in degrees, as 15,-5, or viewer"
        ) from error
    return yaw, pitch


def parse_emotion(text: str) -> dict[str, float]:
    """`happy:0.7` or `happy:0.5,surprised:0.3` → intensity by name; without a number it is 1."""
    parsed = {}
    for part in text.split(","):
        name, _, amount = part.partition(":")
        try:
            parsed[name.strip()] = float(amount) if amount else 1.0
        except ValueError as error:
            raise InputError(f"emotion {text}: give name and intensity, as happy:0.7") from error
        if not 0 <= parsed[name.strip()] <= 1 or math.isnan(parsed[name.strip()]):
            raise InputError(f"emotion {text}: an intensity is 0 to 1")
    return parsed


@lru_cache(maxsize=1)
def emotion_directions() -> np.ndarray:
    """(4, D) float32: change of the dynamics code for each emotion at full intensity.

    Irises are left where gaze puts them, and the lip gap but for `LIP_GAPS` where speech does.
    """
    code = dynamics_code()
    drawn = {"angry": _anger, "sad": _sadness}
    directions = np.stack(
        [drawn[name]() if name in drawn else _actions(_EXPRESSIONS[name]) for name in EMOTIONS]
    )
    constraints = np.column_stack([iris_shifts(code.basis), lip_gap(code.basis)])
    unwanted = directions @ constraints
    unwanted[:, -1] -= [LIP_GAPS.get(name, 0.0) for name in EMOTIONS]
    correction = np.linalg.lstsq(constraints.T, unwanted.T, rcond=None)[0].T
    return (directions - correction).astype(np.float32)


def stressed(motion: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Generated motion with its emotion as plain as people need it to name it.

    The network learnt emotions as talking clips bear them, and shows some nine tenths of that.

    Args:
        motion: (n, 6 + D).
        values: (n, CONTROL_DIM) from `Controls.rows`.

    Returns:
        (n, 6 + D) float32.
    """
    emotion = values[:, EMOTION]
    if not emotion.any():
        return motion
    face, jaw = _stress()
    codes = motion[:, POSE_DIM:]
    openness = np.clip(codes @ lip_gap(dynamics_code().basis) / _OPEN_GAP, 0, 1)[:, None]
    added = emotion @ face + openness * (emotion @ jaw)
    return np.hstack([motion[:, :POSE_DIM], codes + added]).astype(np.float32)


@lru_cache(maxsize=1)
def _stress() -> tuple[np.ndarray, np.ndarray]:
    """(4, D) of what emotions add to the face with lips and gaze as they are, and to the jaw."""
    code = dynamics_code()
    drawn = {"angry": _STRESSED_ANGER * _anger(), "sad": _grief()}
    face = np.stack([drawn.get(e, _actions(_STRESSED.get(e, {}))) for e in EMOTIONS])
    jaw = np.stack([_actions(_OPENED.get(e, {})) for e in EMOTIONS])
    constraints = np.column_stack([iris_shifts(code.basis), lip_gap(code.basis)])
    face -= np.linalg.lstsq(constraints.T, (face @ constraints).T, rcond=None)[0].T
    return face.astype(np.float32), jaw


def _actions(amounts: Mapping[str, float]) -> np.ndarray:
    """(D,) code of facial actions, amounts by ARKit blendshape; both sides where it has sides."""
    shapes = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
    for action, amount in amounts.items():
        for index, blendshape in enumerate(BLENDSHAPE_NAMES):
            if blendshape in (action, f"{action}Left", f"{action}Right"):
                shapes[index] = amount
    return dynamics_code().from_arkit(shapes)


_Moves = list[tuple[np.ndarray, float, float]]
"""Points, how far down they move (canonical units), and how much that counts."""


def _sadness() -> np.ndarray:
    """(D,) code of inner brows up and mouth corners down.

    Said in points, not blendshapes: the clips hold too few frowns to fit theirs.
    """
    moves: _Moves = [(_INNER_BROWS, -1.2, 2), (_MIDDLE_BROWS, -0.5, 2), (_OUTER_BROWS, 0.3, 2)]
    moves += [(_UPPER_LIDS, 0, 3), (_LOWER_LIDS, 0, 3), (_MOUTH_CORNERS, 0.8, 3)]
    return nearest_codes(*_targets([*moves, (_STILL_LIPS, 0, 4)]))[0]


def _grief() -> np.ndarray:
    """(D,) code of what `_sadness` lacks to be told from thought: brows that stand steep."""
    moves: _Moves = [(_INNER_BROWS, -1.4, 2), (_MIDDLE_BROWS, -0.9, 2), (_OUTER_BROWS, -0.1, 2)]
    moves += [(_UPPER_LIDS, 0, 3), (_LOWER_LIDS, 0, 3), (_MOUTH_CORNERS, 0.7, 3)]
    return nearest_codes(*_targets([*moves, (_STILL_LIPS, 0, 4)]))[0]


def _anger() -> np.ndarray:
    """(D,) code of brows drawn down and together over eyes that stay open, mouth corners down.

    Said in points: the blendshape of lowered brows, as fitted on the clips, closes the eyes too.
    """
    moves: _Moves = [(_INNER_BROWS, 0.9, 3), (_MIDDLE_BROWS, 0.7, 2), (_OUTER_BROWS, 0, 1)]
    moves += [(_UPPER_LIDS, 0.05, 4), (_LOWER_LIDS, -0.08, 4), (_MOUTH_CORNERS, 0.6, 3)]
    targets, weights = _targets([*moves, (_STILL_LIPS, 0, 3)])
    for points, apart in ((_INNER_BROWS, -0.25), (_MOUTH_CORNERS, 0.1)):
        side = np.sign(dynamics_code().mean_shape[points, 0])
        targets[0, points, 0] = side * apart
    return nearest_codes(targets, weights)[0]


def _targets(moves: _Moves) -> tuple[np.ndarray, np.ndarray]:
    """(1, 478, 3) shape change and (478,) weights for `nearest_codes`; the rest had better stay."""
    targets = np.zeros((1, POINTS, 3), np.float32)
    weights = np.full(POINTS, 0.3, np.float32)
    for points, down, weight in moves:
        targets[0, points, 1] = down
        weights[points] = weight
    return targets, weights


def read_controls(pose: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(T, CONTROL_DIM) float32: gaze, distance and emotion that (T, 6) poses and codes show.

    Emotions are read from ARKit blendshapes against rest: a label for training, not a judge.
    """
    code = dynamics_code()
    out = np.zeros((len(pose), CONTROL_DIM), np.float32)
    # Small angles add; codes are linear, so their gaze is the sum of their parts.
    out[:, GAZE] = head_gaze(pose) + np.arcsin(
        np.clip(codes @ np.sin(eye_gaze(code.basis)), -0.9, 0.9)
    )
    out[:, DISTANCE] = pose[:, 5:6]
    reading = codes @ code.arkit_reading[:-1]

    def mean(*names: str) -> np.ndarray:
        return reading[:, [BLENDSHAPE_NAMES.index(n) for n in names]].mean(axis=1)

    out[:, 3] = mean("mouthSmileLeft", "mouthSmileRight") / 0.9
    out[:, 4] = mean("browDownLeft", "browDownRight")
    out[:, 5] = (mean("browInnerUp") + 2 * mean("mouthFrownLeft", "mouthFrownRight")) / 2
    out[:, 6] = (mean("browOuterUpLeft", "browOuterUpRight") + mean("eyeWideLeft")) / 2
    out[:, EMOTION] = np.clip(out[:, EMOTION], 0, 1)
    return out


def eye_turn(angles: np.ndarray) -> np.ndarray:
    """(..., 2) yaw and pitch in rad → (..., D) float32 codes that turn the eyes so."""
    return np.sin(angles).astype(np.float32) @ eye_directions()
