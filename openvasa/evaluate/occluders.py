"""How well what is in front of faces is found: on composites, and on people who wear glasses.

    openvasa evaluate occluders CACHE CLIPS

Composites are drawn before faces of people that no training has seen. The limits of the portrait
check (`openvasa.face.check`) are fitted to composites of the training people, and tried on those of
the others and on filmed people who really wear things.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.data.clip_list import Split
from openvasa.data.occluders.composites import UNKNOWN, Composite, Composites
from openvasa.data.stills import Stills, gather_stills
from openvasa.face.canonical import fit_head
from openvasa.face.occluders import Covers, Occluder, Occluders, judge_square, measure_covers

SEED = 2
"""Of the composites; training draws others."""
HIDDEN, FREE = 0.5, 0.02
"""Share of lips or of an eye that counts as hidden, and as free; what lies between is left out."""


@dataclass(frozen=True)
class Seen:
    """What was drawn before faces, and what was found there.

    Attributes:
        overlap: intersection over union by name of the kind, over all composites.
        truths, founds: one a composite.
    """

    overlap: dict[str, float]
    truths: list[Covers]
    founds: list[Covers]


def evaluate(cache: Path, clips: Path, folder: Path, count: int) -> dict[str, object]:
    """Measure the shipped network.

    Args:
        cache: from `openvasa data prepare`.
        clips: the clips it was made from.
        folder: where stills of the faces are kept.
        count: composites of the training people, and of the others.

    Returns:
        Overlaps, fitted limits with their errors, and what is found on people who wear things.

    Raises:
        InputError: no clip shows a large enough face.
    """
    stills = {
        split: gather_stills(cache, clips, split, folder / f"stills_{split.value}.npz")
        for split in Split
    }
    seen = {split: _see_composites(Composites.of_bare(stills[split]), count) for split in Split}
    report: dict[str, object] = {"overlap": seen[Split.TEST].overlap}
    for name, hidden, free in LIMITS:
        train = _marked(seen[Split.TRAIN], name, hidden, free)
        limit = _fit_limit(*train)
        test = _marked(seen[Split.TEST], name, hidden, free)
        report[name] = {"limit": round(limit, 4)} | _errors(*test, limit)
    real = [_measure_real(part) for part in stills.values()]
    limits = {name: report[name]["limit"] for name, _, _ in LIMITS}  # pyright: ignore
    report["people filmed"] = _judge_real([row for rows in real for row in rows], limits)
    return report


LIMITS = (("mouth", HIDDEN, FREE), ("eyes", HIDDEN, FREE), ("glasses", 0.01, 0.0))
LIMITS += (("headwear", 0.1, 0.0),)
"""Measures of `Covers`: from which true value they count as there, and up to which as not."""


def true_covers(composite: Composite) -> Covers:
    """What was drawn, measured as what is found is."""
    chances = np.stack([np.where(composite.labels == kind, 255, 0) for kind in Occluder])
    return Occluders(chances.astype(np.uint8)).covers(composite.landmarks)


def _see_composites(composites: Composites, count: int) -> Seen:
    both, either = np.zeros(len(Occluder)), np.zeros(len(Occluder))
    truths, founds = [], []
    for index in tqdm(range(count), desc="composites"):
        composite = composites.draw(np.random.default_rng([SEED, index]))
        occluders = judge_square(composite.picture)
        found, known = occluders.chances.argmax(axis=0), composite.labels != UNKNOWN
        for kind in Occluder:
            there, seen = composite.labels == kind, (found == kind) & known
            both[kind] += (there & seen).sum()
            either[kind] += (there | seen).sum()
        truths.append(true_covers(composite))
        founds.append(occluders.covers(composite.landmarks))
    overlap = {
        kind.name.lower(): round(float(both[kind] / max(either[kind], 1)), 3) for kind in Occluder
    }
    return Seen(overlap, truths, founds)


def _marked(seen: Seen, name: str, hidden: float, free: float) -> tuple[np.ndarray, np.ndarray]:
    """What was found where something is, and where nothing is."""
    truth = np.array([getattr(cover, name) for cover in seen.truths])
    found = np.array([getattr(cover, name) for cover in seen.founds])
    return found[truth >= hidden], found[truth <= free]


def _fit_limit(there: np.ndarray, absent: np.ndarray) -> float:
    """The value between both with the fewest errors, in the middle of where these are fewest."""
    values = np.unique(np.concatenate([there, absent, [0.0]]))
    limits = (values[1:] + values[:-1]) / 2
    errors = [np.mean(there <= limit) + np.mean(absent > limit) for limit in limits]
    least = limits[np.isclose(errors, min(errors))]
    return float((least[0] + least[-1]) / 2)


def _errors(there: np.ndarray, absent: np.ndarray, limit: float) -> dict[str, float]:
    return {
        "there": len(there),
        "missed": round(float(np.mean(there <= limit)), 3),
        "absent": len(absent),
        "accused": round(float(np.mean(absent > limit)), 3),
    }


def _measure_real(stills: Stills) -> list[tuple[tuple[str, ...], Covers]]:
    """What each filmed person wears, and what is found on one still of them."""
    rows: dict[str, tuple[tuple[str, ...], Covers]] = {}
    for index, group in enumerate(stills.groups):
        if group not in rows:
            head = fit_head(stills.landmarks[index])
            covers = measure_covers(stills.picture(index), stills.landmarks[index], head)
            rows[group] = (stills.worn[index], covers)
    return list(rows.values())


WEARING: dict[str, Callable[[tuple[str, ...]], bool]] = {
    "glasses": lambda worn: bool({"glasses", "shades"} & set(worn)),
    "headwear": lambda worn: bool({"hat", "headscarf", "headphones"} & set(worn)),
    "mouth": lambda worn: False,
    "eyes": lambda worn: "shades" in worn,
}
"""What is worn where a measure is to be high; no filmed person has the mouth hidden."""


def _judge_real(
    rows: list[tuple[tuple[str, ...], Covers]], limits: dict[str, float]
) -> dict[str, dict[str, float]]:
    report = {}
    for name, wears in WEARING.items():
        there = np.array([getattr(found, name) for worn, found in rows if wears(worn)])
        absent = np.array([getattr(found, name) for worn, found in rows if not worn])
        part: dict[str, float] = {"there": len(there), "absent": len(absent)}
        part["accused"] = round(float(np.mean(absent > limits[name])), 3)
        if len(there):
            part["missed"] = round(float(np.mean(there <= limits[name])), 3)
        report[name] = part
    return report
