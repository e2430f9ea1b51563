"""The eye layer on a drawn face, whose eyes are known exactly."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from faces import made_face

from openvasa.face.canonical import HeadTransform
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.topology import (
    LEFT_EYE,
    LEFT_IRIS,
    LEFT_LID_PAIRS,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGHT_LID_PAIRS,
    canonical_mesh,
)
from openvasa.render.eye.close_lids import shut_large_eyes, uncross_lids
from openvasa.render.eye.lift import prepare_eyes
from openvasa.render.eye.open_lids import MOST_WIDENING, USUAL_WIDENING, keep_from_bulging
from openvasa.render.eye.outer_corner import clear_wing
from openvasa.render.eye.paint import paint_eyes
from openvasa.render.eye.points import measure_opening
from openvasa.render.eye.shading import WingShading
from openvasa.render.warp_renderer import WarpRenderer

SKIN, WHITE, BROWN = (205, 165, 145), (225, 220, 215), (60, 40, 30)
IRIS_RADIUS = 0.55
HEAD = HeadTransform(np.eye(3), 18.0, np.array([256.0, 256.0, 0.0]))


def drawn_face(iris_colour: tuple[int, int, int] = BROWN, openness: float = 1.0) -> FaceLatent:
    """A flat face of skin colour with two eyes, every tracked point where it is drawn."""
    canonical = np.zeros((478, 3), np.float32)
    canonical[:468] = canonical_mesh()[0]
    for pairs in (RIGHT_LID_PAIRS, LEFT_LID_PAIRS):
        upper, lower = canonical[pairs[:, 0]], canonical[pairs[:, 1]]
        canonical[pairs[:, 0]] = lower + openness * (upper - lower)
    for loop, iris in ((RIGHT_EYE, RIGHT_IRIS), (LEFT_EYE, LEFT_IRIS)):
        canonical[iris] = canonical[loop].mean(axis=0)
        canonical[iris[1:], :2] += IRIS_RADIUS * np.float32([[1, 0], [0, -1], [-1, 0], [0, 1]])
    landmarks = HEAD.apply(canonical)
    image = np.full((512, 512, 3), SKIN, np.uint8)
    for loop, iris in ((RIGHT_EYE, RIGHT_IRIS), (LEFT_EYE, LEFT_IRIS)):
        inside = np.zeros((512, 512), np.uint8)
        cv2.fillPoly(inside, [np.round(landmarks[loop, :2] * 16).astype(np.int32)], 255, 16, 4)
        eye = np.full_like(image, WHITE)
        centre = [int(v) for v in np.round(landmarks[iris[0], :2] * 16)]
        radius = round(IRIS_RADIUS * HEAD.scale * 16)
        cv2.circle(eye, centre, radius, iris_colour, -1, cv2.LINE_AA, 4)
        cover = inside[..., None] / 255
        image = np.uint8(np.round(image + cover * (eye.astype(float) - image)))
    return made_face(image, canonical, HEAD)


def posed(face: FaceLatent, gaze: tuple[float, float] = (0, 0), blink: float = 0) -> FrameGeometry:
    """Irises shifted by `gaze` canonical units, upper lids brought `blink` of the way down."""
    canonical = face.canonical.copy()
    canonical[468:, :2] += np.float32(gaze)
    for loop in (RIGHT_EYE, LEFT_EYE):
        upper, lower = loop[1:8], loop[:8:-1]
        canonical[upper] += blink * (canonical[lower] - canonical[upper])
    return FrameGeometry(canonical, face.head, face.head.apply(canonical))


def painted(face: FaceLatent, geometry: FrameGeometry) -> np.ndarray:
    frame = face.image.copy()
    paint_eyes(frame, geometry, prepare_eyes(face))
    return frame.astype(float)


@pytest.fixture(scope="module")
def face() -> FaceLatent:
    return drawn_face()


def test_portrait_at_rest_is_unchanged(face):
    error = painted(face, posed(face)) - face.image
    assert np.abs(error).max() <= 1


def test_found_irises_are_the_drawn_ones(face):
    for eye, iris in zip(prepare_eyes(face).eyes, (RIGHT_IRIS, LEFT_IRIS), strict=True):
        assert np.abs(eye.iris[:2] - face.landmarks[iris[0], :2]).max() < 1.5
        assert eye.iris[2] == pytest.approx(IRIS_RADIUS * HEAD.scale, rel=0.12)


@pytest.mark.parametrize("side", [-0.5, 0.5])
def test_iris_moves_with_the_gaze_and_leaves_no_ghost(face, side):
    frame = painted(face, posed(face, gaze=(side, 0)))
    for iris in (RIGHT_IRIS, LEFT_IRIS):
        x, y = face.landmarks[iris[0], :2] + [side * HEAD.scale, 0]
        assert np.abs(frame[round(y), round(x)] - BROWN).max() < 15
        trailing = x - np.sign(side) * 1.3 * IRIS_RADIUS * HEAD.scale
        assert np.abs(frame[round(y), round(trailing)] - WHITE).max() < 40


def test_nothing_outside_the_eyes_changes_with_the_gaze(face):
    changed = np.abs(painted(face, posed(face, gaze=(0.4, 0.2))) - face.image).max(axis=2) > 1
    near = np.zeros((512, 512), np.uint8)
    for loop in (RIGHT_EYE, LEFT_EYE):
        cv2.fillPoly(near, [np.round(face.landmarks[loop, :2]).astype(np.int32)], 1)
    near = cv2.dilate(near, np.ones((7, 7), np.uint8))
    assert changed.any()
    assert not changed[near == 0].any()


def test_half_closed_lids_do_not_squash_the_iris(face):
    frame = painted(face, posed(face, blink=0.4))
    for iris in (RIGHT_IRIS, LEFT_IRIS):
        x, y = face.landmarks[iris[0], :2]
        row = frame[round(y + 2), round(x) - 20 : round(x) + 21].mean(axis=1)
        before = face.image[round(y + 2), round(x) - 20 : round(x) + 21].mean(axis=1)
        assert abs((row < 110).sum() - (before < 110).sum()) <= 2


def test_closed_eye_shows_skin_and_one_line_of_lashes(face):
    closed = posed(face, blink=0.85)
    frame = np.full((512, 512, 3), SKIN, np.uint8)
    for loop in (RIGHT_EYE, LEFT_EYE):
        slit = np.round(closed.landmarks[loop, :2]).astype(np.int32)
        cv2.fillPoly(frame, [slit], WHITE)
    paint_eyes(frame, closed, prepare_eyes(face))
    for loop in (RIGHT_EYE, LEFT_EYE):
        x, bottom = face.landmarks[loop[12], :2]
        column = frame[round(bottom) - 12 : round(bottom) + 9, round(x)].mean(axis=1)
        dark = np.flatnonzero(column < 140)
        assert 1 <= len(dark) == np.ptp(dark) + 1 <= 5
        assert column.max() < np.mean(SKIN) + 10


def test_outlines_above_the_lid_are_not_drawn_long_over_closed_eyes():
    """A painted outline as thick as half the lid stays a line at the margin, not a dark lid."""
    face = drawn_face()
    image = face.image.copy()
    for loop in (RIGHT_EYE, LEFT_EYE):
        line = np.round(face.landmarks[loop[:9], :2] * 16 - [0, 16 * 3]).astype(np.int32)
        cv2.polylines(image, [line], False, (50, 30, 25), 4, cv2.LINE_AA, 4)
    face = replace(face, image=image)
    plain, outlined = (prepare_eyes(f).eyes for f in (drawn_face(), face))
    for thin, thick in zip(plain, outlined, strict=True):
        assert thick.lash_reach[3:6].min() > thin.lash_reach[3:6].max() + 0.1
    frame = WarpRenderer(face, refined=False).render(posed(face, blink=1))
    closed = posed(face, blink=1)
    for loop, fold in ((RIGHT_EYE, 27), (LEFT_EYE, 257)):
        margin, crease = closed.landmarks[loop[4], :2], closed.landmarks[fold, :2]
        lid = [margin + r * (crease - margin) for r in np.linspace(0.35, 1.0, 8)]
        assert min(frame[round(y), round(x)].mean() for x, y in lid) > 0.75 * np.mean(SKIN)


def winged_face(light: int) -> FaceLatent:
    """A drawn face with a stroke of this grey from each outer corner up and out."""
    face = drawn_face()
    image = face.image.copy()
    for loop in (RIGHT_EYE, LEFT_EYE):
        corner, inner = face.landmarks[loop[[0, 8]], :2]
        tip = corner + 0.22 * (corner - inner) - [0, 5]
        ends = [[int(v * 16) for v in point] for point in (corner, tip)]
        cv2.line(image, ends[0], ends[1], (light,) * 3, 4, cv2.LINE_AA, 4)
    return replace(face, image=image)


def test_lashes_beyond_the_outer_corner_come_down_with_the_lid():
    face = winged_face(40)
    closed = posed(face, blink=1)
    frame = painted(face, closed)
    for eye in prepare_eyes(face).eyes:
        assert eye.wing == pytest.approx(0.22, abs=0.08)
        corner, inner = closed.landmarks[eye.points.loop[[0, 8]], :2]
        outwards = corner - inner
        above = corner + 0.15 * outwards - [0, 5]
        assert frame[round(above[1]), round(above[0])].mean() > 0.9 * np.mean(SKIN)
        line = corner + 0.06 * outwards
        column = frame[round(line[1]) - 3 : round(line[1]) + 4, round(line[0])].mean(axis=1)
        assert column.min() < 0.75 * np.mean(SKIN)


def test_a_corner_at_the_frame_s_border_is_cleared_as_far_as_it_is_seen() -> None:
    # Of the patch beside an eye of 260 px the frame holds a strip of a few columns.
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    lids = np.stack([130 * np.cos(angles), 40 * np.sin(angles)], axis=1) + [-160, 200]
    for width in (3, 4, 9):
        frame = np.full((400, width, 3), 120, np.uint8)
        clear_wing(frame, lids.astype(np.float32), 0.3, 1.0, WingShading())
        assert (frame == 120).all()


def test_shade_beyond_the_outer_corner_is_no_lashes():
    face = winged_face(120)
    assert [eye.wing for eye in prepare_eyes(face).eyes] == [0, 0]


def test_tiny_motion_makes_a_tiny_change(face):
    one = painted(face, posed(face, gaze=(0.2, 0.1), blink=0.2))
    two = painted(face, posed(face, gaze=(0.2005, 0.1005), blink=0.2005))
    assert np.abs(one - two).max() < 8


def test_eyes_without_an_iris_are_left_to_the_warp():
    assert prepare_eyes(drawn_face(iris_colour=WHITE)).eyes == ()


def test_closed_eyes_are_left_to_the_warp():
    assert prepare_eyes(drawn_face(openness=0.05)).eyes == ()


def test_uncrossed_lids_just_touch(face):
    crossed = posed(face, blink=1.4)
    apart = uncross_lids(crossed)
    for loop in (RIGHT_EYE, LEFT_EYE):
        before = crossed.landmarks[loop[:8:-1], 1] - crossed.landmarks[loop[1:8], 1]
        after = apart.landmarks[loop[:8:-1], 1] - apart.landmarks[loop[1:8], 1]
        assert before.min() < -1
        assert np.abs(after).max() < 0.5
    assert np.abs(apart.head.apply(apart.canonical) - apart.landmarks).max() < 1e-2


def test_open_lids_are_not_touched_by_uncrossing(face):
    geometry = posed(face, blink=0.5)
    assert np.abs(uncross_lids(geometry).landmarks - geometry.landmarks).max() == 0


def lowered(neutral: np.ndarray, length: float) -> FrameGeometry:
    """Upper lids of a (478, 3) resting shape lowered by `length` times a mean eye's opening."""
    mean, shape = dynamics_code().mean_shape, neutral.copy()
    for pairs in (RIGHT_LID_PAIRS, LEFT_LID_PAIRS):
        upper, lower = mean[pairs[:, 0]], mean[pairs[:, 1]]
        shape[pairs[:, 0]] += length * (lower - upper)
    return FrameGeometry(shape, HEAD, HEAD.apply(shape))


