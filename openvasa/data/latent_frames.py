"""Frames and tracks that the learned latent is trained on, all in memory of the device.

Frames are decoded once, in threads (the decoder runs outside Python's lock), scaled to the side of
the network's frames and kept as bytes. A batch is then a choice of rows: drawing one costs a GPU
less than a millisecond, and nothing has to be loaded.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from openvasa.data.clip_list import Clip, Kind, Split, read_clip_list
from openvasa.data.held_back import held_back_people
from openvasa.data.latent_tracks import LatentTracks
from openvasa.errors import InputError
from openvasa.learned.points import FEATURES, mirror_order
from openvasa.learned.pose import Pose

HELD_BACK = 12
"""One of so many training people is only looked at."""
LEAST_SIDE = 0.7
"""Clips have at least this share of the network's side."""
LEAST_FRAMES = 8
FAR_CANDIDATES, FAR_SHARE = 6, 0.5
"""In this share of the pairs the driver is, of so many frames, the one turned farthest from the
source: most clips hardly turn."""


@dataclass(frozen=True)
class Pairs:
    """Which frames a batch is of: rows of `ClipFrames`; N clips.

    Attributes:
        source, driver: (N,) int64 rows, two frames of each clip.
        group: (N,) int64 number of the person.
        mirrored: (N,) bool.
    """

    source: Tensor
    driver: Tensor
    group: Tensor
    mirrored: Tensor

    def pick(self, rows: slice) -> Pairs:
        """Some of the pairs."""
        return Pairs(*(part[rows] for part in vars(self).values()))


@dataclass(frozen=True)
class Frames:
    """N frames on the device.

    Attributes:
        picture: (N, 3, S, S) float32 in 0–1.
        pose: of the heads.
        points: (N, K, 3) float32 canonical places of `FEATURES`.
    """

    picture: Tensor
    pose: Pose
    points: Tensor

    def pick(self, rows: Tensor | slice) -> Frames:
        """Some of the frames."""
        return Frames(self.picture[rows], self.pose.pick(rows), self.points[rows])


class ClipFrames:
    """All frames of some clips and what was tracked in them.

    Args:
        tracks: of all clips.
        clips: which to take.
        folder: of the clip files.
        side: px of a frame.
        every: take one of so many frames.
        device: where frames are kept.
        decoded: folder in which decoded frames are kept for other runs; None to decode them anew.
    """

    def __init__(
        self,
        tracks: LatentTracks,
        clips: list[Clip],
        folder: Path,
        side: int,
        every: int,
        device: str,
        decoded: Path | None = None,
    ) -> None:
        number = {name: k for k, name in enumerate(tracks.names)}
        self.device, self.side = device, side
        rows = [_rows_of(tracks, number[clip.name], every) for clip in clips]
        kept = [k for k, chosen in enumerate(rows) if len(chosen) >= LEAST_FRAMES]
        self.clips = [clips[k] for k in kept]
        rows = [rows[k] for k in kept]
        if not rows:
            raise InputError(f"{folder}: no clip is long and large enough to learn from")
        self.track_rows = np.concatenate(rows)
        self.starts = np.append(0, np.cumsum([len(chosen) for chosen in rows]))
        chosen = self.track_rows
        people = sorted({clip.group for clip in self.clips})
        self.groups = np.array([people.index(clip.group) for clip in self.clips])
        self.pose = tracks.pose[chosen]
        self._rotation = torch.from_numpy(_matrices(self.pose[:, :3])).to(device)
        self._place = torch.from_numpy(self.pose[:, 3:]).to(device)
        self._points = torch.from_numpy(_points(tracks, self.clips, number, rows)).to(device)
        pictures = _decode_all(tracks, self.clips, number, rows, folder, side, decoded)
        self._pictures = torch.from_numpy(pictures).to(device)
        self._mirror = torch.from_numpy(mirror_order()).to(device)
        length = np.diff(self.starts)
        # Long clips show little more of a person than short ones.
        self._chances = np.sqrt(np.minimum(length, 250))
        self._chances = self._chances / self._chances.sum()

    def __len__(self) -> int:
        """Number of frames."""
        return int(self.starts[-1])

    def draw(self, clips: int, rng: np.random.Generator) -> Pairs:
        """Two frames each of random clips."""
        chosen = rng.choice(len(self.clips), clips, p=self._chances)
        first, length = self.starts[chosen], np.diff(self.starts)[chosen]
        at = (rng.random((FAR_CANDIDATES + 1, clips)) * length).astype(np.int64) + first
        source, candidates = at[0], at[1:]
        distance = np.linalg.norm(self.pose[candidates, :3] - self.pose[source, :3], axis=2)
        best = np.where(rng.random(clips) < FAR_SHARE, distance.argmax(axis=0), 0)
        driver = candidates[best, np.arange(clips)]
        return Pairs(
            torch.from_numpy(source),
            torch.from_numpy(driver),
            torch.from_numpy(self.groups[chosen]),
            torch.from_numpy(rng.random(clips) < 0.5),
        )

    def take(self, rows: Tensor, mirrored: Tensor | None = None) -> Frames:
        """Frames of (N,) rows, those of (N,) `mirrored` as in a mirror."""
        rows = rows.to(self.device)
        picture = self._pictures[rows].permute(0, 3, 1, 2).float() / 255
        rotation, place, points = self._rotation[rows], self._place[rows], self._points[rows]
        if mirrored is not None:
            flip = mirrored.to(self.device)[:, None, None]
            picture = torch.where(flip[..., None], picture.flip(3), picture)
            side = torch.tensor([-1.0, 1.0, 1.0], device=self.device)
            rotation = torch.where(flip, rotation * side * side[:, None], rotation)
            points = torch.where(flip, points[:, self._mirror] * side, points)
            x = torch.where(flip[:, 0, 0], 1 - place[:, 0], place[:, 0])
            place = torch.cat([x[:, None], place[:, 1:]], dim=1)
        pose = Pose(rotation, 2 * place[:, :2] - 1, 2 * place[:, 2])
        return Frames(picture.contiguous(memory_format=torch.channels_last), pose, points)


