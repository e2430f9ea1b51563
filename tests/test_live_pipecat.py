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


def test_settings_steer_it_and_metrics_tell_of_it(face: FaceLatent) -> None:
    from pipecat.frames.frames import ErrorFrame, MetricsFrame, OutputImageRawFrame
    from pipecat.pipeline.worker import PipelineParams
    from pipecat.tests.utils import SleepFrame, run_test

    from openvasa.live.pipecat import OpenVasaVideo, PortraitSettings, PortraitUpdateSettingsFrame

    processor = OpenVasaVideo(
        face,
        size=256,
        background="green",
        model=StandInModel(),
        settings=PortraitSettings(emotion={"happy": 0.5}),
    )
    steered = []
    processor.avatar.steer = steered.append
    frames = [
        PortraitUpdateSettingsFrame(delta=PortraitSettings(gaze=(10.0, 0.0))),
        PortraitUpdateSettingsFrame(delta=PortraitSettings(gaze=(90.0, 0.0))),
        *tts(1.0),
        SleepFrame(1.5),
    ]
    params = PipelineParams(enable_metrics=True)
    down, up = asyncio.run(
        run_test(processor, frames_to_send=frames, start_timeout=30.0, pipeline_params=params)
    )
    assert [controls.gaze for controls in steered] == [(10.0, 0.0)]
    assert steered[0].emotion == {"happy": 0.5}
    assert any("out of range" in frame.error for frame in up if isinstance(frame, ErrorFrame))
    images = [frame for frame in down if isinstance(frame, OutputImageRawFrame)]
    assert images[0].size == (256, 256)
    corner = np.frombuffer(images[0].image, np.uint8).reshape(256, 256, 3)[4, 4].astype(int)
    assert corner[1] > corner[[0, 2]].max() + 40, "before green"
    assert any(data.value > 0 for f in down if isinstance(f, MetricsFrame) for data in f.data)
