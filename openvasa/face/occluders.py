"""What is in front of a face: glasses, masks, hands, hats.

A small network (`assets/occluders.onnx`; its card is `assets/occluders.md`) says it for each px of
a square around the head. `openvasa train occluders` trains it on things drawn over filmed faces.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import cv2
import numpy as np

from openvasa.assets import ASSETS
from openvasa.backend import Network, load_onnx
from openvasa.face.canonical import HeadTransform
from openvasa.face.topology import FACE_OVAL, LEFT_EYE, OUTER_LIPS, RIGHT_EYE

NETWORK = ASSETS / "occluders.onnx"


class Occluder(IntEnum):
    """What a px shows."""

    FREE = 0
    """Face, hair, body or background, with nothing worn or held before it."""
    RIM = 1
    """Rims and temples of glasses."""
    LENS = 2
    """A lens that shows the eye."""
    SHADE = 3
    """A lens that hides the eye: sunglasses, mirrors."""
    COVER = 4
    """A mask, hand, microphone, cup or whatever else is before the face."""
    HEADWEAR = 5
    """Hats, caps, helmets, headscarves."""
    FRINGE = 6
    """Hair that hangs into the face."""


SIDE = 256
"""Px of the square that the network sees."""
EXTENT = 30.0
"""Side of that square, canonical units; a face is 15 wide."""
MIDDLE = np.array([[0.0, -3.0, 2.0]])
"""Canonical point in its middle: hats need room above the face."""

RIM_CERTAIN, RIM_FOLLOWED = 0.5, 0.25
"""Chance from which px are a rim, and chance from which px that are joined to such are followed."""
RIM_SURE_PX = 40
"""Px of the square that have to be certain in what is followed: one alone is no rim."""
RIM_REACH = 3
"""Px of the square around a px within which chances of a rim are compared. What is wider than twice
that is a brow or a shadow, and is not followed."""


def square_affine(head: HeadTransform, side: int = SIDE) -> np.ndarray:
    """(2, 3) float32 affine from px of the picture that `head` is in to px of the square."""
    zoom = side / (EXTENT * head.scale)
    shift = side / 2 - zoom * head.apply(MIDDLE)[0, :2]
    return np.column_stack([zoom * np.eye(2), shift]).astype(np.float32)


def cut_head(
    picture: np.ndarray, head: HeadTransform, side: int = SIDE
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the square that the network sees.

    Args:
        picture: (H, W, 3) uint8 RGB.
        head: in px of the picture.
        side: px of the square.

    Returns:
        (side, side, 3) uint8, the picture's border mirrored beyond it, and `square_affine`.
    """
    affine = square_affine(head, side)
    inner, zoom = affine, float(affine[0, 0])
    if zoom < 1:
        # An affine warp looks at single px; made smaller first, the picture loses none.
        picture = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        inner = np.column_stack([np.eye(2), affine[:, 2]]).astype(np.float32)
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REFLECT_101
    return cv2.warpAffine(picture, inner, (side, side), flags=flags, borderMode=border), affine


