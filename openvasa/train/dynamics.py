"""Fit the facial dynamics code and its ARKit directions to the tracked clips.

    openvasa train dynamics CACHE

Dynamics are what changes within a clip against its resting face, identity is what differs between
the resting faces. Both subspaces are principal components of the training people's clips and of
their mirror images; lips, lids and irises weigh more, since eyes read a face there. The report is
on people never trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.data.clip_list import Clip, Kind, Split
from openvasa.data.prepare import cached_clips, load_track
from openvasa.data.shapes import mirror_points, mouth_share
from openvasa.face.dynamics import DYNAMICS_FILE, DynamicsCode
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.face.topology import (
    LEFT_EYE,
    LEFT_IRIS,
    LIPS,
    POINTS,
    RIGHT_EYE,
    RIGHT_IRIS,
    canonical_mesh,
)
from openvasa.motion.rest import resting_shape, smooth_shape
from openvasa.rates import MOTION_RATE

CODES = 32
IDENTITY_COMPONENTS = 40
SAMPLE = 40000
"""Frames that the principal components are taken from."""
RIDGE = 2.0

EYE_CORNER_DISTANCE = float(np.linalg.norm(canonical_mesh()[0][33] - canonical_mesh()[0][263]))
"""Between the outer eye corners of the mean head, canonical units."""

IRISES = np.concatenate([RIGHT_IRIS, LEFT_IRIS])
LIDS = np.concatenate([RIGHT_EYE, LEFT_EYE])


@dataclass(frozen=True)
class ClipDynamics:
    """One clip's shapes against its rest: (T, 478, 3), (478, 3), (T, 52)."""

    change: np.ndarray
    rest: np.ndarray
    blendshapes: np.ndarray


def point_weights() -> np.ndarray:
    """(478,) float32 weight of each point in the components (on amplitudes)."""
    weights = np.ones(POINTS, np.float32)
    weights[LIPS] = 3
    weights[LIDS] = 4
    weights[IRISES] = 3
    return weights


def mirror_blendshapes(blendshapes: np.ndarray) -> np.ndarray:
    """Swap left and right in (..., 52) blendshapes."""
    swap = {"Left": "Right", "Right": "Left"}
    order = []
    for name in BLENDSHAPE_NAMES:
        side = next((s for s in swap if name.endswith(s)), None)
        other = name if side is None else name.removesuffix(side) + swap[side]
        order.append(BLENDSHAPE_NAMES.index(other))
    return blendshapes[..., order]


def load_dynamics(cache: Path, clip: Clip, share: np.ndarray) -> ClipDynamics | None:
    """One clip's dynamics, or None where the face was seen for less than a second."""
    track = load_track(cache, clip)
    if track.valid.sum() < MOTION_RATE:
        return None
    shapes = smooth_shape(track.canonical)[track.valid]
    rest = resting_shape(shapes, share)
    return ClipDynamics(shapes - rest, rest, track.blendshapes[track.valid])


