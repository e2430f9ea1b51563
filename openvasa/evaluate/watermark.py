"""What `openvasa bench watermark` reports: what the watermark survives, costs, and mistakes.

Each portrait gives one excerpt of two seconds, rendered, marked and written as `animate` does. Each
attack ends as a file of its own (H.264 by x264 medium, PNG or JPEG), from which the mark is read.
"""

from __future__ import annotations

import io
import multiprocessing
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from openvasa.assets import EXAMPLE_VOICE, EXAMPLES
from openvasa.data.clip_list import Kind, read_rows
from openvasa.data.reencode import reencode
from openvasa.errors import InputError
from openvasa.evaluate.bench import Machine, machine
from openvasa.face.encode import load_portrait
from openvasa.media.inspect import read_frames
from openvasa.media.video_writer import VideoWriter
from openvasa.provenance.embed import WatermarkEmbedder
from openvasa.provenance.read import read_watermark
from openvasa.rates import MOTION_RATE
from openvasa.video import animate

SECONDS = 2.0
CROP = 0.7
UNMARKED_FRAMES = 250
"""Unmarked clips are read in excerpts of so many frames."""
OTHERS_FRAMES = 10
"""The other method is so slow that it gets fewer frames of each excerpt, and fewer excerpts."""
OTHERS_EXCERPTS = 4

Frames = list[np.ndarray]


class Method(Protocol):
    """A watermark of 32 bits."""

    def embed(self, frames: Frames, bits: int) -> Frames:
        """Marked copies of (h, w, 3) uint8 RGB frames."""
        ...

    def read(self, frames: Frames) -> int | None:
        """The bits that were found."""
        ...


class Ours:
    """The product's own."""

    def embed(self, frames: Frames, bits: int) -> Frames:
        """See `Method`."""
        height, width = frames[0].shape[:2]
        embedder = WatermarkEmbedder((width, height), bits)
        return [embedder.apply(frame) for frame in frames]

    def read(self, frames: Frames) -> int | None:
        """See `Method`."""
        found = read_watermark(frames)
        return None if found is None else found.content_id


class BlindWatermark:
    """The package blind-watermark (DWT, DCT and SVD), at its default strength.

    It always gives some bits, so it cannot tell marked from unmarked.
    """

    def __init__(self) -> None:
        """Raises InputError where the package is not installed."""
        try:
            with keep_start_method():
                import blind_watermark  # pyright: ignore[reportMissingImports] (in no extra)
        except ModuleNotFoundError as error:
            raise InputError(
                "comparing needs blind-watermark; run pip install --no-deps blind-watermark "
                "PyWavelets"
            ) from error
        blind_watermark.bw_notes.close()
        self._make = blind_watermark.WaterMark

    def embed(self, frames: Frames, bits: int) -> Frames:
        """See `Method`."""
        wanted = [bool(bits >> shift & 1) for shift in range(32)]
        marked = []
        for frame in frames:
            mark = self._make(password_img=1, password_wm=1)
            mark.read_img(img=frame.astype(np.float32))
            mark.read_wm(wanted, mode="bit")
            marked.append(np.clip(np.round(mark.embed()), 0, 255).astype(np.uint8))
        return marked

    def read(self, frames: Frames) -> int | None:
        """See `Method`."""
        mean = np.mean([frame.astype(np.float32) for frame in frames], axis=0)
        try:
            reader = self._make(password_img=1, password_wm=1)
            found = reader.extract(embed_img=mean, wm_shape=32, mode="bit")
        except (AssertionError, IndexError, ValueError):
            return None
        return sum(int(float(bit) > 0.5) << shift for shift, bit in enumerate(found))


@contextmanager
def keep_start_method() -> Iterator[None]:
    """Let a package inside be the first to choose how processes start; then choose back."""
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(None, force=True)
    try:
        yield
    finally:
        multiprocessing.set_start_method(before, force=True)


@dataclass(frozen=True)
class Survival:
    """One row of the table.

    Attributes:
        attack: what was done.
        read: excerpts whose content id was read back.
        wrong: excerpts from which another id was read.
        excerpts: how many there were.
    """

    attack: str
    read: int
    wrong: int
    excerpts: int


