"""What a learned latent makes of people held back: figures, and a sheet of pictures.

A row of the sheet is a source and what is drawn from it:

    source | driver | drawn with all of the driver's | another's pose and dynamics | its pose only |
    its dynamics only | that other person
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from openvasa.data.latent_frames import ClipFrames, Frames
from openvasa.learned.network import Appearance, LatentNetwork
from openvasa.learned.pose import Pose
from openvasa.train.latent_perceptual import perceptual_loss
from openvasa.train.precision import half_precision_on_gpu
from openvasa.train.render_network import PerceptualFeatures
from openvasa.train.trainer import LOSS

PAIRS, BATCH, ROWS = 96, 8, 8
PERCEPTUAL = 0.12


@torch.no_grad()
def judge_latent(
    network: LatentNetwork,
    judges: ClipFrames,
    features: PerceptualFeatures | None,
    device: str,
    run: Path | None,
    step: int,
) -> dict[str, float]:
    """Figures on the same pairs at every call; writes `sheet-STEP.png` into the run.

    Returns:
        `LOSS`, the mean absolute error, its share of that of the unmoved source, and the perceptual
        distance where there are features.
    """
    pairs = judges.draw(PAIRS, np.random.default_rng(0))
    sums = {"error": 0.0, "copied": 0.0, "perceptual": 0.0}
    sheet: list[np.ndarray] = []
    for first in range(0, PAIRS, BATCH):
        rows = slice(first, first + BATCH)
        source, driver = judges.take(pairs.source[rows]), judges.take(pairs.driver[rows])
        with half_precision_on_gpu(device):
            seen, dynamics = network.encode_frames(source.picture, source.pose)
            moved = network.read_dynamics(driver.picture, driver.pose)
            drawn = network.decode(seen, driver.pose, moved)
        sums["error"] += (drawn - driver.picture).abs().mean().item()
        sums["copied"] += (source.picture - driver.picture).abs().mean().item()
        if features is not None:
            sums["perceptual"] += perceptual_loss(features, drawn, driver.picture).item()
        if len(sheet) < ROWS // BATCH:
            sheet.append(_draw_rows(network, device, source, driver, seen, dynamics, drawn))
    if run is not None:
        path = run / f"sheet-{step:06d}.png"
        cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(sheet), cv2.COLOR_RGB2BGR))
    batches = PAIRS / BATCH
    error, perceptual = sums["error"] / batches, sums["perceptual"] / batches
    found = {LOSS: error + PERCEPTUAL * perceptual, "error": error}
    found["share of copying"] = sums["error"] / sums["copied"]
    return found | ({"perceptual": perceptual} if features is not None else {})


def _draw_rows(
    network: LatentNetwork,
    device: str,
    source: Frames,
    driver: Frames,
    seen: Appearance,
    dynamics: Tensor,
    drawn: Tensor,
) -> np.ndarray:
    def other(values: Tensor) -> Tensor:
        return values.roll(1, 0)

    turned = source.pose.turned_as(
        Pose(*(other(p) for p in (driver.pose.rotation, driver.pose.shift, driver.pose.size)))
    )
    moved = other(network.read_dynamics(driver.picture, driver.pose))
    with half_precision_on_gpu(device):
        crossed = network.decode(seen, turned, moved)
        posed = network.decode(seen, turned, dynamics)
        changed = network.decode(seen, source.pose, moved)
    columns = (source.picture, driver.picture, drawn, crossed, posed, changed)
    shown = torch.cat([*columns, other(driver.picture)], dim=3)
    rows = shown.permute(0, 2, 3, 1).flatten(0, 1)
    return (rows.clamp(0, 1) * 255).round().byte().cpu().numpy()