def lid_gap(shape: np.ndarray) -> float:
    pairs = np.concatenate([RIGHT_LID_PAIRS, LEFT_LID_PAIRS])
    return float(np.linalg.norm(shape[pairs[:, 0], :2] - shape[pairs[:, 1], :2], axis=1).mean())


def wide_eyed(factor: float) -> np.ndarray:
    """(478, 3) the mean face with eyes open `factor` times as far."""
    shape = dynamics_code().mean_shape.copy()
    for pairs in (RIGHT_LID_PAIRS, LEFT_LID_PAIRS):
        upper, lower = shape[pairs[:, 0]], shape[pairs[:, 1]]
        shape[pairs[:, 0]] = lower + factor * (upper - lower)
    return shape


def test_large_eyes_shut_when_the_motion_shuts_mean_ones():
    neutral = wide_eyed(1.6)
    before = lowered(neutral, 1.0)
    after = shut_large_eyes(before, neutral)
    assert lid_gap(before.canonical) > 0.3 * lid_gap(neutral)
    assert lid_gap(after.canonical) < 0.1 * lid_gap(neutral)


def test_large_eyes_close_without_a_jump_and_never_reopen():
    neutral = wide_eyed(1.6)
    gaps = [
        lid_gap(shut_large_eyes(lowered(neutral, length), neutral).canonical)
        for length in np.linspace(0, 1, 101)
    ]
    steps = np.diff(gaps) / gaps[0]
    assert steps.max() < 1e-4
    assert steps.min() > -0.04


