"""Stage two in the learned latent: its rows, its training, and from sound to frames."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from test_training import FEATURE_DIM, made_up_clips

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from openvasa.audio.moonshine import MoonshineEncoder  # noqa: E402
from openvasa.cli import main  # noqa: E402
from openvasa.commands.renderers import choose_motion, choose_renderer  # noqa: E402
from openvasa.data.row_code import geometric_row_code  # noqa: E402
from openvasa.data.shapes import mirror_points  # noqa: E402
from openvasa.errors import InputError  # noqa: E402
from openvasa.face.canonical import POSE_DIM  # noqa: E402
from openvasa.face.dynamics import dynamics_code  # noqa: E402
from openvasa.face.latent import FaceLatent  # noqa: E402
from openvasa.learned.config import CONFIGS  # noqa: E402
from openvasa.learned.export import export_network  # noqa: E402
from openvasa.learned.files import MOTION_CODE_FILE, READING_FILE  # noqa: E402
from openvasa.learned.network import LatentNetwork  # noqa: E402
from openvasa.learned.points import FEATURES  # noqa: E402
from openvasa.learned.weights import save_network  # noqa: E402
from openvasa.motion.amount import Amount  # noqa: E402
from openvasa.motion.geometry import geometry_at  # noqa: E402
from openvasa.motion.row import row_width  # noqa: E402
from openvasa.motion.settings import MotionSettings  # noqa: E402
from openvasa.train.latent_motion import (  # noqa: E402
    ROWS_FILE,
    EncodedClip,
    MotionCode,
    check_code,
    check_run,
    describe_latent,
    export_motion,
    fit_motion_code,
)
from openvasa.train.speech_motion import DEFAULTS, MotionTraining, motion_task  # noqa: E402
from openvasa.train.speech_motion_data import WindowSampler, fit_space  # noqa: E402
from openvasa.train.speech_motion_export import SPACE_NAME  # noqa: E402
from openvasa.train.speech_motion_network import MotionNetwork, NetworkConfig  # noqa: E402
from openvasa.train.style_scale import StyleScale  # noqa: E402
from openvasa.train.trainer import train  # noqa: E402

D = dynamics_code().size
LATENT = 40
SIZES = NetworkConfig(POSE_DIM + D, FEATURE_DIM, width=32, layers=2)


@pytest.fixture(scope="module")
def encoded() -> list[EncodedClip]:
    """Clips whose learned codes are a linear picture of the geometric ones."""
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(D, LATENT))
    mirror = geometric_row_code().mirror
    clips = []
    for number in range(3):
        geometric = rng.normal(size=(400, D))
        codes = geometric @ picture + 0.01 * rng.normal(size=(400, LATENT))
        clips.append(EncodedClip(f"c{number}", codes, geometric @ mirror @ picture, geometric))
    return clips


def test_rows_carry_the_strongest_of_the_code(encoded: list[EncodedClip]) -> None:
    code = fit_motion_code(encoded)
    clip = encoded[0]
    numbers = code.numbers(clip.codes)
    assert numbers.shape == (400, D)
    assert 0.8 < numbers.std() < 1.2
    assert np.abs(numbers @ code.directions - clip.codes).max() < 0.1
    shown = np.tensordot(numbers, code.row.basis, 1)
    wanted = dynamics_code().decode(clip.geometric)
    assert np.abs(shown - wanted).mean() < 0.05 * np.abs(wanted).mean()
    mirrored = np.tensordot(numbers @ code.row.mirror, code.row.basis, 1)
    assert np.abs(mirrored - mirror_points(wanted)).mean() < 0.08 * np.abs(wanted).mean()
    resting = dynamics_code().encode(np.tensordot(numbers @ code.row.mouth_rest, code.row.basis, 1))
    shut = clip.geometric @ geometric_row_code().mouth_rest
    assert np.abs(resting - shut).mean() < 0.1 * np.abs(clip.geometric).mean()


def test_encoded_clips_come_back_from_the_run(encoded: list[EncodedClip], tmp_path: Path) -> None:
    code = fit_motion_code(encoded)
    about = {"name": "small", "steps": 3, "people": None}
    code.save(tmp_path / "rows.npz", encoded, about)
    assert MotionCode.read_about(tmp_path / "rows.npz") == about
    again, clips = MotionCode.load(tmp_path / "rows.npz")
    assert np.array_equal(again.directions, code.directions)
    assert np.array_equal(again.row.mirror, code.row.mirror)
    assert np.array_equal(clips["c1"], code.numbers(encoded[1].codes))


def test_a_code_too_short_for_a_row_is_refused() -> None:
    check_code(D)
    with pytest.raises(InputError, match="too short"):
        check_code(D - 1)


@pytest.fixture(scope="module")
def latent(tmp_path_factory: pytest.TempPathFactory, encoded: list[EncodedClip]) -> Path:
    """An exported network of `mini` with a motion generator of 20 steps beside it."""
    folder = tmp_path_factory.mktemp("latent")
    torch.manual_seed(0)
    network = LatentNetwork(CONFIGS["mini"]).eval()
    torch.nn.init.normal_(network.from_canonical.last.weight, 0, 0.02)
    save_network(folder, network, "mini", 1)
    export_network(network, folder)
    rng, size = np.random.default_rng(0), CONFIGS["mini"].dynamics
    np.savez(folder / READING_FILE, matrix=rng.normal(0, 0.1, (3 * len(FEATURES), size)))
    code, clips, encoder = (
        fit_motion_code(encoded).row,
        made_up_clips(frames=200),
        MoonshineEncoder(),
    )
    scale = StyleScale.fit(clips)
    space = fit_space(clips, scale, SIZES, encoder)
    sampler = WindowSampler(clips, space, scale, encoder, silences=4, code=code)
    settings = {"network": asdict(SIZES)}
    small = MotionTraining(batch=4, live_batch=4)
    task = motion_task(
        MotionNetwork(SIZES).train(), space, sampler, sampler, small, "cpu", settings
    )
    run = folder / "motion"
    before = {n: p.detach().clone() for n, p in task.network.named_parameters()}
    train(task, replace(DEFAULTS, steps=20, warmup=2, log_every=20), run)
    for name, value in task.network.named_parameters():
        assert not torch.equal(value, before[name]), f"{name} has not learnt"
    space.save(run / SPACE_NAME)
    directions = rng.normal(0, 1, (D, size)).astype(np.float32)
    MotionCode(directions, code).save(run / ROWS_FILE, [], describe_latent(folder, None))
    export_motion(run, folder, "last")
    return folder


def test_sound_becomes_frames_in_the_learned_latent(latent: Path, face: FaceLatent) -> None:
    name = f"latent:{latent}"
    rng = np.random.default_rng(0)
    sound = 0.1 * rng.standard_normal(16000).astype(np.float32)
    rows = np.concatenate(list(choose_motion(name, MotionSettings(seed=1)).frames([sound])))
    assert rows.shape == (25, row_width())
    again = np.concatenate(list(choose_motion(name, MotionSettings(seed=1)).frames([sound])))
    assert np.array_equal(rows, again)
    other = np.concatenate(list(choose_motion(name, MotionSettings(seed=2)).frames([sound])))
    assert not np.allclose(rows, other, atol=0.1)
    renderer = choose_renderer(name)(face)
    frames = renderer.render_many([geometry_at(face, row) for row in rows[:5]])
    assert [frame.shape for frame in frames] == [(64, 64, 3)] * 5
    assert any(np.abs(frame.astype(int) - frames[0]).max() > 2 for frame in frames[1:])


def test_rows_reach_the_decoder_as_the_learned_code(latent: Path, face: FaceLatent) -> None:
    row = np.zeros(row_width(), np.float32)
    still = geometry_at(face, row)
    row[POSE_DIM + 3] = 2.0
    own, geometric = (choose_renderer(f"{kind}:{latent}")(face) for kind in ("latent", "learned"))
    assert np.array_equal(own.render(still), geometric.render(still))
    with np.load(latent / MOTION_CODE_FILE) as data:
        wanted = 2 * data["directions"][3]
    moved = geometry_at(face, row)
    read = own._read((moved.canonical - face.neutral)[None])[0]  # pyright: ignore
    assert np.allclose(read, wanted, atol=1e-2)


def test_rows_of_another_latent_are_refused(encoded: list[EncodedClip], tmp_path: Path) -> None:
    latent, run = tmp_path / "latent", tmp_path / "run"
    run.mkdir()
    save_network(latent, LatentNetwork(CONFIGS["mini"]), "mini", 1)
    about = describe_latent(latent, None)
    check_run(run, about)
    fit_motion_code(encoded).save(run / ROWS_FILE, encoded, about)
    check_run(run, describe_latent(latent, None))
    with pytest.raises(InputError, match="another RUN"):
        check_run(run, describe_latent(latent, 5))
    save_network(latent, LatentNetwork(CONFIGS["mini"]), "mini", 1)
    with pytest.raises(InputError, match="another RUN"):
        check_run(run, describe_latent(latent, None))


def test_a_run_in_the_shipped_code_is_refused(latent: Path) -> None:
    # It has a checkpoint whose settings name no latent.
    with pytest.raises(InputError, match="another RUN"):
        check_run(latent / "motion", describe_latent(latent, None))


@pytest.mark.parametrize("option", ["--motion", "--save-motion", "--partner"])
def test_motion_of_the_learned_latent_stays_with_it(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["animate", "me.jpg", "voice.wav", "-o", "a.mp4", "--renderer", "latent:run"]
    assert main([*command, option, "other.npz"]) == 2
    assert "no other renderer can draw" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["motion", "cache", "run", "--latent", "r", "--clips", "c", "--export", "c"], "--export"),
        (["motion", "cache", "run", "--people", "3"], "go with --latent"),
        (["motion", "cache", "run", "--people", "0"], "choose 1 or more"),
        (["drawing", "cache", "clips", "--people", "0"], "choose 1 or more"),
        (["drawing", "cache", "clips", "--people", "-1"], "choose 1 or more"),
        (["latent", "cache", "clips", "run", "--people", "0"], "choose 1 or more"),
    ],
)
def test_training_refuses_options_that_it_would_drop(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *words]) == 2
    assert said in capsys.readouterr().err


def test_what_the_learned_latent_cannot_do_is_refused(latent: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train motion"):
        choose_motion(f"latent:{tmp_path}", MotionSettings())
    with pytest.raises(InputError, match="controls"):
        choose_motion(f"latent:{latent}", MotionSettings(amount=Amount(head=0.5)))
    with pytest.raises(InputError, match="whole files"):
        choose_motion(f"latent:{latent}", MotionSettings()).live()
