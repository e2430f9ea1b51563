"""Keeps what a live portrait shows and says, for the two examples beside this file."""

from __future__ import annotations

import tempfile
import wave
from bisect import bisect
from pathlib import Path

import numpy as np

from openvasa import Marking
from openvasa.publish import open_video


class Clip:
    """Pictures and sound as they came, to be saved as a marked mp4.

    Args:
        fps: frames a second of the file.
        rate: of the sound, Hz.
    """

    def __init__(self, fps: int, rate: int) -> None:
        self._fps, self._rate = fps, rate
        self._pictures: list[tuple[float, np.ndarray]] = []
        self._sound: list[np.ndarray] = []

    @property
    def seconds(self) -> float:
        """Sound kept so far."""
        return sum(map(len, self._sound)) / self._rate

    def see(self, picture: np.ndarray, at_s: float) -> None:
        """Keep a (h, w, 3) uint8 RGB picture that is shown from `at_s` of the sound on."""
        if self._pictures and self._pictures[-1][0] == at_s:
            self._pictures.pop()
        self._pictures.append((at_s, picture))

    def hear(self, samples: np.ndarray) -> None:
        """Keep (n,) int16 samples."""
        self._sound.append(samples)

    def save(self, path: Path, content_id: int) -> None:
        """Write the mp4; `content_id` is what the watermark of the pictures carries."""
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = self._pictures[0][1].shape[:2]
        with tempfile.TemporaryDirectory() as folder:
            sound = Path(folder) / "sound.wav"
            with wave.open(str(sound), "wb") as file:
                file.setparams((1, 2, self._rate, 0, "NONE", ""))
                file.writeframes(np.concatenate(self._sound).astype("<i2").tobytes())
            marking = Marking(content_id=content_id)
            with open_video(path, (width, height), self._fps, sound, marking=marking) as writer:
                shown_from = [at_s for at_s, _ in self._pictures]
                for index in range(round(self.seconds * self._fps)):
                    # At the middle of a frame: no rounding shows the picture before.
                    latest = max(0, bisect(shown_from, (index + 0.5) / self._fps) - 1)
                    writer.write(self._pictures[latest][1])
        print(f"{path}: {self.seconds:.1f} s of speech, {len(self._pictures)} pictures")
