"""The same portrait in other frames: larger, the whole picture, other shapes."""

from __future__ import annotations

from dataclasses import astuple

import cv2
import numpy as np
import pytest

from openvasa import FaceLatent, InputError
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLES
from openvasa.face.canonical import pose_between
from openvasa.face.dynamics import dynamics_code
from openvasa.face.encode import encode_picture
from openvasa.face.frame import ASPECTS, Frame, choose_frame, put_in_frame
from openvasa.face.latent import FrameGeometry, pose_face
from openvasa.face.picture import load_picture
from openvasa.render.mouth.palette import pick_palette
from openvasa.render.mouth.shading import MouthShading
from openvasa.render.warp_renderer import WarpRenderer

SIDE = 1024


@pytest.fixture(scope="module")
def detailed() -> FaceLatent:
    """A painting whose canvas shows at 1024 px and is averaged away at 512."""
    small = load_picture(EXAMPLES / "gallery" / "laughing_cavalier.jpg")
    zoom = 1.25 * SIDE / max(small.shape)
    picture = cv2.resize(small, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    # As fine as a lens and a sensor leave it.
    weave = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 30, picture.shape[:2]), (0, 0), 0.8)
    return encode_picture(
        np.clip(picture + weave[..., None], 0, 255).astype(np.uint8), name="weave"
    )


def turned(face: FaceLatent, yaw: float) -> FrameGeometry:
    shape = dynamics_code().decode(np.zeros(dynamics_code().size, np.float32))
    return pose_face(face, np.array([0, yaw, 0, 0, 0, 0], np.float32), shape)


