"""What `openvasa bench live` reports: a voice fed in real time, and when its frames were ready.

Latency is told per sample of sound: from the moment the chunk with it was pushed to the moment the
picture of the frame that shows it was painted. It includes the hop, the look-ahead, interpolation,
motion, rendering and marking; with `--encode`, video encoding as well. It does not include the time
in which a chunk is collected by whoever pushes it, nor a network.
"""

from __future__ import annotations

import queue
import threading
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.errors import InputError
from openvasa.evaluate.bench import Machine, machine
from openvasa.face.encode import load_portrait
from openvasa.face.latent import FaceLatent
from openvasa.live.assemble import assemble_portrait
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveSettings
from openvasa.live.player import Player, Shown
from openvasa.live.stats import Stats
from openvasa.machine import load_average, resident_memory
from openvasa.rates import SAMPLE_RATE
from openvasa.render.hair_lag import USUAL
from openvasa.render.renderer import RendererFactory
from openvasa.render.warp_renderer import WarpRenderer
from openvasa.runtime import count_blas_threads, get_runtime

SAMPLE_GRID_S = 0.001
WARM_UP_S = 2.0
MOST_SESSIONS = 16
Encoding = Literal["none", "jpeg", "vp8", "h264"]


@dataclass(frozen=True)
class LiveFigures:
    """Everything that `openvasa bench live` measures.

    Attributes:
        machine: what was measured on.
        other_load: load average of the machine just before, by other programs.
        load: load average of the machine at the end, this benchmark included.
        threads: of each kind of work, by name.
        sessions: portraits at the same time.
        seconds: of the measured stream.
        fps_wanted, fps: frames a second asked for, and painted, by each on average.
        slowest_fps: painted by the one that got the fewest.
        latency_ms: p50, p95, p99 and largest, over all samples of the stream.
        spoken_latency_ms: the same from the moment a sample was spoken, the time in its chunk
            included.
        accounted_ms: the part of it that hop, look-ahead, interpolation and filter explain, as they
            are at the end.
        hop: rows of motion made at a time at the end, the most of all; under load they grow.
        stats: what happened to frames and sound meanwhile, of all together.
        cpu_seconds: processor time while the stream was measured, s.
        cores: the same over wall time.
        memory_mb, growth_mb: resident at the end, and gained after the first third.
    """

    machine: Machine
    other_load: float
    load: float
    threads: dict[str, int]
    sessions: int
    seconds: float
    fps_wanted: int
    fps: float
    slowest_fps: float
    latency_ms: dict[str, float]
    spoken_latency_ms: dict[str, float]
    accounted_ms: float
    hop: int
    stats: Stats
    cpu_seconds: float
    cores: float
    memory_mb: float
    growth_mb: float


@dataclass
class Pushed:
    """When sound was pushed: a line for each chunk."""

    ends_s: list[float]
    at: list[float]
    memory_mb: list[float]


