"""Content Credentials: sign a finished file by C2PA, and read what a file's signature says."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import mmap
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import c2pa
import numpy as np
from PIL import Image

from openvasa import __version__
from openvasa.errors import InputError
from openvasa.provenance.certificate import Identity
from openvasa.provenance.metadata import NAME

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = SOURCE_TYPES + "trainedAlgorithmicMedia"
COMPOSITE = SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"
"""A model's output made from a picture that was not one."""
GENERATION_LABEL = "org.openvasa.generation"

MIME_TYPES = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
"""What can hold Content Credentials, of what is written and what `openvasa verify` reads."""

_PICTURE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}

_SETTINGS = {
    # A thumbnail would keep the portrait in the file after the video is cropped or cut.
    "builder": {"thumbnail": {"enabled": False}},
    # Without network: no revocation checks, no manifests from elsewhere.
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}
_UNTRUSTED = "signingCredential.untrusted"


@dataclass(frozen=True)
class Credentials:
    """What a file's Content Credentials say, and whether they hold.

    Attributes:
        intact: the signature is right and neither manifest nor content was changed since.
        trusted: the signer's certificate is on the C2PA trust list that the reader knows.
        signer: name in the certificate.
        self_signed_by_openvasa: the certificate is one that OpenVASA makes by itself.
        generator: the program that made the claim.
        source_type: last part of the IPTC digital source type, as "trainedAlgorithmicMedia".
        generation: our own assertion: content id, version and controls; empty in others' files.
        problems: codes of what is wrong, as C2PA names them.
    """

    intact: bool
    trusted: bool
    signer: str
    self_signed_by_openvasa: bool
    generator: str
    source_type: str | None
    generation: dict[str, object] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def sign(
    source: Path,
    target: Path,
    identity: Identity,
    generation: Mapping[str, object],
    *,
    title: str,
    portrait: tuple[str, bytes] | None,
    timestamp_url: str | None = None,
    mime: str = "video/mp4",
) -> None:
    """Write a signed copy of a file.

    Args:
        source, target: both exist after it; `target` is replaced.
        identity: who signs.
        generation: what to say about the making: controls, content id. No personal data.
        title: name of the file.
        portrait: MIME type and content of the picture that was animated; only its hash and, where
            it has some, its own Content Credentials go into the signed file.
        timestamp_url: an RFC 3161 service that confirms the time; None stays off the network.
        mime: type of both files.

    Raises:
        InputError: the certificate is refused, or the time stamping service does not answer.
        OSError: `target` cannot be written.
    """
    agent = {"name": NAME, "version": __version__}
    created: dict[str, object] = {
        "action": "c2pa.created",
        "digitalSourceType": GENERATED if portrait is None else COMPOSITE,
        "softwareAgent": agent,
    }
    made_by = dict(generation)
    if portrait is not None:
        created["parameters"] = {"ingredientIds": ["portrait"]}
        made_by["portrait_sha256"] = hashlib.sha256(portrait[1]).hexdigest()
    actions = [created, {"action": "c2pa.watermarked.unbound"}]
    manifest = {
        "claim_generator_info": [agent],
        "title": title,
        "format": mime,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": GENERATION_LABEL, "data": made_by},
        ],
    }
    try:
        signer = c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(
                alg=identity.algorithm,
                sign_cert=identity.certificates,
                private_key=identity.key,
                ta_url=timestamp_url,
            )
        )
        builder = c2pa.Builder(manifest, context=c2pa.Context.from_dict(_SETTINGS))
        if portrait is not None:
            ingredient = {
                "title": "portrait",
                "relationship": "parentOf",
                "instance_id": "portrait",
                "label": "portrait",
            }
            builder.add_ingredient(ingredient, portrait[0], io.BytesIO(portrait[1]))
        with source.open("rb") as unsigned, target.open("w+b") as signed:
            builder.sign(signer, mime, unsigned, signed)
            signed.flush()
    except c2pa.C2paError as error:
        _raise_full_disk(error, source, target)
        raise InputError(
            f"{title}: cannot be signed ({_short(error)}); check the certificate and key"
        ) from error


def can_hold(path: Path) -> bool:
    """Whether a file of this name can hold Content Credentials."""
    return path.suffix.lower() in MIME_TYPES


def mime_type(path: Path) -> str:
    """The MIME type of a file that can hold them."""
    return MIME_TYPES[path.suffix.lower()]


def picture_file(picture: Path | np.ndarray) -> tuple[str, bytes]:
    """A portrait's MIME type and content, as `sign` takes them.

    Args:
        picture: a file, or (h, w, 3) uint8 RGB. What C2PA cannot read is turned into a PNG.
    """
    if isinstance(picture, Path):
        mime = _PICTURE_TYPES.get(picture.suffix.lower())
        if mime is not None:
            return mime, picture.read_bytes()
        opened = Image.open(picture).convert("RGB")
    else:
        opened = Image.fromarray(picture)
    converted = io.BytesIO()
    opened.save(converted, "PNG", compress_level=1)
    return "image/png", converted.getvalue()


def read(path: Path) -> Credentials | None:
    """The Content Credentials in a file; None where it has none or its kind cannot have any."""
    if not can_hold(path):
        return None
    try:
        with path.open("rb") as file:
            reader = c2pa.Reader(mime_type(path), file, context=c2pa.Context.from_dict(_SETTINGS))
            report = json.loads(reader.json())
    except c2pa.C2paError as error:
        if not _holds_a_manifest(path):
            return None
        return Credentials(False, False, "", False, "", None, problems=(_short(error),))
    return _credentials(report)


def _holds_a_manifest(path: Path) -> bool:
    """Whether there is what should be a manifest, readable or not."""
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"jumb") >= 0 and content.find(b"c2pa") >= 0


def _credentials(report: dict) -> Credentials:
    manifest = report["manifests"].get(report.get("active_manifest"), {})
    problems = [status["code"] for status in report.get("validation_status", [])]
    serious = tuple(code for code in problems if code != _UNTRUSTED)
    signature = manifest.get("signature_info") or {}
    generators = manifest.get("claim_generator_info") or [{}]
    actions = _assertion(manifest, "c2pa.actions").get("actions", [])
    types = [action["digitalSourceType"] for action in actions if "digitalSourceType" in action]
    signer = signature.get("common_name") or signature.get("issuer") or ""
    return Credentials(
        intact=report.get("validation_state") in ("Valid", "Trusted"),
        trusted=report.get("validation_state") == "Trusted",
        signer=signer,
        self_signed_by_openvasa=signature.get("issuer") == "OpenVASA self-signed",
        generator=" ".join(str(generators[0].get(k, "")) for k in ("name", "version")).strip(),
        source_type=types[0].rsplit("/", 1)[-1] if types else None,
        generation=_assertion(manifest, GENERATION_LABEL),
        problems=serious,
    )


def _assertion(manifest: dict, label: str) -> dict:
    for assertion in manifest.get("assertions", []):
        if assertion.get("label", "").startswith(label) and isinstance(assertion["data"], dict):
            return assertion["data"]
    return {}


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _raise_full_disk(error: Exception, source: Path, target: Path) -> None:
    """The library says only in words, if at all, that writing failed."""
    words = ("No space left", "os error 28", "File too large")
    full = any(told in str(error) for told in words)
    if not full and str(error).startswith("Io"):
        full = shutil.disk_usage(target.parent).free < source.stat().st_size
    if full:
        raise OSError(errno.ENOSPC, "No space left on device", str(target)) from error
