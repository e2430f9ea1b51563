"""Whether people blink in the first seconds: a short video without a blink stares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openvasa.evaluate.likeness_figures import Traces, count_blinks
from openvasa.rates import MOTION_RATE

BEGINNINGS_S = (3, 6)


@dataclass(frozen=True)
class Beginning:
    """What is seen in the first `seconds` of the videos that last so long.

    Attributes:
        seconds: how much of each was looked at.
        videos: that last so long.
        with_blink: how many of them show a blink by then.
    """

    seconds: int
    videos: int
    with_blink: int

    @property
    def title(self) -> str:
        """What the share is of."""
        return f"a blink in the first {self.seconds} s"

    @property
    def text(self) -> str:
        """The share, and of how many videos."""
        if not self.videos:
            return "–"
        return f"{self.with_blink / self.videos:.2f} of {self.videos}"


def find_first_blinks(ways: Mapping[str, Sequence[Traces]]) -> dict[str, list[Beginning]]:
    """A line for each of `BEGINNINGS_S`, of every way of making the same N clips.

    Clips count that last so long in every way: a made one may be some frames shorter.
    """
    lasts = [min(len(made.lids) for made in clip) for clip in zip(*ways.values(), strict=True)]
    return {name: [_look(videos, lasts, s) for s in BEGINNINGS_S] for name, videos in ways.items()}


def _look(videos: Sequence[Traces], lasts: Sequence[int], seconds: int) -> Beginning:
    frames = seconds * MOTION_RATE
    begun = [v.lids[:frames] for v, last in zip(videos, lasts, strict=True) if last >= frames]
    return Beginning(seconds, len(begun), sum(count_blinks(lids) > 0 for lids in begun))
