from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.errors import InputError
from openvasa.face.dynamics import lip_gap
from openvasa.face.encode import crop_square, encode_picture, load_portrait
from openvasa.face.find import find_faces
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.face.latent import FaceLatent


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.asarray(Image.open(EXAMPLE_PORTRAIT).convert("RGB"))


def test_latent_has_the_promised_shapes(face: FaceLatent) -> None:
    assert face.image.shape == face.background.shape == (512, 512, 3)
    assert face.image.dtype == face.background.dtype == np.uint8
    assert face.matte.shape == (512, 512)
    assert face.landmarks.shape == face.canonical.shape == face.neutral.shape == (478, 3)
    assert face.blendshapes.shape == (52,)


def test_landmarks_are_the_canonical_shape_seen_by_the_head(face: FaceLatent) -> None:
    np.testing.assert_allclose(face.head.apply(face.canonical), face.landmarks, atol=0.01)


def test_the_smiling_astronaut_is_read_and_her_lips_close(face: FaceLatent) -> None:
    smile = face.blendshapes[BLENDSHAPE_NAMES.index("mouthSmileLeft")]
    assert smile > 0.3
    assert lip_gap(face.canonical) > 0.3
    assert abs(lip_gap(face.neutral)) < 0.01


def test_the_crop_holds_the_face_with_room(face: FaceLatent) -> None:
    height = face.landmarks[152, 1] - face.landmarks[10, 1]
    assert 0.35 * 512 < height < 0.72 * 512
    assert face.landmarks[:468, :2].min() > 0
    assert face.landmarks[:468, :2].max() < 512


def test_the_face_is_person_and_the_corner_is_not(face: FaceLatent) -> None:
    x, y = face.landmarks[4, :2].astype(int)
    assert face.matte[y, x] > 0.99
    assert 0.2 < face.matte.mean() < 0.98


def test_avatar_round_trip(face: FaceLatent, tmp_path: Path) -> None:
    face.save(tmp_path / "me.npz")
    again = load_portrait(tmp_path / "me.npz")
    np.testing.assert_array_equal(again.image, face.image)
    np.testing.assert_array_equal(again.neutral, face.neutral)
    np.testing.assert_array_equal(again.head.rotation, face.head.rotation)
    assert again.head.scale == face.head.scale


def test_other_archives_are_no_avatars(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", image=np.zeros(3))
    with pytest.raises(InputError, match="avatar"):
        load_portrait(tmp_path / "x.npz")


def test_small_faces_in_large_pictures_are_found(picture: np.ndarray) -> None:
    wide = np.full((1400, 2400, 3), 90, np.uint8)
    small = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_AREA)
    wide[900:1200, 1800:2100] = small
    faces = find_faces(wide)
    assert len(faces) == 1
    assert 1800 < faces[0].landmarks[4, 0] < 2100


def test_two_faces_ask_for_a_choice(picture: np.ndarray) -> None:
    pair = np.hstack([picture, picture[:, ::-1]])
    with pytest.raises(InputError, match="choose one by its number, 1 to 2"):
        encode_picture(pair, name="pair")
    left = encode_picture(pair, face=1, name="pair")
    right = encode_picture(pair, face=2, name="pair")
    assert left.crop[0] < right.crop[0]
    with pytest.raises(InputError, match="no face 3"):
        encode_picture(pair, face=3, name="pair")


def test_no_face_and_tiny_face(picture: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3)).astype(np.uint8)
    with pytest.raises(InputError, match="no face"):
        encode_picture(noise, name="noise")
    tiny = cv2.resize(picture, (80, 80), interpolation=cv2.INTER_AREA)
    with pytest.raises(InputError, match="px tall"):
        encode_picture(tiny, name="tiny")


def test_crop_stays_inside_a_large_enough_picture() -> None:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:, 0], landmarks[:, 1] = 900, 60
    landmarks[152, 1], landmarks[10, 1] = 160, 60
    landmarks[234, 0], landmarks[454, 0] = 860, 940
    left, top, side = crop_square(landmarks, 1000, 1000)
    assert side == pytest.approx(205, rel=0.01)
    assert top >= 0
    assert left + side <= 1000 + 1e-3
