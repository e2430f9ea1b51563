"""Pictures that lie on their side, lean, show many faces or cut one off."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.face.encode import encode_picture, load_portrait
from openvasa.face.find import centre_of, find_faces
from openvasa.face.outside import fill_outside, inside_picture
from openvasa.face.picture import load_picture
from openvasa.face.upright import roll_of, set_upright, turn_upright
from openvasa.render.cutout import cut_out, margin_px

CASES = Path(__file__).parents[1] / "../shared/cases"
PORTRAITS = Path(__file__).parents[1] / "../shared/data/portraits"


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return load_picture(EXAMPLE_PORTRAIT)


def lean(picture: np.ndarray, degrees: float) -> np.ndarray:
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    extent = np.abs(matrix[:, :2]) @ [width, height]
    matrix[:, 2] += (extent - [width, height]) / 2
    return cv2.warpAffine(picture, matrix, (int(extent[0]), int(extent[1])))


@pytest.mark.parametrize("turns", range(4))
def test_quarter_turns_are_undone(picture: np.ndarray, turns: int) -> None:
    upright, undone = turn_upright(np.ascontiguousarray(np.rot90(picture, turns)))
    assert (turns + undone) % 4 == 0
    np.testing.assert_array_equal(upright, picture)


@pytest.mark.parametrize("degrees", [30, 45, 60, 75, -40, 120, 160])
def test_leaning_pictures_end_up_as_people_hold_their_heads(
    picture: np.ndarray, degrees: float
) -> None:
    portrait = set_upright(lean(picture, degrees), name="leaning")
    assert abs(roll_of(portrait.face)) < 25
    assert portrait.face.presence > 0.9


@pytest.mark.slow
def test_every_test_portrait_is_righted_from_every_side() -> None:
    if not PORTRAITS.is_dir():
        pytest.skip("needs the portraits of ../shared/data")
    for path in sorted(PORTRAITS.glob("*.jpg")):
        picture = load_picture(path)
        for turns in range(4):
            _, undone = turn_upright(np.ascontiguousarray(np.rot90(picture, turns)))
            assert (turns + undone) % 4 == 0, (path.name, turns)


def test_a_scan_on_its_side_is_righted() -> None:
    path = CASES / "rotated_90.jpg"
    if not path.is_file():
        pytest.skip("needs the pictures of ../shared/cases")
    assert abs(load_portrait(path).head.euler_degrees[2]) < 10


@pytest.mark.parametrize(("rows", "columns"), [(1, 8), (2, 4), (4, 2)])
def test_small_faces_of_a_group_are_all_found_in_reading_order(
    picture: np.ndarray, rows: int, columns: int
) -> None:
    one = cv2.resize(picture, (120, 120), interpolation=cv2.INTER_AREA)
    faces = find_faces(np.tile(one, (rows, columns, 1)))
    places = [tuple(int(v) for v in centre_of(face) // 120) for face in faces]
    assert places == [(column, row) for row in range(rows) for column in range(columns)]


def test_all_eight_of_the_group_are_found() -> None:
    path = CASES / "group_of_8.jpg"
    if not path.is_file():
        pytest.skip("needs the pictures of ../shared/cases")
    faces = find_faces(load_picture(path))
    assert len(faces) == 8
    assert [centre_of(face)[1] < 400 for face in faces] == [True] * 4 + [False] * 4


def test_outside_runs_on_in_the_edge_s_colour_without_streaks() -> None:
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = stripes[:, 3::8] = 200
    inside = np.zeros((128, 128), bool)
    inside[64:] = True
    filled = fill_outside(stripes, inside)
    np.testing.assert_array_equal(filled[64:], stripes[64:])
    far = filled[:40].astype(float)
    assert far.std() < 5
    assert abs(far.mean() - 100) < 10


def test_which_pixels_of_a_crop_show_the_picture() -> None:
    inside = inside_picture(np.array([-25.0, 0.0, 100.0]), height=50, width=200, size=(100, 100))
    assert not inside[:, :24].any()
    assert inside[:50, 25:].all()
    assert not inside[51:].any()


def test_nothing_of_the_face_comes_in_from_beyond_a_tight_crop(picture: np.ndarray) -> None:
    points = find_faces(picture)[0].landmarks[:, :2]
    (left, top), (right, bottom) = points.min(axis=0).astype(int), points.max(axis=0).astype(int)
    face = encode_picture(
        np.ascontiguousarray(picture[top + 20 : bottom, left:right]), name="tight"
    )
    margin = margin_px(face.stated)
    above = cut_out(face)[:margin, margin:-margin, :3]
    # The filled band above the forehead goes on; no chin and no mouth follow it.
    assert np.abs(np.diff(above[-margin // 3 :].astype(int), axis=0)).max() < 12
