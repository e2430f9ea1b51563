"""Live audio → motion, hop by hop, by the network distilled for short windows.

A hop of frames is generated as soon as its sound and a short look-ahead are in. The speech encoder
hears the last second and the window, cut so in training; the sound of the last frame is guessed.
"""

from __future__ import annotations

import numpy as np

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.audio.speech_encoder import SpeechEncoder, check_encoder
from openvasa.errors import InputError
from openvasa.motion.articulation import (
    TONGUE_DIM,
    articulation_reader,
    read_articulation,
)
from openvasa.motion.controls import Controls
from openvasa.motion.correction import (
    LIVE,
    Correction,
    Moment,
    Stage,
    apply_corrections,
    head_on,
)
from openvasa.motion.hop import hop_model
from openvasa.motion.motion import POSE_DIM
from openvasa.motion.settings import MotionSettings
from openvasa.rates import FRAME_SAMPLES

GUESSED = 1
"""Frames generated past the look-ahead, by sound that is not there yet: what was heard last,
reversed, stands for it. It makes the frames before better than a window that ends with them."""
SHORTEST_WINDOW, LONGEST_WINDOW = 3, 7
"""Hop, look-ahead and guess together, frames: windows that the network can make."""


class StreamingGenerator:
    """Generates motion while the sound comes in; the same sound in any chunks, the same motion.

    Frame i shows samples [640 i, 640 (i + 1)) at 16 kHz. A hop comes out once its own samples
    and those of the look-ahead are in.
    """

    def __init__(
        self,
        settings: MotionSettings | None = None,
        encoder: SpeechEncoder | None = None,
        corrections: tuple[Correction, ...] = LIVE,
        *,
        hop: int = 2,
        lookahead: int = 1,
        threads: int = 1,
    ) -> None:
        """Start at silence.

        Args:
            settings: seed, style and the controls at the start; steps and guidance are part of
                the distilled network.
            encoder: makes the features; the shipped one where None.
            corrections: what is done to the motion beside the network.
            hop: frames of 40 ms generated at a time.
            lookahead: frames of sound heard past the hop.
            threads: CPU threads of the network.

        Raises:
            InputError: hop and look-ahead make a window that the network does not know, or the
                encoder is not the one that network and reader were trained with.
        """
        fewest, most = SHORTEST_WINDOW - GUESSED, LONGEST_WINDOW - GUESSED
        if not fewest <= hop + lookahead <= most or hop < 1 or lookahead < 0:
            raise InputError(
                f"hop {hop}, look-ahead {lookahead}: together {fewest} to {most} frames"
            )
        settings = settings or MotionSettings()
        self.controls = settings.controls
        self.hop, self.lookahead = hop, lookahead
        self._encoder = encoder or MoonshineEncoder()
        self._corrections = corrections
        self._reader = articulation_reader()
        self._model = hop_model(threads)
        space = self._space = self._model.space
        check_encoder(self._encoder, space.encoder_name, space.feature_dim, "live motion network")
        self._reader.check_hears(self._encoder)
        self._modulations = self._model.modulations(settings.style)
        self._rng = np.random.default_rng(settings.seed)
        self._context = self._space.at_rest()
        self._noise = np.zeros((0, len(self._space.mean)), np.float32)
        self.ahead = self._nothing()
        self._held = np.zeros(self._encoder.past * FRAME_SAMPLES, np.float32)
        self._done = 0

    controls: Controls
    """Gaze, distance and emotion; a new one applies from the next hop."""
    ahead: np.ndarray
    """(lookahead + GUESSED, 6 + D + 2) float32 rows after the last certain one, as they look for
    now."""

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Add (n,) float32 mono samples at 16 kHz, already levelled (`audio.level`).

        Returns:
            (m, 6 + D + 2) float32 rows that are now certain, 25 a second.
        """
        self._held = np.concatenate([self._held, samples.astype(np.float32)])
        need = (self._encoder.past + self.hop + self.lookahead) * FRAME_SAMPLES
        frames = [self._nothing()]
        while len(self._held) >= need:
            frames.append(self._hop(self._held[:need]))
            self._held = self._held[self.hop * FRAME_SAMPLES :]
        return np.concatenate(frames)

    def finish(self) -> np.ndarray:
        """The (m, 6 + D + 2) rows of the sound's end, silence after it; then used up."""
        left = round(len(self._held) / FRAME_SAMPLES) - self._encoder.past
        silence = np.zeros((self.hop + self.lookahead) * FRAME_SAMPLES, np.float32)
        return self.push(silence)[: max(left, 0)]

    def _nothing(self) -> np.ndarray:
        return np.zeros((0, len(self._space.mean) + TONGUE_DIM), np.float32)

    def _hop(self, heard: np.ndarray) -> np.ndarray:
        """Generate the window of `heard`, a second of past before it, and keep its hop."""
        space, window = self._space, self.hop + self.lookahead + GUESSED
        unused = self._encoder.past - space.context
        heard = np.concatenate([heard, heard[-GUESSED * FRAME_SAMPLES :][::-1]])
        audio = self._encoder.segment(heard, first=unused)
        steering = self.controls.rows(self._done - space.context, space.context + window)
        # A frame keeps its noise from look-ahead to hop, and with it most of what it will be.
        fresh = space.noise(self._rng, window - len(self._noise))
        noise = np.concatenate([self._noise, fresh])
        self._noise = noise[self.hop :]
        context = self._context
        window_frames = self._model.sample(
            noise, context, audio, steering, self._modulations, self._corrections, self.hop
        )
        frames, ahead = window_frames[: self.hop], window_frames[self.hop :]
        self._context = np.concatenate([self._context, frames])[-space.context :]
        ahead[:, :POSE_DIM] = head_on(self._context)[:POSE_DIM]
        made = np.concatenate([frames, ahead]) * space.deviation + space.mean
        reading = read_articulation(self._reader, audio)[space.context :]
        values, known = steering
        moment = Moment(space, context, values[space.context :], known, self.hop, reading)
        made = apply_corrections(self._corrections, Stage.ROWS, made, moment)
        made = np.hstack([made, reading[:, :TONGUE_DIM]]).astype(np.float32)
        frames, self.ahead = made[: self.hop], made[self.hop :]
        self._done += self.hop
        return frames
