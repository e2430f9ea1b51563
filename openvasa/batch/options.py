"""How a video of a list is made: the options of one task, read from JSON or from cells of a CSV."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from openvasa.backgrounds import Own
from openvasa.errors import InputError, check_choice
from openvasa.face.frame import LONGEST_SIDE, NATIVE, SIZES, parse_aspect
from openvasa.media.container import ENCODERS
from openvasa.media.frame_rate import exact_rate
from openvasa.motion.amount import PRESETS, Amount
from openvasa.motion.controls import VIEWER, Controls, parse_emotion, parse_gaze
from openvasa.provenance.marking import Label, Notice
from openvasa.render.hair_lag import USUAL, check_hair_lag

AMOUNTS = ("head", "brows", "mouth", "eyes")
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Options:
    """What may be chosen for one video; the names and meanings are those of `openvasa animate`.

    Attributes:
        face, anyway: which face of the portrait, and whether a refused one is animated.
        fps, size, full_frame, aspect, background, codec, seed: as in `openvasa.video.animate`;
            a background may be a file or a URL.
        gaze: yaw and pitch in degrees, or "viewer".
        distance, emotion: as in `openvasa.motion.controls.Controls`.
        movement, head, brows, mouth, eyes: how much of the movement is shown.
        label, label_seconds, notice, producer: as in `openvasa.provenance.marking.Marking`.
        hair_lag: how far loose hair stays behind the head, as in `openvasa.video.animate`.
        seconds: stop after so many; None for all of the sound.
    """

    face: int | None = None
    anyway: bool = False
    fps: str | None = None
    size: int | str | None = None
    full_frame: bool = False
    aspect: str | None = None
    background: str = Own.KEEP.value
    codec: str | None = None
    seed: int = 0
    gaze: tuple[float, float] | str | None = None
    distance: float | None = None
    emotion: Mapping[str, float] | None = None
    movement: str = "natural"
    head: float | None = None
    brows: float | None = None
    mouth: float | None = None
    eyes: float | None = None
    label: Label | None = None
    label_seconds: float | None = None
    notice: Notice | None = None
    producer: str | None = None
    hair_lag: float = USUAL
    seconds: float | None = None

    @property
    def amount(self) -> Amount:
        """How much of the movement is shown."""
        asked = {name: getattr(self, name) for name in AMOUNTS}
        given = {name: value for name, value in asked.items() if value is not None}
        return dataclasses.replace(PRESETS[self.movement], **given)

    def chosen(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON holds it; `read_options` reads it again."""
        return {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default
        }


def read_options(given: Mapping[str, Any]) -> Options:
    """Options by their names, with - or _; a value may be a string, as a CSV holds it.

    Raises:
        InputError: an option is unknown or its value out of range.
    """
    values: dict[str, Any] = {}
    for name, value in given.items():
        key = name.strip().replace("-", "_")
        if key not in _READERS:
            raise InputError(f"option {name}: no such one; choose among {', '.join(_READERS)}")
        if value is None or value == "":
            continue
        try:
            values[key] = _READERS[key](value)
        except InputError:
            raise
        except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
            raise InputError(f"option {name}: {value!r} cannot be its value") from error
    options = Options(**values)
    _check_together(options)
    return options


def _check_together(options: Options) -> None:
    """Raise InputError for ranges, and for choices that do not go together."""
    _ = options.amount
    gaze = options.gaze if isinstance(options.gaze, tuple) else None
    Controls(gaze, options.distance, options.emotion)
    check_hair_lag(options.hair_lag)
    if options.full_frame and options.aspect is not None:
        raise InputError("option aspect: does not go with full_frame; choose one")
    largest = LONGEST_SIDE if options.full_frame else SIZES[1]
    if isinstance(options.size, int) and options.size > largest:
        raise InputError(f"option size: {options.size} px; choose {SIZES[0]} to {largest}")
    if options.label_seconds is not None and options.label is None:
        raise InputError("option label_seconds: goes with label")
    if options.producer is not None and options.label != "cn":
        raise InputError("option producer: goes with label cn")


def _read_bool(value: Any) -> bool:
    return value if isinstance(value, bool) else _WORDS[str(value).strip().lower()]


def _read_whole(least: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = float(value)
        if isinstance(value, bool) or number != int(number) or number < least:
            raise ValueError
        return int(number)

    return read


def _read_number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    return float(value)


def _read_positive(value: Any) -> float:
    if not 0 < (number := _read_number(value)) < math.inf:
        raise ValueError
    return number


def _read_gaze(value: Any) -> tuple[float, float] | str:
    if isinstance(value, str):
        return VIEWER if value.strip() == VIEWER else parse_gaze(value)
    yaw, pitch = value
    return _read_number(yaw), _read_number(pitch)


def _read_emotion(value: Any) -> Mapping[str, float]:
    if isinstance(value, str):
        return parse_emotion(value)
    return {str(name): _read_number(amount) for name, amount in value.items()}


def _read_size(value: Any) -> int | str:
    return NATIVE if value == NATIVE else _read_whole(SIZES[0])(value)


def _read_aspect(value: Any) -> str:
    parse_aspect(str(value))
    return str(value)


def _one_of(name: str, choices: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        check_choice(f"option {name}", value, choices)
        return value

    return read


def _read_text(value: Any) -> str:
    if not isinstance(value, str) or re.search(r"[\x00-\x1f]", value):
        raise ValueError
    return value


def _read_rate(value: Any) -> str:
    exact_rate(value)
    return str(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "face": _read_whole(1),
    "anyway": _read_bool,
    "fps": _read_rate,
    "size": _read_size,
    "full_frame": _read_bool,
    "aspect": _read_aspect,
    "background": _read_text,
    "codec": _one_of("codec", tuple(ENCODERS)),
    "seed": _read_whole(0),
    "gaze": _read_gaze,
    "distance": _read_number,
    "emotion": _read_emotion,
    "movement": _one_of("movement", tuple(PRESETS)),
    **dict.fromkeys(AMOUNTS, _read_number),
    "label": _one_of("label", get_args(Label)),
    "label_seconds": _read_positive,
    "notice": _one_of("notice", get_args(Notice)),
    "producer": _read_text,
    "hair_lag": _read_number,
    "seconds": _read_positive,
}
