"""How far the lips of different portraits move in the same speech, judged from pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.audio.decode import read_blocks
from openvasa.data.redraw import film
from openvasa.errors import InputError
from openvasa.evaluate.likeness_figures import traces_of_track
from openvasa.evaluate.page import Table
from openvasa.face.encode import encode_upright
from openvasa.face.picture import load_picture
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.rates import MOTION_RATE
from openvasa.render.renderer import RendererFactory

ALIKE = 0.2
"""Share of the median by which a portrait's amplitude may differ from it."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Amplitude:
    """One portrait: its file's name, and the spread of its lips' gap, % of the eye corners'
    distance."""

    name: str
    aperture: float


def measure_amplitudes(
    folder: Path, voice: Path, *, renderer: RendererFactory, seconds: float
) -> tuple[list[Amplitude], list[str]]:
    """Let every portrait of a folder say the same, with one seed.

    Args:
        folder: with pictures; portraits that the check refuses are made anyway.
        voice: what they say.
        renderer: draws the videos.
        seconds: how much of it.

    Returns:
        What is found, and a line for each picture that is left out.

    Raises:
        InputError: the folder holds no pictures, none shows a usable face, or the voice cannot be
            read.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder}: holds no pictures; give a folder with portraits")
    rows = np.concatenate(list(SpeechMotion(MotionSettings()).frames(read_blocks(voice))))
    rows = rows[: round(seconds * MOTION_RATE)]
    found, left_out = [], []
    for path in tqdm(paths, desc="portraits"):
        try:
            found.append(_measure(path, rows, renderer))
        except InputError as error:
            left_out.append(f"{path.name}: {error}")
    if not found:
        raise InputError(f"{folder}: no picture can be measured ({left_out[0]})")
    return found, left_out


def _measure(path: Path, rows: np.ndarray, renderer: RendererFactory) -> Amplitude:
    face = encode_upright(load_picture(path), name=path.name, anyway=True)
    track = film(renderer(face), face, rows)
    traces = traces_of_track(track)
    return Amplitude(path.name, float(traces.aperture.std()))


def amplitude_report(found: list[Amplitude], left_out: list[str]) -> str:
    """Lip amplitude of a folder's portraits over their median, in Markdown."""
    apertures = np.array([one.aperture for one in found])
    shares = apertures / max(float(np.median(apertures)), 1e-9)
    rows = [
        (one.name, f"{one.aperture:.2f}", f"{share:.2f}", "" if abs(share - 1) <= ALIKE else "no")
        for one, share in zip(found, shares, strict=True)
    ]
    table = Table(("portrait", "lip aperture %", "× median", f"within {ALIKE:.0%}"), tuple(rows))
    alike = sum(not row[-1] for row in rows)
    told = f"{alike} of {len(rows)} portraits are within {ALIKE:.0%}."
    return "\n".join([table.markdown(), "", told, *(f"Left out: {line}." for line in left_out)])
