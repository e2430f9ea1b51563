"""Fit what can be fitted of listening: nods and brows of people who listen, smiles in voices.

    openvasa train listening CACHE CLIPS

Half a minute of listening says how deep and how quick nods are, no more. Voices are plenty: the
smile of people who speak is read from the spectrum of their own voice, clip by clip against the
clip's mean, and judged on people left out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from scipy.signal import butter, find_peaks, sosfiltfilt
from tqdm import tqdm

from openvasa.audio.level import level_speech
from openvasa.audio.prosody import BANDS, PITCH_MARGIN, band_levels, log_level, voicing_and_pitch
from openvasa.data.clip_list import Clip, Kind, Split
from openvasa.data.listeners import ListeningStretch, listening_stretches
from openvasa.data.prepare import cached_clips, load_sound
from openvasa.data.talking_clips import load_talking_clip
from openvasa.face.canonical import PITCH
from openvasa.face.dynamics import dynamics_code
from openvasa.face.landmarker import BLENDSHAPE_NAMES, find_blendshapes
from openvasa.motion.listening.ear import VOICED
from openvasa.motion.listening.numbers import LISTENING_FILE, Fitted, ListeningNumbers
from openvasa.motion.row import Row
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE

NOD_HZ = (0.8, 4.0)
"""Nods of listeners lie between (Hadar, Steiner & Rose, Journal of Nonverbal Behavior 9, 1985)."""
LEAST_NOD = np.radians(0.3)
"""A peak less high than this is no nod."""
RIDGE = 0.05
FOLDS = 5
READ_EVERY = 5


@dataclass(frozen=True)
class _Speaker:
    """What is read of one clip: (n, BANDS + 1) tones and (n, 2) smile and raised brows, both
    against the clip's mean."""

    group: str
    tones: np.ndarray
    face: np.ndarray


def train(cache: Path, clips: Path, target: Path = LISTENING_FILE) -> dict[str, object]:
    """Fit and write the numbers; returns what was written."""
    stretches = listening_stretches(cache, clips, (Split.TRAIN,))
    read = (_read(cache, clip) for clip in tqdm(_talking_clips(cache), desc="voices"))
    speakers = [speaker for speaker in read if speaker is not None]
    smile, smile_r = _fit(speakers, slice(0, BANDS), 0)
    brow, brow_r = _fit(speakers, slice(BANDS, BANDS + 1), 1)
    depth, period = fit_nods(stretches)
    fitted = Fitted(
        nod_depth=(round(depth[0], 4), round(depth[1], 4)),
        nod_s=round(period, 2),
        brow_raise=round(fit_brow_raise(stretches), 3),
        smile_weights=tuple(round(float(w), 5) for w in smile),
        brow_weight=round(float(brow[0]), 5),
    )
    content = {
        "fitted": asdict(fitted),
        "judged": {
            "smile_r_on_people_left_out": round(smile_r, 3),
            "brow_r_on_people_left_out": round(brow_r, 3),
            "voices": len(speakers),
            "listening_s": round(sum(len(s.motion) for s in stretches) / MOTION_RATE, 1),
            "stretches": len(stretches),
        },
    }
    assert set(content["fitted"]) == {f.name for f in fields(Fitted)}
    target.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return content


def fit_nods(stretches: list[ListeningStretch]) -> tuple[tuple[float, float], float]:
    """Usual and deep nod of people who listen, rad from top to bottom, and s between two."""
    band = butter(2, NOD_HZ, "bandpass", fs=MOTION_RATE, output="sos")
    depths, apart = [], []
    for stretch in stretches:
        if len(stretch.motion) < MOTION_RATE:
            continue
        pitch = sosfiltfilt(band, stretch.motion[:, PITCH])
        peaks = find_peaks(pitch, prominence=LEAST_NOD)[0]
        depths += list(2 * pitch[peaks])
        apart += list(np.diff(peaks) / MOTION_RATE)
    usual, deep = np.quantile(depths, [0.5, 0.9])
    return (float(usual), float(deep)), float(np.median(apart))


