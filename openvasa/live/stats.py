"""What happens to sound and frames on their way through a live portrait, counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass
class Stats:
    """What has happened so far. The engine counts what becomes of the sound, the player the rest.

    Attributes:
        frames: painted.
        left_out: frames not painted because they would have been too late.
        interruptions: speeches cut short.
        commands_refused: not taken because too many were waiting.
        spoken_s, stretched_s, dropped_s, refused_s: sound, s; see `openvasa.live.engine`.
        stalled_s: time in which the clock waited for the engine, s.
    """

    frames: int = 0
    left_out: int = 0
    interruptions: int = 0
    commands_refused: int = 0
    spoken_s: float = 0.0
    stretched_s: float = 0.0
    dropped_s: float = 0.0
    refused_s: float = 0.0
    stalled_s: float = 0.0

    def since(self, before: Stats) -> Stats:
        """What has happened after `before` was taken."""
        earlier = asdict(before)
        return Stats(**{name: now - earlier[name] for name, now in asdict(self).items()})

    def seconds(self) -> dict[str, float]:
        """The seconds alone, each by its name without the unit, as "spoken"."""
        fields = asdict(self).items()
        return {name.removesuffix("_s"): value for name, value in fields if name.endswith("_s")}

    def report(self) -> dict[str, float]:
        """Every count by its name, and seconds to a hundredth."""
        return {name: round(value, 2) for name, value in asdict(self).items()}
