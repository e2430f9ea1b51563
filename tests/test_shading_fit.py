"""Fitting the numbers of light and colour: what frames were drawn by is found again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import golden_set
import numpy as np
import pytest

from openvasa.cli import main
from openvasa.data.layer_moments import Scene, make_scenes
from openvasa.data.pairs import Footage, follow
from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent
from openvasa.motion.geometry import geometry_at
from openvasa.render.shading import Shading
from openvasa.render.warp_renderer import Step, WarpRenderer
from openvasa.train.shading import ShadingFit, Trials, fit_numbers, train
from openvasa.train.shading_error import measure_error, measure_people
from openvasa.train.shading_numbers import ASCENDING, SHARES, in_order, numbers_to_fit
from openvasa.train.shading_report import as_json, table
from openvasa.train.shading_search import Number, compare, search
from openvasa.train.shading_sheet import GAP, ZOOM, draw_sheet

TRUE = {"mouth.tones.cavity_light": 0.5, "eye.lid.line_dark": 0.55}
"""Numbers that the made clips are drawn by, unlike the shipped ones."""
UNSHOWN = "mouth.tip.top_light"
"""No tongue is raised in them."""


@pytest.fixture(scope="module")
def clips() -> dict[str, tuple[FaceLatent, Footage]]:
    """The gallery's portraits and what they look like, drawn by `TRUE`, when they move."""
    rows = golden_set.kept_arrays()["moments"][1:].copy()
    rows[:, -2:] = 0
    made = {}
    for name in golden_set.GALLERY:
        face = golden_set.kept_face(name)
        face = replace(face, picture=face.image, crop=np.array([0, 0, len(face.image)], np.float32))
        renderer = WarpRenderer(face, refined=False, shading=Shading().changed(TRUE))
        moved = [geometry_at(face, row) for row in rows]
        footage = Footage(
            [face.image, *(renderer.render(geometry) for geometry in moved)],
            np.stack([face.canonical, *(geometry.canonical for geometry in moved)]),
            [face.head, *(geometry.head for geometry in moved)],
        )
        made[name] = face, footage
    return made


@pytest.fixture(scope="module")
def scenes(clips: dict[str, tuple[FaceLatent, Footage]]) -> list[Scene]:
    """Six made-up people: each portrait with two choices of frames."""
    return [
        scene
        for name, (face, footage) in clips.items()
        for half, targets in (("a", [1, 2]), ("b", [2, 3]))
        for scene in make_scenes(face, footage, 0, targets, f"{name} {half}")
    ]


def of_layer(scenes: list[Scene], layer: str) -> list[Scene]:
    return [scene for scene in scenes if scene.layer == layer]


def by_shading(scenes: list[Scene]) -> Callable[[Mapping[str, float]], np.ndarray]:
    return lambda values: measure_people(scenes, Shading().changed(values))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"mouth.tones.enamel_light": 0.9, "mouth.lips.upper_shadow": 0.7},
        {"mouth.tongue.groove": 0.2},
        {"eye.margin.upper_light": 0.8, "eye.sclera.corner_shade": 0.2},
        {"eye.lid.line_width": 0.05},
    ],
)
def test_a_scene_draws_what_the_renderer_draws(
    clips: dict[str, tuple[FaceLatent, Footage]], changed: dict[str, float]
) -> None:
    shading = Shading().changed(changed)
    face, footage = clips["mona_lisa"]
    renderer = WarpRenderer(face, refined=False, shading=shading)
    drawn = {d.step: d.frame.copy() for d in renderer.draw(follow(face, footage, 0, 2))}
    for scene in make_scenes(face, footage, 0, [2], "she"):
        (moment,), (picture,) = scene.moments, scene.draw(shading)
        height, width = moment.drawn.shape
        rows = slice(moment.top, moment.top + height)
        whole = drawn[{"mouth": Step.MOUTH, "eye": Step.EYES}[scene.layer]]
        wanted = whole[rows, moment.left : moment.left + width]
        np.testing.assert_array_equal(picture[moment.drawn], wanted[moment.drawn])


def test_the_true_numbers_have_no_error(scenes: list[Scene]) -> None:
    for layer in ("mouth", "eye"):
        errors = by_shading(of_layer(scenes, layer))
        assert errors(TRUE).max() < 0.05
        assert errors({}).max() > 0.1


@pytest.mark.parametrize("name", TRUE)
def test_a_changed_number_is_recovered(scenes: list[Scene], name: str) -> None:
    numbers = numbers_to_fit(Shading(), name)
    found = search(by_shading(of_layer(scenes, name.split(".")[0])), numbers, steps=6)
    assert found.values[name] == pytest.approx(TRUE[name], rel=0.03)


def test_what_nothing_shows_is_left_alone(scenes: list[Scene]) -> None:
    found = search(by_shading(of_layer(scenes, "mouth")), numbers_to_fit(Shading(), UNSHOWN), 1)
    assert found.values == {}
    assert found.unseen == [UNSHOWN]


