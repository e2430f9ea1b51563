"""All numbers of light and colour that frames are drawn by.

`openvasa train shading` looks for better ones on real frames of training people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from openvasa.render.eye.shading import EyeShading
from openvasa.render.mouth.shading import MouthShading


@dataclass(frozen=True)
class Shading:
    """Numbers of light and colour; each has a name like "mouth.tones.enamel_light".

    Attributes:
        mouth: of the mouth layer.
        eye: of the eye layer.
    """

    mouth: MouthShading = field(default_factory=MouthShading)
    eye: EyeShading = field(default_factory=EyeShading)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all numbers."""
        return tuple(
            f"{layer.name}.{group.name}.{number}"
            for layer in fields(self)
            for group in fields(getattr(self, layer.name))
            for number in getattr(getattr(self, layer.name), group.name)._fields
        )

    def number(self, name: str) -> float:
        """The number of a name."""
        value = self
        for part in name.split("."):
            value = getattr(value, part)
        return float(value)  # pyright: ignore[reportArgumentType]

    def changed(self, numbers: Mapping[str, float]) -> Shading:
        """The same with other numbers, given by name.

        Raises:
            KeyError: no number has this name.
        """
        shading = self
        for name, value in numbers.items():
            layer, group, field = name.split(".")
            before = getattr(getattr(shading, layer, None), group, None)
            if before is None or field not in before._fields:
                raise KeyError(name)
            numbers_of_layer = {group: before._replace(**{field: value})}
            changed = replace(getattr(shading, layer), **numbers_of_layer)
            shading = replace(shading, **{layer: changed})
        return shading
