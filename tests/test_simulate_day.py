"""The simulated day: what queueing theory says holds in it, and no job is lost."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

import openvasa.assets

pytest.importorskip("sqlalchemy", reason="the extra jobs is not installed")

SCRIPT = Path(__file__).parents[1] / "scripts" / "simulate_day.py"
spec = importlib.util.spec_from_file_location("simulate_day", SCRIPT)
assert spec is not None
assert spec.loader is not None
day = importlib.util.module_from_spec(spec)
sys.modules["simulate_day"] = day
spec.loader.exec_module(day)

NEVER = 1e12


def test_the_days_work_is_the_load() -> None:
    plan = day.Plan(5000, 60.0, 40.0, 8, NEVER)
    made = day.simulate(plan)
    assert made.jobs == pytest.approx(5000, rel=0.05)
    assert made.lost_attempts == 0
    # Lengths are cut, and a day has more or fewer jobs than the mean.
    assert made.busy == pytest.approx(plan.load, rel=0.06)


def test_more_workers_wait_less() -> None:
    waits = [day.simulate(day.Plan(5000, 60.0, 40.0, n, NEVER)).wait_p95_s for n in (3, 4, 6, 10)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] > 10 * waits[-1]


def test_losses_cost_work_and_no_jobs() -> None:
    calm = day.simulate(day.Plan(2000, 60.0, 40.0, 4, NEVER))
    rough = day.simulate(day.Plan(2000, 60.0, 40.0, 4, 600.0))
    assert rough.lost_attempts > 50
    assert rough.jobs == calm.jobs
    assert rough.busy > calm.busy
    assert rough.wait_p95_s > calm.wait_p95_s


@pytest.mark.parametrize(
    ("jobs", "seconds", "loss_s"),
    [(1000, 60, 86_400), (10_000, 60, 86_400), (100, 600, 86_400), (10_000, 60, 3_600)],
)
def test_the_rule_of_the_docs_is_enough(jobs: int, seconds: float, loss_s: float) -> None:
    plan = day.Plan(jobs, seconds, 40.0, 1, loss_s)
    for seed in range(3):
        workers = day.rule_of_thumb(plan)
        made = day.simulate(day.Plan(jobs, seconds, 40.0, workers, loss_s), seed)
        assert made.wait_p95_s <= 60


def test_the_fewest_workers_are_just_enough() -> None:
    plan = day.Plan(3000, 60.0, 40.0, 1, 86_400.0)
    number = day.workers_for(plan, 60.0)
    enough, fewer = (
        day.simulate(day.Plan(3000, 60.0, 40.0, n, 86_400.0)).wait_p95_s
        for n in (number, number - 1)
    )
    assert enough <= 60 < fewer


def test_the_table_of_costs_follows_from_what_a_core_makes() -> None:
    figures = json.loads((openvasa.assets.ASSETS / "figures.json").read_text("utf-8"))
    [frames_an_hour] = [
        float(row[3].replace(",", ""))
        for row in figures["scale_core"]["rows"]
        if row[:2] == ["512²", "20 s"]
    ]
    for machine, price, frames, minutes in figures["scale_cost"]["rows"]:
        bought = frames_an_hour / float(price.removesuffix(" €"))
        assert float(frames.removesuffix(" million")) == pytest.approx(bought / 1e6, 0.03), machine
        assert float(minutes.replace(",", "")) == pytest.approx(bought / 25 / 60, 0.05), machine
