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
from openvasa.data.windows import TalkingClip
from openvasa.motion.generator import LOOKAHEAD, STEPS
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speaker import STYLE_NAMES, Speaker, Speakers
from openvasa.motion.window_loop import WindowLoop
from openvasa.motion.window_network import Guidance, WindowNetwork
from openvasa.rates import FRAME_SAMPLES
from openvasa.train.speech_motion_data import LARGEST_STYLE, StyleScale

SPEECHES = 240
"""Speeches that the response is measured on, of different people first."""
LONGEST_FRAMES = 250
LEAST_VARIANCE = 1e-3
"""Of what is asked for, below which its slope cannot be told."""
LEAST_SLOPE = 0.3
"""A style that the network hardly hears is not shouted at it."""


@dataclass(frozen=True)
class StyleResponse:
    """Shown style ≈ `shift` + `slope` · asked style, number by number.

    Attributes:
        slope, shift: (8,) in the order of `STYLE_NAMES`.
    """

    slope: np.ndarray
    shift: np.ndarray

    def ask_for(self, styles: np.ndarray) -> np.ndarray:
        """(M, 8) styles to be shown → (M, 8) float32 styles to ask for."""
        asked = (styles - self.shift) / np.maximum(self.slope, LEAST_SLOPE)
        return np.clip(asked, -LARGEST_STYLE, LARGEST_STYLE).astype(np.float32)

    @property
    def text(self) -> str:
        """A line for every number of a style."""
        rows = zip(STYLE_NAMES, self.slope, self.shift, strict=True)
        return "\n".join(f"{name}: shown {b:+.2f} {a:+.2f} · asked" for name, a, b in rows)


def measure_response(
    network: WindowNetwork,
    clips: Sequence[TalkingClip],
    scale: StyleScale,
    encoder: SpeechEncoder,
) -> StyleResponse:
    """Let training people speak in their own style, and fit what is shown to what is asked.

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
        made = _speak(network, clip.speech[: len(motion)], speaker, encoder, seed=number)
        asked.append(speaker.style)
        shown.append(scale.style(made))
    pairs = zip(np.array(asked, float).T, np.array(shown, float).T, strict=True)
    fits = np.array([_fit_line(ask, show) for ask, show in pairs])
    return StyleResponse(fits[:, 0], fits[:, 1])


def _fit_line(asked: np.ndarray, shown: np.ndarray) -> tuple[float, float]:
    """Slope and shift; slope 1 where everybody was asked for the same."""
    around = asked - asked.mean()
    varies = float(around @ around)
    slope = float(around @ shown) / varies if varies > LEAST_VARIANCE * len(asked) else 1.0
    return slope, float(shown.mean() - slope * asked.mean())


def answer_styles(speakers: Speakers, response: StyleResponse) -> Speakers:
    """The same people, asked for so that they show their styles."""
    return replace(speakers, styles=response.ask_for(speakers.styles))


def _choose(clips: Sequence[TalkingClip]) -> list[TalkingClip]:
    """Clips with sound, one of every person before a second of any."""
    seen: dict[str, int] = {}
    ranked = []
    for clip in clips:
        if clip.clip.sound and clip.clip.kind == "real":
            seen[clip.clip.group] = seen.get(clip.clip.group, 0) + 1
            ranked.append((seen[clip.clip.group], clip))
    ranked.sort(key=lambda entry: entry[0])
    return [clip for _, clip in ranked[:SPEECHES]]


def _speak(
    network: WindowNetwork,
    features: np.ndarray,
    speaker: Speaker,
    encoder: SpeechEncoder,
    *,
    seed: int,
) -> np.ndarray:
    """(T, dim) features → (T, 6 + D) motion of a speaker, as in files, without corrections."""
    prior = network.space.prior
    quiet = np.zeros((prior.recent + prior.window) * FRAME_SAMPLES, np.float32)
    silence = np.concatenate(list(encoder.stream([quiet])))
    guidance = Guidance(MotionSettings().audio_guidance)
    loop = WindowLoop(network, speaker, silence, seed=seed, steps=STEPS, guidance=guidance)
    kept = prior.window - LOOKAHEAD
    windows = -(-len(features) // kept)
    missing = windows * kept + LOOKAHEAD - len(features)
    heard = np.concatenate([silence[-prior.recent :], features])
    heard = np.pad(heard, ((0, missing), (0, 0)), mode="edge")
    pieces = [
        loop.generate(heard[at : at + prior.recent + prior.window], kept)[:kept]
        for at in range(0, windows * kept, kept)
    ]
    return np.concatenate(pieces)[: len(features)]
