"""The learned latent as a renderer: `openvasa animate --renderer learned:RUN`.

Geometry drives it: the head pose goes to the warps as it is, and the change of the tracked points
against the portrait's own is read as a change of the dynamics code. Torch is not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from openvasa.backend import Network, onnx_session, run_session
from openvasa.errors import InputError
from openvasa.face.canonical import HeadTransform
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.learned.config import find_config
from openvasa.learned.files import (
    DECODER_FILE,
    DECODER_INPUTS,
    ENCODER_FILE,
    ENCODER_INPUTS,
    MOTION_CODE_FILE,
    NAME_FILE,
    READING_FILE,
    check_format,
    read_about,
)
from openvasa.learned.points import FEATURES
from openvasa.motion.drawing import meant_codes
from openvasa.render.renderer import Renderer, RendererFactory
from openvasa.runtime import get_runtime

BATCH = 8
"""Frames that the decoder draws at once."""
Numbers = tuple[np.ndarray, np.ndarray, np.ndarray]
"""A head pose as the networks take it; see `openvasa.learned.pose.Pose`."""


def learned_renderer(run: Path, *, own_motion: bool = False) -> RendererFactory:
    """What prepares a portrait for the network of a run.

    Args:
        run: folder of the exported network.
        own_motion: rows of motion carry numbers of the learned code, not of the geometric one.

    Raises:
        InputError: the run holds no exported network, or weights of another format.
    """
    wanted = [NAME_FILE, ENCODER_FILE, DECODER_FILE, READING_FILE]
    for name in wanted:
        if not (run / name).is_file():
            raise InputError(
                f"{run}: holds no {name}; write it by openvasa train latent-export CACHE CLIPS RUN"
            )
    check_format(run, read_about(run))
    return lambda face: LearnedRenderer(face, run, own_motion=own_motion)


class LearnedRenderer(Renderer):
    """Draws square frames at the network's own side, in batches.

    Args:
        face: the portrait, in a square crop.
        run: folder of the exported network.
        own_motion: see `learned_renderer`.

    Raises:
        InputError: the crop is not square, or the network was exported in another format.
    """

    batch = BATCH

    def __init__(self, face: FaceLatent, run: Path, *, own_motion: bool = False) -> None:
        width, height = face.size
        if width != height:
            raise InputError(
                f"renderer: the learned one draws squares, not {width} × {height} px; "
                "choose no other shape and not the whole picture",
                parameters=("aspect", "full_frame"),
            )
        side = find_config(read_about(run).config).side
        self._width, self._start = width, face.neutral
        with np.load(run / READING_FILE) as data:
            reading = data["matrix"].astype(np.float32)
        self._read = partial(_read_points, reading=reading)
        if own_motion:
            with np.load(run / MOTION_CODE_FILE) as data:
                self._read = partial(_read_numbers, directions=data["directions"])
        picture = cv2.resize(face.image, (side, side), interpolation=cv2.INTER_AREA)
        source = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / 255
        pose = self._numbers(face.head)
        *seen, shown = _load(run, ENCODER_FILE, ENCODER_INPUTS)(source, *pose)
        # Of the resting face, from which motion starts.
        own = (face.canonical - face.neutral)[FEATURES]
        self._rest = shown - own.ravel() @ reading
        self._appearance = (*seen, source, *pose)
        self._decode = _load(run, DECODER_FILE, DECODER_INPUTS)

    def twin(self) -> LearnedRenderer:
        """Itself: threads may share it."""
        return self

    def render(self, geometry: FrameGeometry) -> np.ndarray:
        """(S, S, 3) uint8 RGB frame, S being the network's side."""
        return self.render_many([geometry])[0]

    def render_many(self, geometries: Sequence[FrameGeometry]) -> list[np.ndarray]:
        """Frames as `render` draws them, by one pass of the decoder."""
        changes = np.stack([geometry.canonical for geometry in geometries]) - self._start
        dynamics = (self._rest + self._read(changes)).astype(np.float32)
        pose = self._numbers(*(geometry.head for geometry in geometries))
        (drawn,) = self._decode(*self._appearance, dynamics, *pose)
        frames = np.rint(np.clip(drawn.transpose(0, 2, 3, 1), 0, 1) * 255).astype(np.uint8)
        return list(frames)

    def _numbers(self, *heads: HeadTransform) -> Numbers:
        scale = 2 / self._width
        return (
            np.stack([head.rotation for head in heads]).astype(np.float32),
            np.stack([head.translation[:2] * scale - 1 for head in heads]).astype(np.float32),
            np.array([head.scale * scale for head in heads], np.float32),
        )


def _load(run: Path, file: str, inputs: Sequence[str]) -> Network:
    """An exported network; an export may be older than the weights beside it."""
    runtime = get_runtime()
    session = onnx_session(run / file, runtime.network_threads, runtime.device)
    if [node.name for node in session.get_inputs()] != list(inputs):
        raise InputError(
            f"{run / file}: was exported in another format; write it again by openvasa train "
            f"latent-export CACHE CLIPS {run}"
        )
    return run_session(session)


def _read_points(changes: np.ndarray, reading: np.ndarray) -> np.ndarray:
    """(N, 478, 3) changes of the shape → (N, D) of the dynamics code, by tracked points.

    They are changes to be drawn by a warp, which shows less than it is given.
    """
    code = dynamics_code()
    drawn = code.encode(changes)
    changes = changes + code.decode(meant_codes(drawn) - drawn)
    return changes[:, FEATURES].reshape(len(changes), -1) @ reading


def _read_numbers(changes: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(N, 478, 3) changes that rows of the learned code were decoded to → (N, D) of that code."""
    return meant_codes(dynamics_code().encode(changes)) @ directions
