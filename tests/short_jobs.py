"""Short voices and lists of tasks, for tests of batches and of the job service."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.audio.pcm import write_wav
from openvasa.batch.options import Options
from openvasa.batch.task import Task
from openvasa.rates import SAMPLE_RATE

SMALL = Options(size=128, fps="12")


def write_voice(path: Path, seconds: float = 0.6, start: float = 1.0) -> Path:
    """A stretch of the example's voice as a WAV."""
    voice = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
    first = round(start * SAMPLE_RATE)
    samples = voice[first : first + round(seconds * SAMPLE_RATE)]
    write_wav(path, [samples], SAMPLE_RATE)
    return path


def make_tasks(folder: Path, number: int, portrait: Path | str = EXAMPLE_PORTRAIT) -> list[Task]:
    """Tasks with voices and outputs of their own in a folder."""
    return [
        Task(
            name=f"t{i}",
            portrait=str(portrait),
            audio=str(write_voice(folder / f"voice{i}.wav", start=0.3 * i)),
            output=str(folder / f"out{i}.mp4"),
            options=SMALL,
        )
        for i in range(number)
    ]
