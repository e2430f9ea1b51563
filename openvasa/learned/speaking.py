"""Motion generated in the learned latent itself: `openvasa animate --renderer latent:RUN`.

The network that `openvasa train motion --latent RUN` made predicts head pose and learned dynamics;
window loop and sampler are those of the shipped generator. Its rows look like any others, but their
numbers are of the learned code. `LearnedRenderer` reads them back out of the geometry, which is
linear in them; every other renderer would draw grimaces.
"""

from __future__ import annotations

from pathlib import Path

from openvasa.backend import load_onnx
from openvasa.errors import InputError
from openvasa.learned.files import MOTION_CODE_FILE
from openvasa.motion.amount import Amount
from openvasa.motion.controls import Controls
from openvasa.motion.correction import CORRECTIONS
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.motion.window_network import NETWORK_FILE, SPACE_FILE, MotionSpace, WindowNetwork

GEOMETRIC_CORRECTIONS = tuple(correction.name for correction in CORRECTIONS)
"""All of them move lips by the geometric code."""


def latent_motion(run: Path, settings: MotionSettings, threads: int = 2) -> SpeechMotion:
    """The motion model in the latent of a run.

    Raises:
        InputError: the run holds none, or the settings ask for what only the geometric code knows.
    """
    for name in (MOTION_CODE_FILE, NETWORK_FILE.name, SPACE_FILE.name):
        if not (run / name).is_file():
            raise InputError(
                f"{run}: holds no {name}; write it by openvasa train motion CACHE MOTION --latent "
                f"{run} --clips CLIPS"
            )
    if settings.controls != Controls() or settings.amount != Amount():
        raise InputError(
            "controls: motion in the learned latent has none; leave them out, or take learned:RUN"
        )
    network = load_onnx(run / NETWORK_FILE.name, threads=threads, by_rows=True)
    space = MotionSpace.load(run / SPACE_FILE.name)
    return SpeechMotion(
        settings,
        threads=threads,
        without=GEOMETRIC_CORRECTIONS,
        network=WindowNetwork(network, space),
    )
