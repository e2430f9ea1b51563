"""What belongs to the weights of a motion network: `motion.json` beside `motion.onnx`, and so on.

Training writes the file when it exports weights, the runtime reads it when it loads them. Whoever
puts other weights there needs to change no source.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from openvasa.errors import InputError


@dataclass(frozen=True)
class Sampling:
    """How motion is sampled from a network; fitted to its weights by measuring."""

    steps: int
    """Network evaluations a window."""
    guided_every: int
    """Steps from one that evaluates the network without each guided condition to the next; those
    between go by what it said (the guidance cache of FasterCache, Lv et al., arXiv:2410.19355)."""
    audio_guidance: float
    """Scale of classifier-free guidance on the speech; 0 is none."""
    gaze_guidance: float
    """The same on gaze, where it is given."""
    emotion_guidance: float
    """The same on emotion, where it is given."""
    mouth_noise: float
    """Amplitude of the noise that a mouth is made of, against that of training: a low temperature.
    Speech says what a mouth does, so that most of what chance adds there is wrong."""
    lid_noise: float
    """The same of the opening of the lids, which decides how often they blink."""
    nearly_met: float
    """Lip gap below which lips go on to meet, canonical units."""
    pose_filter_frames: int
    """Window of the quadratic filter on head poses."""
    style_shift: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Added to the speaking style (mouth, head, brows, gaze), deviations."""


@dataclass(frozen=True)
class MotionConfig:
    """What a motion network is and how it is used.

    Attributes:
        name: of the weights, the stem of their files.
        encoder: name of the speech encoder whose features the network hears.
        feature_dim: dimension of those features.
        motion_dim: 6 + D, head pose and dynamics.
        style_dim: dimension of the speaking style.
        context: frames before a window that the network sees.
        window: frames of the longest window.
        width, layers, heads: of the transformer.
        sampling: how motion is sampled from it.
    """

    name: str
    encoder: str
    feature_dim: int
    motion_dim: int
    style_dim: int
    context: int
    window: int
    width: int
    layers: int
    heads: int
    sampling: Sampling

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=2) + "\n")
        partial.replace(path)


def load_motion_config(path: Path) -> MotionConfig:
    """Read what `MotionConfig.save` wrote.

    Raises:
        InputError: the file is not there, or not of this format.
    """
    if not path.exists():
        raise InputError(f"{path.name}: is missing beside its weights; export them again")
    saved = json.loads(path.read_text())
    _check_fields(path, saved, MotionConfig)
    sampling = saved.pop("sampling")
    _check_fields(path, sampling, Sampling)
    sampling["style_shift"] = tuple(sampling["style_shift"])
    return MotionConfig(**saved, sampling=Sampling(**sampling))


def _check_fields(path: Path, saved: dict[str, Any], kind: type[Any]) -> None:
    wanted = {field.name for field in fields(kind)}
    for name in sorted(wanted ^ saved.keys()):
        trouble = "has no" if name in wanted else "has an unknown"
        raise InputError(f"{path.name}: {trouble} {name}; export the weights again")
