"""What every encoder of a file is told, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from openvasa.media.container import Codec, Container
from openvasa.media.soundtrack import Soundtrack

Quality = Literal["fast", "good"]


@dataclass(frozen=True)
class Plan:
    """The file that an encoder writes.

    Attributes:
        container: its kind.
        size: (width, height) of its frames, px.
        rate: frames a second; frame i is shown at i / rate.
        codec: of the picture; None where the container has its own.
        sound: its sound track, or None.
        quality: "fast", or "good": smaller, and slower to write.
        tags: its metadata.
    """

    container: Container
    size: tuple[int, int]
    rate: Fraction
    codec: Codec | None = None
    sound: Soundtrack | None = None
    quality: Quality = "fast"
    tags: Mapping[str, str] = field(default_factory=dict)


Encode = Callable[[Path, Iterator[np.ndarray], Plan], None]
"""Writes (h, w, 3) uint8 RGB frames into a file as planned; it reads them one by one, as they come,
and lets through what reading them raises."""
