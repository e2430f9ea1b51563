"""What is in front of a face: glasses, masks, hands, hats.

A small network (`assets/occluders.onnx`; its card is `assets/occluders.md`) says it for each px of
a square around the head. `openvasa train occluders` trains it on things drawn over filmed faces.
"""

from __future__ import annotations

from enum import IntEnum

import cv2
import numpy as np

from openvasa.assets import ASSETS
from openvasa.face.canonical import HeadTransform

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


def cut_head(
    picture: np.ndarray, head: HeadTransform, side: int = SIDE
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the square that the network sees.

    Args:
        picture: (H, W, 3) uint8 RGB.
        head: in px of the picture.
        side: px of the square.

    Returns:
        (side, side, 3) uint8, the picture's border mirrored beyond it, and the (2, 3) affine from
        px of the picture to px of the square.
    """
    middle = head.apply(MIDDLE)[0, :2]
    zoom = side / (EXTENT * head.scale)
    affine = np.column_stack([zoom * np.eye(2), side / 2 - zoom * middle]).astype(np.float32)
    inner = affine
    if zoom < 1:
        # An affine warp looks at single px; made smaller first, the picture loses none.
        picture = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        inner = np.column_stack([np.eye(2), affine[:, 2]]).astype(np.float32)
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REFLECT_101
    return cv2.warpAffine(picture, inner, (side, side), flags=flags, borderMode=border), affine
