"""How far and how near a portrait's head may go."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from faces import made_face

from openvasa.face.canonical import HeadTransform
from openvasa.face.frame import choose_frame
from openvasa.face.latent import FaceLatent, pose_face
from openvasa.face.topology import canonical_mesh
from openvasa.motion.controls import FARTHEST, Controls, Curve
from openvasa.motion.distance import farthest_distance, limit_distance
from openvasa.render.mesh import build_mesh, pose_mesh


@pytest.fixture(scope="module")
def face() -> FaceLatent:
    surface = canonical_mesh()[0]
    points = np.concatenate([surface, np.zeros((10, 3))]).astype(np.float32)
    head = HeadTransform(np.eye(3), 13.0, np.array([256.0, 250.0, 0.0]))
    matte = np.zeros((512, 512), np.float32)
    matte[60:, 120:390] = 1
    return made_face(np.zeros((512, 512, 3), np.uint8), points, head, matte=matte)


def _with_cut_hair(face: FaceLatent, room: int) -> FaceLatent:
    """The portrait with hair at the square's upper border, and so much picture above, px."""
    matte, side = face.matte.copy(), face.size[0]
    matte[:40, 200:300] = 1
    picture = np.zeros((side + room, side, 3), np.uint8)
    return replace(face, matte=matte, picture=picture, crop=np.array([0, room, side], np.float32))


def test_a_head_with_room_around_it_goes_as_far_as_heads_may(face: FaceLatent) -> None:
    assert farthest_distance(face) == FARTHEST
    controls = Controls(distance=1.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert limit_distance(controls, face, choose_frame(face)) is controls


def test_cut_hair_stays_at_the_border(face: FaceLatent) -> None:
    tight, roomy = (farthest_distance(_with_cut_hair(face, room)) for room in (0, 48))
    assert 1 < tight < 1.05
    assert tight < roomy < FARTHEST
    cut = _with_cut_hair(face, 0)
    with pytest.warns(UserWarning, match="distance 1.4: the picture cuts off"):
        limited = limit_distance(Controls(distance=1.4), cut, choose_frame(cut))
    assert limited.distance == pytest.approx(tight)
    curve = Curve(np.array([0.0, 2.0]), np.array([[1.0], [1.3]]))
    with pytest.warns(UserWarning, match="distance 1.3"):
        limited = limit_distance(Controls(distance=curve), cut, choose_frame(cut))
    assert isinstance(limited.distance, Curve)
    assert limited.distance.values.max() == pytest.approx(tight)


def test_the_border_of_the_picture_does_not_come_into_sight(face: FaceLatent) -> None:
    cut = _with_cut_hair(face, 0)
    centre = face.head.translation[1]
    drawn_in = centre * (1 - 1 / farthest_distance(cut))
    assert drawn_in == pytest.approx(4.0, abs=0.1)


def test_near_faces_of_small_pictures_are_warned_of(face: FaceLatent) -> None:
    with pytest.warns(UserWarning, match="will look soft"):
        limit_distance(Controls(distance=0.6), face, choose_frame(face, size=2048))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        limit_distance(Controls(distance=0.6), face, choose_frame(face, size=512))


def test_the_body_stays_while_the_head_goes_away(face: FaceLatent) -> None:
    mesh = build_mesh(face.landmarks, face.canonical, face.head, ground=None)
    body = mesh.head_share == 0
    moved = []
    for distance in (1.1, FARTHEST):
        pose = np.array([0, 0, 0, 0, 0, np.log(distance)], np.float32)
        corners = pose_mesh(mesh, pose_face(face, pose, face.canonical - face.neutral))
        shift = np.linalg.norm(corners[:, :2] - mesh.points, axis=1)
        assert shift[:468].max() > 8
        moved.append(shift[468:][body].max())
    assert moved[1] == pytest.approx(moved[0], rel=0.05)
