"""Another background behind the person: what is asked for, and what becomes of the edge."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from openvasa import FaceLatent, Motion, animate, load_portrait
from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.backgrounds import (
    GREEN,
    Blurred,
    Colour,
    Footage,
    Own,
    Picture,
    before,
    parse_background,
    parse_still_background,
)
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FrameGeometry, pose_face
from openvasa.media.video_writer import VideoWriter
from openvasa.provenance.label import VisibleLabel
from openvasa.provenance.marking import Marking
from openvasa.render.lay_on import cover, lay_on, resize_rgba
from openvasa.render.renderer import Renderer
from openvasa.render.warp_renderer import WarpRenderer
from openvasa.verify import verify


@pytest.fixture(scope="module")
def face() -> FaceLatent:
    return load_portrait(EXAMPLE_PORTRAIT)


def turning(frames: int, yaw: float = 0.3) -> Motion:
    pose = np.zeros((frames, 6), np.float32)
    pose[:, 1] = yaw * np.sin(np.arange(frames) / 2)
    return Motion(pose, np.zeros((frames, dynamics_code().size), np.float32))


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five wide frames at 15 a second, each brighter than the last."""
    path = tmp_path_factory.mktemp("footage") / "steps.mp4"
    with VideoWriter(path, (256, 128), 15) as writer:
        for level in range(5):
            writer.write(np.full((128, 256, 3), 20 + 40 * level, np.uint8))
    return path


def test_names_and_colours_are_read(tmp_path: Path) -> None:
    assert parse_background("keep") is Own.KEEP
    assert parse_background("transparent") is Own.TRANSPARENT
    assert parse_background("blur") == Blurred()
    assert parse_background("#0A10ff") == Colour((10, 16, 255))
    assert parse_background("green") == parse_background(GREEN)
    Image.new("RGB", (64, 48), "red").save(tmp_path / "red.png")
    assert isinstance(parse_background(tmp_path / "red.png"), Picture)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("chartreuse", "no such name or file"),
        ("#12345", "six digits"),
        ("{folder}", "is a directory"),
        ("{folder}/notes.txt", "neither a picture nor a video"),
        ("{folder}/cut.png", "damaged or cut off"),
    ],
)
def test_a_bad_background_is_refused_in_one_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:4000])
    with pytest.raises(InputError, match=words) as caught:
        parse_background(text.format(folder=tmp_path))
    assert str(caught.value).startswith("background ")
    assert "\n" not in str(caught.value)


def test_a_live_portrait_takes_still_backgrounds_only(footage: Path) -> None:
    assert parse_still_background("blur") == Blurred()
    for text in ("transparent", str(footage)):
        with pytest.raises(InputError, match="live"):
            parse_still_background(text)


def test_a_picture_covers_the_frame_with_its_middle() -> None:
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200] = 200
    assert (cover(wide, (50, 50)) == 200).all()
    assert cover(wide, (90, 160)).shape == (160, 90, 3)
    tall = wide.transpose(1, 0, 2)
    assert (cover(tall, (150, 150)) == 200).all()


def test_footage_is_resampled_and_starts_again(face: FaceLatent, footage: Path) -> None:
    plates = Footage(footage).plates(face, (64, 64), 30)
    levels = [plate.mean() for plate in islice(plates, 24)]
    once = np.repeat(20 + 40 * np.arange(5), 2)
    np.testing.assert_allclose(levels, np.resize(once, 24), atol=2)


def test_footage_slower_than_itself_leaves_frames_out(face: FaceLatent, footage: Path) -> None:
    plates = Footage(footage).plates(face, (64, 64), 7.5)
    levels = [plate.mean() for plate in islice(plates, 6)]
    # Every second one, and the others the second time round.
    np.testing.assert_allclose(levels, [20, 100, 180, 60, 140, 20], atol=2)


