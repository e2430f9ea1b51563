"""Is a portrait fit to be animated? One finding for each thing that is wrong, with its remedy."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from openvasa.errors import InputError
from openvasa.face.measure import FaceMeasures, measure_face
from openvasa.face.picture import load_picture
from openvasa.face.upright import (
    UprightPicture,
    UprightPortrait,
    choose_portrait,
    find_upright,
)

MIN_FACE_HEIGHT = 40
"""Shorter faces, in px of the picture, hold too little to animate at 512 × 512."""
MAX_YAW = 55.0
"""Degrees; beyond it half of the face is out of sight."""

# The limits below come from 420 frames of filmed people, from clips that training uses: most are
# percentiles, and what lies outside is unlike nearly everything that the renderer has seen.
LEAST_HEIGHT = 59.0
"""px; 1st percentile."""
MOST_YAW = 45.0
"""Degrees; 99th percentile."""
LEAST_SHARPNESS = 0.114
"""0.5th percentile; a Gaussian blur of 4 px takes four of five sharp portraits below it."""
MOST_BLOCKS = 2.39
"""Fewest errors between 152 filmed people in JPEG of quality 30 (3.3 % are warned of) and of
quality 10 (0.7 % are missed); of quality 50 none is warned of, of quality 5 none is missed."""
LEAST_LIGHT = 75.0
"""Luminance of the face's brightest tenth; 0.5th percentile, dark skins among them."""
MOST_CLIPPED = 0.03
"""Share of white px: ten times the largest; paintings and statues reach 0.01."""
LEAST_EYE_OPENING = 0.095
"""5th percentile; people's eyes are shut or nearly so in one frame of twenty."""
MOST_MOUTH_OPENING = 1.86
"""Canonical units; 95th percentile of people who speak."""
LEAST_ROOM_BELOW = 0.075
"""Face heights; 0.5th percentile."""
MOST_MOUTH_DOUBT = 0.045
"""Above each of 191 of the frames that look within `DOUBT_YAW` of the camera, above 99 other filmed
people, 0.035 at most, and below a hand and a microphone before the mouth. It misses covers that the
tracker sees lips in."""
DOUBT_YAW = 30.0
"""Degrees; farther turned lips are hard to track without a cover."""

# `openvasa evaluate occluders` fits these and says how often each is wrong; see the card of the
# network.
MOST_MOUTH_COVER = 0.14
"""Share of the lips behind something: not the fitted 0.38, since a mouth painted on a cover is
worse than a portrait that is refused for nothing: none of 247 filmed people is, 9 of 90
composites are."""
MOST_EYE_COVER = 0.25
"""Share of the more hidden eye behind dark glass or something else: not the fitted 0.06, at which
more composites with free eyes are wrong."""
LEAST_GLASSES = 0.02
"""Area of rims over the face's from which glasses are worn: above the fitted 0.013, since
brows of paintings and statues come to 0.010."""

