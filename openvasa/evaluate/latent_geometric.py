"""Frames as the shipped renderer draws them, to compare a learned latent with, and the hybrid.

The hybrid takes the learned picture where geometry shows what the source does not: between the
lips, and on triangles of the face that the source hardly sees, once the head turns by 30 degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from openvasa.data.latent_frames import ClipFrames, read_clip
from openvasa.data.latent_tracks import LatentTracks
from openvasa.data.pairs import in_crop
from openvasa.errors import InputError
from openvasa.face.canonical import HeadTransform, apply_pose, pose_between
from openvasa.face.encode import encode_face
from openvasa.face.find import choose_face, find_faces
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.topology import INNER_LIPS, canonical_mesh
from openvasa.render.warp_renderer import WarpRenderer

HIDDEN_FROM = 30.0
"""Degrees of yaw between source and driver from which geometry has to guess a side of the face."""
LEAST_FACING = 0.25
"""Cosine between a triangle and the view below which a picture hardly shows it."""
FEATHER = 0.01
"""Deviation of the blend's edge, as a share of the crop."""


@dataclass(frozen=True)
class GeometricFrame:
    """A driver as geometry draws it.

    Attributes:
        picture: (S, S, 3) uint8.
        unknown: (S, S) float32 in 0–1, where geometry does not know.
    """

    picture: np.ndarray
    unknown: np.ndarray

    def blend(self, learned: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8: the learned picture where geometry does not know."""
        share = self.unknown[..., None]
        return np.rint(share * learned + (1 - share) * self.picture).astype(np.uint8)


def draw_geometric(
    frames: ClipFrames, tracks: LatentTracks, clips: Path, number: int, source: int, driver: int
) -> GeometricFrame | None:
    """The driver as the shipped renderer draws it from the source.

    The renderer shows head and shoulders; what lies outside its crop is copied from the source.
    None where it finds no face in the source.

    Args:
        frames: at the network's side.
        tracks: of all clips.
        clips: folder of the clips.
        number: of the clip among the frames' clips.
        source, driver: rows of the frames.
    """
    clip = tracks.names.tolist().index(frames.clips[number].name)
    of_clip = [int(frames.track_rows[row]) for row in (source, driver)]
    picture = read_frame(clips, tracks, clip, of_clip[0])
    try:
        found = choose_face(find_faces(picture), None, "frame")
        face = encode_face(picture, found, name="frame", anyway=True)
    except InputError:
        return None
    geometry = _follow(face, tracks, clip, *of_clip)
    crop = WarpRenderer(face).render(geometry)
    left, top, side = (float(v) for v in face.crop)
    zoom = side / crop.shape[0]
    place = np.array([[zoom, 0, left], [0, zoom, top]])
    size = picture.shape[1::-1]
    whole = cv2.warpAffine(
        crop, place, size, picture.copy(), cv2.INTER_AREA, cv2.BORDER_TRANSPARENT
    )
    unknown = cv2.warpAffine(unknown_region(face, geometry), place, size)
    shown = (
        cv2.resize(p, (frames.side,) * 2, interpolation=cv2.INTER_AREA) for p in (whole, unknown)
    )
    return GeometricFrame(*shown)


def unknown_region(face: FaceLatent, geometry: FrameGeometry) -> np.ndarray:
    """(S, S) float32 in 0–1 over the crop: where a frame shows what the portrait does not."""
    width, height = face.size
    region = np.zeros((height, width), np.float32)
    between = geometry.head.euler_degrees[0] - face.head.euler_degrees[0]
    polygons = [geometry.landmarks[INNER_LIPS, :2]]
    if abs(between) >= HIDDEN_FROM:
        triangles = canonical_mesh()[2]
        was, is_now = (facing(points) for points in (face.landmarks, geometry.landmarks))
        new = triangles[(was < LEAST_FACING) & (is_now >= LEAST_FACING)]
        polygons += list(geometry.landmarks[new, :2])
    for polygon in polygons:
        cv2.fillPoly(region, [np.rint(polygon).astype(np.int32)], 1.0)
    return cv2.GaussianBlur(region, (0, 0), FEATHER * width)


def facing(points: np.ndarray) -> np.ndarray:
    """(478, 3) points, z away from the camera → (898,) cosine of each triangle to the view."""
    return _toward(points) * np.sign(np.median(_toward(canonical_mesh()[0])))


def _toward(points: np.ndarray) -> np.ndarray:
    a, b, c = np.moveaxis(points[canonical_mesh()[2]], 1, 0)
    normal = np.cross(b - a, c - a)
    return -normal[:, 2] / (np.linalg.norm(normal, axis=1) + 1e-9)


def read_frame(clips: Path, tracks: LatentTracks, clip: int, row: int) -> np.ndarray:
    """The frame of one row of the tracks, as the clip has it."""
    length = int(tracks.starts[clip + 1] - tracks.starts[clip])
    path = clips / f"{tracks.names[clip]}.mp4"
    return read_clip(path, length)[row - int(tracks.starts[clip])].to_ndarray(format="rgb24")


def _follow(
    face: FaceLatent, tracks: LatentTracks, clip: int, source: int, driver: int
) -> FrameGeometry:
    """Geometry of a portrait from one row of the tracks at the motion of another one."""
    heads = [in_crop(track_head(tracks, clip, row), face.crop) for row in (source, driver)]
    head = apply_pose(face.head, pose_between(heads[0], heads[1]))
    change = np.tensordot(tracks.codes[driver] - tracks.codes[source], tracks.basis, 1)
    canonical = (face.canonical + change).astype(np.float32)
    return FrameGeometry(canonical, head, head.apply(canonical))


def track_head(tracks: LatentTracks, clip: int, row: int) -> HeadTransform:
    """Head transform of one row of the tracks, px of the clip."""
    side, pose = float(tracks.sides[clip]), tracks.pose[row].astype(np.float64)
    shift = np.append(pose[3:5] * side, 0.0)
    return HeadTransform(cv2.Rodrigues(pose[:3])[0], float(pose[5] * side), shift)
