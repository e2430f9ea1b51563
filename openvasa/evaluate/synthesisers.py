"""Programs that speak many languages, of two kinds: computed formants, and recorded voices.

All are Debian packages but for eSpeak NG's library, which a wheel brings too. A language's
recorded voices must be compared with English's recorded voices, and formants with formants. For
German, French, Spanish, Arabic and Chinese no recorded voice is among Debian's free packages.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from openvasa.audio.decode import read_blocks
from openvasa.data.spoken import Phones, speak, speak_espeak
from openvasa.errors import InputError

ESPEAK_VARIANTS = ("m3", "f2", "m7", "f4")
"""Two men and two women, the same in every language."""
LONGEST_SECONDS = 60
"""After which a program is taken to hang."""
_HTS_VOICES = Path("/usr/share/hts-voice")


class Kind(str, Enum):
    """How a voice is made."""

    FORMANT = "formants"
    RECORDED = "recorded"


@dataclass(frozen=True)
class Said:
    """One sentence.

    Attributes:
        samples: (n,) float32, mono at 16 kHz, at no particular level.
        phones: its sounds in IPA where the voice tells them, else none.
    """

    samples: np.ndarray
    phones: Phones


@dataclass(frozen=True)
class Synthesiser:
    """A voice that says sentences of one language; raises `InputError` where it is missing."""

    name: str
    kind: Kind
    say: Callable[[str], Said]


def synthesisers(espeak: str) -> list[Synthesiser]:
    """All voices of a language, installed or not; `espeak`: eSpeak NG's name of the language."""
    formants = [
        Synthesiser(f"espeak {variant}", Kind.FORMANT, partial(_espeak, f"{espeak}+{variant}"))
        for variant in ESPEAK_VARIANTS
    ]
    return formants + _RECORDED.get(espeak, [])


def _espeak(voice: str, text: str) -> Said:
    return Said(*speak_espeak(text, voice))


def _flite(voice: str, text: str) -> Said:
    return Said(speak(text, voice)[0], [])


def _festival(voice: str, package: str, encoding: str, text: str) -> Said:
    quoted = text.replace("\\", "").replace('"', "")
    script = (
        f'(voice_{voice})\n(utt.save.wave (utt.synth (Utterance Text "{quoted}")) "{{file}}")\n'
    )

    def command(file: Path) -> list[str]:
        source = file.with_suffix(".scm")
        source.write_bytes(script.replace("{file}", str(file)).encode(encoding, "replace"))
        return ["festival", "-b", str(source)]

    return Said(speak_with(command, package), [])


def _open_jtalk(text: str) -> Said:
    if sys.platform != "linux":
        raise InputError("open_jtalk: its dictionary is looked for where Debian puts it alone")
    dictionary = "/var/lib/mecab/dic/open-jtalk/naist-jdic"
    spec = find_spec("pyopenjtalk")
    folders = [_HTS_VOICES, *map(Path, (spec and spec.submodule_search_locations) or ())]
    found = (path for folder in folders for path in sorted(folder.rglob("*.htsvoice")))
    voices = [path for path in found if not path.name.startswith("LICENSE")]
    if not voices:
        raise InputError(f"open_jtalk needs a voice; put an .htsvoice under {_HTS_VOICES}")

    def command(file: Path) -> list[str]:
        source = file.with_suffix(".txt")
        source.write_text(text, encoding="utf-8")
        options = ["-x", dictionary, "-m", str(voices[0]), "-ow", str(file)]
        return ["open_jtalk", *options, str(source)]

    return Said(speak_with(command, "open-jtalk open-jtalk-mecab-naist-jdic"), [])


def speak_with(command: Callable[[Path], Sequence[str]], package: str) -> np.ndarray:
    """What a speaking program writes to a file, (n,) float32 at 16 kHz.

    Args:
        command: the command line that speaks to a file, the program's name first.
        package: Debian's, with the program and its voice.

    Raises:
        InputError: the program or its voice is missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        name, *arguments = command(path)
        program = shutil.which(name)
        if program is None:
            raise InputError(f"needs {name}; run apt-get install {package}")
        try:
            done = subprocess.run(
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LONGEST_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise InputError(
                f"{name} hangs at a sentence; run apt-get install {package}"
            ) from error
        if done.returncode or not path.is_file():
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            reason = lines[0] if lines else "it wrote nothing"
            raise InputError(f"{name} cannot speak it ({reason}); run apt-get install {package}")
        return np.concatenate(list(read_blocks(path)))


def _recorded(name: str, say: Callable[[str], Said]) -> Synthesiser:
    return Synthesiser(name, Kind.RECORDED, say)


def _of_festival(voice: str, package: str, encoding: str = "utf-8") -> Synthesiser:
    return _recorded(f"festival {voice}", partial(_festival, voice, package, encoding))


_RECORDED = {
    "en-us": [
        *(_recorded(f"flite {voice}", partial(_flite, voice)) for voice in ("rms", "awb", "slt")),
        _of_festival("kal_diphone", "festvox-kallpc16k"),
        _of_festival("cmu_us_slt_arctic_hts", "festvox-us-slt-hts"),
    ],
    "it": [
        _of_festival("lp_diphone", "festvox-italp16k", "latin-1"),
        _of_festival("pc_diphone", "festvox-itapc16k", "latin-1"),
    ],
    "cs": [
        _of_festival(f"czech_{voice}", f"festvox-czech-{voice}", "iso-8859-2")
        for voice in ("ph", "dita", "machac")
    ],
    "ru": [_of_festival("msu_ru_nsh_clunits", "festvox-ru")],
    "hi": [_of_festival("hindi_NSK_diphone", "festvox-hi-nsk")],
    "ja": [_recorded("open_jtalk", _open_jtalk)],
}
"""By eSpeak NG's name of the language."""
