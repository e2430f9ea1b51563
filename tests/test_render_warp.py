from dataclasses import replace

import cv2
import numpy as np
import pytest
from faces import made_face

from openvasa.face.canonical import FACE_WIDTH, HeadTransform, apply_pose
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.topology import (
    FACE_OVAL,
    SURFACE_POINTS,
    canonical_mesh,
    mirror_pairs,
    near_oval,
)
from openvasa.render.cut_off import find_ceiling
from openvasa.render.cutout import MARGIN, SUBSAMPLES, cut_out, estimate_foreground, upsample
from openvasa.render.hidden import mirrored_view
from openvasa.render.mesh import build_mesh, pose_mesh
from openvasa.render.mouth.cover_opening import cover_opening
from openvasa.render.rasterize import UNCOVERED, rasterize
from openvasa.render.warp_renderer import Step, WarpRenderer


def _rotation(yaw: float, pitch: float = 0.0) -> np.ndarray:
    ry, _ = cv2.Rodrigues(np.array([0.0, -np.radians(yaw), 0.0]))
    rx, _ = cv2.Rodrigues(np.array([np.radians(pitch), 0.0, 0.0]))
    return ry @ rx


def _mean_points() -> np.ndarray:
    """(478, 3) canonical points of the mean head, irises put between the lids."""
    surface = canonical_mesh()[0]
    irises = []
    for corners in ((33, 133), (362, 263)):
        centre = surface[list(corners)].mean(axis=0) - np.float32([0, 0, 0.3])
        around = np.float32([[0, 0, 0], [0.6, 0, 0], [0, -0.6, 0], [-0.6, 0, 0], [0, 0.6, 0]])
        irises.append(centre + around)
    return np.concatenate([surface, *irises]).astype(np.float32)


def _made_face(yaw: float = 0.0) -> FaceLatent:
    """A mean head painted with smooth random colours before a striped background."""
    rng = np.random.default_rng(5)
    head = HeadTransform(_rotation(yaw), 14.0, np.array([256.0, 250.0, 0.0]))
    canonical = _mean_points()
    landmarks = head.apply(canonical)
    matte = np.zeros((512, 512), np.uint8)
    centre = landmarks[FACE_OVAL, :2].mean(axis=0)
    cv2.ellipse(matte, (int(centre[0]), int(centre[1]) - 20), (140, 180), 0, 0, 360, 255, -1)
    cv2.rectangle(matte, (190, 380), (320, 511), 255, -1)
    matte = cv2.GaussianBlur(matte, (0, 0), 1.5).astype(np.float32) / 255
    skin = cv2.GaussianBlur(rng.normal(0, 1, (512, 512, 3)).astype(np.float32), (0, 0), 4)
    skin = 150 + 250 * skin
    stripes = np.tile(90 + 60 * np.sin(np.arange(512) / 5)[None, :, None], (512, 1, 3))
    alpha = matte[..., None]
    image = np.clip(alpha * skin + (1 - alpha) * stripes, 0, 255).astype(np.uint8)
    background = stripes.astype(np.uint8)
    return made_face(image, canonical, head, matte=matte, background=background, dynamics=4)


@pytest.fixture(scope="module")
def face() -> FaceLatent:
    return _made_face()


@pytest.fixture(scope="module")
def renderer(face: FaceLatent) -> WarpRenderer:
    return WarpRenderer(face)


def _posed(face: FaceLatent, pose, shape_change=0.0) -> FrameGeometry:
    head = apply_pose(face.head, np.array(pose, np.float64))
    canonical = (face.canonical + shape_change).astype(np.float32)
    return FrameGeometry(canonical, head, head.apply(canonical))


def _drawn(corners, sources, triangles, side: int):
    depth, map_x, map_y = (np.empty((side, side), np.float32) for _ in range(3))
    window = (0, 0, side, side)
    rasterize(corners, sources, triangles, depth, map_x, map_y, window)
    return depth, map_x, map_y


