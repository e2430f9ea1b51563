"""Complete the background behind the person, so that a turning head uncovers something.

Colour comes from a pull-push pyramid fill (Gortler et al., "The Lumigraph", SIGGRAPH 1996):
smooth and made of background only. Texture comes from the background's own detail, mirrored
across the silhouette along the gradient of a smoothed distance field, so that brush strokes and
weave do not end at the silhouette; farther in, and where the mirror image would show the person,
noise of the background's own strength and colour stands in.
"""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.errors import InputError

SILHOUETTE_MARGIN = 8
"""Stated px around the matte also taken as person: stray hair and colour bled across the edge.
A stated px is a px of a head-and-shoulders crop of 512 px."""
VISIBLE = 0.02
"""Opacity from which a pixel holds some of the person's colour."""
REDUCTION = 4
"""The smooth fill is computed on px that are so many stated px long."""
DETAIL_SIGMA = 6.0
"""Stated px: structures finer than this are carried by the mirror image, coarser by the fill."""
GRAIN_SIGMA = 1.5
"""Px of the picture itself: grain is as fine as its px are."""
NORMAL_SIGMA = 10.0
"""Stated px of smoothing of the distance field: a jagged silhouette must not fan the mirror."""
MIRROR_DEPTH = (3.0, 20.0)
"""Stated px behind the silhouette between which mirrored detail gives way to grain: farther in,
mirror images of lines and clouds bend into squiggles, and a wrong line errs twice: where it is, and
where it is not."""
OUTLIER = 3.0
"""Detail beyond this many robust standard deviations of the background's is a feature."""
FEATURE_REACH = 6.0
"""Stated px behind the silhouette over which a feature's excess contrast falls by e."""
TILE = 16
"""Px of the picture: side of the squares in which grain is measured."""
OHTA = (np.array([[2, 3, 1], [2, 0, -2], [2, -3, 1]]) / np.sqrt([12, 18, 6])).astype(np.float32)
"""Columns: brightness and two opponent colours, in which a picture's channels do not correlate
(Ohta, Kanade and Sakai, "Color Information for Region Segmentation", 1980)."""
SMALLEST_WEIGHT = 1e-4


def background_plate(image: np.ndarray, matte: np.ndarray, *, stated: float = 1.0) -> np.ndarray:
    """The portrait's background with the person taken out.

    Args:
        image: (H, W, 3) uint8 RGB.
        matte: (H, W) float32 opacity of the person in [0, 1].
        stated: px of the picture that one stated px is long.

    Returns:
        (H, W, 3) uint8 RGB: `image` itself away from the person, completed behind the
        person. Lines go on within 20 stated px of the silhouette; farther in are smooth colour
        and grain. Where the person fills the whole picture, the border's colours are spread.

    Raises:
        InputError: the matte does not have the picture's height and width.
    """
    if matte.shape != image.shape[:2]:
        raise InputError(
            f"matte: shape {matte.shape} does not match the picture's {image.shape[:2]}; "
            "compute it from this picture"
        )
    margin = 2 * round(SILHOUETTE_MARGIN * stated) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (margin, margin))
    hidden = cv2.dilate((matte > VISIBLE).astype(np.uint8), disc)
    if hidden.all():
        hidden[[0, -1], :] = 0
        hidden[:, [0, -1]] = 0
    known = (1 - hidden).astype(np.float32)
    picture = image.astype(np.float32)
    smooth = _smooth_fill(picture, known, stated)
    detail = (picture - smooth) * known[..., None]
    texture, share = _mirror_across_silhouette(detail, known, stated)
    grain = _grain_like(detail, known) * np.sqrt(1 - share**2)[..., None]
    filled = smooth + texture * share[..., None] + grain
    plate = np.where(known[..., None] > 0, picture, filled)
    return np.clip(np.rint(plate), 0, 255).astype(np.uint8)


