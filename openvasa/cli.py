"""The command line: arguments in, calls into the package, one line for each error.

Everything heavy is imported inside the subcommands, so that help and usage errors come at once.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO

from openvasa.errors import InputError

if TYPE_CHECKING:
    from tqdm import tqdm

    from openvasa.face.latent import FaceLatent
    from openvasa.motion.motion import Motion
    from openvasa.motion.window import MotionSettings
    from openvasa.provenance.marking import Marking
    from openvasa.video import Video

OK, FAILED, BAD_INPUT, CANCELLED, TERMINATED = 0, 1, 2, 130, 143

PREVIEW_SECONDS = 3.0
PREVIEW_SIZE = 256
SOUND_FILES = {".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac"}
MOTION_FILE = "motion to write, .npz or .csv"
MOTION_RATE = 25
"""Frames a second of motion as it is generated and saved."""

EXTRAS = {
    "train": {"onnx", "onnxscript", "safetensors", "torch"},
    "live": {"aiortc", "fastapi", "multipart", "prometheus_client", "uvicorn", "websockets"},
}
"""Packages that come with an extra only."""

STYLES = {
    "mouth": "how far the mouth opens",
    "head": "how much the head moves",
    "brows": "how much the brows move",
    "gaze": "how much the eyes wander",
}


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
        Exit status: 0 done, 1 something is wrong with the installation, 2 bad input, 130 cancelled,
        143 terminated; `verify` and `detect` have their own, see their help.
    """
    with _warnings_in_one_line(), _cleanup_when_terminated():
        try:
            options = _parser().parse_args(arguments)
            return options.command(options)
        except _Terminated:
            print("terminated", file=sys.stderr)
            return TERMINATED
        except KeyboardInterrupt:
            print("cancelled", file=sys.stderr)
            return CANCELLED
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else OK
        except ModuleNotFoundError as error:
            extra = _extra_with(error.name or "")
            if extra is None:
                raise
            return _bad_input(f"needs {error.name}; run pip install 'openvasa[{extra}]'")
        except InputError as error:
            return _bad_input(str(error))
        except OSError as error:
            return _bad_input(_describe(error))


class _Terminated(KeyboardInterrupt):
    """SIGTERM, as an exception that unwinds and cleans up like Ctrl-C."""


