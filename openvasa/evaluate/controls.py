"""Do the controls do what they say? Rendered, tracked again and compared with what was asked.

openvasa evaluate controls
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.evaluate.emotion import LABELS, emotion_scores
from openvasa.evaluation_models import EMOTION_CLASSIFIER
from openvasa.face.canonical import LOG_DISTANCE, fit_head, pose_between
from openvasa.face.gaze import eye_gaze, head_gaze
from openvasa.face.landmarker import TrackedFace, track_next
from openvasa.face.latent import FaceLatent
from openvasa.motion.controls import EMOTIONS, Controls
from openvasa.motion.geometry import geometry_at
from openvasa.motion.motion import Motion
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import generate_motion
from openvasa.rates import MOTION_RATE, SAMPLE_RATE
from openvasa.render.renderer import Renderer
from openvasa.render.warp_renderer import WarpRenderer

GAZES = [(0, 0), (20, 0), (-20, 0), (10, 8), (-10, 8), (10, -8), (-10, -8), (0, 12), (0, -12)]
DISTANCES = (0.8, 0.9, 1.1, 1.25)
SECONDS = 6.0
SETTLE_FRAMES = MOTION_RATE
"""The first second is left out: the motion sets out from the portrait's own pose."""
EMOTION_HEAD = (
    "",
    "| emotion | score without | with | gain | gains most | ranks first |",
    "|---|---|---|---|---|---|",
)
EVERY = 5
"""Frames from one that is rendered and tracked to the next."""


@dataclass(frozen=True)
class Seen:
    """What the tracker saw in rendered frames: (n, 2) gaze in degrees, (n,) distance, (n, 7).

    There are no emotions where their classifier is not fetched.
    """

    gaze: np.ndarray
    distance: np.ndarray
    emotions: np.ndarray


def watch(face: FaceLatent, motion: Motion) -> Seen:
    """Render every few frames of a motion and track them as any video."""
    renderer = WarpRenderer(face)
    rows = motion.rows()
    reference = _look(face, renderer, 0 * rows[0])
    gazes, distances, emotions = [], [], []
    rest = fit_head(reference[0].landmarks)
    neutral = rest.invert(reference[0].landmarks)
    for row in rows[SETTLE_FRAMES::EVERY]:
        tracked, image = _look(face, renderer, row)
        head = fit_head(tracked.landmarks)
        pose = pose_between(rest, head)
        eyes = eye_gaze(head.invert(tracked.landmarks) - neutral)
        gazes.append(np.degrees(head_gaze(pose) + eyes))
        distances.append(np.exp(pose[LOG_DISTANCE]))
        if EMOTION_CLASSIFIER.installed:
            emotions.append(emotion_scores(image, tracked.landmarks))
    return Seen(np.stack(gazes), np.array(distances), np.reshape(emotions, (-1, len(LABELS))))


def _look(face: FaceLatent, renderer: Renderer, row: np.ndarray) -> tuple[TrackedFace, np.ndarray]:
    geometry = geometry_at(face, row)
    image = renderer.render(geometry)
    return track_next(image, geometry.landmarks), image


def evaluate(faces: Sequence[FaceLatent], voice: Path) -> str:
    """Table of the controls' errors on the given portraits, speaking `voice`."""
    blocks, samples = [], 0
    for block in read_blocks(voice):
        blocks.append(block)
        samples += len(block)
        if samples >= SECONDS * SAMPLE_RATE:
            break
    gain = speech_gain(blocks)

    def motion(**controls) -> Motion:
        return generate_motion(blocks, MotionSettings(controls=Controls(**controls)), gain=gain)

    told = EMOTIONS if EMOTION_CLASSIFIER.installed else ()
    if not told:
        tqdm.write(f"left out: {EMOTION_CLASSIFIER.missing}")
    jobs = len(faces) * (len(GAZES) + len(DISTANCES) + len(told) + bool(told))
    with tqdm(total=jobs, desc="controls", unit="clip") as bar:

        def seen(face: FaceLatent, made: Motion) -> Seen:
            bar.update()
            return watch(face, made)

        gaze_errors, slopes = [], []
        for gaze in GAZES:
            made = motion(gaze=gaze)
            for face in faces:
                look = seen(face, made).gaze.mean(axis=0)
                gaze_errors.append(np.linalg.norm(look - gaze))
                slopes.append((gaze, look))
        distance_errors = []
        for distance in DISTANCES:
            made = motion(distance=distance)
            distance_errors += [abs(seen(face, made).distance.mean() - distance) for face in faces]
        plain = [seen(face, motion()).emotions.mean(axis=0) for face in faces if told]
        rows, asked, answered = [], np.array(slopes)[:, 0], np.array(slopes)[:, 1]
        for emotion in told:
            made = motion(emotion={emotion: 1.0})
            scores = [seen(face, made).emotions.mean(axis=0) for face in faces]
            index = LABELS.index(emotion)
            gains = [s[index] - p[index] for s, p in zip(scores, plain, strict=True)]
            risen = [int((s - p).argmax() == index) for s, p in zip(scores, plain, strict=True)]
            first = [int(s.argmax() == index) for s in scores]
            rows.append(
                f"| {emotion} | {np.mean([p[index] for p in plain]):.2f} | "
                f"{np.mean([s[index] for s in scores]):.2f} | {np.mean(gains):+.2f} | "
                f"{sum(risen)}/{len(faces)} | {sum(first)}/{len(faces)} |"
            )
    follow = [np.polyfit(asked[:, axis], answered[:, axis], 1)[0] for axis in (0, 1)]
    return "\n".join(
        [
            f"{len(faces)} portraits, {SECONDS:.0f} s of speech each, tracked again",
            "",
            f"gaze error {np.mean(gaze_errors):.1f}° (mean over {len(GAZES)} directions; seen over "
            f"asked: yaw {follow[0]:.2f}, pitch {follow[1]:.2f})",
            f"distance error {np.mean(distance_errors):.4f} (factors {DISTANCES})",
            *([*EMOTION_HEAD, *rows] if rows else []),
        ]
    )
