"""`openvasa bench interrupts` and `soak`: what a live portrait stands."""

from __future__ import annotations

import argparse
from pathlib import Path

from openvasa.commands.exit_status import FAILED, OK
from openvasa.commands.parser import Commands, Parser, add_command
from openvasa.commands.streaming import add_streaming, read_streaming


def add(group: Commands) -> None:
    """Add the commands under `openvasa bench`."""
    parser = add_command(
        group,
        "interrupts",
        _interrupts,
        "cut a live portrait short again and again: how soon it is silent, and whether it has "
        "lips when it speaks anew",
        "openvasa bench interrupts",
        "openvasa bench interrupts --times 100",
    )
    _add_portrait(parser)
    parser.add_argument("--times", type=int, default=20, metavar="N", help="(default: 20)")
    parser = add_command(
        group,
        "soak",
        _soak,
        "let a live portrait speak in bursts, change and share its cores for minutes or hours: "
        "rate, sync and memory of each minute",
        "openvasa bench soak",
        "openvasa bench soak --minutes 120",
    )
    _add_portrait(parser)
    parser.add_argument("--minutes", type=int, default=5, metavar="N", help="(default: 5)")


def _add_portrait(parser: Parser) -> None:
    parser.add_argument("--portrait", type=Path, metavar="P", help="default: the example's")
    add_streaming(parser)


def _interrupts(options: argparse.Namespace) -> int:
    from openvasa.evaluate.bench_interrupts import bench_interrupts, interrupts_table

    figures = bench_interrupts(
        options.portrait, read_streaming(options)[0], options.times, refined=options.refine
    )
    print(interrupts_table(figures))
    return FAILED if figures.mute else OK


def _soak(options: argparse.Namespace) -> int:
    from openvasa.evaluate.bench_soak import SoakMinute, soak, soak_line

    def tell(number: int, minute: SoakMinute) -> None:
        print(soak_line(number, minute), flush=True)

    soak(
        options.portrait, read_streaming(options)[0], options.minutes, tell, refined=options.refine
    )
    return OK
