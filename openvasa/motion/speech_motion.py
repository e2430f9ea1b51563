"""The shipped motion model: speech in, motion of a speaker drawn by the seed out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from openvasa.ahead import made_ahead
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.audio.speech_encoder import SpeechEncoder
from openvasa.errors import InputError
from openvasa.motion.controls import GROUPS
from openvasa.motion.generator import MotionGenerator
from openvasa.motion.motion import Motion
from openvasa.motion.settings import MotionSettings
from openvasa.motion.streaming import StreamingGenerator
from openvasa.motion.window_network import WindowNetwork, window_network


@dataclass(frozen=True)
class SpeechMotion:
    """A `MotionModel` with the shipped network, one for files and streams.

    Attributes:
        settings: seed, guidance, speaker, amounts and controls.
        encoder: hears the speech; the one that the network was trained with.
        threads: CPU threads of whole files. A stream takes one.
        without: names of corrections that are left out; see `motion.correction`.
        network: instead of the shipped one, for whole files.
    """

    settings: MotionSettings = field(default_factory=MotionSettings)
    encoder: SpeechEncoder = field(default_factory=MoonshineEncoder)
    threads: int = 2
    without: tuple[str, ...] = ()
    network: WindowNetwork | None = None

    def frames(self, blocks: Iterable[np.ndarray], *, gain: float = 1.0) -> Iterator[np.ndarray]:
        """See `MotionModel.frames`."""
        with closing(made_ahead(self.encoder.stream(blocks, gain=gain))) as pieces:
            # While the first features are made.
            network = self.network or window_network(self.threads)
            generator = MotionGenerator(network, self.settings, self.encoder, self.without)
            for features in pieces:
                rows = generator.feed(features)
                if len(rows):
                    yield rows
        rows = generator.finish()
        if len(rows):
            yield rows

    def live(self, hop: int = 2, lookahead: int = 1) -> StreamingGenerator:
        """See `MotionModel.live`."""
        if self.network is not None:
            raise InputError("live: this network makes the motion of whole files only")
        return StreamingGenerator(
            self.settings, self.encoder, hop=hop, lookahead=lookahead, without=self.without
        )

    def describe(self) -> Mapping[str, object]:
        """See `MotionModel.describe`."""
        controls = self.settings.controls
        steered = [name for name in GROUPS if getattr(controls, name)]
        return {"seed": self.settings.seed, "steered": steered}


def generate_motion(
    blocks: Iterable[np.ndarray], settings: MotionSettings | None = None, *, gain: float = 1.0
) -> Motion:
    """Motion of a whole speech at 25 fps; see `MotionModel.frames`."""
    model = SpeechMotion(settings or MotionSettings())
    return Motion.from_rows(np.concatenate(list(model.frames(blocks, gain=gain))))
