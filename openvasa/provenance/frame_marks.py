"""What is put on each frame of a marked video: the visible label, and the watermark over all."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from openvasa.errors import InputError
from openvasa.provenance.embed import WatermarkEmbedder
from openvasa.provenance.label import SHORTEST_SECONDS, VisibleLabel
from openvasa.provenance.marking import Marking


class FrameMarks:
    """Marks the frames of one video; what becomes of a frame depends on it and its number alone."""

    def __init__(self, size: tuple[int, int], fps: Fraction | int, marking: Marking) -> None:
        """Prepare label and watermark.

        Args:
            size: (width, height) of the frames, px.
            fps: frames a second, for a label that ends.
            marking: what is asked for; without a content id it is 0.

        Raises:
            InputError: the label would end too soon.
        """
        self._embedder = WatermarkEmbedder(size, marking.content_id or 0)
        self._label = VisibleLabel(size, marking.label) if marking.label else None
        seconds = marking.label_seconds
        if seconds is not None and seconds < SHORTEST_SECONDS:
            raise InputError(f"label for {seconds:g} s: choose {SHORTEST_SECONDS:g} or more")
        self._labelled = float("inf") if seconds is None else seconds * float(fps)

    def apply(self, frame: np.ndarray, index: int) -> np.ndarray:
        """(height, width, 3) uint8 RGB, the index-th from 0 → a new, marked frame."""
        if self._label is not None and index < self._labelled:
            frame = self._label.apply(frame)
        return self._embedder.apply(frame)
