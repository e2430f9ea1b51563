"""Live audio → rows of motion, hop by hop.

A hop of frames is made as soon as its sound and a short look-ahead are in. Where it is known what
comes, the window hears that too. The speech encoder hears the last second and the window, cut so in
training; the sound of the last frames is guessed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from openvasa.audio.gate import NoiseGate
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.audio.speech_encoder import SpeechEncoder
from openvasa.errors import InputError
from openvasa.motion.amount import Amount
from openvasa.motion.controls import Controls
from openvasa.motion.row_maker import RowMaker
from openvasa.motion.settings import MotionSettings
from openvasa.motion.window_network import WindowNetwork, window_network
from openvasa.rates import FRAME_SAMPLES

STEPS = 3
"""Evaluations of the network a window."""
GUIDANCE = 1.5
"""On the speech."""
SHORTEST, LONGEST = 2, 7
"""Frames of hop and look-ahead together."""


def check_window(hop: int, lookahead: int) -> None:
    """Raise InputError where the network knows no window of such a hop and look-ahead."""
    if not SHORTEST <= hop + lookahead <= LONGEST or hop < 1 or lookahead < 0:
        raise InputError(
            f"hop {hop}, look-ahead {lookahead}: together {SHORTEST} to {LONGEST} frames"
        )


class StreamingGenerator:
    """An `AdjustableSource` and a `ForesightedSource`.

    The same sound in any chunks gives the same motion, as long as nothing is foreseen.
    """

    controls: Controls
    """Gaze, distance and emotion; a new one applies from the next hop."""
    amount: Amount
    """How much of the movement is shown, of what the settings say; a new one applies from the next
    hop."""
    ahead: np.ndarray
    """(m, 6 + D + 2) float32 rows after the last certain one, as they look for now: those of the
    look-ahead, of what is foreseen and of what is guessed."""
    coming: Callable[[int], np.ndarray] | None = None
    """See `ForesightedSource`."""

    def __init__(
        self,
        settings: MotionSettings | None = None,
        encoder: SpeechEncoder | None = None,
        *,
        hop: int = 2,
        lookahead: int = 1,
        without: tuple[str, ...] = (),
        network: WindowNetwork | None = None,
    ) -> None:
        """Start at silence.

        Args:
            settings: seed, speaker, amounts and the controls at the start.
            encoder: makes the features; the shipped one where None.
            hop: frames of 40 ms generated at a time.
            lookahead: frames of sound heard past the hop.
            without: names of corrections that are left out; see `motion.correction`.
            network: predicts velocities; the shipped one on one thread where None.

        Raises:
            InputError: hop and look-ahead make a window that the network does not know, or the
                encoder is not the one that network and reader were trained with.
        """
        check_window(hop, lookahead)
        settings = settings or MotionSettings()
        self.controls, self.amount = settings.controls, Amount()
        self._usual_amount = settings.amount
        self.hop, self.lookahead = hop, lookahead
        self.longest = LONGEST - lookahead
        self._hearing = hop
        self._encoder = encoder or MoonshineEncoder()
        network = network or window_network(1)
        self._maker = RowMaker(
            network,
            settings,
            self._encoder,
            steps=STEPS,
            guidance=GUIDANCE,
            response=network.space.in_streams,
            without=without,
        )
        self._maker.begin()
        self.ahead = self._maker.nothing()
        self._held = np.zeros(self._encoder.past * FRAME_SAMPLES, np.float32)
        self._gate = NoiseGate()
        self._silences: dict[int, np.ndarray] = {}

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Add (n,) float32 mono samples at 16 kHz, already levelled (`audio.level`).

        Returns:
            (m, 6 + D + 2) float32 rows that are now certain, 25 a second.
        """
        self._held = np.concatenate([self._held, self._gate.apply(samples)])
        rows = [self._maker.nothing()]
        while len(self._held) >= (need := self._need()):
            rows.append(self._make_hop(need))
            self._held = self._held[self._hearing * FRAME_SAMPLES :]
            self._hearing = self.hop
        return np.concatenate(rows)

    def finish(self) -> np.ndarray:
        """The (m, 6 + D + 2) rows of the sound's end, silence after it; then used up."""
        left = round((len(self._held) + self._gate.waiting) / FRAME_SAMPLES) - self._encoder.past
        most = max(self._hearing, self.hop) + self.lookahead
        silence = np.zeros(most * FRAME_SAMPLES, np.float32)
        return self.push(silence)[: max(left, 0)]

    def _need(self) -> int:
        """Samples held that make a hop."""
        return (self._encoder.past + self._hearing + self.lookahead) * FRAME_SAMPLES

    def _make_hop(self, need: int) -> np.ndarray:
        """Make the window whose hop and look-ahead end at `need`, and keep its hop."""
        heard = np.concatenate([self._held[:need], self._foresee(need)])
        features = self._read_features(np.concatenate([heard, self._guess(heard)]))
        amount = self._usual_amount.times(self.amount)
        rows, self.ahead = self._maker.make(features, self._hearing, self.controls, amount)
        return rows

    def _foresee(self, need: int) -> np.ndarray:
        """Whole frames of the sound behind `need`, as many as are known and a window may hold."""
        room = (LONGEST - self._hearing - self.lookahead) * FRAME_SAMPLES
        if self.coming is None or not room:
            return self._held[:0]
        known = self._held[need : need + room]
        coming = self._gate.foresee(self.coming(room - len(known)))
        known = np.concatenate([known, coming])[:room]
        return known[: len(known) // FRAME_SAMPLES * FRAME_SAMPLES]

    def _guess(self, heard: np.ndarray) -> np.ndarray:
        """Sound of the frames that nobody knows: a window has an even number of them.

        What was heard last, reversed, stands for theirs: it makes the frames before better than a
        window that ends with them.
        """
        frames = 2 - (len(heard) // FRAME_SAMPLES - self._encoder.past) % 2
        return heard[-frames * FRAME_SAMPLES :][::-1]

    def _read_features(self, sound: np.ndarray) -> np.ndarray:
        """Features of a window and the frames before it. Silence of a length is read once: it costs
        half of what motion does, and a portrait between two answers hears nothing else."""
        silent = not sound.any()
        if silent and len(sound) in self._silences:
            return self._silences[len(sound)]
        unseen = self._encoder.past - self._maker.space.prior.recent
        features = self._encoder.segment(sound, first=unseen)
        if silent:
            self._silences[len(sound)] = features
        return features
