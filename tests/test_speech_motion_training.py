"""The generator that starts from a Gaussian prior: it trains, and before that it already moves."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from test_training import FEATURE_DIM, made_up_clips

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from interrupting import train_interrupted  # noqa: E402

from openvasa.audio.moonshine import MoonshineEncoder  # noqa: E402
from openvasa.backend import load_onnx  # noqa: E402
from openvasa.data.clip_list import Clip  # noqa: E402
from openvasa.data.row_code import geometric_row_code  # noqa: E402
from openvasa.data.voices import LIVE_FRAMES  # noqa: E402
from openvasa.errors import InputError  # noqa: E402
from openvasa.face.canonical import POSE_DIM  # noqa: E402
from openvasa.face.dynamics import dynamics_code  # noqa: E402
from openvasa.motion.speaker import (  # noqa: E402
    STYLE_NAMES,
    Speaker,
    Speakers,
    StyleResponse,
)
from openvasa.motion.window_loop import WindowLoop  # noqa: E402
from openvasa.motion.window_network import (  # noqa: E402
    NETWORK_FILE,
    SPACE_FILE,
    Guidance,
    MotionSpace,
    WindowNetwork,
)
from openvasa.train.blink_rates import estimate_rates, fit_people  # noqa: E402
from openvasa.train.speech_motion import (  # noqa: E402
    DEFAULTS,
    MotionRows,
    MotionTraining,
    motion_task,
)
from openvasa.train.speech_motion import train as train_generator  # noqa: E402
from openvasa.train.speech_motion_data import (  # noqa: E402
    WindowSampler,
    fit_space,
)
from openvasa.train.speech_motion_export import SPACE_NAME, export  # noqa: E402
from openvasa.train.speech_motion_network import MotionNetwork, NetworkConfig  # noqa: E402
from openvasa.train.style_response import match_spread  # noqa: E402
from openvasa.train.style_scale import StyleScale  # noqa: E402
from openvasa.train.trainer import load_settings, load_weights, train  # noqa: E402

SIZES = NetworkConfig(POSE_DIM + dynamics_code().size, FEATURE_DIM, width=32, layers=2)


def made_up_sound(_: Clip) -> np.ndarray:
    """Five seconds of noise, as loud as speech."""
    return 0.05 * np.random.default_rng(0).standard_normal(80_000).astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> tuple[MotionSpace, WindowSampler]:
    clips, encoder = made_up_clips(frames=200), MoonshineEncoder()
    scale = StyleScale.fit(clips)
    space = fit_space(clips, scale, SIZES, encoder)
    return space, WindowSampler(clips, space, scale, encoder, silences=8)


def test_a_run_interrupted_equals_one_that_was_not(
    fitted: tuple[MotionSpace, WindowSampler], tmp_path: Path
) -> None:
    space, sampler = fitted
    windows = MotionTraining(batch=4, live_batch=4, live_share=0.5)

    def make_task():
        network = MotionNetwork(SIZES).train()
        return motion_task(network, space, sampler, sampler, windows, "cpu", {})

    rows = train_interrupted(make_task, DEFAULTS, tmp_path)
    names = {name for row in rows for name in row}
    assert {"whole loss", "live loss", "held back face slow 54 R2"} <= names


def test_the_whole_training_of_the_generator_runs_and_keeps_what_it_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small parts in the place of the shipped sizes; every call is the product's.
    few = partial(WindowSampler, silences=1)
    small = partial(NetworkConfig, width=SIZES.width, layers=SIZES.layers)
    monkeypatch.setattr("openvasa.train.speech_motion.WindowSampler", few)
    monkeypatch.setattr("openvasa.train.speech_motion.NetworkConfig", small)
    clips = made_up_clips(frames=120)
    about = {"name": "small", "steps": 3}
    rows = MotionRows(clips, clips[1:], geometric_row_code(), about)
    windows = MotionTraining(batch=4, live_batch=4)
    steps = replace(DEFAULTS, steps=2, warmup=1, log_every=1)
    train_generator(rows, tmp_path, steps, windows)
    assert load_settings(tmp_path)["latent"] == about
    assert load_weights(tmp_path, "best").keys() == load_weights(tmp_path, "last").keys()
    space = MotionSpace.load(tmp_path / SPACE_NAME)
    assert space.mean.shape == (SIZES.motion_dim,)


@pytest.mark.parametrize("live", [False, True])
def test_windows_have_their_shapes_and_are_normalised(
    fitted: tuple[MotionSpace, WindowSampler], live: bool
) -> None:
    space, sampler = fitted
    rng = np.random.default_rng(0)
    batch = sampler.live(16, rng) if live else sampler.whole(16, rng)
    frames = batch.inside.shape[1]
    assert frames in LIVE_FRAMES if live else frames == 54
    assert batch.motion.shape == (16, frames, SIZES.motion_dim)
    assert batch.recent.shape == (16, space.prior.recent, SIZES.motion_dim)
    assert batch.audio.shape == (16, space.prior.recent + frames, FEATURE_DIM)
    assert batch.style.shape == (16, len(STYLE_NAMES))
    assert set(np.unique(batch.has_audio)) <= {0.0, 1.0}
    assert set(np.unique(batch.has_history)) <= {0.0, 1.0}
    assert 0.2 < np.median(np.abs(batch.motion)) < 3


@pytest.mark.parametrize("window", [54, 4])
def test_an_untrained_network_moves_as_far_as_its_clips(
    fitted: tuple[MotionSpace, WindowSampler], window: int
) -> None:
    space, _ = fitted
    network = MotionNetwork(SIZES).eval()

    def predict(*inputs: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            given = [torch.tensor(np.asarray(part, np.float32)) for part in inputs]
            return [network(*given).numpy()]

    silence = np.zeros((space.prior.recent + space.prior.window, FEATURE_DIM), np.float32)
    spreads = []
    for seed in range(4):
        loop = WindowLoop(
            WindowNetwork(predict, space),
            Speaker(np.zeros(8, np.float32), 1.0),
            silence,
            seed=seed,
            steps=6,
            guidance=Guidance(0.0),
        )
        features = silence[: space.prior.recent + window]
        made = np.concatenate([loop.generate(features, window) for _ in range(216 // window)])
        spreads.append((made / space.deviation).std(axis=0))
    spread = np.mean(spreads, axis=0)
    assert 0.75 < np.median(spread) < 1.25


def test_no_network_leaves_what_people_do(fitted: tuple[MotionSpace, WindowSampler]) -> None:
    space, _ = fitted

    def run_away(noisy: np.ndarray, *_: np.ndarray) -> list[np.ndarray]:
        return [np.full_like(noisy, -3)]

    silence = np.zeros((space.prior.recent + space.prior.window, FEATURE_DIM), np.float32)
    loop = WindowLoop(
        WindowNetwork(run_away, space),
        Speaker(np.zeros(8, np.float32), 1.0),
        silence,
        seed=0,
        steps=3,
        guidance=Guidance(0.0),
    )
    features = silence[: space.prior.recent + 4]
    made = np.concatenate([loop.generate(features, 2)[:2] for _ in range(50)])
    off = np.abs(made - space.mean) / space.deviation
    assert (off <= space.largest * 1.0001).all()
    assert (off.max(axis=0) > 0.99 * space.largest).mean() > 0.9
    assert MotionSpace.load(SPACE_FILE).largest.max() < 10


def test_a_space_of_an_older_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "space.npz"
    with np.load(SPACE_FILE) as data:
        np.savez(path, **{name: data[name] for name in data if name != "largest"})
    with pytest.raises(InputError, match="older format; train in a new run"):
        MotionSpace.load(path)


def test_what_is_exported_moves_as_what_was_trained(
    fitted: tuple[MotionSpace, WindowSampler], tmp_path: Path
) -> None:
    space, sampler = fitted
    run = tmp_path / "run"
    network = MotionNetwork(SIZES).train()
    task = motion_task(
        network,
        space,
        sampler,
        sampler,
        MotionTraining(batch=4, live_batch=4),
        "cpu",
        {"network": asdict(SIZES)},
    )
    trained = train(task, replace(DEFAULTS, steps=4, warmup=2), run)
    space.save(run / SPACE_NAME)
    export(run, sampler.clips, made_up_sound, "last", folder=tmp_path)
    exported = load_onnx(tmp_path / NETWORK_FILE.name, threads=1)
    batch = sampler.whole(2, np.random.default_rng(0))
    given = [
        batch.motion,
        np.full(2, 0.5, np.float32),
        0 * batch.motion,
        batch.recent,
        batch.blocks,
        batch.known,
        batch.audio,
        batch.style,
        batch.has_history,
        batch.has_audio,
        np.ones(2, np.float32),
    ]
    with torch.no_grad():
        wanted = trained.eval()(*(torch.tensor(part) for part in given)).numpy()
    # Eight bits cost a few per cent.
    assert np.abs(exported(*given)[0] - wanted).max() < 0.1 * np.abs(wanted).max()
    shipped = MotionSpace.load(tmp_path / SPACE_FILE.name)
    assert np.allclose(shipped.speakers.styles, space.speakers.styles)
    for response in (shipped.in_files, shipped.in_streams):
        assert not np.allclose(response.gain, 1)


def test_styles_shown_get_the_mean_and_spread_of_those_asked_for() -> None:
    rng = np.random.default_rng(0)
    wanted = rng.standard_normal(4000)

    def show(asked: np.ndarray) -> np.ndarray:
        return 0.7 * asked - 0.3 + 0.4 * rng.standard_normal(len(asked))

    gain, shift = match_spread(wanted, show(wanted))
    shown = show(gain * wanted + shift)
    assert abs(shown.mean() - wanted.mean()) < 0.03
    assert abs(shown.std() - wanted.std()) < 0.03


def test_a_short_clip_without_a_blink_shows_nobody_who_never_blinks() -> None:
    rng = np.random.default_rng(0)
    people = rng.gamma(1.5, 1 / 4, 4000)
    seconds = rng.uniform(3, 12, len(people))
    counts = rng.poisson(people * seconds)
    shape, rate = fit_people(counts, seconds)
    assert (shape, rate) == pytest.approx((1.5, 4), rel=0.15)
    rates = estimate_rates(counts, seconds)
    assert rates.mean() == pytest.approx(60 * people.mean(), rel=0.03)
    seen = 60 * counts / seconds
    assert np.std(rates - 60 * people) < 0.8 * np.std(seen - 60 * people)
    assert seen.min() == 0
    assert rates.min() > 4
    # Who is seen for long is known.
    assert estimate_rates(np.append(counts, 0), np.append(seconds, 600.0))[-1] < 0.2


def test_nobody_is_asked_for_what_no_clip_shows() -> None:
    styles = np.random.default_rng(0).standard_normal((2000, 8)).astype(np.float32)
    people = Speakers(styles, np.ones(2000), np.full(2000, 1 / 2000), np.zeros(8))
    response = StyleResponse(np.full(8, 1.5), np.full(8, 0.5))
    np.testing.assert_allclose(response.ask_for(np.full(8, 9.0), people), 2.33, atol=0.25)
    np.testing.assert_allclose(response.ask_for(np.full(8, -9.0), people), -2.33, atol=0.25)
    np.testing.assert_allclose(response.ask_for(np.full(8, 0.2), people), 0.8)
