"""How much the other's voice explains how a listener moves.

    openvasa evaluate listening CACHE CLIPS

The idea of R-DGG (arXiv:2609.22913): two predictors of the listener's next frame, one that knows
the listener's own past, one that knows the other's voice as well. What the second gains in log
likelihood on listeners left out, nats a frame, is what the voice explains. A gain is judged
against the same listeners beside a voice that is not in step with them (permutation test).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.audio.level import level_speech, speech_gain
from openvasa.audio.prosody import PITCH_MARGIN, log_level, voicing_and_pitch
from openvasa.data.clip_list import Kind, Split
from openvasa.data.listeners import listening_stretches
from openvasa.data.prepare import cached_clips, load_sound
from openvasa.errors import InputError
from openvasa.face.canonical import TURN
from openvasa.face.dynamics import dynamics_code, lid_gap
from openvasa.face.gaze import read_eye_turn
from openvasa.face.landmarker import find_blendshapes
from openvasa.motion.listening.listener import Listener
from openvasa.motion.row import Row
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE

OWN_LAGS = (1, 2, 3, 5, 8, 13)
"""Frames of the listener's past that the predictors see."""
BUMPS, REACH = 10, 50
"""Raised cosines, over so many frames of the voice's past (2 s), that it is seen through."""
OWN_RIDGE = 0.02
RIDGES = (0.1, 0.5, 2.0, 10.0)
"""Shares of a column's power that weights are shrunk by; the best is chosen inside each fold."""
FOLDS = 5
PERMUTATIONS = 200
LEAST_S = 3.0
MOST_S = 20.0
STILL = 1e-6
LEAST_STRETCH = 40
"""Frames of a person's listening that are judged, at least."""

OURS, IDLE, PEOPLE = "ours", "ours, idle", "people"


@dataclass(frozen=True)
class Pair:
    """One listener and what it hears.

    Attributes:
        face: (T, k) what is predicted, each against its mean.
        voice: (T, m) prosody of the other.
    """

    face: np.ndarray
    voice: np.ndarray


@dataclass(frozen=True)
class Explained:
    """What is found of some listeners.

    Attributes:
        gain: nats a frame that the voice in step explains.
        shuffled: (n,) the same with voices out of step.
        frames, listeners: how much was judged.
    """

    gain: float
    shuffled: np.ndarray
    frames: int
    listeners: int

    @property
    def p(self) -> float:
        """Chance of such a gain where the voice explains nothing."""
        return float((1 + (self.shuffled >= self.gain).sum()) / (1 + len(self.shuffled)))


def evaluate(cache: Path, clips: Path, *, count: int = 24, seed: int = 0) -> dict[str, Explained]:
    """Judge our listener, the same portrait idle, and the people of the clips who listen.

    Args:
        cache, clips: prepared clips and their folder.
        count: voices of people never trained on that our listener hears.
        seed: of the permutations.
    """
    sounds = held_out_voices(cache, count)
    moved = [idle(sound, index) for index, sound in enumerate(tqdm(sounds, desc="idle"))]
    heard = [
        listen(rows, sound, i) for i, (rows, sound) in enumerate(zip(moved, sounds, strict=True))
    ]
    found = {
        OURS: explain(list(map(make_pair, heard, sounds)), seed),
        IDLE: explain(list(map(make_pair, moved, sounds)), seed),
    }
    stretches = listening_stretches(cache, clips, (Split.TRAIN, Split.TEST))
    people = [
        make_pair(s.motion, level_speech(s.heard))
        for s in stretches
        if s.heard is not None and len(s.motion) > LEAST_STRETCH
    ]
    if len(people) > 1:
        found[PEOPLE] = explain(people, seed)
    return found


def held_out_voices(cache: Path, count: int) -> list[np.ndarray]:
    """Levelled sound of people never trained on, longest first."""
    listed = [c for c in cached_clips(cache) if c.split == Split.TEST and c.sound]
    sounds = [load_sound(cache, clip) for clip in listed if clip.kind == Kind.REAL]
    long_enough = [s for s in sounds if len(s) >= LEAST_S * MOTION_RATE * FRAME_SAMPLES]
    if len(long_enough) < FOLDS:
        raise InputError(f"{cache}: {len(long_enough)} held-out voices; {FOLDS} are needed")
    chosen = sorted(long_enough, key=len, reverse=True)[:count]
    most = round(MOST_S * MOTION_RATE) * FRAME_SAMPLES
    return [s[:most] * np.float32(speech_gain([s])) for s in chosen]


