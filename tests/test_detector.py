"""The detector of our own renders: its features, its training, and the shipped weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from openvasa import UNMARKED, animate, load_portrait
from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.cli import main
from openvasa.media.video_writer import VideoWriter
from openvasa.motion.motion import Motion
from openvasa.provenance.detector import (
    EXCERPT_FRAMES,
    Classifier,
    classifier,
    detect,
    excerpt_features,
    square,
)
from openvasa.train.detector import Sample, fit, report, roc_auc


def noise(seed: int, frames: int = EXCERPT_FRAMES) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, 96, 120, 3), np.uint8)


def test_features_are_finite_and_fit_the_shipped_weights() -> None:
    still = np.full((EXCERPT_FRAMES, 200, 200, 3), 7, np.uint8)
    for frames in (noise(0), still):
        features = excerpt_features(np.stack([square(frame) for frame in frames]))
        assert np.isfinite(features).all()
        assert features.shape == classifier().weight.shape


def test_a_learnable_difference_is_learnt(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = [
        Sample(str(i), bool(i % 2), "as written", rng.normal(size=5) + 2.0 * (i % 2))
        for i in range(80)
    ]
    learnt = fit(samples[:60])
    learnt.save(tmp_path / "a.json")
    read = Classifier.load(tmp_path / "a.json")
    x = np.stack([sample.features for sample in samples[60:]])
    np.testing.assert_allclose(read.score(x), learnt.score(x), atol=1e-3)
    assert roc_auc(read.score(x), np.array([s.rendered for s in samples[60:]])) > 0.95


def test_roc_auc() -> None:
    positive = np.array([True, True, False, False])
    assert roc_auc(np.array([4.0, 3, 2, 1]), positive) == 1.0
    assert roc_auc(np.array([1.0, 2, 3, 4]), positive) == 0.0
    assert roc_auc(np.ones(4), positive) == 0.5


def test_the_report_covers_every_treatment() -> None:
    treatments = ("as written", "CRF 23", "CRF 28", "CRF 32")
    samples = [Sample("a", r, t, np.ones(2) * r) for t in treatments for r in (False, True)]
    flat = Classifier(np.zeros(2), np.ones(2), np.ones(2), -1.0)
    found = report(flat, samples)
    assert set(found) == set(treatments)
    assert found["CRF 28"] == {"roc_auc": 1.0, "missed": 0.0, "accused": 0.0}


def test_a_render_is_told_from_noise(tmp_path: Path, capsys) -> None:
    time = np.arange(60)[:, None] / 25
    pose = (0.06 * np.sin(time * np.array([5, 3, 2, 1, 2, 1.5]))).astype(np.float32)
    size = classifier_motion_size()
    motion = Motion(pose, (0.5 * np.sin(time * np.linspace(1, 12, size))).astype(np.float32))
    made = animate(load_portrait(EXAMPLE_PORTRAIT), motion).save(
        tmp_path / "a.mp4", marking=UNMARKED
    )
    with VideoWriter(tmp_path / "b.mp4", (120, 96), 25) as writer:
        for frame in noise(1):
            writer.write(frame)
    assert main(["detect", str(made), "--json"]) == 0
    ours = json.loads(capsys.readouterr().out)
    assert main(["detect", str(tmp_path / "b.mp4")]) == 1
    assert "probably not" in capsys.readouterr().out
    assert ours["score"] > 0.5


def classifier_motion_size() -> int:
    from openvasa.face.dynamics import dynamics_code

    return dynamics_code().size


def test_too_short_a_video_is_refused() -> None:
    from openvasa.errors import InputError

    with pytest.raises(InputError, match="too short"):
        detect(noise(0, 10), "a.mp4")
