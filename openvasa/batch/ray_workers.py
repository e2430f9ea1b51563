"""Workers that are tasks of Ray, on this machine or on a cluster.

Ray places each task by the cores and the memory that it declares. An encoded portrait lies in
Ray's store of objects: each node fetches it once. Ray itself tries nothing again, since a task's
outcome counts its attempts and their reasons; only a portrait that was lost with its node is
encoded again by Ray.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from itertools import count
from typing import Any

import ray
from ray.exceptions import (
    ObjectLostError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    TaskCancelledError,
)

from openvasa.batch.make import Failure, encode_portrait, explain, make_output, process_mark
from openvasa.batch.process_workers import keep_to_share
from openvasa.batch.task import Portrait, Task
from openvasa.batch.workers import Advanced, Ended, Share
from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent
from openvasa.machine import usable_cores
from openvasa.runtime import Device

AHEAD = 2
"""Tasks handed to Ray for each that can run at a time: no node waits for this process."""
STORE_BYTES = 200_000_000
"""Of objects, where Ray is started here: portraits, and little else."""


class RayWorkers:
    """Tasks of Ray; see `Workers`.

    Args:
        address: of a cluster, as ray://head:10001 or auto; None starts Ray on this machine.
        number: tasks at a time, at most; None for as many as the cluster's cores allow.
        share: what one task may use.
    """

    def __init__(
        self,
        address: str | None = None,
        number: int | None = None,
        share: Share = Share(),  # noqa: B008 (frozen)
    ) -> None:
        if number is not None and number < 1:
            raise InputError(f"workers {number}: choose 1 or more", parameters=("workers",))
        self._share = share
        self._number = number
        self._ours = not ray.is_initialized()
        if self._ours:
            _connect(address, max(usable_cores(), share.cpus))
        _warn_where_nothing_fits(share)
        declared: dict[str, Any] = {"num_cpus": share.cpus, "memory": share.memory}
        if share.device is Device.CUDA:
            declared["num_gpus"] = 1
        # What is lost with a node is made again by Ray, so that a portrait outlives it.
        self._encode: Any = ray.remote(max_retries=3, num_returns=2, **declared)(_encode)
        self._make: Any = ray.remote(max_retries=0, **declared)(_make)
        self._tickets = count()
        self._running: dict[Any, int] = {}
        self._faces: dict[int, Any] = {}

    @property
    def places(self) -> int:
        """What the cluster can run now, and some ahead."""
        if self._number is not None:
            return self._number
        cores = ray.cluster_resources().get("CPU", 0)
        return AHEAD * max(1, int(cores // self._share.cpus))

    def encode(self, portrait: Portrait) -> int:
        """See `Workers`; what stands for the face is a reference."""
        return self._begin(self._encode.remote(self._share, portrait))

    def make(self, task: Task, face: Any) -> int:
        """See `Workers`."""
        return self._begin([self._make.remote(self._share, task, face)])

    def wait(self, seconds: float) -> list[Ended | Advanced]:
        """See `Workers`; Ray cannot see into a task."""
        if not self._running:
            time.sleep(seconds)
            return []
        done, _ = ray.wait(list(self._running), num_returns=1, timeout=seconds, fetch_local=False)
        return [self._read(reference) for reference in done]

    def stop(self, ticket: int) -> None:
        """See `Workers`."""
        for reference, number in self._running.items():
            if number == ticket:
                ray.cancel(reference, force=True)

    def forget(self, face: Any) -> None:
        """See `Workers`; Ray lets go of what nobody refers to."""

    def close(self) -> None:
        """See `Workers`."""
        for reference in self._running:
            ray.cancel(reference, force=True)
        self._running.clear()
        if self._ours:
            ray.shutdown()

    def _begin(self, references: list[Any]) -> int:
        """`references`: of the answer, and of the face where one is made."""
        answer, *face = references
        ticket = next(self._tickets)
        self._running[answer] = ticket
        if face:
            self._faces[ticket] = face[0]
        return ticket

    def _read(self, reference: Any) -> Ended:
        ticket = self._running.pop(reference)
        face = self._faces.pop(ticket, None)
        try:
            value, failure = ray.get(reference)
        except (RayError, OSError) as error:
            return Ended(ticket, failure=_explain(error))
        return Ended(ticket, face if face is not None and failure is None else value, failure)


def _connect(address: str | None, cores: int) -> None:
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address is not None:
            ray.init(address, **quiet)
            return
        ray.init(
            num_cpus=cores,
            object_store_memory=STORE_BYTES,
            include_dashboard=False,
            **quiet,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        words = " ".join(str(error).split())
        raise InputError(f"{address or 'Ray'}: cannot be reached ({words[:200]})") from error


def _warn_where_nothing_fits(share: Share) -> None:
    """Ray lets a task wait for ever that fits on no node: one may join the cluster later."""
    for node in ray.nodes():
        resources = node["Resources"]
        fits = resources.get("CPU", 0) >= share.cpus and resources.get("memory", 0) >= share.memory
        if node["Alive"] and fits:
            return
    warnings.warn(
        f"no node of the cluster has {share.cpus} cores and {share.memory / 1e6:.0f} MB; the batch "
        "waits for one (less may be declared with --cpus and --memory)",
        stacklevel=3,
    )


def _explain(error: Exception) -> Failure:
    if isinstance(error, TaskCancelledError):
        return Failure("stopped", passing=False)
    if isinstance(error, OutOfMemoryError):
        return Failure("the node ran out of memory; declare more with --memory", passing=True)
    lost = isinstance(error, ObjectLostError) or (
        isinstance(error, RayTaskError) and isinstance(error.cause, ObjectLostError)
    )
    first = next(iter(str(error).strip().splitlines()), "")
    return Failure(f"{type(error).__name__}: {first[:300]}", passing=True, face_lost=lost)


def _answer(share: Share, call: Callable[[], Any]) -> tuple[Any, Failure | None]:
    """Runs in a worker of Ray: the answer of a call, or why there is none."""
    try:
        keep_to_share(share)
        return call(), None
    except Exception as error:
        return None, explain(error)


def _encode(
    share: Share, portrait: Portrait
) -> tuple[tuple[None, Failure | None], FaceLatent | None]:
    face, failure = _answer(share, lambda: encode_portrait(portrait))
    return (None, failure), face


def _make(share: Share, task: Task, face: FaceLatent) -> tuple[Any, Failure | None]:
    return _answer(share, lambda: make_output(task, face, process_mark()))
