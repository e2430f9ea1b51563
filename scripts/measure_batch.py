"""Measure `openvasa batch` on this machine: scaling, overhead, and what faults cost.

    python scripts/measure_batch.py scaling  [--jobs 12] [--on processes|ray]
    python scripts/measure_batch.py overhead [--jobs 100] [--on processes|ray]
    python scripts/measure_batch.py faults   [--jobs 1000] [--poisoned 20] [--kills 5]
    python scripts/measure_batch.py cost     [--size 512] [--seconds 10]

scaling: the same jobs by one worker of one core and by two. overhead: one worker of all cores
against a loop of `animate(...).save(...)` in one process. faults: poisoned inputs among the jobs,
and workers killed with SIGKILL now and then. cost: processor seconds of one video on one core, and
the most memory that its process has had. Lines with times say how busy the machine was meanwhile:
beside other programs they say little.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.audio.pcm import write_wav
from openvasa.batch.make import encode_portrait, make_video
from openvasa.batch.options import Options
from openvasa.batch.process_workers import ProcessWorkers, keep_to_share
from openvasa.batch.run import run_tasks
from openvasa.batch.task import Task
from openvasa.batch.workers import Share, Workers
from openvasa.machine import usable_cores
from openvasa.media.inspect import inspect_video
from openvasa.rates import SAMPLE_RATE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("scaling", "overhead", "faults", "cost"))
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--seconds", type=float, default=2.0, help="of sound in each job")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--on", choices=("processes", "ray"), default="processes")
    parser.add_argument("--poisoned", type=int, default=20)
    parser.add_argument("--kills", type=int, default=5)
    options = parser.parse_args()
    measure = {
        "scaling": _scaling,
        "overhead": _overhead,
        "faults": _faults,
        "cost": _cost,
    }[options.what]
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), options)


def _scaling(folder: Path, options: argparse.Namespace) -> int:
    tasks = _tasks(folder, options.jobs or 12, options)
    took = {}
    for number in (1, 2):
        workers = _workers(options.on, number, Share(1))
        _warm_up(workers, tasks[0], number)
        took[number] = _time_run(f"{number} worker(s) of one core", tasks, workers)
        workers.close()
    print(f"two workers are {took[1] / took[2]:.2f} times as fast as one")
    return 0


def _overhead(folder: Path, options: argparse.Namespace) -> int:
    tasks = _tasks(folder, options.jobs or 100, options)
    face = encode_portrait(tasks[0].subject)
    make_video(replace(tasks[0], output=str(folder / "warm.mp4")), face, "warm")
    started, busy, cpu = time.perf_counter(), _busy_seconds(), time.process_time()
    for task in tasks:
        make_video(task, face, "plain")
    plain, plain_cpu = time.perf_counter() - started, time.process_time() - cpu
    print(f"animate in a loop: {plain:.1f} s; {_load(started, busy)}")
    before = _child_seconds()
    workers = _workers(options.on, 1, Share(usable_cores()))
    _warm_up(workers, tasks[0], 1)
    batch = _time_run("batch", tasks, workers)
    workers.close()
    print(
        f"batch takes {100 * (batch / plain - 1):+.1f} % more time than the loop; processor "
        f"seconds {plain_cpu:.1f} and, start and two more jobs included, "
        f"{_child_seconds() - before:.1f}"
    )
    return 0


def _faults(folder: Path, options: argparse.Namespace) -> int:
    tasks = _tasks(folder, options.jobs or 1000, options)
    dice = random.Random(7)
    for task in dice.sample(tasks, options.poisoned):
        assert task.audio is not None
        Path(task.audio).write_bytes(dice.randbytes(3000))
    workers = ProcessWorkers(usable_cores())
    deadly = set(dice.sample(range(len(tasks) // 10, len(tasks) * 9 // 10), options.kills))
    counted: Counter[str] = Counter()
    killed = 0
    started = time.perf_counter()
    for outcome in run_tasks(tasks, workers):
        counted[outcome.status] += 1
        killed += sum("by signal 9" in reason for reason in outcome.reasons)
        if counted.total() in deadly:
            os.kill(dice.choice(workers.process_ids), signal.SIGKILL)
    workers.close()
    right = sum(_is_right(task, options.seconds) for task in tasks)
    left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    print(
        f"{len(tasks)} jobs in {time.perf_counter() - started:.0f} s, {options.poisoned} poisoned, "
        f"{options.kills} kills ({killed} attempts lost): {dict(counted)}, {right} right outputs, "
        f"{len(left)} left-overs"
    )
    expected = len(tasks) - options.poisoned
    return 0 if right == counted["made"] == expected and not left else 1


def _cost(folder: Path, options: argparse.Namespace) -> int:
    keep_to_share(Share())
    first, second = _tasks(folder, 2, options)
    face = encode_portrait(first.subject)
    make_video(first, face, "warm")
    before = time.process_time()
    figures = make_video(second, face, "cost")
    spent = time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(
        f"{options.size} px, {figures.seconds:.0f} s: {figures.frames / spent:.1f} frames a core "
        f"second, {3600 * figures.frames / spent:.0f} a core hour, {memory:.0f} MB at most"
    )
    return 0


def _tasks(folder: Path, number: int, options: argparse.Namespace) -> list[Task]:
    voice = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
    length = round(options.seconds * SAMPLE_RATE)
    voice = np.tile(voice, 2 + length // len(voice))
    chosen = Options(size=options.size)
    tasks = []
    for i in range(number):
        first = (i * 7919) % (len(voice) - length)
        path = folder / f"{i}.wav"
        write_wav(path, [voice[first : first + length]], SAMPLE_RATE)
        output = str(folder / f"{i}.mp4")
        tasks.append(Task(str(i), str(EXAMPLE_PORTRAIT), output, str(path), options=chosen))
    return tasks


def _is_right(task: Task, seconds: float) -> bool:
    path = Path(task.output)
    return path.exists() and inspect_video(path).frames == round(seconds * 25)


def _workers(on: str, number: int, share: Share) -> Workers:
    if on == "ray":
        from openvasa.batch.ray_workers import RayWorkers

        return RayWorkers(None, number, share)
    return ProcessWorkers(number, share)


def _warm_up(workers: Workers, task: Task, number: int) -> None:
    """Each worker loads its networks; a service or a long list does that once."""
    warm = [
        replace(task, name=f"w{i}", output=str(Path(task.output).with_name(f"w{i}.mp4")))
        for i in range(2 * number)
    ]
    list(run_tasks(warm, workers))


def _time_run(name: str, tasks: list[Task], workers: Workers) -> float:
    started, busy = time.perf_counter(), _busy_seconds()
    outcomes = list(run_tasks(tasks, workers))
    took = time.perf_counter() - started
    frames = sum(o.figures.frames for o in outcomes if o.figures is not None)
    print(f"{name}: {took:.1f} s, {frames / took:.0f} fps; {_load(started, busy)}", flush=True)
    return took


def _child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _busy_seconds() -> float:
    """Of all cores since the machine started."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    idle = int(fields[3]) + int(fields[4])
    return (sum(map(int, fields)) - idle) / os.sysconf("SC_CLK_TCK")


def _load(started: float, busy: float) -> str:
    share = (_busy_seconds() - busy) / (time.perf_counter() - started)
    return f"cores busy with this and all other programs: {share:.2f}"


if __name__ == "__main__":
    sys.exit(main())
