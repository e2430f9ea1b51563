"""OpenVASA: one portrait and a voice in, a lifelike talking face out.

>>> import openvasa
>>> face = openvasa.load_portrait("portrait.jpg")
>>> openvasa.animate(face, "voice.wav").save("talking.mp4")

The public names stand in `__init__.pyi`, once for type checkers and for this file.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

__version__ = "0.1.0"


def _find_homes() -> dict[str, str]:
    """Public name → the module that it is imported from, as the stub beside this file says it."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [line for line in stub.body if isinstance(line, ast.ImportFrom)]
    return {name.name: f"{line.module}" for line in imports for name in line.names}


_HOMES = _find_homes()
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll] (they read the stub)


def __getattr__(name: str) -> object:
    # Imported on first use: inference engines take seconds, `openvasa --help` must not wait.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
