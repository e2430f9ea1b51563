"""Make a trained learned latent ready for the renderer: ONNX files, and how geometry drives it.

    openvasa train latent-export CACHE CLIPS RUN

The encoder of dynamics looks at pictures; a generated motion has none. How tracked points tell the
code is fitted on the training clips: within a clip, changes of the code against changes of the
points, by ridge regression.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from openvasa.data.latent_frames import ClipFrames, split_clips
from openvasa.data.latent_tracks import read_latent_tracks
from openvasa.learned.export import export_network
from openvasa.learned.files import READING_FILE, save_arrays
from openvasa.learned.network import LatentNetwork
from openvasa.learned.weights import load_network

PEOPLE, EVERY, BATCH = 120, 12, 32
RIDGE = 1.0
"""Added to the squared changes of the points, canonical units squared, summed over all frames."""


@dataclass(frozen=True)
class Reading:
    """How changes of tracked points tell changes of the dynamics code.

    Attributes:
        matrix: (3 K, D) float32.
        explained: share of the code's variance within clips of people held back that it tells.
    """

    matrix: np.ndarray
    explained: float


def export(cache: Path, clips: Path, run: Path) -> Reading:
    """Write what `openvasa.learned.renderer` reads into the run.

    Raises:
        InputError: the run holds no weights, or there are too few clips.
    """
    network, tracks = load_network(run), read_latent_tracks(cache)
    side = network.config.side
    learnt, judged = split_clips(tracks, cache, side, PEOPLE)
    examples = [
        read_changes(network, ClipFrames(tracks, chosen, clips, side, EVERY, "cpu"))
        for chosen in (learnt, judged)
    ]
    reading = fit_reading(examples[0], examples[1])
    save_arrays(run / READING_FILE, matrix=reading.matrix)
    export_network(network, run)
    return reading


@torch.no_grad()
def read_changes(network: LatentNetwork, frames: ClipFrames) -> tuple[np.ndarray, np.ndarray]:
    """(T, 3 K) points and (T, D) codes of all frames, each against its clip's mean."""
    points, codes = [], []
    for first in range(0, len(frames), BATCH):
        part = frames.take(torch.arange(first, min(first + BATCH, len(frames))))
        codes.append(network.read_dynamics(part.picture, part.pose).numpy())
        points.append(part.points.flatten(1).numpy())
    columns = [np.concatenate(rows).astype(np.float64) for rows in (points, codes)]
    for values in columns:
        for start, end in zip(frames.starts, frames.starts[1:], strict=False):
            values[start:end] -= values[start:end].mean(axis=0)
    return columns[0], columns[1]


def fit_reading(
    examples: tuple[np.ndarray, np.ndarray], judges: tuple[np.ndarray, np.ndarray]
) -> Reading:
    """Ridge regression of codes on points; `judges` say how much of the variance it tells."""
    points, codes = examples
    squares = points.T @ points + RIDGE * np.eye(points.shape[1])
    matrix = np.linalg.solve(squares, points.T @ codes)
    error = judges[1] - judges[0] @ matrix
    explained = 1 - np.square(error).sum() / np.square(judges[1]).sum()
    return Reading(matrix.astype(np.float32), float(explained))
