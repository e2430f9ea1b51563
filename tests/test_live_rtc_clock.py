"""WebRTC's timestamps: lips stay with the sound where the machine stalls."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from aiortc.codecs.opus import OpusEncoder
from av.audio.frame import AudioFrame

from openvasa.live.rtc import VIDEO_CLOCK, MediaClock

RATE, PACKET = 48000, 960


def test_timestamps_of_both_tracks_leave_the_same_gap_at_a_stall() -> None:
    clock, stall_s = MediaClock(), 1.5
    due = [100 + 0.02 * i + (stall_s if i >= 50 else 0) for i in range(100)]
    sound = np.array([clock.stamp_sound(at, PACKET, RATE) for at in due]) / RATE
    pictures = np.array([clock.stamp_picture(at) for at in due]) / VIDEO_CLOCK
    np.testing.assert_allclose(sound, pictures, atol=0.02)
    assert pictures[50] - pictures[49] > stall_s
    np.testing.assert_allclose(np.delete(np.diff(sound), 49), 0.02, atol=1e-9)


def test_jitter_of_moments_leaves_the_sound_steady() -> None:
    clock, rng = MediaClock(), np.random.default_rng(0)
    due = 100 + 0.02 * np.arange(200) + rng.uniform(-0.004, 0.004, 200)
    stamps = [clock.stamp_sound(at, PACKET, RATE) for at in due]
    assert set(np.diff(stamps)) == {PACKET}


def test_the_encoder_keeps_the_gap() -> None:
    clock, encoder, stamps = MediaClock(), OpusEncoder(), []
    for i in range(40):
        frame = AudioFrame.from_ndarray(np.zeros((1, PACKET), np.int16), "s16", "mono")
        frame.sample_rate = RATE
        frame.pts = clock.stamp_sound(0.02 * i + (1.0 if i >= 20 else 0.0), PACKET, RATE)
        frame.time_base = Fraction(1, RATE)
        _, stamp = encoder.encode(frame)
        stamps.append(stamp)
    steps = np.diff(stamps)
    assert steps.max() == PACKET + RATE
    assert np.median(steps) == PACKET
