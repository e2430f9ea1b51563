"""Fit the numbers of light and colour to real frames of training people.

    openvasa train shading CACHE CLIPS RUN [--only mouth.tones]

Frames of a clip are made portraits, driven to other frames of the same clip and drawn without
refinement, as `data/pairs.py` does it; `shading_error` compares the layer with the real frame, and
`shading_search` looks for numbers by which the error is less. One in so many people is held back:
the report says what every fitted number is worth to them. Nothing is written into the source: who
adopts a number puts it into its dataclass.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from openvasa.data.held_back import held_back_people
from openvasa.data.layer_moments import LAYERS, Scene, collect_scenes
from openvasa.errors import InputError
from openvasa.render.shading import Shading
from openvasa.train.run_settings import keep_settings, write_whole
from openvasa.train.shading_error import measure_people, people_of
from openvasa.train.shading_numbers import changed_in_order, numbers_to_fit
from openvasa.train.shading_report import Outcome, Worth, as_json
from openvasa.train.shading_search import Errors, Number, compare, search
from openvasa.train.shading_sheet import draw_sheet

TRIALS_FILE, RESULT_FILE = "trials.jsonl", "shading.json"

HELD_BACK = 3
"""One of so many people is held back: the judgement on one number needs more of them than a
network's."""

LEAST_PEOPLE = 6
"""Fewer say nothing about scatter."""


@dataclass(frozen=True)
class ShadingFit:
    """What a fit is made of."""

    steps: int = 4
    """Rounds through the numbers."""
    people: int = 45
    """At most so many, those held back included."""
    seed: int = 0
    """Draws people and frames."""
    only: str = ""
    """Beginning of the names of numbers to fit."""


class Trials:
    """Errors of trials, kept in RUN, so that a fit that was stopped goes on where it was.

    Args:
        path: the file, a line for each trial.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[float]] = {}
        if path.exists():
            for line in path.read_text("utf-8").splitlines():
                try:
                    key, errors = json.loads(line)
                except ValueError:
                    continue  # The line that was being written when the fit was stopped.
                self._known[key] = errors

    def measure(self, kind: str, scenes: Sequence[Scene], shading: Shading, key: str) -> np.ndarray:
        """(P,) errors of people, measured where they are not known.

        Args:
            kind: of the people.
            scenes: theirs.
            shading: what is tried.
            key: names what is tried.
        """
        key = f"{kind} {key}"
        if key not in self._known:
            errors = [round(float(error), 6) for error in measure_people(scenes, shading)]
            self._known[key] = errors
            with self._path.open("a") as file:
                file.write(json.dumps([key, errors]) + "\n")
        return np.array(self._known[key])


def train(cache: Path, clips: Path, run: Path, fit: ShadingFit) -> Outcome:
    """Fit, and write what came of it to RUN: shading.json, and pictures of people held back.

    Args:
        cache: from `openvasa data prepare`.
        clips: the folder of clips it was made from.
        run: folder of the fit; a fit that was stopped goes on there.
        fit: what it is made of.

    Raises:
        InputError: no such number, too few people, or RUN holds a fit of other settings.
    """
    present = Shading()
    numbers = numbers_to_fit(present, fit.only)
    for name, least in (("steps", 1), ("people", LEAST_PEOPLE)):
        if getattr(fit, name) < least:
            raise InputError(f"{name} {getattr(fit, name)}: choose {least} or more")
    # Trials are kept by the numbers tried: people, frames and shipped numbers are to be the same.
    shipped = {name: present.number(name) for name in present.names}
    drawn = {"people": fit.people, "seed": fit.seed}
    keep_settings(run, {"fit": drawn, "present": shipped}, begun=True)
    scenes = collect_scenes(cache, clips, fit.people, fit.seed)
    if len(people_of(scenes)) < LEAST_PEOPLE:
        raise InputError(f"{cache}: needs sharp clips of {LEAST_PEOPLE} people (docs/data.md)")
    outcome = fit_numbers(scenes, numbers, fit.steps, present, Trials(run / TRIALS_FILE))
    write_whole(run / RESULT_FILE, json.dumps(as_json(outcome), indent=2) + "\n")
    _write_sheets(run, scenes, present, outcome)
    return outcome


def _write_sheets(run: Path, scenes: Sequence[Scene], present: Shading, outcome: Outcome) -> None:
    """RUN/mouth.png and RUN/eye.png of people held back, where numbers were fitted."""
    back = held_back_people(people_of(scenes), HELD_BACK)
    for layer in LAYERS:
        values = {
            worth.name: worth.fitted
            for worth in outcome.worths
            if worth.fitted is not None and worth.name.startswith(f"{layer}.")
        }
        shown = [scene for scene in scenes if scene.layer == layer and scene.person in back]
        if values and shown:
            sheet = draw_sheet(shown, present, present.changed(values))
            cv2.imwrite(str(run / f"{layer}.png"), sheet[..., ::-1])


def fit_numbers(
    scenes: Sequence[Scene],
    numbers: Sequence[Number],
    steps: int,
    present: Shading,
    trials: Trials,
) -> Outcome:
    """Fit the numbers of each layer on most people, and judge them on those held back.

    Args:
        scenes: of all layers and people.
        numbers: what to fit.
        steps: rounds.
        present: the numbers that are fitted from.
        trials: errors that are known.
    """
    people = people_of(scenes)
    back = held_back_people(people, HELD_BACK)
    worths, kept, undecided, unseen = [], [], [], []
    for layer in LAYERS:
        of_layer = [number for number in numbers if number.name.startswith(f"{layer}.")]
        parts = {True: [], False: []}
        for scene in scenes:
            if scene.layer == layer:
                parts[scene.person in back].append(scene)
        if not of_layer or min(len(people_of(part)) for part in parts.values()) < 2:
            continue
        learnt, held_back = (
            _errors(kind, part, layer, present, trials)
            for kind, part in (("learnt", parts[False]), ("held back", parts[True]))
        )
        found = search(
            learnt, of_layer, steps, lambda values: changed_in_order(present, values), _watch
        )
        worths += _judge(layer, of_layer, found.values, learnt, held_back)
        undecided += found.undecided
        unseen += found.unseen
        others = {*found.values, *found.undecided, *found.unseen}
        kept += [number.name for number in of_layer if number.name not in others]
    return Outcome(worths, kept, undecided, unseen, len(people) - len(back), len(back))


def _errors(
    kind: str, scenes: Sequence[Scene], layer: str, present: Shading, trials: Trials
) -> Errors:
    def errors(values: Mapping[str, float]) -> np.ndarray:
        key = f"{layer} {json.dumps(dict(sorted(values.items())))}"
        return trials.measure(kind, scenes, present.changed(values), key)

    return errors


def _watch(numbers: Iterable[Number]) -> Iterator[Number]:
    with tqdm(list(numbers), unit="number") as bar:
        for number in bar:
            bar.set_description(number.name)
            yield number


def _judge(
    layer: str,
    numbers: Sequence[Number],
    fitted: Mapping[str, float],
    learnt: Errors,
    held_back: Errors,
) -> list[Worth]:
    """What each number is worth, put back alone, and what all of them are."""
    worths = []
    for number in numbers:
        if number.name in fitted:
            without = {name: value for name, value in fitted.items() if name != number.name}
            changes = (compare(errors(without), errors(fitted)) for errors in (learnt, held_back))
            worths.append(Worth(number.name, number.present, fitted[number.name], *changes))
    changes = (compare(errors({}), errors(fitted)) for errors in (learnt, held_back))
    return [*worths, Worth(f"{layer}, all", None, None, *changes)]
