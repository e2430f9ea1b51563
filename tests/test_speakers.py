"""Who is drawn as a speaker: people who are heard to speak, as lively as they are while they do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from openvasa.data.clip_list import Clip, Kind, Split
from openvasa.data.talking_clips import TalkingClip, play_rendition
from openvasa.errors import InputError
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code
from openvasa.rates import FRAME_SAMPLES
from openvasa.train.speakers import find_speakers, fit_speakers, measure_spoken_shares
from openvasa.train.style_scale import StyleScale
from tests.test_training import made_up_voice

FRAMES = 100


@dataclass(frozen=True)
class LoudnessEncoder:
    """Hears the loudness of a frame and nothing else."""

    name: str = "loudness"
    dim: int = 4
    past: int = 0
    lookahead: int = 0

    def segment(self, samples: np.ndarray, *, first: int = 0) -> np.ndarray:
        frames = samples.reshape(-1, FRAME_SAMPLES)[first:]
        return np.tile(frames.std(axis=1, keepdims=True), (1, self.dim)).astype(np.float32)

    def stream(self, blocks: Iterable[np.ndarray], *, gain: float = 1.0) -> Iterator[np.ndarray]:
        yield self.segment(gain * np.concatenate(list(blocks)))


def say(name: str, spoken: np.ndarray, *, mute: bool = False) -> TalkingClip:
    """A clip of somebody whose mouth moves in the frames that are `spoken`, (T,) bool."""
    rng = np.random.default_rng(len(name))
    motion = np.zeros((len(spoken), POSE_DIM + dynamics_code().size), np.float32)
    motion[spoken] = 0.1 * rng.standard_normal((int(spoken.sum()), motion.shape[1]))
    speech = np.where(spoken, 1.0, 0.0)[:, None] * np.ones((1, LoudnessEncoder.dim))
    voice = replace(made_up_voice(len(spoken), rng), speech=speech.astype(np.float16))
    clip = Clip(name, Split.TRAIN, name, Kind.REAL, not mute, "made up")
    return TalkingClip(clip, [play_rendition(motion, None if mute else voice)])


def spoken_for(share: float, frames: int = FRAMES) -> np.ndarray:
    return np.arange(frames) < share * frames


def test_who_waits_or_is_not_heard_or_is_seen_too_briefly_is_no_speaker() -> None:
    clips = [
        say("speaks", spoken_for(1)),
        say("pauses", spoken_for(0.8)),
        say("waits", spoken_for(0.3)),
        say("mute", spoken_for(1), mute=True),
        say("brief", spoken_for(1, 50)),
    ]
    found = find_speakers(clips, LoudnessEncoder())
    assert [clip.clip.name for clip in found] == ["speaks", "pauses"]


def test_clips_in_which_nobody_speaks_are_refused_by_what_would_do() -> None:
    with pytest.raises(InputError, match=r"nobody speaks.*people who talk"):
        find_speakers([say("mute", spoken_for(1), mute=True)], LoudnessEncoder())


def test_speakers_are_as_lively_as_those_who_speak_on() -> None:
    clips = [say(f"speaks {n}", spoken_for(0.95)) for n in range(4)]
    waiting = [say(f"waits {n}", spoken_for(0.2)) for n in range(8)]
    scale = StyleScale.fit(clips + waiting)
    speakers = fit_speakers(find_speakers(clips + waiting, LoudnessEncoder()), scale)
    own = np.stack([scale.style(clip.motion) for clip in clips])
    mouth = 0
    assert speakers.styles[:, mouth] == pytest.approx(own[:, mouth])
    everybody = np.mean([scale.style(clip.motion)[mouth] for clip in clips + waiting])
    assert speakers.average_style[mouth] > everybody + 0.5


def test_a_speech_is_spoken_where_its_features_are_not_those_of_silence() -> None:
    noise = np.random.default_rng(0).standard_normal(20 * FRAME_SAMPLES).astype(np.float32)
    noise[: 10 * FRAME_SAMPLES] *= 1e-3
    features = LoudnessEncoder().segment(noise)
    assert measure_spoken_shares([features, features[8:]], LoudnessEncoder()) == [0.5, 10 / 12]
