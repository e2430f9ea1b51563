"""What training has to know of the dynamics code that rows of motion carry.

The shipped rows carry the geometric code. A generator in the learned latent has rows of the same
width with numbers of the learned code in it; windows, losses and sampler are the same for both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openvasa.data.talking_clips import mirror_matrix, mouth_rest_matrix
from openvasa.face.dynamics import dynamics_code


@dataclass(frozen=True)
class RowCode:
    """How the D numbers of a row move a face.

    Attributes:
        basis: (D, 478, 3) float32, canonical shape change for one unit of each.
        mirror: (D, D) float32: numbers of the mirrored face are `numbers @ mirror`.
        mouth_rest: (D, D) float32: `numbers @ mouth_rest` has mouth and jaw at rest.
    """

    basis: np.ndarray
    mirror: np.ndarray
    mouth_rest: np.ndarray


def geometric_row_code() -> RowCode:
    """That of the shipped rows."""
    code = dynamics_code()
    return RowCode(code.basis, mirror_matrix(code), mouth_rest_matrix(code))
