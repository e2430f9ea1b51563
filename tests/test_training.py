"""The training scripts on made-up clips: seconds, not skill."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from openvasa.assets import ASSETS
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.data.prepare import Clip, read_clip_list
from openvasa.data.shapes import mirrored, mouth_share
from openvasa.data.voices import LIVE_CONTEXT, LIVE_FRAMES, Voice, live_features
from openvasa.data.windows import (
    TalkingClip,
    WindowSampler,
    fit_normaliser,
    mirror_matrix,
    mouth_rest,
    mouth_rest_matrix,
    rendition,
)
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.motion.controls import CONTROL_DIM, GAZE, eye_turn, read_controls
from openvasa.motion.motion import POSE_DIM
from openvasa.motion.rest import resting_shape
from openvasa.motion.steering import turned
from openvasa.train.dynamics import mirrored_blendshapes

FEATURE_DIM = MoonshineEncoder.dim
CLIPS = Path(__file__).parents[2] / "shared" / "data" / "clips"


def made_up_voice(frames: int, rng: np.random.Generator) -> Voice:
    """A voice of noise."""
    speech = rng.standard_normal((frames, FEATURE_DIM)).astype(np.float16)
    starts = np.arange(0, frames - 8, 4, dtype=np.int32)
    live = np.zeros((len(starts), LIVE_CONTEXT + LIVE_FRAMES[-1], FEATURE_DIM), np.float16)
    return Voice(
        1.0,
        speech,
        speech,
        np.arange(frames) > frames // 2,
        starts,
        np.resize(LIVE_FRAMES, len(starts)).astype(np.int32),
        starts % 8 == 0,
        live,
    )


def made_up_clips(count: int = 3, frames: int = 120) -> list[TalkingClip]:
    """Clips whose mouth follows one speech feature; the first has no sound."""
    rng = np.random.default_rng(0)
    dim = POSE_DIM + dynamics_code().size
    clips = []
    for index in range(count):
        motion = 0.1 * rng.standard_normal((frames, dim)).astype(np.float32)
        voice = made_up_voice(frames, rng) if index else None
        if voice is not None:
            motion[:, POSE_DIM] = voice.speech[:, 0]
        clip = Clip(f"c{index}", "train", str(index), "real", index > 0, "made up")
        style = rng.standard_normal(4).astype(np.float32)
        clips.append(TalkingClip(clip, [rendition(motion, voice)], style))
    return clips


@pytest.mark.parametrize("live", [False, True])
def test_windows_have_their_shapes_and_are_normalised(live: bool) -> None:
    clips = made_up_clips()
    sampler = WindowSampler(clips, fit_normaliser(clips), context=16, window=54)
    rng = np.random.default_rng(0)
    batch = sampler.live(16, rng) if live else sampler.whole(16, rng)
    frames = batch.inside.shape[1]
    assert frames in LIVE_FRAMES if live else frames == 54
    assert batch.motion.shape == (16, 16 + frames, clips[0].motion.shape[1])
    assert batch.speech.shape == (16, 16 + frames, FEATURE_DIM)
    assert batch.controls.shape == (16, 16 + frames, CONTROL_DIM)
    assert batch.style.shape == (16, 4)
    assert set(np.unique(batch.has_audio)) <= {0.0, 1.0}
    assert set(np.unique(batch.has_context)) <= {0.0, 1.0}
    assert 0.2 < np.median(np.abs(batch.motion)) < 3


def test_a_faster_voice_moves_the_lips_faster() -> None:
    rng = np.random.default_rng(0)
    motion = np.zeros((100, POSE_DIM + dynamics_code().size), np.float32)
    motion[:, POSE_DIM] = np.sin(2 * np.pi * np.arange(100) / 25)
    voice = replace(made_up_voice(80, rng), speed=1.25)
    fast = rendition(motion, voice).motion
    assert len(fast) == 80
    expected = np.sin(2 * np.pi * (1.25 * (np.arange(80) + 0.5) - 0.5) / 25)
    np.testing.assert_allclose(fast[2:-2, POSE_DIM], expected[2:-2], atol=0.02)


def test_a_turned_head_turns_the_gaze_it_shows() -> None:
    pose = np.zeros((10, POSE_DIM), np.float32)
    codes = np.tile(eye_turn(np.radians([6.0, 2.0])), (10, 1))
    shown = read_controls(turned(pose, np.radians([10.0, -5.0])), codes)
    np.testing.assert_allclose(np.degrees(shown[:, GAZE]), np.tile([16, -3], (10, 1)), atol=1.0)


def test_live_features_are_those_of_the_stream() -> None:
    rng = np.random.default_rng(0)
    samples = (0.1 * rng.standard_normal(16000)).astype(np.float32)
    heard = live_features(samples, 10, 6)
    again = live_features(np.concatenate([samples[: 16 * 640], np.zeros(640)]), 10, 6)
    np.testing.assert_allclose(heard, again, atol=1e-5)
    assert heard.shape == (LIVE_CONTEXT + 6, FEATURE_DIM)


def test_mirroring_twice_changes_nothing() -> None:
    code = dynamics_code()
    np.testing.assert_allclose(mirrored(mirrored(code.basis)), code.basis, atol=1e-6)
    twice = mirror_matrix(code) @ mirror_matrix(code)
    np.testing.assert_allclose(twice, np.eye(code.size), atol=0.05)
    shapes = np.arange(52, dtype=np.float32)
    np.testing.assert_array_equal(mirrored_blendshapes(mirrored_blendshapes(shapes)), shapes)
    assert (mirrored_blendshapes(shapes) != shapes).sum() > 30


def test_mouth_rest_stills_the_lips_and_leaves_the_lids() -> None:
    code = dynamics_code()
    codes = np.random.default_rng(0).standard_normal((20, code.size)).astype(np.float32)
    before, after = code.decode(codes), code.decode(codes @ mouth_rest_matrix(code))
    assert np.abs(lip_gap(after)).mean() < 0.25 * np.abs(lip_gap(before)).mean()
    np.testing.assert_allclose(after[:, 159], before[:, 159], atol=0.06)


def test_rest_closes_the_mouth_and_keeps_the_eyes() -> None:
    code = dynamics_code()
    jaw = code.from_arkit(np.eye(52, dtype=np.float32)[25])
    amounts = (1 - np.cos(np.arange(80) / 4)) / 3
    shapes = code.mean_shape + code.decode(amounts[:, None] * jaw)
    rest = resting_shape(shapes, mouth_share())
    assert abs(lip_gap(rest)) < 0.01
    assert np.abs(rest[159] - np.median(shapes[:, 159], axis=0)).max() < 0.1


def test_a_mouth_closes_into_a_pause_and_opens_before_its_end() -> None:
    silenced = np.zeros(40, bool)
    silenced[10:30] = True
    rest = mouth_rest(silenced)
    assert rest[:10].max() == rest[30:].max() == 0
    assert rest[18:25].min() == 1
    assert 0 < rest[11] < rest[13] < 1
    assert 0 < rest[29] < rest[27] < 1


def test_clip_list_distrusts_bad_sync(tmp_path: Path) -> None:
    row = (
        '{{"file": "{0}.mp4", "kind": "real", "split": "train", "seconds": 9.0, "sound": true,'
        ' "group": "g", "source": "s", "av_offset": {1}, "av_confidence": {2}}}'
    )
    lines = [row.format("a", 0, 5.0), row.format("b", 7, 5.0), row.format("c", 0, 0.2)]
    (tmp_path / "clips.jsonl").write_text("\n".join(lines))
    assert [c.sound for c in read_clip_list(tmp_path)] == [True, False, False]


def test_motion_training_interrupted_equals_one_that_was_not(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the train extra is not installed")
    from interrupting import train_interrupted

    from openvasa.train.motion import DEFAULTS, MotionTraining, motion_task
    from openvasa.train.motion_network import MotionNetwork, NetworkConfig

    clips = made_up_clips()
    normaliser = fit_normaliser(clips)
    sizes = NetworkConfig(len(normaliser.mean), 4, width=32, layers=2)
    windows = MotionTraining(batch=4, live_batch=4)

    def make_task():
        return motion_task(MotionNetwork(sizes).train(), sizes, clips, normaliser, windows, "cpu")

    rows = train_interrupted(make_task, DEFAULTS, tmp_path)
    assert {"whole loss", "live loss", "live gap"} <= {name for row in rows for name in row}


def test_nobody_learnt_from_is_held_back() -> None:
    from openvasa.data.held_back import held_back_people
    from openvasa.errors import InputError

    people = [f"person {k}" for k in range(600)]
    held_back = held_back_people(people, 6)
    assert len(held_back) == 100
    assert held_back == held_back_people([*reversed(people), *people], 6)
    # Who else is there hardly matters: a new clip list keeps the judges that it has.
    fewer = held_back_people(people[:590], 6)
    assert len(fewer & held_back) > 90
    assert len(held_back_people(people[:2], 6)) == 1
    with pytest.raises(InputError, match="two people or more"):
        held_back_people(["one", "one"], 6)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean square of the difference, relative to the second."""
    return float(np.sqrt(np.square(a - b).mean() / np.square(b).mean()))


