"""Person matte and background plate on drawn portraits whose outline is known exactly."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from openvasa.errors import InputError
from openvasa.face.encode import cut_square, surroundings_of
from openvasa.face.matte import person_matte
from openvasa.face.plate import background_plate
from openvasa.face.topology import FACE_OVAL

SIDE = 512
PERSON = (205, 40, 30)


def face_landmarks(centre: tuple[float, float] = (256, 240)) -> np.ndarray:
    """(478, 3) landmarks whose face oval is an ellipse 150 × 200 px."""
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:, :2] = centre
    angle = np.linspace(0, 2 * np.pi, len(FACE_OVAL), endpoint=False)
    landmarks[FACE_OVAL, 0] += 75 * np.sin(angle)
    landmarks[FACE_OVAL, 1] -= 100 * np.cos(angle)
    return landmarks


def drawn_portrait() -> np.ndarray:
    """A cartoon: dark hair, skin, eyes, mouth and a red pullover before a pale wall."""
    image = np.full((SIDE, SIDE, 3), (196, 204, 190), np.uint8)
    cv2.ellipse(image, (256, 225), (112, 145), 0, 0, 360, (52, 36, 28), -1, cv2.LINE_AA)
    cv2.rectangle(image, (215, 300), (297, 400), (214, 160, 130), -1)
    cv2.ellipse(image, (256, 520), (215, 150), 0, 0, 360, PERSON, -1, cv2.LINE_AA)
    cv2.ellipse(image, (256, 245), (78, 104), 0, 0, 360, (232, 182, 152), -1, cv2.LINE_AA)
    for x in (224, 288):
        cv2.ellipse(image, (x, 230), (14, 7), 0, 0, 360, (250, 250, 250), -1, cv2.LINE_AA)
        cv2.circle(image, (x, 230), 6, (50, 40, 40), -1, cv2.LINE_AA)
        cv2.ellipse(image, (x, 208), (18, 5), 0, 180, 360, (60, 40, 30), 4, cv2.LINE_AA)
    cv2.ellipse(image, (256, 262), (9, 14), 0, 0, 180, (200, 140, 112), 3, cv2.LINE_AA)
    cv2.ellipse(image, (256, 302), (26, 9), 0, 0, 360, (180, 70, 70), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(image, (0, 0), 1.0)


@pytest.fixture(scope="module")
def matte() -> np.ndarray:
    return person_matte(drawn_portrait(), face_landmarks())


def textured_wall(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 9, (SIDE, SIDE, 3))
    return np.clip(np.array([90, 120, 150], np.float32) + noise, 0, 255).astype(np.uint8)


def disc_matte(radius: int = 130) -> np.ndarray:
    matte = np.zeros((SIDE, SIDE), np.float32)
    cv2.circle(matte, (256, 300), radius, 1.0, -1)
    return cv2.GaussianBlur(matte, (0, 0), 1.5)


def test_matte_holds_face_hair_and_shoulders_but_not_the_wall(matte: np.ndarray) -> None:
    assert matte.shape == (SIDE, SIDE)
    assert matte.dtype == np.float32
    assert matte.min() >= 0
    assert matte.max() <= 1
    for x, y in ((256, 245), (256, 100), (160, 225), (256, 500), (120, 490)):
        assert matte[y, x] > 0.95, (x, y)
    for x, y in ((20, 20), (490, 60), (40, 300), (470, 330)):
        assert matte[y, x] < 0.05, (x, y)


def test_matte_edge_lies_on_the_picture_edge(matte: np.ndarray) -> None:
    """Along the row through the temples the hair ends at x = 256 ± 112."""
    inside = np.flatnonzero(matte[225] > 0.5)
    assert abs(inside[0] - 144) <= 4
    assert abs(inside[-1] - 368) <= 4


def test_matte_is_one_piece_without_holes(matte: np.ndarray) -> None:
    solid = (matte > 0.5).astype(np.uint8)
    assert cv2.connectedComponents(solid)[0] == 2
    assert cv2.connectedComponents(1 - solid[:400], connectivity=4)[0] == 2


def test_matte_is_repeatable() -> None:
    image, landmarks = drawn_portrait(), face_landmarks()
    assert np.array_equal(person_matte(image, landmarks), person_matte(image, landmarks))


def test_face_oval_is_person_even_where_the_network_sees_nobody() -> None:
    matte = person_matte(textured_wall(), face_landmarks())
    assert matte[240, 256] == 1
    assert matte[150, 256] == 1
    assert matte[20, 20] < 0.05


BLUE = (20, 20, 230)


def _hat(times: float) -> np.ndarray:
    """The drawn portrait with a blue hat that its square cuts off, from so many times as far."""
    wide = np.full((2 * SIDE, 2 * SIDE, 3), (196, 204, 190), np.uint8)
    wide[SIDE // 2 : -SIDE // 2, SIDE // 2 : -SIDE // 2] = drawn_portrait()
    cv2.ellipse(wide, (SIDE, 310), (180, 120), 0, 0, 360, BLUE, -1)
    low, high = (round(SIDE * (1 + sign * times / 2)) for sign in (-1, 1))
    return cv2.resize(wide[low:high, low:high], (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _sees_whole_hats(view: np.ndarray, threads: int, *, mirrored: bool) -> np.ndarray:
    """A network that is unsure of hats which the view cuts off."""
    wall = np.array([196, 204, 190], np.float32) / 255
    person = np.abs(view - wall).max(axis=2) > 0.1
    hat = (view[..., 2] > 0.7) & (view[..., 0] < 0.3)
    cut = hat[0].any()
    return np.where(hat & cut, 0.2, person).astype(np.float32)


def test_a_hat_that_the_square_cuts_off_is_told_from_afar(monkeypatch) -> None:
    monkeypatch.setattr("openvasa.face.matte._ask", _sees_whole_hats)
    image, hat = _hat(1.0), (slice(10, 90), slice(160, 350))
    near = person_matte(image, face_landmarks())
    far = person_matte(image, face_landmarks(), surroundings=_hat)
    assert near[hat].mean() < 0.5
    assert far[hat].min() > 0.95
    assert far[20, 20] < 0.05


def test_surroundings_are_the_pictures_own() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (25, 30, 3), np.uint8)
    picture = cv2.resize(noise, (1200, 1000), interpolation=cv2.INTER_CUBIC)
    crop = np.array([400, 300, 400], np.float32)
    wide = surroundings_of(picture, crop)
    assert wide is not None
    middle = cv2.resize(wide(2.0)[128:384, 128:384], (SIDE, SIDE))
    assert np.abs(middle.astype(int) - cut_square(picture, crop)).mean() < 3
    assert surroundings_of(picture[:, :1000], np.array([0, 0, 1000], np.float32)) is None


def test_matte_rejects_wrong_sizes_and_missed_faces() -> None:
    image, landmarks = drawn_portrait(), face_landmarks()
    with pytest.raises(InputError, match="portrait crop"):
        person_matte(image[:256], landmarks)
    with pytest.raises(InputError, match="landmarks"):
        person_matte(image, landmarks[:468])
    with pytest.raises(InputError, match="outside the crop"):
        person_matte(image, landmarks + np.array([4000, 0, 0], np.float32))


def test_plate_keeps_the_background_and_drops_the_person() -> None:
    wall, matte = textured_wall(), disc_matte()
    picture = wall * (1 - matte[..., None]) + np.array(PERSON, np.float32) * matte[..., None]
    picture = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    plate = background_plate(picture, matte)
    away = matte == 0
    away &= cv2.erode(away.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    assert np.array_equal(plate[away], picture[away])
    assert np.abs(plate[matte > 0].mean(axis=0) - [90, 120, 150]).max() < 3


def test_plate_texture_is_as_strong_as_the_background_next_to_it() -> None:
    wall, matte = textured_wall(), disc_matte()
    plate = background_plate(wall, matte).astype(np.float32)
    depth = cv2.distanceTransform((matte > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    near = (depth > 15) & (depth < 45)
    assert 0.7 < plate[near].std(axis=0).mean() / wall[matte == 0].std(axis=0).mean() < 1.3


@pytest.mark.parametrize("channels", [1, 3])
def test_plate_grain_is_grey_where_the_background_s_is(channels: int) -> None:
    noise = np.random.default_rng(4).normal(0, 6, (SIDE, SIDE, channels))
    wall = (120 + noise + np.zeros(3)).clip(0, 255).astype(np.uint8)
    matte = disc_matte()
    plate = background_plate(wall, matte).astype(np.float32)
    deep = cv2.erode((matte > 0.5).astype(np.uint8), np.ones((61, 61), np.uint8)) > 0
    wanted, found = (np.corrcoef(picture[deep].T) for picture in (wall, plate))
    assert np.abs(found - wanted).max() < 0.05


def test_strands_beside_the_person_do_not_come_back_as_static() -> None:
    rng = np.random.default_rng(2)
    wall = 60 + rng.normal(0, 2, (SIDE, SIDE, 1)) + np.zeros(3)
    wall = wall.clip(0, 255).astype(np.uint8)
    for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        way = np.array([np.cos(angle), np.sin(angle)])
        start, end = (np.rint(256 + way * reach).astype(int).tolist() for reach in (140, 190))
        cv2.line(wall, start, end, (230, 230, 230), 2, cv2.LINE_AA)
    plate = background_plate(wall, disc_matte())[206:306, 206:306, 0].astype(np.float32)
    grain = plate - cv2.GaussianBlur(plate, (0, 0), 1.5)
    assert 1 < grain.std() < 4


def test_a_narrow_border_is_enough_for_the_grain_of_the_plate() -> None:
    wall = np.random.default_rng(3).normal(90, 4, (SIDE, SIDE, 3)).clip(0, 255).astype(np.uint8)
    matte = np.zeros((SIDE, SIDE), np.float32)
    matte[10:, 10:-10] = 1
    plate = background_plate(wall, matte)[200:400, 200:300].astype(np.float32)
    grain = plate - cv2.GaussianBlur(plate, (0, 0), 1.5)
    spread = grain.std(axis=(0, 1))
    assert spread.min() > 3
    assert spread.max() < 5


def test_plate_carries_a_straight_edge_behind_the_person() -> None:
    """A horizon that meets the silhouette goes on behind it."""
    wall = np.full((SIDE, SIDE, 3), 200, np.uint8)
    wall[300:] = 60
    plate = background_plate(wall, disc_matte())[..., 0].astype(int)
    column = 256 - 130 + 20
    assert plate[270, column] > 170
    assert plate[330, column] < 90


def test_bricks_do_not_come_back_mirrored_as_squiggles() -> None:
    """Far behind the silhouette a guessed brick is wrong twice: where it is and where it is not."""
    row, column = np.mgrid[:SIDE, :SIDE]
    mortar = (row % 24 < 3) | ((column + 12 * (row // 24 % 2)) % 48 < 3)
    wall = np.where(mortar, 90, 150)[..., None].repeat(3, axis=2).astype(np.uint8)
    matte = disc_matte()
    inside = cv2.distanceTransform((matte > 0).astype(np.uint8), cv2.DIST_L2, 3)
    ring = (inside > 12) & (inside < 30)
    off = background_plate(wall, matte)[..., 0].astype(np.float32) - wall[..., 0]
    assert off[ring].std() < 1.05 * wall[ring].std()


def test_plate_without_any_background_spreads_the_border() -> None:
    plate = background_plate(np.full((SIDE, SIDE, 3), 77, np.uint8), np.ones((SIDE, SIDE)))
    assert np.abs(plate.astype(int) - 77).max() <= 1


def test_plate_rejects_a_matte_of_another_size() -> None:
    with pytest.raises(InputError, match="matte"):
        background_plate(textured_wall(), np.ones((256, 256), np.float32))
