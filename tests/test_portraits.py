"""Awkward portraits are found in a clip and compared with the neutral one of the same person."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from openvasa.cli import main
from openvasa.data.portrait_kinds import (
    AVERTED,
    KINDS,
    NARROWED,
    NEUTRAL,
    OPEN,
    SMILING,
    find_portraits,
)
from openvasa.data.prepare import Track
from openvasa.data.redraw import rows_of_track
from openvasa.errors import InputError
from openvasa.evaluate import lip_amplitude
from openvasa.evaluate.lip_amplitude import Amplitude, amplitude_report, measure_amplitudes
from openvasa.evaluate.portraits import Judged, Seen, compare
from openvasa.evaluate.portraits_report import portraits_json, portraits_report
from openvasa.face.dynamics import close_lips, dynamics_code
from openvasa.face.gaze import encode_eye_turn
from openvasa.face.landmarker import BLENDSHAPE_NAMES


def clip_with(moments: dict[int, dict[str, float]], looks: int | None = None) -> Track:
    """60 frames of the mean face, which does what it is told in five frames around a moment."""
    code, frames = dynamics_code(), 60
    shapes = np.repeat(close_lips(code.mean_shape)[None], frames, axis=0)
    blendshapes = np.zeros((frames, 52), np.float32)
    for moment, acted in moments.items():
        around = slice(moment - 2, moment + 3)
        for name, value in acted.items():
            blendshapes[around, BLENDSHAPE_NAMES.index(name)] = value
        shapes[around] += code.decode(code.from_arkit(blendshapes[moment]))
    if looks is not None:
        shapes[looks - 2 : looks + 3] += code.decode(encode_eye_turn(np.radians([25.0, 0.0])))
    return Track(
        canonical=shapes,
        rotation=np.repeat(np.eye(3)[None], frames, axis=0),
        translation=np.zeros((frames, 3)),
        scale=np.full(frames, 12.0),
        blendshapes=blendshapes,
        valid=np.ones(frames, bool),
    )


def test_every_kind_of_portrait_is_found_where_it_is() -> None:
    smile = {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}
    lids = {"eyeBlinkLeft": 0.35, "eyeBlinkRight": 0.35}
    track = clip_with({12: {"jawOpen": 0.6}, 24: smile, 36: lids}, looks=48)
    found = find_portraits(track, rows_of_track(track))
    assert set(found) == set(KINDS)
    for kind, moment in ((OPEN, 12), (SMILING, 24), (NARROWED, 36), (AVERTED, 48)):
        assert abs(found[kind] - moment) <= 2, kind
    assert all(abs(found[NEUTRAL] - moment) > 2 for moment in (12, 24, 36, 48))


def test_a_face_that_rests_makes_a_neutral_portrait_only() -> None:
    track = clip_with({})
    assert set(find_portraits(track, rows_of_track(track))) == {NEUTRAL}


def test_a_face_that_is_lost_makes_no_portrait() -> None:
    track = clip_with({20: {"jawOpen": 0.6}})
    lost = replace(track, valid=np.abs(np.arange(60) - 20) > 3)
    assert OPEN not in find_portraits(lost, rows_of_track(lost))


NEUTRAL_SEEN = Seen(5.0, 4.0, 0.1, 0.02, 0.1, 0.3, 2, 1.5, 8.0, 60.0, 0.1, 1.0)


def pairs(people: int = 4) -> list[tuple[Seen, Seen]]:
    """People whose awkward portraits round half as far, and open by 1 % more all the time."""
    awkward = replace(NEUTRAL_SEEN, pucker=0.05, mean_aperture=9.0, aperture_r=0.9)
    return [(awkward, NEUTRAL_SEEN)] * people


def test_a_kind_is_compared_with_the_neutral_portraits_of_the_same_people() -> None:
    found = compare(pairs())
    assert found.clips == 4
    assert found.values["pucker"] == pytest.approx(0.5)
    assert found.values["aperture"] == 1
    assert found.values["mean_aperture"] == pytest.approx(1.0)
    assert found.values["aperture_r"] == pytest.approx(0.9)
    assert found.errors["pucker"] == pytest.approx(0, abs=1e-9)
    other = replace(NEUTRAL_SEEN, pucker=0.2), NEUTRAL_SEEN
    assert compare([*pairs(), other]).errors["pucker"] > 0.1
    assert np.isnan(compare(pairs(1)).errors["pucker"])


def test_the_report_names_kinds_people_and_who_is_left_out() -> None:
    judged = Judged({NEUTRAL: pairs(), SMILING: pairs()}, ["one: no face"])
    text = portraits_report(judged)
    assert "smiling (4)" in text
    assert "| pucker × | 0.50 ± 0.00 |" in text
    assert "| mean aperture, off by % | +1.0 ± 0.0 |" in text
    assert "Left out: one: no face." in text
    kinds = portraits_json(judged)["kinds"]
    assert isinstance(kinds, dict)
    assert set(kinds) == {SMILING}
    alone = portraits_json(Judged({SMILING: pairs(1)}, []))
    assert (
        json.loads(json.dumps(alone, allow_nan=False))["kinds"][SMILING]["errors"]["pucker"] is None
    )


def test_portraits_whose_lips_move_otherwise_are_told() -> None:
    found = [Amplitude(name, value) for name, value in (("a", 5.0), ("b", 5.5), ("c", 3.0))]
    text = amplitude_report(found, ["d.png: no face"])
    assert "| c | 3.00 | 0.60 | no |" in text
    assert "2 of 3 portraits are within 20%." in text
    assert "Left out: d.png: no face." in text


def test_an_empty_folder_and_small_numbers_are_refused(tmp_path: Path, capsys) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        measure_amplitudes(tmp_path, tmp_path, renderer=None, seconds=2)  # pyright: ignore[reportArgumentType]
    for wrong in (["--clips", "0"], ["--seconds", "nan"], ["--seconds", "inf"]):
        assert main(["evaluate", "portraits", str(tmp_path), str(tmp_path), *wrong]) == 2
        assert "choose" in capsys.readouterr().err


def test_a_picture_without_a_face_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.jpg", "a.png", "b.png"):
        (tmp_path / name).touch()

    def measure(path: Path, *_: object) -> Amplitude:
        if path.suffix == ".jpg":
            raise InputError("no face is seen")
        return Amplitude(path.name, 5.0)

    monkeypatch.setattr(lip_amplitude, "_measure", measure)
    command = ["evaluate", "lip-amplitude", str(tmp_path), "--seconds", "2"]
    assert main([*command, "--json", str(tmp_path / "found.json")]) == 0
    assert "Left out: a.jpg: no face is seen." in capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())
    assert set(found["apertures"]) == {"a.png", "b.png"}
    (tmp_path / "a.png").unlink()
    (tmp_path / "b.png").unlink()
    assert main(command) == 2
    assert "no picture can be measured" in capsys.readouterr().err
