"""The portrait check: what is refused, what is warned of, and what is fine."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLES
from openvasa.cli import main
from openvasa.face.check import find_refusals
from openvasa.face.compression import measure_blocks
from openvasa.face.find import face_height, find_faces
from openvasa.face.measure import measure_face
from openvasa.face.picture import load_picture

SHARED = Path(__file__).parents[1] / "../shared"
GALLERY = [EXAMPLE_PORTRAIT, *sorted((EXAMPLES / "gallery").glob("*.jpg"))]


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return load_picture(EXAMPLE_PORTRAIT)


@pytest.fixture
def found(tmp_path: Path):
    def check(picture: np.ndarray) -> set[tuple[str, str]]:
        path = tmp_path / "portrait.png"
        Image.fromarray(picture).save(path)
        return {(f.subject, f.severity) for f in openvasa.check_portrait(path)}

    return check


def cut(picture: np.ndarray, **sides: float) -> np.ndarray:
    """Cut the picture at shares of the face's box."""
    points = find_faces(picture)[0].landmarks[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    top = int(low[1] + sides["top"] * extent[1]) if "top" in sides else 0
    left = int(low[0] + sides["left"] * extent[0]) if "left" in sides else 0
    bottom = int(high[1] - sides["bottom"] * extent[1]) if "bottom" in sides else None
    return np.ascontiguousarray(picture[top:bottom, left:])


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_the_gallery_is_fine(path: Path) -> None:
    assert [f.severity for f in openvasa.check_portrait(path)] == ["ok"]


@pytest.mark.slow
def test_no_test_portrait_is_refused_or_called_covered() -> None:
    if not (SHARED / "data/portraits").is_dir():
        pytest.skip("needs the portraits of ../shared/data")
    for path in sorted((SHARED / "data/portraits").glob("*.jpg")):
        findings = openvasa.check_portrait(path)
        assert not [f for f in findings if f.severity == "refuse"], path.name
        assert not [f for f in findings if "covered" in f.message], path.name


@pytest.mark.parametrize("name", ["hand_over_mouth", "microphone"])
def test_covered_mouths_are_refused(name: str) -> None:
    path = SHARED / f"cases/{name}.jpg"
    if not path.is_file():
        pytest.skip("needs the pictures of ../shared/cases")
    findings = openvasa.check_portrait(path)
    assert [f.severity for f in findings if "covered" in f.message] == ["refuse"]


def test_glasses_are_told_and_nothing_else_is_wrong() -> None:
    path = SHARED / "cases/painted_rims.jpg"
    if not path.is_file():
        pytest.skip("needs the pictures of ../shared/cases")
    findings = [(f.subject, f.severity) for f in openvasa.check_portrait(path)]
    assert findings == [("portrait", "ok"), ("glasses", "ok")]


def test_cut_off_parts(picture: np.ndarray, found) -> None:
    assert ("forehead", "warn") in found(cut(picture, top=0.12))
    assert ("chin", "warn") in found(cut(picture, bottom=0.08))
    assert ("outline", "warn") in found(cut(picture, left=0.05))
    assert ("shoulders", "warn") in found(cut(picture, bottom=-0.02))


def test_half_faces_are_refused(picture: np.ndarray, found) -> None:
    assert ("eyes", "refuse") in found(cut(picture, left=0.3))
    assert ("mouth", "refuse") in found(cut(picture, bottom=0.25))


def test_dark_blurred_and_turned_pictures(picture: np.ndarray, found) -> None:
    assert ("light", "warn") in found((picture * 0.12).astype(np.uint8))
    assert ("sharpness", "warn") in found(cv2.GaussianBlur(picture, (0, 0), 4))
    assert ("upright", "warn") in found(np.ascontiguousarray(np.rot90(picture)))
    height = face_height(find_faces(picture)[0])
    small = cv2.resize(picture, None, fx=50 / height, fy=50 / height, interpolation=cv2.INTER_AREA)
    assert ("size", "warn") in found(small)


def test_blocks_of_coarse_coding_are_warned_of_in_any_file(picture: np.ndarray, found) -> None:
    def coded(quality: int) -> np.ndarray:
        data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])

    coarse = coded(5)
    assert ("compression", "warn") in found(coarse)  # `found` saves it as PNG.
    assert ("compression", "warn") not in found(coded(60))
    points = find_faces(picture)[0].landmarks[:, :2]
    cut_off = measure_blocks(coarse[3:, 5:], points - [5, 3])
    assert cut_off == pytest.approx(measure_blocks(coarse, points), rel=0.05)


def test_wavering_lips_are_refused_unless_blur_or_a_turn_makes_them_waver(picture) -> None:
    clear = replace(measure_face(picture, find_faces(picture)[0]), mouth_doubt=0.1)
    assert [f.subject for f in find_refusals(clear)] == ["mouth"]
    assert not find_refusals(replace(clear, sharpness=0.05))
    assert not find_refusals(replace(clear, yaw=40.0))


def test_loading_refuses_or_warns_as_the_check_says(picture: np.ndarray, tmp_path: Path) -> None:
    half, forehead = tmp_path / "half.png", tmp_path / "forehead.png"
    Image.fromarray(cut(picture, bottom=0.25)).save(half)
    Image.fromarray(cut(picture, top=0.12)).save(forehead)
    with pytest.raises(openvasa.InputError, match="mouth lies outside"):
        openvasa.load_portrait(half)
    with pytest.warns(UserWarning, match="mouth lies outside"):
        openvasa.load_portrait(half, anyway=True)
    with pytest.warns(UserWarning, match="forehead is cut off"):
        openvasa.load_portrait(forehead)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        openvasa.load_portrait(EXAMPLE_PORTRAIT)


def test_command_says_it_in_lines_or_json(
    picture: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = tmp_path / "half.png"
    Image.fromarray(cut(picture, bottom=0.25)).save(half)
    assert main(["check", str(EXAMPLE_PORTRAIT)]) == 0
    assert "ok: fit to animate" in capsys.readouterr().out
    assert main(["check", str(EXAMPLE_PORTRAIT), str(half), "--json"]) == 2
    _, last = capsys.readouterr().out.splitlines()
    findings = json.loads(last)["findings"]
    assert "refuse" in {finding["severity"] for finding in findings}
    assert main(["check", str(tmp_path / "none.png")]) == 2


def test_preview_numbers_the_faces(
    picture: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair, preview = tmp_path / "pair.png", tmp_path / "numbered.png"
    Image.fromarray(np.hstack([picture, picture])).save(pair)
    arguments = ["animate", str(pair), "voice.wav", "-o", str(tmp_path / "o.mp4")]
    assert main([*arguments, "--faces", str(preview)]) == 2
    assert "--faces PREVIEW.png" in capsys.readouterr().err
    assert Image.open(preview).size == Image.open(pair).size
    changed = (load_picture(preview) != load_picture(pair)).any(axis=2)
    assert changed[:, : picture.shape[1]].any()
    assert changed[:, picture.shape[1] :].any()