def test_training_can_start_from_the_shipped_weights() -> None:
    torch = pytest.importorskip("torch", reason="the train extra is not installed")
    pytest.importorskip("onnx", reason="the train extra is not installed")
    from openvasa.backend import load_onnx
    from openvasa.errors import InputError
    from openvasa.motion.controls import GROUPS
    from openvasa.motion.space import NETWORK_FILE
    from openvasa.train.export import load_shipped
    from openvasa.train.motion_network import MotionNetwork, NetworkConfig

    dim = POSE_DIM + dynamics_code().size
    network = MotionNetwork(NetworkConfig(dim, 4))
    load_shipped(network)
    rng = np.random.default_rng(0)
    shapes = [(1, 5, dim), (1,), (1, 16, dim), (1, 21, FEATURE_DIM), (1, 4), (1, 21, CONTROL_DIM)]
    inputs = [rng.random(s, np.float32) for s in [*shapes, (1,), (1,), (1,), (1, len(GROUPS))]]
    with torch.no_grad():
        found = network.eval()(*map(torch.from_numpy, inputs)).numpy()
    # What is shipped rounds activations to eight bits as well.
    assert apart(found, load_onnx(NETWORK_FILE)(*inputs)[0]) < 0.03
    with pytest.raises(InputError, match="start afresh"):
        load_shipped(MotionNetwork(NetworkConfig(dim, 4, width=128)))