def test_neighbouring_triangles_leave_no_gap_and_map_linearly():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), -1).reshape(-1, 2) * 8
    inner = ((grid > 0) & (grid < 64)).all(axis=1)
    grid[inner] += rng.uniform(-2.5, 2.5, (inner.sum(), 2))
    quads = [
        (r * 9 + c, r * 9 + c + 1, r * 9 + c + 9, r * 9 + c + 10)
        for r in range(8)
        for c in range(8)
    ]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (c, b, d))], np.int32)
    corners = np.column_stack([grid, np.zeros(81)]).astype(np.float32)
    sources = (grid * 2 + 5).astype(np.float32)
    _, map_x, map_y = _drawn(corners, sources, triangles, 64)
    rows, columns = np.mgrid[:64, :64]
    np.testing.assert_allclose(map_x, columns * 2 + 5, atol=1e-3)
    np.testing.assert_allclose(map_y, rows * 2 + 5, atol=1e-3)


def test_nearer_triangle_hides_farther_one_in_either_order():
    corners = np.array(
        [[0, 0, 5], [31, 0, 5], [0, 31, 5], [0, 0, 1], [31, 0, 1], [0, 31, 1]], np.float32
    )
    sources = np.repeat(np.array([[100, 0], [200, 0]], np.float32), 3, axis=0)
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    for order in (triangles, triangles[::-1].copy()):
        _, map_x, _ = _drawn(corners, sources, order, 32)
        assert map_x[5, 5] == 200
        assert map_x[31, 31] == UNCOVERED


def test_upsampling_keeps_the_portraits_own_px():
    picture = np.random.default_rng(1).integers(0, 255, (20, 30, 4), np.uint8)
    doubled = upsample(picture)
    assert doubled.shape == (40, 60, 4)
    np.testing.assert_array_equal(doubled[::2, ::2], picture)
    ramp = np.tile(np.arange(0, 200, 10, np.uint8), (8, 1))
    np.testing.assert_array_equal(upsample(ramp)[0, 8:28:2] + 5, upsample(ramp)[0, 9:29:2])


def test_foreground_at_the_edge_is_free_of_the_background():
    matte = np.tile(np.clip((np.arange(64) - 28) / 8, 0, 1), (64, 1)).astype(np.float32)
    person, plate = np.array([200.0, 40, 30]), np.array([20.0, 90, 220])
    image = (matte[..., None] * person + (1 - matte[..., None]) * plate).astype(np.uint8)
    plates = np.broadcast_to(plate, image.shape).astype(np.uint8)
    colours = estimate_foreground(image, matte, plates)
    np.testing.assert_allclose(colours[32, 30:60], np.tile(person, (30, 1)), atol=6)


def _warped(renderer: WarpRenderer, geometry: FrameGeometry) -> np.ndarray:
    """(512, 512, 3) uint8: a frame before mouth and eyes are drawn."""
    return next(frame.copy() for step, _, frame in renderer.draw(geometry) if step is Step.WARP)


def test_portrait_at_rest_comes_back(face: FaceLatent, renderer: WarpRenderer):
    resting = FrameGeometry(face.canonical, face.head, face.landmarks)
    closed = cover_opening(face)
    np.testing.assert_array_equal(_warped(renderer, resting), closed)
    # Moved by too little to see, but drawn all the same.
    error = _warped(renderer, _posed(face, [0, 0, 0, 1e-4, 0, 0])).astype(float) - closed
    assert 10 * np.log10(255**2 / (error**2).mean()) > 45


def test_bands_join_without_a_trace(
    face: FaceLatent, renderer: WarpRenderer, monkeypatch: pytest.MonkeyPatch
):
    turned = _posed(face, [0.05, 0.35, 0.06, 0.03, -0.02, 0.03])
    frames = []
    for px in (512 * 512, 512 * 9):
        monkeypatch.setattr("openvasa.render.warp.BAND_PX", px)
        frames.append(_warped(renderer.twin(), turned))
    np.testing.assert_array_equal(*frames)


