"""Measure whether a driven portrait does what its driver does.

    openvasa evaluate drive CLIPS

The first frame of a held-out clip is the portrait and the clip drives it, as `openvasa drive` does.
Rendered frames are tracked like the clip's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.capture.footage import file_frames
from openvasa.capture.retargeting import motion_of
from openvasa.capture.tracking import track_driver
from openvasa.data.clip_list import INDEX, Clip, Kind, Split, face_height, read_clip_list, read_rows
from openvasa.errors import InputError
from openvasa.evaluate.render import LEAST_FACE_PX
from openvasa.face.canonical import fit_head
from openvasa.face.encode import cut_square, encode_picture
from openvasa.face.landmarker import MIN_PRESENCE, follow_face
from openvasa.motion.geometry import geometry_at
from openvasa.render.warp_renderer import WarpRenderer

FRAMES = 100
"""Frames of a clip, at most."""
EVERY = 5
"""Of so many frames one is drawn and measured."""
EYES = [33, 263]
"""Outer corners of the eyes."""
WAYS = ("absolute", "relative", "held still")


@dataclass(frozen=True)
class DriveErrors:
    """What one way to drive a portrait leaves between it and the clip, means over a clip.

    Attributes:
        landmarks: distance of the landmarks, % of the distance of the eyes' outer corners.
        pose: angle between the heads, degrees.
    """

    landmarks: float
    pose: float


def measure_drive(clips: Path, people: int | None = None) -> list[dict[str, DriveErrors]]:
    """Errors of each of `WAYS` for one sharp clip of each held-out person.

    Args:
        clips: a folder with a clip list.
        people: only the first so many; everyone when None.

    Raises:
        InputError: the list has no such clip.
    """
    chosen = _sharp_clips(clips)[:people]
    if not chosen:
        raise InputError(f"{clips}: holds no sharp held-out clip; add some (docs/data.md)")
    return [
        _measure_clip(clips / f"{clip.name}.mp4")
        for clip in tqdm(chosen, desc="drive", unit="clip")
    ]


def drive_report(errors: list[dict[str, DriveErrors]]) -> str:
    """A table of the means over the clips."""
    lines = [
        f"clips: {len(errors)}",
        "| head pose | landmarks, % of the eyes' distance | angle of the head, ° |",
        "|---|---|---|",
    ]
    for way in WAYS:
        landmarks, pose = (
            np.mean([getattr(clip[way], part) for clip in errors]) for part in ("landmarks", "pose")
        )
        lines.append(f"| {way} | {landmarks:.1f} | {pose:.1f} |")
    return "\n".join(lines)


def _sharp_clips(clips: Path) -> list[Clip]:
    heights = {Path(row["file"]).stem: face_height(row, clips / INDEX) for row in read_rows(clips)}
    people: dict[str, Clip] = {}
    for clip in read_clip_list(clips):
        sharp = heights[clip.name] >= LEAST_FACE_PX
        if clip.split == Split.TEST and clip.kind == Kind.REAL and sharp:
            people.setdefault(clip.group, clip)
    return list(people.values())


def _measure_clip(path: Path) -> dict[str, DriveErrors]:
    timed = list(islice(file_frames(path, None), FRAMES))
    face = encode_picture(timed[0][1], name=str(path))
    track = track_driver(timed, str(path))
    absolute, relative = (motion_of(track, portrait).rows() for portrait in (face, None))
    ways = dict(zip(WAYS, (absolute, relative, absolute * 0), strict=True))
    # Rows are 25 a second, whatever the clip's rate; a real clip of the list has that rate.
    numbers = range(EVERY, min(len(timed), len(track)), EVERY)
    real = [cut_square(timed[number][1], face.crop) for number in numbers]
    renderer = WarpRenderer(face)
    made = {
        way: [renderer.render(geometry_at(face, rows[number])).copy() for number in numbers]
        for way, rows in ways.items()
    }
    return {way: _compare(real, frames) for way, frames in made.items()}


def _compare(real: list[np.ndarray], made: list[np.ndarray]) -> DriveErrors:
    landmarks, angles = [], []
    for pair in zip(real, made, strict=True):
        first, second = (follow_face(picture, None) for picture in pair)
        if first is None or second is None or min(first.presence, second.presence) < MIN_PRESENCE:
            continue
        a, b = first.landmarks, second.landmarks
        eyes = np.linalg.norm(np.diff(a[EYES, :2], axis=0))
        landmarks.append(100 * np.linalg.norm((a - b)[:, :2], axis=1).mean() / eyes)
        turn = fit_head(a).rotation.T @ fit_head(b).rotation
        angles.append(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
    return DriveErrors(float(np.mean(landmarks)), float(np.mean(angles)))
