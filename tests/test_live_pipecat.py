"""The Pipecat adapter against the real package."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from live_example import check_example
from live_stand_in import StandInModel

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.face.latent import FaceLatent

pytest.importorskip("pipecat", reason="needs the pipecat extra")

RATE = 16000


def speech(seconds: float) -> np.ndarray:
    """(n,) int16 at 16 kHz."""
    voice = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))[: round(seconds * RATE)]
    return (voice * 32767).astype(np.int16)


def run(face: FaceLatent, frames: list) -> list:
    from pipecat.tests.utils import run_test

    from openvasa.live.pipecat import OpenVasaVideo

    processor = OpenVasaVideo(face, fps=25, model=StandInModel())
    down, _ = asyncio.run(run_test(processor, frames_to_send=frames, start_timeout=30.0))
    return list(down)


def tts(seconds: float) -> list:
    from pipecat.frames.frames import TTSAudioRawFrame, TTSStartedFrame, TTSStoppedFrame

    chunks = np.array_split(speech(seconds), round(seconds * 10))
    sound = [TTSAudioRawFrame(c.tobytes(), RATE, 1) for c in chunks]
    return [TTSStartedFrame(), *sound, TTSStoppedFrame()]


def test_speech_comes_out_beside_images_and_ends(face: FaceLatent) -> None:
    from pipecat.frames.frames import OutputImageRawFrame, TTSAudioRawFrame, TTSStoppedFrame

    down = run(face, tts(2.0))
    images = [f for f in down if isinstance(f, OutputImageRawFrame)]
    sounds = [f for f in down if isinstance(f, TTSAudioRawFrame)]
    assert len(images) > 15
    assert images[0].size == (512, 512)
    assert len(images[0].image) == 512 * 512 * 3
    seconds = sum(len(f.audio) for f in sounds) / 2 / 24000
    assert seconds == pytest.approx(2.0, abs=0.1)
    kinds = [type(f) for f in down]
    assert kinds.index(TTSStoppedFrame) > len(kinds) - 1 - kinds[::-1].index(TTSAudioRawFrame)


def test_interruption_stops_it(face: FaceLatent) -> None:
    from pipecat.frames.frames import InterruptionFrame, TTSAudioRawFrame
    from pipecat.tests.utils import SleepFrame

    down = run(face, [*tts(8.0)[:-1], SleepFrame(2.0), InterruptionFrame(), SleepFrame(1.0)])
    sounds = [f for f in down if isinstance(f, TTSAudioRawFrame)]
    heard = sum(np.frombuffer(f.audio, np.int16).any() for f in sounds) * 0.04
    assert 0.5 < heard < 3.0
    index = next(i for i, f in enumerate(down) if isinstance(f, InterruptionFrame))
    after = [f for f in down[index:] if isinstance(f, TTSAudioRawFrame)]
    assert sum(np.frombuffer(f.audio, np.int16).any() for f in after) * 0.04 < 0.15


@pytest.mark.slow
def test_the_example_writes_a_marked_talking_video(tmp_path: Path) -> None:
    """With the real portrait and the real models."""
    check_example("pipecat", tmp_path)
