"""A short motion to give to commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from openvasa.face.dynamics import dynamics_code
from openvasa.motion.motion import Motion


def save_turning_head(folder: Path, frames: int) -> Path:
    """So many frames of a head that turns, in a file."""
    path = folder / "motion.npz"
    pose = np.zeros((frames, 6), np.float32)
    pose[:, 1] = np.linspace(0, 0.1, frames)
    Motion(pose, np.zeros((frames, dynamics_code().size), np.float32)).save(path)
    return path
