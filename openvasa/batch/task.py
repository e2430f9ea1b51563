"""One video to make: what goes in, where it goes, and how it is made."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from openvasa.batch.options import Options


@dataclass(frozen=True)
class Portrait:
    """A portrait to encode once for all tasks that show it.

    Attributes:
        place: path or URL of a picture or an avatar.
        face, anyway: as in `openvasa.face.encode.load_portrait`.
    """

    place: str
    face: int | None = None
    anyway: bool = False


@dataclass(frozen=True)
class Task:
    """One video to make; places are paths of this machine or URLs that fsspec reads.

    Attributes:
        name: what results call it, unique in a list.
        portrait: place of a picture or an avatar.
        output: place of the video; its ending names the kind of file.
        audio: place of a file with speech; None where `text` is spoken.
        text: what is said; None where `audio` is given.
        voice: name of the voice that says the text; None for the first of the machine.
        options: how the video is made.
    """

    name: str
    portrait: str
    output: str
    audio: str | None = None
    text: str | None = None
    voice: str | None = None
    options: Options = field(default_factory=Options)

    @property
    def subject(self) -> Portrait:
        """The portrait, as it is encoded."""
        return Portrait(self.portrait, self.options.face, self.options.anyway)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that differ where another video is asked for."""
        asked = [self.portrait, self.audio, self.text, self.voice, self.options.chosen()]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