@dataclass
class WatermarkFigures:
    """Everything that `openvasa bench watermark` measures.

    Attributes:
        machine: what was measured on.
        embed_ms: median time of one 512×512 frame on one core.
        psnr_db: lowest and mean PSNR of marked frames, over the excerpts.
        survival: attack by attack.
        unmarked_seconds: length of the unmarked clips that were read.
        false_positives: marks found in them.
        other_embed_ms, other_psnr_db, other_survival: the same of the package compared with.
    """

    machine: Machine
    embed_ms: float = 0.0
    psnr_db: tuple[float, float] = (0.0, 0.0)
    survival: list[Survival] = field(default_factory=list)
    unmarked_seconds: float = 0.0
    false_positives: int = 0
    other_embed_ms: float = 0.0
    other_psnr_db: tuple[float, float] = (0.0, 0.0)
    other_survival: list[Survival] = field(default_factory=list)


def bench_watermark(portraits: Path | None, clips: Path | None, compare: bool) -> WatermarkFigures:
    """Measure the watermark.

    Args:
        portraits: folder of pictures, one excerpt each; None takes the example.
        clips: folder with a clips.jsonl whose real clips are read for marks that are not there.
        compare: also measure blind-watermark.

    Raises:
        InputError: nothing to measure with.
    """
    pictures = _pictures(portraits)
    other = BlindWatermark() if compare else None
    figures = WatermarkFigures(machine())
    excerpts = []
    for index, picture in enumerate(tqdm(pictures, "excerpts", leave=False)):
        try:
            excerpts.append(_excerpt(picture, index))
        except InputError as error:
            tqdm.write(f"left out: {error}")
    if not excerpts:
        raise InputError(f"{portraits}: no picture in it can be animated")
    figures.embed_ms, figures.psnr_db, figures.survival = _measure(Ours(), excerpts)
    if other is not None:
        few = [frames[:OTHERS_FRAMES] for frames in excerpts[:OTHERS_EXCERPTS]]
        measured = _measure(other, few)
        figures.other_embed_ms, figures.other_psnr_db, figures.other_survival = measured
    if clips is not None:
        for path in tqdm(_real_clips(clips), "unmarked clips", leave=False):
            try:
                for seconds, found in _marks_in(path):
                    figures.unmarked_seconds += seconds
                    figures.false_positives += found
            except InputError as error:
                tqdm.write(f"left out: {error}")
    return figures


def table(figures: WatermarkFigures) -> str:
    """The figures as text for people."""
    lines = [f"{figures.machine.cpu}, one core", ""]
    lines += _rows("OpenVASA", figures.embed_ms, figures.psnr_db, figures.survival)
    if figures.other_survival:
        lines += [
            "",
            *_rows(
                "blind-watermark",
                figures.other_embed_ms,
                figures.other_psnr_db,
                figures.other_survival,
            ),
        ]
    if figures.unmarked_seconds:
        lines += [
            "",
            f"{figures.false_positives} false marks in {figures.unmarked_seconds / 3600:.2f} h of "
            f"unmarked real clips",
        ]
    return "\n".join(lines)


def _rows(
    name: str, embed_ms: float, psnr: tuple[float, float], survival: Sequence[Survival]
) -> list[str]:
    lines = [
        f"{name}: {embed_ms:.2f} ms a 512×512 frame; PSNR {psnr[1]:.1f} dB, lowest {psnr[0]:.1f}"
    ]
    for row in survival:
        wrong = f", {row.wrong} read wrongly" if row.wrong else ""
        lines.append(
            f"  {row.attack:34s} {100 * row.read / row.excerpts:6.1f} % "
            f"({row.read} of {row.excerpts}{wrong})"
        )
    return lines


def _measure(
    method: Method, excerpts: list[Frames]
) -> tuple[float, tuple[float, float], list[Survival]]:
    times, quality = [], []
    read, wrong = dict.fromkeys(ATTACKS, 0), dict.fromkeys(ATTACKS, 0)
    method.embed(excerpts[0][:1], 0)
    total = len(excerpts) * len(ATTACKS)
    bar = tqdm(desc=type(method).__name__, total=total, unit=" attacks", leave=False)
    for index, frames in enumerate(excerpts):
        bits = (0x9E3779B1 * (index + 1)) % 2**32
        # Processor time: other programs on this machine are not the method's.
        started = time.thread_time()
        marked = method.embed(frames, bits)
        times.append(1000 * (time.thread_time() - started) / len(frames))
        quality.append(_psnr(frames, marked))
        written = _write_and_read(marked)
        for attack, damage in ATTACKS.items():
            found = method.read(damage(written))
            read[attack] += found == bits
            wrong[attack] += found is not None and found != bits
            bar.update()
    bar.close()
    rows = [Survival(attack, read[attack], wrong[attack], len(excerpts)) for attack in ATTACKS]
    return float(np.median(times)), (min(quality), float(np.mean(quality))), rows


