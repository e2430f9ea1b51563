"""`openvasa batch`: many videos, on the cores of this machine or on a cluster of Ray."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from openvasa.commands.consent import add_consent, require_consent
from openvasa.commands.device import add_device
from openvasa.commands.exit_status import BAD_INPUT, FAILED, OK
from openvasa.commands.messages import complain
from openvasa.commands.parser import Commands, add_command
from openvasa.errors import InputError

if TYPE_CHECKING:
    from openvasa.batch.results import Outcome
    from openvasa.batch.task import Task
    from openvasa.batch.workers import Workers

MEGABYTE = 1_000_000


def add(commands: Commands) -> None:
    """Add the command `openvasa batch`."""
    parser = add_command(
        commands,
        "batch",
        _batch,
        "make many videos from a list, on all cores or on a cluster",
        "openvasa batch lessons.jsonl --dry-run",
        "openvasa batch lessons.jsonl -o videos/",
        "openvasa batch lessons.csv -o s3://bucket/videos --resume",
        "openvasa batch folder/ -o videos/ --option size=256 --option movement=calm",
        "openvasa batch lessons.jsonl -o s3://bucket/videos --address ray://head:10001",
    )
    parser.description = (
        "Make many videos from a list: portrait, audio or text, output and options in each row. "
        "Exit status: 0 every video is there, 1 some are not (the table says why), 2 the list "
        "cannot be used, or --dry-run refuses a task. See docs/batch.md."
    )
    parser.add_argument(
        "jobs",
        type=Path,
        metavar="JOBS",
        help="a .jsonl or .csv file, or a folder of pictures with sounds or texts of their names",
    )
    parser.add_argument(
        "-o", "--output", metavar="FOLDER|URL", help="where videos go whose row names no output"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option for rows that do not choose it, as size=256; may be given more than once",
    )
    parser.add_argument(
        "--results", type=Path, metavar="FILE.jsonl", help="the table (default: beside JOBS)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check every input, and make nothing"
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep the videos that an earlier run has made"
    )
    parser.add_argument(
        "--retries", type=int, default=2, metavar="N", help="after a passing fault (default: 2)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress and no closing line")
    add_consent(parser)
    _add_machines(parser)


def _add_machines(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "machines", "With the extra ray: tasks of Ray. Without it: processes of this machine."
    )
    group.add_argument(
        "--on", choices=("ray", "processes"), help="who works (default: ray where it is installed)"
    )
    group.add_argument(
        "--address",
        metavar="ray://HEAD:10001",
        help="a cluster of Ray (default: Ray is started here, and ended with the batch)",
    )
    group.add_argument(
        "--workers", type=int, metavar="N", help="videos at a time (default: by the cores)"
    )
    group.add_argument(
        "--cpus", type=int, default=1, metavar="N", help="cores of one video (default: 1)"
    )
    add_device(group)
    group.add_argument(
        "--memory", type=int, default=1000, metavar="MB", help="of one video (default: 1000)"
    )


def _batch(options: argparse.Namespace) -> int:
    for name, least in (("retries", 0), ("cpus", 1), ("memory", 1)):
        if getattr(options, name) < least:
            options.usage_error(f"{name} {getattr(options, name)}: choose {least} or more")
    if options.address and options.on == "processes":
        options.usage_error("--address goes with Ray; leave out --on processes")

    from openvasa.batch.read_list import read_tasks

    tasks = read_tasks(options.jobs, options.output, _shared_options(options))
    if options.dry_run:
        return _inspect(tasks)
    require_consent(options.accept_policy)
    return _make(tasks, options)


def _shared_options(options: argparse.Namespace) -> dict[str, str]:
    shared = {}
    for given in options.option:
        name, equals, value = given.partition("=")
        if not equals:
            options.usage_error(f"--option {given}: write NAME=VALUE, as size=256")
        shared[name.replace("-", "_")] = value
    return shared


def _inspect(tasks: list[Task]) -> int:
    from openvasa.batch.inspect_tasks import inspect_tasks

    refused, seconds = 0, 0.0
    for inspected in inspect_tasks(tasks):
        refused += inspected.refused
        seconds += inspected.seconds or 0.0
        for finding in inspected.findings:
            print(f"{inspected.task.name}: {finding.severity}: {finding.message}", flush=True)
    print(
        f"{len(tasks)} tasks, {len({task.subject for task in tasks})} portraits, {seconds:.0f} s "
        f"of sound; {refused} would fail"
    )
    return BAD_INPUT if refused else OK


def _make(tasks: list[Task], options: argparse.Namespace) -> int:
    from openvasa.batch.places import remove_parts
    from openvasa.batch.results import ResultTable, read_fingerprints
    from openvasa.batch.run import run_tasks, split_finished

    results = options.results or _beside(options.jobs)
    _check_table(results, options.jobs, tasks)
    left, kept = tasks, []
    if options.resume:
        left, kept = split_finished(tasks, read_fingerprints(results))
    workers = _start_workers(options)
    if not options.resume:
        results.unlink(missing_ok=True)
    for task in left:
        remove_parts(task.output)
    table = ResultTable(results)
    started, frames = perf_counter(), 0
    counted = {"made": 0, "kept": 0, "failed": 0}
    try:
        with _progress(len(tasks), options.quiet) as advance:
            outcomes = run_tasks(left, workers, retries=options.retries)
            for outcome in chain(kept, outcomes):
                table.add(outcome)
                counted[outcome.status] += 1
                frames += outcome.figures.frames if outcome.figures else 0
                advance(outcome, frames / (perf_counter() - started))
    finally:
        workers.close()
        whole = table.close()
    if not whole:
        complain(f"{results}: the disk refuses the last rows; free space and run with --resume")
    if not options.quiet:
        seconds = perf_counter() - started
        print(
            f"{counted['made']} made, {counted['kept']} kept, {counted['failed']} failed of "
            f"{len(tasks)}, {frames} frames in {seconds:.1f} s ({frames / seconds:.0f} fps); "
            f"{results} tells of each"
        )
    return FAILED if counted["failed"] or not whole else OK


def _start_workers(options: argparse.Namespace) -> Workers:
    from openvasa.batch.workers import Share
    from openvasa.runtime import Device

    share = Share(options.cpus, options.memory * MEGABYTE, Device(options.device))
    wants_ray = options.on == "ray" or options.address is not None
    if wants_ray or (options.on is None and find_spec("ray") is not None):
        from openvasa.batch.ray_workers import RayWorkers

        return RayWorkers(options.address, options.workers, share)
    from openvasa.batch.process_workers import ProcessWorkers

    return ProcessWorkers(options.workers, share)


def _check_table(results: Path, jobs: Path, tasks: list[Task]) -> None:
    """Raise InputError where the table would take the place of the list, an input or an output."""
    used = [place for task in tasks for place in (task.portrait, task.audio, task.output) if place]
    if results.resolve() in {jobs.resolve(), *(Path(place).resolve() for place in used)}:
        raise InputError(f"{results}: is the list, an input or an output; name another table")


def _beside(jobs: Path) -> Path:
    jobs = jobs.resolve()
    return jobs.with_name(f"{jobs.name}.results.jsonl")


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[_Advance]:
    """What to call with each outcome, and the frames a second so far."""
    from tqdm import tqdm

    bar = tqdm(
        total=total,
        disable=quiet,
        mininterval=0.1 if sys.stderr.isatty() else 5.0,
        unit=" videos",
        bar_format="{percentage:3.0f}% {bar:30} {n_fmt}/{total_fmt}, {rate_fmt}{postfix}, "
        "{remaining} left",
    )
    yield _Advance(bar)
    bar.close()


class _Advance:
    def __init__(self, bar) -> None:
        self._bar = bar
        self._failed = 0

    def __call__(self, outcome: Outcome, rate: float) -> None:
        if outcome.status == "failed":
            self._failed += 1
            with self._bar.external_write_mode(file=sys.stderr):
                complain(f"{outcome.task.name}: {outcome.reasons[-1]}")
        self._bar.set_postfix_str(f"{rate:.0f} fps, {self._failed} failed", refresh=False)
        self._bar.update()
