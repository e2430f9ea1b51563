"""Training the refinement: pairs from a clip, styles, losses that fall, export that agrees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import openvasa
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.motion import Motion
from openvasa.render.regions import GEOMETRY_CHANNELS, REGIONS
from openvasa.train.prepare import track_clip
from openvasa.train.render_pairs import prepare_pairs
from openvasa.train.render_styles import draw_style

torch = pytest.importorskip("torch")
PORTRAIT = Path(__file__).parents[1] / "examples" / "portrait.jpg"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Cache and clips: one clip of a talking head."""
    clips, cache = (tmp_path_factory.mktemp(n) for n in ("clips", "cache"))
    code = dynamics_code()
    t = np.linspace(0, 2 * np.pi, 20)
    opened = np.zeros((20, 52), np.float32)
    opened[:, 25] = 0.35 * (1 - np.cos(t))
    pose = np.zeros((20, 6), np.float32)
    pose[:, 1] = 0.1 * np.sin(t)
    face = openvasa.load_portrait(PORTRAIT)
    name = "0123456789ab"
    openvasa.animate(face, Motion(pose, code.from_arkit(opened))).save(clips / f"{name}.mp4")
    row = {"file": f"{name}.mp4", "seconds": 0.8, "native_face_px": 250, "kind": "real"}
    row |= {"split": "train", "group": "a", "sound": False, "source": "test"}
    for place in (clips, cache):
        (place / "clips.jsonl").write_text(json.dumps(row))
    (cache / "tracks").mkdir()
    np.savez(cache / "tracks" / f"{name}.npz", **track_clip(clips / f"{name}.mp4"))
    return cache, clips


@pytest.fixture(scope="module")
def pairs(places: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs made from the clip, as `openvasa train render` makes them."""
    folder = tmp_path_factory.mktemp("pairs")
    assert prepare_pairs(*places, folder) == 0
    return folder


def test_pairs_hold_every_region(pairs: Path) -> None:
    files = list(pairs.glob("*.npz"))
    assert files
    for file in files:
        with np.load(file) as data:
            for region in REGIONS:
                key, side = region.name.replace(" ", "_"), region.side
                count = len(data[f"{key}_moved"])
                assert count >= 2
                assert count % 2 == 0
                assert data[f"{key}_rendered"].shape == (count, side, side, 3)
                assert data[f"{key}_target"].shape == (count, side, side, 3)
                maps = data[f"{key}_geometry"]
                assert maps.shape == (count, GEOMETRY_CHANNELS, side // 2, side // 2)


def test_rendered_and_real_crops_show_the_same_place(pairs: Path) -> None:
    for file in pairs.glob("*.npz"):
        with np.load(file) as data:
            rendered = data["mouth_rendered"].astype(float).mean(axis=-1)
            real = data["mouth_target"].astype(float).mean(axis=-1)
        for a, b in zip(rendered, real, strict=True):
            assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9


def test_prepared_clips_are_left_alone(places: tuple[Path, Path], pairs: Path) -> None:
    times = {file: file.stat().st_mtime_ns for file in pairs.glob("*.npz")}
    assert prepare_pairs(*places, pairs) == 0
    assert {file: file.stat().st_mtime_ns for file in pairs.glob("*.npz")} == times


@pytest.mark.parametrize("seed", range(12))
def test_a_style_treats_every_crop_alike(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crop = rng.integers(0, 256, (64, 64, 3), np.uint8)
    styled = draw_style(rng, 64)(np.stack([crop, crop]))
    assert styled.dtype == np.uint8
    np.testing.assert_array_equal(styled[0], styled[1])


def test_an_untrained_network_adds_nothing() -> None:
    from openvasa.train.render_network import RefinementNetwork

    crops, maps = torch.rand(2, 3, 64, 64), torch.rand(2, GEOMETRY_CHANNELS, 32, 32)
    for detailed in (False, True):
        added = RefinementNetwork(detailed)(crops, crops, maps)
        assert added.shape == crops.shape
        assert added.abs().max() == 0


def test_a_few_steps_come_closer_to_the_real_crops(pairs: Path) -> None:
    from openvasa.train.render import NETWORKS, SOFT, Learner, PairReader

    reader = PairReader(pairs, NETWORKS["mouth"], 0)
    batch = reader.draw(2, "cpu")
    learner = Learner(SOFT, "cpu")
    errors = [learner.step(batch, None, 0.0)["pixel"] for _ in range(25)]
    assert errors[-1] < 0.96 * errors[0]


@pytest.mark.slow
def test_training_goes_on_and_exports_what_it_learnt(pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from openvasa.backend import compile_network
    from openvasa.render.refine import network_file, networks_in
    from openvasa.train.render import SOFT, _train_network, checkpoint_file
    from openvasa.train.render_export import export, load_average, trained

    run = tmp_path / "run"
    run.mkdir()
    (run / "pairs").symlink_to(pairs)
    for step in (1, 2):
        for name in ("mouth", "eye"):
            file = checkpoint_file(run, name)
            spent = torch.load(file, weights_only=True)["spent"] if step > 1 else 0.0
            _train_network(name, run, spent + 1e-6, None, SOFT, "cpu")
            assert torch.load(file, weights_only=True)["steps"] == step
    assert trained(run) == ("mouth", "eye")
    export(run, tmp_path, ("mouth",))
    assert networks_in(tmp_path) == ["mouth"]
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (2, 1, 128, 128, 3), np.uint8)
    maps = rng.random((1, GEOMETRY_CHANNELS, 64, 64), np.float32)
    got = compile_network(network_file(tmp_path, "mouth"))(*crops, maps)[0]
    pictures = [torch.from_numpy(c).permute(0, 3, 1, 2).float() / 255 for c in crops]
    with torch.no_grad():
        wanted = load_average(run, "mouth")(*pictures, torch.from_numpy(maps))
    np.testing.assert_allclose(got, wanted.permute(0, 2, 3, 1).numpy(), atol=2e-3)