def _psnr(frames: Frames, marked: Frames) -> float:
    errors = [np.mean((a.astype(np.float32) - b) ** 2) for a, b in zip(frames, marked, strict=True)]
    return float(10 * np.log10(255**2 / np.mean(errors)))


def _pictures(folder: Path | None) -> list[Path]:
    if folder is None:
        folder = EXAMPLES
    found = sorted(p for p in folder.glob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not found:
        raise InputError(f"{folder}: holds no pictures; give a folder of portraits")
    return found


def _excerpt(picture: Path, seed: int) -> Frames:
    voice = EXAMPLE_VOICE
    video = replace(animate(load_portrait(picture), voice, seed=seed), seconds_limit=SECONDS)
    return list(islice(video, round(SECONDS * MOTION_RATE)))


def _write_and_read(frames: Frames) -> Frames:
    """The frames as `animate` leaves them in its file."""
    height, width = frames[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        with VideoWriter(path, (width, height), MOTION_RATE) as writer:
            for frame in frames:
                writer.write(frame)
        return list(read_frames(path))


def _scale_frames(frames: Frames, factor: float) -> Frames:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return [cv2.resize(f, None, fx=factor, fy=factor, interpolation=how) for f in frames]


def _crop_frames(frames: Frames) -> Frames:
    height, width = frames[0].shape[:2]
    tall, wide = round(CROP * height), round(CROP * width)
    top, left = round(0.4 * (height - tall)), round(0.7 * (width - wide))
    return [frame[top : top + tall, left : left + wide] for frame in frames]


def _at_30(frames: Frames) -> Frames:
    count = round(len(frames) * 30 / MOTION_RATE)
    return [frames[index * MOTION_RATE // 30] for index in range(count)]


def _tone_frames(frames: Frames, gain: float, offset: float) -> Frames:
    return [cv2.convertScaleAbs(frame, alpha=gain, beta=offset) for frame in frames]


def _jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def _contrast(frames: Frames, gain: float) -> Frames:
    return _tone_frames(frames, gain, 128 * (1 - gain))


ATTACKS: dict[str, Callable[[Frames], Frames]] = {
    "as written": lambda f: f,
    "H.264 CRF 23": lambda f: reencode(f, 23),
    "H.264 CRF 28": lambda f: reencode(f, 28),
    "H.264 CRF 32": lambda f: reencode(f, 32),
    "scaled 0.5, CRF 23": lambda f: reencode(_scale_frames(f, 0.5), 23),
    "scaled 0.75, CRF 23": lambda f: reencode(_scale_frames(f, 0.75), 23),
    "scaled 1.5, CRF 23": lambda f: reencode(_scale_frames(f, 1.5), 23),
    "scaled 2, CRF 23": lambda f: reencode(_scale_frames(f, 2), 23),
    "cropped to 70 %, CRF 23": lambda f: reencode(_crop_frames(f), 23),
    "25 to 30 fps, CRF 23": lambda f: reencode(_at_30(f), 23, 30),
    "brightness +20 %, CRF 23": lambda f: reencode(_tone_frames(f, 1.2, 0), 23),
    "brightness -20 %, CRF 23": lambda f: reencode(_tone_frames(f, 0.8, 0), 23),
    "contrast +20 %, CRF 23": lambda f: reencode(_contrast(f, 1.2), 23),
    "contrast -20 %, CRF 23": lambda f: reencode(_contrast(f, 0.8), 23),
    "one frame as PNG": lambda f: f[len(f) // 2 :][:1],
    "one frame as JPEG quality 50": lambda f: [_jpeg(f[len(f) // 2], 50)],
    "cropped, halved, CRF 28 (beyond)": lambda f: reencode(_scale_frames(_crop_frames(f), 0.5), 28),
    "mirrored, CRF 28 (beyond)": lambda f: reencode([g[:, ::-1] for g in f], 28),
}


def _real_clips(folder: Path) -> list[Path]:
    rows = read_rows(folder)
    return [folder / Path(row["file"]).name for row in rows if row["kind"] == Kind.REAL]


def _marks_in(path: Path) -> Iterator[tuple[float, bool]]:
    """For each excerpt of a clip: its seconds, and whether a mark is found."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = read_frames(path)
        while excerpt := list(islice(frames, UNMARKED_FRAMES)):
            yield len(excerpt) / MOTION_RATE, read_watermark(excerpt) is not None
