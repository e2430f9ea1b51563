"""Any audio or video file → float32 sound on the presentation timeline, in constant memory.

Sample 0 is presentation time 0. A stream that starts late is led in by silence and gaps are filled
with silence, so that a sample's index always tells its time, and sound decoded here stays in step
with the picture of the same file.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, groupby
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from openvasa.audio.mono import MonoMixer
from openvasa.errors import InputError
from openvasa.rates import SAMPLE_RATE

SHORTEST_S = 0.1

# Containers store frame times coarsely (Matroska: 1 ms) and encoders jitter by a few milliseconds:
# below this a difference between pts and sample count is noise, above it sound is really missing.
_JITTER_S = 0.02
_LONGEST_GAP_S = 600.0
_LONGEST_OVERLAP_S = 1.0

# AAC fills its last frame up; only this much beyond the stated end can be such padding.
_LONGEST_PADDING_S = 0.1

# Containers whose time zero is a promise to the player. In the others (MPEG-TS, MP3 with encoder
# delay, Ogg cut from a live stream) zero is arbitrary and players start at the first timestamp.
_MP4, _MATROSKA = "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"
_ABSOLUTE_TIME = {_MP4, _MATROSKA}
# Containers that state the audio's length in samples instead of estimating it from the bit rate.
_STATES_LENGTH = {_MP4, "wav", "w64", "flac", "aiff", "caf"}

_FULL_SCALE = {"u1": 128.0, "i2": 32768.0, "i4": 2147483648.0}

# Downmix weights of ITU-R BS.775: centre and surrounds at -3 dB, no low-frequency effects.
_LEFT = {"FL": 1.0, "FC": 0.7071, "BL": 0.7071, "SL": 0.7071, "FLC": 0.7071, "BC": 0.5, "DL": 1.0}
_RIGHT = {"FR": 1.0, "FC": 0.7071, "BR": 0.7071, "SR": 0.7071, "FRC": 0.7071, "BC": 0.5, "DR": 1.0}


@dataclass(frozen=True)
class AudioInfo:
    """Length on the presentation timeline (s), and the source's own rate (Hz) and channel count."""

    duration_s: float
    sample_rate: int
    channels: int


@dataclass(frozen=True)
class Sound:
    """A stretch of sound: samples (C, n) float32 in [-1, 1], C = 1 or 2, at `rate` Hz."""

    samples: np.ndarray
    rate: int


def read_blocks(path: str | Path, seconds: float = 1.0) -> Iterator[np.ndarray]:
    """Mono 16 kHz blocks of a file's sound, decoded as they are asked for; see `audio.mono`.

    Yields float32 arrays in [-1, 1] of `seconds` · 16000 samples, the last one shorter. Samples
    that are not finite become 0. The samples add up to the duration times 16000, rounded.

    Raises InputError at the call, not at the first block: missing, empty, unreadable or soundless
    file, or less than 0.1 s of sound. Warns when the file is damaged or ends early and gives what
    could be decoded.
    """
    blocks = cut_blocks(_mono_16k(read_sound(path)), max(1, round(seconds * SAMPLE_RATE)))
    # Pulling the first block now reports a bad file before the caller loads any model.
    return chain([next(blocks)], blocks)


def read_sound(path: str | Path) -> Iterator[Sound]:
    """A file's sound at its own rate, mono or stereo (more channels are mixed to stereo).

    The stretches follow each other without gaps from presentation time 0. Errors and warnings as in
    `read_blocks`, but raised while iterating.
    """
    path = Path(path)
    with _open(path) as container:
        stream = _audio_stream(container, path)
        damage = _Damage()
        origin = (
            0.0 if container.format.name in _ABSOLUTE_TIME else (container.start_time or 0) / 1e6
        )
        end = _stated_end(container, stream, origin)
        sound = _on_timeline(_decode_sound(container, stream, damage), origin, path)
        if container.format.name == _MP4 and end is not None:
            sound = _without_padding(sound, end)
        length = 0.0
        for piece in _long_enough(sound, damage, path):
            length += piece.samples.shape[1] / piece.rate
            yield piece
        if end is None and container.format.name == _MATROSKA and len(container.streams) == 1:
            end = (container.duration or 0) / 1e6
        if end is not None and length < end - _LONGEST_PADDING_S:
            _warn(path, f"ends early; {length:.2f} s of the stated {end:.2f} s could be decoded")
        elif damage.packets:
            _warn(path, f"is damaged or cut off; {length:.2f} s could be decoded")


def probe(path: str | Path) -> AudioInfo:
    """Length, rate and channels of a file's sound; `duration_s` is what `read_blocks` will yield.

    The stated length is believed only from containers that count samples, and only when the last
    packet ends there; otherwise the whole file is decoded and counted. Raises InputError and warns
    as `read_blocks` does.
    """
    path = Path(path)
    with _open(path) as container:
        stream = _audio_stream(container, path)
        # The decoder, not the header, knows the rate and channels (HE-AAC doubles them).
        first = next(_decode_sound(container, stream, _Damage()), None)
        if first is None:
            raise InputError(f"{path}: no sound could be decoded; is the file damaged?")
        rate, channels = first.sample_rate, len(first.layout.channels)
        end = _confirmed_end(container, stream)
    if end is None or end < SHORTEST_S:
        end = sum(piece.samples.shape[1] / piece.rate for piece in read_sound(path))
    return AudioInfo(end, rate, channels)


