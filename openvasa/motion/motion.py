"""Motion: head pose and facial dynamics over time, the currency between generator and renderer."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from openvasa.errors import InputError
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.blendshapes import fit_blendshapes
from openvasa.motion.live_link import read_table, write_table
from openvasa.motion.resample import interpolate
from openvasa.motion.row import TONGUE_DIM, Row
from openvasa.rates import MOTION_RATE

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Motion:
    """Head pose, facial dynamics and tongue at a fixed rate.

    Attributes:
        pose: (T, 6) float32 head pose as an offset from the portrait's own: rotation vector in
            the head's axes (rad), translation (face widths, x right and y down), log distance.
        dynamics: (T, D) float32 facial dynamics codes, zero at rest.
        fps: frames a second.
        tongue: (T, 2) float32, how far the tongue's tip is up at the ridge and out between the
            teeth, 0–1; at rest where none is given.
    """

    pose: np.ndarray
    dynamics: np.ndarray
    fps: float = MOTION_RATE
    tongue: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        """Check the shapes."""
        if self.tongue.size == 0:
            at_rest = np.zeros((len(self.pose), TONGUE_DIM), np.float32)
            object.__setattr__(self, "tongue", at_rest)
        if self.pose.ndim != 2 or self.pose.shape[1] != POSE_DIM:
            raise InputError(f"motion: pose has shape {self.pose.shape}; it must be (T, 6)")
        if self.dynamics.ndim != 2 or len(self.dynamics) != len(self.pose):
            raise InputError(
                f"motion: dynamics have shape {self.dynamics.shape}; it must be "
                f"({len(self.pose)}, D), a row for each pose"
            )
        if self.tongue.shape != (len(self.pose), TONGUE_DIM):
            raise InputError(
                f"motion: tongue has shape {self.tongue.shape}; it must be "
                f"({len(self.pose)}, {TONGUE_DIM}), a row for each pose"
            )

    @staticmethod
    def from_rows(rows: np.ndarray, fps: float = MOTION_RATE) -> Motion:
        """Motion from (T, 6 + D + 2) rows, or from (T, 6 + D), the tongue then at rest."""
        parts = Row.split(rows)
        return Motion(parts.pose, parts.codes, fps, parts.tongue)

    def rows(self) -> np.ndarray:
        """(T, 6 + D + 2) float32 rows, as generators make them."""
        return Row(self.pose, self.dynamics, self.tongue).join()

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.pose)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self) / self.fps

    def save(self, path: str | Path) -> None:
        """Write a `.npz` motion file, or a Live Link Face style table if `path` ends in .csv."""
        path = Path(path)
        if path.suffix == ".csv":
            shapes = fit_blendshapes(self.dynamics)
            data = write_table(shapes, self.pose, self.fps).encode()
        elif path.suffix == ".npz":
            buffer = io.BytesIO()
            np.savez_compressed(
                buffer,
                openvasa_motion=np.int32(FORMAT_VERSION),
                pose=self.pose.astype(np.float32),
                dynamics=self.dynamics.astype(np.float32),
                fps=np.float64(self.fps),
                tongue=self.tongue.astype(np.float32),
            )
            data = buffer.getvalue()
        else:
            raise InputError(f"{path}: a motion file ends in .npz or .csv; rename it")
        partial = path.with_name(path.name + ".partial")
        try:
            partial.write_bytes(data)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise InputError(f"{path}: cannot write the motion ({error.strerror})") from error

    @staticmethod
    def load(path: str | Path) -> Motion:
        """Read a motion written by `save`, or a Live Link Face recording (`.csv`)."""
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file; check the path")
        motion = Motion.from_rows(*read_table(path)) if path.suffix == ".csv" else _read_npz(path)
        _check_usable(motion, path)
        return motion

    def resample(self, fps: float) -> Motion:
        """The same motion at another rate, by cubic interpolation between frames."""
        if fps == self.fps or len(self) < 2:
            return replace(self, fps=fps)
        count = max(1, round(len(self) * fps / self.fps))
        at = (np.arange(count) + 0.5) * self.fps / fps - 0.5
        return Motion.from_rows(interpolate(self.rows(), at), fps)

    def arkit(self) -> np.ndarray:
        """(T, 52) float32 blendshapes in 0–1, in the order of `BLENDSHAPE_NAMES`."""
        return dynamics_code().read_arkit(self.dynamics)


def _read_npz(path: Path) -> Motion:
    try:
        with np.load(path, allow_pickle=False) as data:
            if int(data["openvasa_motion"]) != FORMAT_VERSION:
                raise InputError(f"{path}: written by another version; generate it again")
            # Files written before the tongue was in them have it at rest.
            tongue = data["tongue"] if "tongue" in data else np.zeros(0, np.float32)
            return Motion(data["pose"], data["dynamics"], float(data["fps"]), tongue)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path}: not a motion file; use one that Motion.save wrote") from error


def _check_usable(motion: Motion, path: Path) -> None:
    size = dynamics_code().size
    if motion.dynamics.shape[1] != size:
        raise InputError(
            f"{path}: has {motion.dynamics.shape[1]} dynamics codes where this version has "
            f"{size}; generate it again"
        )
    if not len(motion) or not 0 < motion.fps < 1000:
        raise InputError(f"{path}: {len(motion)} frames at {motion.fps:g} fps; generate it again")
    if not np.isfinite(motion.rows()).all():
        raise InputError(f"{path}: holds numbers that are not finite; generate it again")
