"""A hop that changes while the engine runs: no gap, true delays, lips of what is said."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from live_runs import RATE, engine, lips, run, sounds, voice
from live_stand_in import ROW, StandInGenerator
from other_parts import JawModel

from openvasa.errors import InputError
from openvasa.live.assemble import assemble_engine
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveSettings
from openvasa.live.lip_envelope import CLOSING_S


class SmearingGenerator(StandInGenerator):
    """The jaw is open in all rows of a hop in whose sound there is speech."""

    def _made(self, index: int) -> np.ndarray:
        heard = self._sound[: (self._hearing + self._lookahead) * ROW]
        kept, self._sound = self._sound, np.full(len(self._sound), 0.2 * heard.any(), np.float32)
        made = super()._made(index)
        self._sound = kept
        return made


@pytest.mark.parametrize("fps", [10, 25, 40])
@pytest.mark.parametrize("longer", [4, 6])
def test_a_hop_that_changes_leaves_no_gap_and_tells_how_long_frames_wait(
    fps: int, longer: int
) -> None:
    live = engine(fps=40, lookahead=1)
    live.fps = fps
    live.push(voice(4), RATE)
    frames = []
    for now in np.arange(0, 4, 0.001):
        live.hop = longer if 1 <= now < 2.5 else 2
        for frame in live.advance(float(now)):
            frames.append(frame)
            assert live.heard_s - frame.time_s <= live.budget.total_s + 1e-9
    for frame, after in pairwise(frames):
        assert frame.start + frame.length == after.start
    # Lips are where they are with one hop throughout: on the same sound.
    steady = engine(fps=40, lookahead=1)
    steady.fps = fps
    steady.push(voice(4), RATE)
    usual = run(steady, 3.99)
    count = min(len(frames), len(usual))
    np.testing.assert_array_equal(sounds(frames[:count]), sounds(usual[:count]))
    moved, still = lips(frames[:count]), lips(usual[:count])
    best = max(range(-3, 4), key=lambda lag: np.corrcoef(np.roll(moved, lag), still)[0, 1])
    assert best == 0


def test_a_generator_that_keeps_its_hop_is_not_asked_to_change_it() -> None:
    live = assemble_engine(model=JawModel())
    assert live.longest_hop == live.hop == 2
    with pytest.raises(InputError, match="hop 4: choose 1 to 2"):
        live.hop = 4


@pytest.mark.parametrize("first", [6, 1])
def test_a_hop_made_shorter_while_it_is_heard_opens_no_lips_after_an_interruption(
    first: int,
) -> None:
    live = Engine(SmearingGenerator(first, 1), LiveSettings(40, RATE, first, 1))
    live.push(voice(5), RATE)
    said = run(live, 0.96)
    # From 0.96 s on a hop of six rows is heard: it alone, or all so far.
    live.hop = 6
    said += run(live, 1.04, start=0.97)
    live.hop = 1
    live.interrupt()
    shut_from = max(live.heard_s, live.shown_s + CLOSING_S)
    after = run(live, 4, start=1.05)
    assert lips(said).max() > 0.1, "the mouth was open"
    assert np.abs(lips([f for f in after if f.time_s > shut_from])).max() < 0.01
