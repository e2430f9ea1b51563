"""Which numbers of light and colour are fitted, and within which bounds."""

from __future__ import annotations

from collections.abc import Mapping

from openvasa.errors import InputError
from openvasa.render.shading import Shading
from openvasa.train.shading_search import Number

FARTHEST = 2.0
"""Ratio to its present value that a number may reach: beyond, the layer was drawn otherwise."""

LEFT_OUT = ("mouth.evidence.", "eye.highlight.")
"""Numbers that decide what a portrait shows, not how anything looks. A wrong decision is rare and
large, so that a mean error over a few people hides it."""

SHARES = frozenset(
    {
        *(
            f"mouth.lips.{name}"
            for name in ("upper_shadow", "lower_shadow", "slit_light", "seam_gap_share")
        ),
        "mouth.walls.throat_dark",
        *(f"mouth.rounded.{name}" for name in ("teeth_shade", "dark", "tint")),
        *(f"mouth.tongue.{name}" for name in ("groove", "least_light", "drawn_away")),
        *(f"mouth.tip.{name}" for name in ("under_shade", "string_shade", "side_shade")),
        *(f"mouth.tip.{name}" for name in ("edge_shade", "upper_shade", "least_light")),
        *(f"mouth.tones.{name}" for name in ("enamel_skin_share", "enamel_tint", "lower_light")),
        *(f"mouth.tones.{name}" for name in ("contact_dark", "contact_light", "contact_lip_share")),
        *(f"mouth.tones.{name}" for name in ("contact_strength", "gum_lip_share", "corner_shade")),
        "mouth.tones.corner_lip_share",
        *(f"eye.margin.{name}" for name in ("upper_light", "lower_light", "lash_depth")),
        *(f"eye.margin.{name}" for name in ("upper_lash_depth", "iris_trust", "darkest_ratio")),
        *(f"eye.sclera.{name}" for name in ("corner_shade", "corner_reach")),
        *(f"eye.sclera.{name}" for name in ("lash_light", "white_light")),
        *(f"eye.lash.{name}" for name in ("lash_light", "outline_light")),
        *(f"eye.lid.{name}" for name in ("line_dark", "line_at_corners", "rounding")),
    }
)
"""Numbers that mean nothing above 1."""

ASCENDING = (
    ("mouth.tongue.dark", "mouth.tongue.full"),
    ("mouth.lips.slit", "mouth.lips.least_full_gap"),
    ("mouth.lips.least_full_gap", "mouth.lips.full_gap"),
    ("eye.margin.least_depth", "eye.margin.most_depth"),
    ("eye.margin.darkest_ratio", "eye.margin.brightest_ratio"),
    ("eye.sclera.lash_light", "eye.sclera.white_light"),
)
"""Pairs of which the first has to stay below the second, besides all `..._from` and `..._to`."""


def numbers_to_fit(present: Shading, only: str = "") -> list[Number]:
    """Numbers whose names begin with `only`, in the order of the source.

    Raises:
        InputError: there is none.
    """
    chosen = [
        _bounded(name, present.number(name))
        for name in present.names
        if name.startswith(only) and not name.startswith(LEFT_OUT) and present.number(name)
    ]
    if not chosen:
        raise InputError(
            f"{only}: no number to fit begins so; give the beginning of one of openvasa/render/"
            "shading.py, mouth.tones for example"
        )
    return chosen


def _bounded(name: str, value: float) -> Number:
    low, high = sorted((value / FARTHEST, value * FARTHEST))
    return Number(name, value, low, min(high, 1.0) if name in SHARES else high)


def in_order(shading: Shading) -> bool:
    """No range of light ends before it begins."""
    names = set(shading.names)
    ends = {name: f"{name.removesuffix('_from')}_to" for name in names if name.endswith("_from")}
    pairs = [*ASCENDING, *((start, end) for start, end in ends.items() if end in names)]
    return all(shading.number(start) < shading.number(end) for start, end in pairs)


def changed_in_order(present: Shading, values: Mapping[str, float]) -> bool:
    """The same of a shading with changed numbers."""
    return in_order(present.changed(values))