def fit_brow_raise(stretches: list[ListeningStretch]) -> float:
    """How far the raised brows of people who listen get over their usual.

    Most stretches hold no raise at all: it is the 90th percentile of the stretches' largest.
    """
    column = BLENDSHAPE_NAMES.index("browInnerUp")
    brows = [dynamics_code().read_arkit(Row.split(s.motion).codes)[:, column] for s in stretches]
    return float(np.quantile([brow.max() - np.median(brow) for brow in brows], 0.9))


def _talking_clips(cache: Path) -> list[Clip]:
    clips = [clip for clip in cached_clips(cache) if clip.sound and clip.kind == Kind.REAL]
    return [clip for clip in clips if clip.split == Split.TRAIN]


def _read(cache: Path, clip: Clip) -> _Speaker | None:
    code = dynamics_code()
    talking = load_talking_clip(cache, clip, code)
    if talking is None:
        return None
    sound = load_sound(cache, clip)
    sound = level_speech(sound)
    count = min(len(talking.motion), len(sound) // FRAME_SAMPLES)
    sound = sound[: count * FRAME_SAMPLES]
    voiced = voicing_and_pitch(np.pad(sound, PITCH_MARGIN), count)[:, 0] > VOICED
    frames = sound.reshape(count, FRAME_SAMPLES)
    weights = read_smile_and_brows(talking.motion[:count])
    values = np.column_stack([band_levels(frames), log_level(frames), weights])
    means = _fading_mean(values, voiced)
    seen = np.convolve(voiced, np.ones(MOTION_RATE))[:count] > MOTION_RATE / 3
    memory = round(ListeningNumbers.smile_memory_s * MOTION_RATE)
    kept = seen & (np.arange(count) >= memory) & (np.arange(count) % READ_EVERY == 0)
    if kept.sum() < READ_EVERY:
        return None
    means = means[kept] - means[kept].mean(axis=0)
    return _Speaker(clip.group, means[:, : BANDS + 1], means[:, BANDS + 1 :])


def read_smile_and_brows(motion: np.ndarray) -> np.ndarray:
    """(T, 6 + D) → (T, 2): mean of both sides of the smile, and the raised inner brows."""
    shapes = dynamics_code().read_arkit(Row.split(motion).codes)
    actions = ("mouthSmile", "browInnerUp")
    return np.stack([shapes[:, find_blendshapes(a)].mean(axis=1) for a in actions], axis=1)


def _fading_mean(values: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """(T, m) mean over the voiced frames so far, as the ear takes it."""
    kept = np.exp(-1 / (ListeningNumbers.smile_memory_s * MOTION_RATE))
    means, total, count = np.zeros_like(values), np.zeros(values.shape[1]), 1e-3
    for frame, value in enumerate(values):
        if voiced[frame]:
            total, count = kept * total + value, kept * count + 1
        means[frame] = total / count
    return means


def _fit(speakers: list[_Speaker], columns: slice, face: int) -> tuple[np.ndarray, float]:
    """Weights at the spread of the face, and the correlation on people left out."""
    groups = sorted({s.group for s in speakers})
    fold = {group: index % FOLDS for index, group in enumerate(groups)}
    read, real = [], []
    for out in range(FOLDS):
        weights = _ridge([s for s in speakers if fold[s.group] != out], columns, face)
        for speaker in (s for s in speakers if fold[s.group] == out):
            read.append(speaker.tones[:, columns] @ weights)
            real.append(speaker.face[:, face])
    r = float(np.corrcoef(np.concatenate(read), np.concatenate(real))[0, 1])
    # A prediction is shrunk by its correlation; what is shown should spread as faces do.
    return _ridge(speakers, columns, face) / r, r


def _ridge(speakers: list[_Speaker], columns: slice, face: int) -> np.ndarray:
    tones = np.concatenate([s.tones[:, columns] for s in speakers])
    wanted = np.concatenate([s.face[:, face] for s in speakers])
    spread = tones.std(axis=0)
    scaled = tones / spread
    gram = scaled.T @ scaled + RIDGE * len(scaled) * np.eye(scaled.shape[1])
    return np.linalg.solve(gram, scaled.T @ wanted) / spread
