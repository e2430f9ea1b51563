"""Renditions of a clip's voice: the same speech by other throats, in other rooms, over other lines.

About an hour of clips holds few voices. Playing sound and motion a little faster or slower shifts
pitch and formants like another speaker's, exactly in step with the lips; tilted spectra, room
echo, narrow bands and noise stand for microphones and places. Every rendition is heard through the
speech features exactly as at run time, whole-file and live.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from openvasa.audio.level import level_speech, speech_gain
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.audio.speech_encoder import SpeechEncoder
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE, SAMPLE_RATE

PAUSE_SECONDS, SPEECH_SECONDS = (0.2, 1.6), (0.6, 3.0)
"""Lengths of the stretches that `silence_stretches` silences, and of those between."""
LIVE_FRAMES = (4, 6, 8)
"""Lengths of live windows, look-ahead included, frames."""
LIVE_CONTEXT = 16
"""Frames before a live window whose features are kept."""
LIVE_EVERY = 10
"""Frames from one live window's start to the next."""
SPEEDS = (0.87, 1.15)
FLOOR_SHARE, FLOOR_DBFS = 0.7, (-75.0, -38.0)
"""Share of paused renditions with a noise floor, and its level; speech stands at −20 dBFS."""
BREATH_SHARE, BREATH_SECONDS, BREATH_DBFS = 0.35, (0.2, 0.5), (-48.0, -28.0)
"""Share of pauses in which somebody breathes, how long, and how loud."""
_SHIPPED = MoonshineEncoder()


@dataclass(frozen=True)
class Voice:
    """Speech features of one rendition of a clip.

    Attributes:
        speed: the rendition plays the clip so much faster.
        speech: (T, dim) float16, cut as for whole files.
        paused: the same with stretches silenced.
        silenced: (T,) bool, where they are.
        live_start: (M,) int32, first frame of each live window.
        live_frames: (M,) int32, its length.
        live_paused: (M,) bool, it hears the silenced stretches.
        live: (M, LIVE_CONTEXT + max(LIVE_FRAMES), dim) float16, zeros after the window.
    """

    speed: float
    speech: np.ndarray
    paused: np.ndarray
    silenced: np.ndarray
    live_start: np.ndarray
    live_frames: np.ndarray
    live_paused: np.ndarray
    live: np.ndarray