def test_the_teacher_of_live_motion_samples_as_the_generator_does(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the train extra is not installed")
    pytest.importorskip("onnx", reason="the train extra is not installed")
    from openvasa.backend import load_onnx
    from openvasa.motion.controls import GROUPS
    from openvasa.motion.correction import CODE_LIMIT
    from openvasa.motion.schedule import ddim_sample
    from openvasa.train.distil import Conditions, Distillation, Teacher
    from openvasa.train.export import load_shipped, write_onnx
    from openvasa.train.motion_network import MotionNetwork, NetworkConfig

    dim, rng = POSE_DIM + dynamics_code().size, np.random.default_rng(0)
    network = MotionNetwork(NetworkConfig(dim, 4)).eval().requires_grad_(False)
    load_shipped(network)
    write_onnx(network, tmp_path / "motion.onnx")
    exported = load_onnx(tmp_path / "motion.onnx", threads=1)
    config = Distillation(teacher_steps=3, audio_guidance=0.6, control_guidance=0.3)
    noise, context = (rng.standard_normal((2, n, dim)).astype(np.float32) for n in (4, 16))
    audio, controls = (rng.random((2, 20, n), np.float32) for n in (FEATURE_DIM, CONTROL_DIM))
    style, one = rng.random((2, 4), np.float32), np.ones(2, np.float32)
    # The second window is told where to look, the first nothing.
    known = np.array([[0, 0, 0], [1, 0, 0]], np.float32)
    parts = (context, audio, style, controls, one, one, one, known)
    conditions = Conditions(*map(torch.from_numpy, parts))
    found = Teacher(network, conditions, config).predictions(torch.from_numpy(noise))[-1].numpy()

    def shipped(row: int, has_audio: float, flags: np.ndarray, noisy: np.ndarray, time: float):
        given = [part[row : row + 1] for part in (context, audio, style, controls)]
        heard = np.full(1, has_audio, np.float32)
        one, times = np.ones(1, np.float32), np.full(1, time, np.float32)
        inputs = (noisy[None], times, *given, one, heard, one, flags[None])
        return exported(*inputs)[0][0]

    def predict(row: int, noisy: np.ndarray, time: float) -> np.ndarray:
        asis = shipped(row, 1, known[row], noisy, time)
        unheard = 0.6 * (asis - shipped(row, 0, known[row], noisy, time))
        unheard[:, :POSE_DIM] = 0
        unseen = 0.3 * (asis - shipped(row, 1, np.zeros(len(GROUPS), np.float32), noisy, time))
        return np.clip(asis + unheard + unseen * (row == 1), -CODE_LIMIT, CODE_LIMIT)

    for row in range(2):
        wanted = ddim_sample(lambda noisy, time, row=row: predict(row, noisy, time), noise[row], 3)
        np.testing.assert_allclose(found[row], wanted, atol=2e-3)


def test_live_motion_is_distilled_and_exported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch", reason="the train extra is not installed")
    pytest.importorskip("onnx", reason="the train extra is not installed")
    from openvasa.backend import load_onnx
    from openvasa.motion.schedule import MAX_TIME
    from openvasa.train import distil, export

    monkeypatch.setattr(distil, "load_clips", lambda *_: made_up_clips())
    distillation = distil.Distillation(batch=2, teacher_steps=2)
    config = replace(distil.DEFAULTS, steps=2, warmup=1)
    distil.train(tmp_path, tmp_path / "run", config, distillation)
    for name in ("HOP_NETWORK_FILE", "STYLE_NETWORK_FILE"):
        monkeypatch.setattr(export, name, tmp_path / f"{name}.onnx")
    monkeypatch.setattr(export, "HOP_NORMALISER_FILE", tmp_path / "normaliser.npz")
    shutil.copy(ASSETS / "motion_live.json", tmp_path / "HOP_NETWORK_FILE.json")
    export.export_live(tmp_path / "run")
    network, rng = export.load_average(tmp_path / "run"), np.random.default_rng(0)
    dim = POSE_DIM + dynamics_code().size
    shapes = [(1, 3, dim), (1, 16, dim), (1, 19, FEATURE_DIM), (1, 19, CONTROL_DIM), (1, 3)]
    noisy, context, audio, controls, flags = (rng.random(s, np.float32) for s in shapes)
    style, one = rng.random((1, 4), np.float32), np.ones(1, np.float32)
    modulations = load_onnx(tmp_path / "STYLE_NETWORK_FILE.onnx")(style)[0]
    hop = load_onnx(tmp_path / "HOP_NETWORK_FILE.onnx")
    found = hop(noisy, context, audio, controls, flags, modulations)[0]
    inputs = (noisy, one * MAX_TIME, context, audio, style, controls, one, one, one, flags)
    with torch.no_grad():
        wanted = network(*(torch.from_numpy(np.float32(part)) for part in inputs)).numpy()
    np.testing.assert_allclose(found, wanted, atol=5e-3)


@pytest.mark.skipif(not CLIPS.exists(), reason="the training clips are not beside the repository")
def test_tracking_a_real_clip() -> None:
    from openvasa.data.prepare import clip_samples, track_clip
    from openvasa.data.voices import whole_features

    clip = next(c for c in read_clip_list(CLIPS) if c.sound and c.split == "test")
    path = CLIPS / f"{clip.name}.mp4"
    tracked, speech = track_clip(path), whole_features(clip_samples(path))
    assert abs(len(tracked["valid"]) - len(speech)) <= 2
    assert tracked["valid"].mean() > 0.9
    gaps = lip_gap(tracked["canonical"])
    assert gaps.max() - gaps.min() > 0.2


def test_ablation_trains_judges_and_keeps_figures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="the train extra is not installed")
    from openvasa import ablate
    from openvasa.errors import InputError

    clips = made_up_clips()
    rng = np.random.default_rng(0)
    sounds = {c.clip.name: 0.1 * rng.standard_normal(len(c.motion) * 640) for c in clips}
    monkeypatch.setattr(ablate, "load_clips", lambda *_: clips)
    monkeypatch.setattr(ablate, "load_sound", lambda _, clip: sounds[clip.name])
    judged = [(clip, sounds[clip.clip.name].astype(np.float32)) for clip in clips[1:]]
    monkeypatch.setattr(ablate, "held_out", lambda _: judged)
    names = ("standard", "flow matching", "log-mel, voices as they are", "context of 4")
    found = ablate.ablate(tmp_path, tmp_path / "run", 2, names)
    assert set(found) == set(names)
    assert len({row.pose_change for row in found.values()}) == len(names)
    monkeypatch.setattr(ablate, "load_clips", lambda *_: pytest.fail("figures were there"))
    report = ablate.ablation_report(found)
    assert ablate.ablation_report(ablate.ablate(tmp_path, tmp_path / "run", 2, names)) == report
    assert report.count("\n") == len(names) + 1
    with pytest.raises(InputError, match="of 2 steps"):
        ablate.ablate(tmp_path, tmp_path / "run", 3)
    with pytest.raises(InputError, match="no variant"):
        ablate.ablate(tmp_path, tmp_path / "run", 2, ("none such",))


def test_straight_paths_lead_to_clean_motion() -> None:
    torch = pytest.importorskip("torch", reason="the train extra is not installed")
    from openvasa.ablate import StraightPaths

    clean, noise = torch.randn(2, 5, 3), torch.randn(2, 5, 3)
    time = torch.tensor([0.1, 0.9])
    angle = (time * np.pi / 2)[:, None, None]
    noisy = angle.cos() * clean + angle.sin() * noise

    def velocity(point: object, at: object) -> object:
        share = angle.sin() / (angle.cos() + angle.sin())
        torch.testing.assert_close(at, share[:, 0, 0])
        torch.testing.assert_close(point, (1 - share) * clean + share * noise)
        return noise - clean

    torch.testing.assert_close(StraightPaths(velocity)(noisy, time), clean)
