"""Numbers of light and colour that eyes are lifted and painted by.

Set by eye on 42 photos, paintings and drawings unless a source is named; the unit is in each
field's docstring. "Width" is the width of an eye, "way" the way from the lid's margin to its fold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class MarginShading(NamedTuple):
    """What lids and lashes lay over the eyeball along their margin."""

    upper_light: float = 0.6
    """Share of the light that the upper lid leaves at its margin where the portrait cannot tell."""
    lower_light: float = 0.85
    """The same of the lower lid."""
    shadow_reach: float = 1.6
    """Depth over the lashes' own depth at which the lids' shadow ends."""
    lash_depth: float = 0.13
    """Depth of lashes and shadow, share of the opening."""
    upper_lash_depth: float = 0.15
    """What the upper lid's reach deeper, share of the opening."""
    least_depth: float = 1.2
    """The least of that depth, stated px."""
    most_depth: float = 5.0
    """The most of that depth, stated px."""
    grey_floor: float = 6.0
    """Grey levels added to both sides of a ratio, so that noise in the dark tells little."""
    iris_trust: float = 0.02
    """Weight of a ratio over the iris against one over the white of the eye."""
    darkest_ratio: float = 0.08
    """The least share of the eyeball's light that a margin leaves."""
    brightest_ratio: float = 1.2
    """The most."""


class ScleraShading(NamedTuple):
    """The white of the eye where the portrait does not show it."""

    corner_shade: float = 0.4
    """How much darker it gets towards the corners, where lids shade it; share."""
    corner_reach: float = 0.5
    """How far from a corner that begins, halves of the width."""
    lash_light: float = 0.45
    """Brightness over the median white up to which a px is a lash, no sample of it; ratio."""
    white_light: float = 0.8
    """Brightness over the median white from which a px counts wholly; ratio."""


class HighlightShading(NamedTuple):
    """What counts as a reflection on the cornea."""

    brighter_by: float = 30.0
    """Grey levels over its ring of the iris."""
    brighter_share: float = 0.2
    """What is added to that, share of the way from the ring to white."""
    brightest_ring: float = 1.5
    """The most that a ring may be brighter than the iris' median ring; ratio."""
    largest: float = 0.12
    """Area, share of the iris, above which it is no reflection but a bright iris."""


class LashShading(NamedTuple):
    """Lashes and outlines above the upper lid, and the skin that covers the closed one."""

    lash_light: float = 0.75
    """Brightness over the skin's below which a px above the lid belongs to lashes; ratio."""
    outline_light: float = 0.45
    """The same of painted outlines and dense lashes; ratio."""
    longest: float = 1.2
    """How far above the margin lashes may go, way."""
    skin_from: float = 0.6
    """From where on is skin that lids are covered with: beyond most lashes; way."""
    skin_to: float = 1.8
    """Up to where: below the brow; way."""
    first_warp: float = 0.4
    """From where on the stretched warp may show: below, it is lashes drawn long; way."""
    fade: float = 0.25
    """Over how much beyond the lashes the skin gives way to the warp; way."""


class LidShading(NamedTuple):
    """A closed or closing lid."""

    line_width: float = 0.026
    """Half width of the lash line, widths."""
    line_dark: float = 0.8
    """How far the line goes from skin to the lashes' colour, share."""
    line_at_corners: float = 0.3
    """What is left of the line at the corners, share."""
    hanging: float = 1.7
    """Width of the line below the margin over that above it: lashes hang; ratio."""
    taper: float = 1.2
    """Tracked points over which skin and line set in from the corners."""
    rounding: float = 0.12
    """How much darker the lid is at its margin, where it curves away from the light; share."""
    rounding_reach: float = 2.5
    """How far up that goes, half widths of the line."""


class WingShading(NamedTuple):
    """Lashes and make-up beyond the outer corner."""

    dark: float = 0.55
    """Brightness over the skin's below which there are any: shade and folds are lighter; ratio."""
    lash_light: float = 0.7
    """Brightness over the skin's around up to which a px wholly belongs to them; ratio."""
    skin_light: float = 0.92
    """The same from which on it is skin."""
    reach: float = 0.4
    """How far beyond the corner they may go, widths."""
    around: float = 0.18
    """How far around them a px may belong to them, widths."""
    first: float = 0.1
    """Up to where they begin, widths."""
    thickest: float = 0.3
    """What is narrower may be lashes, widths."""
    full: float = 0.2
    """Length of lashes beyond the corner from which on the closed lid's line is as dark at the
    outer corner as elsewhere, widths."""


@dataclass(frozen=True)
class EyeShading:
    """Everything about light and colour of the eye layer.

    Attributes:
        margin: what lids lay over the eyeball.
        sclera: the white of the eye.
        highlight: the reflection on the cornea.
        lash: lashes and the skin above the lid.
        lid: the closing lid.
        wing: lashes beyond the outer corner.
    """

    margin: MarginShading = field(default_factory=MarginShading)
    sclera: ScleraShading = field(default_factory=ScleraShading)
    highlight: HighlightShading = field(default_factory=HighlightShading)
    lash: LashShading = field(default_factory=LashShading)
    lid: LidShading = field(default_factory=LidShading)
    wing: WingShading = field(default_factory=WingShading)
