"""The live engine: sound in, frames of motion with their own sound out. No sockets, threads, clock.

One timeline carries everything. Time passes only when the caller says so (`Engine.advance`); what
was pushed is then laid on the timeline (`sound_timeline.py`), silence where nothing was. The
generator hears that timeline, its rows are interpolated to frames (`interpolator.py`), and each
frame leaves together with the stretch of sound that it shows: lips and sound cannot drift apart,
whatever arrives late, twice or never.
"""

from __future__ import annotations

import numpy as np

from openvasa.errors import InputError, check_choice
from openvasa.face.dynamics import dynamics_code
from openvasa.live.frame import LiveFrame, LiveSettings, State
from openvasa.live.frame_resampler import FrameResampler
from openvasa.live.interpolator import RowInterpolator
from openvasa.live.level import RunningGain
from openvasa.live.lip_envelope import LipEnvelope
from openvasa.live.resample import StreamResampler
from openvasa.live.samples import clean_samples
from openvasa.live.sound_timeline import SoundTimeline
from openvasa.live.stats import Stats
from openvasa.live.timeline import (
    RELIEF_RATES,
    ROW_TICKS,
    TICKS,
    Budget,
    interpolation_s,
    rows_s,
)
from openvasa.live.voice_activity import VoiceActivity
from openvasa.motion.amount import Amount
from openvasa.motion.controls import FARTHEST, Controls
from openvasa.motion.distance import bound_distance
from openvasa.motion.listening.listener import Listener
from openvasa.motion.model import AdjustableSource, ForesightedSource, MotionSource
from openvasa.motion.row import Row
from openvasa.rates import FRAME_RATES, FRAME_SAMPLES, SAMPLE_RATE


