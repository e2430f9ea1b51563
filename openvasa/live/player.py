"""Runs an engine by the clock and paints its frames, in two threads of its own.

One thread alone touches the engine; others hand it commands (`tell`). The other alone paints and
shows, frame by frame in their order, so that the next motion is made while pictures are painted.
When painting cannot keep up, frames are left out first (their sound never is), then the frame rate
sinks and the hop grows; and only when even the motion cannot be made in time the clock itself waits
("stalled"): picture and sound then pause together and go on together.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from openvasa.live.compute_time import ComputeTime
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveFrame
from openvasa.live.governor import Governor, Pace
from openvasa.live.sound_timeline import FADE_S
from openvasa.live.timeline import rows_s
from openvasa.live.turns import Turns
from openvasa.runtime import limit_blas, limit_opencv

STEP_S = 0.01
"""Longest sleep; a command ends it early."""
LONGEST_LAG_S = 0.25
"""The clock waits for an engine that is further behind than this."""
LONGEST_FREEZE_S = 0.25
"""At least so often a picture is painted, however late."""
COMMANDS = 5000
"""Commands that may wait for the engine's thread."""


@dataclass(frozen=True)
class _Due:
    """A frame between the two threads; what has no word here is as in `Shown`.

    Attributes:
        sound_in_at: when the sound that its motion waits for was in, at the latest.
    """

    frame: LiveFrame
    interruptions: int
    sounded_at: float
    sound_in_at: float
    made_at: float
    due_at: float


@dataclass(frozen=True)
class Shown:
    """A frame on its way out.

    Attributes:
        frame: motion and sound.
        picture: (H, W, 3) uint8 RGB; None where it would have come too late.
        interruptions: how many the engine had obeyed when it made the frame.
        sounded_at, made_at, ready_at, due_at: when its sound began, its motion was made, its
            picture was painted, and both are to leave; on the player's clock, s.
    """

    frame: LiveFrame
    picture: np.ndarray | None
    interruptions: int
    sounded_at: float
    made_at: float
    ready_at: float
    due_at: float

    @property
    def speaks(self) -> bool:
        """Whether speech is in it, pauses within a speech included."""
        return _speaks(self.frame)


