"""How far a drawn layer is from the real frame.

Teeth, tongue and lashes seldom lie where they lie in the real frame: they are guessed, and tracked
to a px or two. The error px by px is then least in one brown that has neither teeth nor dark. So
two errors are halved between, both in grey levels, whose steps are about equally visible:

- *tone*: absolute error of the pictures blurred over 2 mm, what is bright or dark at about this
  place;
- *spread*: 1-Wasserstein distance of the colours, channel by channel: mean absolute difference of
  the sorted values (Rabin et al., "Wasserstein barycenter and its application to texture mixing",
  2011). It asks for as much bright and dark as there is, wherever it lies, and so keeps contrast.

Only px that the layer draws count.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from openvasa.data.layer_moments import Scene
from openvasa.render.shading import Shading

BLUR = 0.2
"""Deviation of the blur, canonical units (about a centimetre)."""


def measure_error(drawn: np.ndarray, real: np.ndarray, counted: np.ndarray, blur: float) -> float:
    """Half of tone and half of spread, grey levels.

    Args:
        drawn, real: (h, w, 3) uint8 RGB.
        counted: (h, w) bool, px that count; at least one.
        blur: deviation of the blur, px.
    """
    off = (drawn.astype(np.float32) - real) * counted[..., None]
    weight = cv2.GaussianBlur(counted.astype(np.float32), (0, 0), blur)
    tone = np.abs(cv2.GaussianBlur(off, (0, 0), blur))[counted] / weight[counted][:, None]
    ours, theirs = (
        np.sort(picture[counted].astype(np.float32), axis=0) for picture in (drawn, real)
    )
    return float(tone.mean() + np.abs(ours - theirs).mean()) / 2


def people_of(scenes: Sequence[Scene]) -> list[str]:
    """Names of the people, sorted."""
    return sorted({scene.person for scene in scenes})


def measure_people(scenes: Sequence[Scene], shading: Shading) -> np.ndarray:
    """(P,) float64 error of each of `people_of`; a px that is drawn counts as much as any other.

    Args:
        scenes: of one layer.
        shading: what the layer is drawn by.
    """
    names = people_of(scenes)
    sums, counts = np.zeros(len(names)), np.zeros(len(names))
    for scene in scenes:
        person, blur = names.index(scene.person), BLUR * scene.face.head.scale
        for moment, drawn in zip(scene.moments, scene.draw(shading), strict=True):
            count = int(moment.drawn.sum())
            sums[person] += count * measure_error(drawn, moment.real, moment.drawn, blur)
            counts[person] += count
    return sums / counts
