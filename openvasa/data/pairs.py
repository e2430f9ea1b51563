"""Pairs to learn refinement from: one frame of a clip warped to the motion of another, and that.

Every clip gives a few portraits (source frames). Each is encoded and rendered exactly as at run
time, with the motion that was tracked from the same clip, and the crops around mouth and eyes are
kept together with the same crops of the real frame. Targets come as couples of adjacent frames,
so that the change from frame to frame can be learned too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.signal import savgol_filter
from tqdm import tqdm

from openvasa.data.clip_list import INDEX, Clip, Kind, Split, face_height, read_rows
from openvasa.data.prepare import cached_clips, track_file
from openvasa.errors import InputError
from openvasa.face.canonical import HeadTransform, apply_pose, pose_between
from openvasa.face.dynamics import lid_gap, lip_gap
from openvasa.face.encode import encode_picture
from openvasa.face.latent import CROP_SIDE, FaceLatent, FrameGeometry
from openvasa.media.inspect import read_frames
from openvasa.motion.rest import smooth_shape
from openvasa.render.regions import (
    GEOMETRY_CHANNELS,
    REGIONS,
    Region,
    cut,
    frame_affine,
    geometry_maps,
    movement,
    source_view,
)
from openvasa.render.warp_renderer import WarpRenderer

MIN_FACE_PX = 120
"""Smaller faces, in px of the recording, show too little of folds and lids."""

SHORTEST = 12
"""Frames; a shorter clip gives no pairs."""

SOURCES_PER_CLIP = 3
COUPLES_PER_SOURCE = ((256, 10), (200, 8), (0, 6))
"""Couples of target frames by height of the face in the recording: sharp ones teach more."""

MAX_TURN = 30.0
"""Degrees between source and target beyond which a pair teaches more guesswork than detail."""


@dataclass(frozen=True)
class Footage:
    """A clip with everything that pairs are made of.

    Attributes:
        frames: (h, w, 3) uint8 RGB each.
        canonical: (T, 478, 3) float32 tracked shapes, smoothed over five frames.
        heads: T head transforms in px of the clip.
    """

    frames: list[np.ndarray]
    canonical: np.ndarray
    heads: list[HeadTransform]


def sharp_clips(
    cache: Path, clips: Path, split: Split, least_px: int = MIN_FACE_PX
) -> list[tuple[Clip, int]]:
    """Real clips of one split with large enough faces, and the height of their faces in px."""
    heights = {Path(row["file"]).stem: face_height(row, clips / INDEX) for row in read_rows(clips)}
    chosen = [
        (clip, heights[clip.name])
        for clip in cached_clips(cache)
        if clip.split == split and clip.kind == Kind.REAL and heights[clip.name] >= least_px
    ]
    if not chosen:
        raise InputError(f"{cache}: holds no sharp {split.value} clip; prepare some (docs/data.md)")
    return chosen


def load_footage(cache: Path, clips: Path, clip: Clip) -> Footage | None:
    """Read a clip; None where the track does not go with the frames or loses the face."""
    with np.load(track_file(cache, clip)) as data:
        track = dict(data)
    frames = list(read_frames(clips / f"{clip.name}.mp4"))
    count = len(frames)
    if count < SHORTEST or len(track["valid"]) != count or not track["valid"].all():
        return None
    rotation, scale, shift = (
        np.asarray(savgol_filter(track[key], 5, 2, axis=0))
        for key in ("rotation", "scale", "translation")
    )
    u, _, vt = np.linalg.svd(rotation)
    heads = list(map(HeadTransform, u @ vt, scale.tolist(), shift))
    return Footage(frames, smooth_shape(track["canonical"]), heads)


def in_crop(head: HeadTransform, crop: np.ndarray) -> HeadTransform:
    """A head transform in px of the portrait's crop, from one in px of its picture."""
    left, top, side = (float(v) for v in crop)
    zoom = CROP_SIDE / side
    shift = (head.translation - [left, top, 0]) * zoom
    return HeadTransform(head.rotation, head.scale * zoom, shift)


def follow(face: FaceLatent, footage: Footage, source: int, target: int) -> FrameGeometry:
    """Geometry of a portrait cut from frame `source` at the motion of frame `target`.

    Motion is taken relative to the source frame, so that the tracker's constant errors cancel.
    """
    rest = in_crop(footage.heads[source], face.crop)
    pose = pose_between(rest, in_crop(footage.heads[target], face.crop))
    canonical = face.canonical + footage.canonical[target] - footage.canonical[source]
    head = apply_pose(face.head, pose)
    return FrameGeometry(canonical, head, head.apply(canonical))


def real_view(
    region: Region, geometry: FrameGeometry, face: FaceLatent, frame: np.ndarray
) -> np.ndarray:
    """(side, side, 3) uint8: the region in a real frame of the clip the portrait is from."""
    left, top, side = (float(v) for v in face.crop)
    zoom = CROP_SIDE / side
    affine = frame_affine(region, geometry, face.neutral)
    linear = affine[:, :2] * zoom
    shift = affine[:, 2] - linear @ np.array([left, top])
    return cut(frame, np.column_stack([linear, shift]), region.side)