def _components(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Leading eigenvectors (count, n) of the rows' second moments, and standard deviations."""
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    order = np.argsort(values)[::-1][:count]
    return vectors[:, order].T, np.sqrt(np.maximum(values[order], 1e-12))


def _ridge(inputs: np.ndarray, targets: np.ndarray, ridge: float) -> np.ndarray:
    gram = inputs.T @ inputs + ridge * np.eye(inputs.shape[1])
    return np.linalg.solve(gram, inputs.T @ targets).astype(np.float32)


def fit_code(clips: list[ClipDynamics], seed: int = 0) -> DynamicsCode:
    """Fit the code to the training clips."""
    rng = np.random.default_rng(seed)
    total = sum(len(c.change) for c in clips)
    share = min(1.0, SAMPLE / total)
    picks = [rng.random(len(c.change)) < share for c in clips]
    change = np.concatenate([c.change[p] for c, p in zip(clips, picks, strict=True)])
    weights = np.repeat(point_weights(), 3)
    both = np.concatenate([change, mirror_points(change)]).reshape(-1, POINTS * 3)
    directions, deviation = _components(both * weights, CODES)
    # Codes are the weighted components at unit deviation; the basis takes the weights out again.
    basis = directions * deviation[:, None] / weights
    encoder = (weights[:, None] * directions.T) / deviation

    rests = np.stack([c.rest for c in clips])
    rests = np.concatenate([rests, mirror_points(rests)])
    mean = rests.mean(axis=0)
    identity, spread = _components((rests - mean).reshape(len(rests), -1), IDENTITY_COMPONENTS)

    inputs, targets, readings = [], [], []
    for clip, pick in zip(clips, picks, strict=True):
        blendshapes = clip.blendshapes[pick]
        for shape, values in (
            (clip.change[pick], blendshapes),
            (mirror_points(clip.change[pick]), mirror_blendshapes(blendshapes)),
        ):
            inputs.append(shape.reshape(len(shape), -1) @ encoder)
            targets.append(values)
            readings.append(values - np.median(values, axis=0))
    codes = np.concatenate(inputs)
    centred = np.concatenate([z - np.median(z, axis=0) for z in inputs if len(z)])
    arkit = _ridge(np.concatenate(readings), centred, RIDGE * 20)
    reading = _ridge(np.column_stack([codes, np.ones(len(codes))]), np.concatenate(targets), RIDGE)
    return DynamicsCode(
        basis=basis.reshape(CODES, POINTS, 3).astype(np.float32),
        encoder=encoder.astype(np.float32),
        mean_shape=mean.astype(np.float32),
        identity_basis=(identity * spread[:, None])
        .reshape(IDENTITY_COMPONENTS, POINTS, 3)
        .astype(np.float32),
        mouth_share=mouth_share(),
        arkit_directions=arkit,
        arkit_reading=reading,
    )


def report(code: DynamicsCode, clips: list[ClipDynamics]) -> dict[str, float]:
    """Errors after encode and decode, and correlation of the ARKit reading, on given clips.

    Errors are mean distances in canonical space in per cent of the outer eye corners' distance.
    """
    errors: dict[str, list[float]] = {"lips": [], "lids": [], "irises": [], "all": []}
    truth, readings = [], []
    for clip in clips:
        codes = code.encode(clip.change)
        distance = np.linalg.norm(code.decode(codes) - clip.change, axis=2)
        for name, points in (("lips", LIPS), ("lids", LIDS), ("irises", IRISES)):
            errors[name].append(float(distance[:, points].mean()))
        errors["all"].append(float(distance.mean()))
        reading = code.read_arkit(codes)
        truth.append(clip.blendshapes - clip.blendshapes.mean(axis=0))
        readings.append(reading - reading.mean(axis=0))
    figures = {
        f"{name}_error_percent": 100 * float(np.mean(values)) / EYE_CORNER_DISTANCE
        for name, values in errors.items()
    }
    seen, read = np.concatenate(truth), np.concatenate(readings)
    for index, name in enumerate(BLENDSHAPE_NAMES):
        if seen[:, index].std() > 0.01:
            figures[f"arkit_{name}"] = float(np.corrcoef(seen[:, index], read[:, index])[0, 1])
    return figures


def train(cache: Path) -> dict[str, float]:
    """Fit on the training people, write the asset and return the report on the held-out ones."""
    share = mouth_share()
    loaded: dict[Split, list[ClipDynamics]] = {split: [] for split in Split}
    for clip in tqdm(cached_clips(cache), desc="reading", unit="clip"):
        dynamics = load_dynamics(cache, clip, share) if clip.kind == Kind.REAL else None
        if dynamics is not None:
            loaded[clip.split].append(dynamics)
    code = fit_code(loaded[Split.TRAIN])
    arrays = vars(code)
    half = {key: value.astype(np.float16) for key, value in arrays.items() if key != "encoder"}
    np.savez_compressed(DYNAMICS_FILE, encoder=arrays["encoder"], **half)
    return report(code, loaded[Split.TEST])
