"""Stills of the clips' faces, cut around head and hat: what pictures of faces are learnt from.

A file of stills is small: 3 MB hold a hundred people.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from openvasa.data.clip_list import INDEX, Clip, Kind, Split, face_height, read_rows
from openvasa.data.prepare import cached_clips, load_track, track_file
from openvasa.errors import InputError
from openvasa.face.canonical import HeadTransform
from openvasa.face.occluders import cut_head
from openvasa.face.topology import POINTS
from openvasa.media.inspect import read_frames

WORN = "worn.json"
"""File beside the clip list that says who wears what: a list of names by group."""

STILL_SIDE = 320
"""Px of a still."""

MIN_FACE_PX = 110
"""Smaller faces, in px of the recording, are too blurred to learn edges from."""
CLIPS_PER_PERSON, STILLS_PER_CLIP = 2, 3
SEARCHED = 150
"""Frames at the beginning of a clip from which stills are taken."""
QUALITY = 85
"""Of JPEG."""


@dataclass(frozen=True)
class Stills:
    """Faces of one split.

    Attributes:
        pictures: JPEG files, one a still, STILL_SIDE px wide and high.
        landmarks: (N, 478, 3) float32 px of the still.
        groups: N person groups.
        worn: N sorted tuples of what the person wears, e.g. ("glasses",).
    """

    pictures: list[np.ndarray]
    landmarks: np.ndarray
    groups: list[str]
    worn: list[tuple[str, ...]]

    def __len__(self) -> int:
        """Number of stills."""
        return len(self.pictures)

    def picture(self, index: int) -> np.ndarray:
        """(STILL_SIDE, STILL_SIDE, 3) uint8 RGB."""
        picture = cv2.imdecode(self.pictures[index], cv2.IMREAD_COLOR)
        assert picture is not None
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

    def only(self, chosen: list[int]) -> Stills:
        """Some of the stills."""
        return Stills(
            [self.pictures[i] for i in chosen],
            self.landmarks[chosen],
            [self.groups[i] for i in chosen],
            [self.worn[i] for i in chosen],
        )

    def save(self, path: Path) -> None:
        """Write one `.npz`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.npz")
        np.savez_compressed(
            partial,
            pictures=np.concatenate(self.pictures),
            sizes=np.array([len(p) for p in self.pictures]),
            landmarks=self.landmarks.astype(np.float16),
            groups=np.array(self.groups),
            worn=np.array([" ".join(names) for names in self.worn]),
        )
        partial.replace(path)

    @staticmethod
    def load(path: Path) -> Stills:
        """Read a file of `save`."""
        with np.load(path) as data:
            ends = np.cumsum(data["sizes"])
            return Stills(
                np.split(data["pictures"], ends[:-1]),
                data["landmarks"].astype(np.float32),
                data["groups"].tolist(),
                [tuple(names.split()) for names in data["worn"].tolist()],
            )


def gather_stills(cache: Path, clips: Path, split: Split, file: Path) -> Stills:
    """The stills of a split, from `file` where they have been gathered before.

    Raises:
        InputError: no clip of the split shows a large enough face.
    """
    if file.exists():
        return Stills.load(file)
    found, worn = [], read_worn(clips)
    for clip in tqdm(_choose_clips(cache, clips, split), desc="stills", unit="clip"):
        found += [(clip.group, *still) for still in _cut_stills(cache, clips, clip)]
    if not found:
        raise InputError(f"{cache}: holds no sharp {split.value} clip; prepare some (docs/data.md)")
    groups, pictures, landmarks = (list(part) for part in zip(*found, strict=True))
    stills = Stills(pictures, np.stack(landmarks), groups, [worn.get(g, ()) for g in groups])
    stills.save(file)
    return stills


def read_worn(clips: Path) -> dict[str, tuple[str, ...]]:
    """What people wear, by group; who is not in it wears nothing of note."""
    path = clips / WORN
    if not path.exists():
        return {}
    return {
        group: tuple(sorted(names)) for group, names in json.loads(path.read_text("utf-8")).items()
    }


def _choose_clips(cache: Path, clips: Path, split: Split) -> list[Clip]:
    index = clips / INDEX
    heights = {Path(row["file"]).stem: face_height(row, index) for row in read_rows(clips)}
    by_group: dict[str, list[Clip]] = {}
    for clip in cached_clips(cache):
        usable = clip.split == split and clip.kind == Kind.REAL
        if usable and heights[clip.name] >= MIN_FACE_PX and track_file(cache, clip).exists():
            by_group.setdefault(clip.group, []).append(clip)
    chosen = []
    for group in sorted(by_group):
        ranked = sorted(by_group[group], key=lambda clip: -heights[clip.name])
        chosen += ranked[:CLIPS_PER_PERSON]
    return chosen


def _cut_stills(cache: Path, clips: Path, clip: Clip) -> list[tuple[np.ndarray, np.ndarray]]:
    """JPEG and (478, 3) landmarks of a few frames of a clip."""
    track = load_track(cache, clip)
    frames = list(islice(read_frames(clips / f"{clip.name}.mp4"), SEARCHED))
    if len(track.valid) < len(frames):  # The face was not there from the start.
        return []
    usable = np.flatnonzero(track.valid[: len(frames)])
    if len(usable) == 0:
        return []
    at = np.linspace(0, len(usable) - 1, STILLS_PER_CLIP + 2)[1:-1].round().astype(int)
    stills = []
    for frame in np.unique(usable[at]):
        scale = float(track.scale[frame])
        head = HeadTransform(track.rotation[frame], scale, track.translation[frame])
        still, affine = cut_head(frames[frame], head, STILL_SIDE)
        landmarks = head.apply(track.canonical[frame]) * affine[0, 0]
        landmarks[:, :2] += affine[:, 2]
        bgr = cv2.cvtColor(still, cv2.COLOR_RGB2BGR)
        jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
        stills.append((jpeg.ravel(), landmarks))
    assert all(points.shape == (POINTS, 3) for _, points in stills)
    return stills
