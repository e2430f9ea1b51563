"""Measure rendered frames against real ones of people never trained on.

    openvasa evaluate render CACHE CLIPS --report FOLDER

Self-reenactment: the first frame of a held-out clip is the portrait, the motion tracked from the
clip moves it, and the clip's own frames are the truth. Three ways to render compete: the warp
alone, the warp with drawn mouth and eyes, and that refined. Cross-reenactment: the motion comes
from another person's clip; there is no truth, but the person must stay the same.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from openvasa.assets import ASSETS
from openvasa.data.clip_list import Split
from openvasa.data.pairs import Footage, follow, load_footage, sharp_clips
from openvasa.errors import InputError
from openvasa.evaluate.picture_metrics import (
    cosine,
    feature_distance,
    features,
    frechet_distance,
    identity,
    pool_features,
    psnr,
    ssim,
)
from openvasa.evaluation_models import FACE_DESCRIPTOR, VGG16
from openvasa.face.canonical import apply_pose, pose_between
from openvasa.face.dynamics import dynamics_code
from openvasa.face.encode import cut_square, encode_picture
from openvasa.face.landmarker import track_next
from openvasa.face.latent import CROP_SIDE, FaceLatent, FrameGeometry
from openvasa.face.topology import FACE_OVAL, INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from openvasa.motion.rest import resting_shape
from openvasa.render.regions import LEFT, MOUTH, RIGHT, cut, frame_affine
from openvasa.render.warp_renderer import Step, WarpRenderer

METHODS = {"warp": Step.WARP, "drawn": Step.EYES, "refined": Step.REFINEMENT}
"""Ways to render, by the step of the renderer that is their last."""

AREAS = ("mouth", "eyes", "face", "whole")
FEATURE_AREAS = ("mouth", "eyes")
MOMENTS = 4
"""Frames of a clip that are measured, each with its neighbours for flicker."""

LEAST_FACE_PX = 160
"""Smaller faces, in px of the recording, are too blurred to tell ways of rendering apart."""

OPEN_PX = 80
"""Px between the lips from which on a mouth counts as open."""

CROSS_MOMENTS = 4
PICTURE_SIDE = 128
"""Side to which face and whole frame are brought for their features."""

LIPS = np.concatenate([INNER_LIPS, OUTER_LIPS])
LIDS = np.concatenate([LEFT_EYE, RIGHT_EYE])


@dataclass(frozen=True)
class Strip:
    """One measured moment for the report.

    Attributes:
        clip, frame: where it is from.
        badness: feature distance of the refined mouth, for picking the worst.
        pictures: (512, 512, 3) uint8 by name: portrait, real and the methods.
        close_ups: the same cut around the mouth.
    """

    clip: str
    frame: int
    badness: float
    pictures: dict[str, np.ndarray]
    close_ups: dict[str, np.ndarray]


@dataclass
class Figures:
    """Everything measured.

    Attributes:
        values: (metric, area, method) → one value per clip that shows it.
        people: the same keys → the group (person) of each of these clips.
        groups: the group of each clip.
        real_identity: similarity of two real frames of a person, per clip.
        cross_identity: method → similarity to the portrait in cross-reenactment, per clip.
        cross_frechet: method → Fréchet distance of the features of cross-reenacted faces to
            those of real ones.
        strips: pictures.
    """

    values: dict[tuple[str, str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    people: dict[tuple[str, str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    groups: list[str] = field(default_factory=list)
    real_identity: list[float] = field(default_factory=list)
    cross_identity: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cross_frechet: dict[str, float] = field(default_factory=dict)
    strips: list[Strip] = field(default_factory=list)


def render_all_ways(renderer: WarpRenderer, geometry: FrameGeometry) -> dict[str, np.ndarray]:
    """One frame by each of `METHODS`, (512, 512, 3) uint8 RGB."""
    names = {step: name for name, step in METHODS.items()}
    frames = {}
    for drawn in renderer.draw(geometry):
        if drawn.step in names:
            frame = drawn.frame.copy()
            renderer.lay_front(frame, drawn.geometry)
            frames[names[drawn.step]] = frame
    return frames


def _face_box(geometry: FrameGeometry) -> tuple[slice, slice]:
    """Rows and columns around the face's oval."""
    oval = geometry.landmarks[FACE_OVAL, :2]
    low = np.clip(oval.min(axis=0), 0, CROP_SIDE - 64).astype(int)
    high = np.clip(oval.max(axis=0), low + 64, CROP_SIDE).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _between_lips(geometry: FrameGeometry) -> np.ndarray:
    """(512, 512) bool: px between the inner lips."""
    filled = np.zeros((CROP_SIDE, CROP_SIDE), np.uint8)
    cv2.fillPoly(filled, [np.rint(geometry.landmarks[INNER_LIPS, :2]).astype(np.int32)], 1)
    return filled > 0


