"""The held-out clips that likeness is judged on: what moved in them, what was said, who it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from openvasa.audio.level import level_speech
from openvasa.data.clip_list import Clip, Kind, Split
from openvasa.data.prepare import Track, cached_clips, clip_samples, load_track
from openvasa.data.redraw import (
    LEAST_FACE_PX,
    LEAST_SECONDS,
    cut_track,
    encode_frames,
    is_fit,
    neutral_frame,
    rows_of_track,
)
from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE

NEUTRAL, FIRST = "neutral portrait", "first frame"
PEOPLE = MappingProxyType({Split.TEST: "held-out people", Split.TRAIN: "people learnt from"})


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
    cache: Path,
    folder: Path,
    count: int | None = None,
    seconds: float | None = None,
    split: Split = Split.TEST,
) -> list[HeldOut]:
    """Clips with sound and large enough faces; different people come first.

    Args:
        cache: of `openvasa data prepare`; its tracks of real clips are used.
        folder: the clips it was made from, for their sound.
        count: at most so many clips; all where None.
        seconds: at most so much of each clip's beginning.
        split: which people, held-out ones or those that were learnt from.

    Raises:
        InputError: there is no such clip.
    """
    found: list[tuple[int, Clip, Track]] = []
    known = Counter[str]()
    for clip in cached_clips(cache):
        if clip.split != split or clip.kind != Kind.REAL or not clip.sound:
            continue
        track = load_track(cache, clip)
        if is_fit(track):
            found.append((known[clip.group], clip, track))
            known[clip.group] += 1
    if not found:
        raise InputError(
            f"{cache}: holds no clip of {PEOPLE[split]} with sound, {LEAST_SECONDS:g} s and a "
            f"face of {LEAST_FACE_PX:g} px; prepare some (docs/data.md)"
        )
    found.sort(key=lambda entry: entry[0])
    return [_hold_out(clip, track, folder, seconds) for _, clip, track in found[:count]]


def _hold_out(clip: Clip, track: Track, folder: Path, seconds: float | None) -> HeldOut:
    if seconds is not None:
        track = cut_track(track, round(seconds * MOTION_RATE))
    rows = rows_of_track(track)
    samples = clip_samples(folder / f"{clip.name}.mp4")[: len(rows) * FRAME_SAMPLES]
    sound = level_speech(samples)
    return HeldOut(clip, track, rows, sound, neutral_frame(rows))


def exchange_motion(clips: Sequence[HeldOut]) -> list[np.ndarray] | None:
    """(T, 6 + D) real motion of another person for each clip: of the next longer clip, or of the
    longest. None where all clips show one person."""
    if len({held.clip.group for held in clips}) < 2:
        return None
    order = sorted(range(len(clips)), key=lambda index: len(clips[index].rows))
    found = [clip.rows for clip in clips]
    for place, index in enumerate(order):
        held = clips[index]
        following = (clips[i] for i in order[place + 1 :] + order[:place][::-1])
        other = next(o for o in following if o.clip.group != held.clip.group)
        found[index] = other.rows[: len(held.rows)]
    return found


def encode_portraits(held: HeldOut, folder: Path) -> dict[str, FaceLatent]:
    """The clip's first and its most neutral frame as portraits.

    Raises:
        InputError: a frame is no usable portrait.
    """
    return encode_frames(folder / f"{held.clip.name}.mp4", {NEUTRAL: held.neutral, FIRST: 0})
