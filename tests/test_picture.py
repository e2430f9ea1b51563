"""Pictures of every kind come out upright, in sRGB, bounded; bad ones in one clear line."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from openvasa.errors import InputError
from openvasa.face.find import find_faces
from openvasa.face.picture import LONG_SIDE, load_picture


def quarters(width: int = 80, height: int = 60) -> np.ndarray:
    """Red and green above, blue and white below."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (200, 0, 0)
    picture[: height // 2, width // 2 :] = (0, 200, 0)
    picture[height // 2 :, : width // 2] = (0, 0, 200)
    picture[height // 2 :, width // 2 :] = (220, 220, 220)
    return picture


def grey_ramp() -> np.ndarray:
    return np.tile(np.linspace(0, 255, 256).astype(np.uint8), (64, 1))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp", "a.jpg", "a.gif", "a.ppm"])
def test_formats_come_out_alike(tmp_path: Path, name: str) -> None:
    Image.fromarray(quarters()).save(tmp_path / name)
    got = load_picture(tmp_path / name)
    assert got.shape == (60, 80, 3)
    assert got.dtype == np.uint8
    assert got.flags.writeable
    assert np.abs(got.astype(int) - quarters()).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_exif_rotation_is_honoured(tmp_path: Path, orientation: int, name: str) -> None:
    upright = quarters()
    turns = {  # how a camera stores the upright scene for each tag value
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation]))
    stored.save(tmp_path / name, exif=exif)
    got = load_picture(tmp_path / name)
    assert got.shape == upright.shape
    assert np.abs(got.astype(int) - upright).mean() < 5


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    rgba = np.zeros((40, 60, 4), np.uint8)
    rgba[:, :20] = (200, 0, 0, 255)
    rgba[:, 20:40] = (200, 0, 0, 128)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    Image.fromarray(rgba).convert("LA").save(tmp_path / "la.png")
    got = load_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(got[5, 5], (200, 0, 0))
    np.testing.assert_allclose(got[5, 30], (227, 127, 127), atol=2)
    np.testing.assert_array_equal(got[5, 50], (255, 255, 255))
    np.testing.assert_array_equal(load_picture(tmp_path / "la.png")[5, 50], (255, 255, 255))


def test_a_transparent_palette_colour_is_white(tmp_path: Path) -> None:
    indexed = Image.fromarray(np.repeat([[0, 1]], 40, 0).repeat(20, 1).astype(np.uint8), "P")
    indexed.putpalette([10, 20, 30, 200, 100, 50])
    indexed.save(tmp_path / "a.png", transparency=0)
    got = load_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(got[0, 0], (255, 255, 255))
    np.testing.assert_array_equal(got[0, -1], (200, 100, 50))


@pytest.mark.parametrize("kind", ["L", "1", "I;16", "I", "F", "tiff16"])
def test_grey_of_any_depth(tmp_path: Path, kind: str) -> None:
    ramp, path = grey_ramp(), tmp_path / "a.tif"
    if kind == "1":
        Image.fromarray(ramp > 127).save(path)
        ramp = np.where(ramp > 127, 255, 0)
    elif kind == "L":
        Image.fromarray(ramp).save(path)
    elif kind == "I;16":
        path = tmp_path / "a.png"
        Image.fromarray(ramp.astype(np.uint16) * 257).save(path)
    elif kind == "tiff16":
        Image.fromarray(ramp.astype(np.uint16) * 257).save(path)
    elif kind == "I":
        Image.fromarray(ramp.astype(np.int32) * 257).save(path)
    else:
        Image.fromarray(ramp.astype(np.float32) / 255).save(path)
    got = load_picture(path)
    assert got.shape == (64, 256, 3)
    np.testing.assert_allclose(got, np.repeat(ramp[..., None], 3, -1), atol=1)


def test_cmyk(tmp_path: Path) -> None:
    Image.fromarray(quarters()).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    got = load_picture(tmp_path / "a.jpg")
    assert np.abs(got.astype(int) - quarters()).mean() < 6


def test_colour_profile_is_converted(tmp_path: Path) -> None:
    lab = Image.new("LAB", (64, 64), (128, 160, 128))
    srgb, source = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    expected = ImageCms.profileToProfile(lab, source, srgb, outputMode="RGB")
    lab.save(tmp_path / "lab.tif")
    np.testing.assert_allclose(load_picture(tmp_path / "lab.tif"), np.array(expected), atol=2)
    profile = bytearray(ImageCms.ImageCmsProfile(srgb).tobytes())
    # Swap the red and green primaries: a converter that reads the profile swaps the colours.
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    Image.new("RGB", (64, 64), (200, 30, 30)).save(tmp_path / "p.png", icc_profile=bytes(profile))
    got = load_picture(tmp_path / "p.png")[0, 0].astype(int)
    assert got[1] > got[0] + 100


def test_an_unusable_colour_profile_warns(tmp_path: Path) -> None:
    Image.fromarray(quarters()).save(tmp_path / "a.png", icc_profile=b"not a profile")
    with pytest.warns(UserWarning, match="colour profile"):
        got = load_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(got, quarters())


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (48, 48), colour) for colour in ("red", "blue")]
    for name in ("a.gif", "a.webp", "a.png"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert load_picture(tmp_path / name)[24, 24, 0] > 200


def test_long_side_is_bounded(tmp_path: Path) -> None:
    Image.fromarray(quarters(6000, 300)).save(tmp_path / "a.png")
    Image.fromarray(quarters(6000, 300)).save(tmp_path / "a.jpg")
    for name in ("a.png", "a.jpg"):
        got = load_picture(tmp_path / name)
        assert got.shape == (205, LONG_SIDE, 3)
        np.testing.assert_allclose(got[20, 100], (200, 0, 0), atol=4)


_MEASURED = """
import re, sys
from pathlib import Path
from openvasa.face.picture import load_picture
shape = load_picture(sys.argv[1]).shape
# Not ru_maxrss: a process begins with that of the one that started it.
most = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(*shape, int(most[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_huge_picture_fits_in_memory(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (12000, 9000), (90, 60, 30)).save(tmp_path / name)
    command = [sys.executable, "-c", _MEASURED, str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    height, width, _, megabytes = map(int, done.stdout.split())
    assert (height, width) == (3072, 4096)
    assert 300 < megabytes < 1500


def test_decompression_bombs_are_refused_unread(tmp_path: Path) -> None:
    # A BMP header alone claims 20000 × 20000 pixels.
    head = b"BM" + np.array([54, 0, 54, 40, 20000, 20000], "<u4").tobytes()
    head += np.array([1, 24], "<u2").tobytes() + bytes(24)
    (tmp_path / "a.bmp").write_bytes(head)
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(InputError, match="200 megapixels"):
        load_picture(tmp_path / "a.bmp")
    assert before == Image.MAX_IMAGE_PIXELS


def test_bad_files_get_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no picture\n" * 50)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8))
    cases = {
        tmp_path / "none.png": "no such file",
        tmp_path: "is a directory",
        tmp_path / "empty.png": "is empty",
        tmp_path / "text.jpg": "not a picture",
        tmp_path / "tiny.png": "too small",
        tmp_path / "thin.png": "too small",
        tmp_path / "a.eps": "PostScript",
    }
    Image.new("RGB", (31, 31)).save(tmp_path / "tiny.png")
    Image.new("RGB", (31, 400)).save(tmp_path / "thin.png")
    noise.save(tmp_path / "a.eps")
    for name in ("cut.jpg", "cut.png", "cut.webp", "cut.gif", "cut.tif", "cut.bmp"):
        noise.save(tmp_path / name)
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        cases[tmp_path / name] = "damaged or cut off|not a picture"
    for path, message in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            load_picture(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_telephones_heic_is_read_upright() -> None:
    path = Path(__file__).parents[2] / "shared" / "cases" / "iphone_like.heic"
    if not path.is_file():
        pytest.skip("the case is not here")
    picture = load_picture(path)
    assert picture.shape == (512, 512, 3)
    assert find_faces(picture)


def test_damage_in_later_frames_leaves_the_first_readable(tmp_path: Path) -> None:
    path = tmp_path / "two.tiff"
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    whole = path.read_bytes()
    # The width of the second page gets a tag that nobody knows.
    width = struct.pack("<HHI", 256, 4, 1)
    second = whole.rindex(width)
    path.write_bytes(whole[:second] + struct.pack("<H", 300) + whole[second + 2 :])
    assert load_picture(path)[32, 32].argmax() == 0
    with pytest.raises(InputError, match="damaged"):
        load_picture(path, frame=2)


def test_a_frame_of_an_animation_is_chosen(tmp_path: Path):
    path = tmp_path / "moving.gif"
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    for number, channel in ((1, 0), (2, 1), (3, 2)):
        assert load_picture(path, frame=number)[32, 32].argmax() == channel
    with pytest.raises(InputError, match="holds 3 frames; there is no frame 4"):
        load_picture(path, frame=4)
    frames[0].save(tmp_path / "still.png")
    with pytest.raises(InputError, match="holds one frame"):
        load_picture(tmp_path / "still.png", frame=2)
