"""Speakers that a seed draws: people of the training clips who are heard to speak.

A style is the spread of a whole clip. A face that says two syllables and waits moves little over
the clip, however lively it is in them, and a clip without sound may show a listener. Drawn for
somebody who speaks all the time, such styles are too calm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openvasa.audio.speech_encoder import SpeechEncoder
from openvasa.data.talking_clips import TalkingClip
from openvasa.errors import InputError
from openvasa.motion.speaker import Speakers, average_amounts, count_people_alike
from openvasa.rates import FRAME_SAMPLES
from openvasa.train.style_scale import StyleScale

SPEAKER_FRAMES = 75
"""A shorter clip says too little of how a person moves."""
SPOKEN_SHARE = 0.7
"""Of a clip's frames that are heard to be speech. Few clips lie near it: people speak on, or they
say a few syllables."""
SPOKEN_DISTANCE = 0.7
"""Of the usual distance between features and those of silence, from which on a frame is speech."""
SILENCE_FRAMES = 60
"""Frames of silence that are heard; the middle third has neither its beginning nor its end."""


def find_speakers(clips: Sequence[TalkingClip], encoder: SpeechEncoder) -> list[TalkingClip]:
    """Those of the clips that show somebody who speaks most of the time, 3 s or longer.

    Args:
        clips: of real people.
        encoder: made the features of their voices.

    Raises:
        InputError: there is none.
    """
    heard = [c for c in clips if c.clip.sound and len(c.motion) >= SPEAKER_FRAMES]
    shares = measure_spoken_shares([c.speech for c in heard], encoder)
    speakers = [c for c, share in zip(heard, shares, strict=True) if share >= SPOKEN_SHARE]
    if not speakers:
        raise InputError(
            f"training clips: nobody speaks for {SPOKEN_SHARE:.0%} of a clip of "
            f"{SPEAKER_FRAMES} frames or more; give longer clips of people who talk"
        )
    return speakers


def measure_spoken_shares(speeches: Sequence[np.ndarray], encoder: SpeechEncoder) -> list[float]:
    """Share of the frames of each speech's (T, dim) features that are not silence."""
    samples = np.zeros(SILENCE_FRAMES * FRAME_SAMPLES, np.float32)
    third = SILENCE_FRAMES // 3
    silence = np.concatenate(list(encoder.stream([samples])))[third:-third].mean(axis=0)
    distances = [np.sqrt(((speech - silence) ** 2).mean(axis=1)) for speech in speeches]
    if not distances:
        return []
    least = SPOKEN_DISTANCE * np.median(np.concatenate(distances))
    return [float((distance > least).mean()) for distance in distances]


def fit_speakers(speaking: Sequence[TalkingClip], scale: StyleScale) -> Speakers:
    """The people of the clips, every one of them alike.

    Args:
        speaking: clips by `find_speakers`.
        scale: of the styles that the network learns.
    """
    styles = scale.people(speaking)
    chances = count_people_alike([clip.clip.group for clip in speaking])
    return Speakers(
        styles,
        np.array([scale.head(clip.motion) for clip in speaking], np.float32),
        chances,
        average_amounts(styles, scale.deviation, chances),
    )
