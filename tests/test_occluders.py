"""What is in front of a face: drawn for training, learnt, parted from the portrait, drawn again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.data.occluders.beards import draw_beard
from openvasa.data.occluders.glasses import draw_glasses
from openvasa.data.occluders.hair import draw_fringe
from openvasa.data.occluders.hats import draw_beret, draw_hat, lay_hat
from openvasa.data.occluders.headwear import draw_headwear
from openvasa.data.occluders.held import draw_hand, draw_microphone, draw_thing
from openvasa.data.occluders.ink import draw_in_ink
from openvasa.data.occluders.looks import draw_look
from openvasa.data.occluders.masks import draw_mask
from openvasa.data.occluders.scene import Scene
from openvasa.data.occluders.skull import dome, front, ring
from openvasa.data.stills import STILL_SIDE, Stills
from openvasa.face.encode import load_portrait
from openvasa.face.latent import FaceLatent, pose_face
from openvasa.face.occluders import SIDE, Occluder, Occluders, cut_head, square_affine
from openvasa.face.topology import (
    LEFT_BROW,
    LEFT_EYE,
    LEFT_LID_PAIRS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_LID_PAIRS,
)
from openvasa.render.front import part_face
from openvasa.render.mesh import build_mesh
from openvasa.render.warp_renderer import WarpRenderer

RIM_RADIUS, RIM_WIDTH = 30, 6


@pytest.fixture(scope="module")
def bare() -> FaceLatent:
    """The example portrait, taken as a face with nothing before it."""
    return replace(load_portrait(EXAMPLE_PORTRAIT), occluders=None)


def _wear(face: FaceLatent, mask: np.ndarray, kind: Occluder, colour: int) -> FaceLatent:
    """The portrait with a thing painted, and known to be, where an (H, W) uint8 mask is set."""
    image = np.where(mask[..., None] > 0, np.uint8(colour), face.image)
    chances = np.zeros((len(Occluder), SIDE, SIDE), np.uint8)
    affine = square_affine(face.head)
    chances[kind] = cv2.warpAffine(mask, affine, (SIDE, SIDE), flags=cv2.INTER_AREA)
    chances[Occluder.FREE] = 255 - chances[kind]
    return replace(face, image=image, occluders=Occluders(chances))


def _rings(face: FaceLatent) -> np.ndarray:
    """(H, W) uint8 mask of two round rims around the irises."""
    mask = np.zeros(face.image.shape[:2], np.uint8)
    for iris in (468, 473):
        centre = tuple(int(v) for v in np.rint(face.landmarks[iris, :2]))
        cv2.circle(mask, centre, RIM_RADIUS, 255, RIM_WIDTH)
    return mask


@pytest.fixture(scope="module")
def spectacled(bare: FaceLatent) -> FaceLatent:
    """The portrait with black rims."""
    return _wear(bare, _rings(bare), Occluder.RIM, 8)


def _shut(face: FaceLatent) -> np.ndarray:
    """(478, 3) change of shape that shuts the lids and lifts the brows."""
    shape = face.canonical.copy()
    for upper, lower in np.concatenate([RIGHT_LID_PAIRS, LEFT_LID_PAIRS]):
        shape[upper] = shape[lower]
    shape[np.concatenate([RIGHT_BROW, LEFT_BROW]), 1] -= 0.9
    return shape - face.neutral


def _dark(frame: np.ndarray) -> np.ndarray:
    return frame.max(axis=-1) < 40


def test_a_portrait_at_rest_stays_as_it_is_behind_glasses(spectacled: FaceLatent) -> None:
    rest = pose_face(spectacled, np.zeros(6), spectacled.canonical - spectacled.neutral)
    frame = WarpRenderer(spectacled).render(rest)
    near = cv2.dilate(_rings(spectacled), np.ones((15, 15), np.uint8)) > 0
    assert np.abs(frame.astype(int) - spectacled.image)[near].mean() < 0.3


def test_lids_and_brows_do_not_drag_rims_along(spectacled: FaceLatent) -> None:
    rims = cv2.erode(_rings(spectacled), np.ones((3, 3), np.uint8)) > 0
    shut = pose_face(spectacled, np.zeros(6), _shut(spectacled))

    def kept(face: FaceLatent) -> float:
        return float(_dark(WarpRenderer(face).render(shut))[rims].mean())

    assert kept(spectacled) > 0.98
    # What nobody has seen is dragged.
    assert kept(replace(spectacled, occluders=None)) < 0.9


def test_a_rim_goes_on_where_the_network_is_hardly_sure_of_it(spectacled: FaceLatent) -> None:
    sure = spectacled.occluders
    assert sure is not None
    chances, above = sure.chances.copy(), np.arange(SIDE) < _middle_row(sure)
    chances[Occluder.RIM, above] = np.rint(0.3 * chances[Occluder.RIM, above])
    broken = replace(spectacled, occluders=Occluders(chances))
    rims = cv2.erode(_rings(spectacled), np.ones((3, 3), np.uint8)) > 0
    shut = pose_face(broken, np.zeros(6), _shut(broken))
    assert _dark(WarpRenderer(broken).render(shut))[rims].mean() > 0.95
    whole = broken.occluders.follow_rims().chances[Occluder.RIM]
    pieces = [
        cv2.connectedComponents((rim > 127).astype(np.uint8))[0]
        for rim in (sure.chances[Occluder.RIM], whole)
    ]
    assert pieces[0] == pieces[1], "no gap where the chance drops"


def test_what_leads_to_no_certain_rim_is_none(spectacled: FaceLatent) -> None:
    sure = spectacled.occluders
    assert sure is not None
    chances = sure.chances.copy()
    middle = int(np.nonzero(chances[Occluder.RIM] > 127)[1].mean())
    chances[Occluder.RIM, :, middle:] = np.rint(0.35 * chances[Occluder.RIM, :, middle:])
    faint = slice(middle, None)
    after = Occluders(chances).follow_rims().chances[Occluder.RIM]
    np.testing.assert_array_equal(after[:, faint], chances[Occluder.RIM][:, faint])


def test_a_faint_patch_beside_a_certain_px_is_no_rim() -> None:
    chances = np.zeros((len(Occluder), SIDE, SIDE), np.uint8)
    chances[Occluder.RIM, 100:110, 100:150] = 80
    chances[Occluder.RIM, 105, 120] = 200
    # A brow that touches a rim.
    chances[Occluder.RIM, 160:163, 60:200] = 255
    chances[Occluder.RIM, 145:160, 100:150] = 80
    after = Occluders(chances).follow_rims().chances[Occluder.RIM]
    assert (after[100:110, 100:150] > 127).sum() <= 1
    assert (after[146:157, 105:145] <= 127).all()


def _middle_row(occluders: Occluders) -> int:
    """Of the rims, in px of the square."""
    return int(np.nonzero(occluders.chances[Occluder.RIM] > 127)[0].mean())


def test_lids_close_behind_rims(bare: FaceLatent, spectacled: FaceLatent) -> None:
    eye = np.zeros(bare.image.shape[:2], np.uint8)
    centre = tuple(int(v) for v in np.rint(bare.landmarks[468, :2]))
    cv2.circle(eye, centre, RIM_RADIUS - RIM_WIDTH, 255, -1)
    frames = [
        WarpRenderer(face).render(pose_face(face, np.zeros(6), _shut(face))).astype(int)
        for face in (bare, spectacled)
    ]
    open_eye = np.abs(frames[0] - bare.image)[eye > 0].mean()
    assert np.abs(frames[1] - frames[0])[eye > 0].mean() < 0.35 * open_eye


@pytest.mark.parametrize("yaw", [-0.35, 0.35])
def test_rims_of_a_turned_head_stay_ellipses(spectacled: FaceLatent, yaw: float) -> None:
    pose = np.array([0, yaw, 0, 0, 0, 0], np.float32)
    plain = np.full_like(spectacled.image, 200)
    # On an even picture nothing but the rims is dark.
    face = _wear(replace(spectacled, image=plain), _rings(spectacled), Occluder.RIM, 8)
    mesh = build_mesh(face.landmarks, face.canonical, face.head, ground=None)
    _, front = part_face(face, mesh)
    assert front is not None
    geometry = pose_face(face, pose, face.canonical - face.neutral)
    ((things, _),) = front.draw(geometry, (512, 512))
    solid = (things[..., 3] > 127).astype(np.uint8)
    outlines, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = [outline for outline in outlines if len(outline) > 50]
    assert len(whole) == 2
    for outline in whole:
        (_, axes, _) = cv2.fitEllipse(outline)
        drawn = np.pi / 4 * axes[0] * axes[1]
        assert cv2.contourArea(outline) == pytest.approx(drawn, rel=0.04)
        assert max(axes) == pytest.approx(2 * RIM_RADIUS + RIM_WIDTH, rel=0.12)


def test_a_microphone_stays_where_it_is(bare: FaceLatent) -> None:
    mask = np.zeros(bare.image.shape[:2], np.uint8)
    mouth = bare.landmarks[OUTER_LIPS, :2].mean(axis=0)
    cv2.circle(mask, (int(mouth[0]), int(mouth[1]) + 20), 34, 255, -1)
    face = _wear(bare, mask, Occluder.COVER, 8)
    wide = face.canonical - face.neutral
    wide[OUTER_LIPS[11:], 1] += 1.5
    pose = np.array([0.1, 0.35, 0, 0, 0, 0], np.float32)
    frame = WarpRenderer(face).render(pose_face(face, pose, wide))
    assert _dark(frame)[cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0].mean() > 0.99


def test_without_background_glasses_beyond_the_face_stay(spectacled: FaceLatent) -> None:
    renderer = WarpRenderer(spectacled).without_background()
    pose = np.array([0, 0.3, 0, 0, 0, 0], np.float32)
    shape = spectacled.canonical - spectacled.neutral
    frame = renderer.render(pose_face(spectacled, pose, shape))
    assert frame.shape[2] == 4
    with_plate = WarpRenderer(spectacled).render(pose_face(spectacled, pose, shape))
    rims = _dark(with_plate) & _dark(frame[..., :3])
    assert (frame[..., 3][rims] == 255).mean() > 0.95


def test_what_is_in_front_is_kept_in_the_avatar_file(
    spectacled: FaceLatent, tmp_path: Path
) -> None:
    spectacled.save(tmp_path / "one.npz")
    back = FaceLatent.load(tmp_path / "one.npz")
    assert back.occluders is not None
    assert spectacled.occluders is not None
    assert np.array_equal(back.occluders.chances, spectacled.occluders.chances)


def _scene(bare: FaceLatent, seed: int) -> Scene:
    square, affine = cut_head(bare.image, bare.head)
    landmarks = bare.landmarks * affine[0, 0]
    landmarks[:, :2] += affine[:, 2]
    return Scene.begin(square, landmarks, square, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("draw", "kinds"),
    [
        (draw_glasses, {Occluder.RIM, Occluder.LENS, Occluder.SHADE}),
        (draw_mask, {Occluder.COVER}),
        (draw_hand, {Occluder.COVER}),
        (draw_microphone, {Occluder.COVER}),
        (draw_thing, {Occluder.COVER}),
        (draw_headwear, {Occluder.HEADWEAR}),
        (draw_hat, {Occluder.HEADWEAR}),
        (draw_beret, {Occluder.HEADWEAR}),
        (draw_fringe, {Occluder.FRINGE}),
        (draw_look, set()),
        (draw_beard, set()),
    ],
)
def test_what_is_drawn_is_labelled_where_it_changes_the_picture(bare, draw, kinds) -> None:
    for seed in range(4):
        scene = _scene(bare, seed)
        before = scene.picture.copy()
        draw(scene)
        assert set(np.unique(scene.labels)) <= {Occluder.FREE, *kinds}
        changed = np.abs(scene.picture - before).max(axis=-1) > 3
        assert changed.any()
        if kinds:
            assert (scene.labels > 0).any()


def test_hats_leave_nose_mouth_and_cheeks_free_and_some_go_on_behind_the_head(
    bare: FaceLatent,
) -> None:
    behind = 0
    for seed in range(1, 11):
        scene = _scene(bare, seed)
        draw_hat(scene)
        lower = cv2.convexHull(scene.landmarks[[168, 50, 280, 397, 152, 172], :2])
        assert not scene.labels[scene.fill(lower[:, 0]) > 0.5].any(), seed
        behind += (_beside_temples(scene) == Occluder.HEADWEAR).all()
    assert behind >= 2, "brims seen from below go on behind the head"


def _beside_temples(scene: Scene) -> np.ndarray:
    """Labels of a px beside each temple, in front of which no head is."""
    x, y = np.rint(scene.landmarks[[127, 356], :2] + [[-14, -6], [14, -6]]).astype(int).T
    return scene.labels[y, x]


def test_a_brim_that_rises_leaves_the_forehead_free_and_goes_on_behind_the_head(
    bare: FaceLatent,
) -> None:
    scene, lean = _scene(bare, 0), 0.45
    brows = np.concatenate([RIGHT_BROW, LEFT_BROW])
    level = float(scene.canonical[brows, 1].min() + scene.canonical[10, 1]) / 2
    inner, outer = ring(level, lean, 1.1), ring(level, lean, 2.0)
    lay_hat(scene, inner, outer, np.vstack([inner, dome(scene, level, lean, 1.1, 9)]))
    edge = scene.project(front(inner))[12]
    to_brows = scene.landmarks[brows, None, :2] - edge
    forehead = edge + np.linspace(0.1, 1, 10)[:, None] * to_brows
    x, y = np.rint(forehead).astype(int).reshape(-1, 2).T
    assert not scene.labels[y, x].any()
    assert (_beside_temples(scene) == Occluder.HEADWEAR).all()


def test_beards_grow_below_the_eyes_of_bare_faces(bare: FaceLatent) -> None:
    beards = 0
    for seed in range(12):
        scene = _scene(bare, seed)
        before = scene.picture.copy()
        draw_beard(scene)
        changed = np.abs(scene.picture - before).max(axis=-1) > 3
        upper = cv2.convexHull(scene.landmarks[[103, 332, *RIGHT_EYE, *LEFT_EYE], :2])[:, 0]
        assert not changed[scene.fill(upper) > 0.5].any(), seed
        lower = cv2.convexHull(scene.landmarks[[205, 425, 397, 152, 172], :2])[:, 0]
        beards += bool(changed[scene.fill(lower) > 0.5].mean() > 0.1)
    assert beards >= 6


def test_drawings_are_lines_on_paper_with_paler_tones() -> None:
    picture = np.full((64, 64, 3), 90, np.uint8)
    picture[:, 32:] = 200
    for seed in range(8):
        drawn = draw_in_ink(picture, np.random.default_rng(seed)).astype(int)
        assert drawn.shape == picture.shape
        dark, line, bright = (drawn[:, at].mean() for at in (8, 31, 56))
        assert line <= dark + 1, seed
        assert dark <= bright + 1, seed
        assert bright > 180, seed


def test_composites_depend_on_their_generator_alone(bare: FaceLatent) -> None:
    from openvasa.data.occluders.composites import Composites

    composites = Composites(_stills(bare))
    first, again = (composites.draw(np.random.default_rng(3)) for _ in range(2))
    other = composites.draw(np.random.default_rng(4))
    assert np.array_equal(first.picture, again.picture)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.picture, other.picture)


def _stills(face: FaceLatent) -> Stills:
    square, affine = cut_head(face.image, face.head, STILL_SIDE)
    landmarks = face.landmarks * affine[0, 0]
    landmarks[:, :2] += affine[:, 2]
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(square, cv2.COLOR_RGB2BGR))[1].ravel()
    return Stills([jpeg] * 4, np.stack([landmarks] * 4), list("abcd"), [()] * 4)


def test_stills_come_back_from_their_file(bare: FaceLatent, tmp_path: Path) -> None:
    stills = replace(_stills(bare), worn=[("glasses", "hat"), (), (), ()])
    stills.save(tmp_path / "stills.npz")
    back = Stills.load(tmp_path / "stills.npz")
    assert back.worn == stills.worn
    assert back.groups == stills.groups
    assert np.array_equal(back.picture(3), stills.picture(3))
    assert np.abs(back.landmarks - stills.landmarks).max() < 0.2
