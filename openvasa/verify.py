"""What a file says about being AI-generated: Content Credentials, watermark, metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from openvasa.audio.decode import check_is_file
from openvasa.face.picture import load_picture, read_text_fields
from openvasa.media.animation import ANIMATIONS, read_animation, read_animation_tags
from openvasa.media.inspect import read_frames, read_metadata
from openvasa.provenance import credentials
from openvasa.provenance.credentials import Credentials
from openvasa.provenance.metadata import AIGC_TAG, COMMENT_TAG, NAME
from openvasa.provenance.read import FrameMean, Watermark

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".heic", ".heif", ".avif"}
EXCERPT_FRAMES = 50
_EXCERPT_STARTS = (0, 50, 100, 200, 400, 800, 1600, 3200, 6400)
"""Frames at which an excerpt starts, until one has the watermark; the rest is not looked at."""

Finding = Literal["marked", "unmarked", "changed"]
"""A mark of ours and nothing wrong; no mark of ours; changed after it was signed, by anybody."""


@dataclass(frozen=True)
class Report:
    """Everything found in one file.

    Attributes:
        path: the file.
        credentials: its Content Credentials, of whatever maker, or None.
        watermark: our watermark, or None.
        comment: the comment tag where it says that the file is AI-generated.
        aigc: China's AIGC field, or None.
    """

    path: str
    credentials: Credentials | None
    watermark: Watermark | None
    comment: str | None
    aigc: dict[str, object] | None

    @property
    def ours(self) -> bool:
        """Whether any mark says that OpenVASA made it."""
        signed_by_us = self.credentials is not None and self.credentials.generator.startswith(NAME)
        named = NAME in (self.comment or "") or (self.aigc or {}).get("ContentProducer") == NAME
        return signed_by_us or self.watermark is not None or named

    @property
    def finding(self) -> Finding:
        """What the marks together say."""
        if self.credentials is not None and not self.credentials.intact:
            return "changed"
        return "marked" if self.ours else "unmarked"

    def as_json(self) -> dict[str, object]:
        """The same for scripts."""
        return {**asdict(self), "made_by_openvasa": self.ours}


def verify(path: str | Path) -> Report:
    """Look for every mark in a video (MP4, WebM, GIF, …) or picture (PNG, JPEG, …).

    Raises:
        InputError: the file is missing, or neither its picture nor its container can be read.
    """
    path = Path(path)
    check_is_file(path)
    if path.suffix.lower() in PICTURES:
        mean = FrameMean()
        mean.add(load_picture(path))
        tags = read_text_fields(path)
        watermark = mean.read()
    elif path.suffix.lower() in ANIMATIONS:
        tags = read_animation_tags(path)
        watermark = _find_watermark(read_animation(path))
    else:
        tags = read_metadata(path)
        watermark = _find_watermark(read_frames(path))
    comment = _tag(tags, COMMENT_TAG) or ""
    return Report(
        path=str(path),
        credentials=credentials.read(path),
        watermark=watermark,
        comment=comment if comment.startswith("AI-generated") else None,
        aigc=_aigc(tags),
    )


def in_words(report: Report) -> str:
    """The report for people, some lines."""
    lines = [
        f"{report.path}: {_verdict(report)}",
        f"  Content Credentials  {_credentials_in_words(report.credentials)}",
        f"  watermark            {_watermark_in_words(report.watermark)}",
        f"  metadata             {_metadata_in_words(report)}",
    ]
    return "\n".join(lines)


def _verdict(report: Report) -> str:
    if report.finding == "changed":
        return "CHANGED after it was signed" + (
            ", and carries marks of OpenVASA" if report.ours else ""
        )
    if report.ours:
        return "AI-generated with OpenVASA"
    if report.credentials is not None:
        return "signed, but not made with OpenVASA"
    return "no mark of OpenVASA found; that does not prove that it is real"


def _credentials_in_words(found: Credentials | None) -> str:
    if found is None:
        return "none"
    if not found.intact:
        signer = f"by {found.signer!r} " if found.signer else ""
        return f"signed {signer}but not intact: {', '.join(found.problems) or 'manifest damaged'}"
    who = f"signed by {found.signer!r}"
    if found.self_signed_by_openvasa:
        who += " (made on the maker's machine: shows that nothing was changed, not who made it)"
    elif not found.trusted:
        who += " (certificate not on a trust list known here)"
    kind = f"; source type {found.source_type}" if found.source_type else ""
    return f"{who}, intact; by {found.generator or 'an unnamed program'}{kind}"


def _watermark_in_words(found: Watermark | None) -> str:
    if found is None:
        return "not found"
    turned = f", turned by {90 * found.quarter_turns}°" if found.quarter_turns else ""
    mirrored = ", mirrored" if found.mirrored else ""
    return (
        f"content id {found.content_id:08x}, {found.correlation:.1f} σ above chance (wrong less "
        f"than once in a hundred million files), {found.agreement:.0%} of it undamaged"
        f"{mirrored}{turned}"
    )


def _metadata_in_words(report: Report) -> str:
    parts = [f'"{report.comment}"'] if report.comment else []
    if report.aigc is not None:
        label = {"1": "generated", "2": "possibly generated", "3": "suspected"}
        kind = label.get(str(report.aigc.get("Label")), "unknown")
        parts.append(
            f"AIGC label: {kind}, by {report.aigc.get('ContentProducer') or 'nobody named'}"
        )
    return "; ".join(parts) or "says nothing"


def _find_watermark(frames: Iterator[np.ndarray]) -> Watermark | None:
    mean, taken, shape = FrameMean(), 0, None
    for index, frame in enumerate(frames):
        if index in _EXCERPT_STARTS or frame.shape != shape:
            mean, taken, shape = FrameMean(), 0, frame.shape
        if taken == EXCERPT_FRAMES:
            if index > _EXCERPT_STARTS[-1]:
                return None
            continue
        mean.add(frame)
        taken += 1
        if taken == EXCERPT_FRAMES and (found := mean.read()):
            return found
    # What is left of a short video, or of its end.
    return mean.read() if 0 < taken < EXCERPT_FRAMES else None


def _tag(tags: dict[str, str], name: str) -> str | None:
    """A field by its name, which formats spell in small or capital letters."""
    return next((value for key, value in tags.items() if key.lower() == name.lower()), None)


def _aigc(tags: dict[str, str]) -> dict[str, object] | None:
    text = _tag(tags, AIGC_TAG)
    if text is None:
        return None
    try:
        fields = json.loads(text)
    except ValueError:
        return {"unreadable": text[:200]}
    inner = fields.get(AIGC_TAG, fields) if isinstance(fields, dict) else None
    return inner if isinstance(inner, dict) else {"unreadable": text[:200]}
