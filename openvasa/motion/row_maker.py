"""Windows of generated motion → rows: amounts, controls, corrections and the tongue."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from openvasa.audio.speech_encoder import SpeechEncoder, check_encoder
from openvasa.motion.amount import Amount, scale_motion
from openvasa.motion.articulation import TONGUE, articulation_reader, read_articulation
from openvasa.motion.controls import Controls
from openvasa.motion.correction import CORRECTIONS, apply_corrections, leave_out
from openvasa.motion.row import Row, row_width
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speaker import StyleResponse
from openvasa.motion.steer import approach, steer_motion
from openvasa.motion.window_loop import WindowLoop
from openvasa.motion.window_network import Guidance, WindowNetwork
from openvasa.rates import FRAME_SAMPLES

SEEDING_PARTS, SEEDING_STEP = 8, 0.01
"""Groups of features, and how finely their spread is read."""


class RowMaker:
    """Makes the rows of one speech, window after window."""

    def __init__(
        self,
        network: WindowNetwork,
        settings: MotionSettings,
        encoder: SpeechEncoder,
        *,
        steps: int,
        guidance: float,
        response: StyleResponse,
        without: tuple[str, ...] = (),
    ) -> None:
        """Get ready; `begin` begins.

        Args:
            network: predicts velocities.
            settings: what the user chose.
            encoder: hears the speech.
            steps: evaluations of the network a window.
            guidance: on the speech, unless the settings say another.
            response: what to ask for, so that the speaker's style is shown.
            without: names of corrections that are left out.

        Raises:
            InputError: network or articulation reader were trained with another encoder, or a
                correction is unknown.
        """
        space = network.space
        check_encoder(encoder, space.encoder, space.feature_dim, "motion network")
        self._reader = articulation_reader()
        self._reader.check_hears(encoder)
        self._corrections = leave_out(CORRECTIONS, without)
        self._settings, self.space = settings, space
        samples = np.zeros((space.prior.recent + space.prior.window) * FRAME_SAMPLES, np.float32)
        self.silence = np.concatenate(list(encoder.stream([samples])))
        self._speaker = settings.speaker or space.speakers.draw(settings.seed)
        chosen = settings.audio_guidance
        asked = response.ask_for(self._speaker.style, space.speakers)
        self._begin = partial(
            WindowLoop,
            network,
            replace(self._speaker, style=asked),
            self.silence,
            steps=steps,
            guidance=Guidance(guidance if chosen is None else chosen),
        )
        self._loop: WindowLoop | None = None
        self._done = 0
        self._steered: np.ndarray | None = None
        self._scaled: np.ndarray | None = None

    def begin(self, speech: np.ndarray | None = None) -> None:
        """Begin in silence, by the chance that the motion goes by; once, before `make`.

        Args:
            speech: (n, dim) features of the beginning, where it is known: then two speeches with
                one seed do not move alike.
        """
        seed = [self._settings.seed] if speech is None else [self._settings.seed, *_round(speech)]
        self._loop = self._begin(seed=seed)

    @property
    def begun(self) -> bool:
        """Whether the chance is drawn."""
        return self._loop is not None

    def nothing(self) -> np.ndarray:
        """(0, 6 + D + 2) float32 rows."""
        return np.zeros((0, row_width()), np.float32)

    def make(
        self, features: np.ndarray, kept: int, controls: Controls, amount: Amount
    ) -> tuple[np.ndarray, np.ndarray]:
        """Make the next window.

        Args:
            features: (K + n, dim) of the K frames before and of the window, n even.
            kept: frames that are certain; the next window begins behind them.
            controls: of the window.
            amount: how much of the movement is shown from now on, reached within half a second.

        Returns:
            (kept, 6 + D + 2) float32 rows, and a sketch of the n − kept after them.
        """
        assert self._loop is not None, "begin first"
        motion = self._loop.generate(features, kept)
        wanted = np.tile(amount.factors, (len(motion), 1))
        factors, _ = approach(wanted, self._scaled)
        _, self._scaled = approach(wanted[:kept], self._scaled)
        motion = scale_motion(motion, factors)
        values, known = controls.rows(self._done, len(motion))
        parts = [motion[:kept], motion[kept:]]
        parts[0], self._steered = steer_motion(parts[0], values[:kept], known, self._steered)
        if len(parts[1]):
            parts[1], _ = steer_motion(parts[1], values[kept:], known, self._steered)
        reading = read_articulation(self._reader, features)[self.space.prior.recent :]
        motion = apply_corrections(self._corrections, np.concatenate(parts), reading)
        rows = replace(Row.split(motion), tongue=reading[:, TONGUE]).join()
        self._done += kept
        return rows[:kept], rows[kept:]


def _round(speech: np.ndarray) -> list[int]:
    """A few whole numbers that tell speeches apart, too coarse for machines to differ in them."""
    parts = np.array_split(speech.astype(np.float64), SEEDING_PARTS, axis=1)
    return [int(part.std() / SEEDING_STEP) for part in parts if part.size]
