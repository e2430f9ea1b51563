"""Compare generated motion with the real motion of people never trained on, and with baselines.

openvasa evaluate motion CACHE
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.audio.decode import read_blocks
from openvasa.audio.features import FPS, SAMPLE_RATE
from openvasa.audio.level import speech_gain
from openvasa.evaluate.closure import closure
from openvasa.evaluate.expert_report import capp_score
from openvasa.evaluate.experts import (
    CAPP_FRAMES,
    Expert,
    expert,
    lip_shapes,
    sound_bands,
    sync_score,
)
from openvasa.evaluate.motion_metrics import (
    aperture,
    blinks_per_minute,
    brow_activity,
    correlation,
    gaze_spread,
    lip_activity,
    lip_velocity,
    pose_change,
)
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.generator import generate_frames
from openvasa.motion.streaming import LIVE_STEPS, StreamingGenerator
from openvasa.motion.window import MotionSettings
from openvasa.train.motion_data import TalkingClip, fit_normaliser, load_clips
from openvasa.train.prepare import load_sound

SILENCE_SECONDS = 60
SHORTEST_SYNC = 25
"""Frames of the shortest clip that the sync expert judges."""
SEEDS = 4
VOICE_SECONDS = 20

HeldOut = tuple[TalkingClip, np.ndarray]
"""A held-out clip and its levelled sound."""
Make = Callable[[TalkingClip, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Row:
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
    brows: float
    gaze: float


TITLES = {
    "confidence": "S_C",
    "distance": "S_D",
    "in_sync": "in sync %",
    "capp": "CAPP",
    "aperture": "aperture r",
    "velocity": "lip velocity r",
    "lip_speed": "lip speed × real",
    "pose_change": "ΔP °",
    "blinks": "blinks/min",
    "brows": "brows",
    "gaze": "gaze °",
}


def generate(sound: np.ndarray, settings: MotionSettings) -> np.ndarray:
    """(n,) levelled samples → (T, 6 + D) motion by the shipped generator, whole-file mode."""
    return np.concatenate(list(generate_frames([sound], settings)))


def stream(sound: np.ndarray, settings: MotionSettings) -> np.ndarray:
    """The same by the streaming generator, 120 ms hops and 120 ms of look-ahead."""
    generator = StreamingGenerator(settings, hop=3, lookahead=3, threads=1)
    return np.concatenate([generator.push(sound), generator.finish()])


def measure(name: str, clips: list[HeldOut], make: Make, judges: tuple[Expert, Expert]) -> Row:
    """Figures of one way of making motion."""
    code = dynamics_code()
    sync, capp = judges
    found: dict[str, list[float]] = {field.name: [] for field in fields(Row)}
    frames = []
    for clip, sound in tqdm(clips, desc=name):
        real = clip.motion
        made = make(clip, sound)[: len(real)]
        real = real[: len(made)]
        bands = sound_bands(sound, len(made))
        if len(made) >= SHORTEST_SYNC:
            score = sync_score(sync.embed_sound(bands), sync.embed_motion(lip_shapes(made)))
            found["confidence"].append(score.confidence)
            found["distance"].append(score.distance)
            found["in_sync"].append(100.0 * (abs(score.offset) <= 1))
        if len(made) >= CAPP_FRAMES:
            found["capp"].append(capp_score(capp, bands, made))
        found["aperture"].append(correlation(aperture(code, made), aperture(code, real)))
        found["velocity"].append(correlation(lip_velocity(code, made), lip_velocity(code, real)))
        found["lip_speed"].append(lip_activity(code, made) / lip_activity(code, real))
        found["pose_change"].append(pose_change(made))
        found["blinks"].append(blinks_per_minute(code, made))
        found["brows"].append(1000 * brow_activity(code, made))
        found["gaze"].append(gaze_spread(code, made))
        frames.append(len(made))
    means = {
        key: float(np.average(values, weights=frames if len(values) == len(frames) else None))
        if values
        else float("nan")
        for key, values in found.items()
        if key not in ("aperture", "velocity")
    }
    for key in ("aperture", "velocity"):
        means[key] = float(np.mean(found[key]))
    return Row(**means)


def measure_silence(make: Callable[[np.ndarray], np.ndarray], speech_speed: float) -> str:
    """One line on a minute of silence: lips still, head and eyes alive."""
    code = dynamics_code()
    rng = np.random.default_rng(1)
    sound = 5e-4 * rng.standard_normal(SILENCE_SECONDS * SAMPLE_RATE)
    motion = make(sound.astype(np.float32))[FPS:]
    return (
        f"lips {100 * lip_activity(code, motion) / speech_speed:.1f} % of their speed in speech, "
        f"ΔP {pose_change(motion):.3f}°, head yaw spread "
        f"{np.degrees(motion[:, 1].std()):.1f}°, "
        f"{blinks_per_minute(code, motion):.0f} blinks/min"
    )


def closure_line(make: Callable[[np.ndarray], np.ndarray]) -> str:
    """One line on lips closing on p, b and m."""
    found = closure(make)
    return (
        f"lips closed on {100 * found.bilabials:.0f} % of {found.count} bilabials of synthetic "
        f"speech (on open vowels: {100 * found.vowels:.0f} %)"
    )


def voices_table(paths: Sequence[Path], judges: tuple[Expert, Expert]) -> list[str]:
    """A row for each sound file: is the motion in sync and sane, whatever the voice."""
    code = dynamics_code()
    lines = [
        "| voice | S_C | offset | lip speed | ΔP ° | blinks/min |",
        "|---|---|---|---|---|---|",
    ]
    for path in tqdm(paths, desc="voices"):
        samples = np.concatenate(list(read_blocks(path)))[: VOICE_SECONDS * SAMPLE_RATE]
        sound = samples * np.float32(speech_gain([samples]))
        made = generate(sound, MotionSettings())
        bands = sound_bands(sound, len(made))
        score = sync_score(judges[0].embed_sound(bands), judges[0].embed_motion(lip_shapes(made)))
        lines.append(
            f"| {path.stem} | {score.confidence:.2f} | {score.offset} | "
            f"{lip_activity(code, made):.3f} | {pose_change(made):.2f} | "
            f"{blinks_per_minute(code, made):.0f} |"
        )
    return lines


def diversity(clips: list[HeldOut]) -> str:
    """How far seeds differ: deviation over seeds of head yaw and lip aperture, mean over time."""
    code = dynamics_code()
    yaw, gap = [], []
    for _, sound in clips[:8]:
        motions = np.stack([generate(sound, MotionSettings(seed=s)) for s in range(SEEDS)])
        yaw.append(np.degrees(motions[..., 1].std(axis=0)).mean())
        gaps = np.stack([aperture(code, motion) for motion in motions])
        gap.append(gaps.std(axis=0).mean() / gaps.std(axis=1).mean())
    return (
        f"Over {SEEDS} seeds: head yaw differs by {np.mean(yaw):.1f}°, lip aperture by "
        f"{np.mean(gap):.2f} of its own movement."
    )


def held_out(cache: Path) -> list[HeldOut]:
    """Held-out clips with sound, two seconds and more, with their levelled sound."""
    clips = []
    for clip in load_clips(cache, "test"):
        if clip.clip.sound and len(clip.motion) >= 2 * FPS:
            samples = load_sound(cache, clip.clip)
            clips.append((clip, samples * np.float32(speech_gain([samples]))))
    return clips


def evaluate(cache: Path, baseline_minutes: float = 4.0, voices: Sequence[Path] = ()) -> str:
    """Table of the generator against real motion and baselines, on held-out people.

    `voices` are more sound files, of any kind, for a table of their own.
    """
    from openvasa.train.regression import predict, train_regression

    code = dynamics_code()
    judges = expert("sync"), expert("capp")
    clips = held_out(cache)
    trained_on = load_clips(cache, "train")
    normaliser = fit_normaliser(trained_on)
    regression = train_regression(trained_on, normaliser, baseline_minutes)
    others = {c.clip.name: clips[(i + 1) % len(clips)][0] for i, (c, _) in enumerate(clips)}

    def another_clip(clip: TalkingClip, _: np.ndarray) -> np.ndarray:
        return np.resize(others[clip.clip.name].motion, clip.motion.shape)

    whole, live = MotionSettings(), MotionSettings(steps=LIVE_STEPS)
    makers: dict[str, Make] = {
        "real": lambda c, _: c.motion,
        "mean motion": lambda c, _: np.tile(normaliser.mean, (len(c.motion), 1)),
        "real, of another clip": another_clip,
        "regression": lambda c, _: predict(regression, normaliser, c.speech),
        "generator": lambda _, s: generate(s, whole),
        "generator, no guidance": lambda _, s: generate(s, MotionSettings(audio_guidance=0)),
        "generator, guidance 0.8": lambda _, s: generate(s, MotionSettings(audio_guidance=0.8)),
        "generator, live": lambda _, s: stream(s, live),
    }
    rows = {name: measure(name, clips, make, judges) for name, make in makers.items()}
    speed = float(np.mean([lip_activity(code, c.motion) for c, _ in clips]))
    lines = [
        f"{len(clips)} clips of held-out people, "
        f"{sum(len(c.motion) for c, _ in clips) / FPS:.0f} s",
        "",
        "| motion | " + " | ".join(TITLES.values()) + " |",
        "|---" * (len(TITLES) + 1) + "|",
        *(
            f"| {name} | " + " | ".join(f"{getattr(row, key):.3g}" for key in TITLES) + " |"
            for name, row in rows.items()
        ),
        "",
        "In silence, whole-file: " + measure_silence(lambda s: generate(s, whole), speed) + ".",
        "In silence, live: " + measure_silence(lambda s: stream(s, live), speed) + ".",
        "Whole-file: " + closure_line(lambda s: generate(s, whole)) + ".",
        "Live: " + closure_line(lambda s: stream(s, live)) + ".",
        diversity(clips),
        *(["", *voices_table(voices, judges)] if voices else []),
    ]
    return "\n".join(lines)
