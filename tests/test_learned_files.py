"""The learned latent's files: weights that come back, and what is drawn of an export."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from learned_parts import smallest, turned  # noqa: E402

from openvasa.errors import InputError  # noqa: E402
from openvasa.evaluate.small_renderer import at_side  # noqa: E402
from openvasa.face.latent import FaceLatent, FrameGeometry, pose_face  # noqa: E402
from openvasa.learned.config import CONFIGS  # noqa: E402
from openvasa.learned.export import export_network  # noqa: E402
from openvasa.learned.files import (  # noqa: E402
    DECODER_FILE,
    ENCODER_FILE,
    FORMAT,
    NAME_FILE,
    READING_FILE,
    read_about,
)
from openvasa.learned.network import LatentNetwork  # noqa: E402
from openvasa.learned.points import FEATURES  # noqa: E402
from openvasa.learned.pose import Pose  # noqa: E402
from openvasa.learned.renderer import learned_renderer  # noqa: E402
from openvasa.learned.weights import begin_with, load_network, save_network  # noqa: E402
from openvasa.render.warp_renderer import WarpRenderer  # noqa: E402


def test_weights_come_back_from_files(tmp_path: Path) -> None:
    config = CONFIGS["tiny"]
    network = LatentNetwork(config)
    save_network(tmp_path, network, "tiny", 7)
    again = load_network(tmp_path)
    frames = torch.rand(1, 3, config.side, config.side)
    pose = turned(10)
    with torch.no_grad():
        codes = network.dynamics(network.crop(frames, pose))
        read = again.dynamics(again.crop(frames, pose))
    assert torch.allclose(codes, read, atol=0.02)
    assert codes.abs().max() > 0
    with pytest.raises(InputError, match="holds no"):
        load_network(tmp_path / "nowhere")


@pytest.mark.parametrize("said", [None, FORMAT + 1])
def test_weights_of_another_format_are_refused_but_begin_a_run(
    tmp_path: Path, said: int | None
) -> None:
    config = CONFIGS["mini"] if said else replace(CONFIGS["mini"], dynamics=40)
    save_network(tmp_path, LatentNetwork(config), "mini", 7)
    replace(read_about(tmp_path), format=said).save(tmp_path)
    with pytest.raises(InputError, match="train latent CACHE CLIPS NEW_RUN --from"):
        load_network(tmp_path)
    assert begin_with(LatentNetwork(CONFIGS["mini"]), tmp_path) > 0.5


def test_weights_that_say_no_format_are_used_where_they_fit(tmp_path: Path) -> None:
    save_network(tmp_path, LatentNetwork(CONFIGS["mini"]), "mini", 7)
    (tmp_path / NAME_FILE).write_text('{"config": "mini", "parts": 1, "steps": 7}')
    assert load_network(tmp_path).config == CONFIGS["mini"]


def test_a_run_begins_with_the_weights_of_another(tmp_path: Path) -> None:
    config = smallest("mini")
    trained = LatentNetwork(config)
    save_network(tmp_path, trained, "mini", 7)
    wider = LatentNetwork(replace(config, dynamics=16))
    share = begin_with(wider, tmp_path)
    assert 0.5 < share < 1
    for name, value in wider.appearance.state_dict().items():
        assert torch.allclose(value, trained.appearance.state_dict()[name], atol=1e-3)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LatentNetwork]:
    """A network with flows that do something, exported."""
    folder = tmp_path_factory.mktemp("exported")
    torch.manual_seed(0)
    network = LatentNetwork(CONFIGS["tiny"]).eval()
    for flow in (network.to_canonical, network.from_canonical):
        torch.nn.init.normal_(flow.last.weight, 0, 0.02)
    save_network(folder, network, "tiny", 1)
    network = load_network(folder)
    export_network(network, folder)
    size = 3 * len(FEATURES), CONFIGS["tiny"].dynamics
    np.savez(folder / READING_FILE, matrix=np.random.default_rng(0).normal(0, 0.1, size))
    return folder, network


def test_the_renderer_draws_what_the_network_draws(
    exported: tuple[Path, LatentNetwork], face: FaceLatent
) -> None:
    folder, network = exported
    face = replace(face, neutral=face.canonical)
    renderer = learned_renderer(folder)(face)
    rest = FrameGeometry(face.canonical, face.head, face.landmarks)
    shown = renderer.render(rest)
    side = network.config.side
    assert shown.shape == (side, side, 3)
    picture = cv2.resize(face.image, (side, side), interpolation=cv2.INTER_AREA)
    frames = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    head, width = face.head, face.size[0]
    pose = Pose(
        torch.from_numpy(head.rotation[None]).float(),
        torch.from_numpy(head.translation[None, :2] * 2 / width - 1).float(),
        torch.tensor([head.scale * 2 / width]).float(),
    )
    with torch.no_grad():
        seen, own = network.encode_frames(frames, pose)
        drawn = network.decode(seen, pose, own)[0].permute(1, 2, 0).numpy()
    assert np.abs(shown - 255 * drawn).max() < 1.5
    pose_changed = pose_face(face, np.array([0, 0.4, 0, 0, 0, 0], np.float32), np.zeros((478, 3)))
    assert np.abs(renderer.render(pose_changed).astype(int) - shown).max() > 3
    opened = replace(rest, canonical=face.canonical + np.float32(0.5))
    together = renderer.render_many([rest, pose_changed, opened])
    for frame, geometry in zip(together, (rest, pose_changed, opened), strict=True):
        assert np.abs(frame.astype(int) - renderer.render(geometry)).max() <= 1
    assert np.abs(renderer.render(opened).astype(int) - shown).max() > 0


def test_a_run_without_an_export_is_refused(
    exported: tuple[Path, LatentNetwork], face: FaceLatent, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="latent-export"):
        learned_renderer(tmp_path)
    wide = replace(face, image=face.image[:400])
    with pytest.raises(InputError, match="squares"):
        learned_renderer(exported[0])(wide)


def test_an_export_of_another_format_is_refused(
    exported: tuple[Path, LatentNetwork], face: FaceLatent, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(exported[0], run)
    (run / DECODER_FILE).write_bytes((run / ENCODER_FILE).read_bytes())
    with pytest.raises(InputError, match="latent-export"):
        learned_renderer(run)(face)
    replace(read_about(run), format=FORMAT + 1).save(run)
    with pytest.raises(InputError, match="--from"):
        learned_renderer(run)


def test_frames_are_brought_to_a_side_before_they_are_judged(face: FaceLatent) -> None:
    rest = FrameGeometry(face.canonical, face.head, face.landmarks)
    frame = WarpRenderer(face).render(rest)
    small = at_side(WarpRenderer, 128)(face)
    shown = small.render(rest)
    assert shown.shape == (128, 128, 3)
    assert np.abs(shown[64, 64].astype(float) - frame[256:260, 256:260].mean(axis=(0, 1))).max() < 2
    assert np.array_equal(small.twin().render(rest), shown)
    assert at_side(WarpRenderer, None) is WarpRenderer


def test_drawing_needs_no_torch() -> None:
    code = "import sys, openvasa.learned.renderer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
