"""Does any portrait of a person move alike? The same motion on neutral and awkward frames.

    openvasa evaluate portraits CACHE CLIPS

Frames of a held-out person's clip are portraits: the most neutral one, the widest smile, the widest
mouth, the most averted gaze, lowered lids. Each makes the clip's own motion, and the rendered
frames are tracked. A kind of portrait is judged by the neutral one of the same people.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.data.experts import expert, lip_shapes, sound_bands, sync_score
from openvasa.data.portrait_kinds import NEUTRAL, find_portraits
from openvasa.data.prepare import Track
from openvasa.data.redraw import encode_frames, film, rows_of_track
from openvasa.errors import InputError
from openvasa.evaluate.closure import CLOSED
from openvasa.evaluate.likeness_clips import HeldOut, choose_clips
from openvasa.evaluate.likeness_figures import Traces, count_blinks, traces_of_track
from openvasa.evaluate.motion_metrics import correlation
from openvasa.face.dynamics import lip_gap
from openvasa.motion.row import with_tongue_at_rest
from openvasa.rates import FRAME_SAMPLES, MOTION_RATE
from openvasa.render.renderer import RendererFactory


@dataclass(frozen=True)
class Seen:
    """What is read off one video.

    Attributes:
        aperture, width, pucker, funnel, smile: spreads, as in `likeness_figures.Figures`.
        closed: share of the frames with closed lips.
        blinks: how many.
        confidence: S_C of the sync expert.
        mean_aperture, mean_width, mean_smile: means over the frames, for how far shapes are off.
        aperture_r: correlation of the lips' gap with that of the neutral portrait's video.
    """

    aperture: float
    width: float
    pucker: float
    funnel: float
    smile: float
    closed: float
    blinks: float
    confidence: float
    mean_aperture: float
    mean_width: float
    mean_smile: float
    aperture_r: float


FIGURES = tuple(f.name for f in fields(Seen))
RATIOS = FIGURES[:8]
"""Figures of a kind that are divided by the neutral portraits'."""
OFFSETS = FIGURES[8:11]
"""Figures of which the neutral portraits' are taken away."""

Pair = tuple[Seen, Seen]
"""The video from one kind of portrait of a person, and that from the neutral one."""


@dataclass(frozen=True)
class Comparison:
    """One kind of portrait beside the neutral ones of the same people.

    Attributes:
        clips: how many.
        values: by figure: the ratio (`RATIOS`), the difference (`OFFSETS`) or the mean.
        errors: standard errors over clips, by the jackknife.
    """

    clips: int
    values: dict[str, float]
    errors: dict[str, float]


@dataclass(frozen=True)
class Judged:
    """Everything that is found: pairs by the kind of portrait, and who is left out and why."""

    pairs: dict[str, list[Pair]]
    left_out: list[str]


def judge_portraits(
    cache: Path,
    folder: Path,
    *,
    renderer: RendererFactory,
    count: int | None = None,
    seconds: float | None = None,
) -> Judged:
    """Let all kinds of portraits of held-out people make the motion of their clip.

    Args:
        cache: of `openvasa data prepare`; real clips' tracks are taken from it.
        folder: the clips it was made from.
        renderer: draws the videos.
        count: at most so many clips, different people first.
        seconds: at most so much of each clip is made; portraits are frames of the whole.

    Raises:
        InputError: there is no clip to judge.
    """
    pairs: dict[str, list[Pair]] = {}
    left_out = []
    for held in tqdm(choose_clips(cache, folder, count), desc="judging", unit="clip"):
        try:
            found = _judge_person(held, folder, renderer, seconds)
        except InputError as error:
            left_out.append(f"{held.clip.name}: {error}")
            continue
        for kind, seen in found.items():
            pairs.setdefault(kind, []).append((seen, found[NEUTRAL]))
    if not pairs:
        raise InputError(f"{folder}: no clip can be judged ({left_out[0]})")
    return Judged(pairs, left_out)


def _judge_person(
    held: HeldOut, folder: Path, renderer: RendererFactory, seconds: float | None
) -> dict[str, Seen]:
    numbers = find_portraits(held.track, held.rows)
    faces = encode_frames(folder / f"{held.clip.name}.mp4", numbers)
    count = len(held.rows) if seconds is None else round(seconds * MOTION_RATE)
    count = min(count, len(held.rows))
    rows = with_tongue_at_rest(held.rows[:count])
    sound = sound_bands(held.sound[: count * FRAME_SAMPLES], count)
    tracks = {kind: film(renderer(face), face, rows) for kind, face in faces.items()}
    neutral = traces_of_track(tracks[NEUTRAL])
    return {kind: look_at(track, sound, neutral) for kind, track in tracks.items()}


def look_at(track: Track, sound: np.ndarray, neutral: Traces) -> Seen:
    """Read the figures off a tracked video.

    Args:
        track: of the video, T frames.
        sound: (T, SOUND_DIM) bands of what is said.
        neutral: traces of the video from the neutral portrait.
    """
    traces, sync = traces_of_track(track), expert("sync")
    lips = sync.embed_motion(lip_shapes(rows_of_track(track)))
    return Seen(
        **{name: float(traces.shapes[name].std()) for name in ("pucker", "funnel", "smile")},
        aperture=float(traces.aperture.std()),
        width=float(traces.width.std()),
        closed=float((lip_gap(track.canonical) <= CLOSED).mean()),
        blinks=count_blinks(traces.lids),
        confidence=sync_score(sync.embed_sound(sound), lips).confidence,
        mean_aperture=float(traces.aperture.mean()),
        mean_width=float(traces.width.mean()),
        mean_smile=float(traces.shapes["smile"].mean()),
        aperture_r=correlation(traces.aperture, neutral.aperture),
    )


def compare(pairs: list[Pair]) -> Comparison:
    """A kind of portrait over all its clips; one clip's errors do not hide behind another's."""
    others = [pairs[:index] + pairs[index + 1 :] for index in range(len(pairs))]
    values, errors = {}, {}
    for name in FIGURES:
        values[name] = _compare(name, pairs)
        if len(pairs) > 1:
            without = np.array([_compare(name, rest) for rest in others])
            errors[name] = float(without.std() * np.sqrt(len(pairs) - 1))
        else:
            errors[name] = float("nan")
    return Comparison(len(pairs), values, errors)


def _compare(name: str, pairs: list[Pair]) -> float:
    made, neutral = (
        float(np.mean([getattr(s, name) for s in side])) for side in zip(*pairs, strict=True)
    )
    if name in RATIOS:
        return made / neutral if neutral else float("nan")
    return made - neutral if name in OFFSETS else made