@dataclass(frozen=True)
class Occluders:
    """What lies before one head.

    Attributes:
        chances: (7, SIDE, SIDE) uint8, 255 times how likely each `Occluder` is, in px of the square
            that `square_affine` places.
    """

    chances: np.ndarray

    def map_into(
        self, head: HeadTransform, size: tuple[int, int], kinds: Iterable[Occluder]
    ) -> np.ndarray:
        """(H, W) float32 in 0–1: how likely some kinds are in a frame.

        Args:
            head: in px of the frame.
            size: width and height of the frame.
            kinds: whose chances are added.
        """
        plane = self.chances[list(kinds)].astype(np.float32).sum(axis=0) / 255
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(plane, square_affine(head), size, flags=flags)

    def follow_rims(self) -> Occluders:
        """The same with rims as one piece: from where a rim is certain it goes on along the ridge
        of its chance, down to `RIM_FOLLOWED`, as where it is thin or pale. Other kinds keep their
        chances, so that those of a px may sum to more than 1.
        """
        chance = self.chances[Occluder.RIM].astype(np.float32) / 255
        _, pieces = cv2.connectedComponents((chance > RIM_FOLLOWED).astype(np.uint8))
        certain = np.bincount(pieces[chance > RIM_CERTAIN], minlength=pieces.max() + 1)
        joined = (certain >= RIM_SURE_PX)[pieces] & (pieces > 0)
        around = np.ones((2 * RIM_REACH + 1,) * 2, np.uint8)
        wide = cv2.morphologyEx(joined.astype(np.uint8), cv2.MORPH_OPEN, around)
        followed = np.where(joined & (wide == 0), chance, 0)
        near = cv2.dilate(followed, around)
        ridge = followed / np.maximum(near, RIM_FOLLOWED)
        # Where the chance drops steeply, px beside certain ones look faint beside them.
        ridge = np.where(followed > 0, cv2.morphologyEx(ridge, cv2.MORPH_CLOSE, around), 0)
        chances = self.chances.copy()
        chances[Occluder.RIM] = np.rint(255 * np.maximum(chance, ridge))
        return Occluders(chances)

    def share_within(self, kinds: Iterable[Occluder], outline: np.ndarray) -> float:
        """Mean chance of some kinds within an (N, 2) outline in px of the square."""
        region = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillPoly(region, [np.rint(outline[:, :2] * 16).astype(np.int32)], 1, shift=4)
        plane = self.chances[list(kinds)].astype(np.float32).sum(axis=0) / 255
        return float(plane[region > 0].mean()) if region.any() else 0.0

    def covers(self, landmarks: np.ndarray) -> Covers:
        """How much of a face is hidden, from its (478, 3) landmarks in px of the square."""
        eyes = [
            self.share_within((Occluder.SHADE, Occluder.COVER), landmarks[eye])
            for eye in (RIGHT_EYE, LEFT_EYE)
        ]
        area = float(cv2.contourArea(np.ascontiguousarray(landmarks[FACE_OVAL, :2])))
        worn = (self.chances[[Occluder.RIM, Occluder.HEADWEAR]] > 127).sum(axis=(1, 2)) / area
        return Covers(
            mouth=self.share_within((Occluder.COVER,), landmarks[OUTER_LIPS]),
            eyes=max(eyes),
            glasses=float(worn[0]),
            headwear=float(worn[1]),
        )


@dataclass(frozen=True)
class Covers:
    """How much of a face is hidden, and what is worn.

    Attributes:
        mouth: share of the lips before which something is, 0–1.
        eyes: share of the more hidden eye that dark glass or something else hides, 0–1.
        glasses: area of rims and temples over the face's.
        headwear: area of what is on the head over the face's.
    """

    mouth: float
    eyes: float
    glasses: float
    headwear: float


@lru_cache(maxsize=2)
def _network(threads: int) -> Network:
    return load_onnx(NETWORK, threads=threads)


def find_occluders(picture: np.ndarray, head: HeadTransform, *, threads: int = 2) -> Occluders:
    """Look for what is in front of a head.

    Args:
        picture: (H, W, 3) uint8 RGB.
        head: in px of the picture.
        threads: CPU threads of the network.
    """
    return judge_square(cut_head(picture, head)[0], threads=threads)


def judge_square(square: np.ndarray, *, threads: int = 2) -> Occluders:
    """What is in front of the head in an (SIDE, SIDE, 3) uint8 square, as it is and mirrored."""
    views = (square[None], np.ascontiguousarray(square[None, :, ::-1]))
    plain, mirrored = (_network(threads)(view)[0][0] for view in views)
    return Occluders(np.rint((plain + mirrored[..., ::-1]) * 127.5).astype(np.uint8))


def measure_covers(picture: np.ndarray, landmarks: np.ndarray, head: HeadTransform) -> Covers:
    """How much of a tracked face is hidden.

    Args:
        picture: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) px of the picture.
        head: in px of the picture.
    """
    affine = square_affine(head)
    placed = landmarks[:, :2] @ affine[:, :2].T + affine[:, 2]
    return find_occluders(picture, head).covers(placed)
