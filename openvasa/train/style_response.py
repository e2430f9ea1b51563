"""What a trained generator makes of a speaking style, and what to ask so that it shows it.

A network that has learnt from an hour of clips answers a style by less than all of it: rare things,
such as blinks, come too seldom. Both are measured on training people: each speaks the clip's own
sound in the clip's own style, and the style of what comes out is compared with what was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from openvasa.audio.speech_encoder import SpeechEncoder
from openvasa.data.clip_list import Kind
from openvasa.data.talking_clips import TalkingClip
from openvasa.motion.correction import CORRECTIONS
from openvasa.motion.generator import MotionGenerator
from openvasa.motion.row import without_tongue
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speaker import STYLE_NAMES, Speaker, Speakers
from openvasa.motion.window_network import WindowNetwork
from openvasa.train.speech_motion_data import LARGEST_STYLE, StyleScale

SPEECHES = 240
"""Speeches that the response is measured on, of different people first."""
LONGEST_FRAMES = 250
UNCORRECTED = tuple(correction.name for correction in CORRECTIONS)
"""A style is what the network itself shows."""
LEAST_VARIANCE = 1e-3
"""Of what is asked for, below which a response to it cannot be told."""
LARGEST_GAIN = 1.5
"""A style that the network hardly hears is not shouted at it."""


@dataclass(frozen=True)
class StyleResponse:
    """What to ask for, number by number: `shift` + `gain` · the style to be shown.

    What is shown is what was asked, in part, and chance. Gain and shift are those with which the
    styles shown have the mean and the spread of those wanted; undoing the part alone would spread
    them too far.

    Attributes:
        gain, shift: (8,) in the order of `STYLE_NAMES`.
    """

    gain: np.ndarray
    shift: np.ndarray

    def ask_for(self, styles: np.ndarray) -> np.ndarray:
        """(M, 8) styles to be shown → (M, 8) float32 styles to ask for."""
        asked = self.shift + self.gain * styles
        return np.clip(asked, -LARGEST_STYLE, LARGEST_STYLE).astype(np.float32)

    @property
    def text(self) -> str:
        """A line for every number of a style."""
        rows = zip(STYLE_NAMES, self.gain, self.shift, strict=True)
        return "\n".join(f"{name}: ask for {b:+.2f} {a:+.2f} · shown" for name, a, b in rows)


def measure_response(
    network: WindowNetwork,
    clips: Sequence[TalkingClip],
    scale: StyleScale,
    encoder: SpeechEncoder,
) -> StyleResponse:
    """Let training people speak in their own style, and compare what is shown with it.

    Args:
        network: as it ships.
        clips: of training people; those with sound count.
        scale: of the styles that the network learnt.
        encoder: made the clips' features.
    """
    asked, shown = [], []
    for number, clip in enumerate(tqdm(_choose(clips), desc="style response")):
        motion = clip.motion[:LONGEST_FRAMES]
        speaker = Speaker(scale.style(motion), scale.head(motion))
        settings = MotionSettings(seed=number, speaker=speaker)
        generator = MotionGenerator(network, settings, encoder, without=UNCORRECTED)
        rows = [generator.feed(clip.speech[: len(motion)]), generator.finish()]
        asked.append(speaker.style)
        shown.append(scale.style(without_tongue(np.concatenate(rows))))
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


def answer_styles(speakers: Speakers, response: StyleResponse) -> Speakers:
    """The same people, asked for so that they show their styles."""
    return replace(speakers, styles=response.ask_for(speakers.styles))


def _choose(clips: Sequence[TalkingClip]) -> list[TalkingClip]:
    """Clips with sound, one of every person before a second of any."""
    seen: dict[str, int] = {}
    ranked = []
    for clip in clips:
        if clip.clip.sound and clip.clip.kind == Kind.REAL:
            seen[clip.clip.group] = seen.get(clip.clip.group, 0) + 1
            ranked.append((seen[clip.clip.group], clip))
    ranked.sort(key=lambda entry: entry[0])
    return [clip for _, clip in ranked[:SPEECHES]]
