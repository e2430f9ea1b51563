"""Simulate a day of a job service: how long jobs wait for so many workers, with failures.

    python scripts/simulate_day.py [--jobs 10000] [--seconds 60] [--speed 40] [--workers 4] [--json]

Jobs arrive by a Poisson process whose rate follows the day: three times as many at noon as at
night. Their lengths are exponential around --seconds, cut at ten times it. A worker makes --speed
frames a second and is lost once in --hours-between-losses; its job begins again elsewhere when its
lease is over, and the worker is back after --repair seconds. Plain events in a heap, no package.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
from dataclasses import asdict, dataclass

from openvasa.jobs.queue import LEASE_S
from openvasa.rates import MOTION_RATE

DAY_S = 86400.0
PEAK = 0.5
"""The rate swings by this share of its mean, up at noon and down at midnight."""
LONGEST = 10.0


@dataclass(frozen=True)
class Plan:
    """What is simulated.

    Attributes:
        jobs: a day, on average.
        seconds: of sound in a job, on average.
        speed: frames a second of one worker.
        workers: at a time.
        loss_s: seconds that a worker works until it is lost, on average.
        repair_s: seconds until another takes its place.
        overhead_s: of a job, besides its frames: fetch, open, sign, publish.
    """

    jobs: int
    seconds: float
    speed: float
    workers: int
    loss_s: float
    repair_s: float = 60.0
    overhead_s: float = 0.5

    @property
    def load(self) -> float:
        """Share of the workers' time that the day's jobs take, without losses."""
        service = self.seconds * MOTION_RATE / self.speed + self.overhead_s
        return self.jobs * service / (self.workers * DAY_S)


@dataclass(frozen=True)
class Day:
    """What came out.

    Attributes:
        jobs: that arrived, all of which were made.
        lost_attempts: that began again.
        wait_p50_s, wait_p95_s: from arrival to the beginning of the attempt that succeeded.
        busy: share of the workers' time.
        over_after_s: seconds after midnight at which the last job was done.
    """

    jobs: int
    lost_attempts: int
    wait_p50_s: float
    wait_p95_s: float
    busy: float
    over_after_s: float


def simulate(plan: Plan, seed: int = 0) -> Day:
    """One day; the same seed, the same day."""
    dice = random.Random(seed)
    arrivals = _draw_arrivals(plan, dice)
    free = [0.0] * plan.workers
    # Time at which a job may begin, its order, its arrival and its length.
    waiting = [(at, i, at, length) for i, (at, length) in enumerate(arrivals)]
    heapq.heapify(waiting)
    heapq.heapify(free)
    waits, lost, busy, end = [], 0, 0.0, 0.0
    while waiting:
        ready, order, arrived, length = heapq.heappop(waiting)
        begun = max(ready, heapq.heappop(free))
        needed = length * MOTION_RATE / plan.speed + plan.overhead_s
        alive = dice.expovariate(1 / plan.loss_s)
        if alive < needed:
            lost += 1
            busy += alive
            heapq.heappush(free, begun + alive + plan.repair_s)
            heapq.heappush(waiting, (begun + alive + LEASE_S, order, arrived, length))
            continue
        busy += needed
        end = max(end, begun + needed)
        waits.append(begun - arrived)
        heapq.heappush(free, begun + needed)
    waits.sort()
    return Day(
        len(waits),
        lost,
        round(waits[len(waits) // 2], 1),
        round(waits[int(len(waits) * 0.95)], 1),
        round(busy / (plan.workers * max(end, DAY_S)), 3),
        round(end - DAY_S, 1),
    )


def workers_for(plan: Plan, wait_s: float, seed: int = 0) -> int:
    """The fewest workers with which 95 of 100 jobs begin within `wait_s` seconds."""
    number = max(1, math.ceil(plan.load * plan.workers))
    while simulate(_with_workers(plan, number), seed).wait_p95_s > wait_s:
        number += 1
    return number


def rule_of_thumb(plan: Plan) -> int:
    """Workers for the load at noon and a fifth more, and never fewer than three more."""
    noon = plan.load * plan.workers * (1 + PEAK)
    return math.ceil(max(1.2 * noon, noon + 3))


def _with_workers(plan: Plan, number: int) -> Plan:
    return Plan(**{**asdict(plan), "workers": number})


def _draw_arrivals(plan: Plan, dice: random.Random) -> list[tuple[float, float]]:
    """Times and lengths: a Poisson process thinned to the hour's rate."""
    most = plan.jobs / DAY_S * (1 + PEAK)
    found, at = [], 0.0
    while (at := at + dice.expovariate(most)) < DAY_S:
        rate = 1 - PEAK * math.cos(2 * math.pi * at / DAY_S)
        if dice.random() < rate / (1 + PEAK):
            length = min(dice.expovariate(1 / plan.seconds), LONGEST * plan.seconds)
            found.append((at, length))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--speed", type=float, default=40.0)
    parser.add_argument("--workers", type=int, help="default: the fewest that keep --wait")
    parser.add_argument("--wait", type=float, default=60.0)
    parser.add_argument("--hours-between-losses", type=float, default=24.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    loss_s = given.hours_between_losses * 3600
    plan = Plan(given.jobs, given.seconds, given.speed, given.workers or 1, loss_s)
    if given.workers is None:
        plan = _with_workers(plan, workers_for(plan, given.wait))
    day = simulate(plan)
    if given.json:
        print(json.dumps({**asdict(plan), "load": round(plan.load, 3), **asdict(day)}))
        return
    print(
        f"{plan.workers} workers, load {plan.load:.2f}: {day.jobs} jobs, {day.lost_attempts} begun "
        f"again, wait p50 {day.wait_p50_s} s, p95 {day.wait_p95_s} s, busy {day.busy:.2f}"
    )


if __name__ == "__main__":
    main()
