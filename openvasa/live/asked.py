"""What requests ask for: a session, a background, and what is said."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from fastapi import Request

from openvasa.backgrounds import Own, reads_no_file
from openvasa.errors import InputError
from openvasa.live.bodies import Refused, parse_object, read_body, read_upload
from openvasa.live.protocol import LONGEST_TEXT_MESSAGE
from openvasa.live.session import Session
from openvasa.live.speech import Voice, speak
from openvasa.live.studio import Studio
from openvasa.live.uploads import read_voice

BACKGROUNDS = ("keep", "green", "blur")
"""What a client may name beside `#rrggbb`; files are the server's own affair."""
SIDES = (256, 384, 512, 768, 1024)
"""Sides of pictures that a client may choose, px."""


@dataclass(frozen=True)
class Spoken:
    """What is to be said.

    Attributes:
        samples: (n,) mono, float32 in [-1, 1] or int16.
        rate: Hz.
    """

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        """Its length, s."""
        return len(self.samples) / self.rate


def find_session(studio: Studio, key: str) -> Session:
    """An open session; raises Refused where none has this id."""
    session = studio.sessions.get(key)
    if session is None:
        raise Refused(404, "no such session; it may have ended, open a new one")
    return session


def check_background(background: str) -> str:
    """The background that a client names, if it may; a name never becomes a path."""
    if background == Own.TRANSPARENT.value or not reads_no_file(background):
        raise InputError(f"background: choose one of {', '.join(BACKGROUNDS)}, or #rrggbb")
    return background


async def read_sound(studio: Studio, request: Request) -> Spoken:
    """The sound file that a request carries.

    Raises:
        Refused: the file is too large.
        InputError: no sound in it, or too long.
    """
    data = await read_upload(request, studio.limits.upload_bytes)
    return Spoken(*await asyncio.to_thread(read_voice, data, studio.limits.sound_s, studio.folder))


async def read_text(studio: Studio, request: Request) -> Spoken:
    """The text of a request, `{"text": …, "voice": …}`, spoken by a voice of the server.

    Without `voice` it is the first one's.

    Raises:
        Refused: the request is too large.
        InputError: no such voice, or not a text that it can speak.
    """
    wanted = parse_object(await read_body(request, LONGEST_TEXT_MESSAGE))
    voice = find_voice(studio, wanted.get("voice"))
    return Spoken(*await asyncio.to_thread(speak, text_of(wanted), voice))


def find_voice(studio: Studio, name: object) -> Voice:
    """The voice of a name, the first for None; raises InputError where there is none."""
    if not studio.voices:
        raise InputError("voice: this server has none; send a sound")
    voice = studio.voices[0] if name is None else studio.find_voice(str(name))
    if voice is None:
        names = ", ".join(voice.name for voice in studio.voices)
        raise InputError(f"voice: none of that name; choose of {names}")
    return voice


def text_of(wanted: dict[str, object]) -> str:
    """The text of a request; raises InputError where it is none."""
    text = wanted.get("text", "")
    if not isinstance(text, str):
        raise InputError("text: is no text")
    return text
