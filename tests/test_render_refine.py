"""Refinement: crops that ride on the skull, geometry maps, frames touched only where they move."""

from __future__ import annotations

from dataclasses import replace

import golden_set
import numpy as np
import pytest

from openvasa.face.canonical import HeadTransform, apply_pose
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.topology import INNER_LIPS
from openvasa.machine import multiplies_in_bf16
from openvasa.render import refine
from openvasa.render.bend import bend_and_shade
from openvasa.render.mouth.palette import measure_light, measure_redness
from openvasa.render.refine import Refiner
from openvasa.render.regions import (
    DISPLACEMENT_UNIT,
    FIELD_STEP,
    LEFT,
    MOUTH,
    REGIONS,
    RIGHT,
    Region,
    anchor_of,
    crop_affine,
    frame_affine,
    geometry_maps,
    movement,
    source_view,
)
from openvasa.render.warp_renderer import WarpRenderer

COARSE_FLOOR = 50.0
"""dB of mouth and eyes, in bf16 against float32: a grey level here and there."""
BRIGHTER = float(np.log(1.4))
GREY, BARE = np.full(3, 100), np.ones((16, 16), np.float32)
FADE = np.clip(np.minimum(np.arange(32), np.arange(32)[::-1]) / 4, 0, 1).astype(np.float32)
"""Along one side of the mouth's fields; a network's are 0 at their border."""


@pytest.fixture(scope="module")
def at_rest(face: FaceLatent) -> FrameGeometry:
    return FrameGeometry(face.canonical, face.head, face.landmarks)


def _answering(
    monkeypatch: pytest.MonkeyPatch, *, bend: tuple[float, ...] = (0, 0), shade: tuple[float, ...]
) -> None:
    """Networks that give every cell the same answer, fading out at the border."""

    def network(rendered: np.ndarray, *_: np.ndarray) -> list[np.ndarray]:
        cells = 2 * rendered.shape[1] // FIELD_STEP
        fade = FADE if cells == len(FADE) else FADE[::2]
        faded = (fade[:, None] * fade)[None, ..., None]
        parts = (np.asarray(values, np.float32) * faded for values in (bend, shade))
        return [np.repeat(part, len(rendered), axis=0) for part in parts]

    monkeypatch.setattr(refine, "networks_in", lambda _: ["mouth", "eye"])
    monkeypatch.setattr(refine, "load_coarse", lambda _: network)


