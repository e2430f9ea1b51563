"""Numbers of light and colour that the mouth's interior is coloured and painted by.

Set on real open mouths of training people, each drawn from a closed-mouthed frame of the same clip
(docs/rendering.md), unless a source is named; the unit is in each field's docstring. A "unit" is a
canonical unit, about a centimetre.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class LipShade(NamedTuple):
    """What the lips leave of the light between them."""

    upper_shadow: float = 0.5
    """Share of the light that the upper lip takes from a tooth right below it."""
    upper_reach: float = 0.11
    """Units below the upper lip over which that falls to 1/e."""
    lower_shadow: float = 0.25
    """The same of the lower lip, upwards."""
    lower_reach: float = 0.1
    """Units above the lower lip over which that falls to 1/e."""
    slit_light: float = 0.15
    """Share of the light that comes through the narrowest opening."""
    slit: float = 0.04
    """Opening of the lips, units, up to which it is that narrow."""
    full_gap: float = 1.2
    """Opening, units, from which on teeth get all the light; in the shade they take the walls'
    colour."""
    least_full_gap: float = 0.25
    """The same in a portrait that shows teeth at a narrower opening, at least; units."""
    seam_width: float = 0.06
    """Half width of the line where closed lips touch, units."""
    seam_gap_share: float = 0.5
    """What half the opening adds to that half width, share of the opening."""
    seam_run_out: float = 0.3
    """Units from the mouth's corners over which the line sets in."""


class WallShading(NamedTuple):
    """How the dark of the mouth deepens, on walls and tongue alike."""

    throat_dark: float = 0.2
    """Share of its light that it loses behind the middle of the tongue's back."""
    throat_width: float = 0.9
    """Half width of the throat, units."""
    throat_height: float = 0.6
    """Its half height, units."""
    throat_up: float = 1.0
    """Units by which its middle lies above the tongue's edge."""
    throat_from: float = 0.5
    """Opening of the lips, units, from which it comes into sight."""
    throat_to: float = 1.5
    """Opening of the lips, units, at which all of it is seen."""


class RoundedShading(NamedTuple):
    """What wholly rounded lips change: they stand far before the teeth, around a small hole.

    Fitted with `mouth/rounding.py` to 135 narrow mouths of 39 training people
    (docs/lab/rendering.md, "Rounded lips").
    """

    teeth_shade: float = 0.6
    """Share of the light on teeth that they take."""
    dark: float = 0.52
    """Share of their light that walls and tongue lose behind them."""
    tint: float = 0.45
    """How far the light that is left takes the lips' tint: it comes by way of them; share."""
    softness: float = 0.2
    """Units over which their edge is soft: they curve into the mouth."""


class TongueShading(NamedTuple):
    """The tongue's body on the floor of the mouth."""

    dark: float = -1.8
    """Units below the lower incisors' edge where the tongue lies in the dark."""
    full: float = -0.3
    """Units below that edge where it is wholly seen."""
    roundness: float = 0.3
    """Fall of its surface to the sides, units per unit squared."""
    side_from: float = 0.8
    """Units from the midline where its side begins."""
    side_to: float = 1.9
    """Units from the midline where it ends."""
    groove: float = 0.08
    """How much darker its middle is, share."""
    groove_width: float = 0.03
    """Width of the groove, units squared."""
    gap_from: float = 0.16
    """Opening of the lips, units, from which light falls on it."""
    gap_to: float = 0.8
    """Opening of the lips, units, at which all light does."""
    least_light: float = 0.55
    """Share of the light on it where the lips leave a tooth none."""
    drawn_away: float = 0.7
    """How much less of the body is seen when the tip is raised: its sides follow; share."""


class TipShading(NamedTuple):
    """The tongue's tip, raised behind the upper teeth or out between the teeth."""

    width_from: float = 0.75
    """Units from the midline where the tip begins to end."""
    width_to: float = 1.25
    """Units from the midline where it has ended."""
    hidden: float = 0.15
    """How far a tip at the ridge reaches up behind the upper incisors, units."""
    fall: float = 0.22
    """How its outline falls away to the sides, units per unit squared."""
    overlap: float = 0.22
    """How far a tip between the teeth covers the lower incisors, units."""
    cover: float = 0.1
    """How far it covers the upper incisors, units."""
    flatness: float = 0.12
    """How its lower edge rises to the sides between the teeth, units per unit squared."""
    top_light: float = 1.2
    """Brightness over the tongue's where a raised tip catches light; ratio."""
    under_shade: float = 0.3
    """How much darker its underside is; ratio."""
    string_shade: float = 0.06
    """How much darker the string beneath it is; ratio."""
    string_width: float = 0.03
    """Width of the string, units squared."""
    side_shade: float = 0.2
    """How much darker its sides are; ratio."""
    ahead_light: float = 1.08
    """Brightness over the tongue's of a tip between the teeth; ratio."""
    wet: float = 0.12
    """What its wet edge adds; ratio."""
    wet_width: float = 0.1
    """Width of the wet edge, units."""
    edge_shade: float = 0.3
    """How much darker it gets over the lower lip; ratio."""
    upper_shade: float = 0.25
    """How much darker the upper teeth make it; ratio."""
    least_light: float = 0.2
    """Share of the light on it where the lips leave a tooth none."""


