"""Talking clips as the trainings see them: motion beside the features of their voices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.data.clip_list import Clip, Kind, Split
from openvasa.data.prepare import cached_clips, load_track, load_voices
from openvasa.data.shapes import mirror_points, mouth_share
from openvasa.data.voices import Voice
from openvasa.face.canonical import TURN
from openvasa.face.dynamics import DynamicsCode, dynamics_code
from openvasa.face.topology import POINTS
from openvasa.maths import smoothstep
from openvasa.motion.resample import interpolate
from openvasa.motion.rest import head_poses, resting_shape, smooth_shape
from openvasa.motion.row import Row
from openvasa.rates import MOTION_RATE

POSE_MIRROR = np.array([1, -1, -1, -1, 1, 1], np.float32)
"""Signs of head pose in a mirrored picture."""

CLOSING_FRAMES, OPENING_FRAMES = 6, 4
"""How long a mouth takes to close into a pause, and to open out of it."""


@dataclass(frozen=True)
class Rendition:
    """A clip played at its voice's speed, as the generator sees it.

    Attributes:
        motion: (T, 6 + D) float32 head pose and dynamics, not normalised.
        mouth_rest: (T,) float32 in 0–1, how far the mouth rests where the voice is silenced.
        voice: speech features, or None where the clip has no sound.
    """

    motion: np.ndarray
    mouth_rest: np.ndarray
    voice: Voice | None


@dataclass(frozen=True)
class TalkingClip:
    """One clip as the generator sees it.

    Attributes:
        clip: the line of the clip list.
        renditions: the clip as it is, then with other voices.
        geometric: (T, 6 + D) motion in the shipped code where the renditions have another one.
    """

    clip: Clip
    renditions: list[Rendition]
    geometric: np.ndarray | None = None

    @property
    def motion(self) -> np.ndarray:
        """(T, 6 + D) float32 motion of the clip as it is."""
        return self.renditions[0].motion

    @property
    def style_motion(self) -> np.ndarray:
        """(T, 6 + D) float32 motion in the shipped code, which speaking styles are measured in."""
        return self.motion if self.geometric is None else self.geometric

    @property
    def speech(self) -> np.ndarray:
        """(T, dim) float32 whole-file features of the clip as it is."""
        voice = self.renditions[0].voice
        assert voice is not None
        return voice.speech.astype(np.float32)


@dataclass(frozen=True)
class Normaliser:
    """Mean and deviation of motion, (6 + D,) each, over the training clips."""

    mean: np.ndarray
    deviation: np.ndarray


def load_talking_clip(cache: Path, clip: Clip, code: DynamicsCode) -> TalkingClip | None:
    """Read one clip, or None where the face is lost in it or it is shorter than a second."""
    track = load_track(cache, clip)
    if len(track.valid) < MOTION_RATE or track.valid.mean() < 0.98:
        return None
    shapes = smooth_shape(track.canonical)
    shapes = shapes - resting_shape(shapes, mouth_share())
    pose = head_poses(track.rotation, track.translation, track.scale)
    if np.abs(pose[:, TURN]).max() > 0.7:
        return None
    motion = Row(pose, code.encode(shapes)).join()
    voices = load_voices(cache, clip)
    renditions = [play_rendition(motion, voice) for voice in voices or [None]]
    return TalkingClip(clip, renditions)


def play_rendition(motion: np.ndarray, voice: Voice | None) -> Rendition:
    """A clip's motion at the speed of one of its voices, cut to what both last."""
    if voice is None:
        return Rendition(motion, np.zeros(len(motion), np.float32), None)
    if voice.speed != 1.0:
        # Frame i of the rendition is heard around (i + 1/2) speed of the clip's frames.
        at = (np.arange(int(len(motion) / voice.speed)) + 0.5) * voice.speed - 0.5
        motion = interpolate(motion, at).astype(np.float32)
    count = min(len(motion), len(voice.speech))
    motion, rest = motion[:count], mouth_rest(voice.silenced[:count])
    return Rendition(motion, rest, voice)


def mouth_rest(silenced: np.ndarray) -> np.ndarray:
    """(T,) bool silence → (T,) float32 share of rest: a mouth closes into a pause with a delay,
    and opens a little before the voice comes back."""
    count = len(silenced)
    closing, opening = np.zeros(count), np.zeros(count)
    for frame in range(count):
        before = closing[frame - 1] if frame else 0.0
        closing[frame] = min(1, before + 1 / CLOSING_FRAMES) if silenced[frame] else 0
    for frame in reversed(range(count)):
        after = opening[frame + 1] if frame + 1 < count else 1.0
        opening[frame] = min(1, after + 1 / OPENING_FRAMES) if silenced[frame] else 0
    return smoothstep(0, 1, np.minimum(closing, opening)).astype(np.float32)


def load_clips(
    cache: Path, split: Split, kinds: tuple[Kind, ...] = (Kind.REAL,)
) -> list[TalkingClip]:
    """All usable clips of a split."""
    code = dynamics_code()
    listed = [c for c in cached_clips(cache) if c.split == split and c.kind in kinds]
    loaded = (
        load_talking_clip(cache, c, code) for c in tqdm(listed, desc=f"reading {split.value}")
    )
    return [c for c in loaded if c is not None]


def fit_normaliser(clips: list[TalkingClip]) -> Normaliser:
    """Mean and deviation over the clips' frames."""
    motion = np.concatenate([c.motion for c in clips])
    return Normaliser(motion.mean(axis=0), motion.std(axis=0))


def mirror_matrix(code: DynamicsCode) -> np.ndarray:
    """(D, D) float32: codes of the mirrored shape are `codes @ matrix`."""
    return code.encode(mirror_points(code.basis))


def mouth_rest_matrix(code: DynamicsCode) -> np.ndarray:
    """(D, D) float32: `codes @ matrix` has mouth and jaw at rest and the rest of the face as is."""
    return code.encode(code.basis * (1 - mouth_share())[:, None])


def points_matrix(basis: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(D, 2 n) float32: codes of a (D, 478, 3) basis → x and y of n points, canonical units."""
    assert basis.shape[1] == POINTS
    return basis[:, points, :2].reshape(len(basis), -1)
