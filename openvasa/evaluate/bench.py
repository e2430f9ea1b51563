"""What `openvasa bench` reports: speed and memory of portrait + voice → mp4 on this machine.

Start-up, throughput and the stages are each measured in a process of their own, so that one does
not warm the caches or add to the memory of another.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.audio.pcm import write_wav
from openvasa.errors import InputError
from openvasa.machine import cpu_name, peak_memory, usable_cores
from openvasa.rates import MOTION_RATE

if TYPE_CHECKING:
    from openvasa.face.frame import Size
    from openvasa.face.latent import FrameGeometry
    from openvasa.render.warp_renderer import WarpRenderer

STAGE_SECONDS = 8.0
"""The stages are timed one after the other over at most so much of the video."""
WARM_UP_FRAMES = 5


class _Framing(NamedTuple):
    """The frame of the video, as `openvasa.animate` takes it."""

    size: Size
    full_frame: bool
    aspect: str | None


@dataclass(frozen=True)
class Machine:
    """What was measured on."""

    cpu: str
    cores: int
    system: str
    python: str


@dataclass(frozen=True)
class Throughput:
    """One whole `openvasa animate` in a fresh process.

    Attributes:
        frames: number of frames of the video.
        video_seconds: length of the video.
        wall_seconds: from the launch of the process to its end, start-up included.
        save_seconds: from the encoded portrait to the finished file.
        fps: frames over `save_seconds`.
        real_time_factor: video seconds over wall seconds; above 1 is faster than real time.
        peak_memory_mb: largest resident memory of the process, 10⁶ bytes.
    """

    frames: int
    video_seconds: float
    wall_seconds: float
    save_seconds: float
    fps: float
    real_time_factor: float
    peak_memory_mb: float


@dataclass(frozen=True)
class Stages:
    """Each stage alone, with the threads it uses by default.

    Attributes:
        encode_portrait_s: portrait file to face latent, networks loaded.
        prepare_renderer_s: what is prepared once for a portrait in its frame.
        per_frame_ms: mean ms a frame at 25 fps, stage by stage, in the order of the data flow.
    """

    encode_portrait_s: float
    prepare_renderer_s: float
    per_frame_ms: dict[str, float]


@dataclass(frozen=True)
class AnimateFigures:
    """Everything that `openvasa bench animate` measures.

    Attributes:
        machine: what was measured on.
        first_frame_s: fresh process, from launch to the first rendered frame.
        throughput: a whole run.
        stages: the parts of it.
    """

    machine: Machine
    first_frame_s: float
    throughput: Throughput
    stages: Stages


def bench_animate(
    portrait: Path | None,
    audio: Path | None,
    seconds: float,
    *,
    size: Size = None,
    full_frame: bool = False,
    aspect: str | None = None,
) -> AnimateFigures:
    """Measure portrait + voice → mp4.

    Args:
        portrait, audio: None takes the example.
        seconds: length of the video; the audio is looped or cut to it.
        size, full_frame, aspect: the frame, as for `openvasa.animate`.

    Raises:
        InputError: an input cannot be used.
    """
    if seconds < 1:
        raise InputError(f"seconds {seconds:g}: choose 1 or more")
    portrait = portrait or EXAMPLE_PORTRAIT
    audio = audio or EXAMPLE_VOICE
    with tempfile.TemporaryDirectory() as folder:
        voice = Path(folder) / "voice.wav"
        loop_voice(audio, voice, seconds)
        measure = partial(
            _in_child, portrait=portrait, voice=voice, framing=_Framing(size, full_frame, aspect)
        )
        # Once before measuring: the first run of an installation compiles and caches kernels.
        measure("first_frame")
        first_frame, _ = measure("first_frame")
        whole, wall = measure("save_video")
        stages, _ = measure("time_stages")
    return AnimateFigures(
        machine=machine(),
        first_frame_s=first_frame["first_frame_at"] - first_frame["launched_at"],
        throughput=Throughput(
            frames=whole["frames"],
            video_seconds=whole["video_seconds"],
            wall_seconds=wall,
            save_seconds=whole["save_seconds"],
            fps=whole["frames"] / whole["save_seconds"],
            real_time_factor=whole["video_seconds"] / wall,
            peak_memory_mb=whole["peak_memory_mb"],
        ),
        stages=Stages(**stages["stages"]),
    )


def table(figures: AnimateFigures) -> str:
    """The figures as text for people."""
    machine, whole, stages = figures.machine, figures.throughput, figures.stages
    lines = [
        f"{machine.cpu}, {machine.cores} cores, {machine.system}, Python {machine.python}",
        "",
        f"first frame after launch      {figures.first_frame_s:8.2f} s",
        f"end to end                    {whole.fps:8.1f} fps  (encoded portrait → mp4, "
        f"{whole.frames} frames)",
        f"real-time factor              {whole.real_time_factor:8.2f} ×    "
        f"({whole.video_seconds:.1f} s of video in {whole.wall_seconds:.1f} s, start-up included)",
        f"peak memory                   {whole.peak_memory_mb:8.0f} MB",
        "",
        f"encode portrait               {stages.encode_portrait_s:8.2f} s",
        f"prepare renderer              {stages.prepare_renderer_s:8.2f} s",
    ]
    lines += [f"{name:28s}  {ms:8.2f} ms a frame" for name, ms in stages.per_frame_ms.items()]
    return "\n".join(lines)


def machine() -> Machine:
    """This machine."""
    return Machine(
        cpu=cpu_name(),
        cores=usable_cores(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def loop_voice(audio: Path, target: Path, seconds: float) -> None:
    """Write `seconds` of a file's sound as a 16 kHz mono WAV, over and over where it is shorter."""
    from openvasa.audio.decode import read_blocks
    from openvasa.rates import SAMPLE_RATE

    count = round(seconds * SAMPLE_RATE)
    voice, heard = [], 0
    for block in read_blocks(audio):
        voice.append(block)
        heard += len(block)
        if heard >= count:
            break
    samples = np.resize(np.concatenate(voice), count)
    write_wav(target, [samples], SAMPLE_RATE)


