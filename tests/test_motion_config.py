"""The files beside the weights say what the source says, and broken ones are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from openvasa.errors import InputError
from openvasa.motion.config import load_motion_config
from openvasa.motion.hop import HOP_NORMALISER_FILE
from openvasa.motion.space import NORMALISER_FILE

ASSETS = NORMALISER_FILE.parent
SHIPPED = {"motion": NORMALISER_FILE, "motion_live": HOP_NORMALISER_FILE}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_configs_fit_their_weights(name: str) -> None:
    config = load_motion_config(ASSETS / f"{name}.json")
    with np.load(SHIPPED[name]) as data:
        assert (config.context, config.window) == (data["context"], data["window"])
        assert config.motion_dim == len(data["mean"])
        assert config.style_dim == len(data["style_mean"])
    assert config.name == name
    assert 0 < config.sampling.mouth_noise <= config.sampling.lid_noise <= 1


def test_a_config_survives_the_file(tmp_path: Path) -> None:
    config = load_motion_config(ASSETS / "motion_live.json")
    config.save(tmp_path / "again.json")
    assert load_motion_config(tmp_path / "again.json") == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda saved: saved.pop("encoder"), "has no encoder"),
        (lambda saved: saved["sampling"].pop("steps"), "has no steps"),
        (lambda saved: saved["sampling"].update(magic=1), "has an unknown magic"),
    ],
)
def test_a_config_of_another_format_is_refused(change, message: str, tmp_path: Path) -> None:
    saved = json.loads((ASSETS / "motion.json").read_text())
    change(saved)
    (tmp_path / "m.json").write_text(json.dumps(saved))
    with pytest.raises(InputError, match=message):
        load_motion_config(tmp_path / "m.json")
    with pytest.raises(InputError, match="missing beside its weights"):
        load_motion_config(tmp_path / "none.json")
