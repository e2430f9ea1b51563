"""Portraits that say nothing, and motion that goes round."""

from __future__ import annotations

from pathlib import Path

import c2pa
import numpy as np
import pytest
from PIL import Image

from openvasa import FaceLatent, InputError, Motion, MotionSettings, animate, load_portrait
from openvasa.assets import EXAMPLE_VOICE, EXAMPLES
from openvasa.cli import main
from openvasa.face.dynamics import dynamics_code, lid_gap
from openvasa.face.landmarker import track_next
from openvasa.media.inspect import inspect_video
from openvasa.motion.geometry import geometry_at
from openvasa.motion.idle import idle_motion
from openvasa.motion.loop import (
    FADE_S,
    HEAD_RETURN_S,
    loop_motion,
    resample_loop,
    return_to_start,
)
from openvasa.motion.row import row_width

PORTRAIT = EXAMPLES / "gallery" / "mona_lisa.jpg"


@pytest.fixture(scope="module", params=[0, 1, 2])
def loop(request: pytest.FixtureRequest) -> Motion:
    return idle_motion(MotionSettings(seed=request.param), 6.0, loop=True)


def test_a_loop_ends_where_it_begins(loop: Motion) -> None:
    face = load_portrait(PORTRAIT)
    points = np.array([geometry_at(face, row).landmarks[:, :2] for row in loop.rows()])
    assert len(points) == 150
    steps = np.linalg.norm(np.diff(points, axis=0, append=points[:1]), axis=2).max(axis=1)
    assert steps[-1] <= np.percentile(steps[:-1], 95), "from the last frame to the first"
    fade = round(FADE_S * loop.fps)
    assert steps[-fade:].max() <= 1.1 * steps[:-fade].max(), "within the fade"


def _seen_apart(face: FaceLatent, first: np.ndarray, second: np.ndarray) -> float:
    """Px between the points of a face as they are tracked in two frames, the median point's."""
    tracked = [track_next(frame, face.landmarks).landmarks[:, :2] for frame in (first, second)]
    return float(np.median(np.linalg.norm(tracked[1] - tracked[0], axis=1)))


def test_the_last_frame_of_an_idle_loop_meets_the_first(loop: Motion) -> None:
    face = load_portrait(PORTRAIT)
    ends = Motion.from_rows(loop.rows()[[-2, -1, 0, 1]], loop.fps)
    before, last, first, after = list(animate(face, ends))
    # A head that is turning there turns on: the seam is a px, or a step at most a quarter longer
    # than those beside it.
    beside = max(_seen_apart(face, before, last), _seen_apart(face, first, after))
    assert _seen_apart(face, last, first) < max(1.0, 1.25 * beside)


def test_speech_that_loops_comes_back_to_its_start() -> None:
    rng = np.random.default_rng(0)
    rows = np.cumsum(rng.normal(0, 0.02, (100, row_width())), axis=0).astype(np.float32)
    motion = Motion.from_rows(rows, 25.0)
    closed = return_to_start(motion).rows()
    assert len(closed) == len(rows)
    np.testing.assert_allclose(closed[-1], closed[0], atol=1e-6)
    kept = round((1 - HEAD_RETURN_S) * 25) + 75
    np.testing.assert_array_equal(closed[: kept - 1], rows[: kept - 1])
    # Lips speak on nearly to the end.
    np.testing.assert_array_equal(closed[:90, 6:], rows[:90, 6:])
    steps = np.abs(np.diff(closed[:, :6], axis=0)).max(axis=1)
    apart = np.abs(rows[-26:, :6] - rows[0, :6]).max()
    assert steps[-25:].max() < np.abs(np.diff(rows[:, :6], axis=0)).max() + 0.1 * apart


