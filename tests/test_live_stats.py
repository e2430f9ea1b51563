from __future__ import annotations

from openvasa.live.metrics import Metrics
from openvasa.live.stats import Stats


def test_only_what_happened_since_is_counted() -> None:
    before = Stats(frames=10, spoken_s=1.0, stalled_s=0.5)
    now = Stats(frames=14, left_out=3, spoken_s=1.75, stalled_s=0.5)
    gained = now.since(before)
    assert gained == Stats(frames=4, left_out=3, spoken_s=0.75)
    metrics = Metrics()
    for part in (before, gained):
        metrics.count(part)
    told = metrics.text().decode().splitlines()
    assert "openvasa_frames_total 14.0" in told
    assert "openvasa_frames_left_out_total 3.0" in told
    assert 'openvasa_sound_seconds_total{what="spoken"} 1.75' in told
    assert 'openvasa_sound_seconds_total{what="stalled"} 0.5' in told


def test_a_report_names_every_count() -> None:
    report = Stats(frames=2, dropped_s=0.1234).report()
    assert report["frames"] == 2
    assert report["dropped_s"] == 0.12
    assert set(report) == set(vars(Stats()))