def _smooth_fill(picture: np.ndarray, known: np.ndarray, stated: float) -> np.ndarray:
    """Low-pass of the known pixels, carried on smoothly across the unknown ones."""
    reduction = max(REDUCTION * stated, 1.0)
    size = (round(picture.shape[1] / reduction), round(picture.shape[0] / reduction))
    total = cv2.resize(picture * known[..., None], size, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    sigma = DETAIL_SIGMA * stated / reduction
    near = cv2.GaussianBlur(weight, (0, 0), sigma)
    blurred = cv2.GaussianBlur(total, (0, 0), sigma) / np.maximum(near, SMALLEST_WEIGHT)[..., None]
    filled = _pull_push(blurred, np.maximum((weight > 0).astype(np.float32), near))
    return cv2.resize(filled, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _pull_push(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill unknown pixels from coarser and coarser averages of the known ones."""
    levels = [(picture * known[..., None], known)]
    while min(levels[-1][1].shape) > 1:
        colour, weight = (cv2.pyrDown(plane) for plane in levels[-1])
        colour = colour.reshape(*weight.shape, -1)
        # Saturating the weight lets a few known pixels vouch fully for their neighbourhood.
        gain = np.minimum(1.0, 2 * weight) / np.maximum(weight, SMALLEST_WEIGHT)
        levels.append((colour * gain[..., None], weight * gain))
    colour, weight = levels.pop()
    filled = colour / np.maximum(weight, SMALLEST_WEIGHT)[..., None]
    while levels:
        colour, weight = levels.pop()
        coarser = cv2.pyrUp(filled, dstsize=weight.shape[::-1]).reshape(colour.shape)
        filled = colour + coarser * (1 - weight)[..., None]
    return filled


def _mirror_across_silhouette(
    detail: np.ndarray, known: np.ndarray, stated: float
) -> tuple[np.ndarray, np.ndarray]:
    """Detail reflected into the unknown area, and its share (0 to 1) in the filled texture."""
    inside = cv2.distanceTransform((known == 0).astype(np.uint8), cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, 3)
    height, width = known.shape
    reduction = max(2 * stated, 1.0)
    half = (round(width / reduction), round(height / reduction))
    depth = cv2.resize(inside - outside, half, interpolation=cv2.INTER_AREA)
    depth = cv2.GaussianBlur(depth, (0, 0), NORMAL_SIGMA * stated / reduction)
    slope_x, slope_y = cv2.Sobel(depth, cv2.CV_32F, 1, 0), cv2.Sobel(depth, cv2.CV_32F, 0, 1)
    length = np.maximum(cv2.magnitude(slope_x, slope_y), SMALLEST_WEIGHT)
    normal_x = cv2.resize(slope_x / length, (width, height), interpolation=cv2.INTER_LINEAR)
    normal_y = cv2.resize(slope_y / length, (width, height), interpolation=cv2.INTER_LINEAR)
    column = np.arange(width, dtype=np.float32)
    row = np.arange(height, dtype=np.float32)[:, None]
    at = (column - 2 * inside * normal_x, row - 2 * inside * normal_y)
    # Cubic, because linear interpolation would wash out a third of the finest grain.
    texture = cv2.remap(detail, *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    texture = _limit_outliers(texture, detail, known, inside / stated)
    seen = cv2.remap(known, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    seen = cv2.GaussianBlur(cv2.erode(seen, np.ones((5, 5), np.uint8)), (0, 0), 2.0)
    start, end = MIRROR_DEPTH
    return texture, seen * np.clip((end - inside / stated) / (end - start), 0, 1)


def _limit_outliers(
    texture: np.ndarray, detail: np.ndarray, known: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """Let single features, such as a loose strand of hair, die out `inside` stated px deep."""
    sample = np.abs(detail[::4, ::4])[known[::4, ::4] > 0]
    usual = OUTLIER * 1.48 * float(np.median(sample)) if sample.size else 0.0
    limit = (usual + 128 * np.exp(-inside / FEATURE_REACH))[..., None]
    return np.clip(texture, -limit, limit)


def _grain_like(detail: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(H, W, 3) noise, as strong and as coloured as the grain of the nearby background."""
    # Averages of known px only: zeros behind the silhouette would leave the cut in the fine detail.
    near = np.maximum(cv2.GaussianBlur(known, (0, 0), GRAIN_SIGMA), SMALLEST_WEIGHT)
    fine = detail - cv2.GaussianBlur(detail, (0, 0), GRAIN_SIGMA) / near[..., None]
    # Medians of tiles: strands, twigs and outlines are no grain, and would come back as static.
    spread, share = _tile_spread(fine @ OHTA, known > 0)
    strength = _pull_push(spread, share)
    strength = cv2.resize(strength, known.shape[::-1], interpolation=cv2.INTER_LINEAR)
    noise = np.random.default_rng(0).standard_normal(detail.shape, np.float32)
    return (noise * strength) @ OHTA.T


def _tile_spread(values: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Robust standard deviation of each tile and channel, float32, and the tile's counted share."""
    rows, columns = (-(-extent // TILE) for extent in counted.shape)
    size = ((0, rows * TILE - counted.shape[0]), (0, columns * TILE - counted.shape[1]), (0, 0))
    amplitude = np.where(counted[..., None], np.abs(values), np.nan)
    amplitude = np.pad(amplitude, size, constant_values=np.nan)
    tiles = amplitude.reshape(rows, TILE, columns, TILE, -1)[:, ::2, :, ::2].swapaxes(1, 2)
    tiles = tiles.reshape(rows, columns, -1, values.shape[2])
    share = np.isfinite(tiles[..., 0]).mean(axis=2, dtype=np.float32)
    spread = np.zeros((rows, columns, values.shape[2]), np.float32)
    spread[share > 0] = 1.48 * np.nanmedian(tiles[share > 0], axis=1)
    return spread, share
