"""What a client steers: the ranges that it may choose from, and its message → controls."""

from __future__ import annotations

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
        InputError: something that should be a number is none, or an emotion is unknown.
    """
    try:
        gaze = message.get("gaze")
        if gaze is not None:
            yaw, pitch = (float(value) for value in gaze)
            limits = (min(GAZE_DEG[0], LARGEST_GAZE[0]), min(GAZE_DEG[1], LARGEST_GAZE[1]))
            gaze = (_within(yaw, -limits[0], limits[0]), _within(pitch, -limits[1], limits[1]))
        distance = message.get("distance")
        if distance is not None:
            distance = _within(float(distance), *DISTANCES)
        emotion = message.get("emotion")
        if emotion is not None:
            emotion = {str(k): _within(float(v), 0, 1) for k, v in dict(emotion).items()}
            if not set(emotion) <= set(EMOTIONS):
                raise ValueError
        amount: Any = message.get("amount", 1.0)
        parts: dict[str, Any] = (
            dict(amount) if isinstance(amount, dict) else dict.fromkeys(PARTS, amount)
        )
        if not set(parts) <= set(PARTS):
            raise ValueError
        shown = Amount(**{part: _within(float(v), *AMOUNTS) for part, v in parts.items()})
        return Controls(gaze=gaze, distance=distance, emotion=emotion), shown
    except (TypeError, ValueError) as error:
        raise InputError("controls: not understood") from error


def _within(value: float, low: float, high: float) -> float:
    if value != value:
        raise ValueError
    return min(max(value, low), high)