def test_a_fit_reports_both_kinds_of_people_and_goes_on(
    scenes: list[Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [n for name in (*TRUE, UNSHOWN) for n in numbers_to_fit(Shading(), name)]

    def fit() -> dict:
        trials = Trials(tmp_path / "trials.jsonl")
        return as_json(outcome := fit_numbers(scenes, numbers, 3, Shading(), trials)) | {
            "table": table(outcome)
        }

    first = fit()
    assert first["people"] == {"learnt": 4, "held back": 2}
    assert first["not seen"] == [UNSHOWN]
    fitted = first["fitted"]["mouth.tones.cavity_light"]
    assert fitted["fitted"] == pytest.approx(0.5, rel=0.1)
    assert fitted["held back"]["after"] < fitted["held back"]["before"]
    assert "| mouth, all |" in first["table"]
    json.dumps(first)

    def measured_again(*_: object) -> np.ndarray:
        raise AssertionError("a known trial was measured again")

    monkeypatch.setattr("openvasa.train.shading.measure_people", measured_again)
    with (tmp_path / "trials.jsonl").open("a") as file:
        file.write('["learnt mo')  # as a fit that was stopped leaves it
    assert fit() == first


def test_a_sheet_shows_real_present_and_fitted(scenes: list[Scene]) -> None:
    mouths = [replace(scene, moments=scene.moments[:1]) for scene in of_layer(scenes, "mouth")]
    sheet = draw_sheet(mouths, Shading(), Shading().changed(TRUE))
    assert sheet.dtype == np.uint8
    assert sheet.shape[2] == 3
    first = max((m for scene in mouths for m in scene.moments), key=lambda m: m.drawn.shape[1])
    assert sheet.shape[1] == 3 * (ZOOM * first.drawn.shape[1] + GAP)


def people(least_at: float, scatter: float = 0.0) -> Callable[[Mapping[str, float]], np.ndarray]:
    """Errors of eight people, least where number "a" is `least_at`."""
    rng = np.random.default_rng(0)
    own = 1 + 0.1 * rng.standard_normal(8)

    def errors(values: Mapping[str, float]) -> np.ndarray:
        noise = np.random.default_rng(len(json.dumps(dict(values)))).standard_normal(8)
        off = np.log(values.get("a", 1.0) / least_at)
        return own * (3 + off**2) + scatter * noise

    return errors


def test_search_finds_the_least_error_within_bounds() -> None:
    number = Number("a", 1.0, 0.5, 2.0)
    assert search(people(1.7), [number], 8).values["a"] == pytest.approx(1.7, rel=0.02)
    assert search(people(3.0), [number], 8).values["a"] == 2.0
    assert search(people(1.0), [number], 8).values == {}


def test_a_number_within_the_scatter_is_left_alone() -> None:
    assert search(people(1.2, scatter=5.0), [Number("a", 1.0, 0.5, 2.0)], 3).undecided == ["a"]


def test_what_makes_no_sense_is_not_tried() -> None:
    found = search(people(2.0), [Number("a", 1.0, 0.5, 2.0)], 6, lambda v: v.get("a", 1) < 1.3)
    assert 1.2 < found.values["a"] < 1.3


def test_scatter_is_over_people() -> None:
    change = compare(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0, 1.0]))
    assert change.mean == pytest.approx(-1)
    assert change.scatter == pytest.approx(1 / np.sqrt(3))
    assert not change.better
    assert compare(np.full(3, 2.0), np.array([1.0, 1.1, 0.9])).better


def test_a_px_aside_is_a_smaller_error_than_lost_contrast() -> None:
    rng = np.random.default_rng(0)
    real = np.where(rng.random((30, 30, 1)) < 0.4, 200, 40).astype(np.uint8).repeat(3, axis=-1)
    counted = np.ones((30, 30), bool)
    brown = np.full_like(real, int(real.mean()))
    aside = np.roll(real, 1, axis=1)
    errors = [measure_error(drawn, real, counted, 3.0) for drawn in (real, aside, brown)]
    assert errors[0] == 0
    assert errors[1] < 0.5 * errors[2]


def test_px_that_the_layer_does_not_draw_do_not_count() -> None:
    real = np.full((20, 20, 3), 100, np.uint8)
    counted = np.zeros((20, 20), bool)
    counted[5:15, 5:15] = True
    drawn = real.copy()
    drawn[~counted] = 0
    assert measure_error(drawn, real, counted, 2.0) == 0


def test_shipped_numbers_are_in_order_and_within_bounds() -> None:
    shading = Shading()
    assert in_order(shading)
    assert not in_order(shading.changed({"eye.lash.skin_from": 1.9}))
    assert set(shading.names) >= SHARES.union(*ASCENDING)
    numbers = numbers_to_fit(shading)
    assert len(numbers) > 80
    assert not any(number.name.startswith("mouth.evidence") for number in numbers)
    for number in numbers:
        assert number.low < number.present <= number.high, number


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--only", "nose"], "no number to fit begins so"),
        (["--steps", "0"], "choose 1 or more"),
        (["--people", "3"], "choose 6 or more"),
        ([], "holds no clips.jsonl"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    wrong: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(tmp_path / name) for name in ("cache", "clips", "run")]
    assert main(["train", "shading", *folders, *wrong]) == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.count("\n") == 1


def test_a_run_of_other_settings_is_refused(tmp_path: Path) -> None:
    for seed, said in ((0, "holds no clips.jsonl"), (1, "give another RUN")):
        with pytest.raises(InputError, match=said):
            train(tmp_path, tmp_path, tmp_path / "run", ShadingFit(seed=seed))