def idle(sound: np.ndarray, seed: int) -> np.ndarray:
    """Rows of a portrait that hears nothing, as long as the sound."""
    silence = np.zeros(len(sound), np.float32)
    model = SpeechMotion(MotionSettings(seed=seed), threads=1)
    return np.concatenate(list(model.frames([silence])))


def listen(rows: np.ndarray, sound: np.ndarray, seed: int) -> np.ndarray:
    """Rows of an idle portrait → rows of one that listens to the sound."""
    listener = Listener(seed)
    shaped = []
    for row, frame in zip(rows, _frames(sound), strict=False):
        listener.hear(frame)
        shaped.append(listener.shape(row[None]))
    return np.concatenate(shaped)


def make_pair(rows: np.ndarray, sound: np.ndarray) -> Pair:
    """(T, 6 + D or more) rows and the levelled sound beside them → what the predictors see."""
    count = min(len(rows), len(sound) // FRAME_SAMPLES)
    row = Row.split(rows[:count])
    code = dynamics_code()
    shapes = code.read_arkit(row.codes)
    actions = ("browInnerUp", "browDown", "mouthSmile", "jawOpen")
    face = np.column_stack(
        [
            row.pose[:, TURN],
            read_eye_turn(row.codes),
            row.codes @ lid_gap(code.basis),
            *(shapes[:, find_blendshapes(action)].mean(axis=1) for action in actions),
        ]
    )
    return Pair(face - face.mean(axis=0), hear_prosody(sound[: count * FRAME_SAMPLES]))


def hear_prosody(sound: np.ndarray) -> np.ndarray:
    """(T * 640,) levelled sound → (T, 4): level, pitch, and where voice sets in and stops."""
    frames = _frames(sound)
    level = log_level(frames)
    tone = voicing_and_pitch(np.pad(sound, PITCH_MARGIN), len(frames))
    voiced = tone[:, 0] > 0.5
    usual = float(np.median(tone[voiced, 1])) if voiced.any() else 0.0
    speaks = level > np.log(10) * -38 / 20
    lately = np.convolve(speaks, np.ones(5))[: len(speaks)] > 0
    change = np.diff(lately.astype(float), prepend=0.0)
    pitch = np.where(voiced, tone[:, 1] - usual, 0.0)
    return np.column_stack(
        [level - level.mean(), pitch, np.maximum(change, 0), -np.minimum(change, 0)]
    )


def explain(pairs: list[Pair], seed: int = 0, permutations: int = PERMUTATIONS) -> Explained:
    """How much the voices explain of the faces, and of the same faces out of step.

    What is still in one of the faces is left out of all: nothing can be said of it.
    """
    spreads = np.array([pair.face.std(axis=0) for pair in pairs])
    moving = spreads.min(axis=0) > STILL
    scaled = zip(pairs, spreads[:, moving], strict=True)
    folds = _own_folds([pair.face[:, moving] / spread for pair, spread in scaled])
    voices = [pair.voice for pair in pairs]
    rng = np.random.default_rng(seed)
    shuffled = [_gain(folds, _out_of_step(voices, rng)) for _ in range(permutations)]
    frames = sum(len(pair.face) - max(OWN_LAGS) for pair in pairs)
    return Explained(_gain(folds, voices), np.array(shuffled), frames, len(pairs))


def listening_report(found: dict[str, Explained]) -> str:
    """The table that the command prints."""
    lines = [f"{'listener':<12}{'nats/frame':>11}{'shuffled':>10}{'95 %':>8}{'p':>8}{'frames':>8}"]
    for name, explained in found.items():
        most = float(np.quantile(explained.shuffled, 0.95))
        lines.append(
            f"{name:<12}{explained.gain:>11.4f}{explained.shuffled.mean():>10.4f}{most:>8.4f}"
            f"{explained.p:>8.3f}{explained.frames:>8}"
        )
    lines.append(
        "gain of knowing the other's voice beside one's own past, on listeners left out; "
        "p of the permutations, shuffled and 95 % are theirs"
    )
    return "\n".join(lines)


def _frames(sound: np.ndarray) -> np.ndarray:
    count = len(sound) // FRAME_SAMPLES
    return sound[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES)


def _own_past(face: np.ndarray) -> np.ndarray:
    first = max(OWN_LAGS)
    return np.column_stack([face[first - lag : len(face) - lag] for lag in OWN_LAGS])


def _through_bumps(voice: np.ndarray) -> np.ndarray:
    """(T, m) → (T, m * BUMPS): the past of each column under raised cosines."""
    centres = np.linspace(0, REACH, BUMPS)
    width = centres[1] - centres[0]
    at = np.arange(REACH + 1)
    kernels = np.maximum(0, 1 - np.abs(at[None] - centres[:, None]) / width)
    columns = [
        np.convolve(column, kernel)[: len(voice)] for column in voice.T for kernel in kernels
    ]
    return np.stack(columns, axis=1)


def _out_of_step(voices: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """The same voices, one after the other in a ring, turned by two seconds or more."""
    ring = np.concatenate(voices)
    turned = np.roll(ring, int(rng.integers(REACH, len(ring) - REACH)), axis=0)
    return np.split(turned, np.cumsum([len(voice) for voice in voices])[:-1])


@dataclass(frozen=True)
class _Fold:
    """One division of the listeners.

    Attributes:
        inside, out: listeners to fit by, and those left out.
        surprises: of every listener, (T - lags, k) what its own past does not foretell.
    """

    inside: list[int]
    out: list[int]
    surprises: list[np.ndarray]


def _own_folds(faces: list[np.ndarray]) -> list[_Fold]:
    own = [_own_past(face) for face in faces]
    targets = [face[max(OWN_LAGS) :] for face in faces]
    folds = []
    for number in range(min(FOLDS, len(faces))):
        out = list(range(number, len(faces), FOLDS))
        inside = [i for i in range(len(faces)) if i not in out]
        gram = sum((own[i].T @ own[i] for i in inside), np.zeros(()))
        both = sum((own[i].T @ targets[i] for i in inside), np.zeros(()))
        weights = _solve(gram, both, OWN_RIDGE)
        surprises = [y - x @ weights for x, y in zip(own, targets, strict=True)]
        folds.append(_Fold(inside, out, surprises))
    return folds


@dataclass(frozen=True)
class _Moments:
    """Sums over frames: voice by voice (q, q), voice by face (q, k), face squared (k,), frames."""

    voice: np.ndarray
    both: np.ndarray
    face: np.ndarray
    frames: int

    @staticmethod
    def of(heard: np.ndarray, surprise: np.ndarray) -> _Moments:
        return _Moments(
            heard.T @ heard, heard.T @ surprise, (surprise**2).sum(axis=0), len(surprise)
        )

    @staticmethod
    def total(parts: list[_Moments]) -> _Moments:
        return _Moments(
            np.sum([part.voice for part in parts], axis=0),
            np.sum([part.both for part in parts], axis=0),
            np.sum([part.face for part in parts], axis=0),
            sum(part.frames for part in parts),
        )

    def errors(self, weights: np.ndarray) -> np.ndarray:
        """(k,) squared errors of (q, k) weights."""
        explained = 2 * weights * self.both - weights * (self.voice @ weights)
        return self.face - explained.sum(axis=0)


def _gain(folds: list[_Fold], voices: list[np.ndarray]) -> float:
    """Nats a frame that the voices add for listeners left out."""
    heard = [_through_bumps(voice)[max(OWN_LAGS) :] for voice in voices]
    heard = [h - h.mean(axis=0) for h in heard]
    total, frames = 0.0, 0
    for fold in folds:
        moments = [_Moments.of(*both) for both in zip(heard, fold.surprises, strict=True)]
        inside = _Moments.total([moments[i] for i in fold.inside])
        weights = _fit_voice([moments[i] for i in fold.inside], inside)
        before, after = inside.face / inside.frames, inside.errors(weights) / inside.frames
        left = _Moments.total([moments[i] for i in fold.out])
        change = left.face / before - left.errors(weights) / after
        total += 0.5 * float((left.frames * np.log(before / after) + change).sum())
        frames += left.frames
    return total / frames


def _fit_voice(parts: list[_Moments], whole: _Moments) -> np.ndarray:
    """(q, k) weights; each column is shrunk as far as foretells listeners left out best."""
    inner = min(FOLDS, len(parts))
    errors = np.zeros((len(RIDGES) + 1, whole.both.shape[1]))
    for number in range(inner):
        kept = [part for i, part in enumerate(parts) if i % inner != number]
        left = _Moments.total(parts[number::inner])
        rest = _Moments.total(kept) if kept else left
        for index, ridge in enumerate(RIDGES):
            errors[index] += left.errors(_solve(rest.voice, rest.both, ridge))
        errors[-1] += left.face
    best = errors.argmin(axis=0)
    fits = [_solve(whole.voice, whole.both, ridge) for ridge in RIDGES]
    fits.append(np.zeros_like(whole.both))
    return np.stack([fits[choice][:, column] for column, choice in enumerate(best)], axis=1)


def _solve(gram: np.ndarray, both: np.ndarray, ridge: float) -> np.ndarray:
    shrunk = gram + ridge * np.diag(np.diag(gram) + 1e-9)
    return np.linalg.solve(shrunk, both)