def change_speed(samples: np.ndarray, speed: float) -> np.ndarray:
    """Play `samples` so much faster, pitch and all, by linear interpolation."""
    if speed == 1.0:
        return samples
    at = np.arange(int(len(samples) / speed)) * speed
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def disturb_sound(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another room, microphone or line: echo, spectral tilt, narrow band, noise, level."""
    sound = samples.astype(np.float32)
    if rng.random() < 0.4:
        seconds = rng.uniform(0.05, 0.35)
        tail = rng.standard_normal(int(seconds * SAMPLE_RATE)).astype(np.float32)
        tail *= np.exp(-6.9 * np.arange(len(tail)) / len(tail)).astype(np.float32)
        tail *= rng.uniform(0.1, 0.5) / np.sqrt((tail**2).sum() + 1e-9)
        tail[0] = 1.0
        sound = fftconvolve(sound, tail)[: len(sound)].astype(np.float32)
    if rng.random() < 0.6:
        tilt = rng.uniform(-0.6, 0.6)
        sound = np.asarray(lfilter([1.0, tilt], [1.0], sound), np.float32)
    if rng.random() < 0.15:
        sos = butter(4, [300, 3400], "bandpass", fs=SAMPLE_RATE, output="sos")
        sound = np.asarray(sosfilt(sos, sound), np.float32)
    level = np.sqrt((sound**2).mean()) + 1e-6
    if rng.random() < 0.7:
        noise = rng.standard_normal(len(sound)).astype(np.float32)
        pole = rng.uniform(0.0, 0.97)
        noise = np.asarray(lfilter([1.0], [1.0, -pole], noise), np.float32)
        noise *= level / (np.sqrt((noise**2).mean()) + 1e-9)
        sound = sound + noise * 10 ** (-rng.uniform(5, 40) / 20)
    return sound * np.float32(speech_gain([sound]) * 10 ** (rng.uniform(-4, 4) / 20))


def silence_stretches(
    samples: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Silence stretches of speech, over digital silence or a room's noise floor, with breaths.

    Recorded pauses hold breath and room noise; synthetic voices pause in perfect silence, which
    the clips never show. The encoder hears the silence in its place among the speech, as it will.

    Args:
        samples: (n,) float32 at the standard level.
        rng: chooses stretches, noise floor and breaths.

    Returns:
        The samples, and (T,) bool for each frame of 40 ms whether its middle was silenced.
    """
    keep = np.ones(len(samples), np.float32)
    floor = np.zeros(len(samples), np.float32)
    if rng.random() < FLOOR_SHARE:
        floor += coloured_noise(len(samples), rng) * 10 ** (rng.uniform(*FLOOR_DBFS) / 20)
    at = int(rng.uniform(0, 2) * SAMPLE_RATE)
    while at < len(samples):
        length = int(rng.uniform(*PAUSE_SECONDS) * SAMPLE_RATE)
        keep[at : at + length] = 0
        if rng.random() < BREATH_SHARE:
            breath = draw_breath(rng)
            start = at + int(rng.uniform(0, max(1, length - len(breath))))
            room = floor[start : min(start + len(breath), at + length)]
            room += breath[: len(room)]
        at += length + int(rng.uniform(*SPEECH_SECONDS) * SAMPLE_RATE)
    ramp = np.ones(160, np.float32) / 160
    frames = max(1, round(len(samples) / FRAME_SAMPLES))
    middles = ((np.arange(frames) + 0.5) * SAMPLE_RATE / MOTION_RATE).astype(int)
    silenced = keep[np.minimum(middles, len(keep) - 1)] == 0
    spoken = samples * np.convolve(keep, ramp, mode="same")
    return (spoken + floor).astype(np.float32), silenced


def coloured_noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) float32 noise of root mean square 1, from white to brown, some with mains hum."""
    pole = float(1 - 10 ** rng.uniform(-2.5, 0))
    noise = np.asarray(lfilter([1.0], [1.0, -pole], rng.standard_normal(count)))
    if rng.random() < 0.2:
        hum = 2 * np.pi * rng.choice([50.0, 60.0]) * np.arange(count) / SAMPLE_RATE
        noise = noise + noise.std() * (np.sin(hum) + 0.5 * np.sin(2 * hum))
    return (noise / (np.sqrt((noise**2).mean()) + 1e-9)).astype(np.float32)


def draw_breath(rng: np.random.Generator) -> np.ndarray:
    """(n,) float32 breath: noise of a band around 1 to 2.5 kHz that swells and dies away."""
    count = int(rng.uniform(*BREATH_SECONDS) * SAMPLE_RATE)
    middle = rng.uniform(1000, 2500)
    sos = butter(2, [middle * 0.6, middle * 1.5], "bandpass", fs=SAMPLE_RATE, output="sos")
    noise = np.asarray(sosfilt(sos, rng.standard_normal(count)))
    noise *= np.sin(np.pi * np.linspace(0, 1, count)) ** rng.uniform(0.3, 1.5)
    level = 10 ** (rng.uniform(*BREATH_DBFS) / 20)
    return (noise * level / (np.sqrt((noise**2).mean()) + 1e-9)).astype(np.float32)


def whole_features(samples: np.ndarray, encoder: SpeechEncoder = _SHIPPED) -> np.ndarray:
    """(T, dim) float16 features of levelled samples, cut as for whole files."""
    return np.concatenate(list(encoder.stream([samples]))).astype(np.float16)


def live_features(
    samples: np.ndarray, start: int, frames: int, encoder: SpeechEncoder = _SHIPPED
) -> np.ndarray:
    """(LIVE_CONTEXT + frames, dim) features as a live generator hears them at `start`."""
    first, last = (start - encoder.past) * FRAME_SAMPLES, (start + frames) * FRAME_SAMPLES
    heard = samples[max(first, 0) : last]
    heard = np.pad(heard, (max(-first, 0), 0))
    heard = np.pad(heard, (0, last - first - len(heard)))
    return encoder.segment(heard, first=encoder.past - LIVE_CONTEXT)


def make_voice(
    samples: np.ndarray, index: int, seed: int, encoder: SpeechEncoder = _SHIPPED
) -> Voice:
    """Rendition `index` of a clip's sound; 0 is the clip as it is."""
    rng = np.random.default_rng([seed, index])
    speed = 1.0 if index == 0 else float(np.exp(rng.uniform(*np.log(SPEEDS))))
    sound = change_speed(samples, speed)
    sound = level_speech(sound) if index == 0 else disturb_sound(sound, rng)
    paused, silenced = silence_stretches(sound, rng)
    speech = whole_features(sound, encoder)
    count = len(speech)
    starts = np.arange(int(rng.integers(LIVE_EVERY)), count - LIVE_FRAMES[0] + 1, LIVE_EVERY)
    if index == 0 and len(starts):
        starts[0] = 0
    lengths = rng.choice(LIVE_FRAMES, len(starts))
    lengths = np.where(starts + lengths <= count, lengths, LIVE_FRAMES[0])
    hears_pauses = rng.random(len(starts)) < 0.4
    live = np.zeros(
        (len(starts), LIVE_CONTEXT + LIVE_FRAMES[-1], speech.shape[1]), dtype=np.float16
    )
    for row, (start, frames) in enumerate(zip(starts, lengths, strict=True)):
        source = paused if hears_pauses[row] else sound
        live[row, : LIVE_CONTEXT + frames] = live_features(source, int(start), int(frames), encoder)
    return Voice(
        speed,
        speech,
        whole_features(paused, encoder),
        silenced[:count],
        starts.astype(np.int32),
        lengths.astype(np.int32),
        hears_pauses,
        live,
    )
