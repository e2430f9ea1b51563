"""What a client sends to steer a live portrait."""

from __future__ import annotations

import re

import pytest

from openvasa.errors import InputError
from openvasa.live.steering import read_controls
from openvasa.motion.amount import Amount


def test_one_number_scales_every_movement() -> None:
    assert read_controls({"amount": 0.5})[1] == Amount(0.5, 0.5, 0.5, 0.5)
    assert read_controls({})[1] == Amount()


def test_parts_are_scaled_by_name() -> None:
    assert read_controls({"amount": {"head": 0, "eyes": 1.5}})[1] == Amount(head=0, eyes=1.5)


def test_amounts_are_brought_into_range() -> None:
    assert read_controls({"amount": 99})[1] == Amount(2, 2, 2, 2)
    assert read_controls({"amount": {"brows": -1}})[1] == Amount(brows=0)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"amount": "much"}, "amount is no number"),
        ({"amount": {"ears": 1}}, "no amount 'ears'; choose of head, brows, mouth, eyes"),
        ({"amount": {"head": None}}, "amount head is no number"),
        ({"amount": [1]}, "amount is no number"),
        ({"amount": float("nan")}, "amount is no number"),
        ({"amount": True}, "amount is no number"),
        ({"gaze": [1]}, "gaze is two numbers"),
        ({"gaze": "left"}, "gaze is two numbers"),
        ({"gaze": ["left", 0]}, "gaze is no number"),
        ({"distance": "near"}, "distance is no number"),
        ({"emotion": {"bored": 1}}, "no emotion 'bored'; choose of happy, angry, sad, surprised"),
        ({"emotion": {"happy": "very"}}, "emotion happy is no number"),
        ({"emotion": "happy"}, "emotion holds numbers by name"),
    ],
)
def test_what_cannot_be_steered_is_said(message: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        read_controls(message)


def test_what_is_null_is_left_to_the_portrait() -> None:
    free = read_controls({"gaze": None, "distance": None, "emotion": None, "amount": None})
    assert free == read_controls({})


def test_controls_are_brought_into_range() -> None:
    controls, _ = read_controls({"gaze": [99, -99], "distance": 9, "emotion": {"sad": 7}})
    assert controls.gaze == (30, -20)
    assert controls.emotion == {"sad": 1}
