"""Stretches of clips in which people listen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openvasa.data.clip_list import Split, read_clip_list, read_rows
from openvasa.data.prepare import clip_samples, track_file
from openvasa.data.talking_clips import load_talking_clip
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE


@dataclass(frozen=True)
class ListeningStretch:
    """One stretch in which a face keeps its mouth still while somebody else speaks.

    Attributes:
        clip: name of the clip.
        motion: (T, 6 + D) float32.
        heard: (T * 640,) float32 sound of the clip, or of the other side where there is one; None
            where it has none.
    """

    clip: str
    motion: np.ndarray
    heard: np.ndarray | None


def listening_stretches(
    cache: Path, clips: Path, splits: tuple[Split, ...]
) -> list[ListeningStretch]:
    """All usable stretches of the clips of some splits.

    Raises:
        InputError: there are none.
    """
    listed = {clip.name: clip for clip in read_clip_list(cache) if clip.split in splits}
    found = []
    for row in read_rows(cache):
        clip, spans = listed.get(Path(row["file"]).stem), row.get("listen_spans")
        if spans is None and row.get("role") == "listen":
            spans = [[0.0, row["seconds"]]]
        if clip is None or not spans or not track_file(cache, clip).exists():
            continue
        talking = load_talking_clip(cache, clip, dynamics_code())
        if talking is None:
            continue
        sound = clip_samples(clips / (row.get("partner") or row["file"])) if row["sound"] else None
        for start, end in spans:
            found.append(_cut(clip.name, talking.motion, sound, start, end))
    if not found:
        raise InputError(f"{cache}: holds nobody who listens; the clip list needs listen_spans")
    return found


def _cut(
    name: str, motion: np.ndarray, sound: np.ndarray | None, start: float, end: float
) -> ListeningStretch:
    first, last = round(start * MOTION_RATE), min(round(end * MOTION_RATE), len(motion))
    if sound is not None:
        last = min(last, len(sound) // FRAME_SAMPLES)
        sound = sound[first * FRAME_SAMPLES : last * FRAME_SAMPLES]
    return ListeningStretch(name, motion[first:last], sound)