def _areas(
    face: FaceLatent, geometry: FrameGeometry, frame: np.ndarray, box: tuple[slice, slice]
) -> dict[str, np.ndarray]:
    """The measured parts of a frame; both eyes are one picture."""
    parts = {
        region.name: cut(frame, frame_affine(region, geometry, face.neutral), region.side)
        for region in (MOUTH, RIGHT, LEFT)
    }
    return {
        "mouth": parts["mouth"],
        "eyes": np.concatenate([parts["right eye"], parts["left eye"][:, ::-1]], axis=1),
        "face": frame[box],
        "whole": frame,
    }


def _for_features(area: str, picture: np.ndarray) -> np.ndarray:
    if area == "mouth":
        return picture
    if area == "eyes":
        # The features want a square.
        return np.concatenate([picture, picture])
    return cv2.resize(picture, (PICTURE_SIDE,) * 2, interpolation=cv2.INTER_AREA)


def _flicker(triple: list[np.ndarray]) -> float:
    """Mean absolute second difference of three frames: what steady motion does not have."""
    a, b, c = (picture.astype(np.float32) for picture in triple)
    return float(np.abs(a - 2 * b + c).mean())


def _measure_clip(
    name: str,
    group: str,
    footage: Footage,
    networks: Path,
    figures: Figures,
    faces: list[np.ndarray],
) -> FaceLatent:
    face = encode_picture(footage.frames[0], name=name)
    renderer = WarpRenderer(face, refined=True, networks=networks)
    collected: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    portrait_identity = identity(face.image, face.landmarks) if FACE_DESCRIPTOR.installed else None
    feature_areas = FEATURE_AREAS if VGG16.installed else ()
    likeness = []
    moments = np.linspace(2, len(footage.frames) - 2, MOMENTS).astype(int)
    for moment in moments:
        times = [int(moment) - 1, int(moment), int(moment) + 1]
        geometries = [follow(face, footage, 0, t) for t in times]
        real = [cut_square(footage.frames[t], face.crop) for t in times]
        made = [render_all_ways(renderer, geometry) for geometry in geometries]
        box = _face_box(geometries[1])
        truth = [_areas(face, g, r, box) for g, r in zip(geometries, real, strict=True)]
        seen = track_next(real[1], geometries[1].landmarks).landmarks
        span = float(np.linalg.norm(seen[33, :2] - seen[263, :2]))
        person = None if portrait_identity is None else identity(real[1], seen)
        if portrait_identity is not None and person is not None:
            likeness.append(cosine(person, portrait_identity))
        wanted = {area: features(_for_features(area, truth[1][area])) for area in feature_areas}
        if feature_areas:
            faces.append(pool_features(features(_for_features("face", truth[1]["face"]))))
        bad = 0.0
        for method in METHODS:
            shown = [_areas(face, g, m[method], box) for g, m in zip(geometries, made, strict=True)]
            for area in AREAS:
                got, true = shown[1][area], truth[1][area]
                jitter = _flicker([s[area] for s in shown]) / _flicker([t[area] for t in truth])
                for metric, value in (
                    ("PSNR dB", psnr(got, true)),
                    ("SSIM", ssim(got, true)),
                    ("flicker × real", jitter),
                ):
                    collected[metric, area, method].append(value)
            for area in feature_areas:
                seen_features = features(_for_features(area, shown[1][area]))
                distance = feature_distance(seen_features, wanted[area])
                collected["features", area, method].append(distance)
                if area == "mouth" and method == "refined":
                    bad = distance
            inside = _between_lips(geometries[1])
            if inside.sum() >= OPEN_PX:
                off = made[1][method][inside].astype(np.float32) - real[1][inside]
                collected["between lips", "mouth", method].append(float(np.abs(off).mean()))
                collected["between lips, bias", "mouth", method].append(float(off.mean()))
            tracked = track_next(made[1][method], geometries[1].landmarks).landmarks
            for area, points in (("mouth", LIPS), ("eyes", LIDS)):
                off = np.linalg.norm(tracked[points, :2] - seen[points, :2], axis=1).mean()
                collected["landmarks %", area, method].append(100 * float(off) / span)
            if person is not None:
                alike = cosine(identity(made[1][method], tracked), person)
                collected["identity", "whole", method].append(alike)
        figures.strips.append(_strip(name, int(moment), bad, face, real[1], made[1], geometries[1]))
    for key, values in collected.items():
        figures.values[key].append(float(np.mean(values)))
        figures.people[key].append(group)
    if likeness:
        figures.real_identity.append(float(np.mean(likeness)))
    return face


