"""Another renderer in place of the shipped one, plugged in from outside the package."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from openvasa import FaceLatent, InputError, Motion, animate, load_portrait
from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FrameGeometry
from openvasa.live.avatar import LiveAvatar
from openvasa.live.frame import LiveSettings
from openvasa.live.painter import Painter
from openvasa.media.inspect import inspect_video
from openvasa.motion.row import row_width
from openvasa.render.renderer import Renderer

SIDE = 320


class DotRenderer(Renderer):
    """Every tracked point as a white dot on the portrait's mean colour, several frames at once."""

    batch = 4

    def __init__(self, face: FaceLatent) -> None:
        self._ground = face.image.mean(axis=(0, 1)).astype(np.uint8)
        self._zoom = SIDE / len(face.image)
        self.batches: list[int] = []

    def render(self, geometry: FrameGeometry) -> np.ndarray:
        frame = np.full((SIDE, SIDE, 3), self._ground, np.uint8)
        x, y = (geometry.landmarks[:, :2].T * self._zoom).astype(int)
        seen = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
        frame[y[seen], x[seen]] = 255
        return frame

    def render_many(self, geometries: Sequence[FrameGeometry]) -> list[np.ndarray]:
        self.batches.append(len(geometries))
        return super().render_many(geometries)

    def twin(self) -> DotRenderer:
        return self


@pytest.fixture(scope="module")
def face() -> FaceLatent:
    return load_portrait(EXAMPLE_PORTRAIT)


def nodding(frames: int) -> Motion:
    pose = np.zeros((frames, 6), np.float32)
    pose[:, 0] = 0.2 * np.sin(np.arange(frames) / 4)
    return Motion(pose, np.zeros((frames, dynamics_code().size), np.float32))


def test_a_video_is_drawn_by_the_renderer_it_is_given(face: FaceLatent, tmp_path: Path) -> None:
    made: list[DotRenderer] = []

    def prepared(face: FaceLatent) -> DotRenderer:
        made.append(DotRenderer(face))
        return made[-1]

    video = animate(face, nodding(10), size=256, renderer=prepared)
    frames = list(video)
    assert len(frames) == 10
    assert frames[0].shape == (256, 256, 3)
    assert (frames[0] != frames[5]).any()
    [renderer] = made
    assert sorted(renderer.batches) == [2, 4, 4]
    path = video.save(tmp_path / "dots.mp4")
    assert inspect_video(path).frames == 10


def test_a_batch_changes_no_frame(face: FaceLatent) -> None:
    class OneByOne(DotRenderer):
        batch = 1

    many, single = (animate(face, nodding(6), renderer=r) for r in (DotRenderer, OneByOne))
    for a, b in zip(many, single, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_whole_picture_takes_frames_of_any_size(face: FaceLatent) -> None:
    video = animate(face, nodding(1), full_frame=True, renderer=DotRenderer)
    [frame] = video
    assert frame.shape[1::-1] == video.frame_size
    left, top, side = face.crop
    rows = slice(int(top + 0.1 * side), int(top + 0.9 * side))
    first, last = int(left + 0.1 * side), int(left + 0.9 * side)
    ground = np.median(frame[:50], axis=(0, 1))
    away = np.abs(frame[rows, first:last] - ground).max(axis=2)
    columns = first + np.flatnonzero((away > 20).any(axis=0))
    wanted = left + face.landmarks[:468, 0] * side / len(face.image)
    assert abs(columns.min() - wanted.min()) < 4
    assert abs(columns.max() - wanted.max()) < 4


def test_a_live_portrait_is_drawn_by_the_renderer_it_is_given(face: FaceLatent) -> None:
    async def first_picture() -> np.ndarray:
        avatar = LiveAvatar(face, LiveSettings(fps=25), renderer=DotRenderer)
        await avatar.start()
        try:
            async for shown in avatar:
                if shown.picture is not None:
                    return shown.picture
        finally:
            await avatar.stop()
        raise AssertionError("no picture came")

    picture = asyncio.run(asyncio.wait_for(first_picture(), 60))
    ground = face.image.mean(axis=(0, 1))
    assert picture.shape == (SIDE, SIDE, 3)
    assert np.abs(np.median(picture, axis=(0, 1)) - ground).max() < 4


def test_what_a_renderer_keeps_travels_with_the_portrait(face: FaceLatent, tmp_path: Path) -> None:
    volume = np.arange(24, dtype=np.float16).reshape(2, 3, 4)
    replace(face, extras={"dots.volume": volume}).save(tmp_path / "avatar.npz")
    loaded = FaceLatent.load(tmp_path / "avatar.npz")
    assert list(loaded.extras) == ["dots.volume"]
    np.testing.assert_array_equal(loaded.extras["dots.volume"], volume)
    np.testing.assert_array_equal(loaded.image, face.image)


def test_avatars_without_extras_are_still_read(face: FaceLatent, tmp_path: Path) -> None:
    face.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as data:
        np.savez(tmp_path / "old.npz", **{**data, "openvasa_avatar": np.int32(1)})
    assert FaceLatent.load(tmp_path / "old.npz").extras == {}


def test_a_live_portrait_is_drawn_at_the_size_it_is_set_to(face: FaceLatent) -> None:
    painter = Painter(face, content_id=1, size=768)
    picture = painter.paint(np.zeros(row_width(), np.float32), 0.0)
    assert picture.shape == (768, 768, 3)
    own = Painter(face, content_id=1).paint(np.zeros(row_width(), np.float32), 0.0)
    small = cv2.resize(picture, own.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(float) - own).mean() < 4
    with pytest.raises(InputError, match="choose 128 to 2048"):
        LiveSettings(size=64)
    with pytest.raises(InputError, match="choose an even one"):
        LiveSettings(size=513)