Severity = Literal["ok", "warn", "refuse"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at in a portrait.

    Attributes:
        subject: what was looked at, one word.
        severity: `refuse` where the video would come out wrong, `warn` where it would come out
            worse, else `ok`.
        message: what was found and the remedy, one line.
    """

    subject: str
    severity: Severity
    message: str

    def as_json(self) -> dict[str, str]:
        """The three attributes by name."""
        return asdict(self)


def check_portrait(path: str | Path, *, face: int | None = None, frame: int = 1) -> list[Finding]:
    """Say how well a portrait can be animated.

    Args:
        path: any picture that `load_portrait` reads.
        face: which face of several, in reading order from 1; None for the largest.
        frame: which frame of an animated picture, from 1.

    Returns:
        What is wrong, the worst first; one finding of severity `ok` where nothing is; then, as
        `ok` too, what is worn.

    Raises:
        InputError: no such file or not a picture.
    """
    return check_found(find_upright(load_picture(path, frame=frame)), face=face, name=str(path))


def check_found(found: UprightPicture, *, face: int | None, name: str) -> list[Finding]:
    """The findings of one face of an upright picture; see `check_portrait`."""
    try:
        portrait = choose_portrait(found, face=face, name=name)
    except InputError as error:
        message = str(error).removeprefix(f"{name}: ")
        return [Finding("face", "refuse", message)]
    return check_face(portrait)


def check_face(portrait: UprightPortrait) -> list[Finding]:
    """The findings of a portrait set upright; see `check_portrait`."""
    measures = measure_face(portrait.picture, portrait.face)
    refused = find_refusals(measures)
    found = [*refused, *_find_turns(portrait), *_find_cuts(measures), *_find_weaknesses(measures)]
    fine = f"fit to animate: the face is {measures.height:.0f} px tall"
    return [*(found or [Finding("portrait", "ok", fine)]), *_tell_worn(measures)]


def find_refusals(face: FaceMeasures) -> list[Finding]:
    """What would come out wrong."""
    found = []
    if not face.eyes_inside:
        found.append(_refuse("eyes", "an eye lies outside the picture; use one that holds both"))
    if not face.mouth_inside:
        found.append(_refuse("mouth", "the mouth lies outside the picture; use one that holds it"))
    if face.covers.mouth > MOST_MOUTH_COVER:
        message = "the mouth is covered and would speak unseen; use a picture with a free mouth"
        found.append(_refuse("mouth", message))
    elif _lips_waver(face):
        message = (
            "the mouth seems to be covered, and one would be painted on what covers it; use a "
            "picture with a free mouth"
        )
        found.append(_refuse("mouth", message))
    if face.height < MIN_FACE_HEIGHT:
        found.append(
            _refuse(
                "size",
                f"the face is {face.height:.0f} px tall; use a picture in which it is at least "
                f"{MIN_FACE_HEIGHT} px",
            )
        )
    if abs(face.yaw) > MAX_YAW:
        found.append(
            _refuse(
                "turn",
                f"the face is turned {abs(face.yaw):.0f}° away; use one turned less than "
                f"{MAX_YAW:.0f}°",
            )
        )
    return found


def _lips_waver(face: FaceMeasures) -> bool:
    """Whether tracked lips waver as on a cover: lips that are turned away or blurred do as well."""
    clear = abs(face.yaw) < DOUBT_YAW and face.sharpness >= LEAST_SHARPNESS
    return clear and face.mouth_doubt > MOST_MOUTH_DOUBT


def _find_turns(portrait: UprightPortrait) -> list[Finding]:
    if not portrait.quarter_turns and not portrait.tilt:
        return []
    degrees = (90 * portrait.quarter_turns + portrait.tilt + 180) % 360 - 180
    way = "counterclockwise" if degrees >= 0 else "clockwise"
    message = f"the picture is not upright and is turned by {abs(degrees):.0f}° {way}"
    return [_warn("upright", f"{message}; save it upright where that is wrong")]


def _find_cuts(face: FaceMeasures) -> list[Finding]:
    found = []
    remedy = "what is missing is made up; use a wider picture"
    if not face.forehead_inside:
        found.append(_warn("forehead", f"the forehead is cut off; {remedy}"))
    if not face.chin_inside:
        found.append(_warn("chin", f"the chin is cut off; {remedy}"))
    if face.forehead_inside and face.chin_inside and face.outline_inside < 1:
        found.append(_warn("outline", f"the face is cut off at the side; {remedy}"))
    if face.chin_inside and face.room_below < LEAST_ROOM_BELOW:
        found.append(_warn("shoulders", f"the picture ends at the chin; {remedy} with shoulders"))
    return found


def _tell_worn(face: FaceMeasures) -> list[Finding]:
    """What is worn and comes out right: it is said so that a mistake is seen."""
    if face.covers.glasses <= LEAST_GLASSES:
        return []
    return [Finding("glasses", "ok", "glasses move with the head; lids close behind them")]


def _find_weaknesses(face: FaceMeasures) -> list[Finding]:
    tall = f"the face is {face.height:.0f} px tall and will look soft"
    limits = [
        (
            MIN_FACE_HEIGHT <= face.height < LEAST_HEIGHT,
            "size",
            f"{tall}; use one of {LEAST_HEIGHT:.0f} px or more",
        ),
        (
            MOST_YAW < abs(face.yaw) <= MAX_YAW,
            "turn",
            f"the face is turned {abs(face.yaw):.0f}°; use one that looks at the camera",
        ),
        (face.sharpness < LEAST_SHARPNESS, "sharpness", "the face is blurred; use a sharper one"),
        (
            face.blocks > MOST_BLOCKS,
            "compression",
            "the face is compressed into blocks, which will move with it; use a file of higher "
            "quality",
        ),
        (
            face.light < LEAST_LIGHT,
            "light",
            "the face is dark or lit from behind; use a picture with light on the face",
        ),
        (
            face.clipped > MOST_CLIPPED,
            "light",
            "parts of the face are overexposed; use a darker picture",
        ),
        (
            face.eye_opening < LEAST_EYE_OPENING,
            "eyes",
            "the eyes are closed and will hardly open; use a picture with open eyes",
        ),
        (
            face.mouth_opening > MOST_MOUTH_OPENING,
            "mouth",
            "the mouth is wide open and may not close cleanly; use a picture with closed lips",
        ),
        (
            face.covers.eyes > MOST_EYE_COVER,
            "eyes",
            "an eye is hidden by dark glass or something else, and stays so; use a picture with "
            "free eyes",
        ),
    ]
    return [_warn(subject, message) for holds, subject, message in limits if holds]


def report_findings(findings: list[Finding], name: str, *, anyway: bool = False) -> None:
    """Warn of what would come out worse, and refuse what would come out wrong.

    Args:
        findings: from `check_face`.
        name: the picture's name, for messages.
        anyway: only warn of what would come out wrong.

    Raises:
        InputError: a finding refuses the portrait.
    """
    for finding in findings:
        if finding.severity == "refuse" and not anyway:
            raise InputError(f"{name}: {finding.message}", parameters=("anyway",))
    for finding in findings:
        if finding.severity != "ok":
            warnings.warn(f"{name}: {finding.message}", stacklevel=3)


def _refuse(subject: str, message: str) -> Finding:
    return Finding(subject, "refuse", message)


def _warn(subject: str, message: str) -> Finding:
    return Finding(subject, "warn", message)
