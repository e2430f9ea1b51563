"""How a video is marked as AI-generated: the choices, in one place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

Label = Literal["text", "eu", "cn"]
Notice = Literal["morse", "spoken"]


@dataclass(frozen=True)
class Marking:
    """What is put on and into a video so that people and programs can tell that it is made by AI.

    The default is: invisible watermark, Content Credentials signed with this machine's own
    certificate, and a sentence in the metadata.

    Attributes:
        marked: False leaves out all of it. Whoever sets this answers for the video's use.
        content_id: 32 bits that the watermark carries; None derives them from what is animated.
        label: also a visible label, "text", or for rules: "eu", "cn" (with the AIGC field).
        label_seconds: show the label for so long from the start, at least 2; None is always.
        notice: also a sound at the start: "morse" is the letters AI in Morse code, "spoken" a
            sentence, which needs the program espeak-ng.
        producer: who makes the video, for the AIGC field of label "cn".
        cert, key: PEM files to sign with; None takes the user's or the machine's own.
        timestamp_url: an RFC 3161 time stamping service; the only thing that uses the network.
        portrait: the picture that is animated, as a file or as (h, w, 3) uint8 RGB; its hash goes
            into the Content Credentials.
        controls: what was chosen in making the video, for the Content Credentials.
    """

    marked: bool = True
    content_id: int | None = None
    label: Label | None = None
    label_seconds: float | None = None
    notice: Notice | None = None
    producer: str | None = None
    cert: Path | None = None
    key: Path | None = None
    timestamp_url: str | None = None
    portrait: Path | np.ndarray | None = field(default=None, compare=False)
    controls: Mapping[str, object] = field(default_factory=dict)


UNMARKED = Marking(marked=False)


def derived_content_id(parts: Iterable[bytes]) -> int:
    """A 32-bit content id out of what a video is made from: the same for the same, else another."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return int.from_bytes(digest.digest()[:4], "big")
