"""What the frames before a window say of it before any speech is heard: a Gaussian prior of motion.

Every channel of normalised motion counts as a stationary Gaussian process with the autocovariance
of the training clips. Given the frames before it, a window then has a known mean and covariance
(conditioning of Gaussians: Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006,
section 2.2). The generator works on the window's difference to that mean, and its noise has that
covariance. So slow movement and quick movement stand equally clear of the noise at every step, and
a window goes on where the one before ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

OBSERVED_VARIANCE = 1e-3
"""Variance of what is not motion in the frames before, as a share of the channel's own."""
DRAWN_VARIANCE = 3e-4
"""Variance added to what is drawn, as a share of the channel's own."""
LEAST_EIGENVALUE = 1e-6
"""Share of a channel's variance below which an estimated eigenvalue of its covariance is noise."""


@dataclass(frozen=True)
class History:
    """What a window knows of the motion before it, normalised.

    Attributes:
        recent: (K, C) float32 the last K frames, the oldest first.
        blocks: (N, C) float32 means of N blocks of frames before those, the newest first.
        known: (N,) float32, 1 where a block lies within the motion.
        given: there are K frames before the window.
    """

    recent: np.ndarray
    blocks: np.ndarray
    known: np.ndarray
    given: bool


@dataclass(frozen=True)
class Expectation:
    """A window of n frames as the prior expects it, normalised.

    Attributes:
        mean: (n, C) float32.
        deviation: (n, C) float32, of each number around its mean.
        step: (n, C) float32, deviation of the change from the frame before.
        factor: (C, n, n) float32 lower triangular, white noise → deviation from the mean.
    """

    mean: np.ndarray
    deviation: np.ndarray
    step: np.ndarray
    factor: np.ndarray

    def colour(self, white: np.ndarray) -> np.ndarray:
        """(n, C) standard normal numbers → (n, C) float32 noise of unit deviation that moves as
        motion does."""
        return np.einsum("cij,jc->ic", self.factor, white.astype(np.float32)) / self.deviation


@dataclass(frozen=True)
class MotionPrior:
    """Means and covariances of windows, by how many blocks of history are known.

    Pattern 0 knows nothing; pattern p knows the recent frames and the p − 1 newest blocks.

    Attributes:
        gain: (N + 2, C, W, K + N) float32, history → mean of the window.
        factor: (N + 2, C, W, W) float32 lower triangular.
        deviation, step: (N + 2, W, C) float32.
        recent: K, frames that a window sees one by one.
        block: frames of a block.
    """

    gain: np.ndarray
    factor: np.ndarray
    deviation: np.ndarray
    step: np.ndarray
    recent: int
    block: int

    @property
    def window(self) -> int:
        """W, frames of the longest window."""
        return self.deviation.shape[1]

    @property
    def blocks(self) -> int:
        """N, blocks of history."""
        return len(self.deviation) - 2

    @property
    def past(self) -> int:
        """Frames before a window that it may know of."""
        return self.recent + self.block * self.blocks

    def read_history(self, motion: np.ndarray) -> History:
        """History at the end of (T, C) normalised motion, T from 0."""
        channels, usable = motion.shape[1], (len(motion) - self.recent) // self.block
        blocks = np.zeros((self.blocks, channels), np.float32)
        known = np.zeros(self.blocks, np.float32)
        if len(motion) < self.recent:
            return History(np.zeros((self.recent, channels), np.float32), blocks, known, False)
        for index in range(min(usable, self.blocks)):
            end = len(motion) - self.recent - index * self.block
            blocks[index] = motion[end - self.block : end].mean(axis=0)
            known[index] = 1
        return History(motion[-self.recent :].astype(np.float32), blocks, known, True)

    def expect(self, history: History, frames: int) -> Expectation:
        """What comes after a history, `frames` of it."""
        pattern = pattern_of(history.given, history.known)
        seen = np.concatenate([history.recent, history.blocks])
        mean = np.einsum("cwo,oc->wc", self.gain[pattern][:, :frames], seen)
        return Expectation(
            mean.astype(np.float32),
            self.deviation[pattern][:frames],
            self.step[pattern][:frames],
            self.factor[pattern][:, :frames, :frames],
        )


