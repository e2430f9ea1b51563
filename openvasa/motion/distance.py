"""The distances that a portrait's picture can show: how far its head may go, and how near."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from openvasa.face.check import LEAST_HEIGHT
from openvasa.face.encode import CROP_OVER_FACE
from openvasa.face.frame import Frame
from openvasa.face.latent import CROP_SIDE, FaceLatent
from openvasa.face.topology import CHIN
from openvasa.motion.controls import FARTHEST, Controls, Curve

CUT = 0.5
"""Opacity of the person at the square's border from which they are cut off there."""
UNSEEN = 4.0
"""Stated px by which a cut may come into sight: what is made up there is no more than an edge."""
KNOWN_BEYOND = 48.0
"""Stated px beyond the square that the renderer takes from the picture; `render.cutout.MARGIN`."""
MOST_ENLARGED = CROP_SIDE / (CROP_OVER_FACE * LEAST_HEIGHT)
"""Px of the video for one of the picture from which a face looks soft: as for small faces."""


def limit_distance(controls: Controls, face: FaceLatent, frame: Frame) -> Controls:
    """Controls whose head goes no farther than the picture holds what then comes into sight.

    Warns where the distance is limited, and where a near face is larger than its px allow.

    Args:
        controls: what is asked for.
        face: the portrait, in the square that it was encoded in.
        frame: the frame of the video.
    """
    if controls.distance is None:
        return controls
    asked = controls.distance
    values = asked.values if isinstance(asked, Curve) else np.array([float(asked)])
    farthest = farthest_distance(face)
    _warn_of_near(float(values.min()), frame)
    bounded = bound_distance(controls, farthest)
    if bounded is controls:
        return controls
    warnings.warn(
        f"distance {values.max():.3g}: the picture cuts off the head or the hair, and its border "
        f"would come into sight; {farthest:.3g} is shown. Use a picture with room around the head",
        stacklevel=3,
    )
    return bounded


def bound_distance(controls: Controls, farthest: float) -> Controls:
    """Controls whose head goes no farther than a factor; the same object where it does not."""
    asked = controls.distance
    if asked is None:
        return controls
    if isinstance(asked, Curve):
        if asked.values.max() <= farthest:
            return controls
        return replace(controls, distance=Curve(asked.times, np.minimum(asked.values, farthest)))
    return controls if asked <= farthest else replace(controls, distance=farthest)


def farthest_distance(face: FaceLatent) -> float:
    """The largest factor of the head's distance at which no border of the picture is seen.

    A head that goes away draws what is cut off at the border of the square inwards. What lies
    beyond comes from the picture, as far as that goes on. The body stays, so that only what is
    above the chin counts.
    """
    height, width = face.matte.shape
    chin = int(np.clip(face.landmarks[CHIN, 1], 1, height))
    centre = face.head.translation[:2]
    left, top = (float(v) * face.zoom for v in face.crop[:2])
    right = face.picture.shape[1] * face.zoom - left - width
    borders = [
        (face.matte[0], centre[1], top),
        (face.matte[:chin, 0], centre[0], left),
        (face.matte[:chin, -1], width - centre[0], right),
    ]
    farthest = FARTHEST
    for opacity, reach, beyond in borders:
        if opacity.max() > CUT:
            known = (UNSEEN + np.clip(beyond / face.stated, 0, KNOWN_BEYOND)) * face.stated
            farthest = min(farthest, 1 / max(1 - known / max(reach, 1.0), 1 / FARTHEST))
    return float(farthest)


def _warn_of_near(nearest: float, frame: Frame) -> None:
    enlarged = frame.size[0] / float(frame.crop[2]) / nearest
    if nearest < 1 and enlarged > MOST_ENLARGED:
        warnings.warn(
            f"distance {nearest:.3g}: the face becomes {enlarged:.1f} times as large as in its "
            "picture and will look soft; use a larger picture, or stay farther away",
            stacklevel=4,
        )
