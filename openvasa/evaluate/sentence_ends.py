"""Does the mouth close after the last word, and stay closed, whatever the room sounds like?

Held-out people's speech is cut at the ends of words. Noise of a room lies under the whole sound
and goes on alone afterwards; somebody breathes in it. Published measures of talking heads hold no
such test: silence there is digital.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from openvasa.audio.level import TARGET_DBFS
from openvasa.data.voices import coloured_noise, draw_breath
from openvasa.evaluate.motion_metrics import aperture
from openvasa.face.dynamics import dynamics_code
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE, SAMPLE_RATE

FLOORS = (None, -50.0, -45.0, -40.0)
"""Levels of the room in dB of full scale; None is digital silence. Speech is at −20."""
SPOKEN_SECONDS, AFTER_SECONDS = (1.5, 4.0), 2.4
CLOSING_SECONDS = 0.2
"""How long lips may take to close."""
BREATH_AT, BREATH_DBFS = 1.2, -35.0
"""Seconds after the last word at which somebody breathes in, and how loudly."""
OPEN_GAP = 0.36
"""Lip gap that a viewer sees as open, canonical units: 4 % of the distance of the outer corners of
the eyes."""
ENDS_A_CLIP = 2
QUIET_DB, LOUD_DB, EDGE_SECONDS = -12.0, -6.0, 0.08
"""A word ends where speech that was above the second level, dB of the target level, falls below the
first for so long."""

Make = Callable[[np.ndarray, int], np.ndarray]
"""Levelled samples and a seed → (T, 6 + D) motion."""


@dataclass(frozen=True)
class Ends:
    """What the lips do after the last words over one floor.

    Attributes:
        floor: level of the room, dB of full scale; None is digital silence.
        count: ends judged.
        hanging: share whose mean gap from `CLOSING_SECONDS` to the breath is above `OPEN_GAP`.
        slow: share that is still open `CLOSING_SECONDS` after the last word.
        moving: share that opens again before the breath.
        breath: share that opens for the breath.
    """

    floor: float | None
    count: int
    hanging: float
    slow: float
    moving: float
    breath: float


def find_word_ends(sound: np.ndarray) -> list[int]:
    """Samples at which words of levelled 16 kHz speech end, the first `SPOKEN_SECONDS` left out."""
    step = SAMPLE_RATE // 100
    frames = sound[: len(sound) // step * step].reshape(-1, step)
    level = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-12) - TARGET_DBFS
    length = round(EDGE_SECONDS * 100)
    ends = []
    for at in range(round(SPOKEN_SECONDS[0] * 100), len(level) - length):
        loud = level[at - length : at].max() > LOUD_DB
        if loud and level[at - 1] >= QUIET_DB and (level[at : at + length] < QUIET_DB).all():
            ends.append(at * step)
    return ends


def end_in_room(
    sound: np.ndarray, end: int, floor: float | None, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Speech up to a word's end, a room under it that goes on, and a breath.

    Args:
        sound: levelled samples at 16 kHz.
        end: sample at which the word ends.
        floor: level of the room, dB of full scale; None is digital silence.
        rng: chooses the colour of the noise and the breath.

    Returns:
        The sound, and the number of the frame in which the word ends.
    """
    spoken = sound[max(0, end - round(SPOKEN_SECONDS[1] * SAMPLE_RATE)) : end].copy()
    fade = min(len(spoken), SAMPLE_RATE // 50)
    spoken[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    room = np.zeros(len(spoken) + round(AFTER_SECONDS * SAMPLE_RATE), np.float32)
    if floor is not None:
        room += coloured_noise(len(room), rng) * np.float32(10 ** (floor / 20))
    room[: len(spoken)] += spoken
    breath = draw_breath(rng)
    breath *= 10 ** (BREATH_DBFS / 20) / np.sqrt(np.square(breath).mean())
    at = len(spoken) + round(BREATH_AT * SAMPLE_RATE)
    room[at : at + len(breath)] += breath[: len(room) - at]
    return room, len(spoken) // FRAME_SAMPLES


def judge_ends(sounds: Iterable[np.ndarray], make: Make) -> list[Ends]:
    """Ends of some of the words of levelled sounds, over every floor.

    Args:
        sounds: of different clips, 16 kHz.
        make: makes motion of a sound.

    Returns:
        One for each of `FLOORS`; counts are 0 where no sound holds a word's end.
    """
    chosen = []
    for sound in sounds:
        ends = find_word_ends(sound)
        picks = np.linspace(0, len(ends) - 1, min(ENDS_A_CLIP, len(ends))).round().astype(int)
        chosen += [(sound, ends[pick]) for pick in picks]
    return [_judge_floor(chosen, floor, make) for floor in FLOORS]


def _judge_floor(chosen: list[tuple[np.ndarray, int]], floor: float | None, make: Make) -> Ends:
    code, rng = dynamics_code(), np.random.default_rng(0)
    found = []
    name = "digital silence" if floor is None else f"room at {floor:.0f} dB"
    for seed, (sound, end) in enumerate(tqdm(chosen, desc=name)):
        samples, last = end_in_room(sound, end, floor, rng)
        gap = aperture(code, make(samples, seed))
        closed = last + round(CLOSING_SECONDS * MOTION_RATE)
        breath = last + round(BREATH_AT * MOTION_RATE)
        quiet = gap[closed:breath]
        settled = np.flatnonzero(quiet < OPEN_GAP)
        again = bool(len(settled)) and bool((quiet[settled[0] :] > OPEN_GAP).any())
        found.append(
            (quiet.mean() > OPEN_GAP, quiet[0] > OPEN_GAP, again, gap[breath:].max() > OPEN_GAP)
        )
    means = np.mean(found, axis=0) if found else np.full(4, np.nan)
    return Ends(floor, len(found), *(float(share) for share in means))


def ends_report(found: dict[str, list[Ends]]) -> str:
    """A Markdown table, a row for each way of making motion and floor."""
    head = ("motion", "room", "ends", "hang open %", f"open after {CLOSING_SECONDS:g} s %")
    head = (*head, "open again %", "open for a breath %")
    rows = [head, ("---",) * len(head)]
    for name, ends in found.items():
        for end in ends:
            room = "digital silence" if end.floor is None else f"{end.floor:.0f} dBFS"
            shares = (end.hanging, end.slow, end.moving, end.breath)
            rows.append((name, room, str(end.count), *(f"{100 * x:.0f}" for x in shares)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
