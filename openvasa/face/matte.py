"""Tell the person from the background: a soft matte of head, hair, hat and shoulders.

MediaPipe's selfie segmentation network (Apache-2.0) finds the person at 256 px; where it is
unsure over a whole region, as on the brim of a painted hat, it looks again from farther away, with
what the picture shows around the square; what it still is unsure of GrabCut (Rother et al.,
SIGGRAPH 2004) decides by colour; a guided filter (He et al., TPAMI 2013) with the picture as guide
then moves the outline to the picture's own edges.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from openvasa.assets import THIRD_PARTY
from openvasa.backend import Network, compile_network
from openvasa.errors import InputError
from openvasa.face.guided_filter import fit_edges
from openvasa.face.topology import FACE_OVAL, POINTS

SIDE = 512
NETWORK_SIDE = 256
VIEWS = ((1.0, False), (1.0, True), (0.85, False), (0.7, True))
"""(scale, mirrored) of the views whose answers are averaged: close crops of big hats and hair are
unlike the pictures that the network knows, and are told better from farther away."""
FARTHER = (1.4, 2.0)
"""How many times as wide the views are from which unsure regions are looked at again: a hat that a
close crop cuts off is whole in them."""
CONTRADICTED = 0.5
"""Difference of probabilities from which the farther views count where the close ones are sure."""
FRAME = 3
"""Network px along the border that may belong to a scan's frame."""
SURE = 0.1
"""Probabilities within this of 0 or 1 count as certain."""
LIKELY = 0.25
"""Unsure pixels above this start out as person: a dragged bit of wall shows less than a hat cut
in two."""
GRABCUT_SIDE = 96
"""GrabCut's time grows with its pixels; edges are the guided filter's work anyway."""
UNSURE_WIDTH = 11
"""Width in network px from which an uncertain zone is a region, not merely a soft edge."""
FILTER_RADIUS = 4
"""In px at half the picture's size, where the filter's coefficients are computed."""
FILTER_EPSILON = 2e-4
ENLARGING_RADIUS = 2
"""Px of the smaller picture: it takes the edge that it has to where a finer picture has it."""
FAINT = 0.08
"""Opacities below this, or above one minus this, are the filter's haze and not hair."""
REACH = 20
"""Px beside the person that are searched for parts of them that the network overlooked."""
UNLIKE = 24
"""Distance in RGB from an even background that makes a part of the person."""
EDGE_BAND = 12
"""Half width in px of the zone around the outline in which the matte may be soft."""


Surroundings = Callable[[float], np.ndarray]
"""How many times as wide as the portrait's square → that square about the same middle, 512 px."""


@lru_cache(maxsize=2)
def _network(threads: int) -> Network:
    return compile_network(THIRD_PARTY / "selfie_segmentation.onnx", threads=threads)


