"""Videos that a live server makes beside its sessions, one at a time, in a process of its own.

They go through the queue and the dispatcher of the job service, kept in the server's own folder:
they end with the server. The process starts with the first video and ends when none has been asked
for a while.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from openvasa.audio.pcm import write_wav
from openvasa.backgrounds import Picture
from openvasa.batch.options import Options
from openvasa.batch.process_workers import ProcessWorkers
from openvasa.batch.workers import Share, Workers
from openvasa.face.latent import FaceLatent
from openvasa.jobs.database import Database
from openvasa.jobs.dispatcher import Dispatcher
from openvasa.jobs.files import Files
from openvasa.jobs.job import FINISHED, UNFINISHED, Job, Order
from openvasa.jobs.queue import JobQueue, new_id
from openvasa.jobs.quota import Quota
from openvasa.jobs.serve import remove_old
from openvasa.live.logs import note
from openvasa.rates import MOTION_RATE
from openvasa.runtime import get_runtime

CLIENT = "page"
"""Whose all jobs are; ids cannot be guessed."""
QUOTA = Quota(unfinished=4, per_day=1000)
KEEP_S = 3600.0
"""A video that nobody fetched is kept so long."""
IDLE_S = 60.0
"""The process ends when nothing was to be made for so long."""
NICENESS = 5
"""Live pictures go first."""


def one_worker(folder: Path) -> Workers:
    """One process that makes videos on what live portraits leave of the processor.

    Args:
        folder: where it keeps what it needs; a server that is killed leaves nothing elsewhere.
    """
    share = Share(cpus=1, device=get_runtime().device, niceness=NICENESS)
    return ProcessWorkers(1, share, folder)


class PageVideos:
    """Orders of all clients of one live server. Any thread may call it.

    Args:
        folder: where files lie; the caller removes it.
        start_workers: starts what makes the videos, given a folder for its own files.
    """

    def __init__(self, folder: Path, start_workers: Callable[[Path], Workers] = one_worker) -> None:
        self._files = Files(str(folder / "videos"))
        self._queue = JobQueue(Database(f"sqlite:///{folder / 'videos.db'}"))
        self._folder, self._start_workers = folder, start_workers
        self._lock = threading.Lock()
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self._idle_since = 0.0
        self._seconds: dict[str, float] = {}

    def order(
        self,
        face: FaceLatent,
        samples: np.ndarray,
        rate: int,
        options: Options,
        background: Picture | None = None,
    ) -> Job:
        """Have a video made.

        Args:
            face: the portrait.
            samples: (n,) mono, float32 in [-1, 1] or int16: what is said.
            rate: of the samples, Hz.
            options: how it is made.
            background: a picture that stands behind the person, in place of what they name.

        Raises:
            QuotaReached: enough wait already.
        """
        job_id = new_id()
        try:
            folder = Path(self._files.root) / job_id
            folder.mkdir()
            portrait, audio = folder / "portrait.npz", folder / "audio.wav"
            face.save(portrait)
            write_wav(audio, [samples], rate)
            if background is not None:
                behind = folder / "background.png"
                Image.fromarray(background.pixels).save(behind, compress_level=1)
                options = replace(options, background=str(behind))
            order = Order("video", str(portrait), ".mp4", str(audio), options=options.chosen())
            with self._lock:
                job, _ = self._queue.accept(CLIENT, job_id, order, job_id, quota=QUOTA)
                self._seconds[job_id] = len(samples) / rate
                self._keep_running()
        except BaseException:
            self._files.remove_all(job_id)
            raise
        return job

    def find(self, job_id: str) -> Job | None:
        """A job by its id."""
        return self._queue.find(CLIENT, job_id)

    def progress(self, job: Job) -> float:
        """How much of a video is made, 0 to 1."""
        if job.state == "done":
            return 1.0
        frames = math.ceil(self._seconds.get(job.id, 0.0) * MOTION_RATE)
        return min(1.0, (job.frames_done or 0) / max(1, frames))

    def remove(self, job_id: str) -> bool:
        """End a job that is not finished, or remove one that is; False where there is none."""
        job = self.find(job_id)
        if job is None:
            return False
        if job.state in FINISHED:
            self._queue.forget(CLIENT, job_id)
            self._files.remove_all(job_id)
            self._seconds.pop(job_id, None)
        else:
            self._queue.cancel(CLIENT, job_id)
        return True

    def file(self, job: Job) -> Path | None:
        """The video, once it is made."""
        return None if job.result is None else self._files.local_path(job.result)

    def close(self) -> None:
        """End all work by force."""
        with self._lock:
            thread, stop = self._thread, self._stop
        if thread is not None and stop is not None:
            stop.set()
            thread.join()

    def _keep_running(self) -> None:
        self._idle_since = time.monotonic()
        if self._stop is None or self._stop.is_set():
            self._stop = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(self._stop,), daemon=True)
            self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        """Make videos until `stop` is set; whatever ends it earlier ends the orders too."""
        try:
            self._make_videos(stop)
        except Exception as error:
            note("videos failed", level=logging.ERROR, error=error)
            with self._lock:
                # Once `stop` is set, a thread that came after this one may be at the orders.
                if not stop.is_set():
                    self._queue.fail_all(f"the video could not be made ({error}); make it again")
        finally:
            stop.set()

    def _make_videos(self, stop: threading.Event) -> None:
        workers = self._start_workers(self._folder)
        try:
            chores = partial(self._tidy, stop)
            Dispatcher(self._queue, self._files, workers, chores).run(stop)
        finally:
            workers.close()

    def _tidy(self, stop: threading.Event) -> None:
        """Forget old videos, and stop where nothing has been to do for long."""
        for job_id in remove_old(self._queue, self._files, KEEP_S):
            self._seconds.pop(job_id, None)
        with self._lock:
            count = self._queue.count()
            if any(count.get(state) for state in UNFINISHED):
                self._idle_since = time.monotonic()
            elif time.monotonic() - self._idle_since > IDLE_S:
                stop.set()
