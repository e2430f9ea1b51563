"""Lengths that are stated in px: how long they are in a portrait of another size."""

from __future__ import annotations

STATED_SIDE = 512
"""Side, px, of the portrait for which lengths in px are stated in this package."""


def stated_px(side: int) -> float:
    """Px of a portrait of `side` px that one stated px is long; 1 at `STATED_SIDE`."""
    return side / STATED_SIDE
