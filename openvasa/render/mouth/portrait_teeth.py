"""What a portrait itself shows between its lips: its teeth, and how far its mouth is open."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FaceLatent
from openvasa.maths import smoothstep
from openvasa.render.mouth.arch import Arch, SeenTeeth
from openvasa.render.mouth.opening import (
    CONTOUR_SAMPLES,
    LipOpening,
    PortraitOpening,
    find_opening,
)
from openvasa.render.mouth.palette import measure_light, measure_redness
from openvasa.render.mouth.shading import LipShade, MouthShading, ToothEvidence

MIN_GAP = 0.2
"""Opening, canonical units, a portrait must show for its lips to count as open."""

MAX_OVERLAP = 0.25
"""The most by which the tracked edges of open lips can be off, canonical units."""

MAX_RISE = 0.16
"""The same of the lower lip, canonical units."""

SEAM_FROM, SEAM_TO = 0.12, 0.32
"""Opening in the portrait, canonical units, over which closed lips come to need a contact line."""


@dataclass(frozen=True)
class PortraitInterior:
    """What the portrait itself shows between its lips, in px of the crop.

    Attributes:
        left, top: px of the box's first pixel.
        rgb: (h, w, 3) float32, teeth freed of the lips' shadow.
        tooth: (h, w) float32 in 0–1, certainty that the pixel shows a tooth.
        has_teeth: enough of them to go by.
        colour: (3,) float32 RGB, median of the opening.
        opening: the opening's measures.
    """

    left: int
    top: int
    rgb: np.ndarray
    tooth: np.ndarray
    has_teeth: bool
    colour: np.ndarray
    opening: PortraitOpening

    def teeth_at(self, points: np.ndarray, head: HeadTransform) -> SeenTeeth:
        """The teeth seen at (H, W, 3) canonical points."""
        px = head.apply(points.reshape(-1, 3)).reshape(points.shape)
        x, y = px[..., 0] - self.left, px[..., 1] - self.top
        rgb = cv2.remap(self.rgb, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return SeenTeeth(rgb, cv2.remap(self.tooth, x, y, cv2.INTER_LINEAR))


def look_between_lips(
    face: FaceLatent, lip: np.ndarray, shading: MouthShading
) -> PortraitInterior | None:
    """Look between the portrait's own lips; None where they touch.

    Teeth are less red than the lips and brighter than the cavity. Where lips have no red of their
    own (drawings, stone, grey photos), brightness alone does not tell them apart: no teeth then.

    Args:
        face: the portrait.
        lip: (3,) RGB of its lips.
        shading: what counts as a tooth, and what the lips leave of the light.
    """
    scale, evidence = face.head.scale, shading.evidence
    gap = float(face.canonical[14, 1] - face.canonical[13, 1])
    touching = PortraitOpening()
    opening = find_opening(face.landmarks, scale, touching, face.size, face.stated, shading.lips)
    if gap < MIN_GAP or opening is None:
        return None
    h, w = opening.coverage.shape
    pad = max(round(MAX_OVERLAP * scale), 1)
    left, top = opening.left, max(opening.top - pad, 0)
    coverage = np.pad(opening.coverage, ((opening.top - top, 0), (0, 0)))
    rgb = face.image[top : opening.top + h, left : left + w].astype(np.float32)
    light = measure_light(rgb)
    inside = coverage > 0.7
    if not inside.any():
        return None
    lip_light = float(measure_light(lip))
    tooth, sure = _find_teeth(rgb, inside, lip, evidence)
    upwards = np.zeros((2 * pad + 1, 3), np.uint8)
    upwards[pad:] = 1
    blur = 2 * round(face.stated) + 1
    tooth = cv2.GaussianBlur(tooth * cv2.dilate(coverage, upwards), (blur, blur), 0)
    seen_area = float((tooth * coverage).sum())
    has_teeth = sure and seen_area > evidence.least_area * scale**2
    colour = np.median(rgb[inside], axis=0)
    shown = PortraitOpening(gap=gap, seam=float(smoothstep(SEAM_FROM, SEAM_TO, gap)))
    dark = light < evidence.cavity * lip_light
    shown = _measure_edges(face, shown, coverage, tooth * has_teeth, dark, left)
    shade = _measure_shade(face, shown, (left, top), coverage.shape, shading.lips)
    lit = rgb / np.maximum(shade, evidence.least_shade)[..., None]
    if has_teeth:
        brightest = np.percentile(measure_light(lit[inside & (tooth > 0.6)]), 80)
        lit *= np.minimum(brightest / np.maximum(measure_light(lit), 1), 1)[..., None]
    return PortraitInterior(left, top, lit, tooth, has_teeth, colour, shown)


def find_incisal_edge(arch: Arch, weight: np.ndarray) -> float | None:
    """y in arch coordinates where the seen teeth end at the middle of the arch; None if unseen."""
    x, y = arch.texels()
    seen = (weight > 0.5) & (np.abs(x) < 1.0)
    columns = np.flatnonzero(seen.sum(axis=0) > 0.08 * arch.place[2])
    if len(columns) == 0:
        return None
    first = seen[:, columns].argmax(axis=0)
    # The first run of tooth from the root: below a dark gap the other arch begins.
    rows = np.arange(len(y))[:, None]
    after = (rows >= first) & ~seen[:, columns]
    ends = np.where(after.any(axis=0), after.argmax(axis=0), len(y) - 1)
    return float(np.percentile(y[ends], 70))


def _find_teeth(
    rgb: np.ndarray, inside: np.ndarray, lip: np.ndarray, evidence: ToothEvidence
) -> tuple[np.ndarray, bool]:
    """(h, w) float32 certainty of tooth, and whether teeth stand out from lips at all."""
    light, red = measure_light(rgb), measure_redness(rgb)
    lip_red, tooth_red = float(measure_redness(lip)), float(np.percentile(red[inside], 10))
    # Grey lips are no redder than teeth; the contrast then stays too low for any to be seen.
    contrast = max(lip_red - tooth_red, 1e-3)
    tooth_light = float(np.percentile(light[inside & (red <= tooth_red + contrast / 2)], 85))
    red_from, red_to = (
        tooth_red + share * contrast for share in (evidence.red_from, evidence.red_to)
    )
    tooth = 1 - smoothstep(red_from, red_to, red)
    tooth *= smoothstep(evidence.light_from, evidence.light_to, light / tooth_light)
    stand_out = (
        contrast > evidence.least_contrast * lip_red > evidence.least_red
        and tooth_light > evidence.least_light * float(measure_light(lip))
    )
    return tooth.astype(np.float32), stand_out


def _measure_edges(
    face: FaceLatent,
    shown: PortraitOpening,
    coverage: np.ndarray,
    tooth: np.ndarray,
    dark: np.ndarray,
    left: int,
) -> PortraitOpening:
    """Find how far the true edges of open lips lie from the tracked ones.

    Args:
        face: the portrait.
        shown: measures to complete.
        coverage, tooth: (h, w) float32, the tracked opening and the teeth.
        dark: (h, w) bool, cavity.
        left: px of the crop where the maps begin.
    """
    scale = face.head.scale
    rows = np.arange(len(coverage))[:, None]
    inside = coverage > 0.5
    open_columns = np.flatnonzero(inside.sum(axis=0) > 2)
    if not len(open_columns):
        # Lips of a small face part by less than can be measured.
        return shown
    first, last = inside.argmax(axis=0), np.where(inside, rows, -1).max(axis=0)
    lip_height = float(np.linalg.norm(face.canonical[13, :2] - face.canonical[0, :2]))
    most = min(MAX_OVERLAP, 0.4 * lip_height)
    reach = max(round(most * scale), 1)
    other = (dark | (tooth > 0.35)) & (rows < first) & (rows >= first - reach)
    past = np.where(other.any(axis=0), first - other.argmax(axis=0) + 0.5, 0)
    lowest = np.where(inside & (dark | (tooth > 0.5)), rows, -1).max(axis=0)
    seen = open_columns[(tooth * inside).max(axis=0)[open_columns] > 0.6]
    rise = float(np.median((last - lowest)[seen])) / scale if len(seen) else 0.0
    corners = face.landmarks[[78, 308], 0]
    at = left + open_columns
    grid = np.linspace(corners[0], corners[1], CONTOUR_SAMPLES)
    along = np.interp(grid, at, past[open_columns], left=0, right=0)
    widened = cv2.dilate(along[None].astype(np.float32), np.ones((1, 7), np.uint8))
    smooth = cv2.GaussianBlur(widened, (0, 0), 9.0)[0].astype(np.float64)
    return replace(
        shown,
        overlap=np.clip(smooth / scale, 0, most),
        rise=float(np.clip(rise, 0, min(MAX_RISE, 0.5 * shown.gap))),
    )


def _measure_shade(
    face: FaceLatent,
    shown: PortraitOpening,
    corner: tuple[int, int],
    shape: tuple[int, ...],
    lips: LipShade,
) -> np.ndarray:
    """(h, w) float32 light that the portrait's own lips let in, over the box at `corner`."""
    shade = np.ones(shape, np.float32)
    shifted: LipOpening | None = find_opening(
        face.landmarks, face.head.scale, shown, face.size, face.stated, lips
    )
    if shifted is not None:
        y, x = shifted.top - corner[1], shifted.left - corner[0]
        part = shifted.light[max(-y, 0) :, max(-x, 0) :]
        y, x = max(y, 0), max(x, 0)
        part = part[: shape[0] - y, : shape[1] - x]
        shade[y : y + part.shape[0], x : x + part.shape[1]] = part
    return shade
