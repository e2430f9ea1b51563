"""The visible label in a corner of the picture.

The letters are at least 5 % of the short side tall, as China's GB 45438-2025 asks for (6.3).
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from openvasa.assets import ASSETS
from openvasa.provenance.marking import Label

LETTER_SHARE = 0.055
"""Height of the capital letters, share of the short side."""
SHORTEST_SECONDS = 2.0

_TEXTS: dict[Label, str] = {"text": "AI-generated", "eu": "AI  AI-generated"}
_LEGIBLE: dict[Label, int] = {"text": 8, "eu": 8, "cn": 14}
"""Letters are never smaller than this, px."""
_INK, _GROUND, _OPACITY = 255, 0, 0.55


class VisibleLabel:
    """A label for frames of one size; its corner is the lower right, for "cn" the lower left."""

    def __init__(self, size: tuple[int, int], label: Label) -> None:
        """size: (width, height) of the frames, px."""
        width, height = size
        letters = max(_LEGIBLE[label], round(LETTER_SHARE * min(size)))
        ink = _letters(label, letters)
        pad = max(2, letters // 3)
        ink = np.pad(ink, pad)
        if ink.shape[1] > width:
            shrunk = Image.fromarray(ink).resize((width, ink.shape[0]), Image.Resampling.LANCZOS)
            ink = np.asarray(shrunk)
        ink = ink[:height]
        tall, wide = ink.shape
        left = pad if label == "cn" else width - wide - pad
        left, top = max(0, min(left, width - wide)), max(0, height - tall - pad)
        self._rows, self._columns = slice(top, top + tall), slice(left, left + wide)
        opacity = _OPACITY + (1 - _OPACITY) * (ink[..., None] / 255.0)
        colour = _GROUND + (_INK - _GROUND) * (ink[..., None] / 255.0)
        self._keep = (1 - opacity).astype(np.float32)
        self._add = (opacity * colour).astype(np.float32)

    def apply(self, frame: np.ndarray) -> np.ndarray:
        """(height, width, 3) uint8 RGB → a new, labelled frame."""
        labelled = frame.copy()
        under = labelled[self._rows, self._columns]
        labelled[self._rows, self._columns] = np.round(under * self._keep + self._add)
        return labelled


def _letters(label: Label, height: int) -> np.ndarray:
    """Text in white on black, (h, w) uint8, its capital letters `height` px tall."""
    if label == "cn":
        # Drawn beforehand: few machines that are not Chinese have the letters.
        with Image.open(ASSETS / "label_cn.png") as picture:
            width = round(picture.width * height / picture.height)
            drawn = picture.convert("L").resize((width, height), Image.Resampling.LANCZOS)
            return np.asarray(drawn)
    font = _font_with_capitals(height)
    left, top, right, bottom = font.getbbox(_TEXTS[label])
    picture = Image.new("L", (round(right - left), round(bottom - top)))
    ImageDraw.Draw(picture).text((-left, -top), _TEXTS[label], fill=255, font=font)
    if label == "eu":
        _frame_first_word(picture, font)
    return np.asarray(picture)


def _font_with_capitals(height: int) -> ImageFont.FreeTypeFont:
    size = height
    while True:
        font = ImageFont.load_default(size)
        assert isinstance(font, ImageFont.FreeTypeFont)
        top, bottom = font.getbbox("A")[1], font.getbbox("A")[3]
        if bottom - top >= height:
            return font
        size += 1


def _frame_first_word(picture: Image.Image, font: ImageFont.FreeTypeFont) -> None:
    """Invert the two letters AI at the start, so that they read as a sign by themselves."""
    right = round(font.getlength("AI ") - font.getlength(" ") / 2)
    sign = picture.crop((0, 0, right, picture.height))
    picture.paste(Image.eval(sign, lambda value: 255 - value), (0, 0))
