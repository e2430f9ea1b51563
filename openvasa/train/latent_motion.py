"""Stage two in the learned latent: rows of head pose and learned dynamics for the motion trainer.

    openvasa train motion CACHE RUN --latent LATENT --clips CLIPS

VASA-1 (arXiv:2404.10667, section 3.2) generates pose and dynamics codes of the latent that stage
one learned. The dynamics encoder reads every frame of every clip. A row of motion has room for 32
numbers: they are the code's change against the person's rest in its 32 strongest directions, each
of deviation 1 (for `mini` that is the whole code). Trainer, network, windows and sampler are those
of the shipped generator (`openvasa.train.speech_motion`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from openvasa.data.clip_list import Clip, Kind
from openvasa.data.latent_frames import LEAST_SIDE, ClipFrames
from openvasa.data.latent_tracks import LatentTracks, read_latent_tracks
from openvasa.data.row_code import RowCode
from openvasa.data.talking_clips import TalkingClip, play_rendition
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.learned.files import MOTION_CODE_FILE, read_about, save_arrays
from openvasa.learned.network import LatentNetwork
from openvasa.learned.weights import load_network, part_name
from openvasa.motion.row import Row
from openvasa.motion.window_network import NETWORK_FILE, SPACE_FILE, MotionSpace
from openvasa.train.checkpoint import CHECKPOINT_FILE
from openvasa.train.speech_motion import MotionRows
from openvasa.train.speech_motion_data import split_clips
from openvasa.train.speech_motion_export import SPACE_NAME, write_onnx
from openvasa.train.speech_motion_network import MotionNetwork, NetworkConfig
from openvasa.train.trainer import Weights, load_settings, load_weights

ROWS_FILE = "latent_rows.npz"
"""The encoded clips in a run, so that another start need not encode them again."""
DECODED = 24
"""Clips whose frames are in memory at a time."""
BATCH = 64
REST_SHARE = 0.25
"""Of a clip's frames, those nearest to rest by the geometric code: their mean is the rest."""
RIDGE = 1e-3
"""Of regressions between numbers of deviation 1, for each frame."""


@dataclass(frozen=True)
class EncodedClip:
    """What the encoder says of T frames of a clip.

    Attributes:
        name: of the clip.
        codes, mirrored: (T, D) learned dynamics codes of the frames and of their mirror images,
            each against the person's rest.
        geometric: (T, 32) geometric code of the same frames.
    """

    name: str
    codes: np.ndarray
    mirrored: np.ndarray
    geometric: np.ndarray


def latent_rows(
    cache: Path, folder: Path, latent: Path, run: Path, people: int | None = None
) -> MotionRows:
    """Rows of real clips in a learned latent, kept in `run`.

    Args:
        cache: of `openvasa data prepare`, with voices.
        folder: of the clips' files.
        latent: run of `openvasa train latent`.
        run: of `openvasa train motion`.
        people: at most so many to learn from; None for all.

    Raises:
        InputError: the latent holds no weights, its code is too short for a row, or `run` was made
            with others.
    """
    about = describe_latent(latent, people)
    check_run(run, about)
    parts = [_choose(clips, people) for clips in split_clips(cache)]
    path = run / ROWS_FILE
    if not path.exists():
        network, tracks = load_network(latent), read_latent_tracks(cache)
        check_code(network.config.dynamics)
        encoded = list(encode_clips(network, tracks, parts[0] + parts[1], folder))
        known = {clip.name for clip in encoded}
        learnt = {clip.clip.name for clip in parts[0]}
        fitted = fit_motion_code([clip for clip in encoded if clip.name in learnt & known])
        run.mkdir(parents=True, exist_ok=True)
        fitted.save(path, encoded, about)
    fitted, numbers = MotionCode.load(path)
    rows = [
        [_in_latent(c, numbers[c.clip.name]) for c in p if c.clip.name in numbers] for p in parts
    ]
    return MotionRows(rows[0], rows[1], fitted.row, about)