@pytest.mark.parametrize("yaw", [-20.0, 0.0, 20.0])
def test_landmarks_land_where_the_geometry_says(
    face: FaceLatent, renderer: WarpRenderer, yaw: float
):
    change = np.zeros((478, 3), np.float32)
    change[[13, 14, 17, 152, 148, 377], 1] = [-0.2, 0.8, 0.8, 1.0, 0.9, 0.9]
    geometry = _posed(face, [0.05, np.radians(yaw), 0.06, 0.03, -0.02, 0.03], change)
    depth, *maps = (np.empty((512, 512), np.float32) for _ in range(3))
    corners, window = pose_mesh(renderer._mesh, geometry), (0, 0, 512, 512)
    rasterize(corners, renderer._sources, renderer._triangles, depth, *maps, window)
    where = geometry.landmarks[:SURFACE_POINTS, :2]
    seen = [cv2.remap(plane, where[:, :1], where[:, 1:], cv2.INTER_LINEAR)[:, 0] for plane in maps]
    found = np.column_stack(seen) / SUBSAMPLES - MARGIN
    depth = cv2.remap(depth, where[:, :1], where[:, 1:], cv2.INTER_NEAREST)[:, 0]
    visible = geometry.landmarks[:SURFACE_POINTS, 2] < depth + 1
    # Towards the oval the depth is eased on purpose.
    interior = visible & (near_oval() == 0)
    bend = [np.hypot(*np.gradient(plane)) / SUBSAMPLES for plane in maps]
    squeeze = np.column_stack(
        [cv2.remap(s, where[:, :1], where[:, 1:], cv2.INTER_LINEAR)[:, 0] for s in bend]
    )
    # At the edge of the nose two surfaces meet within one px: nothing to interpolate there.
    measured = interior & (squeeze < 2.5).all(axis=1)
    assert measured.sum() > 300
    error = np.abs(found - face.landmarks[:SURFACE_POINTS, :2]) / np.maximum(squeeze, 1)
    off = np.linalg.norm(error, axis=1)[measured]
    assert np.median(off) < 0.1
    assert np.percentile(off, 97) < 0.3


def test_background_stays_still_while_the_face_talks(face: FaceLatent, renderer: WarpRenderer):
    change = np.zeros((478, 3), np.float32)
    change[[14, 17, 152, 148, 377, 176, 400], 1] = 1.5
    frame = _warped(renderer, _posed(face, [0] * 6, change))
    assert (frame != face.image).any()
    away = cv2.dilate(np.uint8(face.matte > 0), np.ones((9, 9), np.uint8)) == 0
    np.testing.assert_array_equal(frame[away], face.image[away])
    np.testing.assert_array_equal(frame[:60], face.image[:60])


def test_moving_head_uncovers_the_plate(face: FaceLatent, renderer: WarpRenderer):
    frame = _warped(renderer, _posed(face, [0, 0, 0, 0.1, 0, 0]))
    left_edge = np.flatnonzero(face.matte[200] > 0.99)[0]
    shift = 0.1 * FACE_WIDTH * face.head.scale
    uncovered = frame[200, left_edge + 2 : int(left_edge + shift) - 8].astype(int)
    plate = face.background[200, left_edge + 2 : int(left_edge + shift) - 8]
    assert np.abs(uncovered - plate).max() <= 2


def test_shoulders_follow_the_head_by_a_share_but_stand_where_the_picture_goes_on(face: FaceLatent):
    geometry = _posed(face, [0, 0, 0.1, 0.1, 0, 0])
    shift = 0.1 * FACE_WIDTH * face.head.scale
    moved = {}
    for goes_on in (False, True):
        mesh = build_mesh(
            face.landmarks, face.canonical, face.head, ground=512 if goes_on else None
        )
        corners = pose_mesh(mesh, geometry)
        move = np.linalg.norm(corners[SURFACE_POINTS:, :2] - mesh.points[SURFACE_POINTS:], axis=1)
        across, down = mesh.points[SURFACE_POINTS:].T
        below = (down >= 512) & (down < 600) & (across >= 0) & (across < 512)
        moved[goes_on] = move[below]
    assert moved[False].min() > 0.15 * shift
    assert moved[False].max() < 0.8 * shift
    assert moved[True].max() < 0.01


