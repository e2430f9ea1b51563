"""Governor and compute time: what gives way under load, in which order, and how it comes back."""

from __future__ import annotations

from itertools import pairwise

import pytest

from openvasa.live.compute_time import LEAST_S, MOST_S, RECENT, STEP, ComputeTime
from openvasa.live.governor import CALM_S, WINDOW_S, Governor, Pace
from openvasa.live.timeline import rows_s
from openvasa.rates import MOTION_RATE

FRAME_S = 0.025


def spend(governor: Governor, seconds: float, painting: float, motion: float) -> list[Pace]:
    """The paces of some seconds in which painting and motion take these shares of the time."""
    paces = [governor.pace]
    for _ in range(round(seconds / WINDOW_S)):
        governor.made_motion(WINDOW_S, motion * WINDOW_S)
        governor.add_frame(WINDOW_S, painting * WINDOW_S, left_out=False)
        paces.append(governor.pace)
    return paces


def changes(paces: list[Pace]) -> list[Pace]:
    return [paces[0]] + [after for before, after in pairwise(paces) if after != before]


def test_the_hop_grows_when_the_rate_is_down_to_that_of_motion() -> None:
    governor = Governor(Pace(40, 2), longest_hop=6)
    paces = changes(spend(governor, 12, painting=0.5, motion=0.95))
    down = [Pace(40, 2), Pace(30, 2), Pace(25, 2), Pace(25, 4), Pace(25, 6), Pace(20, 6)]
    assert paces[:6] == down
    assert all(pace.hop == 6 for pace in paces if pace.fps < MOTION_RATE)


def test_many_late_frames_lengthen_the_hop_at_once() -> None:
    governor = Governor(Pace(40, 2), longest_hop=6)
    governor.add_frame(WINDOW_S, 0.5, left_out=True)
    assert governor.pace == Pace(25, 4)


def test_a_hop_much_longer_is_reached_by_the_one_between() -> None:
    """Frames can wait for four rows a second before they can for six."""
    governor, compute, hop = Governor(Pace(25, 2), longest_hop=6), ComputeTime(0.08), 2
    spend(governor, 2 * WINDOW_S, painting=0.5, motion=0.95)
    assert governor.pace == Pace(25, 6)
    compute.expect(rows_s(6))
    hops = []
    for _ in range(90):
        compute.allow(FRAME_S, speaks=True)
        hop = governor.choose_hop(hop, lambda rows: compute.covers(rows_s(rows)))
        hops.append(hop)
    assert [hops[0], *(b for a, b in pairwise(hops) if a != b)] == [2, 4, 6]
    assert hops.index(4) == pytest.approx(rows_s(2) / STEP / FRAME_S, abs=1)
    assert governor.choose_hop(6, lambda _: False) == 6
    spend(governor, CALM_S + WINDOW_S, painting=0.1, motion=0.1)
    assert governor.choose_hop(6, lambda _: False) == governor.pace.hop == 4


def test_the_hop_shrinks_again_where_twice_the_motion_has_room() -> None:
    governor = Governor(Pace(25, 2), longest_hop=6)
    spend(governor, WINDOW_S, painting=0.5, motion=0.95)
    assert governor.pace == Pace(25, 4)
    assert changes(spend(governor, 30, painting=0.3, motion=0.35)) == [Pace(25, 4)]
    calm = spend(governor, CALM_S + WINDOW_S, painting=0.3, motion=0.25)
    assert changes(calm) == [Pace(25, 4), Pace(25, 2)]


def test_the_longest_hop_shrinks_where_half_as_much_motion_again_has_room() -> None:
    governor = Governor(Pace(25, 2), longest_hop=6)
    spend(governor, 2 * WINDOW_S, painting=0.5, motion=0.95)
    assert governor.pace == Pace(25, 6)
    assert changes(spend(governor, 30, painting=0.3, motion=0.45)) == [Pace(25, 6)]
    calm = spend(governor, CALM_S + WINDOW_S, painting=0.3, motion=0.35)
    assert changes(calm) == [Pace(25, 6), Pace(25, 4)]


@pytest.mark.parametrize(
    ("hop", "longest", "hops"),
    [(1, 6, [1, 2, 3]), (2, 5, [2, 4, 5]), (3, 4, [3, 4]), (4, 4, [4]), (2, 2, [2])],
)
def test_the_hop_stays_within_what_the_generator_knows(
    hop: int, longest: int, hops: list[int]
) -> None:
    governor = Governor(Pace(30, hop), longest)
    paces = spend(governor, 30, painting=1.0, motion=1.0)
    assert [pace.hop for pace in changes(paces) if pace.fps == MOTION_RATE] == hops
    assert {pace.hop for pace in paces} == set(hops)
    assert paces[-1].fps == min(pace.fps for pace in paces)


def test_frames_are_given_a_longer_hop_little_by_little_and_less_only_in_silence() -> None:
    compute = ComputeTime(0.08)
    assert compute.allow(FRAME_S, speaks=True) == pytest.approx(0.08 + MOST_S)
    compute.expect(0.16)
    assert not compute.covers(0.16)
    given = [compute.allow(FRAME_S, speaks=True) for _ in range(60)]
    assert max(after - before for before, after in pairwise(given)) <= STEP * FRAME_S + 1e-9
    assert given[-1] == pytest.approx(0.16 + MOST_S)
    assert compute.covers(0.16)
    compute.expect(0.08)
    assert compute.covers(0.08), "a shorter hop fits at once"
    assert compute.allow(FRAME_S, speaks=True) == given[-1]
    silent = [compute.allow(FRAME_S, speaks=False) for _ in range(60)]
    assert max(before - after for before, after in pairwise(silent)) <= STEP * FRAME_S + 1e-9
    assert silent[-1] == pytest.approx(0.08 + MOST_S)


def test_a_clock_that_has_paused_lets_a_longer_hop_begin_at_once() -> None:
    compute = ComputeTime(0.08)
    compute.expect(0.16)
    assert not compute.covers(0.16)
    compute.pause()
    assert compute.covers(0.16)
    assert compute.allow(FRAME_S, speaks=True) == pytest.approx(0.16 + MOST_S)


def test_what_making_takes_is_learnt_from_the_frames() -> None:
    compute = ComputeTime(0.08)
    for _ in range(RECENT):
        compute.add(0.001)
    given = [compute.allow(FRAME_S, speaks=False) for _ in range(60)]
    assert given[-1] == pytest.approx(0.08 + LEAST_S)
