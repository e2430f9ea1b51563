"""The same portrait at other sizes: the same picture, larger or smaller."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from openvasa import FaceLatent, load_portrait
from openvasa.assets import EXAMPLES
from openvasa.face.canonical import HeadTransform
from openvasa.face.dynamics import dynamics_code
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.face.latent import FrameGeometry, pose_face
from openvasa.render.warp_renderer import WarpRenderer


@pytest.fixture(scope="module", params=["mona_lisa", "laughing_cavalier"])
def face(request: pytest.FixtureRequest) -> FaceLatent:
    return load_portrait(EXAMPLES / "gallery" / f"{request.param}.jpg")


def resized(face: FaceLatent, side: int) -> FaceLatent:
    """The portrait with a crop of another side."""
    zoom, head = side / face.size[0], face.head

    def scaled(picture: np.ndarray) -> np.ndarray:
        how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
        return cv2.resize(picture, (side, side), interpolation=how)

    return replace(
        face,
        image=scaled(face.image),
        matte=np.clip(scaled(face.matte), 0, 1),
        background=scaled(face.background),
        landmarks=face.landmarks * np.float32(zoom),
        head=HeadTransform(head.rotation, head.scale * zoom, head.translation * zoom),
        stated=zoom,
    )


def talking(face: FaceLatent) -> FrameGeometry:
    """Turned, mouth open, eyes half closed."""
    shapes = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
    for name, value in {"jawOpen": 0.5, "eyeBlinkLeft": 0.6, "eyeBlinkRight": 0.6}.items():
        shapes[BLENDSHAPE_NAMES.index(name)] = value
    code = dynamics_code()
    pose = np.array([0.05, 0.15, 0.02, 0, 0, 0], np.float32)
    return pose_face(face, pose, code.decode(code.from_arkit(shapes)))


@pytest.mark.parametrize("side", [384, 640])
def test_a_portrait_of_another_size_moves_alike(face: FaceLatent, side: int) -> None:
    drawn = WarpRenderer(face).render(talking(face))
    other = resized(face, side)
    frame = WarpRenderer(other).render(talking(other))
    assert frame.shape == (side, side, 3)
    small = min(side, *face.size) // 2
    a, b = (cv2.resize(f, (small, small), interpolation=cv2.INTER_AREA) for f in (drawn, frame))
    off = np.abs(a.astype(float) - b)
    assert 10 * np.log10(255**2 / (off**2).mean()) > 30
    at_rest = cv2.resize(face.image, (small, small), interpolation=cv2.INTER_AREA)
    assert off.mean() < 0.35 * np.abs(at_rest.astype(float) - a).mean()
