"""Does motion drift, freeze or grow wild when it goes on for long?

Each window of a generator starts from its own last one, so small errors can add up until the face
leaves what people do, or stops (Li et al., arXiv:1707.05363, show both for bodies). Minutes of
motion are made from a voice that begins again and again, and each is judged by itself; nothing of
it is kept but figures, so that memory tells of the generator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.audio.decode import read_blocks
from openvasa.audio.level import level_speech
from openvasa.data.experts import Expert, expert, lip_shapes, sound_bands, sync_score
from openvasa.errors import InputError
from openvasa.evaluate.motion_metrics import blinks_per_minute, lip_activity, pose_change
from openvasa.evaluate.page import Table
from openvasa.face.dynamics import dynamics_code
from openvasa.machine import peak_memory
from openvasa.motion.row import Row, without_tongue
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE, SAMPLE_RATE

MINUTE_FRAMES = 60 * MOTION_RATE
PAUSES_S = (0.6, 2.0, 7.0)
"""Silences after the voice, in turn."""
FEWEST_MINUTES = 2
LARGEST_DRIFT = 1.0
"""Deviations within a minute by which the head's mean may move between start and end."""
LARGEST_CHANGE = 2.0
"""Factor between start and end that head and lips may slow down or speed up by."""
LARGEST_GROWTH_MB = 30.0
POSE_NAMES = ("pitch", "yaw", "roll", "sideways", "up and down", "distance")


@dataclass(frozen=True)
class Minute:
    """Figures of one minute of motion.

    Attributes:
        pose_mean, pose_spread: (6,) mean and deviation of the head pose, as in `Motion.pose`.
        pose_change: ΔP, degrees.
        lip_speed: mean speed of the lip points, canonical units a frame.
        blinks: in this minute.
        confidence, offset: the sync expert's S_C, and best shift in frames.
        growth_mb: what the process's peak of resident memory has gained since the first minute.
    """

    pose_mean: np.ndarray
    pose_spread: np.ndarray
    pose_change: float
    lip_speed: float
    blinks: float
    confidence: float
    offset: int
    growth_mb: float


def long_run(voice: Path, minutes: int, settings: MotionSettings | None = None) -> list[Minute]:
    """Generate so many minutes of motion whole-file, with a progress bar, and judge each."""
    if minutes < FEWEST_MINUTES:
        raise InputError(f"minutes {minutes}: choose {FEWEST_MINUTES} or more, to compare")
    cycle = spoken_cycle(voice)
    sync = expert("sync")
    pieces = SpeechMotion(settings or MotionSettings(), threads=1).frames(
        _repeat_cycle(cycle, minutes)
    )
    found: list[Minute] = []
    first_peak_mb = float("nan")
    for number, motion in enumerate(tqdm(_by_minute(pieces), total=minutes, unit="min")):
        first = number * MINUTE_FRAMES * FRAME_SAMPLES
        heard = cycle[(first + np.arange(len(motion) * FRAME_SAMPLES)) % len(cycle)]
        figures = _judge_minute(motion, heard, sync)
        peak_mb = peak_memory() / 2**20
        if number == 0:
            # The first minute loads every network; only what comes after is growth.
            first_peak_mb = peak_mb
        found.append(Minute(*figures, growth_mb=peak_mb - first_peak_mb))
    return found


def spoken_cycle(path: Path) -> np.ndarray:
    """(n,) float32 levelled samples at 16 kHz: the voice with a pause after it, for each pause."""
    samples = np.concatenate(list(read_blocks(path)))
    voice = level_speech(samples)
    silences = [np.zeros(int(s * SAMPLE_RATE), np.float32) for s in PAUSES_S]
    return np.concatenate([part for silence in silences for part in (voice, silence)])


def _repeat_cycle(cycle: np.ndarray, minutes: int) -> Iterator[np.ndarray]:
    """The cycle over and over, a second at a time."""
    second = np.arange(SAMPLE_RATE)
    for at in range(60 * minutes):
        yield cycle[(at * SAMPLE_RATE + second) % len(cycle)]


