"""A clip list needs the fields that docs/data.md calls needed, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openvasa.data.clip_list import Split, read_clip_list
from openvasa.data.pairs import sharp_clips
from openvasa.errors import InputError
from openvasa.train.detector import train

NEEDED = {"file": "a.mp4", "seconds": 9.0, "kind": "real", "split": "train", "group": "g"}
NEEDED |= {"sound": True}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder whose list has one clip with the needed fields alone."""
    (tmp_path / "clips.jsonl").write_text(json.dumps(NEEDED))
    return tmp_path


def test_a_clip_needs_no_source(clips: Path) -> None:
    (clip,) = read_clip_list(clips)
    assert (clip.name, clip.sound, clip.source) == ("a", True, "")


def test_a_folder_without_a_list_is_refused(clips: Path) -> None:
    (clips / "clips.jsonl").unlink()
    for read in (read_clip_list, lambda folder: sharp_clips(folder, folder, Split.TRAIN)):
        with pytest.raises(InputError, match=r"holds no clips\.jsonl"):
            read(clips)


@pytest.mark.parametrize("field", ["split", "kind"])
def test_an_unknown_split_or_kind_is_refused(clips: Path, field: str) -> None:
    (clips / "clips.jsonl").write_text(json.dumps(NEEDED | {field: "other"}))
    with pytest.raises(InputError, match=rf"a\.mp4: {field} other: choose one of"):
        read_clip_list(clips)


def test_readers_of_sharp_clips_ask_for_the_height_of_the_face(clips: Path) -> None:
    with pytest.raises(InputError, match=r"a\.mp4 has no native_face_px"):
        sharp_clips(clips, clips, Split.TRAIN)
    with pytest.raises(InputError, match=r"a\.mp4 has no native_face_px"):
        train(clips, people=1)
