"""What the user steers while a portrait talks: main gaze, head distance, emotion.

After VASA-1 (Xu et al., arXiv:2404.10667, section 3.2). Each is a constant or a curve over time,
and each may be left to the model. `motion.steer` lays them on generated motion.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openvasa.errors import InputError
from openvasa.rates import MOTION_RATE

EMOTIONS = ("happy", "angry", "sad", "surprised")
"""Emotions with an intensity of 0 to 1 each; all zero is neutral."""

GAZE, DISTANCE, EMOTION = slice(0, 2), slice(2, 3), slice(3, 3 + len(EMOTIONS))
GROUPS = {"gaze": GAZE, "distance": DISTANCE, "emotion": EMOTION}
"""What is steered by itself → its columns among the `CONTROL_DIM` numbers of a frame."""
CONTROL_DIM = 3 + len(EMOTIONS)

LARGEST_GAZE = (35.0, 25.0)
NEAREST, FARTHEST = 0.6, 1.6
VIEWER = "viewer"
"""What people write in place of a gaze's angles; see `motion.viewer`."""


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
            (CONTROL_DIM,) float32, 1 for those that are steered.
        """
        seconds = (first + np.arange(count)) / fps
        values = np.zeros((count, CONTROL_DIM), np.float32)
        known = np.zeros(CONTROL_DIM, np.float32)
        for key, columns in GROUPS.items():
            curve = self._curve(key)
            if curve is None:
                continue
            wanted = curve.at(seconds)
            convert = {"gaze": np.radians, "distance": np.log}.get(key, np.asarray)
            values[:, columns] = convert(wanted)
            known[columns] = 1
        return values, known

    @staticmethod
    def load(path: str | Path) -> Controls:
        """Read curves from a JSON file.

        Keys `gaze` ([seconds, yaw, pitch] each), `distance` ([seconds, factor]) and `emotion`
        (a list of [seconds, {name: intensity}]); each is optional.
        """
        path = Path(path)
        try:
            content = json.loads(path.read_text("utf-8"))
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
    unknown = set(content) - set(GROUPS)
    if unknown:
        raise InputError(f"unknown control {sorted(unknown)[0]}; known are {', '.join(GROUPS)}")
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
