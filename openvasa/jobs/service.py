"""What the service does for a client, whatever way the request came."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from openvasa.backgrounds import reads_no_file
from openvasa.batch.make import AVATAR
from openvasa.batch.options import read_options
from openvasa.errors import InputError
from openvasa.jobs.clients import Client
from openvasa.jobs.files import Files
from openvasa.jobs.job import FINISHED, Job, Kind, Order
from openvasa.jobs.queue import JobQueue, digest_of, new_id
from openvasa.jobs.webhook import check_webhook
from openvasa.live.speech import LONGEST_TEXT
from openvasa.media.container import CONTAINERS

MOST_PIXELS = 50_000_000
LONGEST_KEY = 200


class Refused(Exception):
    """A request that cannot be served: its HTTP status and one line for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Upload:
    """A file of a request.

    Attributes:
        name: as its client calls it; only its ending counts, and only among known ones.
        data: its content.
    """

    name: str
    data: bytes


@dataclass(frozen=True)
class Request:
    """What a client asks for, not checked yet.

    Attributes:
        kind: a video or an avatar.
        portrait: a picture; None where `avatar` is given.
        avatar: id of an avatar of the client's.
        audio, text, voice: what is said.
        format: of the video, as "mp4".
        options: JSON of options.
        webhook: URL to tell of the end.
        key: idempotency key.
    """

    kind: Kind
    portrait: Upload | None = None
    avatar: str | None = None
    audio: Upload | None = None
    text: str | None = None
    voice: str | None = None
    format: str = "mp4"
    options: str = "{}"
    webhook: str | None = None
    key: str | None = None


class Service:
    """Accepts, shows and ends jobs.

    Args:
        queue: of the jobs.
        files: of the service.
        private_webhooks: webhooks may go to hosts that are not public.
    """

    def __init__(self, queue: JobQueue, files: Files, private_webhooks: bool = False) -> None:
        self.queue = queue
        self.files = files
        self._private_webhooks = private_webhooks

    def accept(self, client: Client, asked: Request) -> tuple[Job, bool]:
        """Check a request, keep its files and then its job.

        Returns:
            The job, and whether it is new.

        Raises:
            InputError: something in it cannot be used.
            Refused: its avatar is not there.
        """
        options = self._check(asked)
        job_id = new_id()
        portrait = self._find_avatar(client, asked.avatar) if asked.avatar else None
        try:
            order = self._keep_files(job_id, asked, options, portrait)
            job, new = self.queue.accept(
                client.name, job_id, order, _digest(asked), asked.key, client.quota
            )
        except BaseException:
            self.files.remove_all(job_id)
            raise
        if not new:
            self.files.remove_all(job_id)
        return job, new

    def find(self, client: Client, kind: Kind, job_id: str) -> Job:
        """A client's job; raises Refused where it has no such one."""
        job = self.queue.find(client.name, job_id)
        if job is None or job.order.kind != kind:
            raise Refused(404, f"no such {kind}")
        return job

    def cancel(self, client: Client, kind: Kind, job_id: str) -> Job:
        """Have a job ended; one that has ended stays as it is."""
        self.find(client, kind, job_id)
        job = self.queue.cancel(client.name, job_id)
        if job is None:
            raise Refused(404, f"no such {kind}")
        return job

    def delete(self, client: Client, kind: Kind, job_id: str) -> None:
        """Remove a finished job and its files."""
        job = self.find(client, kind, job_id)
        if job.state not in FINISHED:
            raise Refused(409, f"the {kind} is {job.state}; cancel it first")
        self.queue.forget(client.name, job_id)
        self.files.remove_all(job_id)

    def result(self, client: Client, kind: Kind, job_id: str) -> str:
        """Place of the file that was made."""
        job = self.find(client, kind, job_id)
        if job.result is None:
            raise Refused(409, job.error or f"the {kind} is {job.state}")
        return job.result

    def _check(self, asked: Request) -> Mapping[str, Any]:
        if (asked.portrait is None) == (asked.avatar is None):
            raise InputError("portrait: give either a picture or an avatar")
        if asked.kind == "video" and (asked.audio is None) == (asked.text is None):
            raise InputError("audio: give either a sound or a text")
        if asked.text is not None and not 0 < len(asked.text.strip()) <= LONGEST_TEXT:
            raise InputError(f"text: write 1 to {LONGEST_TEXT} characters")
        if asked.kind == "video" and f".{asked.format}" not in CONTAINERS:
            known = ", ".join(ending.lstrip(".") for ending in CONTAINERS)
            raise InputError(f"format {asked.format}: choose {known}")
        if asked.key is not None and not 0 < len(asked.key) <= LONGEST_KEY:
            raise InputError(f"Idempotency-Key: 1 to {LONGEST_KEY} characters")
        if asked.webhook is not None:
            check_webhook(asked.webhook, private=self._private_webhooks)
        if asked.portrait is not None:
            _check_picture(asked.portrait)
        if asked.audio is not None and not asked.audio.data:
            raise InputError("audio: is empty; choose another")
        return _read_options(asked.options)

    def _find_avatar(self, client: Client, avatar: str) -> str:
        job = self.find(client, "avatar", avatar)
        if job.result is None:
            raise Refused(409, f"avatar: is {job.state}; wait until it is done")
        return job.result

    def _keep_files(
        self, job_id: str, asked: Request, options: Mapping[str, Any], portrait: str | None
    ) -> Order:
        if portrait is None:
            assert asked.portrait is not None
            portrait = self.files.keep_upload(job_id, "portrait", "", asked.portrait.data)
        audio = None
        if asked.audio is not None:
            audio = self.files.keep_upload(job_id, "audio", "", asked.audio.data)
        return Order(
            kind=asked.kind,
            portrait=portrait,
            ending=AVATAR if asked.kind == "avatar" else f".{asked.format}",
            audio=audio,
            text=asked.text,
            voice=asked.voice,
            options=options,
            webhook=asked.webhook,
        )


def _read_options(text: str) -> Mapping[str, Any]:
    try:
        given = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise InputError("options: are not JSON") from error
    if not isinstance(given, dict):
        raise InputError("options: are not a JSON object")
    options = read_options(given)
    if not reads_no_file(options.background):
        raise InputError("option background: choose keep, green, #rrggbb, blur or transparent")
    return options.chosen()


def _check_picture(picture: Upload) -> None:
    """Refuse what is no picture, or unpacks to too much, before it is kept."""
    try:
        with Image.open(io.BytesIO(picture.data)) as image:
            width, height = image.size
    except Exception as error:
        raise InputError("portrait: cannot be read; give a JPEG, PNG or WebP") from error
    if width * height > MOST_PIXELS:
        limit = MOST_PIXELS // 1_000_000
        raise InputError(f"portrait: {width}×{height} is over {limit} megapixels; scale it down")


def _digest(asked: Request) -> str:
    words = [asked.kind, asked.avatar, asked.text, asked.voice, asked.format, asked.options]
    files = [upload.data if upload else b"" for upload in (asked.portrait, asked.audio)]
    return digest_of([json.dumps([*words, asked.webhook]).encode(), *files])
