"""A dental arch in place: where it hangs, its colours, and what a px shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numba
import numpy as np

from openvasa.maths import smoothstep
from openvasa.render.mouth.palette import Palette
from openvasa.render.mouth.shading import InteriorTones
from openvasa.render.mouth.teeth import ArchView


@dataclass(frozen=True)
class Arch:
    """One arch in place.

    Attributes:
        origin: (3,) canonical point at the mid-point of the incisal edge, mouth closed.
        bend, lean: depth of the arch: bend·x² + lean·y, canonical units.
        down: 1 where its view's y runs down (upper arch), −1 where up.
        view: its front view, centimetres.
        size: canonical units per centimetre of the view.
    """

    origin: np.ndarray
    bend: float
    lean: float
    down: float
    view: ArchView
    size: float

    @property
    def place(self) -> np.ndarray:
        """(3,) float64 left, top (of the first texel's centre) and texels per canonical unit."""
        return np.array(
            [self.view.left * self.size, self.view.top * self.size, self.view.density / self.size]
        )

    def texels(self) -> tuple[np.ndarray, np.ndarray]:
        """x (W,) and y (H,) of the view's texels in arch coordinates, canonical units."""
        rows, columns = self.view.solid.shape
        left, top, density = self.place
        return left + np.arange(columns) / density, top + np.arange(rows) / density

    def points(self) -> np.ndarray:
        """(H, W, 3) canonical points of the texels, mouth closed."""
        x, y = self.texels()
        y = y * self.down
        grid = np.stack(np.broadcast_arrays(x, y[:, None], 0.0), axis=-1)
        grid[..., 2] = self.bend * grid[..., 0] ** 2 + self.lean * grid[..., 1]
        return grid + self.origin


class ArchLayer(NamedTuple):
    """One arch as a frame shows it.

    Attributes:
        texture: (H, W, 4) float32 front view, RGB in 0–255 times alpha, and alpha in 0–1.
        place: (3,) float64 as `Arch.place`.
        sight: (3, 4) float64 lines of sight, from `sight.lay_sight`.
        bend, lean: as in `Arch`.
        down: as in `Arch`.
    """

    texture: np.ndarray
    place: np.ndarray
    sight: np.ndarray
    bend: float
    lean: float
    down: float


class SeenTeeth(NamedTuple):
    """The teeth that a portrait shows, in an arch's texels.

    Attributes:
        colour: (H, W, 3) float32 RGB.
        weight: (H, W) float32, certainty in 0–1.
    """

    colour: np.ndarray
    weight: np.ndarray


def colour_arch(
    arch: Arch,
    enamel: np.ndarray,
    palette: Palette,
    seen: SeenTeeth | None,
    tones: InteriorTones,
    stated: float,
) -> np.ndarray:
    """(H, W, 4) float32 arch view in the portrait's colours, premultiplied by alpha.

    Args:
        arch: the arch.
        enamel: (3,) RGB of its teeth in full light.
        palette: the other colours.
        seen: the teeth that the portrait shows.
        tones: how dim the last teeth are.
        stated: px of the portrait that one stated px is long.
    """
    view = arch.view
    solid = view.solid
    # Towards the cheeks light comes by way of the red of the mouth.
    far = smoothstep(tones.corner_from, tones.corner_to, np.abs(arch.texels()[0]))
    corner = tones.corner_shade * far.astype(np.float32)[:, None]
    dim = palette.cavity + tones.corner_lip_share * (palette.lip - palette.cavity)
    enamel, gum = (colour + corner * (dim - colour) for colour in (enamel, palette.gum))
    rgb = view.tooth[..., None] * enamel
    if seen is None:
        rgb += view.gum[..., None] * gum
    else:
        weight = seen.weight
        weight = cv2.GaussianBlur(weight, (0, 0), 1.0 * stated) * np.minimum(weight * 1.5, 1)
        # What the lips hid goes on in each column as the seen part of it.
        total = weight.sum(axis=0)
        spread = cv2.GaussianBlur(total[None], (0, 0), 3.0 * stated)[0]
        summed = (seen.colour * weight[..., None]).sum(axis=0)
        column = cv2.GaussianBlur(summed[None], (0, 0), 3.0 * stated)[0]
        column /= np.maximum(spread, 1e-3)[:, None]
        enough = smoothstep(1.0, 4.0, total / stated)
        known = cv2.GaussianBlur(enough[None], (0, 0), 6.0 * stated)[0][:, None]
        tooth = smoothstep(0.2, 0.6, view.tooth)[..., None]
        rgb += known * tooth * (column * np.maximum(view.tooth, 0.85)[..., None] - rgb)
        rgb += weight[..., None] * (seen.colour - rgb)
        rgb += ((1 - weight) * view.gum)[..., None] * gum
        solid = np.maximum(solid, weight)
    # The last teeth lie in the dark of the cheeks.
    out = np.abs(arch.texels()[0]) / arch.size
    lit = 1 - smoothstep(tones.cheek_from, tones.cheek_to, out)
    return (np.dstack([rgb, solid]) * lit[:, None]).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def look_up(layer: ArchLayer, x: float, y: float, out: np.ndarray) -> bool:
    """Sample an arch at arch coordinates (x, y) into out[:4]; False where there is none of it."""
    view, place = layer.texture, layer.place
    u = (x - place[0]) * place[2]
    v = (layer.down * y - place[1]) * place[2]
    height, width = view.shape[:2]
    if not (0 <= u < width - 1) or v >= height - 1:
        return False
    # Past the gum the view goes on unchanged towards the root.
    v = max(v, 0.0)
    i, j = int(v), int(u)
    f, g = v - i, u - j
    for k in range(4):
        upper = view[i, j, k] + g * (view[i, j + 1, k] - view[i, j, k])
        lower = view[i + 1, j, k] + g * (view[i + 1, j + 1, k] - view[i + 1, j, k])
        out[k] = upper + f * (lower - upper)
    return out[3] > 0
