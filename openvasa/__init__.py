"""OpenVASA: one portrait and a voice in, a lifelike talking face out.

>>> import openvasa
>>> face = openvasa.load_portrait("portrait.jpg")
>>> openvasa.animate(face, "voice.wav").save("talking.mp4")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openvasa.errors import InputError
    from openvasa.face.encode import load_portrait
    from openvasa.face.latent import FaceLatent
    from openvasa.motion.controls import Controls, Curve
    from openvasa.motion.motion import Motion
    from openvasa.motion.window import MotionSettings
    from openvasa.provenance.embed import WatermarkEmbedder
    from openvasa.provenance.marking import UNMARKED, Marking
    from openvasa.provenance.read import read_watermark
    from openvasa.video import Video, animate

__all__ = [
    "UNMARKED",
    "Controls",
    "Curve",
    "FaceLatent",
    "InputError",
    "Marking",
    "Motion",
    "MotionSettings",
    "Video",
    "WatermarkEmbedder",
    "animate",
    "load_portrait",
    "read_watermark",
]

_HOMES = {
    "UNMARKED": "openvasa.provenance.marking",
    "Controls": "openvasa.motion.controls",
    "Curve": "openvasa.motion.controls",
    "FaceLatent": "openvasa.face.latent",
    "InputError": "openvasa.errors",
    "Marking": "openvasa.provenance.marking",
    "Motion": "openvasa.motion.motion",
    "MotionSettings": "openvasa.motion.window",
    "Video": "openvasa.video",
    "WatermarkEmbedder": "openvasa.provenance.embed",
    "animate": "openvasa.video",
    "load_portrait": "openvasa.face.encode",
    "read_watermark": "openvasa.provenance.read",
}


def __getattr__(name: str) -> object:
    # Imported on first use: inference engines take seconds, `openvasa --help` must not wait.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