class Engine:
    """A portrait's motion, live. One thread at a time may call it.

    Args:
        generator: a fresh generator of motion; the engine owns it from now on.
        settings: frame rate, sound rate, and what the generator was made with.
    """

    def __init__(self, generator: MotionSource, settings: LiveSettings | None = None) -> None:
        self.settings = settings or LiveSettings()
        self.stats = Stats()
        self._generator = generator
        self._controls = generator.controls
        self._farthest = FARTHEST
        self._frame_length = TICKS // self.settings.fps
        self._shown = 0
        self._hop = self._heard_by = self._made_by = self.settings.hop
        self._sound = SoundTimeline(self.settings.rate, self.stats)
        self._to_generator = FrameResampler(self.settings.rate)
        self._gain = RunningGain()
        self._voice = VoiceActivity()
        self._rows = RowInterpolator()
        self._mouth = dynamics_code().mouth_projection()
        self._lips = LipEnvelope()
        self._listener = Listener(self.settings.seed)
        self._ear: StreamResampler | None = None
        self._ear_gain = RunningGain()
        self._unheard = np.zeros(0, np.float32)
        if isinstance(generator, ForesightedSource):
            generator.coming = self._foresee
        self._apply_controls()

    @property
    def budget(self) -> Budget:
        """Account of the delays, at the present frame rate and the hop that was made last."""
        return Budget(
            hop_s=rows_s(self._made_by),
            lookahead_s=rows_s(self.settings.lookahead),
            interpolation_s=interpolation_s(self.fps),
            resampling_s=self._to_generator.delay_s,
        )

    @property
    def fps(self) -> int:
        """Frames a second."""
        return TICKS // self._frame_length

    @fps.setter
    def fps(self, fps: int) -> None:
        # Relief rates are for a machine that is too slow, not for a user to choose.
        if fps not in RELIEF_RATES:
            check_choice("fps", fps, FRAME_RATES)
        self._frame_length = TICKS // fps

    @property
    def hop(self) -> int:
        """Rows of motion made at a time; a new number applies behind the hop that is heard."""
        return self._hop

    @hop.setter
    def hop(self, hop: int) -> None:
        if hop not in range(1, self.longest_hop + 1):
            raise InputError(f"hop {hop}: choose 1 to {self.longest_hop}")
        if hop != self._hop and isinstance(self._generator, AdjustableSource):
            self._hop = self._generator.hop = hop

    @property
    def longest_hop(self) -> int:
        """Rows that a hop may have; the settings' where the generator keeps to that."""
        source = self._generator
        return source.longest if isinstance(source, AdjustableSource) else self._hop

    @property
    def controls(self) -> Controls:
        """Gaze, distance and emotion, as set by the user."""
        return self._controls

    @controls.setter
    def controls(self, controls: Controls) -> None:
        self._controls = controls
        self._apply_controls()

    @property
    def farthest(self) -> float:
        """Largest distance that is shown, whatever is asked for: the portrait's own."""
        return self._farthest

    @farthest.setter
    def farthest(self, farthest: float) -> None:
        self._farthest = farthest
        self._apply_controls()

    def steer(self, controls: Controls, amount: Amount) -> None:
        """Change gaze, distance and emotion, and how much of the movement is shown."""
        self.controls, self._generator.amount = controls, amount

    @property
    def listening(self) -> bool:
        """Whether somebody is said to be talking to the portrait: it then looks at them.

        What it hears of them (`hear`) makes it listen by itself.
        """
        return self._listener.attentive

    @listening.setter
    def listening(self, listening: bool) -> None:
        self._listener.attentive = listening

    @property
    def backlog_s(self) -> float:
        """Speech pushed and not yet heard, s."""
        return self._sound.backlog_s

    @property
    def heard_s(self) -> float:
        """The timeline's end: everything before it has been heard, s."""
        return self._sound.heard / TICKS

    @property
    def shown_s(self) -> float:
        """Start of the next frame, s."""
        return self._shown / TICKS

    @property
    def pushed_s(self) -> float:
        """Where the next sample of speech will lie among all speech, as `LiveFrame.speech_s`, s."""
        return self._sound.pushed_s

    def begin_speech(self) -> None:
        """Say that what is pushed until `end_speech` is one speech; see `SoundTimeline`."""
        self._sound.begin_speech()

    def push(self, samples: np.ndarray, rate: int, *, live: bool = False) -> float:
        """Add speech; see `SoundTimeline.push`."""
        return self._sound.push(samples, rate, live=live)

    def hear(self, samples: np.ndarray, rate: int) -> None:
        """Add what the other side says, as it comes in; it is not heard over one's own voice.

        Args:
            samples: (n,) mono, float32 in [-1, 1] or int16; numbers that are not finite become 0.
            rate: Hz.
        """
        if self._ear is None or self._ear.source != rate:
            self._ear = StreamResampler(rate, SAMPLE_RATE)
        heard = self._ear_gain.apply(self._ear.push(clean_samples(samples)))
        if not self._listener.talks:
            self._listener.hear(heard)

    def end_speech(self) -> None:
        """Say that no more belongs to the present speech: silence after it is no gap.

        The frame with its last sample counts it in `LiveFrame.speeches_ended`.
        """
        self._sound.end_speech()

    def interrupt(self) -> None:
        """Stop speaking: no more sound after a fade of 20 ms, and the mouth closes gently."""
        self._hear(self._to_generator.flush())
        self._sound.interrupt()
        self._voice.forget()
        cut_at = self._sound.heard
        self._lips.close(self._shown, cut_at, until=cut_at + self._lookahead_ticks())
        self.stats.interruptions += 1

    def advance(self, now_s: float) -> list[LiveFrame]:
        """Let time pass and return the frames that have become certain.

        Args:
            now_s: time since the engine's start; never goes back.
        """
        for sound in self._sound.advance(now_s):
            # Any sound counts, be it the dither before a synthetic voice's first phone: lips open a
            # little early for that, where a detector of voice would open them late for soft ones.
            if sound.any():
                begins = self._sound.heard - len(sound) * TICKS // self.settings.rate
                self._lips.open_for(begins, at=self._shown)
            self._hear(self._to_generator.push(sound))
        return list(iter(self._next_frame, None))

    def _lookahead_ticks(self) -> int:
        """How long motion may show what was heard last: a hop that is heard keeps its length."""
        return (max(self._hop, self._heard_by) + self.settings.lookahead) * ROW_TICKS

    def _apply_controls(self) -> None:
        self._generator.controls = bound_distance(self._controls, self._farthest)
        self._listener.gaze_free = self._controls.gaze is None

    def _hear(self, sound: np.ndarray) -> None:
        if not len(sound):
            return
        speech = self._gain.apply(sound)
        self._voice.hear(speech)
        # In pieces that never hold more than one hop: each hop leaves a sketch of the next row.
        for at in range(0, len(speech), FRAME_SAMPLES):
            piece, self._unheard = np.split(speech[at:], [FRAME_SAMPLES])
            self._listener.speak(piece)
            rows = self._generator.push(piece)
            if len(rows):
                self._made_by, self._heard_by = len(rows), self._hop
                sketched = np.concatenate([rows, self._generator.ahead[:1]])
                shaped = self._listener.shape(sketched, kept=len(rows))
                self._rows.add(shaped[:-1], shaped[-1])

    def _foresee(self, count: int) -> np.ndarray:
        """Up to `count` samples at 16 kHz that the generator hears next: a speech that was pushed
        faster than it is said is known."""
        missing = max(0, count - len(self._unheard))
        waiting = self._sound.foresee(self._to_generator.foreseen_from(missing))
        coming = self._gain.foresee(self._to_generator.foresee(waiting))
        return np.concatenate([self._unheard, coming])[:count]

    def _next_frame(self) -> LiveFrame | None:
        start, length = self._shown, self._frame_length
        row = self._rows.row_at(start, length)
        if row is None:
            return None
        state = self._state()
        frame = LiveFrame(
            start=start,
            length=length,
            row=self._shape_row(row),
            sound=self._sound.take(start + length),
            state=state,
            speech_s=self._sound.speech_position(start),
            speeches_ended=self._sound.count_ended_speeches(),
        )
        self._shown += length
        self._rows.forget_before(self._shown, length)
        return frame

    def _state(self) -> State:
        if self._voice.is_active(self._shown):
            return State.SPEAKING
        return State.LISTENING if self._listener.listens else State.IDLE

    def _shape_row(self, row: np.ndarray) -> np.ndarray:
        """The row with a mouth that closes after an interruption."""
        lips = self._lips.openness(self._shown)
        if lips != 1.0:
            codes = Row.split(row).codes
            codes += (lips - 1.0) * (self._mouth @ codes)
        return row
