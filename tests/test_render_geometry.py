"""One geometry for all: what is drawn, learned from and measured closes large eyes alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from openvasa import FaceLatent, load_portrait
from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.data.pairs import Footage, make_pairs, region_key
from openvasa.evaluate.render import METHODS, render_all_ways
from openvasa.face.dynamics import dynamics_code, lid_gap
from openvasa.face.latent import FrameGeometry
from openvasa.face.topology import LEFT_LID_PAIRS, RIGHT_LID_PAIRS
from openvasa.render.regions import REGIONS, frame_affine, geometry_maps, source_view
from openvasa.render.warp_renderer import WarpRenderer

WIDER = 1.5
"""Opening of the large eyes over the portrait's own."""


def with_lids(shape: np.ndarray, share: float) -> np.ndarray:
    """A (478, 3) shape whose upper lids stand `share` as far above the lower as they did."""
    moved = shape.copy()
    for pairs in (RIGHT_LID_PAIRS, LEFT_LID_PAIRS):
        upper, lower = shape[pairs[:, 0]], shape[pairs[:, 1]]
        moved[pairs[:, 0]] = lower + share * (upper - lower)
    return moved


@pytest.fixture(scope="module")
def face() -> FaceLatent:
    """The example with eyes larger than the mean."""
    made = load_portrait(EXAMPLE_PORTRAIT)
    canonical, neutral = (with_lids(s, WIDER) for s in (made.canonical, made.neutral))
    large = replace(
        made, canonical=canonical, neutral=neutral, landmarks=made.head.apply(canonical)
    )
    assert lid_gap(neutral[None])[0] > 1.1 * lid_gap(dynamics_code().mean_shape[None])[0]
    return large


def nearly_shut(face: FaceLatent) -> FrameGeometry:
    """Lids lowered by what shuts the eyes of the mean face, or nearly so."""
    gap, mean = (
        float(lid_gap(shape[None])[0]) for shape in (face.neutral, dynamics_code().mean_shape)
    )
    canonical = with_lids(face.canonical, 1 - 0.95 * mean / gap)
    return FrameGeometry(canonical, face.head, face.head.apply(canonical))


def drawn_geometry(face: FaceLatent, geometry: FrameGeometry) -> FrameGeometry:
    """What the product draws."""
    *_, last = WarpRenderer(face).draw(geometry)
    return last.geometry


def test_the_product_shuts_the_lids_further(face: FaceLatent) -> None:
    asked = nearly_shut(face)
    shut = drawn_geometry(face, asked)
    assert lid_gap(shut.canonical[None])[0] < 0.8 * lid_gap(asked.canonical[None])[0]


def test_training_pairs_hold_the_geometry_that_is_drawn(face: FaceLatent) -> None:
    asked = nearly_shut(face)
    footage = Footage(
        [face.picture] * 3,
        np.stack([face.canonical, asked.canonical, asked.canonical]),
        [face.head] * 3,
    )
    pairs = make_pairs(face, footage, 0, np.array([1]))
    shut = drawn_geometry(face, asked)
    for region in REGIONS[1:]:
        source_affine = source_view(region, face)[1]
        affine = frame_affine(region, shut, face.neutral)
        places = (face.landmarks, affine, source_affine)
        wanted, unprepared = (
            geometry_maps(region, g.landmarks, *places).astype(np.float16) for g in (shut, asked)
        )
        kept = pairs[f"{region_key(region)}_geometry"][0]
        np.testing.assert_allclose(kept, wanted, atol=2e-3)
        assert np.abs(kept - unprepared).max() > 0.05


def test_the_evaluation_measures_the_frame_that_is_shown(face: FaceLatent) -> None:
    asked = nearly_shut(face)
    renderer = WarpRenderer(face)
    ways = render_all_ways(renderer, asked)
    assert list(ways) == list(METHODS)
    np.testing.assert_array_equal(ways["refined"], renderer.render(asked))
