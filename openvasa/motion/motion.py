"""Motion: head pose and facial dynamics over time, the currency between generator and renderer."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from openvasa.errors import InputError
from openvasa.face.canonical import POSE_DIM, TURN
from openvasa.face.dynamics import dynamics_code
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.maths import hermite
from openvasa.motion.row import TONGUE_DIM, Row
from openvasa.rates import MOTION_RATE

FORMAT_VERSION = 1

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


@dataclass(frozen=True)
class Motion:
    """Head pose, facial dynamics and tongue at a fixed rate.

    Attributes:
        pose: (T, 6) float32 head pose as an offset from the portrait's own: rotation vector in
            the head's axes (rad), translation (face widths, x right and y down), log distance.
        dynamics: (T, D) float32 facial dynamics codes, zero at rest.
        fps: frames a second.
        tongue: (T, 2) float32, how far the tongue's tip is up at the ridge and out between the
            teeth, 0–1; at rest where none is given.
    """

    pose: np.ndarray
    dynamics: np.ndarray
    fps: float = MOTION_RATE
    tongue: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        """Check the shapes."""
        if self.tongue.size == 0:
            at_rest = np.zeros((len(self.pose), TONGUE_DIM), np.float32)
            object.__setattr__(self, "tongue", at_rest)
        if self.pose.ndim != 2 or self.pose.shape[1] != POSE_DIM:
            raise InputError(f"motion: pose has shape {self.pose.shape}; it must be (T, 6)")
        if self.dynamics.ndim != 2 or len(self.dynamics) != len(self.pose):
            raise InputError(
                f"motion: dynamics have shape {self.dynamics.shape}; it must be "
                f"({len(self.pose)}, D), a row for each pose"
            )
        if self.tongue.shape != (len(self.pose), TONGUE_DIM):
            raise InputError(
                f"motion: tongue has shape {self.tongue.shape}; it must be "
                f"({len(self.pose)}, {TONGUE_DIM}), a row for each pose"
            )

    @staticmethod
    def from_rows(rows: np.ndarray, fps: float = MOTION_RATE) -> Motion:
        """Motion from (T, 6 + D + 2) rows, or from (T, 6 + D), the tongue then at rest."""
        parts = Row.split(rows)
        return Motion(parts.pose, parts.codes, fps, parts.tongue)

    def rows(self) -> np.ndarray:
        """(T, 6 + D + 2) float32 rows, as generators make them."""
        return Row(self.pose, self.dynamics, self.tongue).join()

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.pose)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self) / self.fps

    def save(self, path: str | Path) -> None:
        """Write a `.npz` motion file, or a Live Link Face style table if `path` ends in .csv."""
        path = Path(path)
        if path.suffix == ".csv":
            data = self._live_link_table().encode()
        elif path.suffix == ".npz":
            buffer = io.BytesIO()
            np.savez_compressed(
                buffer,
                openvasa_motion=np.int32(FORMAT_VERSION),
                pose=self.pose.astype(np.float32),
                dynamics=self.dynamics.astype(np.float32),
                fps=np.float64(self.fps),
                tongue=self.tongue.astype(np.float32),
            )
            data = buffer.getvalue()
        else:
            raise InputError(f"{path}: a motion file ends in .npz or .csv; rename it")
        partial = path.with_name(path.name + ".partial")
        try:
            partial.write_bytes(data)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise InputError(f"{path}: cannot write the motion ({error.strerror})") from error

    @staticmethod
    def load(path: str | Path) -> Motion:
        """Read a motion written by `save`, or a Live Link Face recording (`.csv`)."""
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file; check the path")
        motion = _read_live_link(path) if path.suffix == ".csv" else _read_npz(path)
        _check_usable(motion, path)
        return motion

    def resample(self, fps: float) -> Motion:
        """The same motion at another rate, by cubic interpolation between frames."""
        if fps == self.fps or len(self) < 2:
            return replace(self, fps=fps)
        count = max(1, round(len(self) * fps / self.fps))
        at = (np.arange(count) + 0.5) * self.fps / fps - 0.5
        return Motion.from_rows(interpolate(self.rows(), at), fps)

    def arkit(self) -> np.ndarray:
        """(T, 52) float32 blendshapes in 0–1, in the order of `BLENDSHAPE_NAMES`."""
        return dynamics_code().read_arkit(self.dynamics)

    def _live_link_table(self) -> str:
        # Imported here: few need it, and it takes a third of a second.
        from scipy.spatial.transform import Rotation

        columns = [name.lower() for name in BLENDSHAPE_NAMES]
        shapes = self.arkit()
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerow(LIVE_LINK_COLUMNS)
        for frame in range(len(self)):
            values = [
                shapes[frame, columns.index(name.lower())] if name.lower() in columns else 0.0
                for name in LIVE_LINK_SHAPES
            ]
            yaw, pitch, roll = Rotation.from_rotvec(self.pose[frame, TURN]).as_euler("YXZ")
            numbers = [*values, -yaw, pitch, roll, *[0.0] * len(LIVE_LINK_EYES)]
            writer.writerow(
                [_timecode(frame, self.fps), len(LIVE_LINK_SHAPES), *(f"{v:.6f}" for v in numbers)]
            )
        return rows.getvalue()


def interpolate(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Catmull-Rom interpolation of (T, n) rows at fractional row numbers, ends held."""
    last = len(values) - 1
    at = np.clip(at, 0, last)
    low = np.minimum(at.astype(int), max(last - 1, 0))
    u = (at - low)[:, None].astype(np.float32)
    p0, p1, p2, p3 = (values[np.clip(low + k, 0, last)] for k in (-1, 0, 1, 2))
    slope1, slope2 = (p2 - p0) / 2, (p3 - p1) / 2
    return hermite(u, p1, slope1, p2, slope2).astype(np.float32)


