"""Judge from pixels whether generated faces move as people do.

    openvasa evaluate likeness CACHE CLIPS

For clips of people never trained on, videos are rendered from a frame of the clip and its sound,
and tracked frame by frame like the clip itself. What the tracker sees is compared: how much moves,
whether the lips go with the real lips and with the sound. Real motion redrawn by the same
renderer says what the instrument and the renderer cost; on the portrait of another person, what
motion can reach that is a person's, but not this one's. Frames go to the tracker as they are
rendered, without an encoder between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.data.clip_list import Split
from openvasa.data.experts import Expert, expert, lip_shapes, sound_bands, sync_score
from openvasa.data.prepare import Track
from openvasa.data.redraw import film, rows_of_track
from openvasa.errors import InputError
from openvasa.evaluate.likeness_clips import (
    NEUTRAL,
    HeldOut,
    choose_clips,
    encode_portraits,
    exchange_motion,
)
from openvasa.evaluate.likeness_figures import (
    Figures,
    Traces,
    measure_traces,
    traces_of_rows,
    traces_of_track,
)
from openvasa.evaluate.motion_metrics import correlation
from openvasa.motion.model import MotionModel
from openvasa.motion.row import with_tongue_at_rest, without_tongue
from openvasa.rates import FRAME_SAMPLES
from openvasa.render.renderer import RendererFactory
from openvasa.render.warp_renderer import WarpRenderer

REAL, REDRAWN, EXCHANGED = "real", "redrawn", "another's motion"
WHOLE, LIVE = "whole file", "live"
SEEDS = 3

Make = Callable[[HeldOut, int], np.ndarray]
"""A clip and a seed → (T, 6 + D + 2) rows of motion for its sound."""


@dataclass(frozen=True)
class Verdict:
    """What is found of one video, or of rows alone.

    Attributes:
        figures: how much moves.
        aperture_r, width_r: correlation of the lips' gap and the mouth's width with the real
            clip's.
        confidence: S_C of the sync expert.
        frames: how many were judged.
    """

    figures: Figures
    aperture_r: float
    width_r: float
    confidence: float
    frames: int


@dataclass
class Way:
    """One way of making motion.

    Attributes:
        rounds: a list for every seed, of a verdict for every clip.
        traces: of every clip with the first seed.
    """

    rounds: list[list[Verdict]] = field(default_factory=list)
    traces: list[Traces] = field(default_factory=list)

    def add(self, round_number: int, traces: Traces, verdict: Verdict) -> None:
        """Add the next clip to a round."""
        if round_number == len(self.rounds):
            self.rounds.append([])
        self.rounds[round_number].append(verdict)
        if round_number == 0:
            self.traces.append(traces)


@dataclass(frozen=True)
class Judged:
    """Everything that `openvasa evaluate likeness` finds.

    Attributes:
        clips: names of the clips.
        split: whose they are.
        ways: by name, `REAL` first.
        pixels: whether videos were rendered and tracked, or rows judged alone.
        left_out: a line for each clip that could not be judged.
    """

    clips: list[str]
    split: Split
    ways: dict[str, Way]
    pixels: bool
    left_out: list[str]


@dataclass(frozen=True)
class _Seen:
    """A video or rows, as the judge sees them: traces, and (T, 6 + D) motion for the lips."""

    traces: Traces
    rows: np.ndarray


def whole_file(model: Callable[[int], MotionModel]) -> Make:
    """Makes rows by the model of a seed, the whole sound at once."""
    return lambda held, seed: np.concatenate(list(model(seed).frames([held.sound])))


def stream_with(model: Callable[[int], MotionModel], hop: int, lookahead: int) -> Make:
    """Makes rows by the model of a seed as a stream, hop and look-ahead in rows."""

    def make(held: HeldOut, seed: int) -> np.ndarray:
        source = model(seed).live(hop, lookahead)
        silence = np.zeros((hop + lookahead + 1) * FRAME_SAMPLES, np.float32)
        rows = np.concatenate([source.push(held.sound), source.push(silence)])
        return rows[: len(held.sound) // FRAME_SAMPLES]

    return make


def judge_likeness(
    cache: Path,
    folder: Path,
    *,
    makers: Mapping[str, Make],
    renderer: RendererFactory = WarpRenderer,
    seeds: int = SEEDS,
    count: int | None = None,
    seconds: float | None = None,
    pixels: bool = True,
    split: Split = Split.TEST,
) -> Judged:
    """Judge ways of making motion, on held-out people where no other `split` is asked for.

    Args:
        cache: of `openvasa data prepare`; real clips' tracks are taken from it.
        folder: the clips it was made from.
        makers: what to judge, by name; every clip of every round gets a seed of its own.
        renderer: draws the videos.
        seeds: rounds.
        count, seconds: at most so many clips and so much of each.
        pixels: render and track; otherwise judge rows alone, in seconds instead of minutes.
        split: which people; of those learnt from, motion can be compared with what was learnt.

    Raises:
        InputError: there is no clip to judge.
    """
    chosen = choose_clips(cache, folder, count, seconds, split)
    ways: dict[str, Way] = {}
    clips, left_out = [], []
    show, redrawn = _show_rows, 0
    if pixels:
        others = exchange_motion(chosen)
        show = partial(_show_pixels, folder=folder, renderer=renderer, others=others)
        redrawn = 1 if others is None else 2
    videos = len(makers) * seeds * (2 if pixels else 1) + redrawn
    total = videos * sum(len(held.rows) for held in chosen)
    with tqdm(total=total, desc="judging", unit="frame") as bar:
        for number, held in enumerate(chosen):
            judge = _Judge(held, expert("sync"), pixels)
            found = [(REAL, 0, judge.real.traces, judge.verdict(judge.real))]
            try:
                for way, round_number, seen in show(held, number, makers, seeds):
                    found.append((way, round_number, seen.traces, judge.verdict(seen)))
                    bar.update(len(held.rows))
            except InputError as error:
                left_out.append(f"{held.clip.name}: {error}")
                continue
            for way, round_number, traces, verdict in found:
                ways.setdefault(way, Way()).add(round_number, traces, verdict)
            clips.append(held.clip.name)
    if not clips:
        raise InputError(f"{folder}: no clip can be judged ({left_out[0]})")
    return Judged(clips, split, ways, pixels, left_out)


def _show_pixels(
    held: HeldOut,
    number: int,
    makers: Mapping[str, Make],
    seeds: int,
    *,
    folder: Path,
    renderer: RendererFactory,
    others: Sequence[np.ndarray] | None,
) -> Iterator[tuple[str, int, _Seen]]:
    """Name of the way, round and what is seen of it, one after the other."""
    faces = encode_portraits(held, folder)
    renderers = {portrait: renderer(face) for portrait, face in faces.items()}

    def see(portrait: str, rows: np.ndarray) -> _Seen:
        return _seen_of(film(renderers[portrait], faces[portrait], rows))

    yield REDRAWN, 0, see(NEUTRAL, with_tongue_at_rest(held.rows))
    if others is not None:
        yield EXCHANGED, 0, see(NEUTRAL, with_tongue_at_rest(others[number]))
    for name, make in makers.items():
        for round_number in range(seeds):
            rows = make(held, _seed(round_number, number))[: len(held.rows)]
            for portrait in faces:
                yield f"{name}, {portrait}", round_number, see(portrait, rows)


def _show_rows(
    held: HeldOut, number: int, makers: Mapping[str, Make], seeds: int
) -> Iterator[tuple[str, int, _Seen]]:
    for name, make in makers.items():
        for round_number in range(seeds):
            rows = make(held, _seed(round_number, number))[: len(held.rows)]
            yield name, round_number, _seen_in_rows(without_tongue(rows))


def _seed(round_number: int, clip_number: int) -> int:
    return 1000 * round_number + clip_number


def _seen_of(track: Track) -> _Seen:
    traces = traces_of_track(track)
    return _Seen(traces, rows_of_track(track))


def _seen_in_rows(rows: np.ndarray) -> _Seen:
    return _Seen(traces_of_rows(rows), rows)


class _Judge:
    """Judges what is seen beside one real clip."""

    def __init__(self, held: HeldOut, sync: Expert, pixels: bool) -> None:
        self.real = _seen_of(held.track) if pixels else _seen_in_rows(held.rows)
        self._sync = sync
        self._sound = sync.embed_sound(sound_bands(held.sound, len(held.rows)))

    def verdict(self, seen: _Seen) -> Verdict:
        """What is found; where fewer frames are seen than the clip has, its end is missing."""
        count = len(seen.rows)
        real = self.real.traces
        lips = self._sync.embed_motion(lip_shapes(seen.rows))
        return Verdict(
            figures=measure_traces(seen.traces),
            aperture_r=correlation(seen.traces.aperture, real.aperture[:count]),
            width_r=correlation(seen.traces.width, real.width[:count]),
            confidence=sync_score(self._sound[: len(lips)], lips).confidence,
            frames=count,
        )
