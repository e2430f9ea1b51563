"""The mouth layer on a drawn face: no portrait and no model needed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from drawn_mouth import LIP, SKIN, drawn_face, drawn_latent, neutral_shape, painted, parted
from faces import made_face

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FaceLatent, FrameGeometry, pose_face
from openvasa.face.topology import INNER_LIPS, LIPS, OUTER_LIPS
from openvasa.render.mouth.corners import CORNERS, PURSED, REACH, measure_unfolding
from openvasa.render.mouth.cover_opening import cover_opening
from openvasa.render.mouth.jaw import HINGE_POINTS, JAW_POINTS, measure_jaw_angle
from openvasa.render.mouth.paint import paint_mouth
from openvasa.render.mouth.prepare import MouthAppearance, prepare_mouth
from openvasa.render.mouth.shading import WallShading
from openvasa.render.mouth.teeth import draw_arch
from openvasa.render.mouth.walls import shade_walls


@pytest.fixture(scope="module")
def face() -> FaceLatent:
    return drawn_face()


@pytest.fixture(scope="module")
def mouth(face: FaceLatent) -> MouthAppearance:
    return prepare_mouth(face)


def _light(frame: np.ndarray) -> np.ndarray:
    return frame.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])


def test_closed_mouth_is_left_alone(face, mouth):
    assert np.array_equal(painted(face, mouth, np.zeros((478, 3))), face.image)


def test_nothing_is_painted_outside_the_lips(face, mouth):
    change = parted(1.2)
    touched = (painted(face, mouth, change) != face.image).any(axis=2)
    lips = (face.neutral + change)[INNER_LIPS, :2] * 18 + 256
    rows, columns = np.nonzero(touched)
    assert touched.sum() > 200
    assert columns.min() >= lips[:, 0].min() - 2
    assert columns.max() <= lips[:, 0].max() + 2
    assert rows.min() >= lips[:, 1].min() - 2
    assert rows.max() <= lips[:, 1].max() + 2


def test_opening_fades_in(face, mouth):
    heights = np.arange(0, 0.6, 0.02)
    frames = [painted(face, mouth, parted(h)).astype(np.float32) for h in heights]
    total = np.abs(frames[-1] - frames[0]).sum()
    steps = [np.abs(b - a).sum() for a, b in pairwise(frames)]
    assert max(steps) < 0.2 * total


def test_narrow_gap_is_dark_and_teeth_are_not_white(face, mouth):
    narrow = _light(painted(face, mouth, parted(0.12)))
    x, y = (face.neutral[[13, 14], :2].mean(axis=0) * 18 + 256).astype(int)
    assert narrow[y - 3 : y + 4, x].min() < 0.5 * _light(np.uint8([[LIP]]))[0, 0]
    wide = painted(face, mouth, parted(1.2))
    touched = (wide != face.image).any(axis=2)
    assert 100 < _light(wide)[touched].max() < 225


def test_upper_teeth_stay_with_the_skull(face, mouth):
    """Moving only the lower lip and the jaw leaves the upper incisors' pixels where they are."""
    small, large = (painted(face, mouth, parted(h, jaw=True)) for h in (1.6, 2.2))
    upper = face.neutral[13, 1] * 18 + 256
    x = int(face.neutral[13, 0] * 18 + 256)
    rows = slice(int(upper - 2), int(upper + 3))
    difference = np.abs(_light(small)[rows, x - 12 : x + 12] - _light(large)[rows, x - 12 : x + 12])
    assert difference.mean() < 6


def test_the_tongue_rises_behind_the_upper_teeth(face, mouth):
    change = parted(1.8, jaw=True)
    low, half, high = (painted(face, mouth, change, tongue=(r, 0)) for r in (0, 0.5, 1))
    brighter = [(_light(f) - _light(low) > 12).any(axis=1) for f in (half, high)]
    tops = [np.flatnonzero(rows)[0] for rows in brighter]
    assert tops[1] < tops[0]
    x = int(face.neutral[13, 0] * 18 + 256)
    gained = _light(high)[:, x - 4 : x + 5] - _light(low)[:, x - 4 : x + 5]
    assert gained.mean(axis=1).max() > 15
    inside = (low != face.image).any(axis=2)
    teeth = inside & (_light(low) > 130)
    assert teeth.sum() > 50
    assert ((low != high).any(axis=2) & teeth).sum() < 0.1 * teeth.sum()


