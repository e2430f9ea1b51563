"""The learned latent that ships: it draws a portrait and turns its head."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from openvasa.assets import SHIPPED_LATENT  # noqa: E402
from openvasa.commands.renderers import choose_renderer  # noqa: E402
from openvasa.face.canonical import fit_head  # noqa: E402
from openvasa.face.landmarker import follow_face  # noqa: E402
from openvasa.face.latent import FaceLatent  # noqa: E402
from openvasa.learned.export import export_network  # noqa: E402
from openvasa.learned.weights import load_network  # noqa: E402
from openvasa.motion.geometry import geometry_at  # noqa: E402
from openvasa.motion.row import row_width  # noqa: E402
from openvasa.render.renderer import Renderer  # noqa: E402

SEEN = 384
"""px that frames are enlarged to for the tracker."""
YAW = 1
"""Of a row's head pose."""


@pytest.fixture(scope="module")
def renderer(face: FaceLatent, tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    """Of the example's portrait."""
    run: Path = tmp_path_factory.mktemp("latent") / "run"
    shutil.copytree(SHIPPED_LATENT, run)
    export_network(load_network(run), run)
    return choose_renderer(f"learned:{run}")(face)


def _draw(renderer: Renderer, face: FaceLatent, yaw: float = 0.0) -> np.ndarray:
    row = np.zeros(row_width(), np.float32)
    row[YAW] = np.radians(yaw)
    return renderer.render(geometry_at(face, row))


def _seen_yaw(frame: np.ndarray) -> float:
    tracked = follow_face(cv2.resize(frame, (SEEN, SEEN), interpolation=cv2.INTER_CUBIC), None)
    assert tracked is not None
    return float(fit_head(tracked.landmarks).euler_degrees[0])


def test_it_draws_the_portrait_as_it_is(renderer: Renderer, face: FaceLatent) -> None:
    frame = _draw(renderer, face)
    side = len(frame)
    portrait = cv2.resize(face.image, (side, side), interpolation=cv2.INTER_AREA)
    error = np.square(frame.astype(float) - portrait)[side // 8 : -side // 8].mean()
    assert 10 * np.log10(255**2 / error) > 24


def test_it_turns_the_head_as_asked(renderer: Renderer, face: FaceLatent) -> None:
    left, right = (_seen_yaw(_draw(renderer, face, yaw)) for yaw in (-15, 15))
    assert 15 < abs(right - left) < 35