def resample_sound(pieces: Iterable[Sound], rate: int) -> Iterator[np.ndarray]:
    """The same sound at `rate` Hz, as (C, n) float32 arrays clipped to [-1, 1].

    Windowed-sinc resampling (libswresample), delay compensated and flushed: n_out is
    n · rate / rate_in rounded. A source that changes its rate or channels on the way is followed.
    """
    for (source_rate, _), run in groupby(pieces, key=lambda p: (p.rate, p.samples.shape[0])):
        if source_rate == rate:
            yield from (piece.samples for piece in run)
        else:
            yield from _resampled_run(run, rate)


def _resampled_run(pieces: Iterable[Sound], rate: int) -> Iterator[np.ndarray]:
    resampler, taken, given = None, 0.0, 0
    for piece in pieces:
        layout = "mono" if piece.samples.shape[0] == 1 else "stereo"
        resampler = resampler or av.AudioResampler(format="fltp", layout=layout, rate=rate)
        taken += piece.samples.shape[1] / piece.rate
        frame = AudioFrame.from_ndarray(piece.samples, format="fltp", layout=layout)
        frame.sample_rate = piece.rate
        for out in resampler.resample(frame):
            given += out.samples
            yield np.clip(out.to_ndarray(), -1.0, 1.0)
    if resampler is not None:
        for out in resampler.resample(None):
            # The flushed tail may round up by a sample.
            keep = out.to_ndarray()[:, : max(0, round(taken * rate) - given)]
            given += keep.shape[1]
            yield np.clip(keep, -1.0, 1.0)


@dataclass
class _Damage:
    packets: int = 0


def _open(path: Path) -> InputContainer:
    check_is_file(path)
    try:
        # "file:" keeps a colon in a name from being read as a protocol; the whitelist keeps a
        # playlist posing as audio from reaching the network.
        return av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"})
    except PermissionError:
        raise InputError(f"{path}: may not be read; check its permissions") from None
    except (FFmpegError, ValueError, UnicodeError) as error:
        with path.open("rb") as file:
            if file.read(8)[4:] == b"ftyp":
                raise InputError(
                    f"{path}: is incomplete (its index is missing); copy or record it again"
                ) from error
        raise InputError(
            f"{path}: not an audio or video file; give a WAV, MP3, M4A, Ogg, FLAC or video"
        ) from error


def check_is_file(path: Path) -> None:
    """Raise InputError unless `path` is a file with something in it."""
    if path.is_dir():
        raise InputError(f"{path}: is a directory; give a file")
    try:
        size = path.stat().st_size
    except PermissionError:
        raise InputError(f"{path}: may not be read; check its permissions") from None
    except (OSError, ValueError):
        raise InputError(f"{path}: no such file; check the path") from None
    if size == 0:
        raise InputError(f"{path}: is empty (0 bytes); copy or record it again")


def _audio_stream(container: InputContainer, path: Path) -> AudioStream:
    stream = container.streams.best("audio")
    if isinstance(stream, AudioStream) and stream.codec_context is not None:
        return stream
    name = container.format.name
    if container.streams.audio:
        raise InputError(f"{path}: its audio codec is not supported; convert it to WAV or AAC")
    if container.streams.video and not (name.endswith("_pipe") or name in {"image2", "tty", "gif"}):
        raise InputError(
            f"{path}: the video has no sound; give an audio file or a video with sound"
        )
    raise InputError(f"{path}: not an audio file; give a WAV, MP3, M4A, Ogg, FLAC or video")


