"""Threads and folders of a process: BLAS keeps to its share while a stream or a video runs."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import scipy.linalg
from live_stand_in import StandInGenerator
from threadpoolctl import threadpool_limits

from openvasa.errors import InputError
from openvasa.evaluate.watermark import keep_start_method
from openvasa.face.latent import FaceLatent
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveSettings
from openvasa.live.painter import Painter
from openvasa.live.player import Player, Shown
from openvasa.machine import multiplies_in_bf16
from openvasa.motion.streaming import StreamingGenerator
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE
from openvasa.runtime import (
    Runtime,
    cache_folder,
    count_blas_threads,
    get_runtime,
    limit_blas,
    limit_opencv,
    set_runtime,
)

MOST_COST = 1.3
"""Processor time of a frame, against that of one whose BLAS has no thread that could spin. Where
threads spin it is 1.7 and more."""
TRIES = 4
MOST_CORES, MOST_OLDER_CORES = 0.7, 1.5
"""Of a stream of 40 frames a second, where the processor multiplies in bf16 (and, with that, in 8
bits), and where it does not: networks take twice as long there, 1.1 cores in all."""
HOP = 2
SECONDS = 8.0
BURN = "while True: pass"

assert np.dot(np.eye(2), np.eye(2)).any()
assert scipy.linalg.norm(np.eye(2)), "both bring a BLAS, loaded here as a caller might"


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    """As on a machine of several cores, whatever this one has."""
    with threadpool_limits(2, "blas"):
        yield


@contextmanager
def chosen(runtime: Runtime) -> Iterator[None]:
    before = get_runtime()
    set_runtime(runtime)
    try:
        yield
    finally:
        set_runtime(before)


def test_blas_that_was_loaded_before_is_limited_and_set_back() -> None:
    assert len(count_blas_threads()) >= 1
    assert set(count_blas_threads().values()) == {2}
    with limit_blas():
        assert set(count_blas_threads().values()) == {1}
    assert set(count_blas_threads().values()) == {2}


def test_the_limit_holds_where_the_caller_uses_threadpoolctl() -> None:
    """It lets no thread but the caller's set OpenBLAS from then on."""
    seen: list[int] = []

    def work() -> None:
        with limit_blas():
            seen.extend(count_blas_threads().values())

    with threadpool_limits(2, "blas"):
        other = threading.Thread(target=work)
        other.start()
        other.join(20)
        assert set(seen) == {1}
        assert set(count_blas_threads().values()) == {2}


def test_overlapping_blocks_of_several_threads_end_in_any_order() -> None:
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with limit_blas():
            inside.set()
            assert leave.wait(20)

    other = threading.Thread(target=work)
    with limit_blas():
        other.start()
        assert inside.wait(20)
    assert set(count_blas_threads().values()) == {1}, "the other is still at work"
    leave.set()
    other.join(20)
    assert set(count_blas_threads().values()) == {2}


def test_the_number_of_threads_can_be_chosen() -> None:
    with chosen(Runtime(blas_threads=2)), limit_blas():
        assert set(count_blas_threads().values()) == {2}
    with pytest.raises(InputError, match="blas_threads 0: choose 1 or more"):
        Runtime(blas_threads=0)


def test_a_player_limits_blas_while_it_runs() -> None:
    while_painting: list[int] = []
    painted = threading.Event()

    def paint(motion: np.ndarray, time_s: float) -> np.ndarray:
        while_painting.extend(count_blas_threads().values())
        painted.set()
        return np.zeros((8, 8, 3), np.uint8)

    shown: list[Shown] = []
    player = Player(Engine(StandInGenerator(), LiveSettings(fps=25)), paint, shown.append)
    player.start()
    assert painted.wait(20)
    player.stop()
    assert set(while_painting) == {1}
    assert set(count_blas_threads().values()) == {2}


def test_the_cache_lies_where_the_system_keeps_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "openvasa"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "openvasa"


def test_the_way_processes_start_is_chosen_back() -> None:
    before = multiprocessing.get_start_method(allow_none=True)
    with keep_start_method():
        multiprocessing.set_start_method("spawn")
    assert multiprocessing.get_start_method(allow_none=True) == before


@pytest.mark.slow
def test_a_stream_beside_a_busy_core_costs_no_more_than_without_blas_threads() -> None:
    """By the processor's time, next to the same stream on the same machine in the same minute, and
    by the least of a few tries: others who use its memory, and a rate that yields to them, only
    add to the rest."""
    without: list[float] = []
    costs: list[float] = []
    with subprocess.Popen([sys.executable, "-c", BURN]) as burner:
        try:
            for _ in range(TRIES):
                without.append(frame_cost(bench_live({"OPENBLAS_NUM_THREADS": "1"})))
                figures = bench_live({})
                assert figures["threads"]["BLAS"] == 1
                assert figures["stats"]["frames"], "it streamed"
                costs.append(frame_cost(figures))
                if min(costs) < MOST_COST * min(without):
                    break
        finally:
            burner.kill()
    assert min(costs) < MOST_COST * min(without), (costs, without)


@pytest.mark.slow
def test_motion_and_pictures_of_a_stream_leave_cores_to_others(
    face: FaceLatent,
) -> None:
    """At 512 px and 40 frames a second beside a busy core, by the least of many tries: others on
    the machine only add to the rest."""
    generator, painter = StreamingGenerator(hop=HOP), Painter(face, content_id=1)
    noise = np.random.default_rng(0).normal(0, 0.05, (60, HOP * FRAME_SAMPLES)).astype(np.float32)
    with subprocess.Popen([sys.executable, "-c", BURN]) as burner, limit_blas():
        try:
            hops = [timed(lambda piece=piece: generator.push(piece)) for piece in noise]
            rows = [row for pushed, _ in hops for row in pushed]
            frames = [timed(lambda at=at: painter.paint(rows[at], at / 40)) for at in range(60)]
        finally:
            burner.kill()
    hop, frame = (min(seconds for _, seconds in work[10:]) for work in (hops, frames))
    most = MOST_CORES if multiplies_in_bf16() else MOST_OLDER_CORES
    assert hop * MOTION_RATE / HOP + frame * 40 < most, (hop, frame)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` gives, and the processor's time for it, s."""
    started = time.process_time()
    return work(), time.process_time() - started


def bench_live(environment: dict[str, str]) -> dict:
    """Figures of `openvasa bench live`; the processor's time leaves out what others use."""
    command = [sys.executable, "-m", "openvasa", "bench", "live", "--json"]
    done = subprocess.run(
        [*command, "--seconds", f"{SECONDS:g}"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=1200,
    )
    return json.loads(done.stdout)


def frame_cost(figures: dict) -> float:
    """Processor time of a frame, s."""
    return figures["cpu_seconds"] / figures["stats"]["frames"]


def test_opencv_keeps_to_one_thread_until_the_last_block_ends() -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        with limit_opencv():
            with limit_opencv():
                assert cv2.getNumThreads() == 1
            assert cv2.getNumThreads() == 1
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)
