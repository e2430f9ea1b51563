"""Turn talking clips into a cache of tracked faces and speech features.

    openvasa data prepare CLIPS CACHE

CLIPS is a folder of video files with a `clips.jsonl` (docs/data.md lists its fields). The cache
gets one `.npz` per clip; clips already there are left alone, so an interrupted run goes on where
it stopped.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import av
import av.error
import numpy as np
from tqdm import tqdm

from openvasa.audio.decode import read_blocks
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.audio.pcm import to_int16
from openvasa.audio.speech_encoder import SpeechEncoder, check_encoder
from openvasa.data.clip_list import INDEX, Clip, read_clip_list
from openvasa.data.voices import Voice, make_voice
from openvasa.errors import InputError
from openvasa.face.canonical import fit_head
from openvasa.face.landmarker import MIN_PRESENCE, blendshape_scores, follow_face

TRACKS, VOICES = "tracks", "voices"
"""Folders of the cache: one file a clip in each."""
ENCODER = f"{VOICES}/encoder.json"
RENDITIONS = 3
"""Renditions of each clip's voice, the clip as it is among them."""


@dataclass(frozen=True)
class Track:
    """What the tracker saw in one clip, T frames at 25 fps.

    Attributes:
        canonical: (T, 478, 3) float32 canonical shape, expression included.
        rotation: (T, 3, 3) float32, head to camera.
        translation: (T, 3) float32 px.
        scale: (T,) float32 px per canonical unit.
        blendshapes: (T, 52) float32 in 0–1.
        valid: (T,) bool, the face was found.
    """

    canonical: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    scale: np.ndarray
    blendshapes: np.ndarray
    valid: np.ndarray


def track_file(cache: Path, clip: Clip) -> Path:
    """Where a clip's track lies in the cache."""
    return cache / TRACKS / f"{clip.name}.npz"


def _voices_file(cache: Path, clip: Clip) -> Path:
    return cache / VOICES / f"{clip.name}.npz"


def cached_clips(cache: Path) -> list[Clip]:
    """The clips of the list that are in the cache."""
    return [c for c in read_clip_list(cache) if track_file(cache, c).exists()]