def describe_latent(latent: Path, people: int | None) -> dict[str, object]:
    """What rows depend on besides the cache: the weights of the latent, and how many people.

    Raises:
        InputError: the latent holds no weights.
    """
    about, digest = read_about(latent), hashlib.sha256()
    for number in range(about.parts):
        digest.update((latent / part_name(number)).read_bytes())
    return {
        "name": latent.resolve().name,
        "steps": about.steps,
        "people": people,
        "weights": digest.hexdigest()[:16],
    }


def check_run(run: Path, about: Mapping[str, object]) -> None:
    """Refuse a run whose rows or checkpoint are of another latent, or of the shipped code.

    Raises:
        InputError: it is so.
    """
    made = []
    if (run / ROWS_FILE).exists():
        made.append(MotionCode.read_about(run / ROWS_FILE))
    if (run / CHECKPOINT_FILE).exists():
        made.append(load_settings(run).get("latent"))
    for other in made:
        if other != about:
            raise InputError(f"{run}: was made with latent {other}, not {about}; give another RUN")


def check_code(size: int) -> None:
    """Refuse a learned code of fewer numbers than a row carries.

    Raises:
        InputError: it is so.
    """
    wanted = dynamics_code().size
    if size < wanted:
        raise InputError(f"latent: a code of {size} numbers is too short for motion; take {wanted}")


def _choose(clips: list[TalkingClip], people: int | None) -> list[TalkingClip]:
    real = [clip for clip in clips if clip.clip.kind == Kind.REAL]
    chosen = set(sorted({clip.clip.group for clip in real})[:people])
    return [clip for clip in real if clip.clip.group in chosen]


def _in_latent(clip: TalkingClip, numbers: np.ndarray) -> TalkingClip:
    count = min(len(clip.motion), len(numbers))
    motion = Row(Row.split(clip.motion).pose[:count], numbers[:count]).join()
    renditions = [play_rendition(motion, take.voice) for take in clip.renditions]
    return replace(clip, renditions=renditions, geometric=clip.motion)


@torch.no_grad()
def encode_clips(
    network: LatentNetwork, tracks: LatentTracks, clips: list[TalkingClip], folder: Path
) -> Iterator[EncodedClip]:
    """The learned codes of clips that are large enough, each against its rest."""
    sides = dict(zip(tracks.names.tolist(), tracks.sides.tolist(), strict=True))
    side = network.config.side
    large = [c for c in clips if sides.get(c.clip.name, 0) >= LEAST_SIDE * side]
    motions = {clip.clip.name: clip.motion for clip in large}
    for first in tqdm(range(0, len(large), DECODED), desc="encoding", mininterval=5):
        part = [clip.clip for clip in large[first : first + DECODED]]
        frames = ClipFrames(tracks, part, folder, side, 1, "cpu")
        codes = [_read_codes(network, frames, mirrored) for mirrored in (False, True)]
        for number, clip in enumerate(frames.clips):
            rows = slice(int(frames.starts[number]), int(frames.starts[number + 1]))
            at = frames.track_rows[rows] - _first_row(tracks, clip)
            yield _against_rest(clip.name, [c[rows] for c in codes], at, motions[clip.name])


def _first_row(tracks: LatentTracks, clip: Clip) -> int:
    return int(tracks.starts[tracks.names.tolist().index(clip.name)])


def _read_codes(network: LatentNetwork, frames: ClipFrames, mirrored: bool) -> np.ndarray:
    codes = []
    for first in range(0, len(frames), BATCH):
        rows = torch.arange(first, min(first + BATCH, len(frames)))
        taken = frames.take(rows, torch.full((len(rows),), mirrored))
        codes.append(network.read_dynamics(taken.picture, taken.pose).numpy())
    return np.concatenate(codes)


def _against_rest(
    name: str, codes: list[np.ndarray], at: np.ndarray, motion: np.ndarray
) -> EncodedClip:
    """Codes of all frames of a clip: those in which no face was found lie between the others."""
    geometric = Row.split(motion).codes
    frames = np.arange(len(geometric))
    whole = [
        np.stack([np.interp(frames, at, column) for column in part.T], axis=1) for part in codes
    ]
    strength = np.linalg.norm(geometric, axis=1)
    resting = np.argsort(strength)[: max(1, round(REST_SHARE * len(strength)))]
    plain, mirrored = (part - part[resting].mean(axis=0) for part in whole)
    return EncodedClip(name, plain, mirrored, geometric)


