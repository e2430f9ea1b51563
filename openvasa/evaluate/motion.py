"""Compare generated motion with the real motion of people never trained on, and with baselines.

openvasa evaluate motion CACHE
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.audio.decode import read_blocks
from openvasa.audio.level import level_speech
from openvasa.data.clip_list import Split
from openvasa.data.experts import (
    CAPP_FRAMES,
    Expert,
    SyncScore,
    expert,
    lip_shapes,
    sound_bands,
    sync_score,
)
from openvasa.data.prepare import load_sound
from openvasa.data.talking_clips import Normaliser, TalkingClip, fit_normaliser, load_clips
from openvasa.errors import InputError
from openvasa.evaluate.closure import Closure, closure
from openvasa.evaluate.expert_report import capp_score
from openvasa.evaluate.joins import Joins, joins
from openvasa.evaluate.motion_metrics import (
    aperture,
    blink_milliseconds,
    blinks_per_minute,
    brow_activity,
    correlation,
    gaze_spread,
    lip_activity,
    lip_velocity,
    pose_change,
)
from openvasa.evaluate.silence import Silence, silence
from openvasa.evaluate.unfamiliar import VoiceFigures, judge_voice
from openvasa.evaluate.voices import Utterance, make_voices
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.correction import CORRECTIONS, leave_out
from openvasa.motion.generator import LOOKAHEAD
from openvasa.motion.row import without_tongue
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.motion.window_network import window_network
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE

CHANCES = 3
"""Times that every clip is made, each with its own seed: with one seed for all of them S_C came
out anywhere within ±8 % live, and blinks between 6 and 34 a minute."""
SEEDS = 4
DIVERSITY_CLIPS = 8
LIVE_HOP, LIVE_LOOKAHEAD = 3, 3
"""Frames; a hop of fewer would have no acceleration that no join takes part in."""
REAL, WHOLE, LIVE = "real", "generator", "generator, live"

HeldOut = tuple[TalkingClip, np.ndarray]
"""A held-out clip and its levelled sound."""
Make = Callable[[TalkingClip, np.ndarray, int], np.ndarray]
"""A clip, its levelled sound and a seed → (T, 6 + D) motion."""


@dataclass(frozen=True)
class MotionFigures:
    """Figures of one way of making motion, over the held-out clips.

    Attributes:
        confidence, distance: the sync expert's S_C and S_D.
        in_sync: share of clips whose best offset lies within ±1 frame.
        capp: the pose expert's cosine, clips of three seconds and more.
        aperture: mean over clips of the lip aperture's correlation with the real clip.
        velocity: the same of the lip points' velocities.
        lip_speed: mean speed of the lip points against the real clips', 1 is the same.
        pose_change: mean angle between the head poses of adjacent frames, degrees.
        blinks: blinks a minute.
        blink_ms: mean duration of a blink at half depth, ms; nan without any.
        brows: mean speed of the brows, thousandths of a canonical unit a frame.
        gaze: deviation of the eyes' yaw and pitch within a clip, degrees.
    """

    confidence: float
    distance: float
    in_sync: float
    capp: float
    aperture: float
    velocity: float
    lip_speed: float
    pose_change: float
    blinks: float
    blink_ms: float
    brows: float
    gaze: float


@dataclass(frozen=True)
class Made:
    """One way of making motion, over the held-out clips.

    Attributes:
        motions: (T, 6 + D) each, made with the first seeds.
        scores: the sync expert's of each.
        row: the figures, over all seeds.
    """

    motions: list[np.ndarray]
    scores: list[SyncScore]
    row: MotionFigures


@dataclass(frozen=True)
class Diversity:
    """How far seeds differ (as the multimodality of Action2Motion, arXiv:2007.15240).

    Attributes:
        yaw: deviation of the head's yaw over seeds, degrees, mean over time.
        aperture: the same of the lip aperture, of the aperture's own deviation over time.
    """

    yaw: float
    aperture: float


@dataclass(frozen=True)
class Figures:
    """Everything that `openvasa evaluate motion` measures.

    Attributes:
        clips: names of the held-out clips.
        seconds: of them all.
        made: by way of making, `REAL`, `WHOLE` and `LIVE` among them.
        silence, closure: by `WHOLE` and `LIVE`.
        joins: by way of making and frames from join to join; of real motion there are none, and its
            figures at the same places say what chance does.
        diversity: of `WHOLE`.
        voices: of voices unlike the clips', whole-file.
        left_out: a line for each voice that could not be made here.
    """

    clips: list[str]
    seconds: float
    made: dict[str, Made]
    silence: dict[str, Silence]
    closure: dict[str, Closure]
    joins: dict[tuple[str, int], Joins]
    diversity: Diversity
    voices: list[VoiceFigures]
    left_out: list[str]


def generate(
    sound: np.ndarray, settings: MotionSettings, without: tuple[str, ...] = ()
) -> np.ndarray:
    """(n,) levelled samples → (T, 6 + D) motion by the shipped generator, whole-file mode."""
    return without_tongue(
        np.concatenate(list(SpeechMotion(settings, without=without).frames([sound])))
    )


def stream(
    sound: np.ndarray,
    seed: int = 0,
    hop: int = LIVE_HOP,
    lookahead: int = LIVE_LOOKAHEAD,
    without: tuple[str, ...] = (),
    *,
    known: bool = False,
) -> np.ndarray:
    """The same by the streaming generator, 120 ms hops and look-ahead unless said otherwise.

    Where the sound is `known`, the generator is told what comes, as a live portrait is of speech
    that was pushed faster than it is said.
    """
    generator = SpeechMotion(MotionSettings(seed=seed), without=without).live(hop, lookahead)
    made = []
    for at in range(0, len(sound), FRAME_SAMPLES):
        if known:
            generator.coming = partial(_part, sound, at + FRAME_SAMPLES)
        made.append(generator.push(sound[at : at + FRAME_SAMPLES]))
    return without_tongue(np.concatenate([*made, generator.finish()]))


def _part(sound: np.ndarray, start: int, count: int) -> np.ndarray:
    """(count,) samples from `start`, silence after the end."""
    part = sound[start : start + count]
    return np.pad(part, (0, count - len(part)))


def measure(
    name: str,
    clips: list[HeldOut],
    make: Make,
    judges: tuple[Expert, Expert],
    chances: int = 1,
) -> Made:
    """Make motion for every clip in one way, so many times with other seeds, and judge it."""
    motions, scores, values = [], [], []
    for seed, (clip, sound) in enumerate(tqdm(clips * chances, desc=name)):
        made = make(clip, sound, seed)[: len(clip.motion)]
        bands = sound_bands(sound, len(made))
        sync, capp = judges
        score = sync_score(sync.embed_sound(bands), sync.embed_motion(lip_shapes(made)))
        if seed < len(clips):
            motions.append(made)
            scores.append(score)
        values.append(
            {
                "confidence": score.confidence,
                "distance": score.distance,
                "in_sync": 100.0 * (abs(score.offset) <= 1),
                "capp": capp_score(capp, bands, made) if len(made) >= CAPP_FRAMES else np.nan,
                **_against_real(made, clip.motion[: len(made)]),
            }
        )
    frames = np.array([len(motion) for motion in motions] * chances, float)
    return Made(motions, scores, _mean_row(values, frames))


def _against_real(made: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """The figures of `MotionFigures` that no expert is asked for, of one clip."""
    code = dynamics_code()
    blinks = blink_milliseconds(code, made)
    return {
        "aperture": correlation(aperture(code, made), aperture(code, real)),
        "velocity": correlation(lip_velocity(code, made), lip_velocity(code, real)),
        "lip_speed": lip_activity(code, made) / lip_activity(code, real),
        "pose_change": pose_change(made),
        "blinks": blinks_per_minute(code, made),
        "blink_ms": float(blinks.mean()) if len(blinks) else np.nan,
        "brows": 1000 * brow_activity(code, made),
        "gaze": gaze_spread(code, made),
    }


def _mean_row(values: list[dict[str, float]], frames: np.ndarray) -> MotionFigures:
    """Mean over clips, long ones counting more but for correlations; nan stands for no value."""
    means = {}
    for field in fields(MotionFigures):
        found = np.array([value[field.name] for value in values])
        weights = np.ones(len(found)) if field.name in ("aperture", "velocity") else frames
        known = np.isfinite(found)
        means[field.name] = (
            float(np.average(found[known], weights=weights[known])) if known.any() else np.nan
        )
    return MotionFigures(**means)


def diversity(clips: list[HeldOut], without: tuple[str, ...] = ()) -> Diversity:
    """How far the motion of several seeds differs on some of the clips."""
    code = dynamics_code()
    yaw, gap = [], []
    for _, sound in tqdm(clips[:DIVERSITY_CLIPS], desc="seeds"):
        motions = np.stack([generate(sound, MotionSettings(seed=s), without) for s in range(SEEDS)])
        yaw.append(np.degrees(motions[..., 1].std(axis=0)).mean())
        gaps = np.stack([aperture(code, motion) for motion in motions])
        gap.append(gaps.std(axis=0).mean() / gaps.std(axis=1).mean())
    return Diversity(float(np.mean(yaw)), float(np.mean(gap)))


def all_joins(made: dict[str, Made]) -> dict[tuple[str, int], Joins]:
    """Joins of whole-file and live motion, and real motion at the same places."""
    whole_window = window_network(1).space.prior.window - LOOKAHEAD
    code = dynamics_code()
    ways = ((WHOLE, whole_window), (REAL, whole_window), (LIVE, LIVE_HOP), (REAL, LIVE_HOP))
    return {(name, every): joins(code, made[name].motions, every) for name, every in ways}


def held_out(cache: Path) -> list[HeldOut]:
    """Held-out clips with sound, two seconds and more, with their levelled sound."""
    clips = []
    for clip in load_clips(cache, Split.TEST):
        if clip.clip.sound and len(clip.motion) >= 2 * MOTION_RATE:
            samples = load_sound(cache, clip.clip)
            clips.append((clip, level_speech(samples)))
    return clips


LearnBaseline = Callable[[list[TalkingClip], Normaliser], Callable[[np.ndarray], np.ndarray]]
"""Training clips and their normaliser → a function from speech features to (T, 6 + D) motion."""


def evaluate(
    cache: Path,
    recording: Path,
    *,
    learn_baseline: LearnBaseline,
    recordings: Sequence[Utterance] = (),
    without: tuple[str, ...] = (),
) -> Figures:
    """Judge the generator beside real motion and baselines, on held-out people.

    Args:
        cache: of `openvasa data prepare`.
        recording: a plainly recorded voice that unfamiliar ones are made from.
        learn_baseline: learns the regression that the generator is judged beside.
        recordings: more voices, of any kind.
        without: names of corrections that are left out; see `motion.correction`. Unfamiliar voices
            are judged with all of them.

    Raises:
        InputError: a correction is unknown, or the cache holds no clips to judge.
    """
    leave_out(CORRECTIONS, without)
    code = dynamics_code()
    judges = expert("sync"), expert("capp")
    clips = held_out(cache)
    if not clips:
        raise InputError(f"{cache}: holds no clips of held-out people with sound; add some")
    made = {
        name: measure(name, clips, make, judges, CHANCES if "generator" in name else 1)
        for name, make in _ways(cache, clips, learn_baseline, without).items()
    }
    speed = float(np.mean([lip_activity(code, clip.motion) for clip, _ in clips]))
    generators = {
        WHOLE: lambda sound, seed=0: generate(sound, MotionSettings(seed=seed), without),
        LIVE: partial(stream, without=without),
    }
    voices = make_voices(np.concatenate(list(read_blocks(recording))))
    spoken: Iterable[Utterance] = tqdm([*voices.utterances, *recordings], desc="voices")
    return Figures(
        clips=[clip.clip.name for clip, _ in clips],
        seconds=sum(len(clip.motion) for clip, _ in clips) / MOTION_RATE,
        made=made,
        silence={name: silence(make, speed) for name, make in generators.items()},
        closure={name: closure(make) for name, make in generators.items()},
        joins=all_joins(made),
        diversity=diversity(clips, without),
        voices=[judge_voice(utterance, judges[0]) for utterance in spoken],
        left_out=voices.left_out,
    )


def _ways(
    cache: Path, clips: list[HeldOut], learn_baseline: LearnBaseline, without: tuple[str, ...]
) -> dict[str, Make]:
    """Every way of making motion for a held-out clip, by name."""
    trained_on = load_clips(cache, Split.TRAIN)
    normaliser = fit_normaliser(trained_on)
    regression = learn_baseline(trained_on, normaliser)
    others = {c.clip.name: clips[(i + 1) % len(clips)][0] for i, (c, _) in enumerate(clips)}

    def another_clip(clip: TalkingClip, _: np.ndarray, __: int) -> np.ndarray:
        return np.resize(others[clip.clip.name].motion, clip.motion.shape)

    return {
        REAL: lambda c, *_: c.motion,
        "mean motion": lambda c, *_: np.tile(normaliser.mean, (len(c.motion), 1)),
        "real, of another clip": another_clip,
        "regression": lambda c, *_: regression(c.speech),
        WHOLE: lambda _, s, n: generate(s, MotionSettings(seed=n), without),
        "generator, no guidance": lambda _, s, n: generate(
            s, MotionSettings(seed=n, audio_guidance=0), without
        ),
        LIVE: lambda _, s, n: stream(s, n, without=without),
        "generator, live, hop 2, look-ahead 2": lambda _, s, n: stream(s, n, 2, 2, without),
        "generator, live, hop 2, look-ahead 1": lambda _, s, n: stream(s, n, 2, 1, without),
        "generator, live, 2 + 1, speech known": lambda _, s, n: stream(
            s, n, 2, 1, without, known=True
        ),
    }
