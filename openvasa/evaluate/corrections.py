"""What is each correction of generated motion worth? Motion with all of them, and without each.

openvasa evaluate corrections CACHE
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from openvasa.data.experts import expert
from openvasa.errors import InputError
from openvasa.evaluate.closure import Closure, closure
from openvasa.evaluate.motion import HeldOut, MotionFigures, generate, measure, stream
from openvasa.evaluate.page import Table
from openvasa.live.frame import LiveSettings
from openvasa.motion.correction import CORRECTIONS
from openvasa.motion.settings import MotionSettings

Generate = Callable[[np.ndarray, int, tuple[str, ...]], np.ndarray]
"""Levelled samples, a seed and names of corrections left out → (T, 6 + D) motion."""


@dataclass(frozen=True)
class Worth:
    """Motion of one way of making it.

    Attributes:
        way: files or streams, and what is left out.
        motion: figures over the held-out clips, one seed each.
        closure: on synthetic speech.
    """

    way: str
    motion: MotionFigures
    closure: Closure


def generate_file(sound: np.ndarray, seed: int, without: tuple[str, ...]) -> np.ndarray:
    """Motion as in a file."""
    return generate(sound, MotionSettings(seed=seed), without)


def generate_live(sound: np.ndarray, seed: int, without: tuple[str, ...]) -> np.ndarray:
    """Motion as a stream makes it, with the hop and the look-ahead that ship."""
    return stream(sound, seed, LiveSettings.hop, LiveSettings.lookahead, without)


def judge_corrections(
    clips: list[HeldOut], *, live: bool = False, most: int | None = None
) -> list[Worth]:
    """Motion with all corrections, and without each.

    Args:
        clips: held out.
        live: of streams, not of files.
        most: clips that are judged, evenly chosen; None for all.

    Raises:
        InputError: there are no clips.
    """
    if not clips:
        raise InputError("CACHE holds no clips of held-out people with sound; add some")
    if most is not None and most < len(clips):
        clips = [clips[i] for i in np.linspace(0, len(clips) - 1, most).round().astype(int)]
    way, make = ("streams", generate_live) if live else ("files", generate_file)
    names = [correction.name for correction in CORRECTIONS]
    return [
        _judge(way, make, (), clips),
        *(_judge(f"{way}, without {name}", make, (name,), clips) for name in names),
    ]


def _judge(way: str, make: Generate, without: tuple[str, ...], clips: list[HeldOut]) -> Worth:
    judges = expert("sync"), expert("capp")
    made = measure(way, clips, lambda _, sound, seed: make(sound, seed, without), judges)
    closed = closure(lambda sound, seed: make(sound, seed, without), chances=1)
    return Worth(way, made.row, closed)


def corrections_table(worths: list[Worth]) -> Table:
    """A row for each way."""
    head = ("motion", "S_C", "aperture r", "lip speed × real", "p, b, m closed %")
    rows = tuple(
        (
            worth.way,
            f"{worth.motion.confidence:.2f}",
            f"{worth.motion.aperture:.3f}",
            f"{worth.motion.lip_speed:.2f}",
            f"{100 * worth.closure.bilabials:.0f}",
            f"{100 * worth.closure.vowels:.0f}",
            f"{100 * worth.closure.dentals:.0f}",
        )
        for worth in worths
    )
    return Table((*head, "open vowels closed %", "th lets the tongue through %"), rows)
