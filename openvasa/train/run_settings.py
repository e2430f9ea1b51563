"""The settings of a run, kept in its folder so that another start has the same."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from openvasa.errors import InputError

CONFIG_FILE = "config.json"


def keep_settings(
    run: Path,
    parts: Mapping[str, Mapping[str, Any]],
    *,
    begun: bool,
    free: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Write the settings of a run, or refuse to go on with others.

    Args:
        run: the folder, made where there is none.
        parts: settings by part and name; values that JSON can hold.
        begun: the folder holds work that was done with the settings in it.
        free: names by part of settings that may change in a run that has begun.

    Raises:
        InputError: the run has begun with others.
    """
    run.mkdir(parents=True, exist_ok=True)
    path = run / CONFIG_FILE
    # What JSON makes of it, so that tuples compare as lists.
    now = json.loads(json.dumps({part: dict(settings) for part, settings in parts.items()}))
    if begun and path.exists():
        before = json.loads(path.read_text("utf-8"))
        for part, settings in now.items():
            kept, changeable = before.get(part, {}), (free or {}).get(part, ())
            for name in sorted(kept.keys() | settings.keys()):
                was, wanted = kept.get(name), settings.get(name)
                if was != wanted and name not in changeable:
                    raise InputError(
                        f"{run}: was trained with {name} {was}, not {wanted}; give another RUN"
                    )
    write_whole(path, json.dumps(now, indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a file that is never there by halves."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)
