"""Portrait + voice → video: the whole data flow, joined lazily.

audio blocks → speech features → motion → frame geometry → frames → mp4 or pictures. Every stage is
a generator, so the first frame comes early and memory does not grow with the audio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import chain, islice, repeat, tee
from pathlib import Path

import cv2
import numpy as np

from openvasa.ahead import made_ahead, made_side_by_side
from openvasa.audio.decode import probe, read_blocks
from openvasa.audio.level import speech_gain
from openvasa.backgrounds import Background, Own, parse_background
from openvasa.errors import InputError
from openvasa.face.frame import Frame, Size, choose_frame, drawn_frame, put_in_frame
from openvasa.face.latent import FaceLatent
from openvasa.machine import usable_cores
from openvasa.media.container import Codec
from openvasa.media.frame_rate import FrameRate, exact_rate, rate_in_words
from openvasa.media.whole_writer import WholeWriter
from openvasa.motion.distance import limit_distance
from openvasa.motion.geometry import geometry_at
from openvasa.motion.listening.model import ListeningMotion
from openvasa.motion.model import MotionModel
from openvasa.motion.motion import Motion
from openvasa.motion.resample import resample_pieces
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.provenance.marking import Marking, derived_content_id
from openvasa.publish import open_frames, open_transparent, open_video
from openvasa.rates import MOTION_RATE, SAMPLE_RATE
from openvasa.render.hair_lag import USUAL, check_hair_lag, trailed_poses
from openvasa.render.lay_on import lay_on, resize_rgba
from openvasa.render.renderer import Renderer, RendererFactory
from openvasa.render.shipped import shipped_renderer
from openvasa.runtime import limit_blas, limit_opencv

MOST_PAINTERS = 6
"""Threads that paint, at most: beyond them the encoder sets the pace."""

Progress = Callable[[int], None]

_Planned = tuple[np.ndarray, np.ndarray | None, np.ndarray | None]
"""A frame's row of motion, the (6,) head pose that loose hair still has, and the (H, W, 3) uint8
RGB plate it is laid on."""


@dataclass(frozen=True)
class Video:
    """A talking-face video that is rendered while it is read.

    Iterating yields (H, W, 3) uint8 RGB frames; `save` and `save_frames` write them with the
    sound.

    Attributes:
        face: the portrait.
        source: the motion, or the audio file that it is generated from.
        audio: sound track of the saved file, or None.
        fps: frames a second, 12 to 60; 23.976, 29.97 and 59.94 stand for 24000/1001 and so on.
        size: px of the frame's shorter side, of a whole picture's longer side; "native" for as many
            as the picture has there; None for 512, and for a whole picture its own size.
        full_frame: the whole picture, with the person moving in it.
        aspect: width to height of a frame of head and shoulders: "1:1", "4:5", "9:16", "5:4" or
            "16:9"; None for 1:1.
        model: generates the motion from audio.
        seconds_limit: stop after so many seconds; None for all of it.
        renderer: what draws the frames.
        background: what is behind the person.
        hair_lag: how far loose hair and cloth stay behind the head: 0 not at all, 1 as they do of
            themselves, up to 2.
        loop: the motion's end runs on into its beginning, and hair begins as it ends.
    """

    face: FaceLatent
    source: Motion | Path
    audio: Path | None = None
    fps: FrameRate = MOTION_RATE
    size: Size = None
    full_frame: bool = False
    aspect: str | None = None
    model: MotionModel = field(default_factory=SpeechMotion)
    seconds_limit: float | None = None
    renderer: RendererFactory = shipped_renderer
    background: Background = Own.KEEP
    hair_lag: float = USUAL
    loop: bool = False

    def __post_init__(self) -> None:
        """Check what the user chose."""
        exact_rate(self.fps)
        check_hair_lag(self.hair_lag)
        _ = self.frame

    @property
    def rate(self) -> Fraction:
        """Frames a second, exactly."""
        return exact_rate(self.fps)

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        if isinstance(self.source, Motion):
            return max(1, round(self._limit_seconds(self.source.seconds) * self.rate))
        seconds = self._limit_seconds(probe(self.source).duration_s)
        return max(1, round(max(1, round(seconds * MOTION_RATE)) * self.rate / MOTION_RATE))

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of a frame, px."""
        return self.frame.size

    @property
    def frame(self) -> Frame:
        """Which part of the picture is shown, and at which size."""
        return choose_frame(
            self.face, size=self.size, full_frame=self.full_frame, aspect=self.aspect
        )

    def rows(self) -> Iterator[np.ndarray]:
        """Rows of motion at the video's frame rate, in (n, 6 + D + 2) pieces, as generated."""
        if isinstance(self.source, Motion):
            rows = max(1, round(self._limit_seconds(self.source.seconds) * self.source.fps))
            return resample_pieces([self.source.rows()[:rows]], self.source.fps, float(self.rate))
        gain = speech_gain(read_blocks(self.source))
        blocks = self._limit_blocks(read_blocks(self.source))
        return resample_pieces(self.model.frames(blocks, gain=gain), MOTION_RATE, float(self.rate))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Render the frames one by one."""
        with limit_blas(), closing(made_ahead(self.rows())) as pieces:
            # While the first motion is made.
            face = put_in_frame(
                self.face, self.frame if self.full_frame else drawn_frame(self.frame)
            )
            renderer = self.renderer(face)
            if self.background is not Own.KEEP:
                renderer = renderer.without_background()
            with self._plates(face) as plates:
                batches = _batches(self._plan(pieces, plates), renderer.batch)
                painted = made_side_by_side(self._painters(face, renderer), batches)
                with limit_opencv(), closing(painted):
                    yield from chain.from_iterable(painted)

    def _plan(
        self, pieces: Iterable[np.ndarray], plates: Iterable[np.ndarray | None]
    ) -> Iterator[_Planned]:
        """What is planned for each frame. Hair remembers: its poses are made here, in order."""
        rows, same_rows = tee(chain.from_iterable(pieces))
        before = chain.from_iterable(self.rows()) if self.loop else ()
        trailed = trailed_poses(same_rows, float(self.rate), self.hair_lag, before)
        return zip(rows, trailed, plates, strict=False)

    @contextmanager
    def _plates(self, face: FaceLatent) -> Iterator[Iterator[np.ndarray | None]]:
        """What is to be laid behind each frame, without end; None where nothing is."""
        if isinstance(self.background, Own):
            yield repeat(None)
            return
        plates = self.background.plates(face, self.frame_size, float(self.rate))
        if not self.background.moving:
            yield plates
            return
        with closing(made_ahead(plates)) as ahead:
            yield ahead

    def _painters(
        self, face: FaceLatent, first: Renderer
    ) -> list[Callable[[list[_Planned]], list[np.ndarray]]]:
        """A function from what is planned for frames to the frames, for each thread."""
        size = self.frame_size

        def paint(renderer: Renderer, planned: list[_Planned]) -> list[np.ndarray]:
            frames = renderer.render_many(
                [geometry_at(face, row, trailed) for row, trailed, _ in planned]
            )
            resized = (_resize_frame(frame, size) for frame in frames)
            return [
                frame if plate is None else lay_on(frame, plate)
                for frame, (*_, plate) in zip(resized, planned, strict=True)
            ]

        others = (first.twin() for _ in range(1, min(usable_cores(), MOST_PAINTERS)))
        return [partial(paint, renderer) for renderer in (first, *others)]

    def save(
        self,
        path: str | Path,
        *,
        progress: Progress | None = None,
        marking: Marking = Marking(),  # noqa: B008 (frozen)
        codec: Codec | None = None,
    ) -> Path:
        """Write a video with the sound; a .webm or .mov where the background is transparent.

        Nothing is left behind when it fails or is interrupted.

        Args:
            path: the file to write: .mp4, .mov, .webm, .mkv, and without sound .gif and .webp; an
                existing one is replaced at the end.
            progress: called with the number of frames done so far.
            marking: how the video is marked as AI-generated; marked it is unless this is
                `openvasa.UNMARKED`. Frames got by iterating are not marked: use a
                `WatermarkEmbedder` where they leave your hands.
            codec: of the picture; None takes the usual one of that kind of file.

        Raises:
            InputError: the file cannot be written, or not with that codec.
        """
        path = Path(path)
        if self.background is not Own.TRANSPARENT:
            open_file = partial(open_video, codec=codec)
        elif codec is None:
            open_file = open_transparent
        else:
            raise InputError(f"{path}: a transparent film has a codec of its own; choose none")
        return self._save_by(open_file, path, marking, progress)

    def save_frames(
        self,
        folder: str | Path,
        *,
        progress: Progress | None = None,
        marking: Marking = Marking(),  # noqa: B008 (frozen)
    ) -> Path:
        """Write numbered PNGs, each marked and signed, and sound.wav where there is sound.

        Args:
            folder: new or empty; it is there with everything in it, or not at all.
            progress, marking: as in `save`.
        """
        return self._save_by(open_frames, Path(folder), marking, progress)

    def _save_by(
        self,
        open_writer: Callable[..., WholeWriter],
        path: Path,
        marking: Marking,
        progress: Progress | None,
    ) -> Path:
        """Write to `path` by one of the writers of `publish`."""
        with open_writer(
            path,
            self.frame_size,
            self.rate,
            self.audio,
            sound_seconds=self.seconds_limit,
            marking=self._complete_marking(marking),
        ) as writer:
            for done, frame in enumerate(self, start=1):
                writer.write(frame)
                if progress is not None:
                    progress(done)
        return path

    def describe_motion(self) -> dict[str, object]:
        """Where the motion comes from, for the video's manifest."""
        if isinstance(self.source, Motion):
            return {"motion": "given"}
        return {"motion": "generated from audio", **self.model.describe()}

    def _complete_marking(self, marking: Marking) -> Marking:
        """The marking with what this video knows: its content id, and what it is made by."""
        if not marking.marked:
            return marking
        controls = {"fps": rate_in_words(self.rate), **self.describe_motion()}
        content_id = marking.content_id
        return replace(
            marking,
            content_id=derived_content_id(self._origin()) if content_id is None else content_id,
            portrait=self.face.picture if marking.portrait is None else marking.portrait,
            controls={**controls, **marking.controls},
        )

    def _origin(self) -> Iterator[bytes]:
        """Portrait and sound, or motion where there is no sound."""
        yield self.face.picture.tobytes()
        if self.audio is None and isinstance(self.source, Motion):
            yield self.source.pose.tobytes()
            yield self.source.dynamics.tobytes()
        elif self.audio is not None:
            with self.audio.open("rb") as file:
                while block := file.read(1 << 20):
                    yield block

    def _limit_seconds(self, seconds: float) -> float:
        return seconds if self.seconds_limit is None else min(seconds, self.seconds_limit)

    def _limit_blocks(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        left = None if self.seconds_limit is None else round(self.seconds_limit * SAMPLE_RATE)
        for block in blocks:
            if left is None:
                yield block
                continue
            yield block[:left]
            left -= len(block)
            if left <= 0:
                return


def _resize_frame(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A frame at the video's width and height, whatever size its renderer draws."""
    if frame.shape[1::-1] == size:
        return frame
    interpolation = cv2.INTER_AREA if size[0] < frame.shape[1] else cv2.INTER_CUBIC
    resize = resize_rgba if frame.shape[2] == 4 else cv2.resize
    return resize(frame, size, interpolation=interpolation)


def _batches(planned: Iterable[_Planned], size: int) -> Iterator[list[_Planned]]:
    """Lists of `size` frames' plans; the last may be shorter."""
    left = iter(planned)
    while batch := list(islice(left, size)):
        yield batch


def animate(
    face: FaceLatent,
    audio: str | Path | Motion,
    *,
    fps: FrameRate = MOTION_RATE,
    size: Size = None,
    full_frame: bool = False,
    aspect: str | None = None,
    seed: int = 0,
    settings: MotionSettings | None = None,
    model: MotionModel | None = None,
    partner: str | Path | None = None,
    sound: str | Path | None = None,
    renderer: RendererFactory = shipped_renderer,
    background: Background | str | Path = Own.KEEP,
    hair_lag: float = USUAL,
) -> Video:
    """Make a portrait talk.

    Args:
        face: from `load_portrait`.
        audio: an audio or video file with speech, or a ready `Motion`.
        fps: frames a second, 12 to 60, as in `Video`; motion is generated at 25 and interpolated.
        size, full_frame, aspect: which part of the picture is shown and how large, as in `Video`.
        seed: same seed, same video.
        settings: style, controls and guidance of generated motion; they bring their own seed.
        model: generates the motion instead of the shipped one; it brings its own settings.
        partner: file with the voice of who talks with the portrait, in step with `audio`: the
            portrait listens to it while it does not speak itself. The sound track is `audio` alone.
        sound: sound track to save with a ready motion.
        renderer: what draws the frames.
        background: what is behind the person: "keep", "green", "#rrggbb", "blur", or the file of a
            picture or video, which covers the frame; a video starts again at its end.
            "transparent": frames are (H, W, 4) RGBA, not premultiplied.
        hair_lag: how far loose hair and cloth stay behind the head, 0 to 2, as in `Video`.

    Returns:
        A `Video`: iterate over it for frames, or call its `save`.

    Raises:
        InputError: the audio cannot be read, or an option is out of range.
    """
    behind = parse_background(background) if isinstance(background, str | Path) else background
    kept = {"renderer": renderer, "background": behind, "hair_lag": hair_lag}
    if isinstance(audio, Motion):
        if partner is not None:
            raise InputError("partner: goes with speech, not with a ready motion")
        track = Path(sound) if sound is not None else None
        return Video(face, audio, track, fps, size, full_frame, aspect, **kept)
    path = Path(audio)
    probe(path)
    if model is None:
        settings = settings or MotionSettings(seed=seed)
        frame = choose_frame(face, size=size, full_frame=full_frame, aspect=aspect)
        controls = limit_distance(settings.controls, face, frame)
        model = SpeechMotion(replace(settings, controls=controls))
    elif settings is not None:
        raise InputError("settings: a model given brings its own; give the settings to the model")
    if partner is not None:
        probe(partner)
        gaze_free = settings is None or settings.controls.gaze is None
        model = ListeningMotion(
            model, Path(partner), settings.seed if settings else seed, gaze_free
        )
    return Video(face, path, path, fps, size, full_frame, aspect, model, **kept)
