"""The seam between a list of tasks and whatever makes them: processes here, or Ray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from openvasa.batch.make import Failure, Figures
from openvasa.batch.task import Portrait, Task
from openvasa.runtime import Device


@dataclass(frozen=True)
class Share:
    """What one task may use.

    Attributes:
        cpus: cores.
        memory: bytes; Ray places tasks by it.
        device: where frames are drawn; of Ray, a task on a GPU has one to itself.
        niceness: how far processes of this machine stand back behind others, 0 to 19.
    """

    cpus: int = 1
    memory: int = 1_000_000_000
    device: Device = Device.CPU
    niceness: int = 0


@dataclass(frozen=True)
class Ended:
    """A piece of work that is over.

    Attributes:
        ticket: what `Workers.encode` or `Workers.make` gave for it.
        value: `Figures` of a video, or what stands for an encoded portrait; None after a failure.
        failure: why it failed, else None.
    """

    ticket: int
    value: Any = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Advanced:
    """A video of which more frames are made.

    Attributes:
        ticket: what `Workers.make` gave for it.
        frames: that are made.
        of: of the whole video.
    """

    ticket: int
    frames: int
    of: int


class Workers(Protocol):
    """Something that encodes portraits and makes videos, several at a time.

    An encoded portrait is passed on as `Any`: a path or a reference, as the workers like it.
    """

    @property
    def places(self) -> int:
        """Pieces of work that are worth having at a time."""
        ...

    def encode(self, portrait: Portrait) -> int:
        """Begin to encode a portrait; gives a ticket."""
        ...

    def make(self, task: Task, face: Any) -> int:
        """Begin to make a video with an encoded portrait; gives a ticket."""
        ...

    def wait(self, seconds: float) -> list[Ended | Advanced]:
        """News, at the latest after so many seconds; each ticket ends once.

        Workers that cannot see into a piece of work tell of no advance.
        """
        ...

    def stop(self, ticket: int) -> None:
        """End a piece of work by force; it comes back from `wait` as a failure."""
        ...

    def forget(self, face: Any) -> None:
        """Let go of an encoded portrait that no task needs."""
        ...

    def close(self) -> None:
        """End all work by force."""
        ...


def figures_of(ended: Ended) -> Figures:
    """The figures of a video that was made."""
    assert isinstance(ended.value, Figures)
    return ended.value
