"""What a client sends to steer a live portrait."""

from __future__ import annotations

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


@pytest.mark.parametrize("amount", ["much", {"ears": 1}, {"head": None}, [1], float("nan"), None])
def test_what_is_no_amount_is_refused(amount: object) -> None:
    with pytest.raises(InputError, match="not understood"):
        read_controls({"amount": amount})
