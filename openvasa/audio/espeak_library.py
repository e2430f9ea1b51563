"""A program that speaks with the library of eSpeak NG and can tell when it says which sound.

    echo Hello | python -m openvasa.audio.espeak_library en-us > hello.wav
    echo Hello | python -m openvasa.audio.espeak_library en-us hello.json > hello.wav

The library is the one that the package `espeakng-loader` brings, else the system's. A process of
its own: the library keeps its state in globals, and may hang or crash by itself.
"""

from __future__ import annotations

import ctypes
import json
import sys
import wave
from ctypes.util import find_library
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

_SYNCHRONOUS, _UTF8 = 2, 1
_TELL_PHONES, _IN_IPA = 1, 2
_LAST_EVENT, _PHONE_EVENT = 0, 7


class _Name(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """`espeak_EVENT` of `speak_lib.h`."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    )


def main(language: str, phones: str | None = None) -> int:
    """Read text on standard input and write a WAV to standard output.

    Args:
        language: name of the voice.
        phones: file that the sounds are written to as a JSON list of [IPA name, start in seconds].
    """
    library, data = _load()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _TELL_PHONES | _IN_IPA)
    if rate < 0 or library.espeak_SetVoiceByName(language.encode()) != 0:
        print(f"no eSpeak voice {language}", file=sys.stderr)
        return 1
    spoken, told = bytearray(), []
    callback_type = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
    )

    def take(samples, count: int, events) -> int:
        if samples:
            spoken.extend(ctypes.string_at(samples, 2 * count))
        index = 0
        while events and events[index].type != _LAST_EVENT:
            event = events[index]
            if event.type == _PHONE_EVENT:
                told.append([event.id.string.decode("utf-8", "ignore"), event.sample / rate])
            index += 1
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
    if phones:
        Path(phones).write_text(json.dumps(told), encoding="utf-8")
    return 0


def _load() -> tuple[ctypes.CDLL, bytes | None]:
    """The library, and where its data lies; None for where it looks by itself."""
    if find_spec("espeakng_loader"):
        loader = import_module("espeakng_loader")
        return ctypes.CDLL(loader.get_library_path()), str(loader.get_data_path()).encode()
    return ctypes.CDLL(find_library("espeak-ng") or "libespeak-ng.so.1"), None


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
