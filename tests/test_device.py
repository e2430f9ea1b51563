"""Drawing and computing on another device than the CPU; torch on the CPU stands in for a GPU."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import golden_set
import numpy as np
import pytest

from openvasa import InputError, animate
from openvasa.batch.workers import Share
from openvasa.cli import main
from openvasa.device import find_device, use_device
from openvasa.face.latent import FaceLatent
from openvasa.media import gpu_encoder
from openvasa.media.inspect import inspect_video
from openvasa.motion.geometry import geometry_at
from openvasa.motion.motion import Motion
from openvasa.render.renderer import Renderer
from openvasa.render.warp_renderer import WarpRenderer
from openvasa.runtime import Device, get_runtime, set_runtime

LEAST_DB = 40.0


@pytest.fixture(autouse=True)
def _same_runtime_afterwards():
    before = get_runtime()
    yield
    set_runtime(before)


def torch_renderer(face: FaceLatent) -> Renderer:
    pytest.importorskip("torch", reason="the batched renderer needs the extra gpu")
    from openvasa.render.batched.renderer import TorchRenderer

    return TorchRenderer(face, device="cpu")


# One that looks straight ahead, and one whose hidden side is drawn from the mirror image.
@pytest.mark.parametrize("name", ["astronaut", "laughing_cavalier"])
@pytest.mark.parametrize("alone", [False, True], ids=["own background", "no background"])
def test_frames_drawn_together_in_torch_are_those_of_the_cpu(name: str, alone: bool) -> None:
    face = golden_set.kept_face(name)
    reference, batched = WarpRenderer(face), torch_renderer(face)
    if alone:
        reference, batched = reference.without_background(), batched.without_background()
    moments = [geometry_at(face, row) for row in golden_set.made_rows()]
    for frame, moment in zip(batched.twin().render_many(moments), moments, strict=True):
        expected = reference.render(moment).astype(np.float64)
        assert frame.shape == expected.shape
        assert 20 * np.log10(255 / np.sqrt(((frame - expected) ** 2).mean() + 1e-9)) >= LEAST_DB
    turned = reference.render(moments[-1]).astype(np.float64) - reference.render(moments[0])
    assert np.sqrt((turned**2).mean()) > 255 / 10 ** (LEAST_DB / 20)


def test_a_video_drawn_in_batches_is_whole(tmp_path: Path) -> None:
    face = golden_set.kept_face("astronaut")
    codes = np.zeros((20, golden_set.dynamics_code().size), np.float32)
    nod = np.zeros((20, 6), np.float32)
    nod[:, 0] = 0.1 * np.sin(np.arange(20) / 3)
    video = animate(face, Motion(nod, codes), renderer=torch_renderer)
    path = video.save(tmp_path / "batched.mp4")
    assert inspect_video(path).frames == 20


def test_edges_of_a_batch_fit_where_triangles_meet() -> None:
    torch = pytest.importorskip("torch", reason="the batched renderer needs the extra gpu")
    from openvasa.render.batched.rasterize import rasterize
    from openvasa.render.rasterize import rasterize as rasterize_one

    random = np.random.default_rng(3)
    corners = random.uniform(-20, 84, (5, 40, 3)).astype(np.float32)
    sources = random.uniform(0, 100, (40, 2)).astype(np.float32)
    triangles = random.integers(0, 40, (60, 3)).astype(np.int32)
    maps = rasterize(
        torch.from_numpy(corners),
        torch.from_numpy(sources),
        torch.from_numpy(triangles).long(),
        (64, 48),
    ).numpy()
    for k, posed in enumerate(corners):
        depth, map_x, map_y = (np.empty((48, 64), np.float32) for _ in range(3))
        rasterize_one(posed, sources, triangles, depth, map_x, map_y, (0, 0, 64, 48))
        same = np.abs(maps[k] - np.stack([map_x, map_y], axis=-1)).max(axis=-1) < 0.05
        # Where two lie at the same depth to the last bit, either may be seen.
        assert same.mean() > 0.998


def test_a_device_that_is_not_there_is_one_line_with_the_remedy(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if find_device("auto") is Device.CUDA:
        pytest.skip("this machine has a GPU")
    output = tmp_path / "a.mp4"
    command = ["animate", "a.jpg", "a.wav", "-o", str(output), "--device", "cuda"]
    assert main(command) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("openvasa: device cuda: ")
    assert "install" in line
    assert use_device("auto") is Device.CPU
    with pytest.raises(InputError, match="choose one of auto, cpu, cuda"):
        find_device("gpu")


@pytest.mark.parametrize(
    ("there", "missing"),
    [({"torch": None}, "pip install 'openvasa\\[gpu\\]'"), ({}, "finds no GPU|onnxruntime-gpu")],
    ids=["without torch", "with torch for the CPU"],
)
def test_what_a_gpu_lacks_is_said_in_turn(
    monkeypatch: pytest.MonkeyPatch, there: dict[str, None], missing: str
) -> None:
    pytest.importorskip("torch", reason="needs torch")
    # As on a machine that has the driver.
    monkeypatch.setattr("openvasa.device.ctypes.CDLL", lambda name: object())
    monkeypatch.setattr("openvasa.device.sys.platform", "linux")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(
        "openvasa.device.find_spec", lambda name: there.get(name, object()), raising=True
    )
    with pytest.raises(InputError, match=missing):
        find_device("cuda")


def test_a_gpu_that_onnxruntime_was_made_for_and_cannot_use_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch", reason="needs torch")
    if find_device("auto") is Device.CUDA:
        pytest.skip("this machine has a GPU")
    monkeypatch.setattr("openvasa.device.ctypes.CDLL", lambda name: object())
    monkeypatch.setattr("openvasa.device.sys.platform", "linux")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    # A build for CUDA on a machine whose CUDA does not fit it.
    claimed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: claimed)
    assert find_device("auto") is Device.CPU
    with pytest.raises(InputError, match="onnxruntime cannot use it"):
        find_device("cuda")


def test_a_gpu_without_an_encoder_leaves_films_to_the_cpu(tmp_path: Path) -> None:
    if gpu_encoder._opens("h264_nvenc", (256, 256)):
        pytest.skip("this machine has NVENC")
    set_runtime(replace(get_runtime(), device=Device.CUDA))
    assert gpu_encoder.gpu_encoder("h264", "fast", (256, 256)) is None
    assert gpu_encoder.gpu_encoder("vp9", "fast", (256, 256)) is None


def test_the_cpu_is_the_usual_device_and_needs_no_torch() -> None:
    if find_device("auto") is Device.CUDA:
        pytest.skip("this machine has a GPU")
    assert Share().device is get_runtime().device is Device.CPU
    program = "import sys, openvasa.video, openvasa.device as d; d.use_device('auto'); "
    program += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
