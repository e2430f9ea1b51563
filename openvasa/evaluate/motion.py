"""Compare generated motion with the real motion of people never trained on, and with baselines.

openvasa evaluate motion CACHE
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.audio.features import FPS
from openvasa.evaluate.motion_metrics import (
    aperture,
    blinks_per_minute,
    correlation,
    lip_activity,
    lip_velocity,
    pose_change,
)
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.generator import MotionGenerator, MotionSettings
from openvasa.train.motion_data import (
    TalkingClip,
    fit_normaliser,
    load_clips,
    silence_features,
)

SILENCE_SECONDS = 20

Generate = Callable[[TalkingClip], np.ndarray]


@dataclass(frozen=True)
class Row:
    """Figures of one way of making motion, over the held-out clips.

    Attributes:
        name: what made it.
        aperture: mean over clips of the lip aperture's correlation with the real clip.
        velocity: the same of the lip points' velocities.
        blinks: blinks a minute.
        pose_change: mean angle between the head poses of adjacent frames, degrees.
        lip_speed: mean speed of the lip points against the real clips', 1 is the same.
    """

    name: str
    aperture: float
    velocity: float
    blinks: float
    pose_change: float
    lip_speed: float


def generate(features: np.ndarray, settings: MotionSettings) -> np.ndarray:
    """(T, FEATURE_DIM) → (T, 6 + D) motion by the shipped generator."""
    generator = MotionGenerator(settings)
    return np.concatenate([generator.feed(features), generator.finish()])


def measure(name: str, clips: list[TalkingClip], make: Generate) -> Row:
    """Figures of one way of making motion."""
    code = dynamics_code()
    apertures, velocities, blinks, changes, speeds, frames = [], [], [], [], [], []
    for clip in tqdm(clips, desc=name):
        made, real = make(clip), clip.motion
        apertures.append(correlation(aperture(code, made), aperture(code, real)))
        velocities.append(correlation(lip_velocity(code, made), lip_velocity(code, real)))
        blinks.append(blinks_per_minute(code, made))
        changes.append(pose_change(made))
        speeds.append(lip_activity(code, made) / lip_activity(code, real))
        frames.append(len(real))
    return Row(
        name,
        float(np.mean(apertures)),
        float(np.mean(velocities)),
        float(np.average(blinks, weights=frames)),
        float(np.average(changes, weights=frames)),
        float(np.average(speeds, weights=frames)),
    )


def measure_silence(settings: MotionSettings) -> dict[str, float]:
    """Lip speed and head movement of the generator in silence."""
    code = dynamics_code()
    features = silence_features(SILENCE_SECONDS * FPS, np.random.default_rng(1))
    motion = generate(features, settings)[FPS:]
    return {
        "lip_speed": lip_activity(code, motion),
        "pose_change": pose_change(motion),
        "blinks": blinks_per_minute(code, motion),
    }


def evaluate(cache: Path, baseline_minutes: float = 4.0) -> str:
    """Table of the generator against real motion and baselines, on held-out people."""
    from openvasa.train.regression import predict, train_regression

    code = dynamics_code()
    trained_on = load_clips(cache, "train")
    clips = [c for c in load_clips(cache, "test") if c.clip.sound and len(c.motion) >= 2 * FPS]
    normaliser = fit_normaliser(trained_on)
    regression = train_regression(trained_on, normaliser, baseline_minutes)
    others = {c.clip.name: clips[(i + 1) % len(clips)] for i, c in enumerate(clips)}

    def another_clip(clip: TalkingClip) -> np.ndarray:
        return np.resize(others[clip.clip.name].motion, clip.motion.shape)

    rows = [
        measure("real", clips, lambda c: c.motion),
        measure("mean motion", clips, lambda c: np.tile(normaliser.mean, (len(c.motion), 1))),
        measure("real, of another clip", clips, another_clip),
        measure("regression", clips, lambda c: predict(regression, normaliser, c.speech)),
    ]
    rows += [
        measure(
            f"generator, guidance {scale}",
            clips,
            lambda c, scale=scale: generate(c.speech, MotionSettings(audio_guidance=scale)),
        )
        for scale in (0.0, 0.5, 1.0)
    ]
    speech_speed = float(np.mean([lip_activity(code, c.motion) for c in clips]))
    quiet = measure_silence(MotionSettings())
    lines = [
        f"{len(clips)} clips of held-out people, {sum(len(c.motion) for c in clips) / FPS:.0f} s",
        "",
        "| motion | aperture r | lip velocity r | blinks/min | ΔP ° | lip speed × real |",
        "|---|---|---|---|---|---|",
        *(
            f"| {r.name} | {r.aperture:.3f} | {r.velocity:.3f} | {r.blinks:.1f} | "
            f"{r.pose_change:.3f} | {r.lip_speed:.2f} |"
            for r in rows
        ),
        "",
        f"In silence: lips {100 * quiet['lip_speed'] / speech_speed:.1f} % of their speed in "
        f"speech, ΔP {quiet['pose_change']:.3f}°, {quiet['blinks']:.0f} blinks/min.",
    ]
    return "\n".join(lines)
