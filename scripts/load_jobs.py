"""Measure how soon a job service accepts jobs, and that it loses none.

    openvasa serve --workers 0 --clients clients.json &
    python scripts/load_jobs.py http://127.0.0.1:8766 TOKEN [--clients 50] [--jobs 20]

Each client orders its jobs one after the other, one every second at most (--every S): a picture and
a short text. The quota of the token must allow all of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np

from openvasa.assets import EXAMPLE_PORTRAIT


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("token")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--every", type=float, default=1.0, metavar="S")
    options = parser.parse_args()
    headers = {"Authorization": f"Bearer {options.token}"}
    picture = EXAMPLE_PORTRAIT.read_bytes()

    def order(client: int) -> list[tuple[str, float]]:
        accepted = []
        time.sleep(options.every * client / options.clients)
        with httpx.Client(base_url=options.address, headers=headers, timeout=60) as http:
            for number in range(options.jobs):
                started = time.perf_counter()
                answer = http.post(
                    "/v1/videos",
                    files={"portrait": ("portrait.jpg", picture)},
                    data={"text": f"This is job {number} of client {client}."},
                    headers={"Idempotency-Key": f"{started}-{client}-{number}"},
                )
                answer.raise_for_status()
                accepted.append((answer.json()["id"], time.perf_counter() - started))
                time.sleep(max(0.0, options.every - (time.perf_counter() - started)))
        return accepted

    started = time.perf_counter()
    with ThreadPoolExecutor(options.clients) as pool:
        accepted = [one for each in pool.map(order, range(options.clients)) for one in each]
    took = time.perf_counter() - started
    with httpx.Client(base_url=options.address, headers=headers, timeout=60) as http:
        found = sum(http.get(f"/v1/videos/{job_id}").status_code == 200 for job_id, _ in accepted)
    p50, p95, p99 = np.percentile([seconds for _, seconds in accepted], [50, 95, 99]) * 1000
    print(
        f"{len(accepted)} accepted in {took:.1f} s ({len(accepted) / took:.0f} a second), {found} "
        f"found again; p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms"
    )
    return 0 if found == len(accepted) == options.clients * options.jobs else 1


if __name__ == "__main__":
    sys.exit(main())
