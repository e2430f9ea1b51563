"""Today's rows, encodings and frames against the kept ones; `golden_set` says what is kept.

The floors lie between what processors differ by and what a change shows. Crops of frames stay above
78 dB without AVX and with other BLAS kernels and thread counts. A shading constant changed by a
tenth brings a crop below 56 dB. Rows of the float32 network differ by 4e-6 of a deviation between
BLAS kernels, rows of the shipped 8-bit one by 0.14, 0.025 in the root mean square. The 8-bit speech
encoder alone brings 0.075 between processors with and without AVX-512. Trackers in
bfloat16 move landmarks by 1.7 px and more, trackers in float32 without AVX by up to 0.25 px.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import golden_set
import numpy as np
import pytest
from golden_set import GALLERY, Likeness

from openvasa.motion.window_network import window_network
from openvasa.render.shading import Shading

ROW_TOLERANCE, ROUNDED_TOLERANCE = 1e-3, 0.06
"""Deviations: the most of a float32 network, the root mean square of the shipped 8-bit one."""
HEARD_TOLERANCE = 0.1
"""Deviations of a speech feature, the root mean square of the median one."""
FRAME_FLOOR, CROP_FLOOR = 50.0, 56.0
"""dB, of whole frames and of mouth and eyes on their own."""
LANDMARKS_TOLERANCE, SHAPE_TOLERANCE, CODE_TOLERANCE = 0.5, 0.02, 0.02
"""Px of the crop; canonical units; deviations of the dynamics, and shares of a blendshape."""
MATTE_FLOOR = 34.0


def moved(likenesses: list[Likeness]) -> list[str]:
    """The pictures that are too far from the kept ones, and how near they are."""
    return [
        str(found)
        for found in likenesses
        if found.decibels < (FRAME_FLOOR if found.part == "whole" else CROP_FLOOR)
    ]


def test_voice_moves_faces_as_kept(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx, of the train extra, makes the float network")
    kept, heard = (golden_set.kept_arrays()[name] for name in ("spoken", "heard"))
    now = golden_set.spoken_rows(golden_set.float_model(tmp_path), heard)
    assert now.shape == kept.shape
    off = np.abs(now - kept) / golden_set.row_deviations()
    row, column = np.unravel_index(off.argmax(), off.shape)
    assert off.max() <= ROW_TOLERANCE, (
        f"row {row}, number {column} is {off.max():.2g} deviations from the kept one"
    )


def test_a_voice_is_heard_nearly_as_kept() -> None:
    kept, now = golden_set.kept_arrays()["heard"], golden_set.heard_now()
    off = np.square(now - kept).sum(axis=0) / np.square(kept - kept.mean(axis=0)).sum(axis=0)
    assert np.sqrt(np.median(off)) <= HEARD_TOLERANCE


def test_the_shipped_network_moves_faces_nearly_so() -> None:
    kept = golden_set.kept_arrays()["spoken"]
    now = golden_set.spoken_rows(window_network(1), golden_set.heard_now())
    off = (now - kept) / golden_set.row_deviations()
    assert np.sqrt((off**2).mean()) <= ROUNDED_TOLERANCE


@pytest.mark.parametrize("portrait", GALLERY)
def test_portraits_encode_as_kept(portrait: str) -> None:
    kept, now = golden_set.kept_face(portrait), golden_set.encoded(portrait)
    tolerances = {
        "crop": LANDMARKS_TOLERANCE,
        "landmarks": LANDMARKS_TOLERANCE,
        "canonical": SHAPE_TOLERANCE,
        "neutral": SHAPE_TOLERANCE,
        "dynamics": CODE_TOLERANCE,
        "blendshapes": CODE_TOLERANCE,
    }
    off = {name: np.abs(getattr(now, name) - getattr(kept, name)).max() for name in tolerances}
    far = {name: float(value) for name, value in off.items() if value > tolerances[name]}
    assert not far, f"{portrait}: largest differences from the kept encoding: {far}"
    mattes = [golden_set.matte_picture(face) for face in (kept, now)]
    likeness = golden_set.decibels(*mattes)
    assert likeness >= MATTE_FLOOR, f"{portrait}: matte at {likeness:.1f} dB of the kept one"


@pytest.mark.parametrize("portrait", GALLERY)
def test_frames_look_as_kept(portrait: str) -> None:
    far = moved(golden_set.compared_frames(portrait))
    assert not far, "pictures moved (python scripts/renew_golden.py keeps them):\n" + "\n".join(far)


@pytest.mark.parametrize(
    ("portrait", "number", "part"),
    [
        ("mona_lisa", "mouth.tones.enamel_light", "mouth"),
        ("mona_lisa", "mouth.tones.lower_light", "mouth"),
        ("mona_lisa", "mouth.tones.cavity_light", "mouth"),
        ("astronaut", "eye.sclera.corner_shade", "eye"),
        ("astronaut", "eye.lid.line_width", "eye"),
    ],
)
def test_a_tenth_of_a_shading_constant_is_noticed(portrait: str, number: str, part: str) -> None:
    shading = Shading().changed({number: 1.1 * Shading().number(number)})
    far = moved(
        golden_set.compared_frames(portrait, partial(golden_set.float_renderer, shading=shading))
    )
    assert far
    assert all(part in line for line in far)
