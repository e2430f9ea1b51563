"""What is shown behind the person: the portrait's own background, another one, or nothing.

`parse_background` reads what a user asks for. A `Background` other than `Own` gives a plate for
each frame, and `lay_on` composes the person on it with the opacity and the colours of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import repeat
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.picture import load_picture
from openvasa.media.inspect import read_frames, read_timed_frames
from openvasa.rates import MOTION_RATE
from openvasa.render.lay_on import cover, lay_on
from openvasa.render.renderer import Renderer, RendererFactory

GREEN = "#00b140"
"""The usual colour of a green screen."""

BLUR = 0.04
"""Standard deviation of the blur, share of the frame's side."""

_KINDS = "keep, green, #rrggbb, blur, transparent, or the file of a picture or video"


class Own(Enum):
    """Backgrounds that need no plate."""

    KEEP = "keep"
    TRANSPARENT = "transparent"


class Plates(Protocol):
    """A background that replaces the portrait's own."""

    moving: bool

    def plates(self, face: FaceLatent, size: tuple[int, int], fps: float) -> Iterator[np.ndarray]:
        """What is behind each frame, without end.

        Args:
            face: the portrait.
            size: width and height of the frames, px.
            fps: frames a second.

        Yields:
            (height, width, 3) uint8 RGB, not to be written to.

        Raises:
            InputError: its file cannot be read.
        """
        ...


Background = Own | Plates


@dataclass(frozen=True)
class Colour:
    """One colour everywhere, 0–255 RGB."""

    rgb: tuple[int, int, int]
    moving = False

    def plates(self, face: FaceLatent, size: tuple[int, int], fps: float) -> Iterator[np.ndarray]:
        """As `Plates`."""
        return repeat(np.full((size[1], size[0], 3), self.rgb, np.uint8))


@dataclass(frozen=True)
class Blurred:
    """The portrait's own background out of focus, without the person."""

    moving = False

    def plates(self, face: FaceLatent, size: tuple[int, int], fps: float) -> Iterator[np.ndarray]:
        """As `Plates`."""
        blurred = cv2.GaussianBlur(face.background, (0, 0), BLUR * max(face.size))
        return repeat(cover(blurred, size))


@dataclass(frozen=True)
class Picture:
    """A picture whose middle covers the frame.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
    """

    pixels: np.ndarray
    moving = False

    def plates(self, face: FaceLatent, size: tuple[int, int], fps: float) -> Iterator[np.ndarray]:
        """As `Plates`."""
        return repeat(cover(self.pixels, size))


@dataclass(frozen=True)
class Footage:
    """A video whose middle covers the frame, from its start, again and again; without its sound.

    Attributes:
        path: the file.
    """

    path: Path
    moving = True

    def plates(self, face: FaceLatent, size: tuple[int, int], fps: float) -> Iterator[np.ndarray]:
        """As `Plates`: of the video's frames, each time the one that is shown then."""
        count, start = 0, 0.0
        while True:
            plate, last, frames = None, 0.0, 0
            for at, frame in read_timed_frames(self.path):
                while plate is not None and count / fps < start + at - _INSTANT:
                    yield plate
                    count += 1
                plate, last, frames = cover(frame, size), at, frames + 1
            assert plate is not None
            start += last + (last / (frames - 1) if frames > 1 else 1 / fps)
            while count / fps < start - _INSTANT:
                yield plate
                count += 1


_INSTANT = 1e-4
"""Seconds within which two times are the same."""


def reads_no_file(text: str) -> bool:
    """Whether a background is asked for by name or colour: what others may name on a server."""
    named = {own.value for own in Own} | {"blur", "green"}
    return text in named or _is_colour(text)


def _is_colour(text: str) -> bool:
    return re.fullmatch("#[0-9a-fA-F]{6}", text) is not None


def parse_background(text: str | Path) -> Background:
    """What a user asks for by name, colour or file; a name goes before a file called so.

    Raises:
        InputError: none of these, or a file that is neither a picture nor a video.
    """
    name = str(text)
    if isinstance(text, Path):
        return _read_file(text)
    for own in Own:
        if name == own.value:
            return own
    if name == "blur":
        return Blurred()
    if name == "green":
        name = GREEN
    if _is_colour(name):
        red, green, blue = bytes.fromhex(name[1:])
        return Colour((red, green, blue))
    if name.startswith("#"):
        raise InputError(f"background {name}: a colour is # and six digits 0–9 a–f, as {GREEN}")
    if not Path(name).exists():
        raise InputError(f"background {name}: no such name or file; choose {_KINDS}")
    return _read_file(Path(name))


def parse_still_background(text: str | Path) -> Background:
    """As `parse_background`, for a live portrait.

    Raises:
        InputError: as there; a video, or no background at all, which a live stream cannot carry.
    """
    background = parse_background(text)
    if background is Own.TRANSPARENT or (not isinstance(background, Own) and background.moving):
        raise InputError(
            f"background {text}: not for a live portrait; choose keep, green, #rrggbb, blur, or "
            "the file of a picture"
        )
    return background


def before(renderer: RendererFactory, background: Background | str | Path) -> RendererFactory:
    """Renderers that draw the person before another background, for a live portrait.

    Args:
        renderer: draws the person.
        background: as in `parse_still_background`.

    Raises:
        InputError: as there.
    """
    if isinstance(background, str | Path):
        background = parse_still_background(background)
    if isinstance(background, Own):
        return renderer

    def prepare(face: FaceLatent) -> Renderer:
        return _Laid(renderer(face).without_background(), face, background)

    return prepare


class _Laid(Renderer):
    """A renderer whose person is laid on a still background."""

    def __init__(self, person: Renderer, face: FaceLatent, background: Plates) -> None:
        self._person, self._face, self._background = person, face, background
        self._plate: np.ndarray | None = None

    def render(self, geometry: FrameGeometry) -> np.ndarray:
        frame = self._person.render(geometry)
        if self._plate is None or self._plate.shape[:2] != frame.shape[:2]:
            size = frame.shape[1], frame.shape[0]
            self._plate = next(self._background.plates(self._face, size, MOTION_RATE))
        return lay_on(frame, self._plate)

    def twin(self) -> Renderer:
        return _Laid(self._person.twin(), self._face, self._background)


def _read_file(path: Path) -> Background:
    try:
        return Picture(load_picture(path))
    except InputError as no_picture:
        try:
            next(read_frames(path))
        except InputError:
            if "not a picture" in str(no_picture):
                raise InputError(
                    f"background {path}: neither a picture nor a video that can be read"
                ) from None
            raise InputError(f"background {no_picture}") from None
    return Footage(path)
