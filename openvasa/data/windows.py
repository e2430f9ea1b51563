"""Windows of normalised motion and speech features for training the motion generator."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d
from tqdm import tqdm

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.audio.speech_encoder import SpeechEncoder
from openvasa.data.prepare import Clip, cached_clips, load_track, load_voices
from openvasa.data.shapes import mirrored, mouth_share
from openvasa.data.voices import LIVE_CONTEXT, LIVE_FRAMES, Voice
from openvasa.face.dynamics import DynamicsCode, dynamics_code, lip_gap
from openvasa.face.topology import LEFT_BROW, POINTS, RIGHT_BROW, RIGHT_IRIS
from openvasa.maths import smoothstep
from openvasa.motion.controls import (
    DISTANCE,
    EMOTION,
    EMOTIONS,
    GAZE,
    emotion_directions,
    eye_turn,
    read_controls,
)
from openvasa.motion.motion import POSE_DIM, interpolate
from openvasa.motion.rest import head_poses, resting_shape, smooth_shape
from openvasa.motion.steer import turn_heads
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE, SAMPLE_RATE

_SHIPPED = MoonshineEncoder()

POSE_MIRROR = np.array([1, -1, -1, -1, 1, 1], np.float32)
"""Signs of head pose in a mirrored picture."""

STYLE_NAMES = ("mouth", "head", "brows", "gaze")
"""Speaking style: log amplitude of each, per clip, normalised over the training clips."""

CONTROL_SMOOTHING = 12.0
"""Deviation (frames) of the Gaussian that tells main gaze and emotion from passing ones."""

SILENCE_LEVELS = (0.0, 1e-4, 5e-4, 1e-3)
"""RMS of what passes for silence: digital, or faint noise."""

CLOSING_FRAMES, OPENING_FRAMES = 6, 4
"""How long a mouth takes to close into a pause, and to open out of it."""


@dataclass(frozen=True)
class Rendition:
    """A clip played at its voice's speed, as the generator sees it.

    Attributes:
        motion: (T, 6 + D) float32 head pose and dynamics, not normalised.
        controls: (T, CONTROL_DIM) float32 gaze, distance and emotion shown, slowly varying.
        mouth_rest: (T,) float32 in 0–1, how far the mouth rests where the voice is silenced.
        voice: speech features, or None where the clip has no sound.
    """

    motion: np.ndarray
    controls: np.ndarray
    mouth_rest: np.ndarray
    voice: Voice | None


@dataclass(frozen=True)
class TalkingClip:
    """One clip as the generator sees it.

    Attributes:
        clip: the line of the clip list.
        renditions: the clip as it is, then with other voices.
        style: (4,) float32 log amplitudes, in the order of `STYLE_NAMES`.
    """

    clip: Clip
    renditions: list[Rendition]
    style: np.ndarray

    @property
    def motion(self) -> np.ndarray:
        """(T, 6 + D) float32 motion of the clip as it is."""
        return self.renditions[0].motion

    @property
    def speech(self) -> np.ndarray:
        """(T, dim) float32 whole-file features of the clip as it is."""
        voice = self.renditions[0].voice
        assert voice is not None
        return voice.speech.astype(np.float32)


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
    if len(track.valid) < MOTION_RATE or track.valid.mean() < 0.98:
        return None
    shapes = smooth_shape(track.canonical)
    shapes = shapes - resting_shape(shapes, mouth_share())
    pose = head_poses(track.rotation, track.translation, track.scale)
    if np.abs(pose[:, :3]).max() > 0.7:
        return None
    motion = np.hstack([pose, code.encode(shapes)]).astype(np.float32)
    voices = load_voices(cache, clip)
    renditions = [rendition(motion, voice) for voice in voices or [None]]
    return TalkingClip(clip, renditions, clip_style(pose, shapes))


def rendition(motion: np.ndarray, voice: Voice | None) -> Rendition:
    """A clip's motion at the speed of one of its voices, cut to what both last."""
    if voice is None:
        return Rendition(motion, shown_controls(motion), np.zeros(len(motion), np.float32), None)
    if voice.speed != 1.0:
        # Frame i of the rendition is heard around (i + 1/2) speed of the clip's frames.
        at = (np.arange(int(len(motion) / voice.speed)) + 0.5) * voice.speed - 0.5
        motion = interpolate(motion, at).astype(np.float32)
    count = min(len(motion), len(voice.speech))
    motion, rest = motion[:count], mouth_rest(voice.silenced[:count])
    return Rendition(motion, shown_controls(motion), rest, voice)


