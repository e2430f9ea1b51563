"""A turned portrait that turns back: what it did not show comes from its mirror image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from openvasa.assets import EXAMPLES
from openvasa.face.encode import load_portrait
from openvasa.face.frame import choose_frame, put_in_frame
from openvasa.face.latent import FaceLatent, pose_face
from openvasa.face.topology import FOREHEAD_TOP
from openvasa.render.cutout import margin_px
from openvasa.render.warp_renderer import WarpRenderer

EARRINGS = (
    Path(__file__).parents[1] / "../shared/data/portraits/musev_self-portrait-with-cropped-hair.jpg"
)
"""A woman who looks 12° aside, with both ears and their rings in sight."""
DEEPEST_DENT = 3
"""px that the outline may go down again on its way up to the crown."""


@pytest.fixture(scope="module")
def turned() -> FaceLatent:
    """The Mona Lisa looks 21° aside."""
    face = load_portrait(EXAMPLES / "gallery" / "mona_lisa.jpg")
    return put_in_frame(face, choose_frame(face, size=400))


@pytest.mark.parametrize("yaw", [12.0, 16.0, 20.0])
def test_the_crown_of_a_head_that_turns_back_is_not_cut(turned: FaceLatent, yaw: float) -> None:
    pose = np.array([0, -np.radians(yaw), 0, 0, 0, 0], np.float32)
    geometry = pose_face(turned, pose, np.zeros_like(turned.canonical))
    renderer = WarpRenderer(turned)
    assert renderer._mirrored is not None
    assert renderer._mirrored.share(geometry.head) > 0.9
    person = renderer.without_background().render(geometry)[..., 3] > 127
    hair = person[: int(geometry.landmarks[FOREHEAD_TOP, 1])]
    outline = hair[:, hair.any(axis=0)].argmax(axis=0)
    rising = outline[: outline.argmin()]
    assert len(rising) > 80
    assert (rising - np.minimum.accumulate(rising)).max() <= DEEPEST_DENT


def test_the_mirrored_view_ends_where_the_picture_does(turned: FaceLatent) -> None:
    face = replace(turned, matte=np.ones_like(turned.matte))
    view = WarpRenderer(face, refined=False)._mirrored
    assert view is not None
    opacity, beyond = view.samples[..., 3], 2 * margin_px(face.stated)
    assert opacity.any()
    assert not opacity[:, :beyond].any()
    assert not opacity[:, -beyond:].any()


def test_outlines_of_the_two_views_do_not_show_through_each_other() -> None:
    if not EARRINGS.exists():
        pytest.skip("needs the portraits of ../shared/data")
    face = load_portrait(EARRINGS)
    view = WarpRenderer(put_in_frame(face, choose_frame(face, size=400)))._mirrored
    assert view is not None
    opacity = view.samples[..., 3]
    assert (opacity > 192).sum() > 0.35 * (opacity > 8).sum(), "0.31 with half an ear"