def bench_live(
    portrait: Path | None,
    audio: Path | None,
    *,
    seconds: float,
    fps: int,
    chunk_ms: int,
    encode: Encoding,
    hop: int,
    lookahead: int,
    refined: bool = False,
    sessions: int = 1,
    size: int = 512,
    hair_lag: float = USUAL,
) -> LiveFigures:
    """Feed a voice in real time and measure.

    Args:
        portrait, audio: None takes the example.
        seconds: length of the measured stream.
        fps: frames a second to ask for.
        chunk_ms: sound is pushed in chunks of this length, each when its last sample is spoken.
        encode: beside the painting, in a thread of its own.
        hop, lookahead: of the generator, in rows of 40 ms.
        refined: let the refinement networks work on the pictures.
        sessions: portraits that hear the voice at the same time.
        size: side of the pictures, px.
        hair_lag: how far loose hair and cloth stay behind the head, 0 to 2.

    Raises:
        InputError: an input cannot be used.
    """
    if seconds < 5:
        raise InputError(f"seconds {seconds:g}: choose 5 or more")
    if not 5 <= chunk_ms <= 200:
        raise InputError(f"chunk {chunk_ms} ms: choose 5 to 200")
    if not 1 <= sessions <= MOST_SESSIONS:
        raise InputError(f"sessions {sessions}: choose 1 to {MOST_SESSIONS}")
    face = load_portrait(portrait or EXAMPLE_PORTRAIT)
    voice = np.concatenate(list(read_blocks(audio or EXAMPLE_VOICE)))
    settings = LiveSettings(fps, 24000, hop, lookahead, size=size, hair_lag=hair_lag)
    renderer = partial(WarpRenderer, refined=refined)
    running = [_Session(face, settings, renderer, encode) for _ in range(sessions)]
    load = load_average()
    for session in running:
        session.start()
    time.sleep(WARM_UP_S)
    for session in running:
        session.begin()
    cpu, wall = time.process_time(), time.perf_counter()
    pushed = _push_paced([s.player for s in running], voice, seconds, chunk_ms / 1000)
    budget = max(session.engine.budget.total_s for session in running)
    time.sleep(budget + 0.2)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    threads = count_threads()
    for session in running:
        session.stop()
    stats = [session.stats for session in running]
    latencies = [session.latencies(pushed) for session in running]
    latency, spoken = (np.concatenate(part) for part in zip(*latencies, strict=True))
    memory = pushed.memory_mb
    return LiveFigures(
        machine=machine(),
        other_load=load,
        load=load_average(),
        threads=threads,
        sessions=sessions,
        seconds=seconds,
        fps_wanted=fps,
        fps=sum(s.frames for s in stats) / wall / sessions,
        slowest_fps=min(s.frames for s in stats) / wall,
        latency_ms=_percentiles(latency),
        spoken_latency_ms=_percentiles(spoken),
        accounted_ms=1000 * budget,
        hop=max(session.engine.hop for session in running),
        stats=Stats(**{name: sum(getattr(s, name) for s in stats) for name in vars(stats[0])}),
        cpu_seconds=cpu,
        cores=cpu / wall,
        memory_mb=memory[-1],
        growth_mb=memory[-1] - memory[len(memory) // 3],
    )


class _Session:
    """One portrait that hears the voice, and what became of its frames."""

    def __init__(
        self, face: FaceLatent, settings: LiveSettings, renderer: RendererFactory, encode: Encoding
    ) -> None:
        portrait = assemble_portrait(face, settings, content_id=1, renderer=renderer)
        self.engine = portrait.engine
        self._encoder = _Encoder(encode, settings.fps) if encode != "none" else None
        # Numbers alone, in one block: half an hour must not look as if memory grew.
        self._arrived = array("d")
        self.player = portrait.make_player(self._show)
        self._before = Stats()

    def _show(self, shown: Shown) -> None:
        if shown.picture is not None and self._encoder is not None:
            self._encoder.put(shown)
        frame = shown.frame
        speech = np.nan if frame.speech_s is None else frame.speech_s
        ready = np.inf if shown.picture is None else shown.ready_at
        self._arrived.extend((frame.time_s, frame.end_s, speech, ready))

    def start(self) -> None:
        if self._encoder is not None:
            self._encoder.start()
        self.player.start()

    def begin(self) -> None:
        """Forget what came before now."""
        del self._arrived[:]
        self._before = replace(self.player.stats)

    def stop(self) -> None:
        self.player.stop()
        if self._encoder is not None:
            self._encoder.stop()
        if self.player.error is not None:
            raise self.player.error

    @property
    def stats(self) -> Stats:
        """What has happened since `begin`."""
        return self.player.stats.since(self._before)

    def latencies(self, pushed: Pushed) -> tuple[np.ndarray, np.ndarray]:
        arrived = np.array(self._arrived).reshape(-1, 4)
        if self._encoder is not None:
            painted = np.isfinite(arrived[:, 3])
            arrived[painted, 3] = [self._encoder.ready[time_s] for time_s in arrived[painted, 0]]
        return _latencies(pushed, arrived)


def _push_paced(players: list[Player], voice: np.ndarray, seconds: float, chunk_s: float) -> Pushed:
    """Push the voice to all, over and over, each chunk when its last sample would be spoken."""
    pushed = Pushed([], [], [])
    position, started = 0, time.perf_counter()
    count = round(chunk_s * SAMPLE_RATE)
    for index in range(round(seconds / chunk_s)):
        time.sleep(max(0.0, started + (index + 1) * chunk_s - time.perf_counter()))
        chunk = np.take(voice, np.arange(position, position + count), mode="wrap")
        position += count
        pushed.at.append(time.perf_counter())
        pushed.ends_s.append(position / SAMPLE_RATE)
        for player in players:
            player.tell(partial(Engine.push, samples=chunk, rate=SAMPLE_RATE, live=True))
        if index % round(1 / chunk_s) == 0:
            pushed.memory_mb.append(resident_memory() / 1e6)
    return pushed


def _latencies(pushed: Pushed, arrived: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per ms of sound that was shown: seconds from pushed, and from spoken, to the picture.

    Args:
        pushed: when the sound was.
        arrived: (n, 4) of each frame: its start and end on the timeline, the speech that it starts
            at (nan in silence), and when its picture was ready (inf where it was left out).

    Raises:
        InputError: no frame showed any of it.
    """
    from_pushed, from_spoken = [], []
    ends, at = np.array(pushed.ends_s), np.array(pushed.at)
    ready = np.inf
    # From the end: a frame that was left out is shown by the next one that was not.
    for start, end, speech, ready_at in reversed(arrived):
        ready = ready if np.isinf(ready_at) else ready_at
        if np.isnan(speech) or np.isinf(ready):
            continue
        times = speech + np.arange(SAMPLE_GRID_S / 2, end - start, SAMPLE_GRID_S)
        times = times[times < ends[-1]]
        chunk = np.searchsorted(ends, times, side="left")
        from_pushed.append(ready - at[chunk])
        from_spoken.append(ready - at[chunk] + ends[chunk] - times)
    if not from_pushed:
        raise InputError("no picture showed the voice; measure while other programs leave a core")
    return np.concatenate(from_pushed), np.concatenate(from_spoken)


def _percentiles(seconds: np.ndarray) -> dict[str, float]:
    values = 1000 * np.percentile(seconds, [50, 95, 99, 100])
    return dict(zip(("p50", "p95", "p99", "max"), map(float, values), strict=True))


class _Encoder:
    """Encodes frames in a thread of its own, as a server would, and notes when each was done."""

    def __init__(self, kind: Encoding, fps: int) -> None:
        self.ready: dict[float, float] = {}
        self._encode = _encode_function(kind, fps)
        self._frames: queue.SimpleQueue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, shown) -> None:
        self._frames.put(shown)

    def stop(self) -> None:
        self._frames.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (shown := self._frames.get()) is not None:
            self._encode(shown)
            self.ready[shown.frame.time_s] = time.perf_counter()


def _encode_function(kind: Encoding, fps: int) -> Callable:
    if kind == "jpeg":
        from openvasa.live.pictures import jpeg

        return lambda shown: jpeg(shown.picture)
    from aiortc.codecs.h264 import H264Encoder
    from aiortc.codecs.vpx import Vp8Encoder
    from av.video.reformatter import VideoReformatter

    from openvasa.media.colour import to_yuv420p

    encoder = {"vp8": Vp8Encoder, "h264": H264Encoder}[kind]()
    reformatter = VideoReformatter()

    def encode(shown) -> None:
        frame = to_yuv420p(reformatter, shown.picture)
        frame.pts, frame.time_base = round(shown.frame.time_s * 90000), Fraction(1, 90000)
        encoder.encode(frame)

    return encode


def live_table(figures: LiveFigures) -> str:
    """The figures as text for people."""
    machine, f = figures.machine, figures
    late, spoken = f.latency_ms, f.spoken_latency_ms
    left_out = f.stats.left_out
    share = left_out / max(1, left_out + f.stats.frames)
    lost_ms = {what: 1000 * seconds for what, seconds in f.stats.seconds().items()}
    return "\n".join(
        [
            f"{machine.cpu}, {machine.cores} cores, {machine.system}, Python {machine.python}; "
            f"load by others {f.other_load:.1f}",
            f"threads: {', '.join(f'{name} {count}' for name, count in f.threads.items())}; "
            f"load at the end {f.load:.1f}",
            "",
            f"frames a second         {f.fps:8.1f}      (asked for {f.fps_wanted}, "
            f"{f.seconds:.0f} s{_sessions(f)})",
            "pushed → frame ready    "
            f"{late['p50']:8.0f} ms   p95 {late['p95']:.0f}, p99 {late['p99']:.0f}, "
            f"largest {late['max']:.0f}; {f.accounted_ms:.0f} of it is waiting for sound at most",
            f"spoken → frame ready    {spoken['p50']:8.0f} ms   p95 {spoken['p95']:.0f}, "
            f"p99 {spoken['p99']:.0f}, largest {spoken['max']:.0f}",
            f"frames left out         {left_out:8d}      {share:.2%}; hop of {f.hop} in the end",
            f"stalled, stretched      {lost_ms['stalled']:8.0f} ms   "
            f"{lost_ms['stretched']:.0f} ms; dropped {lost_ms['dropped']:.0f} ms",
            f"processor               {f.cores:8.2f} cores",
            f"memory                  {f.memory_mb:8.0f} MB   {f.growth_mb:+.1f} MB "
            "in the last two thirds",
        ]
    )


def count_threads() -> dict[str, int]:
    """Threads of a matrix product now, and portraits that may paint at the same time."""
    return {
        "BLAS": max(count_blas_threads().values(), default=1),
        "painting": get_runtime().painters,
    }


def _sessions(figures: LiveFigures) -> str:
    if figures.sessions == 1:
        return ""
    return f"; mean of {figures.sessions} sessions, the slowest {figures.slowest_fps:.1f}"
