"""Write a trained motion generator into the package: its network and the space it works in.

The space says what to ask for, so that speakers show their styles (`train.style_response`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from openvasa.assets import ASSETS
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.backend import load_onnx
from openvasa.data.clip_list import Clip
from openvasa.data.talking_clips import TalkingClip
from openvasa.motion.window_network import NETWORK_FILE, SPACE_FILE, MotionSpace, WindowNetwork
from openvasa.train.onnx_weights import quantise
from openvasa.train.speakers import find_speakers
from openvasa.train.speech_motion_data import real_clips
from openvasa.train.speech_motion_network import MotionNetwork, NetworkConfig
from openvasa.train.style_response import (
    measure_response,
    speak_in_files,
    speak_in_streams,
)
from openvasa.train.style_scale import StyleScale
from openvasa.train.trainer import Weights, load_settings, load_weights

OPSET = 20
"""The first in which GELU is one operator, not ten."""
SPACE_NAME = "space.npz"
"""The motion space in a run."""
THREADS = 2
"""CPU threads that the response to styles is measured with."""
OPEN_AXES = {"noisy": "n", "mean": "n", "velocity": "n", "audio": "frames"}
"""Second axes that are left open."""


def export(
    run: Path,
    learnt: list[TalkingClip],
    sound_of: Callable[[Clip], np.ndarray],
    which: Weights = "best",
    folder: Path = ASSETS,
) -> MotionSpace:
    """Write a run's averaged weights, in eight bits, and its motion space.

    Args:
        run: of `openvasa train motion`.
        learnt: clips that the run learnt from.
        sound_of: (n,) float32 levelled samples at 16 kHz of one of them.
        which: of its weights.
        folder: to write into; the package's assets are what ships.

    Returns:
        The motion space as written.
    """
    network = MotionNetwork(NetworkConfig(**load_settings(run)["network"]))
    network.load_state_dict(load_weights(run, which))
    path = folder / NETWORK_FILE.name
    write_onnx(network.eval(), path)
    quantise(path)
    written = load_onnx(path, threads=THREADS, by_rows=True)
    asked = WindowNetwork(written, MotionSpace.load(run / SPACE_NAME))
    space = measure_responses(asked, real_clips(learnt), sound_of)
    space.save(folder / SPACE_FILE.name)
    return space


def measure_responses(
    network: WindowNetwork, clips: list[TalkingClip], sound_of: Callable[[Clip], np.ndarray]
) -> MotionSpace:
    """The motion space of a network, with what to ask it for in files and in streams.

    Args:
        network: as it is written.
        clips: real ones that it learnt from.
        sound_of: as for `export`.
    """
    scale, encoder = StyleScale.fit(clips), MoonshineEncoder()
    speaking = find_speakers(clips, encoder)
    files, streams = (
        measure_response(speak, speaking, scale)
        for speak in (
            speak_in_files(network, encoder),
            speak_in_streams(network, encoder, sound_of),
        )
    )
    return replace(network.space, in_files=files, in_streams=streams)


def write_onnx(network: MotionNetwork, path: Path) -> None:
    """Write a network as ONNX in full precision; batch and window's length are open."""
    config, rows, frames = network.config, 2, 8
    channels = config.motion_dim
    inputs = {
        "noisy": torch.zeros(rows, frames, channels),
        "time": torch.zeros(rows),
        "mean": torch.zeros(rows, frames, channels),
        "recent": torch.zeros(rows, config.recent, channels),
        "blocks": torch.zeros(rows, config.blocks, channels),
        "known": torch.zeros(rows, config.blocks),
        "audio": torch.zeros(rows, config.recent + frames, config.feature_dim),
        "style": torch.zeros(rows, config.style_dim),
        "has_history": torch.zeros(rows),
        "has_audio": torch.zeros(rows),
        "has_style": torch.zeros(rows),
    }
    axes = {
        name: {0: "rows"} | ({1: OPEN_AXES[name]} if name in OPEN_AXES else {})
        for name in [*inputs, "velocity"]
    }
    torch.onnx.export(
        network,
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=["velocity"],
        opset_version=OPSET,
        dynamic_axes=axes,
        dynamo=False,
    )
