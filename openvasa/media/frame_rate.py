"""How many frames a second a video file shows, as an exact fraction."""

from __future__ import annotations

from fractions import Fraction

from openvasa.errors import InputError

SLOWEST, FASTEST = 12, 60
"""Frames a second."""

FrameRate = int | float | str | Fraction
"""As people give it: 25, 29.97, "30000/1001"."""

_NTSC = tuple(Fraction(whole * 1000, 1001) for whole in (24, 30, 48, 60))
"""What broadcasting means by 23.976, 29.97, 47.952 and 59.94."""
_NTSC_ROUNDING = 0.006
"""People write these rates with two or three decimals, and 23.976 also as 23.98."""
_LARGEST_DENOMINATOR = 1001


def exact_rate(fps: FrameRate) -> Fraction:
    """The fraction that a rate stands for: 29.97 is 30000/1001, 12.5 is 25/2.

    A file that counts frames at 30 for 29.97 shows its picture 0.6 s too early after ten minutes.

    Raises:
        InputError: not a number, or outside 12 to 60.
    """
    text = str(fps)
    try:
        # As a fraction, 1e300000000 has as many digits.
        within = "/" in text or SLOWEST <= float(text) <= FASTEST
        given = Fraction(text) if within else Fraction(0)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise InputError(f"fps {fps}: give a number, as 25, 29.97 or 30000/1001") from None
    if not SLOWEST <= given <= FASTEST:
        raise InputError(f"fps {fps}: choose {SLOWEST} to {FASTEST}")
    nearest = min(_NTSC, key=lambda rate: abs(rate - given))
    if given.denominator > 1 and abs(nearest - given) < _NTSC_ROUNDING:
        return nearest
    return given.limit_denominator(_LARGEST_DENOMINATOR)


def rate_in_words(rate: Fraction) -> str:
    """25, 23.976 or 29.97."""
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")
