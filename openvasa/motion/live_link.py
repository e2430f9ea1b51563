"""Tables of the Live Link Face app: blendshapes and head angles, a line a frame."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from openvasa.errors import InputError
from openvasa.face.canonical import POSE_DIM, TURN
from openvasa.face.dynamics import dynamics_code
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.motion.resample import interpolate
from openvasa.motion.row import Row

LIVE_LINK_SHAPES = (
    ["EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft"]
    + ["EyeSquintLeft", "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight"]
    + ["EyeLookOutRight", "EyeLookUpRight", "EyeSquintRight", "EyeWideRight", "JawForward"]
    + ["JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel", "MouthPucker"]
    + ["MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft"]
    + ["MouthFrownRight", "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft"]
    + ["MouthStretchRight", "MouthRollLower", "MouthRollUpper", "MouthShrugLower"]
    + ["MouthShrugUpper", "MouthPressLeft", "MouthPressRight", "MouthLowerDownLeft"]
    + ["MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft"]
    + ["BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff"]
    + ["CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut"]
)
LIVE_LINK_HEAD = ["HeadYaw", "HeadPitch", "HeadRoll"]
LIVE_LINK_EYES = ["LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll"] + [
    "RightEyeYaw",
    "RightEyePitch",
    "RightEyeRoll",
]
LIVE_LINK_COLUMNS = [
    "Timecode",
    "BlendshapeCount",
    *LIVE_LINK_SHAPES,
    *LIVE_LINK_HEAD,
    *LIVE_LINK_EYES,
]
"""Column names of a Live Link Face recording; angles are in radians there."""


def write_table(shapes: np.ndarray, pose: np.ndarray, fps: float) -> str:
    """The text of a recording.

    Args:
        shapes: (T, 52) blendshapes, in the order of `BLENDSHAPE_NAMES`.
        pose: (T, 6) head pose.
        fps: frames a second.
    """
    # Imported here: few need it, and it takes a third of a second.
    from scipy.spatial.transform import Rotation

    columns = [name.lower() for name in BLENDSHAPE_NAMES]
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(LIVE_LINK_COLUMNS)
    for frame in range(len(pose)):
        values = [
            shapes[frame, columns.index(name.lower())] if name.lower() in columns else 0.0
            for name in LIVE_LINK_SHAPES
        ]
        yaw, pitch, roll = Rotation.from_rotvec(pose[frame, TURN]).as_euler("YXZ")
        numbers = [*values, -yaw, pitch, roll, *[0.0] * len(LIVE_LINK_EYES)]
        writer.writerow(
            [_timecode(frame, fps), len(LIVE_LINK_SHAPES), *(f"{v:.6f}" for v in numbers)]
        )
    return rows.getvalue()


def read_table(path: Path) -> tuple[np.ndarray, float]:
    """Read a recording.

    Returns:
        (T, 6 + D) float32 motion without a tongue, and its frames a second.

    Raises:
        InputError: the file is no such table.
    """
    # Imported here: few need it, and it takes a third of a second.
    from scipy.spatial.transform import Rotation

    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        names = {name.lower(): name for name in rows[0]}
        shapes = np.zeros((len(rows), len(BLENDSHAPE_NAMES)), np.float32)
        for index, name in enumerate(BLENDSHAPE_NAMES):
            column = names.get(name.lower())
            if column is not None:
                shapes[:, index] = [float(row[column]) for row in rows]
        angles = [[float(row[names[n.lower()]]) for n in LIVE_LINK_HEAD] for row in rows]
        timecodes = [row["Timecode"] for row in rows]
        fps = _recording_rate(timecodes)
        times = np.array([_seconds(code, fps) for code in timecodes])
    except (KeyError, ValueError, IndexError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: not a Live Link Face table; it needs the columns Timecode, HeadYaw, "
            "HeadPitch, HeadRoll and the blendshapes"
        ) from error
    euler = np.asarray(angles) * [-1, 1, 1]
    pose = np.zeros((len(rows), POSE_DIM), np.float32)
    pose[:, TURN] = Rotation.from_euler("YXZ", euler).as_rotvec()
    code = dynamics_code()
    rest = code.read_arkit(np.zeros(code.size, np.float32))
    motion = Row(pose, code.from_arkit(shapes - rest)).join()
    if len(rows) > 1:
        # Recorders drop frames; the timecodes say where.
        count = round((times[-1] - times[0]) * fps) + 1
        index = np.interp(np.arange(count) / fps, times - times[0], np.arange(len(rows)))
        motion = interpolate(motion, index)
    return motion, fps


def _timecode(frame: int, fps: float) -> str:
    whole, part = divmod(frame, max(1, round(fps)))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{part:02d}.000"


def _seconds(timecode: str, fps: float) -> float:
    hours, minutes, seconds, frames = timecode.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(frames) / fps


def _recording_rate(timecodes: list[str]) -> float:
    """Frames a second of a recording: the frame numbers count up to just below the rate."""
    highest = max(float(code.split(":")[3]) for code in timecodes)
    for fps in (24.0, 25.0, 30.0, 48.0, 50.0, 60.0):
        if highest < fps:
            return fps
    raise ValueError("unknown frame rate")