@contextmanager
def _cleanup_when_terminated() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may handle signals.
        yield
        return

    def terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _extra_with(package: str) -> str | None:
    return next((extra for extra, packages in EXTRAS.items() if package in packages), None)


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
    _add_edit(commands)
    _add_verify(commands)
    _add_detect(commands)
    _add_data(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_bench(commands)
    _add_live(commands)
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
        "openvasa animate portrait.jpg voice.wav -o c.mp4 --gaze 15,-5 --emotion happy:0.7",
        "openvasa animate portrait.jpg voice.wav -o talking.mp4 --label eu --notice morse",
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
    _add_steering(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no closing line")
    _add_marking(parser)


def _add_marking(parser: Parser) -> None:
    group = parser.add_argument_group(
        "marking",
        "Every video carries an invisible watermark and signed Content Credentials that say it is "
        "AI-generated; see docs/responsible-use.md.",
    )
    group.add_argument(
        "--accept-policy",
        action="store_true",
        help="agree to the use policy for this run (or set OPENVASA_ACCEPT_POLICY=1)",
    )
    group.add_argument(
        "--label",
        nargs="?",
        const="text",
        choices=("text", "eu", "cn"),
        help="also a visible label: plain text (the default), or as the EU's or China's rules ask",
    )
    group.add_argument(
        "--label-seconds",
        type=float,
        metavar="S",
        help="show the label only for the first S seconds, at least 2 (default: always)",
    )
    group.add_argument(
        "--notice", choices=("morse",), help="also an audible notice at the start: AI in Morse code"
    )
    group.add_argument("--producer", metavar="NAME", help="who is named in the field of --label cn")
    group.add_argument(
        "--content-id",
        type=_content_id,
        metavar="HEX",
        help="8 hexadecimal digits for the watermark (default: made from portrait and sound)",
    )
    group.add_argument(
        "--c2pa-cert",
        type=Path,
        metavar="PEM",
        help="sign with this certificate chain (or set OPENVASA_C2PA_CERT; default: self-signed)",
    )
    group.add_argument(
        "--c2pa-key", type=Path, metavar="PEM", help="its private key (or set OPENVASA_C2PA_KEY)"
    )
    group.add_argument(
        "--c2pa-timestamp", metavar="URL", help="have the time confirmed there; needs the network"
    )
    group.add_argument(
        "--no-marks",
        action="store_true",
        help="write no mark at all; you answer for the video's use, and the run says so",
    )


def _content_id(text: str) -> int:
    if len(text) > 8 or not all(digit in "0123456789abcdefABCDEF" for digit in text) or not text:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 to 8 hexadecimal digits")
    return int(text, 16)


def _marking(options: argparse.Namespace) -> Marking:
    from openvasa.provenance.consent import require_consent
    from openvasa.provenance.marking import UNMARKED, Marking

    require_consent(options.accept_policy)
    if options.no_marks:
        wanted = ("label", "notice", "content_id", "c2pa_cert", "c2pa_key", "c2pa_timestamp")
        given = [name for name in wanted if getattr(options, name) is not None]
        if given:
            options.usage_error(f"--no-marks does not go with --{given[0].replace('_', '-')}")
        return UNMARKED
    if options.label_seconds is not None and options.label is None:
        options.usage_error("--label-seconds goes with --label")
    if options.producer is not None and options.label != "cn":
        options.usage_error("--producer goes with --label cn")
    portrait = Path(options.portrait)
    return Marking(
        content_id=options.content_id,
        label=options.label,
        label_seconds=options.label_seconds,
        notice=options.notice,
        producer=options.producer,
        cert=options.c2pa_cert,
        key=options.c2pa_key,
        timestamp_url=options.c2pa_timestamp,
        portrait=None if portrait.suffix.lower() == ".npz" else portrait,
        controls={"full_frame": options.full_frame, "preview": options.preview},
    )


def _add_steering(parser: Parser) -> None:
    """Options that say how the portrait talks; `_settings` reads them."""
    steering = parser.add_argument_group(
        "steering", "what is not said is left to the model; --controls holds curves over time"
    )
    steering.add_argument(
        "--gaze",
        metavar="YAW,PITCH",
        help="main gaze in degrees, to the picture's right and up, as 15,-5 or --gaze=-15,5",
    )
    steering.add_argument(
        "--distance", type=float, metavar="F", help="head distance, 1.1 is a tenth farther"
    )
    steering.add_argument(
        "--emotion",
        metavar="NAME[:AMOUNT]",
        help="happy, angry, sad, surprised or neutral, amount 0 to 1, as happy:0.7",
    )
    steering.add_argument(
        "--controls",
        type=Path,
        metavar="FILE.json",
        help='curves over time, as {"gaze": [[0, 0, 0], [2.5, 15, -5]]}',
    )
    for name, what in STYLES.items():
        steering.add_argument(
            f"--{name}-style",
            type=float,
            default=0.0,
            metavar="S",
            help=f"{what}, −2 calm to 2 lively (default: 0)",
        )


def _settings(options: argparse.Namespace) -> MotionSettings:
    from openvasa.motion.controls import Controls, parse_emotion, parse_gaze
    from openvasa.motion.window import MotionSettings

    single = {"gaze": options.gaze, "distance": options.distance, "emotion": options.emotion}
    given = {key: value for key, value in single.items() if value is not None}
    if options.controls is not None:
        if given:
            options.usage_error(f"--{next(iter(given))} does not go with --controls")
        controls = Controls.load(options.controls)
    else:
        parsers = {"gaze": parse_gaze, "distance": float, "emotion": parse_emotion}
        controls = Controls(**{key: parsers[key](value) for key, value in given.items()})
    styles = {name: getattr(options, f"{name}_style") for name in STYLES}
    for name, amount in styles.items():
        if not -3 <= amount <= 3:
            options.usage_error(f"--{name}-style {amount}: choose -3 to 3")
    return MotionSettings(seed=options.seed, controls=controls, **styles)


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

    marking = _marking(options)
    check_output(options.output, Path(options.audio))
    face = load_portrait(options.portrait, face=options.face)
    if options.save_avatar:
        face.save(options.save_avatar)
    video = _with_saved_motion(_video(face, options), options.save_motion)
    started = perf_counter()
    with _progress_bar(video, options.quiet) as advance:
        video.save(options.output, progress=advance, marking=marking)
    if not marking.marked:
        print(
            f"openvasa: {options.output} is NOT marked as AI-generated (--no-marks)",
            file=sys.stderr,
        )
    if not options.quiet:
        frames, rate = video.frame_count, video.frame_count / (perf_counter() - started)
        print(
            f"{options.output}: {frames / video.fps:.2f} s, {frames} frames rendered at "
            f"{rate:.0f} fps, {_marks_in_words(marking)}"
        )
    return OK


def _marks_in_words(marking: Marking) -> str:
    if not marking.marked:
        return "NOT marked as AI-generated (--no-marks)"
    from openvasa.provenance.certificate import identity

    signed = "self-signed" if identity(marking.cert, marking.key).self_signed else "signed"
    label = f", label {marking.label}" if marking.label else ""
    return f"marked as AI-generated: watermark, Content Credentials ({signed}){label}"


def _add_verify(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add_command(
        commands,
        "verify",
        _verify,
        "look for marks of OpenVASA and for Content Credentials in videos and pictures",
        "openvasa verify talking.mp4",
        "openvasa verify downloads/*.mp4 screenshot.png --json",
    )
    parser.description = (
        "Look for marks of OpenVASA and for Content Credentials in videos and pictures. Exit "
        "status: 0 every file carries an intact mark of OpenVASA, 1 some file has none, 3 some "
        "file was changed after it was signed, 2 some file cannot be read."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each file")


def _verify(options: argparse.Namespace) -> int:
    from openvasa.provenance.verify import TAMPERED, in_words, verify

    statuses = []
    for path in options.files:
        try:
            report = verify(path)
        except InputError as error:
            statuses.append(_bad_input(str(error)))
            continue
        statuses.append(report.status)
        print(json.dumps(report.as_json()) if options.json else in_words(report), flush=True)
    order = (BAD_INPUT, TAMPERED, FAILED, OK)
    return min(statuses, key=order.index)


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
        settings=_settings(options),
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


def _add_edit(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add_command(
        commands,
        "edit",
        _edit,
        "change a motion file; the edits asked for are done in the order listed here",
        "openvasa edit talk.npz -o still.npz --expression-only",
        "openvasa edit talk.npz -o turning.npz --spin 20",
        "openvasa edit talk.npz -o mixed.npz --pose-from other.npz --add mouthSmile:0.3",
        "openvasa edit recording.csv -o talk.npz",
        "openvasa animate portrait.jpg voice.wav -o out.mp4 --motion turning.npz",
    )
    parser.add_argument("motion", type=Path, metavar="MOTION", help=".npz, or Live Link Face .csv")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help=MOTION_FILE)
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--pose-only", action="store_true", help="the head's movement, face at rest")
    part.add_argument("--expression-only", action="store_true", help="the face, head held still")
    parser.add_argument("--pose-from", type=Path, metavar="MOTION", help="take the head from there")
    parser.add_argument(
        "--expression-from", type=Path, metavar="MOTION", help="take the face from there"
    )
    parser.add_argument(
        "--spin", type=float, metavar="DEG", help="let the head circle so far to the sides"
    )
    parser.add_argument(
        "--blend", type=Path, metavar="MOTION", help="go part of the way to another motion"
    )
    parser.add_argument(
        "--share", type=float, default=0.5, metavar="S", help="how far, 0 to 1 (default: 0.5)"
    )
    parser.add_argument(
        "--scale-pose", type=float, default=1.0, metavar="F", help="move the head so much more"
    )
    parser.add_argument(
        "--scale-expression", type=float, default=1.0, metavar="F", help="and the face"
    )
    parser.add_argument(
        "--add",
        action="append",
        default=[],
        metavar="NAME:AMOUNT",
        help="add an ARKit blendshape, as jawOpen:0.3; may be repeated",
    )
    parser.add_argument(
        "--stretch", type=float, default=1.0, metavar="F", help="make it so many times as long"
    )


def _edit(options: argparse.Namespace) -> int:
    from openvasa.motion import edit
    from openvasa.motion.motion import Motion

    motion = Motion.load(options.motion)
    if options.pose_only:
        motion = edit.pose_only(motion)
    if options.expression_only:
        motion = edit.expression_only(motion)
    if options.pose_from:
        motion = edit.with_pose_of(motion, Motion.load(options.pose_from))
    if options.expression_from:
        motion = edit.with_expression_of(motion, Motion.load(options.expression_from))
    if options.spin is not None:
        motion = edit.spinning(motion, options.spin)
    if options.blend:
        motion = edit.blended(motion, Motion.load(options.blend), options.share)
    motion = edit.scaled(motion, pose=options.scale_pose, expression=options.scale_expression)
    motion = edit.with_blendshapes(motion, _amounts(options))
    motion = edit.stretched(motion, options.stretch)
    motion.save(options.output)
    print(f"{options.output}: {motion.seconds:.2f} s, {len(motion)} frames")
    return OK


def _amounts(options: argparse.Namespace) -> dict[str, float]:
    added: dict[str, float] = {}
    for text in options.add:
        name, _, amount = text.partition(":")
        try:
            added[name] = added.get(name, 0.0) + float(amount)
        except ValueError:
            options.usage_error(f"--add {text}: give name and amount, as jawOpen:0.3")
    return added


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


def _add_detect(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add_command(
        commands,
        "detect",
        _detect,
        "judge by the picture alone whether OpenVASA rendered a talking face",
        "openvasa detect video.mp4",
    )
    parser.description = (
        "Judge by the picture alone whether OpenVASA rendered a talking face, for videos whose "
        "marks are gone. It knows this renderer and no other generator, and it errs: see "
        "openvasa/assets/detector.md. Try openvasa verify first. Exit status: 0 probably rendered "
        "by OpenVASA, 1 probably not, 2 bad input."
    )
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("--json", action="store_true", help="print JSON in place of words")


def _detect(options: argparse.Namespace) -> int:
    from statistics import median

    from openvasa.media.inspect import read_frames
    from openvasa.provenance.detector import detect

    scores = detect(read_frames(options.video), str(options.video))
    score = median(scores)
    if options.json:
        print(json.dumps({"path": str(options.video), "score": score, "excerpts": scores}))
    else:
        verdict = "probably" if score >= 0.5 else "probably not"
        print(
            f"{options.video}: {verdict} rendered by OpenVASA (score {score:.2f} of 0 to 1, "
            f"{len(scores)} excerpts); says nothing about other generators"
        )
    return OK if score >= 0.5 else FAILED


def _add_live(commands: argparse._SubParsersAction[Parser]) -> None:
    parser = _add_command(
        commands,
        "live",
        _live,
        "serve talking portraits in real time to browsers",
        "openvasa live",
        "openvasa live --portrait me.jpg --portrait painting.png --port 9000",
        "openvasa live --host 0.0.0.0 --certificate cert.pem key.pem",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="H",
        help="where to listen; any but a loopback address asks for a token (default: 127.0.0.1)",
    )
    parser.add_argument("--port", type=int, default=8765, metavar="N", help="(default: 8765)")
    parser.add_argument(
        "--portrait",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a picture or avatar .npz to choose from; may be given more than once",
    )
    parser.add_argument(
        "--piper-voice",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.onnx",
        help="a Piper voice to speak text with; eSpeak NG is found by itself",
    )
    parser.add_argument("--token", metavar="T", help="ask for this token (default: made up)")
    parser.add_argument(
        "--certificate",
        type=Path,
        nargs=2,
        metavar=("CERT", "KEY"),
        help="serve HTTPS, without which browsers give a microphone to localhost only",
    )
    parser.add_argument(
        "--sessions", type=int, default=4, metavar="N", help="at the same time (default: 4)"
    )
    parser.add_argument(
        "--accept-policy",
        action="store_true",
        help="agree to the use policy for this run (or set OPENVASA_ACCEPT_POLICY=1)",
    )
    _add_live_options(parser)


def _live(options: argparse.Namespace) -> int:
    if not 1 <= options.port <= 65535:
        options.usage_error(f"port {options.port}: choose 1 to 65535")
    if options.sessions < 1:
        options.usage_error(f"sessions {options.sessions}: choose 1 or more")

    from openvasa.live.engine import LiveSettings
    from openvasa.live.serve import serve
    from openvasa.live.session import Limits
    from openvasa.provenance.consent import require_consent

    require_consent(options.accept_policy)
    serve(
        host=options.host,
        port=options.port,
        portraits=options.portrait,
        settings=LiveSettings(options.fps, 48000, options.hop, options.lookahead),
        limits=Limits(sessions=options.sessions),
        token=options.token,
        piper_voices=options.piper_voice,
        certificate=tuple(options.certificate) if options.certificate else None,
    )
    return OK


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
        "detector",
        _train_detector,
        "train the detector of our own renders and report its errors on held-out people",
        "openvasa train detector clips/",
    )
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder with a clips.jsonl")
    parser.add_argument(
        "--people", type=int, default=60, metavar="N", help="at most N of each split (default: 60)"
    )

    for name, what in (("sync", "lips"), ("capp", "head motion")):
        parser = _add_command(
            group,
            name,
            _train_expert,
            f"train the expert that judges whether {what} and sound belong together",
            f"openvasa train {name} cache/",
        )
        _add_cache(parser)
        parser.add_argument(
            "--minutes", type=float, default=6.0, metavar="M", help="time to train (default: 6)"
        )
        parser.set_defaults(expert=name)


def _train_expert(options: argparse.Namespace) -> int:
    from openvasa.train.experts import train_expert

    print(train_expert(options.expert, options.cache, options.minutes))
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


def _train_detector(options: argparse.Namespace) -> int:
    from openvasa.train.detector import train

    print(json.dumps(train(options.clips, options.people), indent=2))
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
        "--voices", type=Path, metavar="DIR", help="also judge every sound file of a folder"
    )
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
        "experts",
        _evaluate_experts,
        "measure whether the experts that judge motion can tell right from wrong",
        "openvasa evaluate experts cache/",
    )
    _add_cache(parser)
    parser = _add_command(
        group,
        "controls",
        _evaluate_controls,
        "measure whether gaze, distance and emotion come out as asked, on rendered video",
        "openvasa evaluate controls",
        "openvasa evaluate controls --portrait me.jpg --portrait you.jpg --audio voice.wav",
    )
    parser.add_argument(
        "--portrait", action="append", metavar="P", help="may be repeated; default: the example's"
    )
    parser.add_argument("--audio", type=Path, metavar="A", help="default: the example's")


def _evaluate_experts(options: argparse.Namespace) -> int:
    from openvasa.evaluate.expert_report import report
    from openvasa.train.experts import RECIPES, paired
    from openvasa.train.motion_data import load_clips

    clips = load_clips(options.cache, "test")
    for name, recipe in RECIPES.items():
        print(f"{name}: {report(name, paired(options.cache, clips, recipe.excerpt))}\n")
    return OK


def _evaluate_controls(options: argparse.Namespace) -> int:
    from openvasa.evaluate.bench import example
    from openvasa.evaluate.controls import evaluate
    from openvasa.face.encode import load_portrait

    portraits = options.portrait or [example("portrait.jpg", "--portrait")]
    faces = [load_portrait(portrait) for portrait in portraits]
    print(evaluate(faces, options.audio or example("voice.wav", "--audio")))
    return OK


def _evaluate_motion(options: argparse.Namespace) -> int:
    from openvasa.evaluate.motion import evaluate

    voices = (
        sorted(p for p in options.voices.iterdir() if p.suffix in SOUND_FILES)
        if (options.voices)
        else []
    )
    print(evaluate(options.cache, options.baseline_minutes, voices))
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
    parser = _add_command(
        group,
        "live",
        _bench_live,
        "feed a voice in real time: frames a second, latency, frames left out, load, memory",
        "openvasa bench live",
        "openvasa bench live --seconds 300 --fps 50 --encode vp8 --json",
    )
    parser.add_argument("--portrait", type=Path, metavar="P", help="default: the example's")
    parser.add_argument("--audio", type=Path, metavar="A", help="default: the example's")
    parser.add_argument(
        "--seconds", type=float, default=60.0, metavar="S", help="to measure (default: 60)"
    )
    _add_live_options(parser)
    parser.add_argument(
        "--chunk", type=int, default=20, metavar="MS", help="sound pushed at once (default: 20)"
    )
    parser.add_argument(
        "--encode",
        choices=["none", "jpeg", "vp8", "h264"],
        default="none",
        help="encode the video as well (default: none)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser = _add_command(
        group,
        "watermark",
        _bench_watermark,
        "measure what the invisible watermark survives, costs, and finds where it is not",
        "openvasa bench watermark --portraits portraits/ --clips clips/ --compare",
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


def _add_live_options(parser: Parser) -> None:
    parser.add_argument(
        "--fps", type=int, default=40, metavar="N", help="25, 30, 40, 50 or 60 (default: 40)"
    )
    parser.add_argument(
        "--hop",
        type=int,
        default=2,
        metavar="N",
        help="steps of 40 ms in which motion is made; 1 costs twice as much (default: 2)",
    )
    parser.add_argument(
        "--lookahead",
        type=int,
        default=2,
        metavar="N",
        help="steps of 40 ms that the lips hear ahead; fewer answer sooner (default: 2)",
    )


def _bench_live(options: argparse.Namespace) -> int:
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
    )
    print(json.dumps(asdict(figures), indent=2) if options.json else live_table(figures))
    return OK


def _bench_watermark(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from openvasa.evaluate.watermark import bench_watermark, table

    figures = bench_watermark(options.portraits, options.clips, options.compare)
    print(json.dumps(asdict(figures), indent=2) if options.json else table(figures))
    return OK


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
