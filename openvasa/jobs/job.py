"""One accepted job, as the database holds it and as its client sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["queued", "running", "done", "failed", "cancelled"]
Kind = Literal["video", "avatar"]
FINISHED: tuple[State, ...] = ("done", "failed", "cancelled")
UNFINISHED: tuple[State, ...] = ("queued", "running")


@dataclass(frozen=True)
class Order:
    """What a client asks for; places are of the service's own files.

    Attributes:
        kind: a video, or an avatar to make videos with.
        portrait: place of a picture or an avatar.
        ending: of the file to make, as ".mp4".
        audio, text, voice: as in `openvasa.batch.task.Task`.
        options: as `openvasa.batch.options.read_options` takes them.
        webhook: URL that is told when the job has ended.
    """

    kind: Kind
    portrait: str
    ending: str
    audio: str | None = None
    text: str | None = None
    voice: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    webhook: str | None = None


@dataclass(frozen=True)
class Job:
    """An order, and how far it is.

    Attributes:
        id: unguessable.
        client: whose it is.
        order: what was asked for.
        state: queued, running, done, failed or cancelled.
        accepted_at, started_at, finished_at: seconds since 1970.
        attempts: how often it was begun.
        lease: who may end the present attempt; a new one each time it is begun.
        frames_done, frames: of the video; None where that is not known.
        cancel: its client wants it ended.
        result: place of the file, once done.
        error: why it failed, one line.
    """

    id: str
    client: str
    order: Order
    state: State
    accepted_at: float
    started_at: float | None = None
    finished_at: float | None = None
    attempts: int = 0
    lease: str | None = None
    frames_done: int | None = None
    frames: int | None = None
    cancel: bool = False
    result: str | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What its client is told."""
        told: dict[str, Any] = {
            "id": self.id,
            "kind": self.order.kind,
            "state": self.state,
            "accepted_at": self.accepted_at,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "attempts": self.attempts,
            "frames_done": self.frames_done,
            "frames": self.frames,
            "error": self.error,
        }
        return told
