"""The live engine: sound in, frames of motion with their own sound out. No sockets, threads, clock.

One timeline carries everything. Time passes only when the caller says so (`Engine.advance`); what
was pushed is then laid on the timeline, silence where nothing was. The generator hears that
timeline, and each frame leaves together with the stretch of sound that it shows, so lips and
sound cannot drift apart, whatever arrives late, twice or never.

Late sound. While a voice is speaking, the timeline waits `PATIENCE_S` for the next chunk, then
goes on in silence; the chunk is played when it comes ("stretched"). A live source that has fallen
behind by more than `LIVE_BACKLOG_S` is cut back to `LIVE_TARGET_S` ("dropped"). Speech pushed ahead
of time is kept up to `BACKLOG_S`; more is not taken ("refused"). `Stats` counts all three.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from openvasa.audio.decode import SAMPLE_RATE
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.live.behaviour import ListeningNods
from openvasa.live.level import RunningGain
from openvasa.live.resample import StreamResampler
from openvasa.live.samples import SampleQueue
from openvasa.live.stats import Stats
from openvasa.live.timeline import (
    FRAME_RATES,
    GUESSED_SHARE,
    RELIEF_RATES,
    ROW_TICKS,
    SOUND_RATES,
    TICKS,
    Budget,
    RowsNeeded,
    interpolation_s,
    rows_needed,
)
from openvasa.motion.articulation import TONGUE_DIM
from openvasa.motion.controls import Controls
from openvasa.motion.model import MotionSource
from openvasa.motion.motion import POSE_DIM, row_width

PATIENCE_S = 0.04
AHEAD_S = 0.06
"""Sound may be heard so long before its time comes, which saves waiting for the rest of a chunk."""
LIVE_BACKLOG_S, LIVE_TARGET_S = 0.25, 0.06
BACKLOG_S = 300.0

FADE_S = 0.02
"""Sound is faded over this time where it is cut off."""
CLOSING_S, OPENING_S = 0.14, 0.2
"""The mouth closes after an interruption, and may open again, over these times."""
SLIP_FADE = 0.3
"""What is left, a row later, of what a sketched row had wrong."""
INTENSITY_S = 0.15
"""Time constant with which the intensity follows its slider."""

_ROW_SAMPLES = SAMPLE_RATE // 25
_VOICED_DBFS = -38.0
_VOICE_BLOCK = SAMPLE_RATE // 100
_VOICE_LEAD = TICKS // 20
_VOICE_HANGOVER = TICKS * 35 // 100


class State(Enum):
    """What the portrait is doing."""

    SPEAKING = "speaking"
    LISTENING = "listening"
    IDLE = "idle"


@dataclass(frozen=True)
class LiveSettings:
    """What is fixed for the life of an engine, but for the frame rate.

    Attributes:
        fps: frames a second, one of `FRAME_RATES`; may change later.
        rate: rate of the sound that comes out, Hz, one of `SOUND_RATES`.
        hop, lookahead: the generator's, in rows of 40 ms; for the account of delays.
        seed: of the small behaviours that are drawn by chance.
    """

    fps: int = 40
    rate: int = 48000
    hop: int = 2
    lookahead: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """Check what the user chose."""
        if self.fps not in FRAME_RATES:
            raise InputError(f"fps {self.fps}: choose one of {', '.join(map(str, FRAME_RATES))}")
        if self.rate not in SOUND_RATES:
            raise InputError(f"rate {self.rate}: choose one of {', '.join(map(str, SOUND_RATES))}")


@dataclass(frozen=True)
class LiveFrame:
    """One frame and the sound that belongs to it.

    Attributes:
        start, length: on the timeline, in ticks of 1/48000 s.
        motion: (6 + D + 2,) float32, head pose, dynamics and tongue at the middle of the frame.
        sound: (n,) float32 mono samples at the engine's rate, of exactly this stretch of time.
        state: what the portrait is doing.
        speech_s: how far into all the speech ever pushed the frame starts, what was dropped
            counted; None where it starts in silence.
        speeches_ended: speeches (see `Engine.end_speech`) whose last sample is in this frame.
    """

    start: int
    length: int
    motion: np.ndarray
    sound: np.ndarray
    state: State
    speech_s: float | None = None
    speeches_ended: int = 0

    @property
    def time_s(self) -> float:
        """Start of the frame on the timeline, s."""
        return self.start / TICKS

    @property
    def end_s(self) -> float:
        """End of the frame on the timeline, s."""
        return (self.start + self.length) / TICKS


class Engine:
    """A portrait's motion, live. One thread at a time may call it.

    Args:
        generator: a fresh generator of motion; the engine owns it from now on.
        settings: frame rate, sound rate, and what the generator was made with.
    """

    def __init__(self, generator: MotionSource, settings: LiveSettings | None = None) -> None:
        self.settings = settings or LiveSettings()
        self.stats = Stats()
        self.intensity = 1.0
        """Scale of mouth and head movement; 1 is the generator's own. May change at any time."""
        self._generator = generator
        self._controls = generator.controls
        self._listening = False
        self._frame_length = TICKS // self.settings.fps
        self._tick = TICKS // self.settings.rate
        self._now = self._heard = self._shown = 0
        self._queue = SampleQueue()
        self._incoming: StreamResampler | None = None
        self._speaking = False
        self._gap_from: int | None = None
        self._sound = SampleQueue()
        self._origins: deque[_Stretch] = deque()
        self._to_generator = StreamResampler(self.settings.rate, SAMPLE_RATE)
        self._gain = RunningGain()
        self._voice = _VoiceActivity()
        self._rows: deque[np.ndarray] = deque()
        self._first_row = 0
        self._sketches: dict[int, np.ndarray] = {}
        self._shown_by_sketch: tuple[RowsNeeded, np.ndarray] | None = None
        self._slip = np.zeros(row_width(), np.float32)
        self._mouth = dynamics_code().mouth_projection()
        self._lips = _LipEnvelope()
        self._intensity = 1.0
        self._nods = ListeningNods(self.settings.seed)

    @property
    def budget(self) -> Budget:
        """Account of the delays, at the present frame rate."""
        row = ROW_TICKS / TICKS
        return Budget(
            hop_s=self.settings.hop * row,
            lookahead_s=self.settings.lookahead * row,
            interpolation_s=interpolation_s(self.fps),
            resampling_s=self._to_generator.delay_s,
        )

    @property
    def fps(self) -> int:
        """Frames a second."""
        return TICKS // self._frame_length

    @fps.setter
    def fps(self, fps: int) -> None:
        if fps not in FRAME_RATES + RELIEF_RATES:
            raise InputError(f"fps {fps}: choose one of {', '.join(map(str, FRAME_RATES))}")
        self._frame_length = TICKS // fps

    @property
    def controls(self) -> Controls:
        """Gaze, distance and emotion, as set by the user."""
        return self._controls

    @controls.setter
    def controls(self, controls: Controls) -> None:
        self._controls = controls
        self._apply_controls()

    def steer(self, controls: Controls, intensity: float) -> None:
        """Change gaze, distance and emotion, and how much mouth and head move."""
        self.controls, self.intensity = controls, intensity

    @property
    def listening(self) -> bool:
        """Whether somebody is talking to the portrait: it then looks at them and nods."""
        return self._listening

    @listening.setter
    def listening(self, listening: bool) -> None:
        self._listening = listening
        self._apply_controls()

    @property
    def backlog_s(self) -> float:
        """Speech pushed and not yet heard, s."""
        return len(self._queue) / self.settings.rate

    @property
    def heard_s(self) -> float:
        """The timeline's end: everything before it has been heard, s."""
        return self._heard / TICKS

    @property
    def shown_s(self) -> float:
        """Start of the next frame, s."""
        return self._shown / TICKS

    def push(self, samples: np.ndarray, rate: int, *, live: bool = False) -> float:
        """Add speech.

        Args:
            samples: (n,) mono, float32 in [-1, 1] or int16; numbers that are not finite become 0.
            rate: Hz.
            live: it is being spoken right now; what falls behind is dropped, not kept, and so is
                what comes while a whole speech (`end_speech`) is still being said.

        Returns:
            Seconds of it that were not taken because `BACKLOG_S` are waiting already.
        """
        if live and self._queue.room_until_mark() is not None:
            self.stats.dropped_s += len(samples) / rate
            return 0.0
        if self._incoming is None or self._incoming.source != rate:
            self._flush_incoming()
            self._incoming = StreamResampler(rate, self.settings.rate)
        resampled = self._incoming.push(_clean(samples))
        room = round(BACKLOG_S * self.settings.rate) - len(self._queue)
        refused = max(0, len(resampled) - max(room, 0))
        self._queue.append(resampled[: len(resampled) - refused])
        self.stats.refused_s += refused / self.settings.rate
        if live and self.backlog_s > LIVE_BACKLOG_S:
            self._drop_backlog()
        return refused / self.settings.rate

    def end_speech(self) -> None:
        """Say that no more belongs to the present speech: silence after it is no gap.

        The frame with its last sample counts it in `LiveFrame.speeches_ended`.
        """
        self._flush_incoming()
        self._queue.mark()

    def interrupt(self) -> None:
        """Stop speaking: no more sound after a fade of 20 ms, and the mouth closes gently."""
        self._incoming = None
        self._queue.clear()
        self._speaking = False
        self._gap_from = None
        self._origins.clear()
        self._silence_from_here()
        self._voice.forget()
        self._lips.close(self._shown, until=self._heard + self._lookahead_ticks())
        self.stats.interruptions += 1

    def advance(self, now_s: float) -> list[LiveFrame]:
        """Let time pass and return the frames that have become certain.

        Args:
            now_s: time since the engine's start; never goes back.
        """
        self._now = max(self._now, round(now_s * TICKS))
        self._hear_speech()
        self._hear_silence()
        frames = []
        while (frame := self._next_frame()) is not None:
            frames.append(frame)
        return frames

    def _lookahead_ticks(self) -> int:
        return (self.settings.hop + self.settings.lookahead) * ROW_TICKS

    def _apply_controls(self) -> None:
        controls = self._controls
        if self._listening and controls.gaze is None:
            controls = replace(controls, gaze=(0.0, 0.0))
        self._generator.controls = controls

    def _flush_incoming(self) -> None:
        if self._incoming is not None:
            self._queue.append(self._incoming.finish())
            self._incoming = None

    def _drop_backlog(self) -> None:
        fade = round(FADE_S * self.settings.rate)
        surplus = len(self._queue) - round(LIVE_TARGET_S * self.settings.rate)
        old, rest = self._queue.take(surplus), self._queue.take(len(self._queue))
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        rest[:fade] = rest[:fade] * ramp + old[:fade] * (1 - ramp)
        self._queue.untake(rest)
        self.stats.dropped_s += surplus / self.settings.rate

    def _hear_speech(self) -> None:
        while len(self._queue) or self._queue.room_until_mark() == 0:
            room = (self._now - self._heard) // self._tick + round(AHEAD_S * self.settings.rate)
            until_mark = self._queue.room_until_mark()
            count = min(room, len(self._queue) if until_mark is None else until_mark)
            if count > 0:
                self._start_or_resume()
                self._note_origin(count)
                self._hear(self._queue.take(count))
                self.stats.spoken_s += count / self.settings.rate
            ended = self._queue.marks_passed()
            for _ in range(ended):
                self._sound.mark()
                self._speaking = False
            if count <= 0 and not ended:
                return

    def _note_origin(self, count: int) -> None:
        """Remember which part of the speech is laid on the timeline here."""
        stop = self._heard + count * self._tick
        last = self._origins[-1] if self._origins else None
        offset = self._heard - self._queue.taken * self._tick
        if last is not None and last.stop == self._heard and last.offset == offset:
            self._origins[-1] = replace(last, stop=stop)
        else:
            self._origins.append(_Stretch(self._heard, stop, offset))

    def _speech_position(self, at: int) -> float | None:
        while self._origins and self._origins[0].stop <= at:
            self._origins.popleft()
        if not self._origins or at < self._origins[0].start:
            return None
        return (at - self._origins[0].offset) / TICKS

    def _start_or_resume(self) -> None:
        if not self._speaking and self._gap_from is not None:
            gap = (self._heard - self._gap_from) / TICKS
            self.stats.stretched_s += gap if gap < 1.0 else 0.0
        self._speaking, self._gap_from = True, None

    def _hear_silence(self) -> None:
        patience = round(PATIENCE_S * TICKS) if self._speaking else 0
        if self._heard >= self._now - patience:
            return
        if self._speaking:
            self._speaking, self._gap_from = False, self._heard
        self._hear(np.zeros((self._now - self._heard) // self._tick, np.float32))

    def _hear(self, sound: np.ndarray) -> None:
        self._sound.append(sound)
        speech = self._gain.apply(self._to_generator.push(sound))
        self._voice.hear(speech)
        # In pieces that never hold more than one hop: each hop leaves a sketch of the next row.
        for at in range(0, len(speech), _ROW_SAMPLES):
            rows = self._generator.push(speech[at : at + _ROW_SAMPLES])
            self._rows.extend(rows)
            if len(rows):
                self._sketches[self._first_row + len(self._rows)] = self._generator.ahead[0]
        self._heard += len(sound) * self._tick

    def _next_frame(self) -> LiveFrame | None:
        needed = rows_needed(self._shown, self._frame_length)
        motion = self._motion(needed)
        if motion is None:
            return None
        count = (self._shown + self._frame_length) // self._tick - self._sound.taken
        sound = self._sound.take(count)
        state = self._state()
        frame = LiveFrame(
            start=self._shown,
            length=self._frame_length,
            motion=self._shaped(motion, state),
            sound=sound,
            state=state,
            speech_s=self._speech_position(self._shown),
            speeches_ended=self._sound.marks_passed(),
        )
        self._shown += self._frame_length
        self._forget_rows()
        return frame

    def _motion(self, needed: RowsNeeded) -> np.ndarray | None:
        """(6 + D + 2,) motion of a frame, or None while it has to wait.

        A frame that comes little after a hop's last row goes by the sketch of the next row rather
        than wait for it, also where it is there already: the motion must not depend on when it is
        asked for. What the sketch had wrong fades over the frames that follow.
        """
        sketch = self._sketches.get(needed.row) if needed.share <= GUESSED_SHARE else None
        if sketch is None and needed.row >= self._first_row + len(self._rows):
            return None
        if sketch is None and self._shown_by_sketch is not None:
            before, shown = self._shown_by_sketch
            self._slip = shown - self._interpolated(before, self._row(before.row))
            self._shown_by_sketch = None
        self._slip *= SLIP_FADE ** (self._frame_length / ROW_TICKS)
        after = self._row(needed.row) if sketch is None else sketch
        motion = self._interpolated(needed, after) + self._slip
        if sketch is not None:
            self._shown_by_sketch = needed, motion.copy()
        return motion

    def _interpolated(self, needed: RowsNeeded, after: np.ndarray) -> np.ndarray:
        """Cubic from the row before to `after`; the slope at its end waits for nothing later."""
        if needed.share == 1.0:
            return after.copy()
        before, earlier = self._row(needed.row - 1), self._row(needed.row - 2)
        u = np.float32(needed.share)
        slope0, slope1 = (after - earlier) / 2, after - before
        return (
            (2 * u**3 - 3 * u**2 + 1) * before
            + (u**3 - 2 * u**2 + u) * slope0
            + (3 * u**2 - 2 * u**3) * after
            + (u**3 - u**2) * slope1
        ).astype(np.float32)

    def _row(self, number: int) -> np.ndarray:
        return self._rows[max(number - self._first_row, 0)]

    def _forget_rows(self) -> None:
        keep = rows_needed(self._shown, self._frame_length).row - 2
        while self._first_row < keep and len(self._rows) > 1:
            self._rows.popleft()
            self._sketches.pop(self._first_row, None)
            self._first_row += 1

    def _state(self) -> State:
        if self._voice.active(self._shown):
            return State.SPEAKING
        return State.LISTENING if self._listening else State.IDLE

    def _shaped(self, motion: np.ndarray, state: State) -> np.ndarray:
        """The generator's motion with intensity, a closing mouth and nods."""
        follow = 1 - np.exp(-self._frame_length / TICKS / INTENSITY_S)
        self._intensity += (self.intensity - self._intensity) * follow
        lips = self._lips.openness(self._shown) * self._intensity
        if lips != 1.0:
            dynamics = motion[POSE_DIM:-TONGUE_DIM]
            motion[POSE_DIM:-TONGUE_DIM] = dynamics + (lips - 1.0) * (self._mouth @ dynamics)
        motion[: POSE_DIM - 1] *= self._intensity
        motion[0] += self._nods.pitch(self._shown / TICKS, state is State.LISTENING)
        return motion

    def _silence_from_here(self) -> None:
        waiting = len(self._sound)
        heard = self._sound.take(round(FADE_S * self.settings.rate))
        self._sound.clear()
        self._sound.untake(heard * np.linspace(1, 0, len(heard), dtype=np.float32))
        self._sound.append(np.zeros(waiting - len(heard), np.float32))


def _clean(samples: np.ndarray) -> np.ndarray:
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / 32768
    return np.clip(np.nan_to_num(samples, posinf=0.0, neginf=0.0), -1.0, 1.0).astype(np.float32)


@dataclass(frozen=True)
class _Stretch:
    """Speech from tick `start` to `stop`; sample 0 of all speech would be at `offset`."""

    start: int
    stop: int
    offset: int


class _VoiceActivity:
    """Whether speech is heard around a moment; levels are those after the running gain."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)
        self._blocks = self._deaf_until = 0
        self._voiced: deque[int] = deque()

    def hear(self, speech: np.ndarray) -> None:
        sound = np.concatenate([self._rest, speech])
        whole = len(sound) - len(sound) % _VOICE_BLOCK
        self._rest = sound[whole:].copy()
        power = np.square(sound[:whole].reshape(-1, _VOICE_BLOCK)).mean(axis=1)
        for index in np.flatnonzero(power > 10 ** (_VOICED_DBFS / 10)):
            block = self._blocks + int(index)
            if block >= self._deaf_until:
                self._voiced.append(block * TICKS // 100)
        self._blocks += whole // _VOICE_BLOCK

    def active(self, at: int) -> bool:
        while self._voiced and self._voiced[0] < at - _VOICE_HANGOVER:
            self._voiced.popleft()
        return bool(self._voiced) and self._voiced[0] <= at + _VOICE_LEAD

    def forget(self) -> None:
        """Whatever was heard counts no longer, what the filters still hold included."""
        self._voiced.clear()
        self._deaf_until = self._blocks + 3


class _LipEnvelope:
    """How far the mouth may open after an interruption: 1, down to 0, and back to 1."""

    def __init__(self) -> None:
        self._closing_from, self._opening_from, self._level = -TICKS, -TICKS, 1.0

    def close(self, at: int, until: int) -> None:
        """Close from now; opening again starts at `until`, when only silence is in the motion."""
        self._level = self.openness(at)
        self._closing_from = at
        self._opening_from = max(until, at + round(CLOSING_S * TICKS))

    def openness(self, at: int) -> float:
        opened = _smooth((at - self._opening_from) / TICKS / OPENING_S)
        if opened > 0:
            return opened
        return self._level * (1 - _smooth((at - self._closing_from) / TICKS / CLOSING_S))


def _smooth(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
