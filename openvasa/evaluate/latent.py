"""Measure a learned latent on people it has never seen.

    openvasa evaluate latent RUN CACHE CLIPS

Self-reenactment: a frame of a held-out clip is drawn from another one, apart by how far the head
turns between the two. What it is compared to: the source copied, the mean of the clip's frames
(which knows the answer's colours and has no details), the shipped geometric renderer, its frames
brought to the network's resolution, and a hybrid of both back ends. What swaps of factors do:
`openvasa.evaluate.latent_swaps`.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from openvasa.data.clip_list import Clip, Kind, Split, read_clip_list
from openvasa.data.latent_frames import LEAST_SIDE, ClipFrames
from openvasa.data.latent_tracks import LatentTracks, read_latent_tracks
from openvasa.errors import InputError
from openvasa.evaluate.latent_figures import BANDS, METHODS, LatentFigures, as_bytes
from openvasa.evaluate.latent_geometric import draw_geometric
from openvasa.evaluate.latent_swaps import swap_clip
from openvasa.evaluate.picture_metrics import feature_distance, features, psnr
from openvasa.evaluate.picture_metrics import ssim as structural_similarity
from openvasa.evaluation_models import FACE_DESCRIPTOR, VGG16
from openvasa.learned.head_region import head_region
from openvasa.learned.network import LatentNetwork
from openvasa.learned.pose import Pose
from openvasa.learned.weights import load_network

PAIRS_OF_A_BAND = 3
"""Of each clip."""
EVERY = 3


def evaluate(
    run: Path, cache: Path, clips: Path, *, people: int | None = None, geometric: bool = True
) -> LatentFigures:
    """Measure the network of a run.

    Args:
        run: with the weights that `openvasa train latent` wrote.
        cache: from `openvasa data prepare` or `openvasa data latent`, with held-out clips.
        clips: folder of the clips.
        people: at most so many; everyone when None.
        geometric: draw self-reenactment with the shipped renderer as well.

    Raises:
        InputError: the run holds no weights, or there are too few held-out clips.
    """
    for model in (VGG16, FACE_DESCRIPTOR):
        if not model.installed:
            tqdm.write(f"left out: {model.missing}")
    network, tracks = load_network(run), read_latent_tracks(cache)
    chosen = held_out_clips(tracks, cache, network.config.side, people)
    frames = ClipFrames(tracks, chosen, clips, network.config.side, EVERY, "cpu")
    figures = LatentFigures(network.config.name)
    for number in tqdm(range(len(frames.clips)), desc="self", unit="clip", mininterval=5):
        _reenact_clip(number, network, frames, tracks, clips, figures, geometric)
    for number in tqdm(range(len(frames.clips)), desc="swaps", unit="clip", mininterval=5):
        swap_clip(number, network, frames, tracks, figures)
    return figures


def held_out_clips(tracks: LatentTracks, cache: Path, side: int, people: int | None) -> list[Clip]:
    """One clip of each person never trained on, that in which the head turns farthest; those who
    turn farthest come first, for most people hardly turn.

    Raises:
        InputError: there are fewer than two.
    """
    large = {n for n, s in zip(tracks.names, tracks.sides, strict=True) if s >= LEAST_SIDE * side}
    clips = [
        clip
        for clip in read_clip_list(cache)
        if clip.split == Split.TEST and clip.kind == Kind.REAL and clip.name in large
    ]
    found: dict[str, Clip] = {}
    for clip in sorted(clips, key=lambda clip: -turn_range(tracks, clip.name)):
        found.setdefault(clip.group, clip)
    if len(found) < 2:
        raise InputError(f"{cache}: needs held-out clips of two people; prepare some")
    return list(found.values())[:people]


def turn_range(tracks: LatentTracks, name: str) -> float:
    """How far a head turns in a clip: 1st to 99th percentile of its rotation about y, rad."""
    number = tracks.names.tolist().index(name)
    rows = slice(int(tracks.starts[number]), int(tracks.starts[number + 1]))
    turns = tracks.pose[rows][tracks.valid[rows], 1]
    return float(np.ptp(np.percentile(turns, [1, 99]))) if len(turns) else 0.0


def yaw_degrees(rotations: Tensor) -> np.ndarray:
    """(N,) yaw of (N, 3, 3) rotations, degrees, as `HeadTransform.euler_degrees` has it."""
    r = rotations.numpy()
    return np.degrees(-np.arctan2(r[:, 0, 2], r[:, 2, 2]))


def choose_pairs(yaw: np.ndarray, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """(band, source, driver) of one clip by its (T,) yaws: some of each band that it has."""
    between = np.abs(yaw[:, None] - yaw)
    pairs = []
    for band, (low, high) in enumerate(BANDS):
        found = np.argwhere((between >= low) & (between < high) & (between > 0))
        for row in rng.permutation(len(found))[:PAIRS_OF_A_BAND]:
            pairs.append((band, int(found[row, 0]), int(found[row, 1])))
    return pairs


@torch.no_grad()
def _reenact_clip(
    number: int,
    network: LatentNetwork,
    frames: ClipFrames,
    tracks: LatentTracks,
    clips: Path,
    figures: LatentFigures,
    geometric: bool,
) -> None:
    rows = torch.arange(int(frames.starts[number]), int(frames.starts[number + 1]))
    clip = frames.take(rows)
    mean = as_bytes(clip.picture.mean(dim=0))
    for band, source, driver in choose_pairs(
        yaw_degrees(clip.pose.rotation), np.random.default_rng(number)
    ):
        one, other = clip.pick(slice(source, source + 1)), clip.pick(slice(driver, driver + 1))
        seen, _ = network.encode_frames(one.picture, one.pose)
        moved = network.read_dynamics(other.picture, other.pose)
        drawn = {
            "copied source": as_bytes(one.picture[0]),
            "mean of the clip": mean,
            "learned": as_bytes(network.decode(seen, other.pose, moved)[0]),
        }
        if geometric:
            places = (int(rows[source]), int(rows[driver]))
            warped = draw_geometric(frames, tracks, clips, number, *places)
            if warped is None:
                figures.left_out += 1
                continue
            drawn["geometric"] = warped.picture
            drawn["hybrid"] = warped.blend(drawn["learned"])
        real = as_bytes(other.picture[0])
        box = _head_box(other.pose, network.config.side)
        wanted = features(_for_features(real[box])) if VGG16.installed else []
        for method, picture in drawn.items():
            values = figures.reenacted
            values[band, method, "PSNR dB"].append(psnr(picture, real))
            values[band, method, "head PSNR dB"].append(psnr(picture[box], real[box]))
            values[band, method, "head SSIM"].append(structural_similarity(picture[box], real[box]))
            if VGG16.installed:
                distance = feature_distance(features(_for_features(picture[box])), wanted)
                values[band, method, "head features"].append(distance)
        shown = [drawn[name] for name in METHODS if name in drawn and name != "copied source"]
        figures.sheet.append(np.concatenate([drawn["copied source"], real, *shown], axis=1))


def _head_box(pose: Pose, side: int) -> tuple[slice, slice]:
    seen = head_region(pose, side)[0, 0].numpy() > 0.5
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _for_features(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (128, 128), interpolation=cv2.INTER_LINEAR)
