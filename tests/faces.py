"""Faces that tests draw themselves: a latent of made-up points and pictures."""

from __future__ import annotations

import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FaceLatent


def made_face(
    image: np.ndarray,
    canonical: np.ndarray,
    head: HeadTransform,
    *,
    neutral: np.ndarray | None = None,
    matte: np.ndarray | None = None,
    background: np.ndarray | None = None,
    dynamics: int = 1,
) -> FaceLatent:
    """A portrait whose tracked points are where `head` puts (478, 3) canonical ones.

    Args:
        image: (S, S, 3) uint8 RGB: the crop, which is the whole picture.
        canonical: the face's points; also at rest, where no `neutral` is given.
        head: where they are in the crop.
        neutral: (478, 3) the face at rest.
        matte: (S, S) float32; all of the picture is the person where none is given.
        background: (S, S, 3) uint8; the image where none is given.
        dynamics: how many numbers the code of the face's own expression has.
    """
    side = len(image)
    return FaceLatent(
        image=image,
        landmarks=head.apply(canonical),
        head=head,
        canonical=canonical,
        neutral=canonical if neutral is None else neutral,
        dynamics=np.zeros(dynamics, np.float32),
        blendshapes=np.zeros(52, np.float32),
        matte=np.ones((side, side), np.float32) if matte is None else matte,
        background=image if background is None else background,
        picture=image,
        crop=np.array([0, 0, side], np.float32),
    )