def split_clips(
    tracks: LatentTracks, cache: Path, side: int, people: int | None
) -> tuple[list[Clip], list[Clip]]:
    """Clips to learn from and clips of people that are only looked at, all of them for training.

    Args:
        tracks: of the cache.
        cache: of `openvasa data prepare` or `openvasa data latent`.
        side: px of the network's frames.
        people: at most so many of them; None for all.
    """
    large = {n for n, s in zip(tracks.names, tracks.sides, strict=True) if s >= LEAST_SIDE * side}
    clips = [
        clip
        for clip in read_clip_list(cache)
        if clip.split == Split.TRAIN and clip.kind == Kind.REAL and clip.name in large
    ]
    judged = held_back_people((clip.group for clip in clips), HELD_BACK)
    learnt = sorted({clip.group for clip in clips} - judged)[:people]
    seen = sorted(judged)[: None if people is None else max(2, people // HELD_BACK)]
    return (
        [clip for clip in clips if clip.group in learnt],
        [clip for clip in clips if clip.group in seen],
    )


def _rows_of(tracks: LatentTracks, clip: int, every: int) -> np.ndarray:
    rows = np.arange(tracks.starts[clip], tracks.starts[clip + 1])[::every]
    return rows[tracks.valid[rows]]


def _matrices(turns: np.ndarray) -> np.ndarray:
    return np.stack([cv2.Rodrigues(turn.astype(np.float64))[0] for turn in turns]).astype(
        np.float32
    )


def _points(
    tracks: LatentTracks, clips: list[Clip], number: dict[str, int], rows: list[np.ndarray]
) -> np.ndarray:
    basis = tracks.basis[:, FEATURES].reshape(len(tracks.basis), -1)
    parts = [
        tracks.means[number[clip.name]][FEATURES] + (tracks.codes[r] @ basis).reshape(len(r), -1, 3)
        for clip, r in zip(clips, rows, strict=True)
    ]
    return np.concatenate(parts).astype(np.float32)


def _decode_all(
    tracks: LatentTracks,
    clips: list[Clip],
    number: dict[str, int],
    rows: list[np.ndarray],
    folder: Path,
    side: int,
    decoded: Path | None,
) -> np.ndarray:
    """(T, side, side, 3) uint8 frames of all clips."""
    pictures = np.empty((sum(map(len, rows)), side, side, 3), np.uint8)
    ends = np.cumsum([len(r) for r in rows])
    jobs = []
    for clip, chosen, end in zip(clips, rows, ends, strict=True):
        k = number[clip.name]
        length = int(tracks.starts[k + 1] - tracks.starts[k])
        place = pictures[end - len(chosen) : end]
        at = chosen - tracks.starts[k]
        kept = None if decoded is None else decoded / f"{clip.name}-{side}-{len(at)}.npy"
        jobs.append((folder / f"{clip.name}.mp4", length, at, place, kept))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(lambda job: _decode(*job), jobs)
        for _ in tqdm(done, total=len(jobs), desc="decoding", unit="clip", mininterval=5):
            pass
    return pictures


def read_clip(path: Path, length: int) -> list[av.VideoFrame]:
    """The last `length` frames of a clip, those that its track goes with."""
    with av.open(str(path)) as container:
        return list(container.decode(video=0))[-length:]


def _decode(
    path: Path, length: int, chosen: np.ndarray, place: np.ndarray, kept: Path | None
) -> None:
    """Write the chosen ones of a clip's last `length` frames into `place`, and into a file.

    A track leaves out the frames before the first that shows a face.
    """
    if kept is not None and kept.exists():
        place[:] = np.load(kept)
        return
    side = place.shape[1]
    frames = read_clip(path, length)
    for k, number in enumerate(chosen):
        picture = frames[number].to_ndarray(format="rgb24")
        place[k] = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may decode the same clip.
        partial = kept.with_suffix(f".{os.getpid()}.partial.npy")
        np.save(partial, place)
        partial.replace(kept)
