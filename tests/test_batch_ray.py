"""A list of tasks on Ray: a cluster of two nodes simulated here, one of which goes away."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from short_jobs import make_tasks

from openvasa.batch.run import run_tasks
from openvasa.batch.workers import Share
from openvasa.media.inspect import inspect_video

pytest.importorskip("ray", reason="the extra ray is not installed")

pytestmark = pytest.mark.slow
SHARE = Share(cpus=1, memory=500_000_000)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch):
    """A head without cores for tasks, and two nodes of one core each."""
    import ray
    from ray.cluster_utils import Cluster

    # Workers of Ray find the tests' imports and this package as the tests do.
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    node = {"num_cpus": 1, "memory": 1_000_000_000, "object_store_memory": 100_000_000}
    made = Cluster(initialize_head=True, head_node_args={**node, "num_cpus": 0})
    nodes = [made.add_node(**node) for _ in range(2)]
    ray.init(made.address, log_to_driver=False)
    yield made, nodes
    ray.shutdown()
    made.shutdown()


def test_a_node_that_goes_away_costs_no_task(cluster, tmp_path: Path) -> None:
    from openvasa.batch.ray_workers import RayWorkers

    made, nodes = cluster
    tasks = make_tasks(tmp_path, 6)
    (tmp_path / "voice4.wav").write_bytes(b"poison")
    workers = RayWorkers(share=SHARE)
    outcomes = []
    for outcome in run_tasks(tasks, workers, retries=3):
        outcomes.append(outcome)
        if len(outcomes) == 1:
            made.remove_node(nodes.pop(), allow_graceful=False)
    workers.close()
    assert Counter(o.status for o in outcomes) == {"made": 5, "failed": 1}
    assert len({o.task.name for o in outcomes}) == 6
    assert all(inspect_video(o.task.output).frames for o in outcomes if o.status == "made")
    assert not list(tmp_path.glob(".*"))


def test_a_killed_worker_of_ray_costs_no_task(cluster, tmp_path: Path) -> None:
    from openvasa.batch.ray_workers import RayWorkers

    tasks = make_tasks(tmp_path, 6)
    workers = RayWorkers(share=SHARE)
    outcomes, killed = [], []
    for outcome in run_tasks(tasks, workers):
        # On a busy machine the next worker may not have begun yet.
        if not killed:
            found = subprocess.run(
                ["pgrep", "-f", "^ray::_make"], capture_output=True, text=True, check=False
            )
            killed = found.stdout.split()
            for number in killed:
                os.kill(int(number), signal.SIGKILL)
        outcomes.append(outcome)
    workers.close()
    assert killed
    assert Counter(o.status for o in outcomes) == {"made": 6}
    assert any("Crashed" in reason for o in outcomes for reason in o.reasons)
