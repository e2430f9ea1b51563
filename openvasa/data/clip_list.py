"""The list of talking clips, `clips.jsonl`; docs/data.md says what its fields are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from openvasa.errors import InputError, check_choice

INDEX = "clips.jsonl"


class Split(str, Enum):
    """Whether a clip's person may be trained on."""

    TRAIN = "train"
    TEST = "test"


class Kind(str, Enum):
    """Who made a clip: a camera, or another audio-driven system."""

    REAL = "real"
    GENERATED = "generated"


_Choice = TypeVar("_Choice", Split, Kind)


@dataclass(frozen=True)
class Clip:
    """One line of the clip list.

    Attributes:
        name: file stem, also the name in the cache.
        split: whether its person may be trained on.
        group: clips of the same group probably share the person.
        kind: who made it.
        sound: the sound track is there and goes with the picture.
        source: where the clip comes from; empty where the list does not say.
    """

    name: str
    split: Split
    group: str
    kind: Kind
    sound: bool
    source: str


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """The fields of each clip on the folder's clip list.

    Raises:
        InputError: the folder holds none.
    """
    index = folder / INDEX
    if not index.is_file():
        raise InputError(f"{folder}: holds no {INDEX}; give the folder with the clip list")
    return [json.loads(line) for line in index.read_text("utf-8").splitlines() if line.strip()]


def read_clip_list(folder: Path) -> list[Clip]:
    """Read `clips.jsonl`; sound whose pairing with the picture is doubtful counts as absent.

    A clip to train on is left out where its person is also among those never trained on.

    Raises:
        InputError: the folder holds none, or a line has an unknown split or kind.
    """
    clips = []
    for row in read_rows(folder):
        offset, confidence = row.get("av_offset"), row.get("av_confidence")
        paired = offset is None or (
            abs(offset) <= 2 and (row["seconds"] < 3 or (confidence or 0) >= 1)
        )
        clips.append(
            Clip(
                name=Path(row["file"]).stem,
                split=_read_choice(Split, row, "split"),
                group=row["group"],
                kind=_read_choice(Kind, row, "kind"),
                sound=bool(row["sound"]) and paired,
                source=row.get("source", ""),
            )
        )
    tested = {clip.group for clip in clips if clip.split == Split.TEST}
    return [clip for clip in clips if clip.split == Split.TEST or clip.group not in tested]


def face_height(row: dict, index: Path) -> int:
    """Height of the face in the recording that a line of the clip list is of, px.

    Args:
        row: the fields of the line.
        index: the clip list, for the message.

    Raises:
        InputError: the line does not say it.
    """
    if "native_face_px" not in row:
        raise InputError(f"{index}: {row['file']} has no native_face_px; add it (docs/data.md)")
    return int(row["native_face_px"])


def _read_choice(choices: type[_Choice], row: dict[str, Any], field: str) -> _Choice:
    check_choice(f"{row['file']}: {field}", row[field], [choice.value for choice in choices])
    return choices(row[field])