@pytest.fixture
def brightener(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that brighten all of every crop by the same amount."""
    _answering(monkeypatch, shade=(BRIGHTER,) * 3)


def _open_mouth(face: FaceLatent, by: float) -> FrameGeometry:
    canonical = face.canonical.copy()
    canonical[INNER_LIPS[11:], 1] += by
    return FrameGeometry(canonical, face.head, face.head.apply(canonical))


@pytest.mark.parametrize("region", REGIONS, ids=lambda r: r.name)
def test_the_anchor_is_the_middle_of_the_crop_whatever_the_pose(
    face: FaceLatent, region: Region
) -> None:
    head = apply_pose(face.head, np.array([0.1, 0.3, 0.2, 0.05, 0.1, 0.2], np.float32))
    anchor = anchor_of(region, face.neutral)
    affine = crop_affine(region, head, anchor)
    at = head.apply(anchor[None])[0, :2]
    np.testing.assert_allclose(affine @ [*at, 1], (region.side - 1) / 2, atol=1e-3)


def test_a_rolled_head_is_seen_upright(face: FaceLatent) -> None:
    angle = 0.5
    c, s = np.cos(angle), np.sin(angle)
    roll = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    plain = HeadTransform(np.eye(3), 14.0, np.array([256.0, 256, 0]))
    rolled = HeadTransform(roll, 14.0, np.array([256.0, 256, 0]))
    anchor = anchor_of(MOUTH, face.neutral)
    views = []
    for head in (plain, rolled):
        affine = crop_affine(MOUTH, head, anchor)
        views.append(head.apply(face.neutral)[:, :2] @ affine[:, :2].T + affine[:, 2])
    np.testing.assert_allclose(views[0], views[1], atol=0.01)


def test_the_left_eye_is_mirrored(face: FaceLatent) -> None:
    def outer_corner(region: Region, point: int) -> float:
        affine = crop_affine(region, face.head, anchor_of(region, face.neutral))
        return float((affine @ [*face.landmarks[point, :2], 1])[0])

    assert outer_corner(RIGHT, 33) < RIGHT.side / 2
    assert outer_corner(LEFT, 263) < LEFT.side / 2


@pytest.mark.parametrize("region", REGIONS, ids=lambda r: r.name)
def test_nothing_has_moved_at_rest(
    face: FaceLatent, at_rest: FrameGeometry, region: Region
) -> None:
    _, affine = source_view(region, face)
    places = (face.landmarks, face.landmarks, affine, affine)
    assert movement(region, *places) == 0
    assert np.abs(geometry_maps(region, *places)[:2]).max() < 1e-4


def test_displacement_tells_where_the_skin_came_from(face: FaceLatent) -> None:
    _, affine = source_view(MOUTH, face)
    landmarks = face.landmarks.copy()
    # 4 px of the crop to the left in the frame: it came from 4 px to the right.
    landmarks[:, :2] -= 4 * np.linalg.inv(affine[:, :2])[:, 0].astype(np.float32)
    maps = geometry_maps(MOUTH, landmarks, face.landmarks, affine, affine)
    on_face = maps[3] > 0.99
    np.testing.assert_allclose(maps[0][on_face], 4 / DISPLACEMENT_UNIT, atol=1e-3)
    np.testing.assert_allclose(maps[1][on_face], 0, atol=1e-3)


def test_the_inner_loop_opens_with_the_lips(face: FaceLatent) -> None:
    _, affine = source_view(MOUTH, face)
    areas = [
        geometry_maps(MOUTH, _open_mouth(face, by).landmarks, face.landmarks, affine, affine)[
            2
        ].sum()
        for by in (0.0, 0.5, 1.0)
    ]
    assert areas[0] < areas[1] < areas[2]


@pytest.mark.usefixtures("brightener")
def test_a_resting_portrait_is_left_alone(face: FaceLatent, at_rest: FrameGeometry) -> None:
    frame = face.image.copy()
    Refiner(face).refine(frame, at_rest)
    np.testing.assert_array_equal(frame, face.image)


@pytest.mark.usefixtures("brightener")
def test_only_the_region_that_moved_is_refined(face: FaceLatent) -> None:
    frame = np.full_like(face.image, 100)
    geometry = _open_mouth(face, 0.8)
    Refiner(face).refine(frame, geometry)
    changed = frame != 100
    chin = geometry.landmarks[199, :2].astype(int)
    assert tuple(frame[chin[1], chin[0]]) == (140, 140, 140)
    eyes = geometry.landmarks[[33, 263], :2].astype(int)
    assert not changed[eyes[:, 1], eyes[:, 0]].any()
    assert 0 < changed.mean() < 0.15


@pytest.mark.usefixtures("brightener")
def test_refinement_fades_out_without_a_seam(face: FaceLatent) -> None:
    frame = np.full_like(face.image, 100)
    Refiner(face).refine(frame, _open_mouth(face, 0.8))
    steps = np.abs(np.diff(frame[..., 0].astype(int), axis=1))
    assert steps.max() < 12


@pytest.mark.usefixtures("brightener")
def test_a_face_partly_outside_the_frame_is_refined_too(face: FaceLatent) -> None:
    frame = np.full_like(face.image, 100)
    geometry = _open_mouth(face, 0.8)
    below = np.array([0, 512 - geometry.landmarks[13, 1], 0])
    head = replace(geometry.head, translation=geometry.head.translation + below)
    moved = FrameGeometry(geometry.canonical, head, head.apply(geometry.canonical))
    Refiner(face).refine(frame, moved)
    assert (frame[-8:] > 100).any()
    assert frame_affine(MOUTH, moved, face.neutral).shape == (2, 3)


def test_a_grey_portrait_stays_grey(face: FaceLatent, monkeypatch: pytest.MonkeyPatch) -> None:
    _answering(monkeypatch, shade=(0.2, 0, 0))
    grey = replace(face, image=np.repeat(face.image.mean(axis=-1, keepdims=True), 3, axis=-1))
    grey = replace(grey, image=grey.image.astype(np.uint8))
    frame = np.full_like(face.image, 100)
    Refiner(grey).refine(frame, _open_mouth(face, 0.8))
    assert (frame > 100).any()
    assert np.ptp(frame.astype(int), axis=-1).max() <= 1


@pytest.mark.usefixtures("brightener")
def test_a_region_without_a_network_stays(
    face: FaceLatent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refine, "networks_in", lambda _: ["eye"])
    frame = np.full_like(face.image, 100)
    Refiner(face).refine(frame, _open_mouth(face, 0.8))
    assert (frame == 100).all()


def test_bending_moves_what_is_there() -> None:
    x = np.arange(128, dtype=np.uint8)
    frame = np.repeat(np.tile(x, (128, 1))[..., None], 3, axis=-1)
    bend, shade = np.zeros((32, 32, 2), np.float32), np.zeros((32, 32, 3), np.float32)
    # A frame twice as fine as the crop: three px of the crop are six of the frame.
    bend[1:-1, 1:-1, 0] = 3
    half = np.array([[0.5, 0, 32], [0, 0.5, 32]])
    bend_and_shade(frame, bend, shade, half, np.ones((32, 32), np.float32), GREY)
    assert tuple(frame[64, 64]) == (70, 70, 70)
    assert frame[64, 100, 0] == 106


def test_a_gain_leaves_black_black() -> None:
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[:, 32:] = 100
    bend, shade = np.zeros((16, 16, 2), np.float32), np.zeros((16, 16, 3), np.float32)
    shade[1:-1, 1:-1] = np.log(1.2)
    bend_and_shade(frame, bend, shade, np.eye(2, 3), BARE, GREY)
    assert frame[32, 16].max() == 0
    assert tuple(frame[32, 48]) == (120, 120, 120)


def test_an_erased_fold_takes_the_colour_of_the_skin() -> None:
    """Its own dark is redder, and would be so all the more once it is light."""
    skin, fold = np.array([200, 150, 120]), np.array([90, 50, 32])
    frame = np.full((64, 64, 3), skin, np.uint8)
    frame[30:34] = fold
    bend, shade = np.zeros((16, 16, 2), np.float32), np.zeros((16, 16, 3), np.float32)
    shade[1:-1, 1:-1] = np.log(1.2)
    bend_and_shade(frame, bend, shade, np.eye(2, 3), BARE, skin)
    assert np.abs(frame[20, 32] - 1.2 * skin).max() <= 1
    shown = frame[32, 32].astype(float)
    assert measure_light(shown) == pytest.approx(1.2 * measure_light(fold), abs=1)
    own = measure_redness(fold) - measure_redness(skin)
    assert measure_redness(shown) - measure_redness(skin) < 0.6 * own


def test_lips_that_are_lightened_keep_their_red() -> None:
    lip = np.array([150, 80, 75])
    frame = np.full((64, 64, 3), lip, np.uint8)
    bend, shade = np.zeros((16, 16, 2), np.float32), np.zeros((16, 16, 3), np.float32)
    shade[1:-1, 1:-1] = np.log(1.2)
    bend_and_shade(frame, bend, shade, np.eye(2, 3), 0 * BARE, np.array([200, 150, 120]))
    assert np.abs(frame[32, 32] - 1.2 * lip).max() <= 1


def test_what_darkens_keeps_its_colour() -> None:
    skin, fold = np.array([200, 150, 120]), np.array([90, 50, 32])
    frame = np.full((64, 64, 3), fold, np.uint8)
    bend, shade = np.zeros((16, 16, 2), np.float32), np.zeros((16, 16, 3), np.float32)
    shade[1:-1, 1:-1] = np.log(0.8)
    bend_and_shade(frame, bend, shade, np.eye(2, 3), BARE, skin)
    assert np.abs(frame[32, 32] - 0.8 * fold).max() <= 1


def test_fields_reach_the_first_column_and_nothing_behind_the_last_cell() -> None:
    frame = np.full((64, 64, 3), 100, np.uint8)
    bend, shade = np.zeros((16, 16, 2), np.float32), np.full((16, 16, 3), np.log(1.2), np.float32)
    # The left border of the frame cuts the region; its head hardly rolls.
    roll = 1e-4
    turned = np.array([[1, -roll, 20], [roll, 1, 2.0]])
    bend_and_shade(frame, bend, shade, turned, BARE, GREY)
    assert (frame[8:50, 0] == 120).all()
    assert frame.min() >= 100
    assert frame.max() <= 120


def test_a_crop_outside_the_frame_changes_nothing() -> None:
    frame = np.full((64, 64, 3), 100, np.uint8)
    bend, shade = np.ones((16, 16, 2), np.float32), np.ones((16, 16, 3), np.float32)
    away = np.array([[1.0, 0, 500], [0, 1, 0]])
    bend_and_shade(frame, bend, shade, away, BARE, GREY)
    assert (frame == 100).all()


@pytest.mark.skipif(not multiplies_in_bf16(), reason="the processor knows no bf16")
def test_coarse_networks_draw_nearly_the_same() -> None:
    face = golden_set.kept_face("astronaut")
    both = zip(
        golden_set.frames_of(face),
        golden_set.frames_of(face, WarpRenderer),
        golden_set.made_rows(),
        strict=True,
    )
    for (moment, fine), (_, coarse), row in both:
        boxes = golden_set.boxes_of(face, row)
        parts = golden_set.parts_of(fine, boxes), golden_set.parts_of(coarse, boxes)
        for name in boxes:
            found = golden_set.decibels(*(part[name] for part in parts))
            assert found > COARSE_FLOOR, f"{name} of {moment}"