def _in_child(
    measurement: str, portrait: Path, voice: Path, framing: _Framing
) -> tuple[dict, float]:
    """Run one of `MEASUREMENTS` in a fresh process: what it found, and its wall time in s."""
    command = [sys.executable, "-m", "openvasa.evaluate.bench", measurement]
    launched_at, started = time.time(), time.perf_counter()
    done = subprocess.run(
        [*command, str(portrait), str(voice), json.dumps(framing)],
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - started
    if done.returncode == 2:
        raise InputError(done.stderr.strip())
    if done.returncode:
        raise RuntimeError(f"{measurement} failed:\n{done.stderr}")
    return {"launched_at": launched_at} | json.loads(done.stdout.splitlines()[-1]), wall


def _first_frame(portrait: Path, voice: Path, framing: _Framing) -> dict:
    from openvasa import animate, load_portrait

    next(iter(animate(load_portrait(portrait), voice, **framing._asdict())))
    return {"first_frame_at": time.time()}


def _save_video(portrait: Path, voice: Path, framing: _Framing) -> dict:
    from openvasa import animate, load_portrait

    video = animate(load_portrait(portrait), voice, **framing._asdict())
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        video.save(Path(folder) / "video.mp4")
        save_seconds = time.perf_counter() - started
    return {
        "frames": video.frame_count,
        "video_seconds": float(video.frame_count / video.rate),
        "save_seconds": save_seconds,
        "peak_memory_mb": peak_memory() / 1e6,
    }


def _time_stages(portrait: Path, voice: Path, framing: _Framing) -> dict:
    from openvasa.audio.decode import read_blocks
    from openvasa.audio.level import speech_gain
    from openvasa.audio.moonshine import MoonshineEncoder
    from openvasa.face.encode import load_portrait
    from openvasa.face.frame import choose_frame, put_in_frame
    from openvasa.media.video_writer import VideoWriter
    from openvasa.motion.generator import MotionGenerator
    from openvasa.motion.geometry import geometry_at
    from openvasa.motion.window_network import window_network
    from openvasa.provenance.embed import WatermarkEmbedder
    from openvasa.rates import SAMPLE_RATE
    from openvasa.render.warp_renderer import WarpRenderer

    per_frame: dict[str, float] = {}

    load_portrait(portrait)
    face, encode_portrait_s = _time_work(lambda: load_portrait(portrait))
    chosen = choose_frame(face, **framing._asdict())
    face, framing_s = _time_work(lambda: put_in_frame(face, chosen))
    renderer, prepare_renderer_s = _time_work(lambda: WarpRenderer(face))

    # One block is one second.
    blocks = list(islice(read_blocks(voice), round(STAGE_SECONDS)))
    encoder = MoonshineEncoder(threads=2)
    warm_up = np.zeros(SAMPLE_RATE, np.float32)
    list(encoder.stream([warm_up]))

    gain, seconds = _time_work(lambda: speech_gain(blocks))
    features, more = _time_work(lambda: np.concatenate(list(encoder.stream(blocks, gain=gain))))
    per_frame["speech features"] = 1000 * (seconds + more) / len(features)

    MotionGenerator(window_network(2)).feed(np.repeat(features[:1], 200, axis=0))
    generator = MotionGenerator(window_network(2))
    motion, seconds = _time_work(
        lambda: np.concatenate([generator.feed(features), generator.finish()])
    )
    per_frame["motion"] = 1000 * seconds / len(motion)

    spent: dict[str, float] = defaultdict(float)
    frames: list[np.ndarray] = []
    for index, row in enumerate(np.concatenate([motion[:WARM_UP_FRAMES], motion])):
        frame, times = _drawn_in_steps(renderer, partial(geometry_at, face, row))
        if index >= WARM_UP_FRAMES:
            frames.append(frame)
            for name, step_s in times.items():
                spent[name] += step_s
    per_frame |= {name: 1000 * total / len(motion) for name, total in spent.items()}

    embedder = WatermarkEmbedder(frames[0].shape[1::-1], 0)
    embedder.apply(frames[0])
    _, seconds = _time_work(lambda: [embedder.apply(frame) for frame in frames])
    per_frame["watermark"] = 1000 * seconds / len(frames)

    with tempfile.TemporaryDirectory() as folder:

        def write() -> None:
            target = Path(folder) / "video.mp4"
            size = frames[0].shape[1::-1]
            with VideoWriter(target, size, MOTION_RATE, voice) as writer:
                for frame in frames:
                    writer.write(frame)

        _, seconds = _time_work(write)
    per_frame["video encode"] = 1000 * seconds / len(frames)
    return {
        "stages": {
            "encode_portrait_s": encode_portrait_s,
            "prepare_renderer_s": framing_s + prepare_renderer_s,
            "per_frame_ms": per_frame,
        }
    }


def _drawn_in_steps(
    renderer: WarpRenderer, pose: Callable[[], FrameGeometry]
) -> tuple[np.ndarray, dict[str, float]]:
    """A frame, and the seconds that posing the face and each of the renderer's steps take."""
    times = {}
    frame = np.empty(0)
    started = time.perf_counter()
    for drawn in renderer.draw(pose()):
        done = time.perf_counter()
        times[drawn.step.value] = done - started
        frame, started = drawn.frame, done
    return frame, times


def _time_work(work: Callable[[], object]) -> tuple:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


MEASUREMENTS: dict[str, Callable[[Path, Path, _Framing], dict]] = {
    "first_frame": _first_frame,
    "save_video": _save_video,
    "time_stages": _time_stages,
}


def _measure(measurement: str, portrait: str, voice: str, framing: str) -> int:
    """What a child process does: one measurement, printed as JSON."""
    frame = _Framing(*json.loads(framing))
    try:
        print(json.dumps(MEASUREMENTS[measurement](Path(portrait), Path(voice), frame)))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(_measure(*sys.argv[1:]))
