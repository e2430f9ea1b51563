"""Window after window: what the motion of files and of streams share.

A window knows the motion before it and hears the features of its frames and of those before. The
sampler makes motion of it, and what is kept is history for the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openvasa.motion.speaker import Speaker
from openvasa.motion.velocity import sample_velocity
from openvasa.motion.window_network import Guidance, WindowNetwork


class WindowLoop:
    """The motion of one speech so far, and how it goes on."""

    def __init__(
        self,
        network: WindowNetwork,
        speaker: Speaker,
        silence: np.ndarray,
        *,
        seed: int | Sequence[int],
        steps: int,
        guidance: Guidance,
    ) -> None:
        """Begin in the middle of a silence, so that the first frame is as alive as any other.

        Args:
            network: predicts velocities.
            speaker: who moves.
            silence: (n, feature_dim) features of silence, n at least the prior's past and a window.
            seed: of the noise.
            steps: evaluations of the network a window.
            guidance: on the speech.
        """
        self._network, self._speaker = network, speaker
        self._steps, self._guidance = steps, guidance
        self._rng = np.random.default_rng(seed)
        channels = len(network.space.mean)
        self._motion = np.zeros((0, channels), np.float32)
        self._white = np.zeros((0, channels), np.float32)
        prior = network.space.prior
        while len(self._motion) < prior.past:
            self.generate(silence[: prior.recent + prior.window], prior.window)

    def generate(self, features: np.ndarray, kept: int) -> np.ndarray:
        """Generate one window; later ones go on from its first `kept` frames.

        Args:
            features: (K + n, feature_dim) of the K frames before and of the window, n even.
            kept: frames that stay.

        Returns:
            (n, 6 + D) float32 motion.
        """
        space = self._network.space
        prior = space.prior
        history = prior.read_history(self._motion)
        expected = prior.expect(history, len(features) - prior.recent)
        predict = self._network.predictor(
            expected, history, features, self._speaker.style, self._guidance
        )
        noise = expected.colour(self._draw_noise(len(expected.mean), kept))
        window = expected.mean + expected.deviation * sample_velocity(predict, noise, self._steps)
        window = space.keep_learnt(window)
        self._motion = np.concatenate([self._motion, window[:kept]])[-prior.past :]
        return space.restore(window, self._speaker.head)

    def _draw_noise(self, frames: int, kept: int) -> np.ndarray:
        """(frames, 6 + D) white noise; a frame generated again keeps its own, and with it most of
        what it will be. A window may be shorter than the one before."""
        missing = max(0, frames - len(self._white))
        fresh = self._rng.standard_normal((missing, self._white.shape[1])).astype(np.float32)
        white = np.concatenate([self._white, fresh])
        self._white = white[kept:]
        return white[:frames]