def pattern_of(given: bool, known: np.ndarray) -> int:
    """Number of the pattern of what is known."""
    return 1 + int(known.sum()) if given else 0


def measure_autocovariance(motions: list[np.ndarray], lags: int) -> np.ndarray:
    """(C, lags) autocovariance of (T, C) normalised motions about 0, all frames counting alike."""
    channels = motions[0].shape[1]
    total, count = np.zeros((channels, lags)), np.zeros(lags)
    for motion in motions:
        length, reach = len(motion), min(len(motion), lags)
        spectrum = np.fft.rfft(motion.astype(np.float64), 2 * length + lags, axis=0)
        products = np.fft.irfft(np.abs(spectrum) ** 2, n=2 * length + lags, axis=0)
        total[:, :reach] += products[:reach].T
        count[:reach] += length - np.arange(reach)
    return total / np.maximum(count, 1)


def build_prior(
    autocovariance: np.ndarray, *, recent: int, block: int, blocks: int, window: int
) -> MotionPrior:
    """Prior of channels with the given autocovariance.

    Args:
        autocovariance: (C, at least recent + block * blocks + window).
        recent: frames that a window sees one by one.
        block: frames of a block of history.
        blocks: blocks of history.
        window: frames of the longest window.
    """
    channels, past = len(autocovariance), recent + block * blocks
    observe = _observation(recent, block, blocks)
    patterns = blocks + 2
    gain = np.zeros((patterns, channels, window, recent + blocks), np.float32)
    factor = np.zeros((patterns, channels, window, window), np.float32)
    deviation = np.zeros((patterns, window, channels), np.float32)
    step = np.zeros_like(deviation)
    difference = np.eye(window) - np.eye(window, k=-1)
    for channel, covariance in enumerate(autocovariance):
        joint = _joint_covariance(covariance, past + window)
        for pattern in range(patterns):
            left = joint[past:, past:]
            if pattern:
                seen = observe[: recent + pattern - 1]
                inner = seen @ joint[:past, :past] @ seen.T
                inner += OBSERVED_VARIANCE * covariance[0] * np.eye(len(seen))
                outer = joint[past:, :past] @ seen.T
                weights = np.linalg.solve(inner, outer.T).T
                gain[pattern, channel, :, : len(seen)] = weights
                left = left - weights @ outer.T
            left = (left + left.T) / 2 + DRAWN_VARIANCE * covariance[0] * np.eye(window)
            factor[pattern, channel] = np.linalg.cholesky(left)
            deviation[pattern, :, channel] = np.sqrt(np.diag(left))
            step[pattern, :, channel] = np.sqrt(np.diag(difference @ left @ difference.T))
    return MotionPrior(gain, factor, deviation, step, recent, block)


def _observation(recent: int, block: int, blocks: int) -> np.ndarray:
    """(recent + blocks, past) frames before a window → what it sees of them."""
    past = recent + block * blocks
    observe = np.zeros((recent + blocks, past))
    observe[:recent, past - recent :] = np.eye(recent)
    for index in range(blocks):
        end = past - recent - index * block
        observe[recent + index, end - block : end] = 1 / block
    return observe


def _joint_covariance(autocovariance: np.ndarray, frames: int) -> np.ndarray:
    """(frames, frames) covariance of one channel; an estimate need not be positive, this is."""
    lag = np.abs(np.subtract.outer(np.arange(frames), np.arange(frames)))
    values, vectors = np.linalg.eigh(autocovariance[lag])
    values = np.maximum(values, LEAST_EIGENVALUE * autocovariance[0])
    return (vectors * values) @ vectors.T
