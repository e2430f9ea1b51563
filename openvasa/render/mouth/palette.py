"""Colours of the mouth's interior, in the portrait's own light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.face.topology import INNER_LIPS, LIPS
from openvasa.render.mouth.shading import InteriorTones
from openvasa.render.skin import average_around, measure_skin


@dataclass(frozen=True)
class Palette:
    """(3,) float32 RGB of what is in and around the mouth.

    Attributes:
        enamel: teeth in full light.
        lip: the lips.
        gum: the gum.
        cavity: the mouth's walls.
        tongue: the tongue.
        contact: the line where closed lips touch.
    """

    enamel: np.ndarray
    lip: np.ndarray
    gum: np.ndarray
    cavity: np.ndarray
    tongue: np.ndarray
    contact: np.ndarray


def pick_palette(face: FaceLatent, tones: InteriorTones) -> Palette:
    """Colours of the interior in the portrait's own light.

    Enamel has nearly the light's own colour, so it takes its brightness and part of its tint from
    the skin; the soft tissues take the lips' hue. A grey or drawn portrait thus stays so.
    """
    marks = face.landmarks[:, :2]
    near = max(round(face.stated), 1)
    skin = measure_skin(face)
    everywhere = measure_light(average_around(face.image, marks[:468], near))
    bright = float(np.percentile(everywhere, 95))
    lips = np.setdiff1d(LIPS, INNER_LIPS)
    lip = np.median(average_around(face.image, marks[lips], near), axis=0)
    # Of a mouth outside the picture, the border's px next to it.
    last = np.array(face.size) - 1
    low, high = (
        np.clip(marks[LIPS].min(axis=0).astype(int), 0, last),
        np.clip(marks[LIPS].max(axis=0).astype(int), 0, last) + 1,
    )
    around = measure_light(face.image[low[1] : high[1], low[0] : high[0]].astype(np.float32))
    darkest = float(np.percentile(around, 2))

    skin_light, lip_light = float(measure_light(skin)), max(float(measure_light(lip)), 1.0)
    mixed = tones.enamel_skin_share * skin_light + (1 - tones.enamel_skin_share) * bright
    enamel_light = min(tones.enamel_light * mixed, tones.brightest_enamel)
    enamel = enamel_light * (1 + tones.enamel_tint * (skin / max(skin_light, 1.0) - 1))
    lip_tint = lip / lip_light
    deep_tint = np.clip(1 + tones.cavity_tint * (lip_tint - 1), 0.3, 2.2)
    cavity = tones.cavity_light * lip_light * deep_tint
    contact_light = tones.contact_light * lip_light
    line = np.clip(tones.contact_dark * darkest, tones.darkest_contact, contact_light) * deep_tint
    contact = line + tones.contact_lip_share * (lip - line)
    tongue_tint = np.clip(1 + tones.tongue_tint * (lip_tint - 1), 0.4, 2.0)
    tongue = tones.tongue_light * lip_light * tongue_tint
    gum = tones.gum_light * (tones.gum_lip_share * lip + (1 - tones.gum_lip_share) * skin)
    colours = (np.asarray(c, np.float32) for c in (enamel, lip, gum, cavity, tongue, contact))
    return Palette(*colours)


def measure_light(rgb: np.ndarray) -> np.ndarray:
    """(...) brightness (BT.601) of (..., 3) RGB, grey levels."""
    return rgb @ np.array([0.299, 0.587, 0.114], np.float32)


def measure_redness(rgb: np.ndarray) -> np.ndarray:
    """(...) how much red stands out of green and blue of (..., 3) RGB, over the brightness."""
    return (rgb[..., 0] - (rgb[..., 1] + rgb[..., 2]) / 2) / (measure_light(rgb) + 8)
