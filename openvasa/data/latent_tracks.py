"""Tracks as the learned latent reads them: poses and shapes of all clips in one small file.

    openvasa data latent CACHE OUT

Shapes are kept as a mean per clip and principal components of their change, poses as numbers; a
hundredth of the cache is left, which can be taken to the machine that trains.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.data.clip_list import INDEX, Clip, Kind, read_clip_list, read_rows
from openvasa.errors import InputError

TRACKS, LATENT_TRACKS = "tracks", "latent_tracks.npz"
COMPONENTS = 32
"""Principal components of shape change that are kept."""
EXAMPLES = 20_000
"""Shapes that the components are found from."""


@dataclass(frozen=True)
class LatentTracks:
    """Tracks of C clips one behind the other, T frames at 25 fps in all.

    Attributes:
        names: (C,) of the clips.
        starts: (C + 1,) int64, first frame of each clip, and T.
        sides: (C,) int64 px of the clips' square frames.
        pose: (T, 6) float32: rotation vector (rad, head to camera), where the head's origin is seen
            (x, y) and canonical unit, both in sides of the frame.
        means: (C, 478, 3) float32 mean canonical shape.
        basis: (K, 478, 3) float32 components of its change.
        codes: (T, K) float32 of the components.
        valid: (T,) bool, the face was found.
    """

    names: np.ndarray
    starts: np.ndarray
    sides: np.ndarray
    pose: np.ndarray
    means: np.ndarray
    basis: np.ndarray
    codes: np.ndarray
    valid: np.ndarray


def read_latent_tracks(cache: Path) -> LatentTracks:
    """Read what `pack_tracks` wrote, or reduce the tracks of a whole cache.

    Raises:
        InputError: the folder holds neither.
    """
    packed = cache / LATENT_TRACKS
    if packed.exists():
        with np.load(packed) as data:
            arrays = dict(data)
        wide = {name: arrays[name].astype(np.float32) for name in ("means", "basis", "codes")}
        return LatentTracks(**(arrays | wide))
    return reduce_tracks(cache)


def pack_tracks(cache: Path, out: Path) -> Path:
    """Write the reduced tracks of a cache and its clip list into a folder.

    Raises:
        InputError: the cache holds no tracks.
    """
    tracks = reduce_tracks(cache)
    out.mkdir(parents=True, exist_ok=True)
    (out / INDEX).write_text((cache / INDEX).read_text("utf-8"), "utf-8")
    half = {name: getattr(tracks, name).astype(np.float16) for name in ("means", "basis", "codes")}
    path = out / LATENT_TRACKS
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, **(vars(tracks) | half))
    partial.replace(path)
    return path


def reduce_tracks(cache: Path) -> LatentTracks:
    """The tracks of all clips that people were filmed in.

    Raises:
        InputError: the cache holds no tracks.
    """
    sides = {Path(row["file"]).stem: int(row["side"]) for row in read_rows(cache)}
    clips = [clip for clip in read_clip_list(cache) if _kept(cache, clip)]
    if not clips:
        raise InputError(f"{cache}: holds no tracks; run openvasa data prepare")
    basis = _fit_basis(cache, clips)
    flat = basis.reshape(len(basis), -1)
    means, codes, poses, valid = [], [], [], []
    for clip in tqdm(clips, desc="reducing", unit="clip", mininterval=5):
        track = _read(cache, clip)
        shapes = track["canonical"].reshape(len(track["valid"]), -1)
        mean = shapes[track["valid"]].mean(axis=0) if track["valid"].any() else shapes.mean(axis=0)
        means.append(mean.reshape(-1, 3))
        codes.append((shapes - mean) @ flat.T)
        poses.append(_pose_rows(track, sides[clip.name]))
        valid.append(track["valid"])
    return LatentTracks(
        names=np.array([clip.name for clip in clips]),
        starts=np.append(0, np.cumsum([len(rows) for rows in valid])).astype(np.int64),
        sides=np.array([sides[clip.name] for clip in clips]),
        pose=np.concatenate(poses),
        means=np.stack(means),
        basis=basis,
        codes=np.concatenate(codes),
        valid=np.concatenate(valid),
    )


def _kept(cache: Path, clip: Clip) -> bool:
    return clip.kind == Kind.REAL and _path(cache, clip).exists()


def _path(cache: Path, clip: Clip) -> Path:
    return cache / TRACKS / f"{clip.name}.npz"


def _read(cache: Path, clip: Clip) -> dict[str, np.ndarray]:
    names = ("canonical", "rotation", "translation", "scale", "valid")
    with np.load(_path(cache, clip)) as data:
        return {name: data[name] for name in names}


def _fit_basis(cache: Path, clips: list[Clip]) -> np.ndarray:
    each = max(2, EXAMPLES // len(clips))
    examples = []
    for clip in clips:
        with np.load(_path(cache, clip)) as data:
            shapes = data["canonical"]
        chosen = shapes[np.linspace(0, len(shapes) - 1, min(each, len(shapes))).astype(int)]
        examples.append((chosen - chosen.mean(axis=0)).reshape(len(chosen), -1))
    stacked = np.concatenate(examples).astype(np.float64)
    _, vectors = np.linalg.eigh(stacked.T @ stacked)
    return vectors[:, : -COMPONENTS - 1 : -1].T.reshape(COMPONENTS, -1, 3).astype(np.float32)


def _pose_rows(track: dict[str, np.ndarray], side: int) -> np.ndarray:
    # Rotation vectors through quaternions would need scipy; cv2 does one at a time.
    import cv2

    turns = [cv2.Rodrigues(r.astype(np.float64))[0][:, 0] for r in track["rotation"]]
    where = track["translation"][:, :2] / side
    size = track["scale"][:, None] / side
    return np.concatenate([np.array(turns), where, size], axis=1).astype(np.float32)
