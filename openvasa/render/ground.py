"""What lies behind the warped person: the portrait's own background, or nothing.

A `Ground` gives the frame that a renderer starts from, takes the person, and ends the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from openvasa.render.compose import compose, cover, lay_before, lay_over, soften_edges
from openvasa.render.cutout import SUBSAMPLES
from openvasa.render.warp import Window

SPREAD_REACH = 24.0
"""Stated px over which the person's colours are spread beyond their outline."""


class Ground(Protocol):
    """What a renderer lays the person on; used by one thread at a time."""

    def start(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB, a new frame with the person at rest."""
        ...

    def lay_person(
        self,
        person: np.ndarray,
        maps: tuple[np.ndarray, np.ndarray],
        head_shift: float,
        frame: np.ndarray,
        window: Window,
    ) -> None:
        """Draw the person into a frame from `start`, in place, within a window.

        Args:
            person: (h, w, 4) uint8 RGBA of the window, not premultiplied.
            maps: (h, w) float32 column and row of the cutout's samples that each px shows.
            head_shift: px by which the head as a whole has moved.
            frame: (H, W, 3) uint8 RGB, written.
            window: the px to draw.
        """
        ...

    def soften_edges(self, found: np.ndarray, frame: np.ndarray) -> None:
        """Anti-alias a frame, in place.

        Args:
            found: (N, 2) int32 rows and columns of the px to mix with those around them.
            frame: (H, W, 3) uint8 RGB, written.
        """
        ...

    def lay_front(self, things: np.ndarray, place: tuple[int, int], frame: np.ndarray) -> None:
        """Lay what is in front of the person into a frame, in place.

        Args:
            things: (h, w, 4) uint8 RGBA, not premultiplied.
            place: left and top of them, px of the frame.
            frame: (H, W, 3) uint8 RGB, written.
        """
        ...

    def finish(self, frame: np.ndarray) -> np.ndarray:
        """The frame as the renderer gives it, from what was drawn into it."""
        ...

    def twin(self) -> Ground:
        """The same for another thread."""
        ...


@dataclass(frozen=True)
class OwnBackground:
    """The portrait's own background; frames are (H, W, 3) RGB.

    Attributes:
        image: (H, W, 3) uint8 RGB, the portrait.
        plate: (H, W, 3) uint8 RGB, the background completed behind and close to the person.
        still_plate: (H, W, 3) uint8 RGB, the portrait wherever it shows no person, else the plate.
        settled: (H, W) bool: image and both plates are the same.
        residue: (H, W, 3) int16, the portrait's edges less their composition at rest.
        margin: px of the cutout around the portrait.
        stated: px that one stated px is long.
    """

    image: np.ndarray
    plate: np.ndarray
    still_plate: np.ndarray
    settled: np.ndarray
    residue: np.ndarray
    margin: int
    stated: float

    def start(self) -> np.ndarray:
        """The portrait."""
        return self.image.copy()

    def lay_person(
        self,
        person: np.ndarray,
        maps: tuple[np.ndarray, np.ndarray],
        head_shift: float,
        frame: np.ndarray,
        window: Window,
    ) -> None:
        """Compose person and plate."""
        scales = (SUBSAMPLES, self.margin)
        plates = (self.residue, self.plate, self.still_plate, self.settled)
        compose(person, *maps, *scales, *plates, head_shift, frame, window, self.stated)

    def soften_edges(self, found: np.ndarray, frame: np.ndarray) -> None:
        """Anti-alias the colours."""
        soften_edges(frame, found)

    def lay_front(self, things: np.ndarray, place: tuple[int, int], frame: np.ndarray) -> None:
        """Lay them over person and background."""
        lay_before(things, *place, frame)

    def finish(self, frame: np.ndarray) -> np.ndarray:
        """The frame itself."""
        return frame

    def twin(self) -> OwnBackground:
        """Itself: nothing in it changes."""
        return self


@dataclass(frozen=True)
class NoBackground:
    """Nothing behind the person; frames are (H, W, 4) RGBA, not premultiplied.

    Where nothing of the person is, their colours are spread: what subsamples or scales a frame then
    brings no foreign colour into their edge, and the portrait's own background is in no frame.

    Attributes:
        rest: (H, W, 4) uint8 RGBA, the person at rest over their spread colours.
        reached: (H, W) bool: where the person may move away.
        opacity: (H, W) uint8, of the frame in work.
    """

    rest: np.ndarray
    reached: np.ndarray
    opacity: np.ndarray

    def start(self) -> np.ndarray:
        """The person at rest."""
        self.opacity[:] = self.rest[..., 3]
        return np.ascontiguousarray(self.rest[..., :3])

    def lay_person(
        self,
        person: np.ndarray,
        maps: tuple[np.ndarray, np.ndarray],
        head_shift: float,
        frame: np.ndarray,
        window: Window,
    ) -> None:
        """Put the person's own colours and opacity down."""
        cover(person, self.rest, self.reached, frame, self.opacity, window)

    def soften_edges(self, found: np.ndarray, frame: np.ndarray) -> None:
        """Anti-alias colours and opacity."""
        soften_edges(frame, found)
        soften_edges(self.opacity[..., None], found)

    def lay_front(self, things: np.ndarray, place: tuple[int, int], frame: np.ndarray) -> None:
        """Lay them over the person, and where nobody is behind them, alone."""
        left, top = place
        rows, columns = slice(top, top + len(things)), slice(left, left + things.shape[1])
        person = np.dstack([frame[rows, columns], self.opacity[rows, columns]])
        lay_over(person, things, 1.0)
        frame[rows, columns], self.opacity[rows, columns] = person[..., :3], person[..., 3]

    def finish(self, frame: np.ndarray) -> np.ndarray:
        """Colours and opacity together."""
        return np.dstack([frame, self.opacity])

    def twin(self) -> NoBackground:
        """The same with an opacity of its own."""
        return replace(self, opacity=np.empty_like(self.opacity))


def prepare_no_background(cutout: np.ndarray, reached: np.ndarray, stated: float) -> NoBackground:
    """Nothing behind the person of an (H, W, 4) uint8 RGBA cutout, not premultiplied.

    Args:
        cutout: the person at rest.
        reached: (H, W) bool: where the person may move away.
        stated: px that one stated px is long.
    """
    colours = np.where(cutout[..., 3:] > 0, cutout[..., :3], _spread_colours(cutout, stated))
    rest = np.dstack([colours, cutout[..., 3]])
    # Px on the outermost ring are half covered by what stands still beyond it.
    inside = cv2.erode(reached.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return NoBackground(rest, inside, np.empty_like(rest[..., 3]))


def _spread_colours(cutout: np.ndarray, stated: float) -> np.ndarray:
    """(H, W, 3) uint8 mean colour of the person around each px, or of all of them far from them."""
    weight = cutout[..., 3:].astype(np.float32) / 255
    colours = cutout[..., :3] * weight
    whole = colours.sum(axis=(0, 1)) / max(float(weight.sum()), 1.0)
    sigma = SPREAD_REACH * stated
    near = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    some = 1e-3
    spread = (cv2.GaussianBlur(colours, (0, 0), sigma) + some * whole) / (near + some)
    return np.rint(spread).astype(np.uint8)
