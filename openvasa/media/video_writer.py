"""Frames and a voice → one video file, whole or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from openvasa.errors import InputError
from openvasa.media.container import Codec, check_output, choose_codec, container_of
from openvasa.media.encoding import Encode, Plan, Quality
from openvasa.media.file_writer import FileWriter
from openvasa.media.film import encode_film
from openvasa.media.finishing import Finishing
from openvasa.media.frame_rate import FrameRate, exact_rate, rate_in_words
from openvasa.media.gif import encode_gif
from openvasa.media.soundtrack import soundtrack
from openvasa.media.webp import encode_webp

_ENCODERS: dict[str, Encode] = {"gif": encode_gif, "webp": encode_webp}
"""By the container's format; films by all others."""


class VideoWriter(FileWriter):
    """Write RGB frames to `path`; use as a context manager.

    The ending of the name says what is written (`openvasa.media.container.CONTAINERS`); the rest is
    as in `FileWriter`. `openvasa.publish.open_video` gives a writer that marks.

    size: (width, height) of the frames; odd sizes gain a repeated last column or row in films.
    fps: frames per second, 12 to 60; frame i is shown at i / fps, and 29.97 is 30000/1001.
    audio: file whose sound is laid under the picture from time 0, at its own rate where the
        container allows it (else the nearest), mono or stereo as it is. A container without sound
        leaves it out, and a warning says so.
    quality: "fast", or "good": smaller, and slower to write.
    sound_seconds: leave out the sound after this time; None keeps all of it.
    metadata: container tags.
    finishing: what is done to frames, sound and file besides; its errors pass through.
    codec: of the picture; None takes the container's usual one.

    Raises InputError: as `check_output`, too many frames a second for the container, the disk is
    full, or no frame was written; and whatever `read_sound` says of `audio`.
    ValueError: a frame of another shape or dtype than (h, w, 3) uint8.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: FrameRate,
        audio: str | Path | None = None,
        quality: Quality = "fast",
        metadata: Mapping[str, str] | None = None,
        sound_seconds: float | None = None,
        finishing: Finishing = Finishing(),  # noqa: B008 (frozen)
        codec: Codec | None = None,
    ) -> None:
        path = Path(path)
        check_output(path, None if audio is None else Path(audio), codec)
        container, rate = container_of(path), exact_rate(fps)
        if rate > container.fastest:
            raise InputError(
                f"{path}: a {container.name} shows at most {container.fastest} frames a second; "
                f"choose fewer than {rate_in_words(rate)}",
                parameters=("fps",),
            )
        sound = None
        if container.sound is not None:
            sound = soundtrack(audio, finishing.opening, sound_seconds, container.sound.rates)
        elif audio is not None:
            warnings.warn(f"{path}: a {container.name} holds no sound", stacklevel=2)
        plan = Plan(
            container,
            size,
            rate,
            choose_codec(path, codec),
            sound,
            quality,
            dict(metadata or {}),
        )
        encode = _ENCODERS.get(container.format, encode_film)
        shape = (size[1], size[0], 3)
        super().__init__(path, shape, lambda file, frames: encode(file, frames, plan), finishing)