def test_the_last_frame_of_looping_speech_meets_the_first(tmp_path: Path) -> None:
    path = tmp_path / "loop.mp4"
    command = ["animate", str(PORTRAIT), str(EXAMPLE_VOICE), "-o", str(path), "--loop"]
    kept = tmp_path / "motion.npz"
    assert main([*command, "--save-motion", str(kept), "--size", "128", "--quiet"]) == 0
    rows = Motion.load(kept).rows()
    face = load_portrait(PORTRAIT)
    last, first = list(animate(face, Motion.from_rows(np.stack([rows[-1], rows[0]]), 25.0)))
    assert _seen_apart(face, last, first) < 1.0


@pytest.mark.parametrize("fps", [20, 30000 / 1001, 60])
def test_a_loop_at_another_rate_has_no_seam(fps: float) -> None:
    rows = np.zeros((100, row_width()), np.float32)
    rows[:, 0] = np.sin(2 * np.pi * np.arange(100) / 100)
    turned = resample_loop(Motion.from_rows(rows, 25.0), fps).rows()[:, 0]
    assert len(turned) == round(4 * fps)
    steps = np.diff(turned, append=turned[:1])
    wanted = 2 * np.pi / len(turned)
    assert abs(steps[-1] / wanted - 1) < 0.1
    assert np.abs(np.diff(steps, append=steps[:1])).max() < 0.1 * wanted


def test_an_idle_portrait_lives_and_keeps_its_mouth_shut(loop: Motion) -> None:
    shapes = dynamics_code().decode(loop.dynamics)
    assert loop.pose[:, :3].std(axis=0).max() > np.radians(0.3)
    gap = lid_gap(shapes)
    assert gap.std() > 0.02, "it blinks or looks about"


def test_a_loop_without_a_fitting_moment_still_closes() -> None:
    rows = np.zeros((200, row_width()), np.float32)
    rows[:, 0] = np.linspace(0, 0.2, 200)
    looped = loop_motion(Motion.from_rows(rows, 25.0), 6.0).rows()
    steps = np.abs(np.diff(looped[:, 0], append=looped[:1, 0]))
    assert steps.max() < 0.025
    assert len(looped) == 150


@pytest.mark.parametrize(("seconds", "words"), [(0.5, "for a loop"), (9.0, "too short")])
def test_impossible_loops_are_refused(seconds: float, words: str) -> None:
    motion = Motion.from_rows(np.zeros((200, row_width()), np.float32), 25.0)
    with pytest.raises(InputError, match=words):
        loop_motion(motion, seconds)


def test_the_command_writes_a_marked_loop(tmp_path: Path) -> None:
    path = tmp_path / "idle.mp4"
    command = ["idle", str(PORTRAIT), "-o", str(path), "--seconds", "2", "--size", "128"]
    assert main([*command, "--loop", "--quiet", "--accept-policy"]) == 0
    info = inspect_video(path)
    assert (info.frames, info.width, info.audio_codec) == (50, 128, None)
    assert info.metadata["comment"].startswith("AI-generated")
    with c2pa.Reader(str(path)) as reader:
        manifest = reader.get_active_manifest()
    assert manifest is not None
    assertions = {part["label"]: part["data"] for part in manifest["assertions"]}
    made_by = assertions["org.openvasa.generation"]
    assert made_by["controls"]["motion"] == "generated from silence"


def test_the_portrait_is_not_replaced(tmp_path: Path) -> None:
    portrait = tmp_path / "me.webp"
    with Image.open(PORTRAIT) as picture:
        picture.save(portrait)
    kept = portrait.read_bytes()
    assert main(["idle", str(portrait), "-o", str(portrait), "--accept-policy"]) == 2
    assert main(["check", str(portrait), "--faces", str(portrait)]) == 2
    assert portrait.read_bytes() == kept


@pytest.mark.parametrize(
    ("options", "words"), [(["--seconds", "0"], "choose 1 to 3600"), (["--seed", "-1"], "seed -1")]
)
def test_bad_options_are_refused(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "idle.mp4"
    assert main(["idle", str(PORTRAIT), "-o", str(output), *options]) == 2
    assert words in capsys.readouterr().err
    assert not output.exists()
