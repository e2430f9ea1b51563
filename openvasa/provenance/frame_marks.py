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
        """The index-th frame from 0 → a new, marked frame of the same kind.

        Args:
            frame: (height, width, 3) RGB or (height, width, 4) RGBA uint8, not premultiplied.
            index: of the frame; a label is opaque, the watermark lies in the colours.
        """
        colours, opacity = frame[..., :3], frame[..., 3:]
        if self._label is not None and index < self._labelled:
            labelled = self._label.apply(np.ascontiguousarray(colours))
            # A label must be seen where nothing of the person is.
            shown = (labelled != colours).any(axis=2, keepdims=True)
            colours, opacity = labelled, np.where(shown, np.uint8(255), opacity)
        marked = self._embedder.apply(np.ascontiguousarray(colours))
        return np.concatenate([marked, opacity], axis=2) if opacity.size else marked
