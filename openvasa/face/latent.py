"""The face latent: everything about one portrait that stays the same while it talks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from openvasa.errors import InputError
from openvasa.face.canonical import HeadTransform, apply_pose
from openvasa.face.occluders import Occluders

CROP_SIDE = 512
FORMAT_VERSION = 4
READABLE_VERSIONS = (1, 2, 3, 4)
"""Files of version 1 hold no extras; before version 3 every crop has 512 px; before version 4
nothing is known of what is in front of the face."""

_EXTRA = "extra_"


@dataclass(frozen=True)
class FaceLatent:
    """A portrait, encoded once; saved and loaded as one `.npz` avatar file.

    Attributes:
        image: (H, W, 3) uint8 RGB, the crop: from `load_portrait` a square of 512 px with head and
            shoulders, from `openvasa.face.frame` any part of the picture at any size.
        landmarks: (478, 3) float32, tracked points in px of the crop, z away from the camera.
        head: similarity from canonical space to px of the crop, in the portrait's own pose.
        canonical: (478, 3) float32, the tracked points in canonical space, own expression included.
        neutral: (478, 3) float32, the identity: canonical shape without the own expression, lips
            closed.
        dynamics: (D,) float32, the portrait's own expression as a facial dynamics code.
        blendshapes: (52,) float32 in 0–1, ARKit reading of the own expression.
        matte: (H, W) float32 in 0–1, the person.
        background: (H, W, 3) uint8 RGB, the plate completed behind the person.
        picture: (H', W', 3) uint8 RGB, the whole picture the crop was cut from.
        crop: (3,) float32 left, top and width of the crop in px of `picture`.
        extras: arrays by name that a renderer other than the shipped one keeps with the portrait,
            e.g. a feature volume.
        stated: px of the crop that a stated px is long: one px of the square with head and
            shoulders at 512 px, for which lengths in px are stated.
    """

    image: np.ndarray
    landmarks: np.ndarray
    head: HeadTransform
    canonical: np.ndarray
    neutral: np.ndarray
    dynamics: np.ndarray
    blendshapes: np.ndarray
    matte: np.ndarray
    background: np.ndarray
    picture: np.ndarray
    crop: np.ndarray
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)
    stated: float = 1.0
    occluders: Occluders | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the crop, px."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def zoom(self) -> float:
        """Px of the crop for one of the picture."""
        return self.size[0] / float(self.crop[2])

    def save(self, path: str | Path) -> None:
        """Write the avatar file (`.npz`)."""
        path = Path(path)
        if path.suffix != ".npz":
            raise InputError(f"{path}: an avatar file ends in .npz; rename it")
        apart = ("head", "extras", "stated", "occluders")
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in apart}
        arrays |= {_EXTRA + name: array for name, array in self.extras.items()}
        if self.occluders is not None:
            arrays["occluders"] = self.occluders.chances
        partial = path.with_name(path.name + ".partial.npz")
        try:
            np.savez_compressed(
                partial,
                openvasa_avatar=np.int32(FORMAT_VERSION),
                head_rotation=self.head.rotation,
                head_scale=self.head.scale,
                head_translation=self.head.translation,
                stated=self.stated,
                **arrays,
            )
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise InputError(f"{path}: cannot write the avatar ({error.strerror})") from error

    @staticmethod
    def load(path: str | Path) -> FaceLatent:
        """Read an avatar file; raises InputError where it is not one."""
        try:
            with np.load(path, allow_pickle=False) as data:
                arrays = dict(data)
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file; check the path") from error
        except Exception as error:
            raise InputError(f"{path}: not an avatar file; encode the portrait again") from error
        if int(arrays.pop("openvasa_avatar", -1)) not in READABLE_VERSIONS:
            raise InputError(f"{path}: not an avatar of this version; encode the portrait again")
        head = HeadTransform(
            arrays.pop("head_rotation"),
            float(arrays.pop("head_scale")),
            arrays.pop("head_translation"),
        )
        stated = float(arrays.pop("stated", 1.0))
        chances = arrays.pop("occluders", None)
        occluders = None if chances is None else Occluders(chances)
        extras = {
            name.removeprefix(_EXTRA): arrays.pop(name)
            for name in [name for name in arrays if name.startswith(_EXTRA)]
        }
        try:
            return FaceLatent(
                head=head, extras=extras, stated=stated, occluders=occluders, **arrays
            )
        except TypeError as error:
            raise InputError(f"{path}: incomplete avatar file; encode it again") from error


@dataclass(frozen=True)
class FrameGeometry:
    """Where every tracked point of the face is in one output frame.

    Attributes:
        canonical: (478, 3) float32, the face's shape in canonical space.
        head: similarity from canonical space to px of the crop.
        landmarks: (478, 3) float32 px of the crop: `head.apply(canonical)`.
        tongue: how far the tongue's tip is up at the ridge and out between the teeth, 0–1.
        trailed: where loose hair, which follows late, still takes the head to be; None where hair
            moves with the head.
    """

    canonical: np.ndarray
    head: HeadTransform
    landmarks: np.ndarray
    tongue: tuple[float, float] = (0.0, 0.0)
    trailed: HeadTransform | None = None


def pose_face(
    face: FaceLatent,
    pose: np.ndarray,
    shape_change: np.ndarray,
    tongue: tuple[float, float] = (0.0, 0.0),
    trailed: np.ndarray | None = None,
) -> FrameGeometry:
    """Geometry of `face` at one moment of a motion.

    Args:
        face: the portrait.
        pose: (6,) head pose as an offset from the portrait's own.
        shape_change: (478, 3) change of the canonical shape against the neutral face.
        tongue: rise and reach of the tongue's tip, 0–1.
        trailed: (6,) head pose that loose hair still has; None where it moves with the head.
    """
    canonical = face.neutral + shape_change.astype(np.float32)
    head = apply_pose(face.head, pose)
    late = None if trailed is None else apply_pose(face.head, trailed)
    return FrameGeometry(canonical, head, head.apply(canonical), tongue, late)