@dataclass(frozen=True)
class MotionCode:
    """The learned dynamics code as rows carry it.

    Attributes:
        directions: (32, D) float32, change of the code for one unit of each number.
        row: how the numbers move a face.
    """

    directions: np.ndarray
    row: RowCode

    def numbers(self, codes: np.ndarray) -> np.ndarray:
        """(T, D) codes against rest → (T, 32) float32 numbers of rows."""
        return (codes @ np.linalg.pinv(self.directions)).astype(np.float32)

    def save(self, path: Path, clips: list[EncodedClip], about: Mapping[str, object]) -> None:
        """Write it with the numbers of the clips and what `describe_latent` says."""
        arrays = {f"row_{name}": value for name, value in vars(self.row).items()}
        arrays |= {f"clip_{clip.name}": self.numbers(clip.codes) for clip in clips}
        said = np.array(json.dumps(about))
        save_arrays(path, directions=self.directions, about=said, **arrays)

    @staticmethod
    def read_about(path: Path) -> dict[str, object] | None:
        """What `describe_latent` said of the rows that `save` wrote; None where nothing is kept."""
        with np.load(path) as data:
            return json.loads(str(data["about"])) if "about" in data else None

    @staticmethod
    def load(path: Path) -> tuple[MotionCode, dict[str, np.ndarray]]:
        """What `save` wrote: the code, and numbers by clip."""
        with np.load(path) as data:
            row = RowCode(data["row_basis"], data["row_mirror"], data["row_mouth_rest"])
            clips = {n.removeprefix("clip_"): data[n] for n in data if n.startswith("clip_")}
            return MotionCode(data["directions"], row), clips


def fit_motion_code(clips: list[EncodedClip]) -> MotionCode:
    """The strongest directions of the learned code, and how they move a face.

    Numbers and the geometric code tell each other by ridge regression; the mirror is fitted to
    codes of mirrored frames.
    """
    columns = ("codes", "mirrored", "geometric")
    parts = (np.concatenate([getattr(clip, name) for clip in clips]) for name in columns)
    codes, mirrored, geometric = (part.astype(np.float64) for part in parts)
    shipped = dynamics_code()
    values, vectors = np.linalg.eigh(codes.T @ codes / len(codes))
    strongest = np.argsort(values)[::-1][: shipped.size]
    directions = (np.sqrt(values[strongest]) * vectors[:, strongest]).T
    numbers, flipped = (part @ np.linalg.pinv(directions) for part in (codes, mirrored))
    told, read = regress(numbers, geometric), regress(geometric, numbers)
    mouth = told @ shipped.mouth_projection().T @ read
    row = RowCode(
        np.tensordot(told, shipped.basis, 1).astype(np.float32),
        regress(numbers, flipped).astype(np.float32),
        (np.eye(len(mouth)) - mouth).astype(np.float32),
    )
    return MotionCode(directions.astype(np.float32), row)


def regress(given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Ridge regression: `given @ matrix` is about `wanted`."""
    ridge = RIDGE * len(given) * np.eye(given.shape[1])
    return np.linalg.solve(given.T @ given + ridge, given.T @ wanted)


def export_motion(run: Path, latent: Path, which: Weights = "best") -> Path:
    """Write a run's averaged weights, motion space and motion code beside the latent's own files.

    Raises:
        InputError: the run holds no weights.
    """
    network = MotionNetwork(NetworkConfig(**load_settings(run)["network"]))
    network.load_state_dict(load_weights(run, which))
    path = latent / NETWORK_FILE.name
    write_onnx(network.eval(), path)
    MotionSpace.load(run / SPACE_NAME).save(latent / SPACE_FILE.name)
    code, _ = MotionCode.load(run / ROWS_FILE)
    save_arrays(latent / MOTION_CODE_FILE, directions=code.directions)
    return path
