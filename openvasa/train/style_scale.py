"""Normalisation of speaking styles over the training clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openvasa.data.talking_clips import TalkingClip
from openvasa.motion.speaker import LARGEST_STYLE
from openvasa.rates import MOTION_RATE
from openvasa.train.blink_rates import estimate_rates
from openvasa.train.speaking_style import (
    BLINKS,
    FLOORS,
    estimate_head_factor,
    head_spread,
    measure_style,
)

LEAST_SPREAD = 0.01
"""Deviation of a style that all clips share."""


@dataclass(frozen=True)
class StyleScale:
    """Normalisation of speaking styles, and the usual spread of heads.

    Attributes:
        mean, deviation: (8,) of `measure_style`.
        usual_head: mean logarithm of the head's spread.
    """

    mean: np.ndarray
    deviation: np.ndarray
    usual_head: float

    @staticmethod
    def fit(clips: list[TalkingClip]) -> StyleScale:
        """Of the clips, all counting alike."""
        styles = np.stack([measure_style(clip.style_motion) for clip in clips])
        heads = [np.log(head_spread(clip.motion) + 1e-3) for clip in clips]
        return StyleScale(
            styles.mean(axis=0), np.maximum(styles.std(axis=0), LEAST_SPREAD), float(np.mean(heads))
        )

    def style(self, motion: np.ndarray) -> np.ndarray:
        """(8,) float32 normalised style of a clip."""
        return self._normalise(measure_style(motion))

    def people(self, clips: Sequence[TalkingClip]) -> np.ndarray:
        """(N, 8) float32 normalised styles of the people in N clips: those of the clips, but for
        blinks, which a few seconds say little of."""
        measured = np.stack([measure_style(clip.style_motion) for clip in clips])
        seen = np.exp(measured[:, BLINKS].astype(np.float64)) - FLOORS[BLINKS]
        seconds = np.array([len(clip.style_motion) for clip in clips]) / MOTION_RATE
        rates = estimate_rates(np.rint(seen * seconds / 60), seconds)
        measured[:, BLINKS] = np.log(rates + FLOORS[BLINKS])
        return self._normalise(measured)

    def _normalise(self, logarithms: np.ndarray) -> np.ndarray:
        scaled = (logarithms - self.mean) / self.deviation
        return np.clip(scaled, -LARGEST_STYLE, LARGEST_STYLE).astype(np.float32)

    def head(self, motion: np.ndarray) -> float:
        """How far a clip's head moves against people in general."""
        return estimate_head_factor(motion, self.usual_head)
