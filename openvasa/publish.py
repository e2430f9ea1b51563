"""Write videos and pictures that say they are AI-generated: media and marks, joined.

The writers of `openvasa.media` know no marks, and `openvasa.provenance` knows no containers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from openvasa.errors import InputError
from openvasa.media.alpha import TransparentWriter, check_transparent
from openvasa.media.container import Codec, check_output, container_of
from openvasa.media.encoding import Quality
from openvasa.media.finishing import Finishing, Opening
from openvasa.media.frame_rate import FrameRate, exact_rate
from openvasa.media.frames import FrameFolderWriter, check_folder
from openvasa.media.video_writer import VideoWriter
from openvasa.provenance.certificate import identity
from openvasa.provenance.credentials import can_hold, mime_type, picture_file, sign
from openvasa.provenance.frame_marks import FrameMarks
from openvasa.provenance.marking import Marking
from openvasa.provenance.metadata import COMMENT_TAG, content_tags
from openvasa.provenance.notice import notice_sound


def open_video(
    path: str | Path,
    size: tuple[int, int],
    fps: FrameRate,
    audio: str | Path | None = None,
    quality: Quality = "fast",
    metadata: Mapping[str, str] | None = None,
    sound_seconds: float | None = None,
    marking: Marking = Marking(),  # noqa: B008 (frozen)
    codec: Codec | None = None,
) -> VideoWriter:
    """A writer of one marked and signed video; whatever is wrong with the marking is said now.

    Args:
        path, size, fps, audio, quality, sound_seconds, codec: as in `VideoWriter`.
        metadata: further container tags. The comment of a marked file starts with the mark.
        marking: how the video is marked; by default with watermark, metadata and, in every
            container that can hold them, Content Credentials. Its content id is 0 where none is
            given.

    Raises:
        InputError: as `VideoWriter`; the certificate or the label cannot be used, an audible notice
            is asked for without a sound, or a certificate given and the container holds no
            Content Credentials. The writer itself: the video cannot be signed.
    """
    path = Path(path)
    # Before the certificate is read, or made: a bad path costs nothing.
    check_output(path, None if audio is None else Path(audio), codec)
    write = partial(
        VideoWriter,
        path,
        size,
        fps,
        audio,
        quality=quality,
        sound_seconds=sound_seconds,
        codec=codec,
    )
    if not marking.marked:
        return write(metadata=metadata)
    tags, sounds = _tags(metadata or {}, marking), container_of(path).sound is not None
    if marking.notice is not None and not sounds:
        raise InputError(f"{path}: holds no sound to put the audible notice in; write an .mp4")
    complete = _signing(path, marking, "frames", path.name)
    return write(metadata=tags, finishing=_finishing(path, size, fps, audio, marking, complete))


def open_transparent(
    path: str | Path,
    size: tuple[int, int],
    fps: FrameRate,
    audio: str | Path | None = None,
    sound_seconds: float | None = None,
    marking: Marking = Marking(),  # noqa: B008 (frozen)
) -> TransparentWriter:
    """A writer of one marked film with transparency; a MOV is signed, a WebM cannot be.

    Args:
        path, size, fps, audio, sound_seconds: as in `TransparentWriter`.
        marking: how the video is marked.

    Raises:
        InputError: as `TransparentWriter`; the certificate or the label cannot be used, or a
            certificate is given and the file holds no Content Credentials.
    """
    path = Path(path)
    check_transparent(path, None if audio is None else Path(audio))
    write = partial(TransparentWriter, path, size, fps, audio, sound_seconds)
    if not marking.marked:
        return write()
    complete = _signing(path, marking, "frames", path.name)
    return write(_tags({}, marking), _finishing(path, size, fps, audio, marking, complete))


def open_frames(
    folder: str | Path,
    size: tuple[int, int],
    fps: FrameRate,
    audio: str | Path | None = None,
    sound_seconds: float | None = None,
    marking: Marking = Marking(),  # noqa: B008 (frozen)
) -> FrameFolderWriter:
    """A writer of a folder of pictures, each marked and signed.

    Args:
        folder, size, audio, sound_seconds: as in `FrameFolderWriter`.
        fps: frames per second, for a label that shows for some seconds.
        marking: as in `open_video`. The sound carries no mark but the notice.

    Raises:
        InputError: as `open_video`, for the folder.
    """
    folder = Path(folder)
    check_folder(folder)
    write = partial(FrameFolderWriter, folder, size, audio, sound_seconds)
    if not marking.marked:
        return write()
    complete = _signing(folder / "00001.png", marking, "frame")
    finishing = _finishing(folder, size, fps, audio, marking, complete)
    return write(metadata=_tags({}, marking), finishing=finishing)


def sign_recording(path: Path, content_id: int) -> Path:
    """Sign a finished mp4 whose frames carry the watermark `content_id`; it keeps its name.

    Raises:
        InputError: the certificate is refused.
        OSError: the disk is full.
    """
    signed, content = path.with_suffix(".signed.mp4"), {"content_id": f"{content_id:08x}"}
    try:
        sign(path, signed, identity(), content, title=path.name, portrait=None)
        return signed.replace(path)
    finally:
        signed.unlink(missing_ok=True)


def _finishing(
    target: Path,
    size: tuple[int, int],
    fps: FrameRate,
    audio: str | Path | None,
    marking: Marking,
    complete_file: Callable[[Path, Path, int], None] | None,
) -> Finishing:
    opening = None
    if marking.notice is not None:
        if audio is None:
            raise InputError(f"{target}: no sound to put the audible notice in; give a sound")
        opening = Opening(f"notice {marking.notice}", partial(notice_sound, marking.notice))
    return Finishing(FrameMarks(size, exact_rate(fps), marking).apply, complete_file, opening)


def _signing(
    path: Path, marking: Marking, counted: str, title: str | None = None
) -> Callable[[Path, Path, int], None] | None:
    """What signs files of a kind as they are completed; None where they can hold no signature.

    Args:
        path: such a file.
        marking: how they are marked.
        counted: what the signed record calls the number that a writer gives with a file.
        title: name that they are signed under; None takes each file's own.

    Raises:
        InputError: the certificate cannot be used, or one is given and the kind holds none.
    """
    if not can_hold(path):
        if marking.cert or marking.key or marking.timestamp_url:
            raise InputError(
                f"{path}: this kind of file cannot be signed with Content Credentials; write a "
                ".mov, or give no certificate and no time stamping service"
            )
        return None
    signer, mime = identity(marking.cert, marking.key), mime_type(path)
    portrait = None if marking.portrait is None else picture_file(marking.portrait)
    content_id = f"{marking.content_id or 0:08x}"

    def sign_file(unsigned: Path, signed: Path, number: int) -> None:
        sign(
            unsigned,
            signed,
            signer,
            {"content_id": content_id, "controls": dict(marking.controls), counted: number},
            title=title or signed.name,
            portrait=portrait,
            timestamp_url=marking.timestamp_url,
            mime=mime,
        )

    return sign_file


def _tags(metadata: Mapping[str, str], marking: Marking) -> dict[str, str]:
    marks, comment = content_tags(marking.content_id or 0, marking), metadata.get(COMMENT_TAG)
    if comment:
        marks[COMMENT_TAG] += f"; {comment}"
    return {**metadata, **marks}
