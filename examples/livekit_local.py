"""LiveKit Agents without a server: recorded speech in, a marked mp4 of the talking portrait out.

    pip install 'openvasa[livekit]'
    python examples/livekit_local.py        # writes out/livekit.mp4

In a room, LiveKit's `AvatarRunner` does what `show` does here:

    runner = AvatarRunner(
        room,
        audio_recv=DataStreamAudioReceiver(room),
        video_gen=generator,
        options=generator.options,
    )
    await runner.start()
"""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
from clip import Clip
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.live.livekit import OpenVasaGenerator

OUTPUT = Path("out/livekit.mp4")


async def speak(generator: OpenVasaGenerator) -> None:
    """Push the recorded speech as an agent's TTS does: in pieces, faster than it is said."""
    with wave.open(str(EXAMPLE_VOICE)) as file:
        rate = file.getframerate()
        while data := file.readframes(rate // 50):
            await generator.push_audio(rtc.AudioFrame(data, rate, 1, len(data) // 2))
    await generator.push_audio(AudioSegmentEnd())


async def show(generator: OpenVasaGenerator) -> Clip:
    """Take pictures and sound, each when it is due, until everything has been said."""
    clip = Clip(round(generator.options.video_fps), generator.options.audio_sample_rate)
    start = 0.0
    async for item in generator:
        if isinstance(item, AudioSegmentEnd):
            break
        if isinstance(item, rtc.AudioFrame):
            start = clip.seconds
            clip.hear(np.frombuffer(item.data, np.int16))
        else:
            pixels = np.frombuffer(item.data, np.uint8).reshape(item.height, item.width, 3)
            clip.see(pixels, start)
    return clip


async def main() -> None:
    """Say it and save it."""
    generator = OpenVasaGenerator(openvasa.load_portrait(EXAMPLE_PORTRAIT))
    speaking = asyncio.create_task(speak(generator))
    clip = await show(generator)
    await generator.aclose()
    await speaking
    clip.save(OUTPUT, generator.avatar.content_id)


if __name__ == "__main__":
    asyncio.run(main())