def resample_pieces(pieces: Iterable[np.ndarray], rate: float, fps: float) -> Iterator[np.ndarray]:
    """Resample consecutive (n, k) pieces of motion from `rate` to `fps` as they come.

    What comes out equals `Motion.resample` of the whole, for any cutting into pieces.
    """
    if rate == fps:
        yield from pieces
        return
    held: np.ndarray | None = None
    first = total = done = 0
    for piece in pieces:
        held = piece if held is None else np.concatenate([held, piece])
        total += len(piece)
        # Cubic interpolation needs two rows beyond the one it starts from.
        ready = int(np.floor((total - 2.5) * fps / rate - 0.5))
        if ready > done:
            yield _rows_between(held, done, ready, first, rate / fps)
            done = ready
            keep = max(int((done + 0.5) * rate / fps - 0.5) - 3, 0)
            held = held[max(keep - first, 0) :]
            first = max(first, keep)
    count = max(1, round(total * fps / rate))
    if held is not None and count > done:
        yield _rows_between(held, done, count, first, rate / fps)


def _rows_between(held: np.ndarray, start: int, stop: int, first: int, step: float) -> np.ndarray:
    """Output rows start..stop of a resampling, from input rows that begin at number `first`."""
    return interpolate(held, (np.arange(start, stop) + 0.5) * step - 0.5 - first)


def _read_npz(path: Path) -> Motion:
    try:
        with np.load(path, allow_pickle=False) as data:
            if int(data["openvasa_motion"]) != FORMAT_VERSION:
                raise InputError(f"{path}: written by another version; generate it again")
            # Files written before the tongue was in them have it at rest.
            tongue = data["tongue"] if "tongue" in data else np.zeros(0, np.float32)
            return Motion(data["pose"], data["dynamics"], float(data["fps"]), tongue)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path}: not a motion file; use one that Motion.save wrote") from error


def _check_usable(motion: Motion, path: Path) -> None:
    size = dynamics_code().size
    if motion.dynamics.shape[1] != size:
        raise InputError(
            f"{path}: has {motion.dynamics.shape[1]} dynamics codes where this version has "
            f"{size}; generate it again"
        )
    if not len(motion) or not 0 < motion.fps < 1000:
        raise InputError(f"{path}: {len(motion)} frames at {motion.fps:g} fps; generate it again")
    if not np.isfinite(motion.rows()).all():
        raise InputError(f"{path}: holds numbers that are not finite; generate it again")


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


def _read_live_link(path: Path) -> Motion:
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
    return Motion.from_rows(motion, fps)
