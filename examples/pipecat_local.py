"""A Pipecat pipeline without any service: recorded speech in, a marked mp4 out.

    pip install 'openvasa[pipecat]'
    python examples/pipecat_local.py        # writes out/pipecat.mp4

With services it is `Pipeline([transport.input(), stt, llm, tts, video, transport.output()])`, the
transport with `video_out_enabled`, 512×512, at the frame rate of `OpenVasaVideo`.
"""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from clip import Clip
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    OutputImageRawFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.live.pipecat import OpenVasaVideo

OUTPUT = Path("out/pipecat.mp4")


class Camera(FrameProcessor):
    """In place of a transport: keeps what would be sent."""

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self._clip = clip

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take a frame of the pipeline."""
        await super().process_frame(frame, direction)
        if isinstance(frame, OutputImageRawFrame):
            width, height = frame.size
            pixels = np.frombuffer(frame.image, np.uint8).reshape(height, width, 3)
            self._clip.see(pixels, self._clip.seconds)
        elif isinstance(frame, TTSAudioRawFrame):
            self._clip.hear(np.frombuffer(frame.audio, np.int16))
        await self.push_frame(frame, direction)


def speech() -> Iterator[Frame]:
    """What a TTS service sends for the recorded speech."""
    yield TTSStartedFrame()
    with wave.open(str(EXAMPLE_VOICE)) as file:
        rate = file.getframerate()
        while data := file.readframes(rate // 50):
            yield TTSAudioRawFrame(data, rate, 1)
    yield TTSStoppedFrame()


async def main() -> None:
    """Say it and save it."""
    video = OpenVasaVideo(openvasa.load_portrait(EXAMPLE_PORTRAIT), fps=25, sample_rate=24000)
    clip = Clip(fps=25, rate=24000)
    task = PipelineTask(Pipeline([video, Camera(clip)]))
    await task.queue_frames([*speech(), EndFrame()])
    await PipelineRunner(handle_sigint=False).run(task)
    clip.save(OUTPUT, video.avatar.content_id)


if __name__ == "__main__":
    asyncio.run(main())