def test_a_tongue_between_the_teeth_covers_the_lower_ones(face, mouth):
    # The lower lip falls further than the jaw and bares them.
    change = parted(1.6) + 0.3 * (parted(1.6, jaw=True) - parted(1.6))
    low = int((face.neutral + change)[14, 1] * 18 + 256)
    x = int(face.neutral[13, 0] * 18 + 256)
    seen = slice(low - 9, low - 2), slice(x - 6, x + 7)
    teeth, tongue = (painted(face, mouth, change, tongue=(0.5, r))[seen] for r in (0, 1))
    redness = [float((f[..., 0].astype(int) - f[..., 1]).mean()) for f in (teeth, tongue)]
    assert redness[1] > redness[0] + 15


def test_the_tongue_stays_between_the_lips_and_any_share_is_safe(face, mouth):
    closed = np.zeros((478, 3))
    assert np.array_equal(painted(face, mouth, closed, tongue=(1, 1)), face.image)
    change = parted(1.2)
    plain = (painted(face, mouth, change) != face.image).any(axis=2)
    lips = cv2.dilate(plain.astype(np.uint8), np.ones((3, 3))) > 0
    for tongue in ((1, 0), (0.5, 1), (3, -2), (-1, 7)):
        touched = (painted(face, mouth, change, tongue=tongue) != face.image).any(axis=2)
        assert not (touched & ~lips).any()


def test_jaw_angle_follows_the_chin_only(face):
    rest, hinge = face.neutral[JAW_POINTS], face.neutral[HINGE_POINTS].mean(axis=0)
    smile = face.neutral.copy()
    smile[[61, 291], 1] -= 0.6
    pout = face.neutral.copy()
    pout[JAW_POINTS, 1] -= 0.2
    dropped = face.neutral.copy()
    dropped[JAW_POINTS, 1] += 1.0
    assert measure_jaw_angle(rest, hinge, smile) == pytest.approx(0, abs=1e-6)
    assert measure_jaw_angle(rest, hinge, pout) == 0
    assert 0.08 < measure_jaw_angle(rest, hinge, dropped) < 0.2


def test_grey_portrait_gets_grey_teeth(face):
    grey = np.repeat(_light(face.image).astype(np.uint8)[..., None], 3, axis=2)
    grey_face = replace(face, image=grey)
    frame = painted(grey_face, prepare_mouth(grey_face), parted(1.2)).astype(int)
    assert np.ptp(frame, axis=2).max() <= 2


def test_mouth_out_of_the_picture(face, mouth):
    pose = np.array([0, 0, 0, 0, 3.0, 0])
    assert np.array_equal(painted(face, mouth, parted(1.0), pose), face.image)


def test_own_teeth_are_kept_and_lips_closed():
    """A portrait that shows greenish teeth keeps them, and loses them from its lips."""
    neutral = neutral_shape()
    canonical = neutral + parted(0.7)
    image = np.full((512, 512, 3), SKIN, np.uint8)
    marks = canonical[:, :2] * 18 + 256
    lips = marks[LIPS]
    low, high = lips.min(axis=0).astype(int), lips.max(axis=0).astype(int)
    image[low[1] : high[1], low[0] : high[0]] = LIP
    x, top = marks[13].astype(int)
    bottom = int(marks[14, 1])
    image[top:bottom, x - 20 : x + 20] = (30, 12, 12)
    image[top : top + 8, x - 16 : x + 16] = (150, 190, 150)
    face = drawn_latent(image, canonical, neutral)
    mouth = prepare_mouth(face)
    geometry = FrameGeometry(face.canonical, face.head, face.landmarks)
    frame = image.copy()
    paint_mouth(frame, geometry, mouth)
    tooth = frame[top + 4, x - 6 : x + 6].astype(int)
    assert (tooth[:, 1] > tooth[:, 0] + 15).all()
    closed = cover_opening(face)[top : top + 8, x - 10 : x + 10].reshape(-1, 3).astype(int)
    assert (closed[:, 0] > closed[:, 1] + 30).all()


def test_a_thin_lip_that_closes_over_teeth_shows_half_a_band_at_most():
    """Of the skin above it and the shadow on the teeth."""
    neutral = neutral_shape()
    canonical = neutral + parted(0.9)
    marks = canonical[:, :2] * 18 + 256
    image = np.full((512, 512, 3), SKIN, np.uint8)
    for loop, colour in ((OUTER_LIPS, LIP), (INNER_LIPS, (225, 220, 205))):
        cv2.fillPoly(image, [np.rint(marks[loop]).astype(np.int32)], colour)
    x, edge = np.rint(marks[13]).astype(int)
    # The lip ends farther up than is tracked, in its own shadow.
    shadow = 70, 66, 64
    image[edge - 7 : edge + 3, x - 25 : x + 25] = shadow
    covered = cover_opening(drawn_latent(image, canonical, neutral))
    band = covered[edge - 6 : edge, x - 15 : x + 15].reshape(-1, 3).astype(int)
    assert np.abs(band - LIP).max() < 0.5 * np.abs(np.subtract(shadow, LIP)).max()