def test_a_cut_off_head_goes_on_no_farther_than_its_reflection(face: FaceLatent):
    matte = np.zeros_like(face.matte)
    matte[:20, 200:300] = 1
    matte[20:40, 320:360] = 1
    opacity = cut_out(FaceLatent(**{**vars(face), "matte": matte}))[:MARGIN, :, 3]
    assert (opacity[-19:, MARGIN + 200 : MARGIN + 300] == 255).all()
    assert not opacity[:-19].any()
    assert not opacity[:, MARGIN + 300 :].any()


@pytest.mark.parametrize(
    "pose", [[-0.26, 0, 0, 0, 0, 0], [0, 0, 0.1, 0, 0.1, 0], [0.26, 0, 0, 0, 0, 0]]
)
def test_hair_that_the_picture_cuts_off_stays_at_its_border(face: FaceLatent, pose):
    """A head that goes down shows nothing from beyond the picture; its face goes all the way."""
    matte = face.matte.copy()
    matte[:150, 170:340] = 1
    ceiling = find_ceiling(replace(face, matte=matte))
    parts = face.landmarks, face.canonical, face.head
    held, free = (build_mesh(*parts, ground=None, ceiling=c) for c in (ceiling, None))
    corners, usual = (pose_mesh(mesh, _posed(face, pose)) for mesh in (held, free))
    assert np.array_equal(corners[:SURFACE_POINTS], usual[:SURFACE_POINTS])
    _, _, map_y = _drawn(corners, held.points, held.triangles, 512)
    assert map_y[0, 190:320].min() > -0.5
    assert (np.diff(map_y[:150, 190:320], axis=0) > 0).all()
    _, _, map_y = _drawn(usual, free.points, free.triangles, 512)
    goes_down = pose[0] <= 0
    assert (map_y[0, 255] < -5) == goes_down
    assert goes_down or np.array_equal(corners, usual)


def test_a_head_below_the_pictures_border_moves_as_a_whole(face: FaceLatent):
    mesh = build_mesh(
        face.landmarks, face.canonical, face.head, ground=None, ceiling=find_ceiling(face)
    )
    assert mesh.cut is None


@pytest.mark.parametrize(
    "pose",
    [[0, 0.436, 0, 0, 0, 0], [0, -0.436, 0, 0, 0, 0], [0.26, 0, 0, 0, 0, 0], [-0.26, 0, 0, 0, 0, 0]]
    + [[0, 0, 0.17, 0.1, 0.1, 0.1], [0, 0, -0.17, -0.1, -0.1, -0.1]],
)
def test_person_has_no_holes_at_large_poses(face: FaceLatent, pose):
    mesh = build_mesh(face.landmarks, face.canonical, face.head, ground=None)
    corners = pose_mesh(mesh, _posed(face, pose))
    assert np.isfinite(corners).all()
    _, map_x, _ = _drawn(corners, mesh.points, mesh.triangles, 512)
    assert (map_x[40:472, 40:472] != UNCOVERED).all()


@pytest.mark.parametrize("turn", [-0.436, 0.436])
def test_the_rim_of_a_face_that_turns_into_view_is_not_smeared(face: FaceLatent, turn: float):
    mesh = build_mesh(face.landmarks, face.canonical, face.head, ground=None)
    corners = pose_mesh(mesh, _posed(face, [0, turn, 0, 0, 0, 0]))
    edges = mesh.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges = edges[(edges < SURFACE_POINTS).all(axis=1)]
    in_view = (near_oval() > 0) & (face.canonical[:SURFACE_POINTS, 0] * turn > 0)
    edges = edges[in_view[edges].all(axis=1)]
    before, after = (
        np.linalg.norm(points[edges[:, 0], :2] - points[edges[:, 1], :2], axis=1)
        for points in (mesh.points, corners)
    )
    assert (after - before).max() < 11


