"""What requests are answered with: the forms that the OpenAPI page shows, files and events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi.responses import FileResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from openvasa.jobs.clients import Client
from openvasa.jobs.job import FINISHED, Job, Kind, State
from openvasa.jobs.service import Service

POLL_S = 0.5
SILENCE_S = 15.0
"""After so long a comment is sent, which keeps proxies from closing the connection."""

MIME_TYPES = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".npz": "application/octet-stream",
}


class JobAnswer(BaseModel):
    """A job, as its client sees it."""

    id: str = Field(examples=["6f1c0a52e7d84b0d9a3e5b7c1d2f4a68"])
    kind: Kind = Field(examples=["video"])
    state: State = Field(examples=["running"])
    accepted_at: float = Field(description="Seconds since 1970.", examples=[1790000000.25])
    started_at: float | None = Field(examples=[1790000001.5])
    finished_at: float | None = Field(examples=[None])
    attempts: int = Field(examples=[1])
    frames_done: int | None = Field(examples=[120])
    frames: int | None = Field(
        description="Of the whole video; known once it is being made.", examples=[225]
    )
    error: str | None = Field(description="Why it failed, one line.", examples=[None])


class JobList(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]


class ErrorAnswer(BaseModel):
    """What is wrong, in one line."""

    error: str = Field(examples=["portrait: give either a picture or an avatar"])


ERRORS: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorAnswer, "description": told}
    for status, told in {
        401: "No token, or an unknown one.",
        404: "No such job of this client.",
        409: "It does not go with the state of the job, or the key belongs to another request.",
        422: "The input cannot be used.",
        429: "The client has as many jobs as it may have.",
        503: "The database does not answer.",
        507: "There is no room for the files.",
    }.items()
}


def answer_job(job: Job) -> JobAnswer:
    """A job as JSON."""
    return JobAnswer(**job.as_json())


def answer_file(service: Service, place: str) -> Response:
    """A file that was made; parts of one on this machine may be asked for."""
    ending = Path(place).suffix.lower()
    name, mime = f"openvasa{ending}", MIME_TYPES[ending]
    path = service.files.local_path(place)
    if path is not None:
        return FileResponse(path, media_type=mime, filename=name)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(service.files.read(place), media_type=mime, headers=headers)


def answer_events(service: Service, client: Client, kind: Kind, job: Job) -> Response:
    """The job whenever it has changed, as server-sent events, until it has ended."""
    return StreamingResponse(_events(service, client, kind, job.id), media_type="text/event-stream")


async def _events(service: Service, client: Client, kind: Kind, job_id: str) -> AsyncIterator[str]:
    last, silent = None, 0.0
    while True:
        job = await asyncio.to_thread(service.queue.find, client.name, job_id)
        if job is None:
            yield "event: gone\ndata: {}\n\n"
            return
        told = json.dumps(job.as_json())
        if told != last:
            last, silent = told, 0.0
            yield f"event: {'ended' if job.state in FINISHED else 'progress'}\ndata: {told}\n\n"
        elif silent > SILENCE_S:
            silent = 0.0
            yield ": waiting\n\n"
        if job.state in FINISHED:
            return
        await asyncio.sleep(POLL_S)
        silent += POLL_S