def choose_sources(footage: Footage, rng: np.random.Generator) -> list[int]:
    """A frame with the mouth at rest, and others at random."""
    gap = lip_gap(footage.canonical)
    closed = np.flatnonzero(gap <= np.percentile(gap, 20))
    awake = lid_gap(footage.canonical)
    closed = closed[np.argsort(-awake[closed])[: max(len(closed) // 2, 1)]]
    others = rng.choice(len(gap), SOURCES_PER_CLIP - 1, replace=False)
    return [int(rng.choice(closed)), *map(int, others)]


def choose_targets(
    footage: Footage, source: int, couples: int, rng: np.random.Generator
) -> np.ndarray:
    """First frames of couples, the more likely the more differs from the source there."""
    shape = footage.canonical
    change = np.abs(lip_gap(shape) - lip_gap(shape)[source]) / 0.5
    change += np.abs(lid_gap(shape) - lid_gap(shape)[source]) / 0.3
    turn = np.array([_angle(footage.heads[source], head) for head in footage.heads])
    weight = (0.3 + np.minimum(change, 2.0))[:-1] * (turn[:-1] < MAX_TURN)
    count = min(couples, int((weight > 0).sum()))
    return rng.choice(len(weight), count, replace=False, p=weight / weight.sum())


def _angle(a: HeadTransform, b: HeadTransform) -> float:
    cosine = (np.trace(a.rotation.T @ b.rotation) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def region_key(region: Region) -> str:
    """What the names of a region's arrays in a file of pairs begin with."""
    return region.name.replace(" ", "_")


def _empty(count: int, region: Region) -> dict[str, np.ndarray]:
    side, half = region.side, region.side // 2
    key = region_key(region)
    return {
        f"{key}_rendered": np.empty((count, side, side, 3), np.uint8),
        f"{key}_target": np.empty((count, side, side, 3), np.uint8),
        f"{key}_geometry": np.empty((count, GEOMETRY_CHANNELS, half, half), np.float16),
        f"{key}_moved": np.empty(count, np.float32),
    }


def make_pairs(
    face: FaceLatent, footage: Footage, source: int, targets: np.ndarray
) -> dict[str, np.ndarray]:
    """Crops of every region for one source frame: rendered without refinement, real, geometry and
    the source's own.

    Args:
        face: the portrait that the source frame makes.
        footage: the clip.
        source: number of the source frame.
        targets: numbers of the first frames of couples.
    """
    renderer = WarpRenderer(face, refined=False)
    frames = np.stack([targets, targets + 1], axis=1).reshape(-1)
    pairs: dict[str, np.ndarray] = {}
    views = {}
    for region in REGIONS:
        pairs |= _empty(len(frames), region)
        views[region.name] = source_view(region, face)
        pairs[f"{region_key(region)}_source"] = views[region.name][0]
    for row, target in enumerate(frames):
        *_, (_, geometry, frame) = renderer.draw(follow(face, footage, source, int(target)))
        for region in REGIONS:
            key = region_key(region)
            affine = frame_affine(region, geometry, face.neutral)
            places = (geometry.landmarks, face.landmarks, affine, views[region.name][1])
            pairs[f"{key}_rendered"][row] = cut(frame, affine, region.side)
            real = footage.frames[int(target)]
            pairs[f"{key}_target"][row] = real_view(region, geometry, face, real)
            pairs[f"{key}_geometry"][row] = geometry_maps(region, *places)
            pairs[f"{key}_moved"][row] = movement(region, *places)
    return pairs


def prepare_pairs(cache: Path, clips: Path, folder: Path) -> int:
    """Fill `folder` with one `.npz` of pairs per source frame; finished ones are left alone.

    Returns the number of source frames that could not be used.
    """
    cv2.setNumThreads(1)
    folder.mkdir(parents=True, exist_ok=True)
    skipped = 0
    chosen = sharp_clips(cache, clips, Split.TRAIN)
    # In an order that mixes the sources, so that an interrupted run already holds all kinds.
    order = np.random.default_rng(0).permutation(len(chosen))
    for index in tqdm(order, desc="pairs", unit="clip"):
        clip, height = chosen[index]
        done = folder / f"{clip.name}.done"
        if done.exists():
            continue
        skipped += _prepare_clip(clip, height, cache, clips, folder)
        done.touch()
    return skipped


def _prepare_clip(clip: Clip, height: int, cache: Path, clips: Path, folder: Path) -> int:
    footage = load_footage(cache, clips, clip)
    if footage is None:
        return SOURCES_PER_CLIP
    rng = np.random.default_rng(int(clip.name[:8], 16))
    couples = next(count for least, count in COUPLES_PER_SOURCE if height >= least)
    skipped = 0
    for number, source in enumerate(choose_sources(footage, rng)):
        targets = choose_targets(footage, source, couples, rng)
        try:
            face = encode_picture(footage.frames[source], name=f"frame {source}")
        except InputError:
            skipped += 1
            continue
        pairs = make_pairs(face, footage, source, targets)
        partial = folder / f"{clip.name}_{number}.partial"
        with partial.open("wb") as file:
            np.savez(file, **pairs)  # pyright: ignore[reportArgumentType]
        partial.replace(folder / f"{clip.name}_{number}.npz")
    return skipped