@pytest.mark.parametrize("stated", [0.6, 1.0, 2.0])
def test_a_lip_tracked_too_far_out_lends_no_colour_of_the_skin(stated: float):
    """A laugh stretches the upper lip; 4 of the 9 px that are tracked as lip are skin."""
    neutral = neutral_shape()
    canonical = neutral + parted(0.9)
    height = np.array([0, 1 / 18, 0], np.float32)
    canonical[OUTER_LIPS[1:10]] = canonical[INNER_LIPS[1:10]] - 9 * height
    head = HeadTransform(np.eye(3), 18 * stated, np.array([256.0, 256.0, 0.0]) * stated)
    side = round(512 * stated)
    image = np.full((side, side, 3), SKIN, np.uint8)
    lips = canonical.copy()
    lips[OUTER_LIPS[1:10]] += 4 * height
    for loop, colour in ((OUTER_LIPS, LIP), (INNER_LIPS, (225, 220, 205))):
        cv2.fillPoly(image, [np.rint(head.apply(lips)[loop, :2]).astype(np.int32)], colour)
    face = replace(made_face(image, canonical, head, neutral=neutral), stated=stated)
    covered = cover_opening(face)
    (x, upper), lower = face.landmarks[13, :2], face.landmarks[14, 1]
    rows = slice(round(upper), round(lower))
    wide = round(12 * stated)
    filled = covered[rows, round(x) - wide : round(x) + wide].reshape(-1, 3).astype(int)
    assert np.abs(filled - LIP).max() < 10


