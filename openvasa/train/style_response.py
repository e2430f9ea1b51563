"""What a trained generator makes of a speaking style, and what to ask so that it shows it.

A network that has learnt from an hour of clips answers a style by less than all of it: rare things,
such as blinks, come too seldom, in streams most of all. It is measured on training people, in files
and in streams: each speaks the clip's own sound in the clip's own style, and the style of what
comes out is compared with what was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.audio.level import level_speech
from openvasa.audio.speech_encoder import SpeechEncoder
from openvasa.data.clip_list import Clip
from openvasa.data.prepare import clip_samples
from openvasa.data.talking_clips import TalkingClip
from openvasa.motion.correction import CORRECTIONS
from openvasa.motion.generator import MotionGenerator
from openvasa.motion.row import without_tongue
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speaker import Speaker, StyleResponse
from openvasa.motion.streaming import StreamingGenerator
from openvasa.motion.window_network import WindowNetwork
from openvasa.rates import FRAME_SAMPLES
from openvasa.train.style_scale import StyleScale

SPEECHES = 240
"""Speeches that the response is measured on, of different people first."""
LONGEST_FRAMES = 250
UNCORRECTED = tuple(correction.name for correction in CORRECTIONS)
"""A style is what the network itself shows."""
LEAST_VARIANCE = 1e-3
"""Of what is asked for, below which a response to it cannot be told."""
LARGEST_GAIN = 1.5
"""A style that the network hardly hears is not shouted at it."""


Speak = Callable[[TalkingClip, MotionSettings], np.ndarray]
"""Makes (T, 6 + D + 2) rows of motion for what is said in a clip."""


def speak_in_files(network: WindowNetwork, encoder: SpeechEncoder) -> Speak:
    """Generate as for whole files, with no response."""
    network = _without_response(network)

    def speak(clip: TalkingClip, settings: MotionSettings) -> np.ndarray:
        generator = MotionGenerator(network, settings, encoder, without=UNCORRECTED)
        return np.concatenate([generator.feed(clip.speech[:LONGEST_FRAMES]), generator.finish()])

    return speak


def speak_in_streams(
    network: WindowNetwork, encoder: SpeechEncoder, sound_of: Callable[[Clip], np.ndarray]
) -> Speak:
    """Generate as in a stream of the usual hop and look-ahead, with no response.

    Args:
        network: as it ships.
        encoder: hears the speech.
        sound_of: (n,) float32 levelled samples at 16 kHz of a clip.
    """
    network = _without_response(network)

    def speak(clip: TalkingClip, settings: MotionSettings) -> np.ndarray:
        generator = StreamingGenerator(settings, encoder, without=UNCORRECTED, network=network)
        samples = sound_of(clip.clip)[: LONGEST_FRAMES * FRAME_SAMPLES]
        return np.concatenate([generator.push(samples), generator.finish()])

    return speak


def read_sound(clips: Path, clip: Clip) -> np.ndarray:
    """(n,) float32 levelled samples of a clip in the folder that the cache was made from."""
    return level_speech(clip_samples(clips / f"{clip.name}.mp4"))


def _without_response(network: WindowNetwork) -> WindowNetwork:
    none = StyleResponse.none()
    return replace(network, space=replace(network.space, in_files=none, in_streams=none))


def measure_response(
    speak: Speak, clips: Sequence[TalkingClip], scale: StyleScale
) -> StyleResponse:
    """Let training people speak in their own style, and compare what is shown with it.

    Gain and shift are those with which the styles shown have the mean and the spread of those
    wanted. What is shown is what was asked, in part, and chance; undoing the part alone would
    spread styles too far.

    Args:
        speak: makes the motion.
        clips: of training people who speak (`speakers.find_speakers`).
        scale: of the styles that the network learnt.
    """
    asked, shown = [], []
    for number, clip in enumerate(tqdm(_choose(clips), desc="style response")):
        motion = clip.motion[:LONGEST_FRAMES]
        speaker = Speaker(scale.style(motion), scale.head(motion))
        rows = speak(clip, MotionSettings(seed=number, speaker=speaker))
        asked.append(speaker.style)
        shown.append(scale.style(without_tongue(rows)))
    pairs = zip(np.array(asked, float).T, np.array(shown, float).T, strict=True)
    fits = np.array([match_spread(ask, show) for ask, show in pairs])
    return StyleResponse(fits[:, 0], fits[:, 1])


def match_spread(asked: np.ndarray, shown: np.ndarray) -> tuple[float, float]:
    """Gain and shift with which what is shown would have mean and spread of what was asked."""
    variance = float(asked.var())
    if variance < LEAST_VARIANCE:
        return 1.0, float(asked.mean() - shown.mean())
    slope = float(((asked - asked.mean()) * shown).mean()) / variance
    chance = float((shown - slope * asked).var())
    share = np.sqrt(max(0.0, 1 - chance / variance))
    gain = float(np.clip(share / max(slope, 1e-3), 0, LARGEST_GAIN))
    usual = float(shown.mean() - slope * asked.mean())
    return gain, float((asked.mean() - usual) / max(slope, 1 / LARGEST_GAIN) - gain * asked.mean())


def _choose(clips: Sequence[TalkingClip]) -> list[TalkingClip]:
    """Some of the clips, one of every person before a second of any."""
    seen: dict[str, int] = {}
    ranked = []
    for clip in clips:
        seen[clip.clip.group] = seen.get(clip.clip.group, 0) + 1
        ranked.append((seen[clip.clip.group], clip))
    ranked.sort(key=lambda entry: entry[0])
    return [clip for _, clip in ranked[:SPEECHES]]
