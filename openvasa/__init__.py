"""OpenVASA: one portrait and a voice in, a lifelike talking face out.

>>> import openvasa
>>> face = openvasa.load_portrait("portrait.jpg")
>>> openvasa.animate(face, "voice.wav").save("talking.mp4")
"""

from __future__ import annotations

from openvasa.errors import InputError
from openvasa.face.encode import load_portrait
from openvasa.face.latent import FaceLatent
from openvasa.motion.generator import MotionSettings
from openvasa.motion.motion import Motion
from openvasa.video import Video, animate

__all__ = [
    "FaceLatent",
    "InputError",
    "Motion",
    "MotionSettings",
    "Video",
    "animate",
    "load_portrait",
]
