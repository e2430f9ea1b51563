"""Speech features → rows of motion, window after window, for speech of any length.

Each window sees the motion before it, as in VASA-1 (Xu et al., arXiv:2404.10667), and hears a few
frames past its own end, so that lips can anticipate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.audio.speech_encoder import SpeechEncoder
from openvasa.motion.row_maker import RowMaker
from openvasa.motion.settings import MotionSettings
from openvasa.motion.window_network import WindowNetwork

LOOKAHEAD = 4
"""Frames at the end of a window that are made again by the next: their future was not heard."""
STEPS = 6
"""Evaluations of the network a window."""
GUIDANCE = 1.0
"""On the speech."""


@dataclass
class MotionGenerator:
    """Generates motion window by window; `feed` it features, it returns rows when it can.

    Attributes:
        network: predicts velocities.
        settings: what the user chose.
        encoder: made the features.
        without: names of corrections that are left out; see `motion.correction`.
    """

    network: WindowNetwork
    settings: MotionSettings = field(default_factory=MotionSettings)
    encoder: SpeechEncoder = field(default_factory=MoonshineEncoder)
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Start at the beginning."""
        self._maker = RowMaker(
            self.network,
            self.settings,
            self.encoder,
            steps=STEPS,
            guidance=GUIDANCE,
            response=self.network.space.in_files,
            without=self.without,
        )
        prior = self._maker.space.prior
        self._recent, self._window = prior.recent, prior.window
        self._heard = self._maker.silence[-self._recent :]

    def feed(self, features: np.ndarray) -> np.ndarray:
        """Add (n, dim) features; returns the (m, 6 + D + 2) float32 rows now certain."""
        self._heard = np.concatenate([self._heard, features])
        rows = [self._maker.nothing()]
        while len(self._heard) >= self._recent + self._window:
            rows.append(self._make_window())
        return np.concatenate(rows)

    def finish(self) -> np.ndarray:
        """The (m, 6 + D + 2) rows of the speech's end; the generator is used up then."""
        left = len(self._heard) - self._recent
        if not left:
            return self._maker.nothing()
        # The last frame's sound goes on until the last window is full.
        missing = -(-left // self._kept) * self._kept + LOOKAHEAD - left
        self._heard = np.pad(self._heard, ((0, missing), (0, 0)), mode="edge")
        return self.feed(self._heard[:0])[:left]

    @property
    def _kept(self) -> int:
        return self._window - LOOKAHEAD

    def _make_window(self) -> np.ndarray:
        heard = self._heard[: self._recent + self._window]
        if not self._maker.begun:
            self._maker.begin(heard[self._recent :])
        self._heard = self._heard[self._kept :]
        settings = self.settings
        return self._maker.make(heard, self._kept, settings.controls, settings.amount)[0]
