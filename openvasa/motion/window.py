"""One window of motion: the diffusion network, its guidance and what makes windows join.

Live streams use a network distilled from this one (`hop.py`), in the same normalised motion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.backend import Network, load_onnx
from openvasa.face.dynamics import dynamics_code, lid_gap, lip_gap
from openvasa.face.topology import ASSETS
from openvasa.motion.articulation import PRESS, REACH, TONGUE_DIM
from openvasa.motion.controls import DISTANCE, GROUPS
from openvasa.motion.motion import POSE_DIM
from openvasa.motion.schedule import ddim_sample
from openvasa.motion.settings import MotionSettings
from openvasa.motion.smoothing import smoothed
from openvasa.motion.steering import led

NETWORK_FILE = ASSETS / "motion.onnx"
NORMALISER_FILE = ASSETS / "motion_normaliser.npz"

POSE_FILTER_FRAMES, HOP_POSE_FILTER_FRAMES = 11, 9
"""Windows of the quadratic filter on generated head poses, of whole files and of live hops. The
wider one joins windows of 50 frames with less of a jolt, and hops of 3 with more."""
TREMBLE_HZ, TREMBLE_RELEASE = 1.0, 3.0
"""Cut-off of a resting code, and how it rises with the code's speed (deviations a second)."""
NEARLY_MET, HOP_NEARLY_MET = 0.42, 0.54
"""Lip gaps below which lips go on to meet, canonical units (about 4 and 5 mm), of whole files and
of live hops: who hears less of what comes closes the lips by halves more often."""
NEARLY_SHUT, WIDE_AWAKE, SHUT_BY = 0.5, 0.72, 0.1
"""Lid openings, of a resting face's, below which lids go on to shut by `SHUT_BY`, and above which
they do nothing of the kind. Of the dips that held-out people's lids make, 27 % go below 0.15; of
generated ones 20 % did (live 10 %), and now do 29 % (16 %)."""
PRESS_FROM, PRESS_FULL = 0.15, 0.45
"""Reading at which lips begin to close for p, b and m, and from which on they are closed."""
REACH_FROM, REACH_FULL, LET_THROUGH = 0.3, 0.7, 0.4
"""Reading at which lips begin to part for the tongue's tip (th), from which on they let it through,
and the lip gap that takes, canonical units (4 mm): three quarters of the real mouths of the
training clips are open as far or farther there."""
MOUTH_NOISE, HOP_MOUTH_NOISE = 0.5, 0.3
"""Amplitude of the noise that a mouth is made of, in whole files and live, against what the
networks were trained with: a low temperature. Speech says what a mouth does, so that most of what
chance adds there is wrong; of head and brows it says little, and their variety stays whole."""
LID_NOISE, HOP_LID_NOISE = 0.85, 0.92
"""The same of the opening of the lids, which decides how often they blink."""
GUIDED_EVERY = 2
"""Sampling steps from one that evaluates the network without each guided condition to the next;
those between go by what it said. Every step did so before: on held-out clips the same motion within
1 % of S_C and CAPP, for four fifths of the work (as the guidance cache of FasterCache, Lv et al.,
arXiv:2410.19355, does for video)."""
CODE_LIMIT = 6.0
"""Standard deviations; real motion lies within, so strange audio cannot throw the face further."""


_AUDIO = -1
"""Stands for the audio among the conditions, which are otherwise numbers of `GROUPS`."""


