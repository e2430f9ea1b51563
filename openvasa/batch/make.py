"""One task → one video file, in a worker: fetch, speak, animate, publish."""

from __future__ import annotations

import errno
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from openvasa.audio.pcm import write_wav
from openvasa.backgrounds import Background, parse_background
from openvasa.batch.options import Options
from openvasa.batch.places import fetch, is_url, publishing
from openvasa.batch.task import Portrait, Task
from openvasa.errors import InputError
from openvasa.face.encode import load_portrait
from openvasa.face.latent import FaceLatent
from openvasa.live.speech import Voice, speak, voices
from openvasa.motion.controls import VIEWER, Controls
from openvasa.motion.settings import MotionSettings
from openvasa.motion.viewer import gaze_to_viewer
from openvasa.provenance.marking import Marking
from openvasa.rates import MOTION_RATE
from openvasa.video import Video, animate

Tell = Callable[[int, int], None]
"""Takes the number of frames made so far, and of the whole video."""
AVATAR = ".npz"
"""How the name of an encoded portrait ends."""
GIF_RATE, GIF_SIDE = 20, 384
"""As `openvasa animate` makes them where nothing else is asked for."""

_PASSING = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EAGAIN,
}
"""Faults of the machine, which may be over another time, on this worker or on another."""


@dataclass(frozen=True)
class Figures:
    """What came out of a task.

    Attributes:
        seconds: of video.
        frames: of it.
        bytes: of the file.
        wall_s: seconds that it took in the worker, fetching and publishing included.
        warnings: what could be better, a line each.
    """

    seconds: float
    frames: int
    bytes: int
    wall_s: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """Why nothing came out.

    Attributes:
        reason: one line.
        passing: it may go better another time; else the input is at fault.
        face_lost: the encoded portrait is gone; encode it again.
    """

    reason: str
    passing: bool
    face_lost: bool = False


def encode_portrait(portrait: Portrait) -> FaceLatent:
    """Encode a portrait, or read an avatar.

    Raises:
        InputError: it cannot be animated.
    """
    with tempfile.TemporaryDirectory(prefix="openvasa-") as folder:
        path = fetch(portrait.place, Path(folder))
        with _named(path, portrait.place):
            return load_portrait(path, face=portrait.face, anyway=portrait.anyway)


def make_output(task: Task, face: FaceLatent, mark: str, tell: Tell | None = None) -> Figures:
    """As `make_video`; where the output's name ends in .npz, it is the avatar itself."""
    if not task.output.endswith(AVATAR):
        return make_video(task, face, mark, tell)
    started = time.perf_counter()
    with publishing(task.output, mark) as target:
        face.save(target)
        size = target.stat().st_size
    return Figures(0.0, 0, size, time.perf_counter() - started)


def make_video(task: Task, face: FaceLatent, mark: str, tell: Tell | None = None) -> Figures:
    """Make the video of a task; it lies at its output whole, or not at all.

    Args:
        task: what to make.
        face: its portrait, encoded.
        mark: names this attempt among others.
        tell: called with the number of frames done so far, and of the whole video.

    Raises:
        InputError: an input cannot be used, or the disk refuses the file.
        OSError: a place cannot be reached.
    """
    started = time.perf_counter()
    with (
        warnings.catch_warnings(record=True) as told,
        tempfile.TemporaryDirectory(prefix="openvasa-") as folder,
        publishing(task.output, mark) as target,
    ):
        warnings.simplefilter("always")
        scratch = Path(folder)
        sound = fetch_sound(task, scratch)
        with _named(sound, task.audio or "text"), _named(target, task.output):
            video = compose_video(face, sound, task.options, target, scratch)
            # While the sound is there.
            frames, seconds = video.frame_count, video.frame_count / float(video.rate)
            video.save(
                target,
                progress=None if tell is None else lambda done: tell(done, frames),
                marking=_marking(task.options),
                codec=task.options.codec,  # pyright: ignore[reportArgumentType] (was checked)
            )
        size = target.stat().st_size
    lines = dict.fromkeys(
        " ".join(str(w.message).split()) for w in told if issubclass(w.category, UserWarning)
    )
    return Figures(seconds, frames, size, time.perf_counter() - started, tuple(lines))


def explain(error: BaseException) -> Failure:
    """What went wrong, in one line, and whether it may pass."""
    cause = error.__cause__ if isinstance(error, InputError) else error
    passing = not isinstance(error, InputError) or (
        isinstance(cause, OSError) and cause.errno in _PASSING
    )
    words = " ".join(str(error).split())
    if not isinstance(error, InputError):
        words = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return Failure(words, passing)


def compose_video(
    face: FaceLatent, sound: Path, options: Options, target: Path, scratch: Path
) -> Video:
    """The video that the options ask for, not rendered yet."""
    gif = target.suffix.lower() == ".gif"
    size = GIF_SIDE if gif and options.size is None and not options.full_frame else options.size
    gaze = gaze_to_viewer(face) if options.gaze == VIEWER else options.gaze
    assert not isinstance(gaze, str)
    controls = Controls(gaze, options.distance, options.emotion)
    video = animate(
        face,
        sound,
        fps=options.fps or Fraction(GIF_RATE if gif else MOTION_RATE),
        size=size,
        full_frame=options.full_frame,
        aspect=options.aspect,
        settings=MotionSettings(seed=options.seed, controls=controls, amount=options.amount),
        background=read_background(options.background, scratch),
        hair_lag=options.hair_lag,
    )
    return replace(video, seconds_limit=options.seconds)


def fetch_sound(task: Task, scratch: Path) -> Path:
    """The sound of a task, on this machine."""
    if task.audio is not None:
        return fetch(task.audio, scratch)
    samples, rate = speak(task.text or "", choose_voice(task.voice))
    path = scratch / "speech.wav"
    write_wav(path, [samples], rate)
    return path


def choose_voice(name: str | None) -> Voice:
    """A voice of this machine by its name; None for the first.

    Raises:
        InputError: there is none, or none of that name.
    """
    found = voices()
    if not found:
        raise InputError("text: no voice on this machine; install espeak-ng, or give audio")
    voice = found[0] if name is None else next((v for v in found if v.name == name), None)
    if voice is None:
        raise InputError(f"voice {name}: no such one; choose {', '.join(v.name for v in found)}")
    return voice


def read_background(wanted: str, scratch: Path) -> Background:
    """A background by its name, colour, file or URL; raises InputError where it is none."""
    if not is_url(wanted):
        return parse_background(wanted)
    path = fetch(wanted, scratch)
    with _named(path, wanted):
        return parse_background(path)


def _marking(options: Options) -> Marking:
    asked = ("full_frame", "aspect", "gaze", "distance", "emotion")
    chosen = options.chosen()
    return Marking(
        label=options.label,
        label_seconds=options.label_seconds,
        notice=options.notice,
        producer=options.producer,
        controls={name: chosen[name] for name in asked if name in chosen},
    )


@contextmanager
def _named(path: Path, place: str) -> Iterator[None]:
    """In errors, name an input as the list does, not by where its copy lies."""
    try:
        yield
    except InputError as error:
        message = str(error).replace(str(path), place)
        raise InputError(message, parameters=error.parameters) from error.__cause__


def process_mark() -> str:
    """A name for an attempt of this process."""
    return f"{os.getpid()}-{time.monotonic_ns():x}"
