"""Blendshapes that, read back, give the same face: what tables for other tools are written with.

`DynamicsCode.read_arkit` says what a tracker would call a face. Each of its 52 readings is right by
itself; added up as shapes, they open the lips by three quarters only. Here the readings move, no
farther than needed, until the shapes they stand for add up to the face (ridge regression towards
the readings, within 0–1, by coordinate descent).
"""

from __future__ import annotations

import numpy as np

from openvasa.face.dynamics import dynamics_code

NEARNESS = 0.2
"""Mean squared error of the points, square millimetres, that moving one reading from 0 to 1 has to
take away."""

ROUNDS = 20
"""Of the descent; more change the range of the lips by less than half a percent."""


def fit_blendshapes(codes: np.ndarray) -> np.ndarray:
    """Blendshapes whose shapes add up to a face.

    Args:
        codes: (T, D) dynamics.

    Returns:
        (T, 52) float32 in 0–1, in the order of `BLENDSHAPE_NAMES`.
    """
    code = dynamics_code()
    readings = code.read_arkit(codes)
    rest = code.read_arkit(np.zeros(code.size, np.float32))
    millimetres = 10 * code.basis.reshape(code.size, -1).astype(np.float64)
    metric = millimetres @ millimetres.T / code.basis.shape[1]
    shapes = code.arkit_directions.astype(np.float64)
    wanted = codes + rest @ shapes
    matrix = shapes @ metric @ shapes.T + NEARNESS * np.eye(len(shapes))
    right = wanted @ metric @ shapes.T + NEARNESS * readings
    fitted = readings.astype(np.float64)
    for _ in range(ROUNDS):
        for k in range(len(shapes)):
            step = (right[:, k] - fitted @ matrix[:, k]) / matrix[k, k]
            fitted[:, k] = np.clip(fitted[:, k] + step, 0, 1)
    return fitted.astype(np.float32)
