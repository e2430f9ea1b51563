"""What `/metrics` tells Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from openvasa.live.stats import Stats

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.sessions = Gauge("openvasa_sessions", "Sessions open now.", registry=registry)
        self.opened = Counter("openvasa_sessions_opened", "Sessions opened.", registry=registry)
        self.closed = Counter(
            "openvasa_sessions_closed", "Sessions closed.", ["reason"], registry=registry
        )
        self.refused = Counter(
            "openvasa_requests_refused", "Requests refused.", ["reason"], registry=registry
        )
        self.frames = Counter("openvasa_frames", "Frames painted.", registry=registry)
        self.left_out = Counter(
            "openvasa_frames_left_out", "Frames left out because too late.", registry=registry
        )
        self.lost = Counter(
            "openvasa_pictures_lost",
            "Pictures a receiver was too slow for.",
            registry=registry,
        )
        self.sound = Counter(
            "openvasa_sound_seconds",
            "Seconds of sound spoken, stretched, dropped, refused, stalled.",
            ["what"],
            registry=registry,
        )
        self.latency = Histogram(
            "openvasa_latency_seconds",
            "From a sound's arrival to its frame being painted.",
            buckets=(0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.6, 1.0),
            registry=registry,
        )

    def count(self, gained: Stats) -> None:
        """Add what has happened in a session since the last call for it."""
        self.frames.inc(gained.frames)
        self.left_out.inc(gained.left_out)
        for what, seconds in gained.seconds().items():
            self.sound.labels(what).inc(seconds)

    def text(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self._registry)
