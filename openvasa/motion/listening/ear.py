"""The other's sound → what a listener answers to: phrase ends, low pitch, rises, loudness, smiles.

Everything is measured against the same voice over the last half minute, so that no voice is
taken for excited or smiling because it is high or bright.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from openvasa.audio.prosody import BANDS, PITCH_MARGIN, band_levels, voicing_and_pitch
from openvasa.motion.listening.numbers import ListeningNumbers
from openvasa.motion.listening.speech_run import SpeechRun
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE

VOICED = 0.5
"""Voicing from which on a frame has a pitch, as in the fit."""
LEAST_VOICED = MOTION_RATE
"""Voiced frames that are heard before anything is usual or unusual."""
TAIL = 12
"""Voiced frames at a phrase's end in which a rise is looked for; its last two are its end."""


@dataclass(frozen=True)
class Cue:
    """What one frame of the other's sound says.

    Attributes:
        speaks: there is speech in it.
        invites: a region of low pitch that a listener answers to.
        ends: a phrase has ended, a pause ago.
        lengthened: its last syllable was longer than most (phrase-final lengthening: Wightman et
            al., Journal of the Acoustical Society of America 91, 1992).
        asks: its pitch rose at the end.
        startles: louder and higher than nearly ever.
        loudness: log level against the usual one of this voice.
        smile: heard smile, as a change of `mouthSmile` against the usual one of this voice.
    """

    speaks: bool
    invites: bool = False
    ends: bool = False
    lengthened: bool = False
    asks: bool = False
    startles: bool = False
    loudness: float = 0.0
    smile: float = 0.0


class PartnerEar:
    """Hears the other's voice, at its standard level (`audio.level`), in chunks of any length."""

    def __init__(self, numbers: ListeningNumbers) -> None:
        self._numbers = numbers
        self._held = np.zeros(PITCH_MARGIN, np.float32)
        self._run = SpeechRun(_frames(numbers.pause_s))
        memory = _frames(numbers.memory_s)
        self._pitches: deque[float] = deque(maxlen=memory)
        self._levels: deque[float] = deque(maxlen=memory)
        self._syllables: deque[int] = deque(maxlen=memory)
        self._tail: deque[float] = deque(maxlen=TAIL)
        self._voiced = self._low = self._high = 0
        self._startled = False
        self._tone = UsualTone(numbers)

    def hear(self, samples: np.ndarray) -> list[Cue]:
        """Add (n,) float32 samples at 16 kHz; returns the cues of the frames that are whole."""
        self._held = np.concatenate([self._held, samples.astype(np.float32)])
        count = (len(self._held) - 2 * PITCH_MARGIN) // FRAME_SAMPLES
        if count < 1:
            return []
        used = self._held[: count * FRAME_SAMPLES + 2 * PITCH_MARGIN]
        self._held = self._held[count * FRAME_SAMPLES :]
        frames = used[PITCH_MARGIN : PITCH_MARGIN + count * FRAME_SAMPLES].reshape(count, -1)
        tones = voicing_and_pitch(used, count)
        bands = band_levels(frames)
        return [self._hear(*parts) for parts in zip(frames, tones, bands, strict=True)]

    def _hear(self, frame: np.ndarray, tone: np.ndarray, bands: np.ndarray) -> Cue:
        speaks, level = self._run.hear(frame)
        voiced = speaks and tone[0] > VOICED
        pitch = float(tone[1])
        if voiced:
            self._tone.hear(bands, level)
        invites, startles = self._follow_pitch(voiced, pitch, level)
        self._follow_syllable(voiced)
        cue = Cue(
            speaks,
            invites,
            startles=startles,
            loudness=self._tone.loudness if speaks else 0.0,
            smile=self._tone.smile,
        )
        return self._end_phrase(cue) if self._run.just_ended else cue

    def _follow_pitch(self, voiced: bool, pitch: float, level: float) -> tuple[bool, bool]:
        """Whether the frame completes a region of low pitch, or of pitch and level both high."""
        if not voiced:
            return False, False
        numbers, needed = self._numbers, _frames(self._numbers.low_s)
        usual = len(self._pitches) >= LEAST_VOICED
        low = usual and pitch < np.quantile(self._pitches, numbers.low_share)
        high = usual and pitch > np.quantile(self._pitches, numbers.loud_share)
        high = bool(high and level > np.quantile(self._levels, numbers.loud_share))
        self._low = self._low + 1 if low else 0
        self._high = self._high + 1 if high else 0
        self._pitches.append(pitch)
        self._levels.append(level)
        self._tail.append(pitch)
        long_enough = self._run.spoken >= _frames(numbers.speech_s)
        invites = self._low == needed and long_enough
        startles = self._high == needed and not self._startled
        self._startled |= startles
        return invites, startles

    def _follow_syllable(self, voiced: bool) -> None:
        if voiced:
            self._voiced += 1
        elif self._voiced:
            self._syllables.append(self._voiced)
            self._voiced = 0

    def _end_phrase(self, cue: Cue) -> Cue:
        ended = self._run.spoken >= _frames(self._numbers.speech_s)
        usual = len(self._syllables) > 2
        lengthened = usual and self._syllables[-1] > float(np.median(self._syllables))
        tail = np.array(self._tail)
        self._tail.clear()
        self._low = self._high = 0
        self._startled = False
        asks = ended and self._rises(tail)
        return Cue(
            cue.speaks,
            ends=ended,
            lengthened=bool(ended and lengthened),
            asks=asks,
            smile=cue.smile,
        )

    def _rises(self, tail: np.ndarray) -> bool:
        """Whether the last voiced frames of a phrase rise, to above the voice's middle."""
        if len(tail) < TAIL // 2 or len(self._pitches) < LEAST_VOICED:
            return False
        end = float(tail[-2:].mean())
        rise = 12 * (end - float(tail[:-2].min()))
        # A jump of an octave is a slip of the pitch tracker.
        heard = self._numbers.rise_semitones <= rise < 11
        return bool(heard and end > np.median(self._pitches))


class UsualTone:
    """How a voice sounds over two seconds against how it usually does.

    A smile shortens the mouth and raises what the voice has of high tones (Tartter, Perception &
    Psychophysics 27, 1980).

    Attributes:
        smile: heard smile, as a change of `mouthSmile`.
        loudness: change of the log level.
    """

    def __init__(self, numbers: ListeningNumbers) -> None:
        self.smile = self.loudness = 0.0
        self._weights = np.array(numbers.fitted.smile_weights)
        lasting = np.array([numbers.smile_memory_s, numbers.memory_s]) * MOTION_RATE
        self._kept = np.exp(-1 / lasting)[:, None]
        self._sums = np.zeros((2, BANDS + 1))
        self._counts = np.zeros((2, 1))
        self._heard = 0

    def hear(self, bands: np.ndarray, level: float) -> None:
        """Add a voiced frame: (BANDS,) log powers, and its level in dBFS."""
        values = np.append(bands, level * np.log(10) / 20)
        self._sums = self._sums * self._kept + values
        self._counts = self._counts * self._kept + 1
        self._heard += 1
        if self._heard < LEAST_VOICED:
            return
        recent, usual = self._sums / self._counts
        change = recent - usual
        self.smile = float(change[:-1] @ self._weights)
        self.loudness = float(change[-1])


def _frames(seconds: float) -> int:
    return max(1, round(seconds * MOTION_RATE))