def sharpness(picture: np.ndarray) -> float:
    """Gradient energy between neighbouring px."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(float)
    return float(np.mean(np.diff(grey, axis=0) ** 2) + np.mean(np.diff(grey, axis=1) ** 2))


def face_box(face: FaceLatent) -> tuple[slice, slice]:
    low, high = (f(face.landmarks[:, :2], axis=0).astype(int) for f in (np.min, np.max))
    return slice(low[1], high[1]), slice(low[0], high[0])


@pytest.mark.parametrize(("yaw", "share"), [(0.0, 0.95), (0.12, 0.8)])
def test_a_larger_frame_is_as_sharp_as_the_picture(
    detailed: FaceLatent, yaw: float, share: float
) -> None:
    face = put_in_frame(detailed, choose_frame(detailed, size="native"))
    assert face.size[0] >= 900
    box = face_box(face)
    own = sharpness(face.image[box])
    assert sharpness(WarpRenderer(face).render(turned(face, yaw))[box]) > share * own
    small = WarpRenderer(detailed).render(turned(detailed, yaw))
    enlarged = cv2.resize(small, face.size, interpolation=cv2.INTER_CUBIC)
    assert sharpness(enlarged[box]) < 0.6 * own, "what is enlarged is not as sharp"


def test_the_head_turns_alike_in_every_frame(detailed: FaceLatent) -> None:
    for options in ({"size": 768}, {"full_frame": True}, {"aspect": "9:16"}):
        face = put_in_frame(detailed, choose_frame(detailed, **options))
        moved = turned(face, 0.2)
        there = pose_between(face.head, moved.head)
        np.testing.assert_allclose(there, [0, 0.2, 0, 0, 0, 0], atol=1e-5)
        corner = face.landmarks[:, :2] / face.zoom + face.crop[:2]
        wanted = detailed.landmarks[:, :2] / detailed.zoom + detailed.crop[:2]
        np.testing.assert_allclose(corner, wanted, atol=0.01)


def test_a_whole_picture_moves_without_a_seam(detailed: FaceLatent) -> None:
    wide = cv2.copyMakeBorder(detailed.picture, 0, 0, 400, 400, cv2.BORDER_REPLICATE)
    encoded = encode_picture(wide, name="wide")
    face = put_in_frame(encoded, choose_frame(encoded, full_frame=True))
    assert face.size == (wide.shape[1] // 2 * 2, wide.shape[0] // 2 * 2)
    # Fine canvas hides small seams: what is compared is smooth.
    frames = [WarpRenderer(face).render(turned(face, yaw)) for yaw in (0.0, 0.25)]
    moved = np.abs(frames[1].astype(float) - frames[0]).mean(axis=2)
    left, right = int(encoded.crop[0]), int(encoded.crop[0] + encoded.crop[2])
    away = face.matte < 0.01
    assert moved[:, : left - 200][away[:, : left - 200]].max() == 0
    # Columns beside the square's border differ from each other no more than columns elsewhere.
    steps = np.abs(np.diff(frames[1].astype(float).mean(axis=(0, 2))))
    usual = np.percentile(steps, 99)
    for border in (left, right):
        if 2 < border < face.size[0] - 2:
            assert steps[border - 2 : border + 2].max() <= 1.5 * usual


@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_frame_of_another_shape_holds_the_head(detailed: FaceLatent, aspect: str) -> None:
    frame = choose_frame(detailed, size=540, aspect=aspect)
    width, height = (int(v) for v in aspect.split(":"))
    assert frame.size[0] / frame.size[1] == pytest.approx(width / height, abs=0.01)
    assert min(frame.size) == 540
    face = put_in_frame(detailed, frame)
    points = face.landmarks[:, :2]
    assert (points > 0).all()
    assert (points < face.size).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 64}, "choose 128 to 2048"),
        ({"size": 3000}, "choose 128 to 2048"),
        ({"size": 5000, "full_frame": True}, "choose 128 to 4096"),
        ({"size": "huge"}, "'native'"),
        ({"aspect": "2:7"}, "choose 1:1"),
        ({"aspect": "9:16", "full_frame": True}, "choose one of the two"),
    ],
)
def test_impossible_frames_are_refused(detailed: FaceLatent, options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        choose_frame(detailed, **options)


def test_the_mouth_is_coloured_by_the_person_anywhere_in_a_wide_picture() -> None:
    picture = load_picture(EXAMPLES / "gallery" / "mona_lisa.jpg")
    lips = []
    for left in (0, 900):
        wide = np.full((len(picture), len(picture[0]) + 900, 3), (0, 160, 0), np.uint8)
        wide[:, left : left + len(picture[0])] = picture
        encoded = encode_picture(wide, name="wide")
        face = put_in_frame(encoded, choose_frame(encoded, full_frame=True))
        lips.append(pick_palette(face, MouthShading().tones).lip)
    np.testing.assert_allclose(lips[0], lips[1], atol=4)


def test_a_mouth_outside_the_frame_is_coloured_from_the_border() -> None:
    """Reached by `--anyway` alone: the portrait check refuses it."""
    encoded = encode_picture(load_picture(EXAMPLES / "gallery" / "mona_lisa.jpg"), name="cut")
    left, top, side = encoded.crop
    nose = top + encoded.landmarks[2, 1] * side / encoded.size[0]
    width = int(nose - top)
    face = put_in_frame(encoded, Frame(np.array([left, top, width], np.float32), (256, 256)))
    assert face.landmarks[13, 1] > 256
    palette = pick_palette(face, MouthShading().tones)
    assert all(np.isfinite(colour).all() for colour in astuple(palette))
    assert WarpRenderer(face).render(turned(face, 0.2)).shape == (256, 256, 3)


@pytest.mark.parametrize("side", [60, 90, 130, 200])
@pytest.mark.parametrize("name", ["mona_lisa", "laughing_cavalier"])
def test_small_faces_are_drawn(name: str, side: int) -> None:
    encoded = encode_picture(load_picture(EXAMPLES / "gallery" / f"{name}.jpg"), name=name)
    face = put_in_frame(encoded, Frame(encoded.crop, (side, side)))
    frame = WarpRenderer(face).render(turned(face, 0.2))
    assert frame.shape == (side, side, 3)


def test_a_larger_square_keeps_its_own_matte() -> None:
    """Its rim is as exact as its middle: nothing of it comes from the surroundings."""
    encoded = encode_picture(load_picture(EXAMPLE_PORTRAIT), name="example")
    face = put_in_frame(encoded, choose_frame(encoded, size=1024))
    small = cv2.resize(face.matte, encoded.size, interpolation=cv2.INTER_AREA)
    off = np.abs(small - encoded.matte)
    assert off[-26:].mean() < 1.5 * off[:-26].mean() + 0.01
    assert off[-1].max() < 0.5
