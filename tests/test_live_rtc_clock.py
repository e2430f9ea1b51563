"""WebRTC's timestamps: lips stay with the sound where the machine stalls."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from aiortc.codecs.opus import OpusEncoder
from av.audio.frame import AudioFrame

from openvasa.live.compute_time import ComputeTime
from openvasa.live.rtc import VIDEO_CLOCK, MediaClock

RATE, PACKET = 48000, 960


def stamps_of_a_stall_in_a_growing_delay(stall_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Timestamps of sound and pictures, s, of 200 frames of 20 ms; the stall is before frame 150.

    The delay grows by 115 ms before that: a hop twice as long, and the slowest making.
    """
    given, clock = ComputeTime(0.08), MediaClock()
    before = given.allow(0.02, speaks=True)
    given.expect(0.08 + 0.115)
    sound, pictures = [], []
    for i in range(200):
        due_at = 100 + 0.02 * i + given.allow(0.02, speaks=True) + (stall_s if i >= 150 else 0.0)
        sound.append(clock.stamp_sound(due_at, PACKET, RATE) / RATE)
        pictures.append(clock.stamp_picture(due_at) / VIDEO_CLOCK)
    assert abs(given.allow(0.02, speaks=True) - before - 0.115) < 1e-9
    return np.array(sound), np.array(pictures)


def test_a_delay_that_grows_little_by_little_leaves_no_gap() -> None:
    sound, pictures = stamps_of_a_stall_in_a_growing_delay(0.0)
    np.testing.assert_allclose(np.diff(sound), 0.02, atol=1e-9)
    np.testing.assert_allclose(pictures, sound, atol=1e-4)


def test_a_stall_after_a_growing_delay_leaves_its_own_gap_in_both_tracks() -> None:
    sound, pictures = stamps_of_a_stall_in_a_growing_delay(0.25)
    steps = np.diff(sound)
    np.testing.assert_allclose(np.delete(steps, 149), 0.02, atol=1e-9)
    assert abs(steps[149] - 0.27) < 1e-4
    np.testing.assert_allclose(pictures, sound, atol=1e-4)


@pytest.mark.parametrize("earlier_s", [0.0, 0.025])
def test_pictures_that_are_sent_before_their_sound_stay_with_it(earlier_s: float) -> None:
    clock = MediaClock()
    for i in range(200):
        due_at = 100 + 1.08 * 0.02 * i
        picture = clock.stamp_picture(due_at - earlier_s) / VIDEO_CLOCK + earlier_s
        sound = clock.stamp_sound(due_at, PACKET, RATE) / RATE
        assert i == 0 or abs(picture - sound) < 0.005


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
