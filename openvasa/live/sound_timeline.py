"""Sound on the engine's timeline: what was pushed, where it is laid, and silence where nothing was.

Late sound. While a voice is speaking, the timeline waits `PATIENCE_S` for the next chunk, then
goes on in silence; the chunk is played when it comes ("stretched"). A live source that has fallen
behind by more than `LIVE_BACKLOG_S` is cut back to `LIVE_TARGET_S`; long pieces may wait as much
longer as they are ("dropped"). Speech pushed ahead of time is kept up to `BACKLOG_S`; more is not
taken ("refused"). `Stats` counts all three.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from openvasa.live.resample import StreamResampler
from openvasa.live.samples import SampleQueue, clean_samples
from openvasa.live.stats import Stats
from openvasa.live.timeline import TICKS

PATIENCE_S = 0.04
"""Two packets of 20 ms, as WebRTC sends them."""
AHEAD_S = 0.06
"""Sound may be heard so long before its time comes, which saves waiting for the rest of a chunk."""
LIVE_BACKLOG_S, LIVE_TARGET_S = 0.25, 0.06
"""Delay of a live source that is cut back, and what it is cut back to, s. Set by ear."""
BACKLOG_S = 300.0
"""Longest speech that may wait: the longest file the server takes."""
FADE_S = 0.02
"""Sound is faded over this time where it is cut off: no click is heard."""


class SoundTimeline:
    """Lays sound on the timeline and gives each frame its part.

    Args:
        rate: of the sound that comes out, Hz.
        stats: counts what becomes of the sound.
    """

    def __init__(self, rate: int, stats: Stats) -> None:
        self.rate = rate
        self.heard = 0
        """The timeline's end, ticks: everything before it has been heard."""
        self._stats = stats
        self._tick = TICKS // rate
        self._now = 0
        self._queue = SampleQueue()
        self._incoming: StreamResampler | None = None
        self._speaking = False
        self._in_speech = False
        self._gap_from: int | None = None
        self._sound = SampleQueue()
        self._origins: deque[_Stretch] = deque()

    def __len__(self) -> int:
        """Samples that were heard and not yet taken."""
        return len(self._sound)

    @property
    def backlog_s(self) -> float:
        """Speech pushed and not yet heard, s."""
        return len(self._queue) / self.rate

    @property
    def pushed_s(self) -> float:
        """Length of all speech ever pushed and not forgotten, s: where the next sample will lie."""
        return self._queue.end / self.rate

    def begin_speech(self) -> None:
        """Say that what is pushed until `end_speech` is one speech: nothing live is mixed in."""
        self._flush_incoming()
        self._in_speech = True

    def push(self, samples: np.ndarray, rate: int, *, live: bool = False) -> float:
        """Add speech.

        Args:
            samples: (n,) mono, float32 in [-1, 1] or int16; numbers that are not finite become 0.
            rate: Hz.
            live: it is being spoken right now; what falls behind is dropped, not kept, and so is
                what comes while a speech (`begin_speech`, `end_speech`) is still being said.

        Returns:
            Seconds of it that were not taken because `BACKLOG_S` are waiting already.
        """
        if live and (self._in_speech or self._queue.room_until_mark() is not None):
            self._stats.dropped_s += len(samples) / rate
            return 0.0
        if self._incoming is None or self._incoming.source != rate:
            self._flush_incoming()
            self._incoming = StreamResampler(rate, self.rate)
        resampled = self._incoming.push(clean_samples(samples))
        room = round(BACKLOG_S * self.rate) - len(self._queue)
        refused = max(0, len(resampled) - max(room, 0))
        self._queue.append(resampled[: len(resampled) - refused])
        self._stats.refused_s += refused / self.rate
        if live:
            # Long pieces come seldom: a whole one waits each time.
            longer_s = max(0.0, len(samples) / rate - LIVE_TARGET_S)
            if self.backlog_s > LIVE_BACKLOG_S + longer_s:
                self._drop_backlog(LIVE_TARGET_S + longer_s)
        return refused / self.rate

    def end_speech(self) -> None:
        """Say that no more belongs to the present speech: silence after it is no gap."""
        self._flush_incoming()
        self._in_speech = False
        self._queue.mark()

    def interrupt(self) -> None:
        """Forget what waits, and fade out what was heard and not yet taken."""
        self._incoming = None
        self._in_speech = False
        self._queue.clear()
        self._speaking = False
        self._gap_from = None
        self._origins.clear()
        self._silence_from_here()

    def advance(self, now_s: float) -> Iterator[np.ndarray]:
        """Let time pass and give the (n,) float32 stretches that are heard meanwhile, in order.

        Args:
            now_s: time since the start; never goes back.
        """
        self._now = max(self._now, round(now_s * TICKS))
        yield from self._hear_speech()
        yield from self._hear_silence()

    def take(self, until: int) -> np.ndarray:
        """(n,) float32 samples from where the last call ended to tick `until`."""
        return self._sound.take(until // self._tick - self._sound.taken)

    def foresee(self, count: int) -> np.ndarray:
        """Up to `count` float32 samples of what is laid next: speech that waits, and the silence
        after one that is over. Fewer where it is not known yet."""
        waiting = self._queue.peek(count)
        if not self._queue.ends_at_mark:
            return waiting
        return np.pad(waiting, (0, count - len(waiting)))

    def count_ended_speeches(self) -> int:
        """Speeches whose last sample was taken since the last call."""
        return self._sound.marks_passed()

    def speech_position(self, at: int) -> float | None:
        """How far into all speech ever pushed a tick lies, s; None in silence. Never goes back."""
        while self._origins and self._origins[0].stop <= at:
            self._origins.popleft()
        if not self._origins or at < self._origins[0].start:
            return None
        return (at - self._origins[0].offset) / TICKS

    def _flush_incoming(self) -> None:
        if self._incoming is not None:
            self._queue.append(self._incoming.finish())
            self._incoming = None

    def _drop_backlog(self, kept_s: float) -> None:
        fade = round(FADE_S * self.rate)
        surplus = len(self._queue) - round(kept_s * self.rate)
        old, rest = self._queue.take(surplus), self._queue.take(len(self._queue))
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        rest[:fade] = rest[:fade] * ramp + old[:fade] * (1 - ramp)
        self._queue.untake(rest)
        self._stats.dropped_s += surplus / self.rate

    def _hear_speech(self) -> Iterator[np.ndarray]:
        while len(self._queue) or self._queue.room_until_mark() == 0:
            room = (self._now - self.heard) // self._tick + round(AHEAD_S * self.rate)
            until_mark = self._queue.room_until_mark()
            count = min(room, len(self._queue) if until_mark is None else until_mark)
            if count > 0:
                self._start_or_resume()
                self._note_origin(count)
                yield self._hear(self._queue.take(count))
                self._stats.spoken_s += count / self.rate
            ended = self._queue.marks_passed()
            for _ in range(ended):
                self._sound.mark()
                self._speaking = False
            if count <= 0 and not ended:
                return

    def _hear_silence(self) -> Iterator[np.ndarray]:
        patience = round(PATIENCE_S * TICKS) if self._speaking else 0
        if self.heard >= self._now - patience:
            return
        if self._speaking:
            self._speaking, self._gap_from = False, self.heard
        yield self._hear(np.zeros((self._now - self.heard) // self._tick, np.float32))

    def _hear(self, sound: np.ndarray) -> np.ndarray:
        self._sound.append(sound)
        self.heard += len(sound) * self._tick
        return sound

    def _start_or_resume(self) -> None:
        if not self._speaking and self._gap_from is not None:
            gap = (self.heard - self._gap_from) / TICKS
            self._stats.stretched_s += gap if gap < 1.0 else 0.0
        self._speaking, self._gap_from = True, None

    def _note_origin(self, count: int) -> None:
        """Remember which part of the speech is laid on the timeline here."""
        stop = self.heard + count * self._tick
        last = self._origins[-1] if self._origins else None
        offset = self.heard - self._queue.taken * self._tick
        if last is not None and last.stop == self.heard and last.offset == offset:
            self._origins[-1] = replace(last, stop=stop)
        else:
            self._origins.append(_Stretch(self.heard, stop, offset))

    def _silence_from_here(self) -> None:
        waiting = len(self._sound)
        heard = self._sound.take(round(FADE_S * self.rate))
        self._sound.clear()
        self._sound.untake(heard * np.linspace(1, 0, len(heard), dtype=np.float32))
        self._sound.append(np.zeros(waiting - len(heard), np.float32))


@dataclass(frozen=True)
class _Stretch:
    """Speech from tick `start` to `stop`; sample 0 of all speech would be at `offset`."""

    start: int
    stop: int
    offset: int
