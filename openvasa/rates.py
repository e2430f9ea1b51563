"""How often things happen a second: samples, rows of motion, frames."""

from __future__ import annotations

SAMPLE_RATE = 16_000
"""Samples a second of the mono sound that the networks hear, Hz."""
MOTION_RATE = 25
"""Rows of motion a second, and frames a second of a video unless something else is asked for."""
FRAME_SAMPLES = SAMPLE_RATE // MOTION_RATE
"""Samples that one row of motion lasts."""
FRAME_RATES = (25, 30, 40, 50, 60)
"""Frames a second that a stream may have; a file has any (`openvasa.media.frame_rate`)."""
SOUND_RATES = (16_000, 24_000, 48_000)
"""Samples a second that the sound of a stream may have, Hz."""
