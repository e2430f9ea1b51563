"""The files that a trained learned latent lies in."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from openvasa.errors import InputError

ENCODER_FILE, DECODER_FILE = "encoder.onnx", "decoder.onnx"
POSE_INPUTS = ("rotation", "shift", "size")
ENCODER_INPUTS = ("source", *POSE_INPUTS)
DECODER_INPUTS = (
    *("volume", "still", "identity", "flow", "source"),
    *(f"source_{name}" for name in POSE_INPUTS),
    *("dynamics", *POSE_INPUTS),
)
NAME_FILE = "latent.json"
"""`About` it."""
MOTION_CODE_FILE = "motion_code.npz"
"""What the numbers of a row add to the dynamics code: `openvasa.train.latent_motion`."""
READING_FILE = "reading.npz"
"""How tracked points tell dynamics: `openvasa.train.latent_export`."""
FORMAT = 1
"""Of weights and exported networks; another one wherever their names, shapes or meaning change."""


@dataclass(frozen=True)
class About:
    """What a folder of weights says of itself.

    Attributes:
        config: name of the configuration.
        parts: files of weights.
        steps: they have learned.
        format: `FORMAT` of who wrote them; None where they say nothing of it.
    """

    config: str
    parts: int
    steps: int
    format: int | None = None

    def save(self, folder: Path) -> None:
        """Write `latent.json`, never by halves."""
        path = folder / NAME_FILE
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self)) + "\n", "utf-8")
        partial.replace(path)


def read_about(folder: Path) -> About:
    """What `About.save` wrote.

    Raises:
        InputError: the folder holds none.
    """
    path = folder / NAME_FILE
    if not path.is_file():
        raise InputError(f"{folder}: holds no {NAME_FILE}; train it by openvasa train latent")
    return About(**json.loads(path.read_text("utf-8")))


def check_format(folder: Path, about: About) -> None:
    """Refuse weights of another format; those without a number have to be known by their shapes.

    Raises:
        InputError: they are of another one.
    """
    if about.format not in (None, FORMAT):
        raise other_format(folder)


def other_format(folder: Path) -> InputError:
    """The error of weights that this version cannot use as they are."""
    return InputError(
        f"{folder}: its weights have another format; begin a new run with what fits of them, by "
        f"openvasa train latent CACHE CLIPS NEW_RUN --from {folder}"
    )


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write an .npz file that is never there by halves."""
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, **arrays)  # pyright: ignore[reportArgumentType]
    partial.replace(path)
