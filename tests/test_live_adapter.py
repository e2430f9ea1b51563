"""What the adapters for agent frameworks share."""

from __future__ import annotations

from inspect import signature

import pytest
from live_stand_in import StandInModel

from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent
from openvasa.live.adapter import PortraitOptions, make_avatar
from openvasa.motion.controls import Controls


def test_adapters_take_every_option_of_a_portrait() -> None:
    options = [
        p.name for p in signature(make_avatar).parameters.values() if p.kind is p.KEYWORD_ONLY
    ]
    assert list(PortraitOptions.__annotations__) == options


def test_options_out_of_range_are_refused(face: FaceLatent) -> None:
    made = make_avatar(face, Controls(), size=256, sample_rate=16000, model=StandInModel())
    assert (made.settings.size, made.settings.rate) == (256, 16000)
    for wrong in ({"fps": 33}, {"sample_rate": 44100}, {"background": "nobody.jpg"}):
        with pytest.raises(InputError):
            make_avatar(face, Controls(), **wrong)
