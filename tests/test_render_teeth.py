"""Teeth in laughs and at the arch's ends, and rounded lips as they are painted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_mouth import SKIN, drawn_face, painted, parted

from openvasa.face.latent import FaceLatent, pose_face
from openvasa.face.topology import INNER_LIPS, OUTER_LIPS
from openvasa.render.mouth.arch import Arch, colour_arch
from openvasa.render.mouth.paint import paint_mouth
from openvasa.render.mouth.palette import pick_palette
from openvasa.render.mouth.prepare import MouthAppearance, prepare_mouth
from openvasa.render.mouth.shading import InteriorTones
from openvasa.render.mouth.teeth import UPPER_BEND, UPPER_LEAN, draw_arch

DARK = (90, 60, 55)


@pytest.fixture(scope="module")
def face() -> FaceLatent:
    return drawn_face()


@pytest.fixture(scope="module")
def mouth(face: FaceLatent) -> MouthAppearance:
    return prepare_mouth(face)


def widened(change: np.ndarray, neutral: np.ndarray, width: float) -> np.ndarray:
    """A shape change whose lips are `width` times as wide besides."""
    wide = change.copy()
    lips = np.concatenate([INNER_LIPS, OUTER_LIPS])
    wide[lips, 0] += (width - 1) * neutral[lips, 0]
    return wide


def test_lower_teeth_rise_in_a_laugh(face, mouth):
    wide = widened(parted(0.9), face.neutral, 1.25)
    risen, resting = (painted(face, replace(mouth, laugh=laugh), wide) for laugh in (0.0, 1.0))
    lips = (face.neutral + wide)[INNER_LIPS, 1] * 18 + 256
    rows = np.flatnonzero((risen != resting).any(axis=(1, 2)))
    assert len(rows) >= 0.3 * 18
    assert rows.min() > lips.min() + 0.2 * 18
    narrow = parted(0.9)
    still = [painted(face, replace(mouth, laugh=laugh), narrow) for laugh in (0.0, 1.0)]
    np.testing.assert_array_equal(*still)


def test_a_laughing_portrait_keeps_its_lower_teeth_where_they_are(face, mouth):
    laughing = replace(mouth, laugh=1.0)
    wide = widened(parted(0.9), face.neutral, 1.25)
    apart = painted(face, laughing, wide)
    assert not np.array_equal(apart, painted(face, mouth, wide))
    unlaughed = replace(laughing, neutral_width=2 * mouth.neutral_width, width=mouth.width)
    np.testing.assert_array_equal(apart, painted(face, unlaughed, wide))


@pytest.mark.parametrize("size", [0.85, 1.12])
def test_the_last_teeth_vanish_without_an_edge(face: FaceLatent, size: float):
    tones = InteriorTones()
    arch = Arch(np.zeros(3), UPPER_BEND, UPPER_LEAN, 1.0, draw_arch(True, 30.0), size)
    enamel = np.float32([230, 225, 215])
    alpha = colour_arch(arch, enamel, pick_palette(face, tones), None, tones, 1.0)[..., 3]
    x, _ = arch.texels()
    across = alpha.max(axis=0)
    assert across[[0, -1]].max() < 0.01
    assert across[np.abs(x) < 2 * size].min() > 0.99
    assert np.abs(np.diff(across)).max() < 0.15


def test_rounded_lips_dim_what_is_behind_them(face, mouth):
    narrow = widened(parted(0.9), face.neutral, 0.65)
    rounded = painted(face, mouth, narrow).astype(int)
    flat = painted(face, replace(mouth, width=2.0), narrow).astype(int)
    at = (face.neutral + narrow)[[13, 14], :2].mean(axis=0) * 18 + 256
    x, y = np.rint(at).astype(int)
    inside = rounded[y - 3 : y + 4, x - 3 : x + 4].mean(axis=(0, 1))
    before = flat[y - 3 : y + 4, x - 3 : x + 4].mean(axis=(0, 1))
    assert inside.mean() < 0.7 * before.mean()
    assert inside[0] / inside[1:].mean() > before[0] / before[1:].mean()


def test_a_portrait_with_rounded_lips_is_drawn_as_it_is(face):
    pursed = widened(parted(0.5), face.neutral, 0.7)
    portrait = replace(face, canonical=face.neutral + pursed)
    mouth = prepare_mouth(portrait)
    assert mouth.flat_width == pytest.approx(0.7 * mouth.neutral_width, rel=0.02)
    itself = np.zeros_like(pursed)
    drawn = painted(portrait, mouth, itself)
    flat = painted(portrait, replace(mouth, width=0.1), itself)
    np.testing.assert_array_equal(drawn, flat)


def test_rounded_lips_leave_no_whiskers(face, mouth):
    narrow = widened(parted(0.3), face.neutral, 0.65)
    geometry = pose_face(face, np.zeros(6), narrow)
    frame = np.full_like(face.image, SKIN)
    places = []
    for corner, outward in ((61, -1), (291, 1)):
        x, y = np.rint(geometry.landmarks[corner, :2]).astype(int)
        left, right = sorted((x, x + outward * 24))
        frame[y - 1 : y + 2, left : right + 1] = DARK
        places.append((y, x + outward * 18))
    paint_mouth(frame, geometry, mouth)
    dark, skin = np.mean(DARK), np.mean(SKIN)
    for y, x in places:
        assert frame[y, x].mean() > dark + 0.6 * (skin - dark)
