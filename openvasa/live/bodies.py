"""What a request carries: the one file of a form, a bounded body, a JSON object."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request, UploadFile

from openvasa.errors import InputError


class Refused(Exception):
    """A request that cannot be served: its HTTP status and one line for the user."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def read_upload(request: Request, most: int) -> bytes:
    """The one file of a form, or the body itself.

    Args:
        request: a form with a field named file, or any other body.
        most: bytes taken.

    Raises:
        Refused: it is longer.
        InputError: the form has no file.
    """
    if int(request.headers.get("content-length") or 0) > most + 10_000:
        raise Refused(413, f"file: over {most // 1_000_000} MB; give a smaller one")
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await read_body(request, most)
    if "content-length" not in request.headers:
        # A form is kept before it is looked at: without a length it could fill the disk.
        raise Refused(411, "file: say its Content-Length")
    async with request.form(max_files=1, max_fields=4) as form:
        upload = form.get("file")
        if upload is None or isinstance(upload, str):
            raise InputError("file: none in the form; send it as the field named file")
        return await _read(upload, most)


async def _read(upload: UploadFile | Any, most: int) -> bytes:
    data = await upload.read(most + 1)
    if len(data) > most:
        raise Refused(413, f"file: over {most // 1_000_000} MB; give a smaller one")
    return data


async def read_body(request: Request, most: int) -> bytes:
    """The whole body of a request.

    Raises:
        Refused: it is longer than `most` bytes.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise Refused(413, f"body: over {most // 1000} kB")
    return bytes(data)


def parse_object(data: bytes | str) -> dict[str, Any]:
    """A JSON object from a client.

    Raises:
        InputError: something else.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError("message: is not JSON") from error
    if not isinstance(content, dict):
        raise InputError("message: is not a JSON object")
    return content