def test_laying_on_keeps_solid_and_clear_px_exactly() -> None:
    rng = np.random.default_rng(1)
    person = rng.integers(0, 256, (32, 32, 4), np.uint8)
    plate = rng.integers(0, 256, (32, 32, 3), np.uint8)
    person[:8, :, 3], person[8:16, :, 3] = 255, 0
    laid = lay_on(person, plate)
    np.testing.assert_array_equal(laid[:8], person[:8, :, :3])
    np.testing.assert_array_equal(laid[8:16], plate[8:16])
    share = person[..., 3:] / 255
    exact = share * person[..., :3] + (1 - share) * plate
    assert np.abs(laid - exact).max() <= 0.51


@pytest.mark.parametrize("interpolation", [cv2.INTER_AREA, cv2.INTER_CUBIC])
def test_resizing_brings_no_hidden_colour_into_the_edge(interpolation: int) -> None:
    person = np.zeros((64, 64, 4), np.uint8)
    person[..., :3] = (0, 255, 0)
    person[:, 20:] = (200, 60, 40, 255)
    side = 33 if interpolation == cv2.INTER_AREA else 150
    resized = resize_rgba(person, (side, side), interpolation)
    seen = resized[..., 3] > 8
    assert seen.any()
    assert np.abs(resized[seen][:, :3].astype(int) - (200, 60, 40)).max() <= 2


def test_the_person_is_the_same_on_their_own_and_on_another_background(face: FaceLatent) -> None:
    own, alone = (list(animate(face, turning(3), background=b)) for b in ("keep", "transparent"))
    assert alone[0].shape == (512, 512, 4)
    for kept, cut in zip(own, alone, strict=True):
        solid = cut[..., 3] == 255
        assert solid.mean() > 0.2
        off = np.abs(kept.astype(int) - cut[..., :3]).max(axis=2)[solid]
        # At the rim the portrait's own px are exact, and the person's estimated.
        assert np.percentile(off, 99) <= 8


def test_a_frame_on_a_colour_is_the_transparent_one_laid_on_it(face: FaceLatent) -> None:
    frames = animate(face, turning(3), background="#204060", size=384)
    alone = animate(face, turning(3), background="transparent", size=384)
    plate = np.full((384, 384, 3), (0x20, 0x40, 0x60), np.uint8)
    for frame, person in zip(frames, alone, strict=True):
        np.testing.assert_array_equal(frame, lay_on(person, plate))


def test_nothing_of_the_old_background_is_left(face: FaceLatent) -> None:
    """The same person before a grey and a loud wall is cut out alike, at rest and turned."""
    alpha = face.matte[..., None]
    cut = []
    for wall in ((128, 128, 128), (255, 0, 255)):
        image = np.rint(alpha * face.image + (1 - alpha) * np.array(wall)).astype(np.uint8)
        plate = np.broadcast_to(np.array(wall, np.uint8), image.shape)
        crop = np.array([0, 0, len(face.image)], np.float32)
        before = replace(face, image=image, background=plate, picture=image, crop=crop)
        cut.append(list(animate(before, turning(3, 0.4), background="transparent")))
    for grey, loud in zip(*cut, strict=True):
        seen = [frame[..., :3] * (frame[..., 3:] / 255) for frame in (grey, loud)]
        off = np.abs(seen[0] - seen[1]).max(axis=2)
        assert off.max() < 64
        assert off.mean() < 0.3


def test_footage_plays_behind_the_person(face: FaceLatent, footage: Path) -> None:
    frames = list(animate(face, turning(4), fps=30, background=footage, size=256))
    corners = [frame[:8, :8].mean() for frame in frames[:4]]
    np.testing.assert_allclose(corners, [20, 20, 60, 60], atol=2)


def test_a_renderer_that_draws_no_person_alone_says_so(face: FaceLatent) -> None:
    class Plain(Renderer):
        def __init__(self, face: FaceLatent) -> None:
            self._frame = face.image

        def render(self, geometry: FrameGeometry) -> np.ndarray:
            return self._frame

        def twin(self) -> Plain:
            return self

    with pytest.raises(InputError, match="Plain draws no person alone"):
        list(animate(face, turning(2), renderer=Plain, background="green"))


