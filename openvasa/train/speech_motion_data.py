"""Windows of normalised motion and speech features for training the motion generator."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from openvasa.audio.speech_encoder import SpeechEncoder
from openvasa.data.clip_list import Kind, Split
from openvasa.data.held_back import held_back_people
from openvasa.data.row_code import RowCode, geometric_row_code
from openvasa.data.talking_clips import (
    POSE_MIRROR,
    Rendition,
    TalkingClip,
    load_clips,
    mouth_rest,
)
from openvasa.data.voices import LIVE_CONTEXT, LIVE_FRAMES, coloured_noise, draw_breath
from openvasa.motion.prior import MotionPrior, build_prior, measure_autocovariance
from openvasa.motion.row import Row
from openvasa.motion.window_network import MotionSpace
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE
from openvasa.train.speakers import find_speakers, fit_speakers
from openvasa.train.speech_motion_network import NetworkConfig
from openvasa.train.style_scale import StyleScale

HELD_BACK = 16
"""One of so many training people is held back."""
ORDINARY = 0.999
"""Share of frames within the largest motion that is made."""
SILENCES = 120
"""Silences that windows are drawn from; in every other one somebody breathes."""
BREATH_EVERY_SECONDS = 2.5
"""Between two breaths of a long silence, about."""
SILENCE_DBFS = (-75.0, -38.0)
"""Level of the noise in what passes for silence; a quarter of it is digital."""
PERSON_POWER = -0.4
"""Power of a person's minutes by which the chance of each is weighed: one who fills half of the
clips is not half of all people."""


def split_clips(cache: Path) -> tuple[list[TalkingClip], list[TalkingClip]]:
    """Clips of a cache to learn from, and real ones with sound of people held back."""
    clips = load_clips(cache, Split.TRAIN, (Kind.REAL, Kind.GENERATED))
    people = held_back_people((c.clip.group for c in clips if c.clip.sound), HELD_BACK)
    learnt = [clip for clip in clips if clip.clip.group not in people]
    judged = [clip for clip in clips if clip.clip.group in people and clip.clip.sound]
    return learnt, real_clips(judged)


def real_clips(clips: list[TalkingClip]) -> list[TalkingClip]:
    """Those of the clips that no other system made."""
    return [clip for clip in clips if clip.clip.kind == Kind.REAL]


@dataclass(frozen=True)
class Augmentation:
    """How training windows are drawn and changed."""

    silence: float = 0.16
    """Share of windows that hear silence only, mouth at rest."""
    unsettled: float = 0.5
    """Share of those whose mouth still moved shortly before or at the window's start: a generator
    that has seen only mouths long at rest keeps moving one that is not."""
    pause: float = 0.45
    """Share of windows with stretches silenced, mouth at rest there."""
    beginning: float = 0.06
    """Share of windows at the beginning of a clip, which know no motion before."""
    generated: float = 0.4
    """How often a clip made by another system is drawn against a real one."""
    mute: float = 0.5
    """How often a clip without sound is drawn against one with."""


@dataclass(frozen=True)
class Batch:
    """Training windows, each array with a leading batch axis; see `MotionNetwork.forward`.

    `motion` is (B, n, C) normalised; `inside` (B, n) is 1 where a frame lies within the clip.
    """

    recent: np.ndarray
    blocks: np.ndarray
    known: np.ndarray
    motion: np.ndarray
    audio: np.ndarray
    style: np.ndarray
    has_history: np.ndarray
    has_audio: np.ndarray
    inside: np.ndarray


def fit_space(
    clips: list[TalkingClip], scale: StyleScale, sizes: NetworkConfig, encoder: SpeechEncoder
) -> MotionSpace:
    """Normalisation, prior and speakers of real clips.

    Args:
        clips: real people.
        scale: of their styles.
        sizes: history and window of the network.
        encoder: made the features of the clips' voices.

    Raises:
        InputError: nobody speaks for long in them.
    """
    motions = []
    for clip in clips:
        motion = clip.motion.copy()
        Row.split(motion).pose[:] /= scale.head(clip.motion)
        motions.append(motion)
    frames = np.concatenate(motions)
    mean = frames.mean(axis=0)
    Row.split(mean).pose[:] = 0
    deviation = np.sqrt(((frames - mean) ** 2).mean(axis=0))
    largest = np.quantile(np.abs(frames - mean) / deviation, ORDINARY, axis=0)
    past = sizes.recent + sizes.block * sizes.blocks
    covariance = measure_autocovariance(
        [(motion - mean) / deviation for motion in motions], past + sizes.window
    )
    prior = build_prior(
        covariance,
        recent=sizes.recent,
        block=sizes.block,
        blocks=sizes.blocks,
        window=sizes.window,
    )
    return MotionSpace(
        mean.astype(np.float32),
        deviation.astype(np.float32),
        largest.astype(np.float32),
        prior,
        fit_speakers(find_speakers(clips, encoder), scale),
        encoder.name,
        sizes.feature_dim,
    )


@dataclass
class WindowSampler:
    """Draws training windows: history, window and speech of one clip."""

    clips: list[TalkingClip]
    space: MotionSpace
    scale: StyleScale
    encoder: SpeechEncoder
    augmentation: Augmentation = field(default_factory=Augmentation)
    silences: int = SILENCES
    """Stretches of silence that are heard and chosen from."""
    code: RowCode = field(default_factory=geometric_row_code)

    def __post_init__(self) -> None:
        """Precompute what every draw needs."""
        self._styles = [self.scale.style(clip.style_motion) for clip in self.clips]
        self._heads = [self.scale.head(clip.motion) for clip in self.clips]
        self._silences = _draw_silences(self.encoder, self._prior.recent, self.silences)
        chances = self._weigh_clips()
        heard = np.array([clip.renditions[0].voice is not None for clip in self.clips])
        self._chances = chances / chances.sum()
        self._live_chances = chances * heard / (chances * heard).sum()

    @property
    def _prior(self) -> MotionPrior:
        return self.space.prior

    def _weigh_clips(self) -> np.ndarray:
        minutes: dict[str, float] = {}
        for clip in self.clips:
            minutes[clip.clip.group] = minutes.get(clip.clip.group, 0.0) + len(clip.motion)
        rare = self.augmentation
        return np.array(
            [
                len(clip.motion)
                * minutes[clip.clip.group] ** PERSON_POWER
                * (1.0 if clip.clip.kind == Kind.REAL else rare.generated)
                * (1.0 if clip.clip.sound else rare.mute)
                for clip in self.clips
            ]
        )

    def whole(self, size: int, rng: np.random.Generator) -> Batch:
        """A batch of windows as in files."""
        return _stack([self._draw_whole(rng) for _ in range(size)])

    def live(self, size: int, rng: np.random.Generator) -> Batch:
        """A batch of short windows as in streams, all of one length."""
        frames = int(rng.choice(LIVE_FRAMES))
        return _stack([self._draw_live(frames, rng) for _ in range(size)])

    def _draw_whole(self, rng: np.random.Generator) -> tuple[np.ndarray | float, ...]:
        frames, recent = self._prior.window, self._prior.recent
        while True:
            index = int(rng.choice(len(self.clips), p=self._chances))
            take = _choose(self.clips[index].renditions, rng)
            length = len(take.motion)
            start = int(rng.integers(0, max(1, length - frames // 2)))
            if start < recent or rng.random() < self.augmentation.beginning:
                # A window knows all of the recent frames or nothing.
                start = 0 if start < recent // 2 or start >= recent else recent
            if start + frames // 2 <= length:
                break
        heard = np.clip(np.arange(start - recent, start + frames), 0, length - 1)
        voice, has_audio = take.voice, 0.0
        audio = np.zeros((len(heard), self.encoder.dim), np.float32)
        rest = np.zeros(length, np.float32)
        if voice is not None:
            paused = rng.random() < self.augmentation.pause
            audio = (voice.paused if paused else voice.speech)[heard].astype(np.float32)
            rest, has_audio = take.mouth_rest if paused else rest, 1.0
        if rng.random() < self.augmentation.silence:
            silence = _choose(self._silences.whole, rng)
            at = int(rng.integers(0, len(silence) - len(heard)))
            audio, has_audio = silence[at : at + len(heard)].astype(np.float32), 1.0
            rest = self._come_to_rest(length, start, rng)
        return self._window(index, take, start, frames, rest, audio, has_audio, rng)

    def _draw_live(self, frames: int, rng: np.random.Generator) -> tuple[np.ndarray | float, ...]:
        recent = self._prior.recent
        while True:
            index = int(rng.choice(len(self.clips), p=self._live_chances))
            take = _choose(self.clips[index].renditions, rng)
            assert take.voice is not None
            starts = take.voice.live_start
            inside = (starts >= recent) & (starts + frames <= len(take.motion))
            fitting = np.flatnonzero((take.voice.live_frames == frames) & inside)
            if len(fitting):
                break
        pick = _choose(fitting, rng)
        start = int(take.voice.live_start[pick])
        audio = take.voice.live[pick, LIVE_CONTEXT - recent : LIVE_CONTEXT + frames]
        paused = bool(take.voice.live_paused[pick])
        rest = take.mouth_rest if paused else np.zeros(len(take.motion), np.float32)
        if rng.random() < self.augmentation.silence:
            audio = _choose(self._silences.live[frames], rng)
            rest = self._come_to_rest(len(take.motion), start, rng)
        return self._window(index, take, start, frames, rest, audio.astype(np.float32), 1.0, rng)

    def _come_to_rest(self, length: int, start: int, rng: np.random.Generator) -> np.ndarray:
        """(length,) share of rest of a mouth around a window that hears silence."""
        if rng.random() >= self.augmentation.unsettled:
            return np.ones(length, np.float32)
        settles = start - int(rng.integers(self._prior.recent))
        return mouth_rest(np.arange(length) >= settles)

    def _window(
        self,
        index: int,
        take: Rendition,
        start: int,
        frames: int,
        rest: np.ndarray,
        audio: np.ndarray,
        has_audio: float,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray | float, ...]:
        """Rest the mouth, mirror and normalise the motion of one window and of its past."""
        length, past = len(take.motion), self._prior.past
        rows = np.clip(np.arange(start - past, start + frames), 0, length - 1)
        row, still = Row.split(take.motion[rows]), rest[rows][:, None]
        pose, codes = row.pose / self._heads[index], row.codes
        codes = codes + still * (codes @ self.code.mouth_rest - codes)
        if rng.random() < 0.5:
            pose, codes = pose * POSE_MIRROR, codes @ self.code.mirror
        motion = (Row(pose, codes).join() - self.space.mean) / self.space.deviation
        history = self._prior.read_history(motion[past - min(start, past) : past])
        inside = (np.arange(start, start + frames) < length).astype(np.float32)
        return (
            history.recent,
            history.blocks,
            history.known,
            motion[past:],
            audio,
            self._styles[index],
            float(history.given),
            has_audio,
            inside,
        )


@dataclass(frozen=True)
class _Silences:
    """Features of silences, of whole files and, by frames of the window, of streams."""

    whole: list[np.ndarray]
    live: dict[int, list[np.ndarray]]


def _draw_silences(encoder: SpeechEncoder, recent: int, count: int) -> _Silences:
    rng = np.random.default_rng(0)
    whole: list[np.ndarray] = []
    live: dict[int, list[np.ndarray]] = {frames: [] for frames in LIVE_FRAMES}
    for number in range(count):
        level = 0.0 if rng.random() < 0.25 else 10 ** (rng.uniform(*SILENCE_DBFS) / 20)
        breathes = number % 2 == 1
        long = _make_silence(250, level, breathes, rng)
        whole.append(np.concatenate(list(encoder.stream([long]))))
        for frames, found in live.items():
            heard = _make_silence(encoder.past + frames, level, breathes, rng)
            found.append(encoder.segment(heard, first=encoder.past - recent))
    return _Silences(whole, live)


def _make_silence(
    frames: int, level: float, breathes: bool, rng: np.random.Generator
) -> np.ndarray:
    """Samples of so many frames of a room's noise of root mean square `level`, and of breaths."""
    sound = coloured_noise(frames * FRAME_SAMPLES, rng) * np.float32(level)
    count = max(1, round(frames / (MOTION_RATE * BREATH_EVERY_SECONDS))) if breathes else 0
    for _ in range(count):
        breath = draw_breath(rng)
        at = int(rng.integers(-len(breath) // 2, len(sound)))
        heard = breath[max(0, -at) :]
        place = sound[max(0, at) : max(0, at) + len(heard)]
        place += heard[: len(place)]
    return sound


def _choose(items, rng: np.random.Generator):
    return items[int(rng.integers(len(items)))]


def _stack(windows: list[tuple[np.ndarray | float, ...]]) -> Batch:
    return Batch(*(np.asarray(part, np.float32) for part in zip(*windows, strict=True)))
