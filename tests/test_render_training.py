"""Training the refinement: pairs from a clip, styles, losses that fall, export that agrees."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.data.pairs import prepare_pairs
from openvasa.data.prepare import track_clip
from openvasa.data.styles import draw_style
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.motion import Motion
from openvasa.render.regions import GEOMETRY_CHANNELS, REGIONS

if TYPE_CHECKING:
    from openvasa.train.render_data import PairReader
    from openvasa.train.trainer import Task, TrainerConfig

torch = pytest.importorskip("torch", reason="needs the train extra")


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
    face = openvasa.load_portrait(EXAMPLE_PORTRAIT)
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


def test_an_untrained_network_changes_nothing() -> None:
    from openvasa.train.render_network import RefinementNetwork, bend_and_shade

    crops, maps = torch.rand(2, 3, 64, 64), torch.rand(2, GEOMETRY_CHANNELS, 32, 32)
    halves = torch.nn.functional.avg_pool2d(crops, 2)
    bend, shade = RefinementNetwork(64)(halves, halves, maps)
    assert bend.shape == (2, 2, 16, 16)
    assert shade.shape == (2, 3, 16, 16)
    shown = bend_and_shade(crops, bend, shade, torch.ones(2, 1, 16, 16), torch.rand(2, 3, 1, 1))
    torch.testing.assert_close(shown, crops, atol=1e-5, rtol=0)


def test_training_and_rendering_bend_and_shade_alike() -> None:
    from openvasa.render import bend as at_run_time
    from openvasa.train.render_network import bend_and_shade

    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.normal(0, 1, (128, 128, 3)), (0, 0), 3)
    # Redder than the skin, and made lighter: so it becomes paler.
    crop = np.clip([140, 90, 65] + [200, 170, 150] * noise, 0, 255).astype(np.uint8)
    fields = rng.normal(0, 1, (32, 32, 5)).astype(np.float32)
    fields = cv2.GaussianBlur(fields, (0, 0), 2) * [3, 3, 0.4, 0.4, 0.4] + [0, 0, 0.2, 0.2, 0.2]
    fields[[0, -1]] = fields[:, [0, -1]] = 0
    bend, shade = np.split(fields.astype(np.float32), [2], axis=-1)
    frame = crop.copy()
    skin, bare = np.array([190.0, 140.0, 115.0]), np.full((32, 32), 0.7, np.float32)
    at_run_time.bend_and_shade(frame, bend, shade, np.eye(2, 3), bare, skin)
    bend, shade = (torch.from_numpy(f).permute(2, 0, 1)[None] for f in (bend, shade))
    picture = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255
    tone = torch.from_numpy(skin / 255).view(1, 3, 1, 1).float()
    wanted = bend_and_shade(picture, bend, shade, torch.from_numpy(bare)[None, None], tone)[0]
    wanted = wanted.permute(1, 2, 0).numpy().clip(0, 1) * 255
    assert np.abs(frame - crop.astype(float)).mean() > 2
    assert np.abs(frame - wanted)[4:-4, 4:-4].max() < 2


def test_a_placed_batch_keeps_displacement_true(pairs: Path) -> None:
    """A crop seen upside down comes from the other side."""
    from openvasa.train.render_data import place_batch

    batch = next(iter(mouths(pairs).all_of(2, 2)))
    half_turn = torch.tensor([[-1.0, 0, 0], [0, -1.0, 0]]).expand(len(batch.moved), 2, 3)
    turned = place_batch(batch, half_turn)
    torch.testing.assert_close(turned.rendered, batch.rendered.flip(2, 3), atol=1e-5, rtol=0)
    travel = batch.geometry[:, :2].flip(2, 3)
    torch.testing.assert_close(turned.geometry[:, :2], -travel, atol=1e-4, rtol=0)


def test_a_few_steps_come_closer_to_the_real_crops(pairs: Path) -> None:
    from openvasa.train.trainer import train

    reader = mouths(pairs)
    config = fast_config(40)
    task = mouth_task(reader, config)
    batch = reader.draw(2, np.random.default_rng(0))
    unrefined = task.validate(task.network, 0)
    assert unrefined == {
        "loss": pytest.approx(unrefined["loss"]),
        **{name: pytest.approx(1) for name in ("pixel", "structure", "temporal", "tone")},
    }
    found = task.validate(train(replace(task, draw=lambda _: batch), config), 40)
    assert found["loss"] < 0.97 * unrefined["loss"]


def mouths(pairs: Path) -> PairReader:
    """The mouths among the pairs."""
    from openvasa.train.render import NETWORKS
    from openvasa.train.render_data import PairReader

    return PairReader(sorted(pairs.glob("*.npz")), NETWORKS["mouth"])


def fast_config(steps: int) -> TrainerConfig:
    """That of the refinement, over in a few steps."""
    from openvasa.train.render import DEFAULTS

    return replace(DEFAULTS, steps=steps, warmup=1, average=0.5, threads=1)


def mouth_task(reader: PairReader, config: TrainerConfig, adversary: float = 0.0) -> Task:
    """Refine mouths by couples of two, without perceptual features."""
    from openvasa.train.render import RefinementTraining, refinement_task

    training = RefinementTraining(couples=2, adversary=adversary)
    return refinement_task("mouth", reader, reader, None, training, config, "cpu")


def test_the_adversary_learns_what_is_amiss_and_leads_away_from_it() -> None:
    """Crops that are too dark are told from real ones, and lighter ones seem more real to it."""
    from openvasa.train.render_adversary import RenderAdversary

    torch.manual_seed(0)
    maps = torch.zeros(4, GEOMETRY_CHANNELS, 32, 32)
    real = 0.6 + 0.1 * torch.rand(4, 3, 64, 64)
    dark = real - 0.3
    adversary = RenderAdversary("cpu")
    told = [adversary.learn(dark, real, maps) for _ in range(60)]
    assert told[-1]["adversary"] < 0.8 * told[0]["adversary"]
    assert told[-1]["adversary accuracy"] > 0.9
    assert adversary.find_gradient(dark, maps).mean() < 0  # Less light would be less real.


def test_the_adversary_joins_in_the_second_half_and_is_kept(pairs: Path, tmp_path: Path) -> None:
    from openvasa.train.render_adversary import HEAD_START, WARM_UP
    from openvasa.train.run_log import read_log
    from openvasa.train.trainer import train

    reader, config = mouths(pairs), replace(fast_config(4), log_every=1)
    task = mouth_task(reader, config, adversary=0.2)
    task.companions["adversary"].steps = HEAD_START
    train(task, config, tmp_path)
    told = [row.get("adversary accuracy") for row in read_log(tmp_path)]
    assert told[:2] == [None, None]
    assert all(0 <= share <= 1 for share in told[2:])
    critics = task.companions["adversary"]
    assert critics.influence == 2 / WARM_UP
    again = mouth_task(reader, config, adversary=0.2)
    train(again, config, tmp_path)
    kept = again.companions["adversary"]
    assert kept.steps == HEAD_START + 2
    for ours, theirs in zip(kept.critics.parameters(), critics.critics.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_adversary_acts_in_its_share_of_what_the_losses_do(pairs: Path) -> None:
    from openvasa.train.render_adversary import HEAD_START, WARM_UP

    reader, config = mouths(pairs), fast_config(2)
    batch = reader.draw(2, np.random.default_rng(0))

    def gradient(share: float, steps: int) -> torch.Tensor:
        task = mouth_task(reader, config, adversary=share)
        task.companions["adversary"].steps = steps
        loss, _ = task.step_loss(batch, 1)
        return torch.autograd.grad(loss, task.network.skin_head.bias)[0]

    full = HEAD_START + WARM_UP
    alone = gradient(0.0, full)
    torch.testing.assert_close(gradient(0.5, HEAD_START), alone)
    little, much = (gradient(share, full) - alone for share in (0.2, 0.4))
    # Gradients have 8 bits where the processor has bf16, and these are differences of two.
    rounding = 2**-7 * float(alone.abs().max())
    assert much.abs().max() > 50 * rounding
    torch.testing.assert_close(2 * little, much, rtol=1e-3, atol=3 * rounding)


def test_tone_is_the_mean_between_the_lips() -> None:
    """Teeth in another place are no error of the tone; a dark hole in place of them is."""
    from openvasa.train.render_data import Batch
    from openvasa.train.render_loss import PictureWeights, picture_losses

    teeth = (torch.arange(128) % 16 < 8).float().expand(2, 3, 128, 128)
    opening = torch.zeros(2, GEOMETRY_CHANNELS, 64, 64)
    opening[:, 2, 16:48, 16:48] = 1
    moved = torch.ones(2, 1, 1, 1)

    def tone(rendered: torch.Tensor) -> float:
        batch = Batch(rendered, teeth, teeth, opening, moved)
        return picture_losses(rendered, batch, PictureWeights())["tone"].item()

    assert tone(teeth.roll(8, dims=-1)) == pytest.approx(0, abs=1e-6)
    assert tone(0 * teeth) > 0.1


def test_training_goes_on_and_exports_what_it_learnt(pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    from openvasa.backend import load_onnx
    from openvasa.errors import InputError
    from openvasa.render.refine import network_file, networks_in
    from openvasa.train.checkpoint import BEST_FILE
    from openvasa.train.render import RefinementTraining, run_folder, train_network
    from openvasa.train.render_export import export, load_best
    from openvasa.train.run_log import read_log

    reader = mouths(pairs)
    with pytest.raises(InputError, match="train it first"):
        load_best(tmp_path, "mouth")
    for steps in (1, 2):
        training, config = RefinementTraining(couples=2), fast_config(steps)
        train_network("mouth", tmp_path, reader, reader, None, training, config, "cpu")
    assert [row["step"] for row in read_log(run_folder(tmp_path, "mouth"))] == [1, 2]
    saved = torch.load(file := run_folder(tmp_path, "mouth") / BEST_FILE, weights_only=True)
    # Two steps hardly leave zero, where any two networks agree.
    saved["average"] = {k: v + 0.03 * torch.randn_like(v) for k, v in saved["average"].items()}
    torch.save(saved, file)
    out = tmp_path / "out"
    out.mkdir()
    export(tmp_path, out, ("mouth",))
    assert networks_in(out) == ["mouth"]
    here = str(Path(__file__).parents[1]).encode()
    assert here not in network_file(out, "mouth").read_bytes()
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (2, 1, 64, 64, 3), np.uint8)
    maps = rng.random((1, GEOMETRY_CHANNELS, 64, 64), np.float32)
    got = load_onnx(network_file(out, "mouth"))(*crops, maps)
    pictures = [torch.from_numpy(c).permute(0, 3, 1, 2).float() / 255 for c in crops]
    with torch.no_grad():
        wanted = load_best(tmp_path, "mouth")(*pictures, torch.from_numpy(maps))
    for ours, theirs in zip(got, wanted, strict=True):
        assert theirs.std() > 0.005
        np.testing.assert_allclose(ours, theirs.permute(0, 2, 3, 1).numpy(), atol=5e-3)
