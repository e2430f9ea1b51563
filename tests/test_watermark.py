"""The invisible watermark: it is read back after damage, never where it is not, and is not seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.provenance.embed import WatermarkEmbedder
from openvasa.provenance.pattern import tile
from openvasa.provenance.payload import CODED_BITS, decode, encode
from openvasa.provenance.read import read_watermark

ID = 0xC0FFEE07


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.asarray(
        Image.open(EXAMPLE_PORTRAIT).convert("RGB").resize((512, 512), Image.Resampling.BOX)
    )


@pytest.fixture(scope="module")
def marked(picture: np.ndarray) -> np.ndarray:
    return WatermarkEmbedder((512, 512), ID).apply(picture)


def found(frame: np.ndarray) -> int | None:
    watermark = read_watermark([np.ascontiguousarray(frame)])
    return watermark and watermark.content_id


def jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    coded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


@pytest.mark.parametrize("content_id", [0, 1, ID, 2**32 - 1])
def test_noisy_coded_bits_are_decoded(content_id: int) -> None:
    noise = np.random.default_rng(content_id).normal(0, 1, CODED_BITS)
    soft = np.stack([encode(content_id) + noise, encode(5)]).astype(np.float32)
    assert decode(soft).tolist() == [content_id, 5]


def test_more_than_32_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="32-bit"):
        encode(2**32)


def test_the_pattern_is_the_same_for_ever() -> None:
    """A reader of a later release must find the marks of this one."""
    values = tile(256, ID)[[0, 17, 200], [0, 99, 31]]
    np.testing.assert_allclose(values, [-1.3832, -0.0679, -2.0769], atol=1e-3)


def test_it_is_not_seen(picture: np.ndarray, marked: np.ndarray) -> None:
    assert psnr(picture, marked) > 42
    flat = np.full((512, 512, 3), 128, np.uint8)
    change = WatermarkEmbedder((512, 512), ID).apply(flat).astype(int) - 128
    assert np.abs(change).max() <= 2
    assert change.any()


DAMAGE = {
    "none": lambda f: f,
    "JPEG quality 50": lambda f: jpeg(f, 50),
    "half the size": lambda f: cv2.resize(f, (256, 256), interpolation=cv2.INTER_AREA),
    "twice the size": lambda f: cv2.resize(f, (1024, 1024), interpolation=cv2.INTER_LINEAR),
    "cropped to 70 %": lambda f: f[81:439, 33:391],
    "darker": lambda f: cv2.convertScaleAbs(f, alpha=0.8),
    "less contrast": lambda f: cv2.convertScaleAbs(f, alpha=0.8, beta=25),
    "mirrored": lambda f: f[:, ::-1],
    "turned": lambda f: np.rot90(f),
    "mirrored and turned": lambda f: np.rot90(f[:, ::-1], 3),
    "with borders": lambda f: cv2.copyMakeBorder(f, 90, 40, 10, 300, cv2.BORDER_CONSTANT),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_one_picture_is_read_back_after(damage: str, marked: np.ndarray) -> None:
    assert found(DAMAGE[damage](marked)) == ID


def test_the_reader_tells_how_the_picture_lies(marked: np.ndarray) -> None:
    turned = read_watermark([np.ascontiguousarray(np.rot90(marked[:, ::-1]))])
    assert turned is not None
    assert (turned.mirrored, turned.quarter_turns) == (True, 1)
    assert turned.tile_px == pytest.approx(256, rel=0.01)
    assert turned.correlation > 15
    assert turned.agreement > 0.7


@pytest.mark.parametrize("size", [(256, 256), (901, 600), (480, 853), (2048, 2048)])
def test_every_size_of_output(size: tuple[int, int], picture: np.ndarray) -> None:
    frame = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    marked = WatermarkEmbedder(size, ID).apply(frame)
    assert marked.shape == frame.shape
    assert psnr(frame, marked) > 42
    assert found(marked) == ID


def test_the_smallest_output_takes_the_mark(picture: np.ndarray) -> None:
    """Whether it is read back from so few pixels depends on the picture."""
    frame = cv2.resize(picture, (128, 128), interpolation=cv2.INTER_AREA)
    assert psnr(frame, WatermarkEmbedder((128, 128), ID).apply(frame)) > 42


def test_unmarked_pictures_have_none(picture: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    flat = np.full((512, 512, 3), 90, np.uint8)
    for frame in (picture, noise, flat, picture[:100, :90]):
        assert found(frame) is None
    assert read_watermark([]) is None


def test_a_frame_depends_on_nothing_else(picture: np.ndarray, marked: np.ndarray) -> None:
    embedder = WatermarkEmbedder((512, 512), ID)
    embedder.apply(picture[::-1])
    before = picture.copy()
    np.testing.assert_array_equal(embedder.apply(picture), marked)
    np.testing.assert_array_equal(picture, before)


def test_wrong_frames_are_refused(picture: np.ndarray) -> None:
    embedder = WatermarkEmbedder((512, 512), ID)
    for frame in (picture[:-1], picture.astype(np.float32), picture[..., 0]):
        with pytest.raises(ValueError, match="expected"):
            embedder.apply(frame)