def shown_controls(motion: np.ndarray) -> np.ndarray:
    """(T, CONTROL_DIM) float32 controls that (T, 6 + D) motion shows, over about two seconds."""
    shown = read_controls(motion[:, :POSE_DIM], motion[:, POSE_DIM:])
    return gaussian_filter1d(shown, CONTROL_SMOOTHING, axis=0, mode="nearest")


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
    return smoothstep(0, 1, np.minimum(closing, opening)).astype(np.float32)


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


def live_silence(rng: np.random.Generator, encoder: SpeechEncoder = _SHIPPED) -> np.ndarray:
    """(LIVE_CONTEXT + longest live window, dim) features of silence, heard live."""
    frames = encoder.past + LIVE_FRAMES[-1]
    samples = rng.standard_normal(frames * FRAME_SAMPLES).astype(np.float32)
    samples *= np.float32(rng.choice(SILENCE_LEVELS))
    return encoder.segment(samples, first=encoder.past - LIVE_CONTEXT)


def silence_features(
    frames: int, rng: np.random.Generator, encoder: SpeechEncoder = _SHIPPED
) -> np.ndarray:
    """(frames, dim) features of digital silence or of faint noise."""
    level = rng.choice(SILENCE_LEVELS)
    samples = rng.standard_normal((frames * SAMPLE_RATE) // MOTION_RATE).astype(np.float32) * level
    return np.concatenate(list(encoder.stream([samples])))[:frames]


@lru_cache(maxsize=2)
def _silences(frames: int) -> list[np.ndarray]:
    """Eight silences of so many frames, always the same."""
    rng = np.random.default_rng(0)
    return [silence_features(frames, rng) for _ in range(8)]


@lru_cache(maxsize=1)
def _live_silences() -> list[np.ndarray]:
    """32 silences heard live, always the same."""
    rng = np.random.default_rng(0)
    return [live_silence(rng) for _ in range(32)]


@dataclass(frozen=True)
class Augmentation:
    """How training windows are changed.

    Attributes:
        silence: share of windows that hear nothing, mouth at rest.
        pause: share of windows with stretches silenced, mouth at rest there.
        gaze, distance, emotion: share of windows with a made-up gaze, distance or emotion on top
            of what the person shows.
        generated: how often a clip made by another system is drawn against a real one.
    """

    silence: float = 0.15
    pause: float = 0.4
    gaze: float = 0.4
    distance: float = 0.4
    emotion: float = 0.35
    generated: float = 0.6


@dataclass(frozen=True)
class Batch:
    """Training windows of context and n frames, each array with a leading batch axis.

    `inside` (B, n) is 1 where a window's frames lie within the clip; the others are padding. For
    the rest see `MotionNetwork.forward`.
    """

    motion: np.ndarray
    style: np.ndarray
    controls: np.ndarray
    speech: np.ndarray
    has_audio: np.ndarray
    has_context: np.ndarray
    inside: np.ndarray


@dataclass
class WindowSampler:
    """Draws training windows: context and window of motion, speech and controls of one clip."""

    clips: list[TalkingClip]
    normaliser: Normaliser
    context: int
    window: int
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        """Precompute what every draw needs."""
        code = dynamics_code()
        self._mirror = mirror_matrix(code)
        self._mouth_rest = mouth_rest_matrix(code)
        self._silence = _silences(4 * (self.context + self.window))
        self._live_silence = _live_silences()
        weights = np.array(
            [
                len(c.motion) * (1.0 if c.clip.kind == "real" else self.augmentation.generated)
                for c in self.clips
            ]
        )
        self._chances = weights / weights.sum()
        heard = np.array([c.renditions[0].voice is not None for c in self.clips])
        self._live_chances = weights * heard / (weights * heard).sum()

    def whole(self, size: int, rng: np.random.Generator) -> Batch:
        """A batch of windows as in whole files, `context` + `window` frames each."""
        return _stack([self._draw_whole(rng) for _ in range(size)])

    def live(self, size: int, rng: np.random.Generator) -> Batch:
        """A batch of short windows as in live streams, all of one length."""
        frames = int(rng.choice(LIVE_FRAMES))
        return _stack([self._draw_live(frames, rng) for _ in range(size)])

    def _draw_whole(self, rng: np.random.Generator) -> tuple[np.ndarray | float, ...]:
        frames = self.context + self.window
        clip = self.clips[rng.choice(len(self.clips), p=self._chances)]
        take = clip.renditions[rng.integers(len(clip.renditions))]
        motion, voice = take.motion, take.voice
        # A window may begin before the clip does: its first frames then have no context, as at
        # run time. It never reaches past the end.
        first = -self.context
        start = int(rng.integers(first, max(len(motion) - frames, first) + 1))
        rows = np.clip(np.arange(start, start + frames), 0, len(motion) - 1)
        paused = voice is not None and rng.random() < self.augmentation.pause
        if voice is None:
            speech = np.zeros((frames, self._silence[0].shape[1]), np.float32)
        else:
            speech = (voice.paused if paused else voice.speech)[rows].astype(np.float32)
        rest = take.mouth_rest[rows] if paused else np.zeros(frames, np.float32)
        has_audio = float(voice is not None)
        if not paused and rng.random() < self.augmentation.silence:
            at = int(rng.integers(0, 3 * frames))
            speech = self._silence[rng.integers(len(self._silence))][at : at + frames]
            rest, has_audio = np.ones(frames, np.float32), 1.0
        # Context that begins before the clip does is padded, as at run time.
        has_context = float(start + self.context > 0)
        window = motion[rows], take.controls[rows], rest
        inside = (np.arange(start + self.context, start + frames) < len(motion)).astype(np.float32)
        return *self._changed(window, clip.style, rng), speech, has_audio, has_context, inside

    def _draw_live(self, frames: int, rng: np.random.Generator) -> tuple[np.ndarray | float, ...]:
        while True:
            clip = self.clips[rng.choice(len(self.clips), p=self._live_chances)]
            take = clip.renditions[rng.integers(len(clip.renditions))]
            assert take.voice is not None
            fitting = np.flatnonzero(
                (take.voice.live_frames == frames)
                & (take.voice.live_start + frames <= len(take.motion))
            )
            if len(fitting):
                break
        voice, pick = take.voice, fitting[rng.integers(len(fitting))]
        start = int(voice.live_start[pick])
        rows = np.clip(np.arange(start - self.context, start + frames), 0, len(take.motion) - 1)
        skipped = LIVE_CONTEXT - self.context
        speech = voice.live[pick, skipped : LIVE_CONTEXT + frames].astype(np.float32)
        paused = bool(voice.live_paused[pick])
        rest = take.mouth_rest[rows] if paused else np.zeros(len(rows), np.float32)
        if not paused and rng.random() < self.augmentation.silence:
            heard = self._live_silence[rng.integers(len(self._live_silence))]
            speech = heard[skipped : LIVE_CONTEXT + frames]
            rest = np.ones(len(rows), np.float32)
        window = take.motion[rows], take.controls[rows], rest
        inside = np.ones(frames, np.float32)
        return *self._changed(window, clip.style, rng), speech, 1.0, float(start > 0), inside

    def _changed(
        self,
        window: tuple[np.ndarray, np.ndarray, np.ndarray],
        style: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rest the mouth, mirror, steer and normalise one window: motion, style, controls."""
        motion, controls, rest = window
        pose, codes = motion[:, :POSE_DIM].copy(), motion[:, POSE_DIM:]
        controls = controls.copy()
        codes = codes + rest[:, None] * (codes @ self._mouth_rest - codes)
        if rng.random() < 0.5:
            pose, codes = pose * POSE_MIRROR, codes @ self._mirror
            controls[:, 0] *= -1
        if rng.random() < 0.5:
            # A steady control is what users mostly give; the model must know it, too.
            controls[:] = controls.mean(axis=0)
        if rng.random() < self.augmentation.gaze:
            turn = rng.uniform(-1, 1, 2) * np.radians([28, 18])
            head = turn * rng.uniform([0.25, 0.5], [0.7, 0.85])
            pose, codes = (
                turn_heads(pose, np.tile(head, (len(pose), 1))),
                codes + eye_turn(turn - head),
            )
            controls[:, GAZE] += turn.astype(np.float32)
        if rng.random() < self.augmentation.distance:
            away = np.float32(rng.uniform(-0.35, 0.35))
            pose[:, 5] += away
            controls[:, DISTANCE] += away
        if rng.random() < self.augmentation.emotion:
            amounts = np.zeros(len(EMOTIONS), np.float32)
            amounts[rng.integers(len(EMOTIONS))] = rng.uniform(0.1, 1.0)
            codes = codes + amounts @ emotion_directions()
            controls[:, EMOTION] = np.clip(controls[:, EMOTION] + amounts, 0, 1)
        motion = (np.hstack([pose, codes]) - self.normaliser.mean) / self.normaliser.deviation
        style = (style - self.normaliser.style_mean) / self.normaliser.style_deviation
        return motion, style, controls


def _stack(windows: list[tuple[np.ndarray | float, ...]]) -> Batch:
    return Batch(*(np.asarray(part, np.float32) for part in zip(*windows, strict=True)))


def points_matrix(code: DynamicsCode, points: np.ndarray) -> np.ndarray:
    """(D, 2 n) float32: codes → x and y of n points, canonical units."""
    assert code.basis.shape[1] == POINTS
    return code.basis[:, points, :2].reshape(code.size, -1)