def test_brows_do_not_drag_the_hair_but_the_jaw_stretches_the_neck(face: FaceLatent):
    mesh = build_mesh(face.landmarks, face.canonical, face.head, ground=None)
    upper, lower = [10, 338, 297, 332, 109, 67, 103], [152, 148, 176, 377, 400]
    change = np.zeros((478, 3), np.float32)
    change[upper, 1], change[lower, 1] = -1.0, 1.0
    corners = pose_mesh(mesh, _posed(face, [0] * 6, change))
    moved = np.abs(corners[SURFACE_POINTS:, 1] - mesh.points[SURFACE_POINTS:, 1]) / face.head.scale
    hair = mesh.points[SURFACE_POINTS:, 1] < face.landmarks[10, 1] - 35
    below = mesh.points[SURFACE_POINTS:] - face.landmarks[152, :2]
    neck = (np.abs(below[:, 0]) < 20) & (below[:, 1] > 0)
    order = np.argsort(below[neck, 1])
    assert moved[hair].max() < 0.02
    assert moved[neck][order][0] > 0.7
    assert (np.diff(moved[neck][order]) < 0.05).all()


def test_only_turned_portraits_borrow_from_the_other_side(face: FaceLatent):
    mesh = build_mesh(face.landmarks, face.canonical, face.head, ground=None)
    assert mirrored_view(face, mesh, cut_out(face)) is None
    turned = _made_face(-25.0)
    own = build_mesh(turned.landmarks, turned.canonical, turned.head, ground=None)
    view = mirrored_view(turned, own, cut_out(turned))
    assert view is not None
    assert view.share(turned.head) == 0
    front = HeadTransform(_rotation(5.0), turned.head.scale, turned.head.translation)
    assert view.share(front) == 1
    resting = FrameGeometry(turned.canonical, turned.head, turned.landmarks)
    np.testing.assert_allclose(
        view.mesh.points[:SURFACE_POINTS, 0],
        511 - turned.landmarks[mirror_pairs()[:SURFACE_POINTS], 0],
        atol=1e-3,
    )
    # A symmetric head: the mirrored surface lies on the portrait's own.
    inner = np.flatnonzero(near_oval() == 0)
    np.testing.assert_allclose(
        pose_mesh(view.mesh, resting)[inner], pose_mesh(own, resting)[inner], atol=1e-4
    )


def test_far_cheek_of_a_turned_portrait_takes_the_near_cheeks_texture():
    turned = _made_face(-28.0)
    near = turned.landmarks[[352, 411, 425]][:, :2].mean(axis=0)
    image = 100 + turned.image // 8
    cv2.circle(image, (int(near[0]), int(near[1])), 60, (110, 110, 220), -1)
    marked = FaceLatent(**{**vars(turned), "image": image, "picture": image})
    renderer = WarpRenderer(marked)
    head = HeadTransform(_rotation(25.0), turned.head.scale, turned.head.translation)
    geometry = FrameGeometry(turned.canonical, head, head.apply(turned.canonical))
    far = geometry.landmarks[234, :2] * 0.8 + geometry.landmarks[50, :2] * 0.2
    blue = _warped(renderer, geometry)[int(far[1]), int(far[0])]
    renderer._mirrored = None
    plain = _warped(renderer, geometry)[int(far[1]), int(far[0])]
    assert int(blue[2]) - int(blue[0]) > 30
    assert abs(int(plain[2]) - int(plain[0])) < 25


def test_the_near_cheek_of_a_far_turned_portrait_is_its_own():
    turned = _made_face(-54.0)
    renderer = WarpRenderer(turned, refined=False)
    head = HeadTransform(_rotation(-46.0), turned.head.scale, turned.head.translation)
    geometry = FrameGeometry(turned.canonical, head, head.apply(turned.canonical))
    second = renderer._second_view(geometry, (0, 0, 512, 512))
    assert second is not None
    view = second.view
    _, map_x, map_y = _drawn(view.corners, view.sources, view.triangles, 512)
    borrowed = cv2.remap(view.samples, map_x, map_y, cv2.INTER_LINEAR)[..., 3]
    cheek = np.zeros((512, 512), np.uint8)
    near = geometry.landmarks[:SURFACE_POINTS, :2][turned.canonical[:SURFACE_POINTS, 0] > 4]
    cv2.fillConvexPoly(cheek, cv2.convexHull(np.rint(near).astype(np.int32)), 1)
    inside = cv2.erode(cheek, np.ones((9, 9), np.uint8)) > 0
    assert (borrowed[inside] > 25).mean() < 0.005
    assert (borrowed > 25).sum() > 500
