"""Training what finds things in front of faces: a loss that falls, an export that agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")

from openvasa.backend import load_onnx  # noqa: E402
from openvasa.data.occluders.composites import UNKNOWN  # noqa: E402
from openvasa.errors import InputError  # noqa: E402
from openvasa.face.occluders import NETWORK, SIDE, Occluder  # noqa: E402
from openvasa.train.occluder_network import OccluderNetwork, OnPictures, as_input  # noqa: E402
from openvasa.train.occluder_start import load_exported  # noqa: E402
from openvasa.train.occluders import Course, export, occluder_loss  # noqa: E402


def test_the_loss_takes_free_and_fringe_where_nobody_has_looked() -> None:
    labels = torch.full((1, 4, 4), UNKNOWN)
    weights = torch.ones(len(Occluder))

    def loss(kind: Occluder) -> float:
        logits = torch.zeros(1, len(Occluder), 4, 4)
        logits[:, kind] = 12.0
        return float(occluder_loss(logits, labels, weights))

    free, fringe, rim = (loss(k) for k in (Occluder.FREE, Occluder.FRINGE, Occluder.RIM))
    assert free == pytest.approx(fringe, abs=1e-3)
    assert rim > free + 5


def test_a_few_steps_learn_a_picture() -> None:
    torch.manual_seed(0)
    network, weights = OccluderNetwork(), torch.ones(len(Occluder))
    labels = torch.zeros(2, 64, 64, dtype=torch.long)
    labels[:, 20:40, 10:50] = int(Occluder.COVER)
    pictures = torch.randn(2, 3, 64, 64) * 0.1
    pictures[:, 0][labels > 0] += 1
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    losses = []
    for _ in range(12):
        loss = occluder_loss(network(pictures), labels, weights)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def _picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3)).astype(np.uint8)


def _told(network: OccluderNetwork, picture: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return OnPictures(network).eval()(torch.from_numpy(picture)).numpy()


def test_exported_weights_begin_as_what_ships() -> None:
    shipped = load_onnx(NETWORK, threads=1)(_picture())[0]
    assert np.abs(_told(load_exported(NETWORK), _picture()) - shipped).max() < 1e-4


def test_exported_weights_learn_with_their_norms_fixed() -> None:
    network = Course(composites=1, start=NETWORK).begin()
    labels = torch.zeros(1, 64, 64, dtype=torch.long)
    logits = network(as_input(torch.from_numpy(_picture()[:, :64, :64])))
    occluder_loss(logits, labels, torch.ones(len(Occluder))).backward()
    assert all(weight.grad is not None for weight in network.parameters())
    means = [state for name, state in network.state_dict().items() if "running_mean" in name]
    assert means
    assert not any(bool(mean.any()) for mean in means)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no such file"), (b"#", "holds no weights"), (b"", "holds no weights")],
)
def test_what_holds_no_weights_is_refused_by_name(tmp_path: Path, content, said: str) -> None:
    path = tmp_path / "some.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"some.onnx: .*{said}"):
        load_exported(path)


def test_a_file_that_holds_words_is_refused_by_name(tmp_path: Path) -> None:
    words = onnx.helper.make_tensor("words", onnx.TensorProto.STRING, [1], [b"hello"])
    graph = onnx.helper.make_graph([], "words", [], [], [words])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "words.onnx")
    with pytest.raises(InputError, match=r"words\.onnx: holds no weights"):
        load_exported(tmp_path / "words.onnx")


def test_batches_hold_something_and_a_run_keeps_what_it_began_with() -> None:
    with pytest.raises(InputError, match="batches of 0 composites: choose 1 or more"):
        Course(composites=0)
    assert Course().settings()["start"] is None
    assert len(str(Course(start=NETWORK).settings()["start"])) == 64


@pytest.mark.slow
def test_the_export_says_what_the_network_says(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = OccluderNetwork().eval()
    for norm in (part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)):
        torch.nn.init.normal_(norm.bias, 0, 0.1)
        torch.nn.init.uniform_(norm.weight, 0.8, 1.2)
    torch.save({"average": network.state_dict()}, tmp_path / "best.pt")
    export(tmp_path, tmp_path / "occluders.onnx")
    told = load_onnx(tmp_path / "occluders.onnx", threads=1)(_picture())[0]
    assert np.abs(told - _told(network, _picture())).max() < 0.01
    back = load_exported(tmp_path / "occluders.onnx")
    assert np.abs(told - _told(back, _picture())).max() < 1e-4
