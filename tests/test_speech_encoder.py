from __future__ import annotations

import numpy as np
import pytest

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.rates import SAMPLE_RATE


def voice(seconds: float, pitch: float = 140.0) -> np.ndarray:
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 12))
    return (0.1 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))).astype(np.float32)


def whole(blocks: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(MoonshineEncoder().stream(blocks)))


@pytest.mark.parametrize("seconds", [0.1, 1.0, 2.0, 5.37])
def test_a_row_for_each_frame(seconds: float) -> None:
    features = whole([voice(seconds)])
    assert features.shape == (max(1, round(seconds * 25)), MoonshineEncoder.dim)
    assert np.isfinite(features).all()


def test_blocks_do_not_matter() -> None:
    samples = voice(4.3)
    cuts = np.split(samples, [100, 7000, 7001, 50000])
    np.testing.assert_allclose(whole(cuts), whole([samples]), atol=1e-4)


def test_gain_is_applied() -> None:
    samples = voice(2)
    quiet = np.concatenate(list(MoonshineEncoder().stream([samples / 8], gain=8)))
    np.testing.assert_allclose(quiet, whole([samples]), atol=1e-3)


def test_pitch_and_voicing() -> None:
    features = whole([voice(2, pitch=200)])
    voicing, octaves = features[5:-5, -2], features[5:-5, -1]
    assert voicing.mean() > 0.8
    assert octaves.mean() == pytest.approx(np.log2(200 / 150), abs=0.05)
    noise = np.random.default_rng(0).standard_normal(2 * SAMPLE_RATE).astype(np.float32) * 0.05
    assert whole([noise])[:, -2].mean() < 0.5


def test_energy_tells_speech_from_silence() -> None:
    samples = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), voice(1)])
    energy = whole([samples])[:, -4]
    assert energy[:20].max() < -0.9
    assert energy[30:].min() > -0.2
