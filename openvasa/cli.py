"""The command line: arguments in, calls into the package, one line for each error.

Everything heavy is imported inside the subcommands, so that help and usage errors come at once.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from openvasa.errors import InputError

if TYPE_CHECKING:
    from tqdm import tqdm

    from openvasa.face.latent import FaceLatent
    from openvasa.motion.driver import DriverTrack
    from openvasa.motion.motion import Motion
    from openvasa.video import Video

OK, FAILED, BAD_INPUT, CANCELLED = 0, 1, 2, 130

PREVIEW_SECONDS = 3.0
PREVIEW_SIZE = 256
CAMERA_SECONDS = 60.0
"""Longest recording from a camera where --seconds says nothing else."""
MOTION_RATE = 25
"""Frames a second of motion as it is generated and saved."""

TRAINING_PACKAGES = {"onnx", "onnxscript", "safetensors", "torch"}

Command = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit with status 2."""
        self.exit(BAD_INPUT, f"openvasa: {_one_line(message)}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; those of the process when None.

    Returns:
        Exit status: 0 done, 1 something is wrong with the installation, 2 bad input, 130 cancelled.
    """
    with _warnings_in_one_line():
        try:
            options = _parser().parse_args(arguments)
            return options.command(options)
        except KeyboardInterrupt:
            print("cancelled", file=sys.stderr)
            return CANCELLED
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else OK
        except ModuleNotFoundError as error:
            if error.name not in TRAINING_PACKAGES:
                raise
            return _bad_input(f"needs {error.name}; run pip install 'openvasa[train]'")
        except InputError as error:
            return _bad_input(str(error))
        except OSError as error:
            return _bad_input(_describe(error))


def _parser() -> Parser:
    parser = Parser(
        prog="openvasa",
        description="One portrait and a voice in, a lifelike talking face out.",
        epilog="example:\n  openvasa animate portrait.jpg voice.wav -o talking.mp4",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"openvasa {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_animate(commands)
    _add_drive(commands)
    _add_data(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_bench(commands)
    _add_command(
        commands,
        "doctor",
        _doctor,
        "check this installation and measure its speed",
        "openvasa doctor",
    )
    return parser


def _add_command(
    commands: argparse._SubParsersAction[Parser],
    name: str,
    command: Command,
    summary: str,
    *examples: str,
) -> Parser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="examples:\n" + "\n".join(f"  {example}" for example in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=command, usage_error=parser.error)
    return parser


def _add_group(
    commands: argparse._SubParsersAction[Parser], name: str, summary: str
) -> argparse._SubParsersAction[Parser]:
    parser = commands.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + "."
    )
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _add_animate(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add_command(
        commands,
        "animate",
        _animate,
        "make a portrait talk and write an mp4, marked as AI-generated",
        "openvasa animate portrait.jpg voice.wav -o talking.mp4",
        "openvasa animate group.jpg voice.mp3 -o talking.mp4 --face 2 --full-frame",
        "openvasa animate portrait.jpg voice.wav -o smooth.mp4 --fps 60 --size 1024",
        "openvasa animate portrait.jpg voice.wav -o look.mp4 --preview",
        "openvasa animate portrait.jpg voice.wav -o a.mp4 --save-motion a.npz --save-avatar me.npz",
        "openvasa animate me.npz voice.wav -o b.mp4 --motion a.npz",
    )
    parser.add_argument("portrait", metavar="PORTRAIT", help="a picture, or an avatar .npz")
    parser.add_argument("audio", metavar="AUDIO", help="an audio or video file with speech")
    parser.add_argument("-o", "--output", required=True, metavar="OUT.mp4", type=Path)
    parser.add_argument(
        "--fps", type=int, default=25, metavar="N", help="25, 30, 40, 50 or 60 (default: 25)"
    )
    parser.add_argument(
        "--size", type=int, metavar="N", help="side of the video, px (default: 512)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same seed, same video (default: 0)"
    )
    frame = parser.add_mutually_exclusive_group()
    frame.add_argument(
        "--crop", action="store_true", help="a square of head and shoulders (the default)"
    )
    frame.add_argument(
        "--full-frame", action="store_true", help="the whole picture, with the person talking in it"
    )
    parser.add_argument(
        "--face", type=int, metavar="N", help="which of several faces, 1 is the leftmost"
    )
    parser.add_argument(
        "--preview",
        action="store_true",
        help=f"only the first {PREVIEW_SECONDS:.0f} seconds, {PREVIEW_SIZE} px",
    )
    parser.add_argument(
        "--motion",
        type=Path,
        metavar="FILE",
        help="use this motion (.npz or Live Link Face .csv); AUDIO is then only the sound track",
    )
    parser.add_argument(
        "--save-motion", type=Path, metavar="FILE", help="write the motion too (.npz or .csv)"
    )
    parser.add_argument(
        "--save-avatar", type=Path, metavar="FILE.npz", help="write the encoded portrait too"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no closing line")


def _animate(options: argparse.Namespace) -> int:
    if options.size is not None and (options.full_frame or options.preview):
        options.usage_error("--size goes with neither --full-frame nor --preview")
    if options.full_frame and options.preview:
        options.usage_error("--preview does not go with --full-frame")
    if options.seed < 0:
        options.usage_error(f"seed {options.seed}: choose 0 or more")

    from time import perf_counter

    from openvasa.face.encode import load_portrait
    from openvasa.media.mp4 import check_output

    check_output(options.output, Path(options.audio))
    face = load_portrait(options.portrait, face=options.face)
    if options.save_avatar:
        face.save(options.save_avatar)
    video = _with_saved_motion(_video(face, options), options.save_motion)
    started = perf_counter()
    with _progress_bar(video, options.quiet) as advance:
        video.save(options.output, progress=advance)
    if not options.quiet:
        frames, rate = video.frame_count, video.frame_count / (perf_counter() - started)
        print(
            f"{options.output}: {frames / video.fps:.2f} s, {frames} frames rendered at "
            f"{rate:.0f} fps, marked as AI-generated"
        )
    return OK


def _video(face: FaceLatent, options: argparse.Namespace) -> Video:
    from dataclasses import replace

    from openvasa.audio.decode import probe
    from openvasa.face.latent import CROP_SIDE
    from openvasa.motion.motion import Motion
    from openvasa.video import animate

    source: str | Motion = options.audio
    if options.motion:
        source = Motion.load(options.motion)
        probe(options.audio)
    video = animate(
        face,
        source,
        fps=options.fps,
        size=CROP_SIDE if options.size is None else options.size,
        full_frame=options.full_frame,
        seed=options.seed,
        sound=options.audio,
    )
    if options.preview:
        return replace(video, size=PREVIEW_SIZE, seconds_limit=PREVIEW_SECONDS)
    return video


def _with_saved_motion(video: Video, path: Path | None) -> Video:
    """Write the video's motion to `path` and return the video made from what was written."""
    if path is None:
        return video
    from dataclasses import replace

    import numpy as np

    from openvasa.motion.motion import POSE_DIM, Motion

    motion = video.source
    if not isinstance(motion, Motion):
        rows = np.concatenate(list(replace(video, fps=MOTION_RATE).motion()))
        motion = Motion(rows[:, :POSE_DIM], rows[:, POSE_DIM:], MOTION_RATE)
    motion.save(path)
    return replace(video, source=motion)


def _add_drive(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add_command(
        commands,
        "drive",
        _drive,
        "make a portrait move as the person in a video or before the camera does, and write an mp4",
        "openvasa drive portrait.jpg actor.mp4 -o reenacted.mp4",
        "openvasa drive portrait.jpg actor.mp4 -o nods.mp4 --pose-only",
        "openvasa drive portrait.jpg webcam -o me.mp4 --seconds 15",
        "openvasa drive portrait.jpg actor.mp4 -o a.mp4 --save-motion a.npz",
    )
    parser.add_argument("portrait", metavar="PORTRAIT", help="a picture, or an avatar .npz")
    parser.add_argument(
        "driver",
        metavar="VIDEO|webcam",
        help="a video file with one face; or webcam, webcam:N, /dev/videoN, recorded until Ctrl-C",
    )
    parser.add_argument("-o", "--output", required=True, metavar="OUT.mp4", type=Path)
    part = parser.add_mutually_exclusive_group()
    part.add_argument(
        "--pose-only", action="store_true", help="only the head's movement; the face stays as it is"
    )
    part.add_argument(
        "--expression-only", action="store_true", help="only the face; the head is held still"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="only the driver's first S seconds"
    )
    parser.add_argument(
        "--fps", type=int, default=25, metavar="N", help="25, 30, 40, 50 or 60 (default: 25)"
    )
    parser.add_argument(
        "--size", type=int, metavar="N", help="side of the video, px (default: 512)"
    )
    parser.add_argument(
        "--full-frame", action="store_true", help="the whole picture, with the person moving in it"
    )
    parser.add_argument(
        "--face", type=int, metavar="N", help="which of several faces, 1 is the leftmost"
    )
    parser.add_argument(
        "--save-motion", type=Path, metavar="FILE", help="write the motion too (.npz or .csv)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no closing line")


def _drive(options: argparse.Namespace) -> int:
    if options.size is not None and options.full_frame:
        options.usage_error("--size does not go with --full-frame")
    if options.seconds is not None and options.seconds <= 0:
        options.usage_error(f"seconds {options.seconds:g}: choose more than 0")

    from time import perf_counter

    from openvasa.face.encode import load_portrait
    from openvasa.face.latent import CROP_SIDE
    from openvasa.media.inspect import has_sound
    from openvasa.media.mp4 import check_output
    from openvasa.motion.driver import is_camera, motion_of, only_expression, only_pose
    from openvasa.video import Video

    file = None if is_camera(options.driver) else Path(options.driver)
    check_output(options.output, file)
    face = load_portrait(options.portrait, face=options.face)
    track = _track_driver(options)
    motion = motion_of(track)
    if options.pose_only:
        motion = only_pose(motion, face.dynamics)
    if options.expression_only:
        motion = only_expression(motion)
    if options.save_motion:
        motion.save(options.save_motion)
    video = Video(
        face,
        motion,
        audio=file if file is not None and has_sound(file) else None,
        fps=options.fps,
        size=CROP_SIDE if options.size is None else options.size,
        full_frame=options.full_frame,
        seconds_limit=motion.seconds,
    )
    started = perf_counter()
    with _progress_bar(video, options.quiet) as advance:
        video.save(options.output, progress=advance)
    if track.seen < 0.98:
        print(
            f"openvasa: warning: {options.driver}: the face was lost in "
            f"{100 * (1 - track.seen):.0f} % of the frames",
            file=sys.stderr,
        )
    if not options.quiet:
        frames, rate = video.frame_count, video.frame_count / (perf_counter() - started)
        print(
            f"{options.output}: {frames / video.fps:.2f} s, {frames} frames rendered at "
            f"{rate:.0f} fps, marked as AI-generated"
        )
    return OK


def _track_driver(options: argparse.Namespace) -> DriverTrack:
    from tqdm import tqdm

    from openvasa.motion.driver import camera_frames, file_frames, is_camera, track_driver

    if is_camera(options.driver):
        print(f"{options.driver}: recording; Ctrl-C ends it", file=sys.stderr)
        frames = camera_frames(options.driver, options.seconds or CAMERA_SECONDS)
    else:
        frames = file_frames(Path(options.driver), options.seconds)
    with tqdm(
        desc="tracking",
        disable=options.quiet,
        mininterval=0.1 if sys.stderr.isatty() else 5.0,
        unit=" frames",
        bar_format="{desc}: {n_fmt} frames, {rate_fmt}",
    ) as bar:

        def advance(done: int) -> None:
            bar.update(done - bar.n)

        return track_driver(frames, options.driver, advance)


@contextmanager
def _progress_bar(video: Video, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of frames done; the bar appears with the first."""
    from tqdm import tqdm

    bar: tqdm[NoReturn] | None = None

    def advance(done: int) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(
                total=video.frame_count,
                disable=quiet,
                # A log file wants a line now and then, a terminal a bar that moves.
                mininterval=0.1 if sys.stderr.isatty() else 5.0,
                unit=" frames",
                bar_format="{percentage:3.0f}% {bar:30} {n_fmt}/{total_fmt}, {rate_fmt}, "
                "{remaining} left",
            )
        bar.update(done - bar.n)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.close()


def _add_data(commands: argparse._SubParsersAction[Parser]) -> None:
    group = _add_group(commands, "data", "prepare training data")
    parser = _add_command(
        group,
        "prepare",
        _data_prepare,
        "track the faces of talking clips and compute their speech features",
        "openvasa data prepare clips/ cache/",
    )
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder with a clips.jsonl")
    parser.add_argument("cache", type=Path, metavar="CACHE", help="folder to fill")


def _data_prepare(options: argparse.Namespace) -> int:
    from openvasa.train.prepare import prepare

    problems = prepare(options.clips, options.cache)
    for problem in problems:
        print(f"openvasa: {_one_line(problem)}", file=sys.stderr)
    return BAD_INPUT if problems else OK


def _add_cache(parser: Parser) -> None:
    parser.add_argument("cache", type=Path, metavar="CACHE", help="from openvasa data prepare")


def _add_train(commands: argparse._SubParsersAction[Parser]) -> None:
    group = _add_group(commands, "train", "train the models on prepared data")
    parser = _add_command(
        group,
        "dynamics",
        _train_dynamics,
        "fit the facial dynamics code and report its errors on held-out people",
        "openvasa train dynamics cache/",
    )
    _add_cache(parser)
    parser = _add_command(
        group,
        "motion",
        _train_motion,
        "train the motion generator; goes on from the last checkpoint in RUN",
        "openvasa train motion cache/ runs/first --minutes 60",
        "openvasa train motion cache/ runs/first --minutes 60 --export",
    )
    _add_cache(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of checkpoints")
    parser.add_argument(
        "--minutes", type=float, default=60.0, metavar="M", help="in all (default: 60)"
    )
    parser.add_argument(
        "--export", action="store_true", help="then put the weights into the package's assets"
    )

    parser = _add_command(
        group,
        "render",
        _train_render,
        "train the refinement of mouth and eyes; goes on from the last checkpoints in RUN",
        "openvasa train render cache/ clips/ runs/render --minutes 90",
        "openvasa train render cache/ clips/ runs/render --minutes 90 --network mouth",
        "openvasa train render cache/ clips/ runs/render --minutes 90 --export",
    )
    _add_cache(parser)
    _add_clips(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of pairs and checkpoints")
    parser.add_argument(
        "--minutes",
        type=float,
        default=60.0,
        metavar="M",
        help="of each network in all (default: 60)",
    )
    parser.add_argument(
        "--network",
        choices=("mouth", "eye"),
        help="only this one, so that two processes can train both at a time",
    )
    parser.add_argument(
        "--export", action="store_true", help="then put the weights into the package's assets"
    )


def _add_clips(parser: Parser) -> None:
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="the folder CACHE was made from")


def _train_render(options: argparse.Namespace) -> int:
    from openvasa.face.topology import ASSETS
    from openvasa.train.render import NETWORKS, train
    from openvasa.train.render_export import export

    names = (options.network,) if options.network else tuple(NETWORKS)
    train(options.cache, options.clips, options.run, options.minutes, names)
    if options.export:
        export(options.run, ASSETS)
    return OK


def _train_dynamics(options: argparse.Namespace) -> int:
    from openvasa.train.dynamics import train

    print(json.dumps(train(options.cache), indent=2))
    return OK


def _train_motion(options: argparse.Namespace) -> int:
    from openvasa.train.export import export
    from openvasa.train.motion import train

    train(options.cache, options.run, options.minutes)
    if options.export:
        export(options.run)
    return OK


def _add_evaluate(commands: argparse._SubParsersAction[Parser]) -> None:
    group = _add_group(commands, "evaluate", "measure the models on held-out people")
    parser = _add_command(
        group,
        "motion",
        _evaluate_motion,
        "measure generated motion against real motion and baselines",
        "openvasa evaluate motion cache/",
        "openvasa evaluate motion cache/ --baseline-minutes 1",
    )
    _add_cache(parser)
    parser.add_argument(
        "--baseline-minutes",
        type=float,
        default=4.0,
        metavar="M",
        help="training time of the regression baseline (default: 4)",
    )
    parser = _add_command(
        group,
        "dynamics",
        _evaluate_dynamics,
        "measure what the facial dynamics code loses",
        "openvasa evaluate dynamics cache/",
    )
    _add_cache(parser)

    parser = _add_command(
        group,
        "render",
        _evaluate_render,
        "measure rendered frames against real ones: warp alone, drawn, refined",
        "openvasa evaluate render cache/ clips/ --report report/",
        "openvasa evaluate render cache/ clips/ --run runs/render",
    )
    _add_cache(parser)
    _add_clips(parser)
    parser.add_argument(
        "--run", type=Path, metavar="RUN", help="of this training run, not what is shipped"
    )
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="write report.html there")
    parser.add_argument(
        "--people", type=int, metavar="N", help="only the first N people (default: everyone)"
    )


def _evaluate_render(options: argparse.Namespace) -> int:
    from tempfile import TemporaryDirectory

    from openvasa.evaluate.render import evaluate
    from openvasa.evaluate.render_report import table, write_report

    if options.people is not None and options.people < 2:
        options.usage_error(f"people {options.people}: choose 2 or more")
    if options.run:
        from openvasa.train.render_export import export

        with TemporaryDirectory() as folder:
            export(options.run, Path(folder))
            figures = evaluate(options.cache, options.clips, Path(folder), options.people)
    else:
        figures = evaluate(options.cache, options.clips, people=options.people)
    print(table(figures))
    if options.report:
        print(write_report(figures, options.report))
    return OK


def _evaluate_motion(options: argparse.Namespace) -> int:
    from openvasa.evaluate.motion import evaluate

    print(evaluate(options.cache, options.baseline_minutes))
    return OK


def _evaluate_dynamics(options: argparse.Namespace) -> int:
    from openvasa.face.dynamics import dynamics_code
    from openvasa.train.dynamics import load_dynamics, mouth_share, report
    from openvasa.train.prepare import cached_clips

    held_out = [c for c in cached_clips(options.cache) if c.kind == "real" and c.split == "test"]
    loaded = [load_dynamics(options.cache, clip, mouth_share()) for clip in held_out]
    seen = [dynamics for dynamics in loaded if dynamics is not None]
    if not seen:
        raise InputError(f"{options.cache}: holds no held-out clip; run openvasa data prepare")
    print(json.dumps(report(dynamics_code(), seen), indent=2))
    return OK


def _add_bench(commands: argparse._SubParsersAction[Parser]) -> None:
    group = _add_group(commands, "bench", "measure speed and memory on this machine")
    parser = _add_command(
        group,
        "animate",
        _bench_animate,
        "measure portrait and voice to mp4: start-up, frames a second, memory, each stage",
        "openvasa bench animate",
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
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")


def _bench_animate(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from openvasa.evaluate.bench import bench_animate, table

    figures = bench_animate(options.portrait, options.audio, options.seconds)
    print(json.dumps(asdict(figures), indent=2) if options.json else table(figures))
    return OK


def _doctor(_: argparse.Namespace) -> int:
    from openvasa.doctor import examine

    problems = 0
    for finding in examine():
        problems += finding.problem
        print(finding.line, flush=True)
    print(f"{problems} problem{'s' if problems > 1 else ''}" if problems else "ok")
    return FAILED if problems else OK


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    told: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        from tqdm import tqdm

        # The sound is read more than once; its damage is worth one line.
        text = f"openvasa: warning: {_one_line(str(message))}"
        if issubclass(category, UserWarning) and text not in told:
            told.add(text)
            tqdm.write(text, file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _version() -> str:
    try:
        return version("openvasa")
    except PackageNotFoundError:
        return "(uninstalled checkout)"


def _bad_input(message: str) -> int:
    print(f"openvasa: {_one_line(message)}", file=sys.stderr)
    return BAD_INPUT


def _describe(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
