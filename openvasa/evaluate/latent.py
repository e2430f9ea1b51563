"""Measure a learned latent on people it has never seen.

    openvasa evaluate latent RUN CACHE CLIPS

Self-reenactment: a frame of a held-out clip is drawn from another one, apart by how far the head
turns between the two. What it is compared to: the source copied, the mean of the clip's frames
(which knows the answer's colours and has no details), and the shipped geometric renderer, its
frames brought to the network's resolution. Disentanglement: a source is drawn with the pose, the
dynamics or both of another person's frame; the face is tracked again in what was drawn.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from openvasa.data.clip_list import Clip, Kind, Split, read_clip_list
from openvasa.data.latent_frames import LEAST_SIDE, ClipFrames, Frames, read_clip
from openvasa.data.latent_tracks import LatentTracks, read_latent_tracks
from openvasa.data.pairs import in_crop
from openvasa.errors import InputError
from openvasa.evaluate.picture_metrics import cosine, feature_distance, features, identity, psnr
from openvasa.evaluate.picture_metrics import ssim as structural_similarity
from openvasa.evaluation_models import FACE_DESCRIPTOR, VGG16
from openvasa.face.canonical import HeadTransform, apply_pose, fit_head, pose_between
from openvasa.face.encode import encode_face
from openvasa.face.find import choose_face, find_faces
from openvasa.face.landmarker import track_next
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.learned.head_region import head_region
from openvasa.learned.network import LatentNetwork
from openvasa.learned.points import FEATURES
from openvasa.learned.pose import Pose
from openvasa.learned.weights import load_network
from openvasa.render.warp_renderer import WarpRenderer

BANDS = ((0, 15), (15, 30), (30, 180))
"""Degrees of yaw between source and driver."""
PAIRS_OF_A_BAND = 3
"""Of each clip."""
EVERY = 3
TRACKED_SIDE = 384
"""Px to which small frames are brought to be tracked."""
SWAPS = ("nothing", "pose", "dynamics", "pose and dynamics")
METHODS = ("copied source", "mean of the clip", "geometric", "learned")


@dataclass
class LatentFigures:
    """Everything measured.

    Attributes:
        config: of the network.
        reenacted: (band, method, metric) → values, one a pair.
        swapped: (swap, what) → values, one a pair of people.
        left_out: pairs that the geometric renderer could not draw.
        sheet: rows of (S, 7 S, 3) uint8 pictures: source, driver, the methods after copying.
    """

    config: str
    reenacted: dict[tuple[int, str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    swapped: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    left_out: int = 0
    sheet: list[np.ndarray] = field(default_factory=list)


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
        _swap_clip(number, network, frames, tracks, figures)
    return figures


def held_out_clips(tracks: LatentTracks, cache: Path, side: int, people: int | None) -> list[Clip]:
    """One clip of each person never trained on.

    Raises:
        InputError: there are fewer than two.
    """
    large = {n for n, s in zip(tracks.names, tracks.sides, strict=True) if s >= LEAST_SIDE * side}
    found: dict[str, Clip] = {}
    for clip in read_clip_list(cache):
        if clip.split == Split.TEST and clip.kind == Kind.REAL and clip.name in large:
            found.setdefault(clip.group, clip)
    if len(found) < 2:
        raise InputError(f"{cache}: needs held-out clips of two people; prepare some")
    return list(found.values())[:people]


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
    mean = _bytes(clip.picture.mean(dim=0))
    for band, source, driver in choose_pairs(
        yaw_degrees(clip.pose.rotation), np.random.default_rng(number)
    ):
        one, other = clip.pick(slice(source, source + 1)), clip.pick(slice(driver, driver + 1))
        seen, _ = network.encode_frames(one.picture, one.pose)
        moved = network.read_dynamics(other.picture, other.pose)
        drawn = {
            "copied source": _bytes(one.picture[0]),
            "mean of the clip": mean,
            "learned": _bytes(network.decode(seen, other.pose, moved)[0]),
        }
        if geometric:
            places = (int(rows[source]), int(rows[driver]))
            warped = _draw_geometric(frames, tracks, clips, number, *places)
            if warped is None:
                figures.left_out += 1
                continue
            drawn["geometric"] = warped
        real = _bytes(other.picture[0])
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


def _draw_geometric(
    frames: ClipFrames, tracks: LatentTracks, clips: Path, number: int, source: int, driver: int
) -> np.ndarray | None:
    """The driver as the shipped renderer draws it from the source, (S, S, 3) uint8.

    The renderer shows head and shoulders; what lies outside its crop is copied from the source.
    None where it finds no face in the source.
    """
    clip = tracks.names.tolist().index(frames.clips[number].name)
    of_clip = [int(frames.track_rows[row]) for row in (source, driver)]
    picture = read_frame(clips, tracks, clip, of_clip[0])
    try:
        found = choose_face(find_faces(picture), None, "frame")
        face = encode_face(picture, found, name="frame", anyway=True)
    except InputError:
        return None
    geometry = _follow(face, tracks, clip, *of_clip)
    crop = WarpRenderer(face).render(geometry)
    left, top, side = (float(v) for v in face.crop)
    zoom = side / crop.shape[0]
    place = np.array([[zoom, 0, left], [0, zoom, top]])
    whole = cv2.warpAffine(
        crop, place, picture.shape[1::-1], picture.copy(), cv2.INTER_AREA, cv2.BORDER_TRANSPARENT
    )
    return cv2.resize(whole, (frames.side,) * 2, interpolation=cv2.INTER_AREA)


def read_frame(clips: Path, tracks: LatentTracks, clip: int, row: int) -> np.ndarray:
    """The frame of one row of the tracks, as the clip has it."""
    length = int(tracks.starts[clip + 1] - tracks.starts[clip])
    path = clips / f"{tracks.names[clip]}.mp4"
    return read_clip(path, length)[row - int(tracks.starts[clip])].to_ndarray(format="rgb24")


def _follow(
    face: FaceLatent, tracks: LatentTracks, clip: int, source: int, driver: int
) -> FrameGeometry:
    """Geometry of a portrait from one row of the tracks at the motion of another one."""
    heads = [in_crop(track_head(tracks, clip, row), face.crop) for row in (source, driver)]
    head = apply_pose(face.head, pose_between(heads[0], heads[1]))
    change = np.tensordot(tracks.codes[driver] - tracks.codes[source], tracks.basis, 1)
    canonical = (face.canonical + change).astype(np.float32)
    return FrameGeometry(canonical, head, head.apply(canonical))


def track_head(tracks: LatentTracks, clip: int, row: int) -> HeadTransform:
    """Head transform of one row of the tracks, px of the clip."""
    side, pose = float(tracks.sides[clip]), tracks.pose[row].astype(np.float64)
    shift = np.append(pose[3:5] * side, 0.0)
    return HeadTransform(cv2.Rodrigues(pose[:3])[0], float(pose[5] * side), shift)


@torch.no_grad()
def _swap_clip(
    number: int,
    network: LatentNetwork,
    frames: ClipFrames,
    tracks: LatentTracks,
    figures: LatentFigures,
) -> None:
    """Draw one person with what the next person does, and track what comes out."""
    rng = np.random.default_rng(number)
    following = (number + 1) % len(frames.clips)
    one, other = (_random_frame(frames, clip, rng) for clip in (number, following))
    seen, own = network.encode_frames(one[1].picture, one[1].pose)
    moved = network.read_dynamics(other[1].picture, other[1].pose)
    turned = one[1].pose.turned_as(other[1].pose)
    drawn = {
        "nothing": network.decode(seen, one[1].pose, own),
        "pose": network.decode(seen, turned, own),
        "dynamics": network.decode(seen, one[1].pose, moved),
        "pose and dynamics": network.decode(seen, turned, moved),
    }
    poses = {"pose": turned, "pose and dynamics": turned}
    shapes = [_shape(tracks, frames, row) for row, _ in (one, other)]
    numbers = [tracks.names.tolist().index(frames.clips[k].name) for k in (number, following)]
    means = [tracks.means[k] for k in numbers]
    wanted = (shapes[1] - means[1]) - (shapes[0] - means[0])
    retracked = {
        swap: _track(picture, poses.get(swap, one[1].pose), shapes[0])
        for swap, picture in drawn.items()
    }
    turn = _turn(one[1].pose, other[1].pose)
    real = [_person(pair[1], shape) for pair, shape in zip((one, other), shapes, strict=True)]
    for swap, (head, canonical, landmarks) in retracked.items():
        values = figures.swapped
        start = retracked["nothing"]
        values[swap, "turn followed"].append(_share(_between(start[0], head), turn))
        change = (canonical - start[1])[FEATURES]
        values[swap, "expression followed"].append(_share(change.ravel(), wanted[FEATURES].ravel()))
        aimed = poses.get(swap, one[1].pose).rotation[0].numpy()
        values[swap, "turn off °"].append(_angle(head.rotation, aimed))
        if FACE_DESCRIPTOR.installed:
            person = identity(_enlarged(drawn[swap]), landmarks)
            values[swap, "like the source"].append(cosine(person, real[0]))
            values[swap, "like the driver"].append(cosine(person, real[1]))


def _random_frame(frames: ClipFrames, clip: int, rng: np.random.Generator) -> tuple[int, Frames]:
    row = int(rng.integers(frames.starts[clip], frames.starts[clip + 1]))
    return row, frames.take(torch.tensor([row]))


def _shape(tracks: LatentTracks, frames: ClipFrames, row: int) -> np.ndarray:
    """(478, 3) canonical shape of a row of the frames."""
    at = int(frames.track_rows[row])
    clip = int(np.searchsorted(tracks.starts, at, side="right")) - 1
    return tracks.means[clip] + np.tensordot(tracks.codes[at], tracks.basis, 1)


def _track(
    picture: Tensor, pose: Pose, shape: np.ndarray
) -> tuple[HeadTransform, np.ndarray, np.ndarray]:
    """Head, canonical shape and landmarks of a drawn face, from where it should be."""
    points = pose.project(torch.from_numpy(shape).float()[None])[0].numpy()
    guess = (points + [1, 1, 0]) * [TRACKED_SIDE / 2, TRACKED_SIDE / 2, 1]
    landmarks = track_next(_enlarged(picture), guess.astype(np.float32)).landmarks
    landmarks = track_next(_enlarged(picture), landmarks).landmarks
    head = fit_head(landmarks)
    return head, head.invert(landmarks), landmarks


def _person(frames: Frames, shape: np.ndarray) -> np.ndarray:
    if not FACE_DESCRIPTOR.installed:
        return np.zeros(128)
    *_, landmarks = _track(frames.picture, frames.pose, shape)
    return identity(_enlarged(frames.picture), landmarks)


def _enlarged(picture: Tensor) -> np.ndarray:
    return cv2.resize(_bytes(picture[0]), (TRACKED_SIDE,) * 2, interpolation=cv2.INTER_CUBIC)


def _bytes(picture: Tensor) -> np.ndarray:
    """(3, S, S) in 0–1 → (S, S, 3) uint8."""
    return (picture.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()


def _head_box(pose: Pose, side: int) -> tuple[slice, slice]:
    seen = head_region(pose, side)[0, 0].numpy() > 0.5
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _for_features(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (128, 128), interpolation=cv2.INTER_LINEAR)


def _between(start: HeadTransform, end: HeadTransform) -> np.ndarray:
    return cv2.Rodrigues(end.rotation @ start.rotation.T)[0].ravel()


def _turn(start: Pose, end: Pose) -> np.ndarray:
    rotation = (end.rotation[0] @ start.rotation[0].T).double().numpy()
    return cv2.Rodrigues(rotation)[0].ravel()


def _share(change: np.ndarray, wanted: np.ndarray) -> float:
    """How much of a wanted change there is: 1 all of it, 0 nothing."""
    return float(change @ wanted / (wanted @ wanted + 1e-9))


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.linalg.norm(cv2.Rodrigues(a.astype(np.float64) @ b.T)[0])))