def person_matte(
    image: np.ndarray,
    landmarks: np.ndarray,
    *,
    surroundings: Surroundings | None = None,
    threads: int = 1,
) -> np.ndarray:
    """Opacity of the person whose face was tracked.

    Args:
        image: (512, 512, 3) uint8 RGB portrait crop.
        landmarks: (478, 3) float32 face landmarks in px of `image`.
        surroundings: what the picture shows around `image`; None where it shows nothing.
        threads: CPU threads of the network.

    Returns:
        (512, 512) float32 in [0, 1]: one connected region that holds the whole face oval and
        has no holes; soft along its outline.

    Raises:
        InputError: an array has the wrong shape or type, or the face lies outside the picture.
    """
    if image.shape != (SIDE, SIDE, 3) or image.dtype != np.uint8:
        raise InputError(
            f"portrait crop: expected (512, 512, 3) uint8, got {image.shape} {image.dtype}; "
            "crop and resize the portrait first"
        )
    if landmarks.shape != (POINTS, 3):
        raise InputError(
            f"landmarks: expected (478, 3), got {landmarks.shape}; track the crop first"
        )
    face = _face_region(landmarks)
    if not face.any():
        raise InputError("landmarks: the face lies outside the crop; crop around the face")
    probability = _person_probability(image, threads)
    if surroundings is not None and _unsure_region(probability).any():
        probability = _look_from_afar(probability, surroundings, threads)
    probability = np.maximum(probability, _half(face))
    probability = _settle_unsure_regions(image, probability)
    coarse = cv2.resize(probability, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    outline = _connected_solid(np.maximum(coarse, face) > 0.5, face)
    overlooked = _unlike_background(image, outline)
    if overlooked.any():
        coarse = np.where(overlooked, np.maximum(coarse, 0.9), coarse)
        outline = _connected_solid(outline | overlooked, face)
    refined = _guided_filter(image, np.where(outline, np.maximum(coarse, 0.5), coarse))
    return _soften_only_the_edge(refined, outline, face)


def _face_region(landmarks: np.ndarray) -> np.ndarray:
    """(512, 512) float32: 1 inside the convex hull of the face oval."""
    hull = cv2.convexHull(np.round(landmarks[FACE_OVAL, :2]).astype(np.int32))
    region = np.zeros((SIDE, SIDE), np.float32)
    cv2.fillConvexPoly(region, hull, 1.0)
    return region


def _half(plane: np.ndarray) -> np.ndarray:
    return cv2.resize(plane, (NETWORK_SIDE, NETWORK_SIDE), interpolation=cv2.INTER_AREA)


def _person_probability(image: np.ndarray, threads: int) -> np.ndarray:
    """(256, 256) float32 probability: the mean over `VIEWS` of the picture."""
    size = (NETWORK_SIDE, NETWORK_SIDE)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    # Shrunk views spread the border outwards; the thin frame of a scan must not spread with it.
    inner = small[FRAME:-FRAME, FRAME:-FRAME]
    unframed = np.pad(inner, ((FRAME, FRAME), (FRAME, FRAME), (0, 0)), mode="edge")
    total = np.zeros(size, np.float32)
    for scale, mirrored in VIEWS:
        # Shrunk towards the middle of the lower border, where the body carries on.
        shift = NETWORK_SIDE * (1 - scale) * np.array([0.5, 1])
        matrix = np.column_stack([scale * np.eye(2), shift]).astype(np.float32)
        view = cv2.warpAffine(unframed, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        answer = _ask(view, threads, mirrored=mirrored)
        back = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
        total += cv2.warpAffine(answer, matrix, size, flags=back, borderMode=cv2.BORDER_REPLICATE)
    return total / len(VIEWS)


def _ask(view: np.ndarray, threads: int, *, mirrored: bool) -> np.ndarray:
    """(256, 256) float32 probability in one view of values in 0–1."""
    step = -1 if mirrored else 1
    tensor = np.ascontiguousarray(view[:, ::step].transpose(2, 0, 1)[None])
    return np.ascontiguousarray(_network(threads)(tensor)[0][0, 0][:, ::step])


def _look_from_afar(
    probability: np.ndarray, surroundings: Surroundings, threads: int
) -> np.ndarray:
    """The probability with farther views' answers where the close ones are unsure or wrong."""
    size = (NETWORK_SIDE, NETWORK_SIDE)
    far = np.zeros(size, np.float32)
    for times in FARTHER:
        small = cv2.resize(surroundings(times), size, interpolation=cv2.INTER_AREA)
        view = small.astype(np.float32) / 255
        answer = _ask(view, threads, mirrored=False) + _ask(view, threads, mirrored=True)
        shift = NETWORK_SIDE * (1 - times) / 2 * np.ones(2)
        matrix = np.column_stack([times * np.eye(2), shift]).astype(np.float32)
        far += cv2.warpAffine(answer, matrix, size) / (2 * len(FARTHER))
    wrong = np.abs(far - probability) > CONTRADICTED
    region = np.maximum(_unsure_region(probability), _regions(wrong.astype(np.uint8)))
    return probability + _soft(region) * (far - probability)


def _settle_unsure_regions(image: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Let colour decide regions, but not edges, where the network is unsure."""
    region = _unsure_region(probability)
    if not region.any():
        return probability
    return probability + _soft(region) * (_grab_cut(image, probability) - probability)


def _unsure_region(probability: np.ndarray) -> np.ndarray:
    """(256, 256) uint8: where the network is unsure over a whole region."""
    return _regions(((probability > SURE) & (probability < 1 - SURE)).astype(np.uint8))


def _regions(mask: np.ndarray) -> np.ndarray:
    """The wide parts of a uint8 mask, without those as narrow as soft edges."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (UNSURE_WIDTH, UNSURE_WIDTH))
    core = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc)
    return np.minimum(cv2.dilate(core, disc), mask)


def _soft(region: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(region.astype(np.float32), (0, 0), 1.5)


def _grab_cut(image: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """(256, 256) float32 person mask by GrabCut, started from the network's probabilities."""
    size = (GRABCUT_SIDE, GRABCUT_SIDE)
    coarse = cv2.resize(probability, size, interpolation=cv2.INTER_AREA)
    labels = np.where(coarse > LIKELY, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[coarse >= 1 - SURE] = cv2.GC_FGD
    labels[coarse <= SURE] = cv2.GC_BGD
    if (labels == cv2.GC_BGD).any() and (labels == cv2.GC_FGD).any():
        patch = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        # GrabCut starts its colour mixtures from OpenCV's global random state.
        cv2.setRNGSeed(0)
        background, person = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(patch, labels, (0, 0, 0, 0), background, person, 2, cv2.GC_INIT_WITH_MASK)
    mask = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    return cv2.resize(mask, probability.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _connected_solid(mask: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The part of `mask` that hangs together with the face, its holes filled."""
    # Opening cuts the hair-thin bridges by which clutter behind a person hangs on to them.
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, parts = cv2.connectedComponents(np.maximum(opened, (face > 0).astype(np.uint8)))
    person = parts == parts[face > 0][0]
    framed = np.pad(~person, 1, constant_values=False).astype(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(framed, connectivity=4)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    open_to_border = (left <= 1) | (top <= 1) | (right >= SIDE + 1) | (bottom >= SIDE + 1)
    open_to_border[0] = False
    return ~open_to_border[np.asarray(parts, np.int64)][1:-1, 1:-1]


def _unlike_background(image: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """(512, 512) bool: places beside the person that cannot be the smooth background there.

    The network loses thin parts such as a collar's rim. Where the background around is even, a
    colour far from it gives them away; a busy background is left to the network.
    """
    size = (2 * REACH + 1, 2 * REACH + 1)
    near = cv2.dilate(outline.astype(np.uint8), np.ones(size, np.uint8)) > 0
    far = (~near).astype(np.float32)
    picture = image.astype(np.float32)

    def mean(plane: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(plane, (0, 0), REACH)

    weight = mean(far)
    seen = weight > 0.02
    share = np.maximum(weight, 0.02)[..., None]
    colour = mean(picture * far[..., None]) / share
    spread = mean((picture - colour) ** 2 * far[..., None]) / share
    distance = np.linalg.norm(picture - colour, axis=2)
    unlike = distance > UNLIKE + 4 * np.sqrt(spread.sum(axis=2))
    unlike = (unlike & near & ~outline & seen).astype(np.uint8)
    return cv2.morphologyEx(unlike, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0


def _guided_filter(image: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`target` with the picture's own edges; fitted at half the side, applied at the whole."""
    full_guide = image.astype(np.float32) / 255
    guide = cv2.resize(full_guide, (NETWORK_SIDE, NETWORK_SIDE), interpolation=cv2.INTER_AREA)
    return fit_edges(guide, _half(target), FILTER_RADIUS, FILTER_EPSILON).apply(full_guide)


def _soften_only_the_edge(refined: np.ndarray, outline: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Matte in [0, 1]: `refined` within a band around the outline, 0 and 1 beyond it."""
    solid = outline.astype(np.uint8)
    inside = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    outside = cv2.distanceTransform(1 - solid, cv2.DIST_L2, 3)
    floor = np.clip(2 * inside / EDGE_BAND - 1, 0, 1)
    ceiling = np.clip(2 - 2 * outside / EDGE_BAND, 0, 1)
    contrast = (refined - FAINT) / (1 - 2 * FAINT)
    return np.maximum(np.clip(contrast, floor, ceiling), face)


def enlarge_matte(
    matte: np.ndarray, coarse: np.ndarray, fine: np.ndarray, times: float
) -> np.ndarray:
    """A matte that was made `times` as small takes its edges from the finer picture.

    Args:
        matte: (H, W) float32 opacity in [0, 1], enlarged.
        coarse: (H, W, 3) uint8 RGB, the picture it belongs to, enlarged alike.
        fine: (H, W, 3) uint8 RGB, the picture with its own detail.
        times: how often as large it is as when it was made, 1 or more.

    Returns:
        (H, W) float32 in [0, 1]: edges follow `fine`; what is wholly person or background stays so.
    """
    size = (round(fine.shape[1] / times), round(fine.shape[0] / times))
    guide, mask = (
        cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        for plane in (coarse, matte)
    )
    edges = fit_edges(guide / 255, mask, ENLARGING_RADIUS, FILTER_EPSILON)
    sharp = edges.apply(fine.astype(np.float32) / 255)
    window = np.ones((2 * ENLARGING_RADIUS + 1,) * 2, np.uint8)
    low, high = (
        cv2.resize(extreme(mask, window), fine.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        for extreme in (cv2.erode, cv2.dilate)
    )
    return np.clip(sharp, np.maximum(low, 0), np.minimum(high, 1))