def test_thin_lips_lend_skin_no_more_colour_in_larger_pictures():
    """Their filled part ends as many stated px within the tracked lips at every size."""

    def change_above(stated: float) -> float:
        neutral = neutral_shape()
        canonical = neutral + parted(0.9)
        # A straight edge between rows of px at every size.
        edge = round(18 * float(canonical[INNER_LIPS[5], 1])) - 4
        canonical[OUTER_LIPS[1:10], 1] = edge / 18
        head = HeadTransform(np.eye(3), 18 * stated, np.array([256.0, 256.0, 0.0]) * stated)
        side = round(512 * stated)
        image = np.full((side, side, 3), SKIN, np.uint8)
        outer, inner = (head.apply(canonical)[loop, :2] for loop in (OUTER_LIPS, INNER_LIPS))
        for loop, colour in ((outer, LIP), (inner, (225, 220, 205))):
            cv2.fillPoly(image, [np.rint(loop).astype(np.int32)], colour)
        face = replace(made_face(image, canonical, head, neutral=neutral), stated=stated)
        wide, top, skin = (round(px * stated) for px in (12, 256 + edge - 3, 256 + edge))
        above = slice(top, skin), slice(side // 2 - wide, side // 2 + wide)
        return float(np.abs(cover_opening(face)[above].astype(int) - SKIN).mean())

    assert change_above(4.0) == pytest.approx(change_above(1.0), abs=2)


@pytest.mark.parametrize(("height", "wider"), [(0.45, 0.92), (1.2, 1.2)])
def test_beyond_the_corners_the_portrait_stays_as_it_is(height: float, wider: float):
    """It is what the corners look like, of parted lips and of laughs."""
    neutral = neutral_shape()
    canonical = neutral + parted(height)
    canonical[LIPS, 0] *= wider
    marks = canonical[:, :2] * 18 + 256
    image = np.full((512, 512, 3), SKIN, np.uint8)
    for loop, colour in ((OUTER_LIPS, LIP), (INNER_LIPS, (225, 220, 205))):
        cv2.fillPoly(image, [np.rint(marks[loop]).astype(np.int32)], colour)
    corners = np.rint(marks[CORNERS].mean(axis=1)).astype(int)
    for x, y in corners:
        cv2.circle(image, (x, y), 6, (40, 20, 18), -1)
    image = cv2.GaussianBlur(image, (0, 0), 1.2)
    covered = cover_opening(drawn_latent(image, canonical, neutral))
    for (x, y), outwards in zip(corners, (-1, 1), strict=True):
        # Beyond the lips, where nothing is filled.
        beyond = slice(y - 2, y + 3), slice(*sorted((x + 3 * outwards, x + 6 * outwards)))
        np.testing.assert_array_equal(covered[beyond], image[beyond])


def test_touching_lips_are_not_retouched(face):
    assert cover_opening(face) is face.image


@pytest.mark.parametrize("upper", [True, False])
def test_arch_is_symmetric_and_ends_at_the_edge(upper):
    view = draw_arch(upper, 20.0)
    assert np.allclose(view.tooth, view.tooth[:, ::-1], atol=1e-5)
    y = view.top + np.arange(len(view.solid)) / view.density
    middle = view.solid[:, view.solid.shape[1] // 2]
    assert (middle[y < -0.1] == 1).all()
    assert (middle[y > 0.1] == 0).all()
    assert set(np.round(np.unique(view.solid[y < -0.6]), 3)) == {1.0}


CREASE_DARK = (40, 20, 15)


@pytest.fixture(scope="module")
def creased(face: FaceLatent) -> FaceLatent:
    """The face with a dark spot of 4 mm in each corner of its mouth."""
    image = face.image.copy()
    for at in face.landmarks[CORNERS, :2].mean(axis=1):
        cv2.circle(image, np.rint(at).astype(int).tolist(), round(0.2 * 18), CREASE_DARK, -1)
    return replace(face, image=image)


def _darkest(frame: np.ndarray, geometry: FrameGeometry) -> float:
    """Light of the darkest px in the corners, grey levels."""
    at = np.rint(geometry.landmarks[CORNERS, :2].mean(axis=1)).astype(int)
    return min(float(_light(frame[y - 2 : y + 3, x - 2 : x + 3]).min()) for x, y in at)


def test_corners_of_an_open_mouth_lose_half_of_their_dark(creased: FaceLatent):
    mouth = prepare_mouth(creased)
    change = parted(1.2)
    geometry = pose_face(creased, np.zeros(6), change)
    frame = painted(creased, mouth, change)
    lip = float(_light(np.float32(LIP)))
    assert _darkest(creased.image, geometry) < 0.4 * lip
    assert 0.5 * lip < _darkest(frame, geometry) < 0.65 * lip
    away = np.full(frame.shape[:2], np.inf)
    rows, columns = np.indices(away.shape)
    for x, y in geometry.landmarks[CORNERS, :2].mean(axis=1):
        away = np.minimum(away, np.hypot(columns - x, rows - y))
    lips = geometry.landmarks[INNER_LIPS, :2]
    low, high = lips.min(axis=0) - 3, lips.max(axis=0) + 3
    inside = (columns >= low[0]) & (columns <= high[0]) & (rows >= low[1]) & (rows <= high[1])
    elsewhere = (away > REACH * 18) & ~inside
    np.testing.assert_array_equal(frame[elsewhere], creased.image[elsewhere])


def test_corners_at_rest_keep_their_creases(creased: FaceLatent):
    frame = painted(creased, prepare_mouth(creased), np.zeros((478, 3), np.float32))
    geometry = pose_face(creased, np.zeros(6), np.zeros((478, 3), np.float32))
    assert _darkest(frame, geometry) == _darkest(creased.image, geometry)


def test_creases_open_with_parting_and_with_pursing_without_a_jump():
    parting = [measure_unfolding(gap, 4.4, 4.4) for gap in np.linspace(-0.2, 1.0, 200)]
    pursing = [measure_unfolding(0.0, width, 4.4) for width in np.linspace(4.8, 3.0, 200)]
    for shares in (parting, pursing):
        assert shares[0] == 0
        assert shares[-1] == 1
        assert 0 <= np.diff(shares).min() <= np.diff(shares).max() < 0.05
    assert measure_unfolding(0.0, 4.4 * (1 - 0.9 * PURSED[0]), 4.4) == 0


def test_the_mouth_is_darkest_in_its_throat_and_not_in_its_corners(face: FaceLatent):
    bare = replace(
        prepare_mouth(face),
        upper_view=np.zeros((2, 2, 4), np.float32),
        lower_view=np.zeros((2, 2, 4), np.float32),
    )
    change = parted(2.2, jaw=True)
    frame = _light(painted(face, bare, change))
    lips = pose_face(face, np.zeros(6), change).landmarks[INNER_LIPS, :2]
    top, bottom = lips[:, 1].min(), lips[:, 1].max()
    middle = round(float(lips[:, 0].mean()))
    column = frame[round(top) + 4 : round(bottom) - 4, middle]
    tongue = column.max()
    assert column.argmax() > 0.6 * len(column), "the tongue is the lightest, and below"
    assert column[: len(column) // 2].min() < 0.55 * tongue
    corner, throat = (shade_walls(x, -1.0, 1.0, WallShading()) for x in (2.0, 0.0))
    assert throat < 0.95 * corner


def test_lower_teeth_fade_towards_the_cheeks(face: FaceLatent, mouth: MouthAppearance):
    x, y = mouth.lower.texels()
    crown = (y > -0.5) & (y < -0.2)
    colour = mouth.lower_view[crown][..., :3].mean(axis=(0, 2))
    lit = [colour[(np.abs(x) > a) & (np.abs(x) < b)].mean() for a, b in ((0, 0.5), (1.0, 1.5))]
    assert lit[1] < 0.92 * lit[0]