class InteriorTones(NamedTuple):
    """Colours of the interior, from the colours of lips and skin."""

    enamel_light: float = 1.15
    """Brightness of the upper incisors over that of the skin; ratio."""
    enamel_skin_share: float = 0.6
    """Share of the mean skin in that skin's brightness; the rest is the brightest skin's."""
    brightest_enamel: float = 235.0
    """The most, grey levels."""
    enamel_tint: float = 0.5
    """Share of the skin's tint that enamel takes: it has nearly the light's own colour."""
    lower_light: float = 0.8
    """Brightness of the lower teeth over the upper: they stand back and see less light; ratio."""
    cavity_light: float = 0.42
    """Brightness of the mouth's walls over that of the lips; ratio."""
    cavity_tint: float = 1.4
    """Their distance from grey over the lips'; ratio."""
    tongue_light: float = 1.0
    """Brightness of the tongue over that of the lips; ratio."""
    tongue_tint: float = 1.0
    """Its distance from grey over the lips'; ratio."""
    contact_dark: float = 0.45
    """Brightness of the line where closed lips touch over the darkest px around; ratio."""
    contact_light: float = 0.28
    """The most of it, over the brightness of the lips; ratio."""
    darkest_contact: float = 6.0
    """The least of it, grey levels."""
    contact_lip_share: float = 0.25
    """Share of the lips' own colour mixed into it."""
    contact_strength: float = 0.6
    """Opacity of the line."""
    gum_light: float = 0.8
    """Brightness of the gum over lips and skin mixed; ratio."""
    gum_lip_share: float = 0.6
    """Share of the lips in that mix."""
    corner_shade: float = 0.6
    """How far the last teeth are dimmed, share of the way to the dark of the mouth."""
    corner_from: float = 0.4
    """Units from the midline where that begins."""
    corner_to: float = 2.4
    """Units from the midline where it is full."""
    cheek_from: float = 2.3
    """Centimetres of the arch from the midline where teeth begin to vanish in the dark of the
    cheeks."""
    cheek_to: float = 3.1
    """Centimetres of the arch from which on none is seen."""
    corner_lip_share: float = 0.25
    """Share of the lips' colour in that dark: light comes by way of the red of the mouth."""


class ToothEvidence(NamedTuple):
    """What between a portrait's own lips counts as a tooth."""

    red_from: float = 0.4
    """Redness, share of the way from the least red px to the lips', up to which it may be tooth."""
    red_to: float = 0.8
    """The same from which on it is none."""
    light_from: float = 0.4
    """Brightness over the brightest teeth's up to which it is none; ratio."""
    light_to: float = 0.6
    """The same from which on it may be tooth; ratio."""
    least_contrast: float = 0.25
    """Contrast of redness over the lips' redness below which nothing is; ratio."""
    least_red: float = 0.02
    """A quarter of the lips' redness below which they are grey: drawings, stone, grey photos."""
    least_light: float = 0.6
    """Brightness of teeth over the lips' below which nothing is; ratio."""
    least_area: float = 0.1
    """Area of tooth that has to be seen, units squared."""
    cavity: float = 0.62
    """Brightness over the lips' below which a px belongs to the cavity; ratio."""
    least_shade: float = 0.75
    """The most that teeth are freed of the lips' shadow: it counts for no less than this share."""


@dataclass(frozen=True)
class MouthShading:
    """Everything about light and colour of the mouth layer.

    Attributes:
        lips: what the lips leave of the light.
        walls: how the dark deepens.
        rounded: what rounded lips change.
        tongue: the tongue's body.
        tip: the tongue's tip.
        tones: colours of the interior.
        evidence: what counts as the portrait's own teeth.
    """

    lips: LipShade = field(default_factory=LipShade)
    walls: WallShading = field(default_factory=WallShading)
    rounded: RoundedShading = field(default_factory=RoundedShading)
    tongue: TongueShading = field(default_factory=TongueShading)
    tip: TipShading = field(default_factory=TipShading)
    tones: InteriorTones = field(default_factory=InteriorTones)
    evidence: ToothEvidence = field(default_factory=ToothEvidence)