def _strip(
    name: str,
    frame: int,
    badness: float,
    face: FaceLatent,
    real: np.ndarray,
    made: dict[str, np.ndarray],
    geometry: FrameGeometry,
) -> Strip:
    pictures = {"portrait": face.image, "real": real, **made}
    affine = frame_affine(MOUTH, geometry, face.neutral)
    close_ups = {key: cut(picture, affine, MOUTH.side) for key, picture in pictures.items()}
    return Strip(name, frame, badness, pictures, close_ups)


def carried_over(face: FaceLatent, footage: Footage, target: int) -> FrameGeometry:
    """Geometry of a portrait at the motion of another person's frame, relative to that
    person's rest."""
    rest = resting_shape(footage.canonical, dynamics_code().mouth_share)
    canonical = face.neutral + footage.canonical[target] - rest
    middle = footage.heads[len(footage.heads) // 2]
    pose = pose_between(middle, footage.heads[target])
    head = apply_pose(face.head, pose)
    return FrameGeometry(canonical, head, head.apply(canonical))


def _measure_cross(
    face: FaceLatent,
    driver: Footage,
    networks: Path,
    figures: Figures,
    pools: dict[str, list[np.ndarray]],
) -> None:
    renderer = WarpRenderer(face, refined=True, networks=networks)
    portrait_identity = identity(face.image, face.landmarks) if FACE_DESCRIPTOR.installed else None
    alike = defaultdict(list)
    for target in np.linspace(0, len(driver.frames) - 1, CROSS_MOMENTS).astype(int):
        geometry = carried_over(face, driver, int(target))
        for method, frame in render_all_ways(renderer, geometry).items():
            if portrait_identity is not None:
                tracked = track_next(frame, geometry.landmarks).landmarks
                alike[method].append(cosine(identity(frame, tracked), portrait_identity))
            if VGG16.installed:
                shown = _for_features("face", frame[_face_box(geometry)])
                pools[method].append(pool_features(features(shown)))
    for method, values in alike.items():
        figures.cross_identity[method].append(float(np.mean(values)))


def evaluate(
    cache: Path, clips: Path, networks: Path = ASSETS, people: int | None = None
) -> Figures:
    """Measure self- and cross-reenactment on one sharp clip of every held-out person.

    Args:
        cache: from `openvasa data prepare`.
        clips: the folder of clips it was made from.
        networks: folder of refinement networks.
        people: only the first so many; everyone when None.

    What needs a network that is not fetched is left out, with one line for each.
    """
    for model in (VGG16, FACE_DESCRIPTOR):
        if not model.installed:
            tqdm.write(f"left out: {model.missing}")
    figures = Figures()
    loaded = []
    for clip, _ in sharp_clips(cache, clips, Split.TEST, LEAST_FACE_PX):
        known = {other.group for other, _ in loaded}
        if len(known) == people:
            break
        footage = None if clip.group in known else load_footage(cache, clips, clip)
        if footage is not None:
            loaded.append((clip, footage))
    if len(loaded) < 2:
        raise InputError(
            f"{cache}: needs held-out clips of two people; prepare some (docs/data.md)"
        )
    faces: list[FaceLatent] = []
    real_pool: list[np.ndarray] = []
    for clip, footage in tqdm(loaded, desc="self", unit="clip"):
        faces.append(_measure_clip(clip.name, clip.group, footage, networks, figures, real_pool))
        figures.groups.append(clip.group)
    pools: dict[str, list[np.ndarray]] = defaultdict(list)
    for index, face in enumerate(tqdm(faces, desc="cross", unit="clip")):
        others = [f for c, f in loaded if c.group != loaded[index][0].group]
        _measure_cross(face, others[index % len(others)], networks, figures, pools)
    for method in pools:
        real = np.stack(real_pool)
        figures.cross_frechet[method] = frechet_distance(np.stack(pools[method]), real)
    return figures


def by_person(values: list[float], groups: list[str]) -> np.ndarray:
    """Mean value of each group of clips."""
    names = sorted(set(groups))
    return np.array(
        [np.mean([v for v, g in zip(values, groups, strict=True) if g == n]) for n in names]
    )
