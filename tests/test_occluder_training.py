"""Training what finds things in front of faces: a loss that falls, an export that agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from openvasa.backend import load_onnx  # noqa: E402
from openvasa.data.occluders.composites import UNKNOWN  # noqa: E402
from openvasa.face.occluders import SIDE, Occluder  # noqa: E402
from openvasa.train.occluder_network import OccluderNetwork, OnPictures  # noqa: E402
from openvasa.train.occluders import export, occluder_loss  # noqa: E402


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


@pytest.mark.slow
def test_the_export_says_what_the_network_says(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = OccluderNetwork().eval()
    torch.save({"average": network.state_dict()}, tmp_path / "best.pt")
    export(tmp_path, tmp_path / "occluders.onnx")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (1, SIDE, SIDE, 3)).astype(np.uint8)
    told = load_onnx(tmp_path / "occluders.onnx", threads=1)(pictures)[0]
    with torch.no_grad():
        wanted = OnPictures(network).eval()(torch.from_numpy(pictures)).numpy()
    assert np.abs(told - wanted).max() < 0.01
