"""A program that speaks with eSpeak NG as the package `espeakng-loader` brings it.

    echo Hello | python -m openvasa.live.espeak_library en-us > hello.wav

A process of its own: the library keeps its state in globals, and may hang or crash by itself.
"""

from __future__ import annotations

import ctypes
import sys
import wave
from importlib import import_module

_SYNCHRONOUS, _UTF8 = 2, 1


def main(language: str) -> int:
    """Read text on standard input and write a WAV to standard output."""
    loader = import_module("espeakng_loader")
    library = ctypes.CDLL(loader.get_library_path())
    data = str(loader.get_data_path()).encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
    if rate < 0 or library.espeak_SetVoiceByName(language.encode()) != 0:
        print(f"no eSpeak voice {language}", file=sys.stderr)
        return 1
    spoken = bytearray()
    callback_type = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
    )

    def take(samples, count: int, events: object) -> int:
        if samples:
            spoken.extend(ctypes.string_at(samples, 2 * count))
        return 0

    callback = callback_type(take)
    library.espeak_SetSynthCallback(callback)
    text = sys.stdin.buffer.read() + b"\0"
    library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 0, 0, _UTF8, None, None)
    with wave.open(sys.stdout.buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        # A program that writes to a pipe cannot go back to state the length.
        file.setnframes(len(spoken) // 2)
        file.writeframes(bytes(spoken))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