@dataclass(frozen=True)
class MotionSpace:
    """Normalised motion, in which the networks work, and what is done to it beside them.

    Attributes:
        mean, deviation: (6 + D,) of motion.
        context: frames before a window that a network sees.
        window: frames of the longest window.
        encoder_name, feature_dim: the speech encoder that the network was trained with.
        mouth_noise, lid_noise: amplitude of their noise.
    """

    mean: np.ndarray
    deviation: np.ndarray
    context: int
    window: int
    encoder_name: str = MoonshineEncoder.name
    feature_dim: int = MoonshineEncoder.dim
    mouth_noise: float = MOUTH_NOISE
    lid_noise: float = LID_NOISE

    def at_rest(self) -> np.ndarray:
        """(context, 6 + D) normalised motion of a portrait at rest: what comes before the start."""
        return np.tile(-self.mean / self.deviation, (self.context, 1)).astype(np.float32)

    def noise(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """(count, 6 + D) float32 noise to make motion of, less of it for mouth and lids."""
        drawn = rng.standard_normal((count, len(self.mean))).astype(np.float32)
        drawn[:, POSE_DIM:] @= self._calming
        return drawn

    @cached_property
    def _calming(self) -> np.ndarray:
        """(D, D) from normalised codes to the same with less of mouth and lids."""
        code, deviation = dynamics_code(), self.deviation[POSE_DIM:]
        mouth = deviation[:, None] * code.mouth_projection().T / deviation
        lids = lid_gap(code.basis) * deviation
        lids = np.outer(lids, lids) / (lids @ lids)
        kept = np.eye(code.size) - (1 - self.mouth_noise) * mouth - (1 - self.lid_noise) * lids
        return kept.astype(np.float32)

    def led(self, context: np.ndarray, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """(context, 6 + D) normalised motion on its way to the controls; see `steering.led`."""
        before = led(context * self.deviation + self.mean, values[-1], known)
        return ((before - self.mean) / self.deviation).astype(np.float32)

    def limited(self, clean: np.ndarray, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """(n, 6 + D) as a network predicted it, within limits and at the distance asked for."""
        limited = np.clip(clean, -CODE_LIMIT, CODE_LIMIT)
        # After the limit: a distance asked for lies far outside what people do by themselves.
        self._keep_distance(limited, values[self.context :], known)
        return limited

    def _keep_distance(self, clean: np.ndarray, values: np.ndarray, known: np.ndarray) -> None:
        """Shift the window's head distance to the one asked for, which the network only nears."""
        if not known[GROUPS.index(DISTANCE)]:
            return
        mean, deviation = self.mean[POSE_DIM - 1], self.deviation[POSE_DIM - 1]
        distance = clean[:, POSE_DIM - 1] * deviation + mean
        clean[:, POSE_DIM - 1] += (values[:, DISTANCE].mean() - distance.mean()) / deviation

    def steadied(self, clean: np.ndarray, context: np.ndarray) -> np.ndarray:
        """Filter a window's head pose as the tracked poses it was trained on were, and take the
        trackers' tremble, which the network has learnt as well, off a resting face."""
        pose = np.concatenate([context, clean])[:, :POSE_DIM]
        hop = len(clean) < POSE_FILTER_FRAMES
        width = HOP_POSE_FILTER_FRAMES if hop else POSE_FILTER_FRAMES
        steady = smoothed(pose, width, 2).astype(np.float32)
        dynamics = without_tremble(clean[:, POSE_DIM:], context[-1, POSE_DIM:])
        mean, deviation = self.mean[POSE_DIM:], self.deviation[POSE_DIM:]
        nearly_met = HOP_NEARLY_MET if hop else NEARLY_MET
        closed = (lips_met(dynamics * deviation + mean, nearly_met) - mean) / deviation
        return np.hstack([steady[len(context) :], closed])


@lru_cache(maxsize=2)
def motion_space(
    file: Path = NORMALISER_FILE, mouth_noise: float = MOUTH_NOISE, lid_noise: float = LID_NOISE
) -> MotionSpace:
    """That of a shipped network."""
    with np.load(file) as data:
        return MotionSpace(
            data["mean"].astype(np.float32),
            data["deviation"].astype(np.float32),
            int(data["context"]),
            int(data["window"]),
            mouth_noise=mouth_noise,
            lid_noise=lid_noise,
        )


@dataclass(frozen=True)
class WindowModel:
    """The shipped network of whole files.

    Attributes:
        network: see `train.motion_network.MotionNetwork.forward` for inputs and output.
        space: the normalised motion it generates.
    """

    network: Network
    space: MotionSpace

    def sample(
        self,
        noise: np.ndarray,
        context: np.ndarray,
        audio: np.ndarray,
        steering: tuple[np.ndarray, np.ndarray],
        settings: MotionSettings,
    ) -> np.ndarray:
        """Generate one window.

        Args:
            noise: (n, 6 + D) standard normal.
            context: (context, 6 + D) normalised motion before the window.
            audio: (context + n, feature_dim) speech features.
            steering: values (context + n, CONTROL_DIM) and known (3,), from `Controls.rows`.
            settings: guidance, steps and style.

        Returns:
            (n, 6 + D) float32 normalised motion.
        """
        values, known = steering
        scales = _guidance(settings, known, noise.shape[1])
        rows = 1 + len(scales)
        has_audio, has_controls = np.ones(rows, np.float32), np.tile(known, (rows, 1))
        for row, condition in enumerate(scales, start=1):
            if condition == _AUDIO:
                has_audio[row] = 0
            else:
                has_controls[row, condition] = 0
        before = self.space.led(context, values, known)
        fixed = [np.stack([part] * rows) for part in (before, audio, settings.style, values)] + [
            np.ones(rows, np.float32),
            has_audio,
            np.ones(rows, np.float32),
            has_controls,
        ]

        guidance, steps = np.zeros_like(noise), 0

        def predict(noisy: np.ndarray, time: float) -> np.ndarray:
            nonlocal guidance, steps
            asked = 1 if steps % GUIDED_EVERY else rows
            times = np.full(asked, time, np.float32)
            given = [part[:asked] for part in fixed]
            (clean,) = self.network(np.stack([noisy] * asked), times, *given)
            if asked == rows:
                guidance = np.zeros_like(noise)
                for row, scale in enumerate(scales.values(), start=1):
                    guidance += scale * (clean[0] - clean[row])
            steps += 1
            return self.space.limited(clean[0] + guidance, values, known)

        return self.space.steadied(ddim_sample(predict, noise, settings.steps), context)


def without_tremble(codes: np.ndarray, before: np.ndarray) -> np.ndarray:
    """One-euro filter (Casiez, Roussel & Vogel, CHI 2012): slow where a code rests, quick where it
    moves, so that speech and blinks lose next to nothing.

    Args:
        codes: (n, D) normalised dynamics, 25 frames a second.
        before: (D,) the frame before them, filtered.
    """
    steady = np.empty_like(codes)
    for frame, code in enumerate(codes):
        cutoff = TREMBLE_HZ + TREMBLE_RELEASE * 25 * np.abs(code - before)
        before = before + (code - before) / (1 + 25 / (2 * np.pi * cutoff))
        steady[frame] = before
    return steady


def lips_met(codes: np.ndarray, nearly_met: float = NEARLY_MET) -> np.ndarray:
    """Let lips that nearly meet, meet: (n, D) → (n, D) float32 dynamics.

    What a network is unsure of it does by halves. Below `nearly_met` the generated lip gaps are
    brought to the distribution of real ones: in speech, the narrowest fifth of real gaps goes up to
    0.04 units, that of generated ones went up to 0.12.
    """
    gap = codes @ _lip_opening()[0]
    return _lips_brought(codes, gap, _narrowed(gap, _smooth(0, nearly_met, gap)))


def lids_shut(codes: np.ndarray) -> np.ndarray:
    """Let lids that nearly shut, shut: (n, D) → (n, D) float32 dynamics.

    A blink lasts five frames; unsure which of them is the lowest, a network makes a shallow one.
    """
    reading, step = _lid_opening()
    opening = 1 + codes @ reading
    further = np.minimum(
        SHUT_BY * _smooth(WIDE_AWAKE, NEARLY_SHUT, opening), np.maximum(opening, 0)
    )
    return (codes - further[:, None] * step).astype(np.float32)


@lru_cache(maxsize=1)
def _lid_opening() -> tuple[np.ndarray, np.ndarray]:
    """(D,) float32 each: reads the opening of the lids off a code, 0 at rest and −1 shut, and the
    code that opens them by 1, with what goes with the lids in people, the mouth apart."""
    code = dynamics_code()
    reading = lid_gap(code.basis) / lid_gap(code.mean_shape)
    step = motion_space().deviation[POSE_DIM:] ** 2 * reading
    step = step - code.mouth_projection() @ step
    return reading, step / (reading @ step)


def _smooth(low: float, high: float, values: np.ndarray) -> np.ndarray:
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _narrowed(gap: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(n,) lip gaps of which a share is kept; closed lips stay as they are."""
    return gap - np.maximum(gap, 0) * (1 - kept)


def _lips_brought(codes: np.ndarray, gap: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(n, D) float32 codes whose (n,) lip gaps are brought to other ones."""
    return (codes + (wanted - gap)[:, None] * _lip_opening()[1]).astype(np.float32)


@lru_cache(maxsize=1)
def _lip_opening() -> tuple[np.ndarray, np.ndarray]:
    """(D,) float32 each: reads the lip gap off a code, and the code that opens it by one unit and
    moves mouth and jaw only."""
    code = dynamics_code()
    reading = lip_gap(code.basis)
    step = code.mouth_projection() @ reading
    return reading, step / (reading @ step)


def _guidance(settings: MotionSettings, known: np.ndarray, size: int) -> dict[int, np.ndarray]:
    """Guidance scale (6 + D,) of each condition that is guided, controls by their group."""
    scales: dict[int, np.ndarray] = {}
    if settings.audio_guidance:
        # Speech says little about the head; extrapolating what it says would make it shake.
        scales[_AUDIO] = np.full(size, settings.audio_guidance, np.float32)
        scales[_AUDIO][:POSE_DIM] = 0
    for group, scale in ((0, settings.gaze_guidance), (2, settings.emotion_guidance)):
        if known[group] and scale:
            scales[group] = np.full(size, scale, np.float32)
    return scales


@lru_cache(maxsize=2)
def window_model(threads: int) -> WindowModel:
    """The shipped model, loaded once for each number of CPU threads."""
    return WindowModel(load_onnx(NETWORK_FILE, threads=threads, by_rows=True), motion_space())


def eased(
    frames: np.ndarray, context: np.ndarray, dynamics_frames: float, pose_frames: float
) -> np.ndarray:
    """Let a window start where the one before was heading.

    Args:
        frames: (n, 6 + D) normalised motion of the window.
        context: the motion before it, at least two frames.
        dynamics_frames, pose_frames: over how many frames what is left of a step at the start is
            spread: lips must soon follow the speech again, the head has time.
    """
    step = 1.5 * context[-1] - 0.5 * context[-2] - frames[0]
    at = np.arange(len(frames), dtype=np.float32)[:, None]
    length = np.full(len(step), dynamics_frames, np.float32)
    length[:POSE_DIM] = pose_frames
    fade = (1 + np.cos(np.pi * np.minimum(at / length, 1))) / 2
    return frames + step * fade


def articulated(motion: np.ndarray, reading: np.ndarray) -> np.ndarray:
    """Rows of motion from what a generator made and what was read off the same speech.

    Args:
        motion: (n, 6 + D).
        reading: (n, ARTICULATION_DIM).

    Returns:
        (n, 6 + D + 2) float32: the lips closed where they are pressed and parted where the tongue
        comes out, lids shut where they nearly are, and the tongue.
    """
    pose, codes = np.split(motion, [POSE_DIM], axis=1)
    # Not earlier: a generator that sees its own eyes shut further goes on shutting them.
    codes = lids_shut(codes)
    let_through = LET_THROUGH * _smooth(REACH_FROM, REACH_FULL, reading[:, REACH])
    pressed = _smooth(PRESS_FROM, PRESS_FULL, reading[:, PRESS])
    gap = codes @ _lip_opening()[0]
    wanted = _narrowed(np.maximum(gap, let_through), 1 - pressed)
    codes = _lips_brought(codes, gap, wanted)
    return np.hstack([pose, codes, reading[:, :TONGUE_DIM]]).astype(np.float32)
