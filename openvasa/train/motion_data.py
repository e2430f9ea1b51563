"""Windows of normalised motion and speech features for training the motion generator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.audio.features import FEATURE_DIM, FPS, SAMPLE_RATE, speech_features
from openvasa.face.dynamics import DynamicsCode, dynamics_code, lip_gap
from openvasa.face.topology import LEFT_BROW, POINTS, RIGHT_BROW, RIGHT_IRIS
from openvasa.motion.motion import POSE_DIM
from openvasa.train.dynamics import mirrored, mouth_share
from openvasa.train.prepare import Clip, cached_clips, load_track
from openvasa.train.rest import head_poses, resting_shape, smooth_shape

POSE_MIRROR = np.array([1, -1, -1, -1, 1, 1], np.float32)
"""Signs of head pose in a mirrored picture."""

STYLE_NAMES = ("mouth", "head", "brows", "gaze")
"""Speaking style: log amplitude of each, per clip, normalised over the training clips."""

CLOSING_FRAMES, OPENING_FRAMES = 6, 4
"""How long a mouth takes to close into a pause, and to open out of it."""


@dataclass(frozen=True)
class TalkingClip:
    """One clip as the generator sees it.

    Attributes:
        clip: the line of the clip list.
        motion: (T, 6 + D) float32 head pose and dynamics, not normalised.
        speech: (T, FEATURE_DIM) float32, zeros where the clip has no sound.
        style: (4,) float32 log amplitudes, in the order of `STYLE_NAMES`.
        paused: (T, FEATURE_DIM) float32, the speech with stretches silenced.
        mouth_rest: (T,) float32 in 0–1, how far the mouth rests because of them.
    """

    clip: Clip
    motion: np.ndarray
    speech: np.ndarray
    style: np.ndarray
    paused: np.ndarray
    mouth_rest: np.ndarray


@dataclass(frozen=True)
class Normaliser:
    """Mean and deviation of motion (6 + D,) and style (4,) over the training clips."""

    mean: np.ndarray
    deviation: np.ndarray
    style_mean: np.ndarray
    style_deviation: np.ndarray


def clip_style(pose: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """(4,) log amplitudes of mouth opening, head turning, brows and gaze."""
    brows = shapes[:, np.concatenate([RIGHT_BROW, LEFT_BROW]), 1].mean(axis=1)
    gaze = shapes[:, RIGHT_IRIS[0], :2]
    turning = np.linalg.norm(np.diff(pose[:, :3], axis=0), axis=1).mean()
    amplitudes = [lip_gap(shapes).std(), turning, brows.std(), gaze.std(axis=0).sum()]
    return np.log(np.array(amplitudes, np.float32) + 1e-3).astype(np.float32)


def load_talking_clip(cache: Path, clip: Clip, code: DynamicsCode) -> TalkingClip | None:
    """Read one clip, or None where the face is lost in it or it is shorter than a second."""
    track = load_track(cache, clip)
    if len(track.valid) < FPS or track.valid.mean() < 0.98:
        return None
    shapes = smooth_shape(track.canonical)
    shapes = shapes - resting_shape(shapes, mouth_share())
    pose = head_poses(track)
    if np.abs(pose[:, :3]).max() > 0.7:
        return None
    motion = np.hstack([pose, code.encode(shapes)]).astype(np.float32)
    silent = np.zeros((len(motion), FEATURE_DIM), np.float32)
    if track.speech is None or track.paused is None or track.silenced is None:
        speech = paused = silent
        rest = np.zeros(len(motion), np.float32)
    else:
        speech, paused, rest = track.speech, track.paused, mouth_rest(track.silenced)
    return TalkingClip(clip, motion, speech, clip_style(pose, shapes), paused, rest)


def mouth_rest(silenced: np.ndarray) -> np.ndarray:
    """(T,) bool silence → (T,) float32 share of rest: a mouth closes into a pause with a delay,
    and opens a little before the voice comes back."""
    count = len(silenced)
    closing, opening = np.zeros(count), np.zeros(count)
    for frame in range(count):
        before = closing[frame - 1] if frame else 0.0
        closing[frame] = min(1, before + 1 / CLOSING_FRAMES) if silenced[frame] else 0
    for frame in reversed(range(count)):
        after = opening[frame + 1] if frame + 1 < count else 1.0
        opening[frame] = min(1, after + 1 / OPENING_FRAMES) if silenced[frame] else 0
    amount = np.minimum(closing, opening)
    return (amount * amount * (3 - 2 * amount)).astype(np.float32)


def load_clips(cache: Path, split: str, kinds: tuple[str, ...] = ("real",)) -> list[TalkingClip]:
    """All usable clips of a split."""
    code = dynamics_code()
    listed = [c for c in cached_clips(cache) if c.split == split and c.kind in kinds]
    loaded = (load_talking_clip(cache, c, code) for c in tqdm(listed, desc=f"reading {split}"))
    return [c for c in loaded if c is not None]


def fit_normaliser(clips: list[TalkingClip]) -> Normaliser:
    """Mean and deviation over the clips' frames and, of the style, over clips."""
    motion = np.concatenate([c.motion for c in clips])
    styles = np.stack([c.style for c in clips])
    return Normaliser(
        motion.mean(axis=0), motion.std(axis=0), styles.mean(axis=0), styles.std(axis=0)
    )


