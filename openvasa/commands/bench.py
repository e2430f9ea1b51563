"""`openvasa bench`: speed and memory on this machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from openvasa.commands import bench_robust
from openvasa.commands.exit_status import OK
from openvasa.commands.framing import add_framing, framing_of
from openvasa.commands.parser import Commands, add_command, add_group
from openvasa.commands.streaming import add_streaming
from openvasa.commands.talk import add_bench


def add(commands: Commands) -> None:
    """Add the commands under `openvasa bench`."""
    group = add_group(commands, "bench", "measure speed and memory on this machine")
    _add_animate(group)
    _add_live(group)
    _add_watermark(group)
    add_bench(group)
    bench_robust.add(group)


def _add_animate(group: Commands) -> None:
    parser = add_command(
        group,
        "animate",
        _animate,
        "measure portrait and voice to mp4: start-up, frames a second, memory, each stage",
        "openvasa bench animate",
        "openvasa bench animate --portrait me.jpg --size 1024",
        "openvasa bench animate --portrait me.jpg --audio voice.wav --seconds 60 --json",
    )
    parser.add_argument("--portrait", type=Path, metavar="P", help="default: the example's")
    parser.add_argument("--audio", type=Path, metavar="A", help="default: the example's")
    parser.add_argument(
        "--seconds",
        type=float,
        default=30.0,
        metavar="S",
        help="length of the video; the audio is looped or cut to it (default: 30)",
    )
    add_framing(parser)
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")


def _animate(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from openvasa.evaluate.bench import bench_animate, table

    figures = bench_animate(options.portrait, options.audio, options.seconds, **framing_of(options))
    print(json.dumps(asdict(figures), indent=2) if options.json else table(figures))
    return OK


def _add_live(group: Commands) -> None:
    parser = add_command(
        group,
        "live",
        _live,
        "feed a voice in real time: frames a second, latency, frames left out, load, memory",
        "openvasa bench live",
        "openvasa bench live --seconds 300 --fps 50 --encode vp8 --json",
        "openvasa bench live --sessions 4",
    )
    parser.add_argument("--portrait", type=Path, metavar="P", help="default: the example's")
    parser.add_argument("--audio", type=Path, metavar="A", help="default: the example's")
    parser.add_argument(
        "--seconds", type=float, default=60.0, metavar="S", help="to measure (default: 60)"
    )
    add_streaming(parser)
    parser.add_argument(
        "--chunk", type=int, default=20, metavar="MS", help="sound pushed at once (default: 20)"
    )
    parser.add_argument(
        "--encode",
        choices=["none", "jpeg", "vp8", "h264"],
        default="none",
        help="encode the video as well (default: none)",
    )
    parser.add_argument(
        "--sessions",
        type=int,
        default=1,
        metavar="N",
        help="portraits that hear the voice at the same time (default: 1)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")


def _live(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from openvasa.evaluate.bench_live import bench_live, live_table

    figures = bench_live(
        options.portrait,
        options.audio,
        seconds=options.seconds,
        fps=options.fps,
        chunk_ms=options.chunk,
        encode=options.encode,
        hop=options.hop,
        lookahead=options.lookahead,
        refined=options.refine,
        sessions=options.sessions,
        size=options.size,
        hair_lag=options.hair_lag,
    )
    print(json.dumps(asdict(figures), indent=2) if options.json else live_table(figures))
    return OK


def _add_watermark(group: Commands) -> None:
    parser = add_command(
        group,
        "watermark",
        _watermark,
        "measure what the invisible watermark survives, costs, and finds where it is not",
        "openvasa bench watermark --portraits portraits/ --clips clips/ --compare",
    )
    parser.description = (
        "Measure what the invisible watermark survives, costs, and finds where it is not. Each "
        "portrait gives two seconds of video, which are encoded again and read after each of 18 "
        "attacks; --compare adds 18 on 10 frames of the first four portraits, --clips every frame "
        "of the clips. A bar tells how much time is left; the table comes at the end."
    )
    parser.add_argument(
        "--portraits", type=Path, metavar="DIR", help="pictures to animate (default: the example's)"
    )
    parser.add_argument(
        "--clips", type=Path, metavar="DIR", help="count false marks in these real clips"
    )
    parser.add_argument(
        "--compare", action="store_true", help="measure the package blind-watermark beside it"
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")


def _watermark(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from openvasa.evaluate.watermark import bench_watermark, table

    figures = bench_watermark(options.portraits, options.clips, options.compare)
    print(json.dumps(asdict(figures), indent=2) if options.json else table(figures))
    return OK