def test_a_whole_picture_lies_on_another_background_without_a_gap() -> None:
    face = load_portrait(EXAMPLE_PORTRAIT)
    video = animate(face, turning(2), full_frame=True, size=512, background="transparent")
    first, second = (frame[..., 3] for frame in video)
    # The suit, far below the head, on both sides of where the surface that moves ends.
    for opacity in (first, second):
        assert (opacity[330:500, 110:280] > 250).mean() > 0.98
        assert (opacity[:60, :120] == 0).all(), "the flag"


def test_transparent_pictures_keep_their_opacity_and_are_marked(
    face: FaceLatent, tmp_path: Path
) -> None:
    video = animate(face, turning(2), background="transparent")
    folder = video.save_frames(tmp_path / "frames", marking=Marking(label="eu"))
    label = VisibleLabel((512, 512), "eu")
    plain = [np.full((512, 512, 3), level, np.uint8) for level in (0, 128, 255)]
    labelled = np.any([(label.apply(p) != p).any(axis=2) for p in plain], axis=0)
    for frame, path in zip(video, sorted(folder.glob("*.png")), strict=True):
        with Image.open(path) as picture:
            assert picture.mode == "RGBA"
            read = np.array(picture)
        np.testing.assert_array_equal(read[~labelled, 3], frame[~labelled, 3])
        off = np.abs(read[..., :3].astype(int) - frame[..., :3]).max(axis=2)[~labelled]
        assert 0 < off.max() <= 20
        assert (read[labelled, 3] == 255).mean() > 0.9
        assert verify(path).credentials is not None


def test_a_film_that_holds_no_transparency_refuses_it(face: FaceLatent, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no transparency; let it end in \.webm"):
        animate(face, turning(2), background="transparent").save(tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_a_live_renderer_draws_the_person_before_the_background(face: FaceLatent) -> None:
    renderer = before(WarpRenderer, "#204060")(face)
    geometry = pose_face(face, np.zeros(6), np.zeros((478, 3), np.float32))
    frame = renderer.render(geometry)
    person = WarpRenderer(face).without_background().render(geometry)
    plate = np.full(face.image.shape, (0x20, 0x40, 0x60), np.uint8)
    np.testing.assert_array_equal(frame, lay_on(person, plate))
    np.testing.assert_array_equal(renderer.twin().render(geometry), frame)
    assert before(WarpRenderer, "keep") is WarpRenderer


def _read_transparent(path: Path) -> list[np.ndarray]:
    """RGBA frames; FFmpeg's own VP9 decoder leaves the opacity out."""
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        name = "libvpx-vp9" if path.suffix == ".webm" else "prores"
        decoder = av.CodecContext.create(name, "r") if name == "libvpx-vp9" else None
        for packet in container.demux(stream):
            decoded = packet.decode() if decoder is None else decoder.decode(packet)
            for frame in decoded:
                opacity = np.frombuffer(frame.planes[3], np.uint8 if decoder else "<u2")
                plane = frame.planes[3]
                rows = opacity.reshape(plane.height, -1)[:, : plane.width].astype(np.float32)
                top = (
                    255
                    if decoder
                    else {"yuva444p10le": 1023, "yuva444p12le": 4095}[frame.format.name]
                )
                rgb = frame.reformat(format="rgb24").to_ndarray()
                frames.append(np.dstack([rgb, np.rint(rows * 255 / top)]).astype(np.uint8))
    return frames


@pytest.mark.parametrize(("suffix", "most"), [(".webm", 12), (".mov", 2)])
def test_a_transparent_film_gives_back_opacity_and_colours(
    face: FaceLatent, tmp_path: Path, suffix: str, most: int
) -> None:
    video = animate(face, turning(6), background="transparent", size=256)
    path = video.save(tmp_path / f"film{suffix}")
    read = _read_transparent(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    for frame, back in zip(video, read, strict=True):
        off = np.abs(back[..., 3].astype(int) - frame[..., 3])
        assert np.percentile(off, 99) <= most
        assert off.mean() < 1
        seen = frame[..., 3] > 128
        assert np.abs(back[seen][:, :3].astype(int) - frame[seen][:, :3]).mean() < 6
    report = verify(path)
    assert report.finding == "marked"
    assert (report.credentials is not None) == (suffix == ".mov")