def _frames(path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise InputError(f"{path}: holds no picture; take it off the clip list")
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def track_clip(path: Path) -> dict[str, np.ndarray]:
    """Track one 25-fps clip; the arrays are those of `Track`."""
    return track_frames(_frames(path))


def track_frames(frames: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Track (H, W, 3) uint8 RGB frames in order; the arrays are those of `Track`.

    Frames before the first that shows a face are left out.
    """
    rows: dict[str, list] = {key: [] for key in ("canonical", "rotation", "translation")}
    rows |= {key: [] for key in ("scale", "blendshapes", "valid")}
    previous = None
    for image in frames:
        tracked = follow_face(image, previous, threads=1)
        valid = tracked is not None and tracked.presence >= MIN_PRESENCE
        previous = tracked.landmarks if tracked is not None and valid else None
        if tracked is None and not rows["valid"]:
            continue
        if tracked is None:
            for key in rows:
                rows[key].append(False if key == "valid" else rows[key][-1])
            continue
        head = fit_head(tracked.landmarks)
        rows["canonical"].append(head.invert(tracked.landmarks))
        rows["rotation"].append(head.rotation)
        rows["translation"].append(head.translation)
        rows["scale"].append(head.scale)
        rows["blendshapes"].append(blendshape_scores(tracked.landmarks, threads=1))
        rows["valid"].append(valid)
    arrays = {key: np.asarray(value, np.float32) for key, value in rows.items()}
    return arrays | {"valid": np.asarray(rows["valid"], bool)}


def clip_samples(path: Path) -> np.ndarray:
    """(n,) float32 sound of a clip, mono at 16 kHz."""
    return np.concatenate(list(read_blocks(path)))


def _prepare(clip: Clip, folder: Path, cache: Path, encoder: SpeechEncoder) -> str | None:
    """Fill the cache for one clip; returns what is wrong with a clip that cannot be read."""
    try:
        _fill(clip, folder, cache, encoder)
    except (InputError, av.error.FFmpegError) as error:
        return str(error)
    return None


def _fill(clip: Clip, folder: Path, cache: Path, encoder: SpeechEncoder) -> None:
    path = folder / f"{clip.name}.mp4"
    _fill_file(track_file(cache, clip), lambda: track_clip(path))
    if clip.sound:
        _fill_file(_voices_file(cache, clip), lambda: _voice_arrays(path, encoder))


def _fill_file(target: Path, make_arrays: Callable[[], dict[str, np.ndarray]]) -> None:
    if target.exists():
        return
    partial_file = target.with_suffix(".partial.npz")
    np.savez(partial_file, **make_arrays())  # pyright: ignore[reportArgumentType]
    partial_file.replace(target)


def _voice_arrays(path: Path, encoder: SpeechEncoder) -> dict[str, np.ndarray]:
    """The clip's sound and its renditions: `Voice` fields, each with the rendition's number."""
    samples = clip_samples(path)
    seed = zlib.crc32(path.stem.encode())
    arrays = {"sound": to_int16(samples)}
    for index in range(RENDITIONS):
        voice = make_voice(samples, index, seed, encoder)
        arrays |= {f"{key}{index}": np.asarray(value) for key, value in vars(voice).items()}
    return arrays


def prepare(
    folder: Path,
    cache: Path,
    encoder: SpeechEncoder = MoonshineEncoder(),  # noqa: B008 (frozen)
) -> list[str]:
    """Fill `cache` from every clip of `folder`, on all cores, with a progress bar.

    Returns a line for each clip that could not be read; these are not in the cache.

    Raises:
        InputError: another encoder heard the voices that are in the cache already.
    """
    if (cache / VOICES).exists():
        check_cache_encoder(cache, encoder)
    clips = read_clip_list(folder)
    for kept in (TRACKS, VOICES):
        (cache / kept).mkdir(parents=True, exist_ok=True)
    (cache / INDEX).write_text((folder / INDEX).read_text("utf-8"), "utf-8")
    (cache / ENCODER).write_text(
        json.dumps({"name": encoder.name, "dim": encoder.dim}) + "\n", "utf-8"
    )
    work = partial(_prepare, folder=folder, cache=cache, encoder=encoder)
    context = multiprocessing.get_context("spawn")
    with context.Pool(os.cpu_count()) as pool:
        done = pool.imap_unordered(work, clips)
        problems = list(tqdm(done, total=len(clips), desc="tracking", unit="clip"))
    return [problem for problem in problems if problem]


def check_cache_encoder(cache: Path, encoder: SpeechEncoder) -> None:
    """Refuse, by an `InputError`, an encoder other than the one that heard the cached voices."""
    path = cache / ENCODER
    try:
        content = json.loads(path.read_text("utf-8"))
        name, dim = str(content["name"]), int(content["dim"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: does not say which speech encoder heard the cached voices; "
            "delete the voices folder and prepare it again"
        ) from error
    check_encoder(encoder, name, dim, f"{cache}")


def load_track(cache: Path, clip: Clip) -> Track:
    """Read one clip's track back from the cache."""
    with np.load(track_file(cache, clip)) as data:
        return Track(**data)


def load_voices(
    cache: Path,
    clip: Clip,
    encoder: SpeechEncoder = MoonshineEncoder(),  # noqa: B008 (frozen)
) -> list[Voice]:
    """Read the renditions of a clip's voice; none where it has no usable sound.

    Raises:
        InputError: another encoder heard them.
    """
    if not clip.sound:
        return []
    check_cache_encoder(cache, encoder)
    with np.load(_voices_file(cache, clip)) as data:
        arrays = dict(data)
    names = [f.name for f in fields(Voice)]
    kept = sum(f"{names[0]}{index}" in arrays for index in range(len(arrays)))
    voices = [Voice(**{n: arrays[f"{n}{index}"] for n in names}) for index in range(kept)]
    return [replace(voice, speed=float(voice.speed)) for voice in voices]


def load_sound(cache: Path, clip: Clip) -> np.ndarray:
    """(n,) float32 sound of a clip, mono at 16 kHz."""
    with np.load(_voices_file(cache, clip)) as data:
        return data["sound"].astype(np.float32) / 32767