class Player:
    """Makes a portrait's frames as time passes, paints them, and hands each to `show` in order.

    `tell` and `interrupt` may be called from any thread. A failure in either thread ends both
    and is kept in `error`.

    Args:
        engine: not to be touched by anyone else while the player runs.
        paint: motion and its time on the timeline, s, to picture; called in the painting thread.
        show: takes each frame; called in the painting thread and must not block.
        wanted: whether anybody would see a frame; while not, the clock stands still.
        clock: seconds, never going back.
        turns: to paint; players that share them wait for each other.
    """

    def __init__(
        self,
        engine: Engine,
        paint: Callable[[np.ndarray, float], np.ndarray],
        show: Callable[[Shown], None],
        wanted: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.perf_counter,
        turns: Turns | None = None,
    ) -> None:
        self.stats = engine.stats
        self.error: BaseException | None = None
        self.governor = Governor(Pace(engine.fps, engine.hop), engine.longest_hop)
        self._compute = ComputeTime(rows_s(engine.hop))
        self._engine = engine
        self._paint = paint
        self._show = show
        self._wanted = wanted
        self._clock = clock
        self._turns = turns or Turns(1)
        self._commands: deque[Callable[[Engine], object]] = deque()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._due: queue.SimpleQueue[_Due | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._guard_work, args=(work,), name=name, daemon=True)
            for work, name in ((self._run, "player"), (self._run_painting, "painter"))
        ]
        self._origin = 0.0
        self._interruptions = 0
        self._quiet_until = 0.0

    def start(self) -> None:
        """Start the clock."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop for good; returns when the threads have ended."""
        self._stopped.set()
        self._wake.set()
        self._due.put(None)
        for thread in self._threads:
            if thread.is_alive() and threading.current_thread() is not thread:
                thread.join()

    def tell(self, command: Callable[[Engine], object]) -> bool:
        """Have a command carried out in the engine's thread, soon and in order.

        Returns:
            False where too many are waiting already; the command is then not taken.
        """
        if len(self._commands) >= COMMANDS:
            self.stats.commands_refused += 1
            return False
        self._commands.append(command)
        self._wake.set()
        return True

    def interrupt(self) -> None:
        """Stop speaking: from now on `current` silences what was made before."""
        if self.tell(self._interrupt_engine):
            self._interruptions += 1

    def current(self, shown: Shown) -> Shown:
        """A frame as it may still be shown: without its speech where that was interrupted since."""
        if shown.interruptions >= self._interruptions:
            return shown
        silence = np.zeros_like(shown.frame.sound)
        frame = replace(shown.frame, sound=silence, speech_s=None, speeches_ended=0)
        return replace(shown, frame=frame)

    def _guard_work(self, work: Callable[[], None]) -> None:
        """Either thread: what it fails with ends both."""
        try:
            with limit_blas(), limit_opencv():
                work()
        except BaseException as error:
            self.error = self.error or error
            self._stopped.set()
            self._wake.set()
            self._due.put(None)

    def _run(self) -> None:
        self._origin = last = self._clock()
        while not self._stopped.is_set():
            self._wake.wait(STEP_S)
            self._wake.clear()
            started = self._clock()
            self._turn(started)
            ended = self._clock()
            self.governor.made_motion(ended - last, ended - started)
            last = ended
            self._keep_pace(self.governor.pace)

    def _keep_pace(self, pace: Pace) -> None:
        """Follow the governor; with longer hops as soon as frames are given the time they take."""
        if pace.fps != self._engine.fps:
            self._engine.fps = pace.fps
        self._compute.expect(rows_s(pace.hop))
        now = self._engine.hop
        hop = self.governor.choose_hop(now, lambda rows: self._compute.covers(rows_s(rows)))
        if hop != now:
            self._engine.hop = hop

    def _turn(self, now: float) -> None:
        while self._commands:
            self._commands.popleft()(self._engine)
        if not self._wanted():
            self._origin = now - self._engine.heard_s
            return
        self._wait_for_engine(now)
        with self._turns.move():
            frames = self._engine.advance(now - self._origin)
        for frame in frames:
            quiet = round((self._quiet_until - frame.time_s) * self._engine.settings.rate)
            if quiet > 0:
                frame.sound[:quiet] = 0
            self._due.put(self._schedule(frame))

    def _schedule(self, frame: LiveFrame) -> _Due:
        sounded_at = self._origin + frame.time_s
        budget = self._engine.budget
        sound_in_at = sounded_at + budget.total_s
        given = self._compute.allow(frame.end_s - frame.time_s, speaks=_speaks(frame))
        return _Due(
            frame,
            self.stats.interruptions,
            sounded_at,
            sound_in_at,
            made_at=self._clock(),
            due_at=sound_in_at - budget.hop_s + given,
        )

    def _interrupt_engine(self, engine: Engine) -> None:
        engine.interrupt()
        # What comes before the engine's fade is silenced by `current`: alone it would be a click.
        self._quiet_until = engine.shown_s + FADE_S

    def _wait_for_engine(self, now: float) -> None:
        """Hold the clock where the engine would otherwise have to catch up with too much."""
        lag = now - self._origin - self._engine.heard_s
        if lag > LONGEST_LAG_S:
            self._origin += lag - STEP_S
            self.stats.stalled_s += lag - STEP_S
            # Speech is torn already; the sooner hops are long, the sooner it goes on.
            self._compute.pause()

    def _run_painting(self) -> None:
        last = painted_at = self._clock()
        while not self._stopped.is_set() and (due := self._due.get()) is not None:
            started = self._clock()
            picture = None
            with self._turns.paint():
                now = self._clock()
                too_late = now > due.due_at + due.frame.end_s - due.frame.time_s
                frozen = now - painted_at > LONGEST_FREEZE_S
                if not too_late or frozen:
                    picture = self._paint(due.frame.row, due.frame.time_s)
                    painted_at = now = self._clock()
            self._compute.add(now - due.sound_in_at)
            self._show(
                Shown(
                    due.frame,
                    picture,
                    due.interruptions,
                    due.sounded_at,
                    due.made_at,
                    ready_at=now,
                    due_at=due.due_at,
                )
            )
            self.stats.frames += picture is not None
            self.stats.left_out += picture is None
            self.governor.add_frame(now - last, now - started, left_out=picture is None)
            last = now


def _speaks(frame: LiveFrame) -> bool:
    return frame.speech_s is not None or bool(frame.sound.any())
