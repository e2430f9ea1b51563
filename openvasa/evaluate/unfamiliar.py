"""Is motion in sync and sane, whatever voice it is made from?

There is no real face to compare with. The sync expert itself was trained on the clips' voices, and
trusts whispers and other languages less: beside S_C, the offset near 0 tells, and nothing may
explode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openvasa.audio.level import level_speech
from openvasa.data.experts import Expert, lip_shapes, sound_bands, sync_score
from openvasa.evaluate.motion_metrics import blinks_per_minute, lip_activity, pose_change
from openvasa.evaluate.voices import Utterance
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.row import Row, without_tongue
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.motion.window_network import window_network
from openvasa.rates import SAMPLE_RATE

LONGEST_SECONDS = 20


@dataclass(frozen=True)
class VoiceFigures:
    """Motion made from one voice, whole-file.

    Attributes:
        name: of the voice.
        confidence, offset: the sync expert's S_C, and best shift in frames.
        lip_speed: mean speed of the lip points, canonical units a frame.
        pose_change: ΔP, degrees.
        blinks: a minute.
        largest_code: largest dynamics code, deviations of the training clips.
    """

    name: str
    confidence: float
    offset: int
    lip_speed: float
    pose_change: float
    blinks: float
    largest_code: float


def judge_voice(utterance: Utterance, sync: Expert) -> VoiceFigures:
    """Judge motion generated from the first seconds of an utterance, brought to its level."""
    code, space = dynamics_code(), window_network(1).space
    samples = utterance.samples[: LONGEST_SECONDS * SAMPLE_RATE]
    sound = level_speech(samples)
    rows = np.concatenate(list(SpeechMotion(threads=1).frames([sound])))
    made = without_tongue(rows)
    bands = sound_bands(sound, len(made))
    score = sync_score(sync.embed_sound(bands), sync.embed_motion(lip_shapes(made)))
    deviations = Row.split(np.abs((made - space.mean) / space.deviation)).codes
    return VoiceFigures(
        utterance.name,
        score.confidence,
        score.offset,
        lip_activity(code, made),
        pose_change(made),
        blinks_per_minute(code, made),
        float(deviations.max()),
    )