def mirror_matrix(code: DynamicsCode) -> np.ndarray:
    """(D, D) float32: codes of the mirrored shape are `codes @ matrix`."""
    return code.encode(mirrored(code.basis))


def mouth_rest_matrix(code: DynamicsCode) -> np.ndarray:
    """(D, D) float32: `codes @ matrix` has mouth and jaw at rest and the rest of the face as is."""
    return code.encode(code.basis * (1 - mouth_share())[:, None])


def silence_features(frames: int, rng: np.random.Generator) -> np.ndarray:
    """(frames, FEATURE_DIM) features of digital silence or of faint noise."""
    level = rng.choice([0.0, 1e-4, 5e-4, 1e-3])
    samples = rng.standard_normal((frames * SAMPLE_RATE) // FPS).astype(np.float32) * level
    return np.concatenate(list(speech_features([samples])))[:frames]


@dataclass
class WindowSampler:
    """Draws training windows: (context + window) frames of motion and speech of one clip."""

    clips: list[TalkingClip]
    normaliser: Normaliser
    frames: int
    context: int
    silence_share: float = 0.15
    pause_share: float = 0.4
    seed: int = 0

    def __post_init__(self) -> None:
        """Precompute what every draw needs."""
        code = dynamics_code()
        self._mirror = mirror_matrix(code)
        self._mouth_rest = mouth_rest_matrix(code)
        self._rng = np.random.default_rng(self.seed)
        self._silence = [silence_features(4 * self.frames, self._rng) for _ in range(8)]
        seconds = np.array([len(c.motion) for c in self.clips], float)
        self._chances = seconds / seconds.sum()

    def _draw(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
        rng = self._rng
        clip = self.clips[rng.choice(len(self.clips), p=self._chances)]
        motion, speech, style = clip.motion, clip.speech, clip.style
        has_audio = float(clip.clip.sound)
        # A window may begin before the clip does: its first frames then have no context, as at
        # run time. It never reaches past the end.
        start = int(rng.integers(-self.context, max(len(motion) - self.frames, -self.context) + 1))
        rows = np.clip(np.arange(start, start + self.frames), 0, len(motion) - 1)
        has_context = float(start >= 0)
        pausing = has_audio and rng.random() < self.pause_share
        if pausing:
            motion, speech = self._rest_mouth(motion, clip.mouth_rest), clip.paused
        motion, speech = motion[rows], speech[rows]
        if rng.random() < 0.5:
            motion = np.hstack(
                [motion[:, :POSE_DIM] * POSE_MIRROR, motion[:, POSE_DIM:] @ self._mirror]
            )
        if not pausing and rng.random() < self.silence_share:
            at = int(rng.integers(0, 3 * self.frames))
            speech = self._silence[rng.integers(len(self._silence))][at : at + self.frames]
            motion = self._rest_mouth(motion, np.ones(self.frames, np.float32))
            has_audio = 1.0
        motion = (motion - self.normaliser.mean) / self.normaliser.deviation
        style = (style - self.normaliser.style_mean) / self.normaliser.style_deviation
        return motion, speech, style, has_audio, has_context

    def _rest_mouth(self, motion: np.ndarray, amount: np.ndarray) -> np.ndarray:
        """Motion with mouth and jaw brought to rest by (T,) amounts in 0–1."""
        codes = motion[:, POSE_DIM:]
        rested = codes + amount[:, None] * (codes @ self._mouth_rest - codes)
        return np.hstack([motion[:, :POSE_DIM], rested])

    def batch(self, size: int) -> tuple[np.ndarray, ...]:
        """(motion, speech, style, has_audio, has_context), each with a leading batch axis."""
        return tuple(
            np.asarray(part, np.float32)
            for part in zip(*(self._draw() for _ in range(size)), strict=True)
        )


def lip_points_matrix(code: DynamicsCode, points: np.ndarray) -> np.ndarray:
    """(D, 2 n) float32: codes → x and y of n points, canonical units."""
    assert code.basis.shape[1] == POINTS
    return code.basis[:, points, :2].reshape(code.size, -1)
