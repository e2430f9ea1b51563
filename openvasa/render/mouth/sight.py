"""Lines of sight through the px of a frame, and where they meet arches and planes in the mouth."""

from __future__ import annotations

import numba
import numpy as np

from openvasa.face.canonical import HeadTransform


def lay_sight(
    head: HeadTransform, origin: np.ndarray, hinge: np.ndarray, angle: float
) -> np.ndarray:
    """(3, 4) float64 lines of sight in arch coordinates: point = m[:, :2]·px + m[:, 2] + t·m[:, 3].

    Args:
        head: head transform of the moment.
        origin: (3,) canonical point of the arch's origin, mouth closed.
        hinge, angle: the jaw's axis and rotation; angle 0 for the upper arch.
    """
    c, s = np.cos(angle), np.sin(angle)
    jaw = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    back = jaw.T @ head.rotation.T
    constant = jaw.T @ (-head.rotation.T @ head.translation / head.scale - hinge) + hinge - origin
    return np.column_stack([back[:, :2] / head.scale, constant, back[:, 2]])


@numba.njit(cache=True, nogil=True)
def meet_arch(
    sight: np.ndarray, x: float, y: float, bend: float, lean: float
) -> tuple[float, float]:
    """Arch coordinates (x, y) where the line of sight through a pixel meets the arch's front."""
    ox = sight[0, 0] * x + sight[0, 1] * y + sight[0, 2]
    oy = sight[1, 0] * x + sight[1, 1] * y + sight[1, 2]
    oz = sight[2, 0] * x + sight[2, 1] * y + sight[2, 2]
    dx, dy, dz = sight[0, 3], sight[1, 3], sight[2, 3]
    a = bend * dx * dx
    b = 2 * bend * ox * dx + lean * dy - dz
    c = bend * ox * ox + lean * oy - oz
    root = b * b - 4 * a * c
    if root < 0 or b >= 0:
        return np.inf, 0.0
    t = 2 * c / (-b + np.sqrt(root))
    return ox + t * dx, oy + t * dy


@numba.njit(cache=True, nogil=True)
def meet_plane(sight: np.ndarray, x: float, y: float, depth: float) -> tuple[float, float]:
    """Arch coordinates (x, y) where the line of sight through a pixel is `depth` behind."""
    ox = sight[0, 0] * x + sight[0, 1] * y + sight[0, 2]
    oy = sight[1, 0] * x + sight[1, 1] * y + sight[1, 2]
    oz = sight[2, 0] * x + sight[2, 1] * y + sight[2, 2]
    t = (depth - oz) / sight[2, 3]
    return ox + t * sight[0, 3], oy + t * sight[1, 3]
