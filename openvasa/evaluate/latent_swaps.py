"""Disentanglement: draw a person with another's pose, dynamics or identity, and track the result.

Small pictures are enlarged for the tracker. Not every face that a network draws can be tracked: a
picture counts where the tracker is sure that it shows a face. How many did is part of the figures,
and the same numbers are read off real frames of the same size.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from openvasa.data.latent_frames import ClipFrames, Frames
from openvasa.data.latent_tracks import LatentTracks
from openvasa.evaluate.latent_figures import REAL, LatentFigures, as_bytes
from openvasa.evaluate.picture_metrics import cosine, identity
from openvasa.evaluation_models import FACE_DESCRIPTOR
from openvasa.face.canonical import HeadTransform, fit_head
from openvasa.face.landmarker import track_next
from openvasa.learned.network import LatentNetwork
from openvasa.learned.points import FEATURES
from openvasa.learned.pose import Pose

TRACKED_SIDE = 384
"""Px to which small frames are brought to be tracked."""
LEAST_PRESENCE = 0.5
"""Of the tracker's probability that it sees a face."""


@dataclass(frozen=True)
class _Person:
    """One frame of a person: the frame, its tracked shape, and the mean shape of the clip."""

    frames: Frames
    shape: np.ndarray
    mean: np.ndarray


@dataclass(frozen=True)
class _Seen:
    """What the tracker sees in a picture."""

    head: HeadTransform
    canonical: np.ndarray
    landmarks: np.ndarray
    sure: bool


@torch.no_grad()
def swap_clip(
    number: int,
    network: LatentNetwork,
    frames: ClipFrames,
    tracks: LatentTracks,
    figures: LatentFigures,
) -> None:
    """Swap factors between a person and the next one, and read what comes out."""
    rng = np.random.default_rng(number)
    following = (number + 1) % len(frames.clips)
    one, other = (_pick(frames, tracks, clip, rng) for clip in (number, following))
    seen, own = network.encode_frames(one.frames.picture, one.frames.pose)
    foreign, moved = network.encode_frames(other.frames.picture, other.frames.pose)
    here, turned = one.frames.pose, one.frames.pose.turned_as(other.frames.pose)
    as_one = other.frames.pose.turned_as(here)
    # What is drawn, in which pose it should be, and whose face it is.
    drawn = {
        "nothing": (network.decode(seen, here, own), here, one),
        "pose": (network.decode(seen, turned, own), turned, one),
        "dynamics": (network.decode(seen, here, moved), here, one),
        "pose and dynamics": (network.decode(seen, turned, moved), turned, one),
        "identity": (network.decode(foreign, as_one, own), as_one, other),
        REAL: (other.frames.picture, other.frames.pose, other),
    }
    start = _track(drawn["nothing"][0], here, one.shape)
    starts = dict.fromkeys(drawn, start) | {REAL: _track(one.frames.picture, here, one.shape)}
    people = [_describe(person) for person in (one, other)]
    turn = _between(here, other.frames.pose)
    wanted = (other.shape - other.mean) - (one.shape - one.mean)
    for swap, (picture, pose, shown) in drawn.items():
        figures.tried[swap] += 1
        found = _track(picture, pose, shown.shape)
        if not (found.sure and starts[swap].sure):
            continue
        values, first = figures.swapped, starts[swap]
        turned_by = cv2.Rodrigues(found.head.rotation @ first.head.rotation.T)[0].ravel()
        values[swap, "turn followed"].append(_share(turned_by, turn))
        change = (found.canonical - shown.mean) - (first.canonical - one.mean)
        values[swap, "expression followed"].append(
            _share(change[FEATURES].ravel(), wanted[FEATURES].ravel())
        )
        values[swap, "turn off °"].append(_angle(found.head.rotation, pose.rotation[0].numpy()))
        if FACE_DESCRIPTOR.installed:
            code = identity(_enlarged(picture), found.landmarks)
            values[swap, "like the source"].append(cosine(code, people[0]))
            values[swap, "like the driver"].append(cosine(code, people[1]))


def _pick(
    frames: ClipFrames, tracks: LatentTracks, number: int, rng: np.random.Generator
) -> _Person:
    row = int(rng.integers(frames.starts[number], frames.starts[number + 1]))
    at = int(frames.track_rows[row])
    clip = int(np.searchsorted(tracks.starts, at, side="right")) - 1
    shape = tracks.means[clip] + np.tensordot(tracks.codes[at], tracks.basis, 1)
    return _Person(frames.take(torch.tensor([row])), shape, tracks.means[clip])


def _track(picture: Tensor, pose: Pose, shape: np.ndarray) -> _Seen:
    """What a picture shows, looked for where it should be."""
    points = pose.project(torch.from_numpy(shape).float()[None])[0].numpy()
    guess = (points + [1, 1, 0]) * [TRACKED_SIDE / 2, TRACKED_SIDE / 2, 1]
    landmarks = track_next(_enlarged(picture), guess.astype(np.float32)).landmarks
    found = track_next(_enlarged(picture), landmarks)
    head = fit_head(found.landmarks)
    sure = found.presence >= LEAST_PRESENCE
    return _Seen(head, head.invert(found.landmarks), found.landmarks, sure)


def _describe(person: _Person) -> np.ndarray:
    if not FACE_DESCRIPTOR.installed:
        return np.zeros(128)
    picture = person.frames.picture
    seen = _track(picture, person.frames.pose, person.shape)
    return identity(_enlarged(picture), seen.landmarks)


def _enlarged(picture: Tensor) -> np.ndarray:
    return cv2.resize(as_bytes(picture[0]), (TRACKED_SIDE,) * 2, interpolation=cv2.INTER_CUBIC)


def _between(start: Pose, end: Pose) -> np.ndarray:
    rotation = (end.rotation[0] @ start.rotation[0].T).double().numpy()
    return cv2.Rodrigues(rotation)[0].ravel()


def _share(change: np.ndarray, wanted: np.ndarray) -> float:
    """How much of a wanted change there is: 1 all of it, 0 nothing."""
    return float(change @ wanted / (wanted @ wanted + 1e-9))


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.linalg.norm(cv2.Rodrigues(a.astype(np.float64) @ b.T)[0])))
