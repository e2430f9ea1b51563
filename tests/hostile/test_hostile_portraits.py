"""Bad portraits get one line, exit status 2 and leave no file behind; odd ones just work."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hostile_inputs import PORTRAIT, VOICE, Refuse
from PIL import Image, ImageDraw

from openvasa.cli import main
from openvasa.face.encode import load_portrait
from openvasa.face.latent import FaceLatent, pose_face
from openvasa.media.inspect import inspect_video
from openvasa.render.warp_renderer import WarpRenderer


def text_named_jpg(folder: Path) -> Path:
    path = folder / "letter.jpg"
    path.write_text("Dear reader, this is no picture.\n" * 50)
    return path


def empty_picture(folder: Path) -> Path:
    path = folder / "empty.png"
    path.touch()
    return path


def one_pixel(folder: Path) -> Path:
    path = folder / "dot.png"
    Image.new("RGB", (1, 1), "white").save(path)
    return path


def cut_off_jpeg(folder: Path) -> Path:
    path = folder / "cut.jpg"
    data = PORTRAIT.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    return path


def noise(folder: Path) -> Path:
    path = folder / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)).save(path)
    return path


def landscape(folder: Path) -> Path:
    picture = Image.new("RGB", (640, 400), (140, 190, 240))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 300), (200, 120), (360, 280), (500, 160), (640, 300)], fill=(90, 100, 110))
    draw.rectangle([0, 290, 640, 400], fill=(70, 140, 60))
    draw.ellipse([520, 30, 580, 90], fill=(255, 240, 150))
    path = folder / "landscape.jpg"
    picture.save(path)
    return path


def dog(folder: Path) -> Path:
    """A dog from the side, with a body, a long snout and one eye."""
    picture = Image.new("RGB", (640, 480), (200, 220, 200))
    draw = ImageDraw.Draw(picture)
    fur = (150, 100, 50)
    draw.ellipse([60, 200, 420, 360], fill=fur)
    for x in (100, 160, 320, 370):
        draw.rectangle([x, 320, x + 30, 440], fill=fur)
    draw.ellipse([380, 100, 500, 220], fill=fur)
    draw.ellipse([450, 150, 590, 205], fill=fur)
    draw.ellipse([565, 150, 595, 175], fill=(20, 20, 20))
    draw.ellipse([455, 130, 470, 145], fill=(20, 10, 0))
    draw.ellipse([375, 110, 420, 230], fill=(90, 60, 30))
    path = folder / "dog.png"
    picture.save(path)
    return path


def far_away(folder: Path) -> Path:
    """A face of some 25 px."""
    picture = Image.new("RGB", (512, 512), (120, 130, 140))
    picture.paste(Image.open(PORTRAIT).resize((96, 96)), (200, 200))
    path = folder / "far.png"
    picture.save(path)
    return path


def broken_avatar(folder: Path) -> Path:
    path = folder / "avatar.npz"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    return path


def another_npz(folder: Path) -> Path:
    path = folder / "numbers.npz"
    np.savez(path, numbers=np.arange(9))
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (text_named_jpg, "not a picture"),
        (empty_picture, "empty (0 bytes)"),
        (one_pixel, "1×1 is too small"),
        (cut_off_jpeg, "damaged or cut off"),
        (noise, "no face found"),
        (landscape, "no face found"),
        (dog, "no face found"),
        (far_away, "face"),
        (broken_avatar, "not an avatar file"),
        (another_npz, "not an avatar"),
        (lambda folder: folder / "nowhere.jpg", "no such file"),
        (lambda folder: folder / "nowhere.npz", "no such file"),
        (lambda folder: folder, "is a directory"),
    ],
)
def test_bad_portrait(make, words: str, tmp_path: Path, refuse: Refuse) -> None:
    portrait = make(tmp_path)
    said = refuse(portrait, VOICE)
    assert str(portrait) in said
    assert words in said


def test_profile_is_refused(face: FaceLatent, tmp_path: Path, refuse: Refuse) -> None:
    pose = np.zeros(6, np.float32)
    pose[1] = np.radians(75)
    turned = WarpRenderer(face).render(pose_face(face, pose, np.zeros((478, 3), np.float32)))
    path = tmp_path / "profile.png"
    Image.fromarray(turned).save(path)
    said = refuse(path, VOICE)
    assert "turned" in said or "no face found" in said


def test_two_faces_ask_which_and_the_choice_works(
    tmp_path: Path, motion: Path, refuse: Refuse
) -> None:
    one = Image.open(PORTRAIT)
    both = Image.new("RGB", (2 * one.width, one.height))
    both.paste(one, (0, 0))
    both.paste(one, (one.width, 0))
    couple = tmp_path / "couple.jpg"
    both.save(couple)
    assert "--face N" in refuse(couple, VOICE)
    assert "there is no face 3; choose 1 to 2" in refuse(couple, VOICE, "--face", 3)
    assert load_portrait(couple, face=2).crop[0] > one.width / 2
    output = tmp_path / "out.mp4"
    choice = ["--face", "2", "--motion", str(motion), "--quiet"]
    assert main(["animate", str(couple), str(VOICE), "-o", str(output), *choice]) == 0
    assert inspect_video(output).frames == 5


def test_face_number_of_a_single_portrait(refuse: Refuse) -> None:
    assert "there is no face 2" in refuse(PORTRAIT, VOICE, "--face", 2)


def test_enormous_picture_is_encoded_quickly(tmp_path: Path) -> None:
    picture = Image.new("L", (12000, 9000), 128)
    picture.paste(Image.open(PORTRAIT).convert("L").resize((9000, 9000)), (1500, 0))
    path = tmp_path / "huge.jpg"
    picture.save(path)
    started = time.process_time()
    face = load_portrait(path)
    assert time.process_time() - started < 10
    assert max(face.picture.shape) <= 4096
    assert face.image.shape == (512, 512, 3)


def test_beyond_the_pixel_limit_is_refused(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "bomb.png"
    Image.new("L", (64, 64)).save(path)
    data = bytearray(path.read_bytes())
    # Width and height of the header chunk, and its checksum.
    data[16:24] = struct.pack(">II", 20000, 20000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    assert "over 200 megapixels" in refuse(path, VOICE)