def _decode_sound(
    container: InputContainer, stream: AudioStream, damage: _Damage
) -> Iterator[AudioFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            damage.packets += 1
            packet = None
        if packet is None:
            return
        if packet.is_corrupt:
            damage.packets += 1
        try:
            frames = packet.decode()
        except FFmpegError:
            damage.packets += 1
            continue
        for frame in frames:
            assert isinstance(frame, AudioFrame)
            yield frame


def _on_timeline(frames: Iterable[AudioFrame], origin: float, path: Path) -> Iterator[Sound]:
    position = None
    for frame in frames:
        samples, rate = _samples(frame), frame.sample_rate
        tolerance = 0.0 if position is None else _JITTER_S
        position = position or 0.0
        jump = 0.0 if frame.time is None else frame.time - origin - position
        if not -_LONGEST_OVERLAP_S <= jump <= _LONGEST_GAP_S:
            _warn(path, f"timestamps jump by {jump:.1f} s at {position:.1f} s; played on as one")
            origin, jump = origin + jump, 0.0
        if jump > tolerance:
            missing = round(jump * rate)
            yield from _silence(missing, samples.shape[0], rate)
            position += missing / rate
        elif jump < -tolerance:
            samples = samples[:, round(-jump * rate) :]
        position += samples.shape[1] / rate
        if samples.shape[1]:
            yield Sound(samples, rate)


def _silence(count: int, channels: int, rate: int) -> Iterator[Sound]:
    second = np.zeros((channels, rate), np.float32)
    for start in range(0, count, rate):
        yield Sound(second[:, : min(rate, count - start)], rate)


def _samples(frame: AudioFrame) -> np.ndarray:
    """(C, n) float32 in [-1, 1], C = 1 or 2."""
    if frame.format.name.startswith("s64"):
        (frame,) = av.AudioResampler(format="dblp", layout=frame.layout).resample(frame)
    raw = frame.to_ndarray()
    names = tuple(channel.name for channel in frame.layout.channels)
    if not frame.format.is_planar:
        raw = raw.reshape(-1, len(names)).T
    scale = _FULL_SCALE.get(raw.dtype.str[1:], 1.0)
    samples = raw.astype(np.float32)
    if raw.dtype == np.uint8:
        samples -= 128.0
    if scale == 1.0:
        # A float file may hold anything, and one NaN would spread through every later filter.
        samples[~np.isfinite(samples)] = 0.0
    samples *= 1.0 / scale
    if len(names) > 2:
        samples = _stereo_weights(names) @ samples
    return np.ascontiguousarray(np.clip(samples, -1.0, 1.0))


@lru_cache
def _stereo_weights(names: tuple[str, ...]) -> np.ndarray:
    rows = []
    for side in (_LEFT, _RIGHT):
        row = np.array([side.get(name, 0.0) for name in names], np.float32)
        # Channels without a known position all count the same.
        rows.append(row / row.sum() if row.any() else np.full(len(names), 1.0 / len(names)))
    return np.stack(rows).astype(np.float32)


def _stated_end(container: InputContainer, stream: AudioStream, origin: float) -> float | None:
    if container.format.name not in _STATES_LENGTH or not stream.duration:
        return None
    assert stream.time_base is not None
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base) - origin


def _confirmed_end(container: InputContainer, stream: AudioStream) -> float | None:
    """The stated end (s) if the last packets reach it, else None."""
    end = _stated_end(container, stream, 0.0)
    if end is None or stream.time_base is None:
        return None
    seen = 0.0
    try:
        container.seek(max(0, int((end - 1.0) / stream.time_base)), stream=stream)
        for packet in container.demux(stream):
            if packet.is_corrupt:
                return None
            if packet.pts is not None and packet.size:
                seen = float((packet.pts + (packet.duration or 0)) * stream.time_base)
    except FFmpegError:
        return None
    # The last AAC frame is padded: it ends up to a frame after the sound.
    return end if -1e-3 <= seen - end <= _LONGEST_PADDING_S else None


def _without_padding(pieces: Iterable[Sound], end: float) -> Iterator[Sound]:
    """Drop what an encoder's last frame holds beyond `end`; a file that goes on is left whole."""
    position, held, held_s = 0.0, [], 0.0
    for piece in pieces:
        count = piece.samples.shape[1]
        inside = count if held else min(count, max(0, round((end - position) * piece.rate)))
        if held_s <= _LONGEST_PADDING_S and (held or inside < count):
            if inside and not held:
                yield Sound(piece.samples[:, :inside], piece.rate)
            held.append(piece if held else Sound(piece.samples[:, inside:], piece.rate))
            held_s += held[-1].samples.shape[1] / piece.rate
        else:
            yield from held
            held = []
            yield piece
        position += count / piece.rate
    if held_s > _LONGEST_PADDING_S:
        yield from held


def _long_enough(pieces: Iterable[Sound], damage: _Damage, path: Path) -> Iterator[Sound]:
    held, length = [], 0.0
    pieces = iter(pieces)
    for piece in pieces:
        held.append(piece)
        length += piece.samples.shape[1] / piece.rate
        if length >= SHORTEST_S:
            yield from held
            yield from pieces
            return
    if damage.packets or not held:
        raise InputError(f"{path}: no sound could be decoded; is the file damaged?")
    raise InputError(f"{path}: only {length:.3f} s of sound; give at least {SHORTEST_S} s")


def _mono_16k(pieces: Iterable[Sound]) -> Iterator[np.ndarray]:
    mixer = MonoMixer()
    mono = (Sound(mixer.mix(piece.samples, piece.rate), piece.rate) for piece in pieces)
    return (samples[0] for samples in resample_sound(mono, SAMPLE_RATE))


def cut_blocks(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """(n,) pieces of any lengths → blocks of `size` samples, the last one shorter."""
    held, count = [], 0
    for piece in pieces:
        held.append(piece)
        count += len(piece)
        if count >= size:
            whole = np.concatenate(held)
            for start in range(0, count - size + 1, size):
                yield whole[start : start + size]
            held = [whole[count - count % size :]]
            count %= size
    if count:
        yield np.concatenate(held)


def _warn(path: Path, problem: str) -> None:
    warnings.warn(f"{path}: {problem}", stacklevel=2)