def _by_minute(pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Pieces of rows → (MINUTE_FRAMES, 6 + D) each."""
    held: list[np.ndarray] = []
    for piece in pieces:
        held.append(without_tongue(piece))
        while sum(map(len, held)) >= MINUTE_FRAMES:
            motion = np.concatenate(held)
            yield motion[:MINUTE_FRAMES]
            held = [motion[MINUTE_FRAMES:]]


def _judge_minute(motion: np.ndarray, sound: np.ndarray, sync: Expert) -> tuple:
    """All fields of `Minute` but the last."""
    code = dynamics_code()
    bands = sound_bands(sound, len(motion))
    score = sync_score(sync.embed_sound(bands), sync.embed_motion(lip_shapes(motion)))
    pose = Row.split(motion).pose.astype(np.float64)
    return (
        pose.mean(axis=0),
        pose.std(axis=0),
        pose_change(motion),
        lip_activity(code, motion),
        blinks_per_minute(code, motion),
        score.confidence,
        score.offset,
    )


def problems(minutes: list[Minute]) -> list[str]:
    """What went wrong between the first and the last third of the run; empty if nothing."""
    third = max(1, len(minutes) // 3)
    start, end = minutes[:third], minutes[-third:]
    found = []

    def mean(part: list[Minute], name: str) -> np.ndarray:
        return np.mean([getattr(minute, name) for minute in part], axis=0)

    spread = np.mean([minute.pose_spread for minute in start + end], axis=0)
    moved = np.abs(mean(end, "pose_mean") - mean(start, "pose_mean")) / (spread + 1e-9)
    for name, amount in zip(POSE_NAMES, moved, strict=True):
        if amount > LARGEST_DRIFT:
            found.append(f"the head drifts: {name} by {amount:.1f} of its spread in a minute")
    for name, key in (("head's", "pose_change"), ("lips'", "lip_speed")):
        ratio = float(mean(end, key) / (mean(start, key) + 1e-9))
        if ratio < 1 / LARGEST_CHANGE:
            found.append(f"the {name} movement freezes: {ratio:.2f} of the speed at the start")
        elif ratio > LARGEST_CHANGE:
            found.append(f"the {name} movement runs wild: {ratio:.2f} of the speed at the start")
    if not any(minute.blinks for minute in end):
        found.append("nobody blinks any more")
    if abs(mean(end, "offset")) > 1:
        found.append(f"the lips are off by {mean(end, 'offset'):.1f} frames at the end")
    if end[-1].growth_mb > LARGEST_GROWTH_MB:
        found.append(f"memory grows: {end[-1].growth_mb:.0f} MB after the first minute")
    return found


def minutes_table(minutes: list[Minute]) -> Table:
    """One row a minute."""
    head = ("minute", "yaw °", "pitch °", "roll °", "sideways %", "up/down %", "distance %")
    rows = []
    for number, minute in enumerate(minutes, start=1):
        scale = np.r_[np.degrees(np.ones(3)), 100, 100, 100]
        means, spreads = minute.pose_mean * scale, minute.pose_spread * scale
        poses = [f"{means[i]:+.1f} ± {spreads[i]:.1f}" for i in (1, 0, 2, 3, 4, 5)]
        figures = [f"{minute.pose_change:.3f}", f"{minute.lip_speed:.4f}", f"{minute.blinks:.0f}"]
        judged = [f"{minute.confidence:.2f}", f"{minute.offset:+d}", f"{minute.growth_mb:+.0f}"]
        rows.append((str(number), *poses, *figures, *judged))
    more = ("ΔP °", "lip speed", "blinks", "S_C", "offset", "peak memory MB")
    return Table((*head, *more), tuple(rows))


def long_report(minutes: list[Minute]) -> str:
    """Table and verdict for the terminal."""
    wrong = problems(minutes)
    verdict = "\n".join(wrong) if wrong else "It neither drifts, freezes nor runs wild."
    note = "Head pose: mean ± deviation; sideways and up/down in % of the face's width."
    return f"{minutes_table(minutes).markdown()}\n\n{note}\n\n{verdict}"
