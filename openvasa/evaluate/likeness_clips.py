"""The held-out clips that likeness is judged on: what moved in them, what was said, who it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openvasa.audio.level import speech_gain
from openvasa.data.clip_list import Clip, Kind, Split
from openvasa.data.prepare import Track, cached_clips, clip_samples, load_track
from openvasa.errors import InputError
from openvasa.face.canonical import TURN
from openvasa.face.dynamics import dynamics_code
from openvasa.face.encode import encode_picture
from openvasa.face.latent import FaceLatent
from openvasa.face.topology import CHIN, FOREHEAD_TOP
from openvasa.media.inspect import read_frames
from openvasa.motion.rest import head_poses, resting_shape, smooth_shape
from openvasa.motion.row import Row
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE

LEAST_SECONDS = 2.0
LEAST_FACE_PX = 100.0
"""Smaller faces, in px of the clip, tremble more in the track than they move."""
LEAST_SEEN = 0.98
"""Share of frames in which the tracker found the face."""

_TURN = np.radians(10.0)
"""Turn of the head that makes a frame as little neutral as one deviation of the face."""

NEUTRAL, FIRST = "neutral portrait", "first frame"


@dataclass(frozen=True)
class HeldOut:
    """One clip of a person never trained on.

    Attributes:
        clip: its line of the clip list.
        track: what the tracker saw, T frames at 25 fps.
        rows: (T, 6 + D) float32, the same as motion against the person's rest.
        sound: (n,) float32 levelled samples at 16 kHz.
        neutral: number of the most neutral frame.
    """

    clip: Clip
    track: Track
    rows: np.ndarray
    sound: np.ndarray
    neutral: int


def choose_clips(
    cache: Path, folder: Path, count: int | None = None, seconds: float | None = None
) -> list[HeldOut]:
    """Held-out clips with sound and large enough faces; different people come first.

    Args:
        cache: of `openvasa data prepare`; its tracks of real clips are used.
        folder: the clips it was made from, for their sound.
        count: at most so many clips; all where None.
        seconds: at most so much of each clip's beginning.

    Raises:
        InputError: there is no such clip.
    """
    found: list[tuple[int, Clip, Track]] = []
    known = Counter[str]()
    for clip in cached_clips(cache):
        if clip.split != Split.TEST or clip.kind != Kind.REAL or not clip.sound:
            continue
        track = load_track(cache, clip)
        if _is_fit(track):
            found.append((known[clip.group], clip, track))
            known[clip.group] += 1
    if not found:
        raise InputError(
            f"{cache}: holds no clip of a held-out person with sound, {LEAST_SECONDS:g} s and a "
            f"face of {LEAST_FACE_PX:g} px; prepare some (docs/data.md)"
        )
    found.sort(key=lambda entry: entry[0])
    return [_hold_out(clip, track, folder, seconds) for _, clip, track in found[:count]]


def _is_fit(track: Track) -> bool:
    if len(track.valid) < LEAST_SECONDS * MOTION_RATE or track.valid.mean() < LEAST_SEEN:
        return False
    heights = np.linalg.norm(track.canonical[:, FOREHEAD_TOP] - track.canonical[:, CHIN], axis=1)
    return float(np.median(heights * track.scale)) >= LEAST_FACE_PX


def _hold_out(clip: Clip, track: Track, folder: Path, seconds: float | None) -> HeldOut:
    if seconds is not None:
        track = cut_track(track, round(seconds * MOTION_RATE))
    rows = rows_of_track(track)
    samples = clip_samples(folder / f"{clip.name}.mp4")[: len(rows) * FRAME_SAMPLES]
    sound = samples * np.float32(speech_gain([samples]))
    return HeldOut(clip, track, rows, sound, neutral_frame(rows))


def cut_track(track: Track, frames: int) -> Track:
    """The first frames of a track."""
    return Track(**{name: values[:frames] for name, values in vars(track).items()})


def rows_of_track(track: Track) -> np.ndarray:
    """(T, 6 + D) float32 motion of a track, against the rest that the track itself shows."""
    code = dynamics_code()
    shape = smooth_shape(track.canonical)
    codes = code.encode(shape - resting_shape(shape, code.mouth_share))
    poses = head_poses(track.rotation, track.translation, track.scale)
    return Row(poses, codes).join()


def neutral_frame(rows: np.ndarray) -> int:
    """Number of the frame in which face and head are nearest to the clip's rest."""
    row = Row.split(rows)
    face = (row.codes**2).mean(axis=1)
    head = (row.pose[:, TURN] ** 2).sum(axis=1) / _TURN**2
    return int(np.argmin(face + head))


def encode_portraits(held: HeldOut, folder: Path) -> dict[str, FaceLatent]:
    """The clip's first and its most neutral frame as portraits.

    Raises:
        InputError: a frame is no usable portrait.
    """
    wanted = {NEUTRAL: held.neutral, FIRST: 0}
    name = f"{held.clip.name}.mp4"
    frames = dict.fromkeys(wanted.values())
    for number, frame in enumerate(read_frames(folder / name)):
        if number in frames:
            frames[number] = frame
    pictures = {portrait: frames[number] for portrait, number in wanted.items()}
    return {
        portrait: encode_picture(picture, name=f"{name}, {portrait}")
        for portrait, picture in pictures.items()
        if picture is not None
    }
