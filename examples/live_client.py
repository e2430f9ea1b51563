"""Stream a recorded voice into a live server and keep its last picture.

Start `openvasa live` first::

    python examples/live_client.py http://localhost:8765 portrait voice.wav out/last.jpg
"""

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np

from openvasa.live.client import Picture, open_portrait


async def main(server: str, portrait: str, voice: str, picture: str) -> None:
    with wave.open(voice) as file:
        rate, samples = file.getframerate(), np.frombuffer(file.readframes(1 << 30), "<i2")
    async with await open_portrait(server, portrait=portrait, media=True) as link:
        speech = await link.begin_speech(rate)
        await speech.push(samples)
        await speech.end()
        async for message in link:
            if isinstance(message, Picture):
                Path(picture).write_bytes(message.jpeg)
            elif isinstance(message, dict) and message["type"] == "spoken":
                print(f"said {message['sample'] / rate:.1f} s")
            elif isinstance(message, dict) and message["type"] == "speech.done":
                return


asyncio.run(main(*sys.argv[1:]))