@pytest.mark.parametrize(("factor", "length"), [(1.0, 1.0), (0.8, 0.8), (1.6, 0.4)])
def test_other_eyes_and_small_closings_are_left_alone(factor: float, length: float):
    neutral = wide_eyed(factor)
    geometry = lowered(neutral, length)
    after = shut_large_eyes(geometry, neutral)
    assert np.abs(after.landmarks - geometry.landmarks).max() == 0


def opening(shape: np.ndarray) -> float:
    return measure_opening(shape[RIGHT_EYE, :2])


def test_eyes_widen_as_people_s_do_and_no_farther():
    neutral = wide_eyed(1.0)
    shapes = [lowered(wide_eyed(float(factor)), 0.0) for factor in np.linspace(0.5, 2.5, 81)]
    asked = np.array([opening(g.canonical) for g in shapes]) / opening(neutral)
    gaps = np.array([opening(keep_from_bulging(g, neutral).canonical) for g in shapes])
    gaps /= opening(neutral)
    assert gaps.max() < 1 + MOST_WIDENING
    usual = asked < 1 + 0.9 * USUAL_WIDENING
    np.testing.assert_allclose(gaps[usual], asked[usual], rtol=1e-3)
    assert np.diff(gaps).min() > 0, "the wider the motion, the wider the eye"
    assert np.diff(gaps).max() < 1.01 * np.diff(asked).max()
