"""What a client steers: the ranges that it may choose from, and its message → controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from openvasa.errors import InputError
from openvasa.motion.amount import Amount
from openvasa.motion.controls import EMOTIONS, FARTHEST, LARGEST_GAZE, NEAREST, Controls

PARTS = tuple(field.name for field in fields(Amount))
GAZE_DEG = (30.0, 20.0)
"""Largest yaw and pitch, either way."""
DISTANCES = (max(NEAREST, 0.75), min(FARTHEST, 1.35))
AMOUNTS = (0.0, 2.0)
"""Least and largest amount of movement."""


def read_controls(message: dict[str, Any]) -> tuple[Controls, Amount]:
    """Controls and amount of movement of a message, brought into range; what is missing stays free.

    `amount` is a number for all of head, brows, mouth and eyes, or holds numbers by these names.

    Raises:
        InputError: something that should be a number is none, or a name is unknown; says which.
    """
    controls = Controls(
        gaze=_read_gaze(message.get("gaze")),
        distance=_read_distance(message.get("distance")),
        emotion=_read_emotion(message.get("emotion")),
    )
    return controls, _read_amount(message.get("amount"))


def _read_gaze(gaze: Any) -> tuple[float, float] | None:
    if gaze is None:
        return None
    if not isinstance(gaze, list) or len(gaze) != 2:
        raise InputError("controls: gaze is two numbers, degrees right and up")
    most = (min(GAZE_DEG[0], LARGEST_GAZE[0]), min(GAZE_DEG[1], LARGEST_GAZE[1]))
    yaw, pitch = (_within("gaze", value, -m, m) for value, m in zip(gaze, most, strict=True))
    return yaw, pitch


def _read_distance(distance: Any) -> float | None:
    return None if distance is None else _within("distance", distance, *DISTANCES)


def _read_emotion(emotion: Any) -> dict[str, float] | None:
    if emotion is None:
        return None
    return _read_named("emotion", emotion, EMOTIONS, 0, 1)


def _read_amount(amount: Any) -> Amount:
    if amount is None:
        return Amount()
    if isinstance(amount, dict):
        return Amount(**_read_named("amount", amount, PARTS, *AMOUNTS))
    return Amount(**dict.fromkeys(PARTS, _within("amount", amount, *AMOUNTS)))


def _read_named(
    what: str, given: Any, names: Sequence[str], low: float, high: float
) -> dict[str, float]:
    if not isinstance(given, dict):
        raise InputError(f"controls: {what} holds numbers by name, of {', '.join(names)}")
    for name in given:
        if name not in names:
            raise InputError(f"controls: no {what} {name[:40]!r}; choose of {', '.join(names)}")
    return {name: _within(f"{what} {name}", value, low, high) for name, value in given.items()}


def _within(what: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise InputError(f"controls: {what} is no number")
    return float(min(max(value, low), high))
