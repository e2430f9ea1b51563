"""Draw portraits turned, nodding, with a wide and with a rounded mouth: sheets to look at.

    python scripts/draw_poses.py portraits/*.jpg -o sheets --size 1024

writes a row of pictures for each portrait into the folder, shown at half their size.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from openvasa import load_portrait
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.face.frame import choose_frame, put_in_frame
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.face.latent import FaceLatent, FrameGeometry, pose_face
from openvasa.render.shipped import shipped_renderer

YAW, PITCH = np.radians(20.0), np.radians(15.0)
SHAPES: tuple[tuple[float, float, Mapping[str, float]], ...] = (
    (0, 0, {}),
    (0, -YAW, {}),
    (0, YAW, {}),
    (-PITCH, 0, {}),
    (PITCH, 0, {}),
    (0, 0, {"jawOpen": 0.7}),
    (0, 0, {"mouthPucker": 0.8, "mouthFunnel": 0.4}),
)
"""Pitch and yaw, rad, and blendshapes."""


def pose(face: FaceLatent, pitch: float, yaw: float, shape: Mapping[str, float]) -> FrameGeometry:
    """A portrait's geometry with the head turned and blendshapes set."""
    weights = np.array([shape.get(name, 0.0) for name in BLENDSHAPE_NAMES], np.float32)
    code = dynamics_code()
    change = code.decode(code.from_arkit(weights[None]))[0]
    return pose_face(face, np.array([pitch, yaw, 0, 0, 0, 0], np.float32), change)


def draw_row(path: Path, size: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB: one portrait in all of `SHAPES`, side by side, at half the size."""
    face = load_portrait(path, anyway=True)
    face = put_in_frame(face, choose_frame(face, size=size))
    renderer = shipped_renderer(face)
    frames = [renderer.render(pose(face, *shape)) for shape in SHAPES]
    half = (size // 2, size // 2)
    return np.hstack([cv2.resize(f, half, interpolation=cv2.INTER_AREA) for f in frames])


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw portraits in seven poses.")
    parser.add_argument("portraits", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the sheets")
    parser.add_argument("--size", type=int, default=1024, help="px of a frame (default: 1024)")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for path in options.portraits:
        try:
            row = draw_row(path, options.size)
        except InputError as error:
            print(error, file=sys.stderr)
            continue
        cv2.imwrite(str(options.output / f"{path.stem}.jpg"), row[..., ::-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
