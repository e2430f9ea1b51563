"""Addresses that a live server prints, sites that it lets in, and WebRTC behind firewalls."""

from __future__ import annotations

import pytest

from openvasa.errors import InputError
from openvasa.live.addresses import address_of, reachable_names, read_origin
from openvasa.live.ice import IceServer, parse_ice


def test_printed_addresses_can_be_opened() -> None:
    assert reachable_names("127.0.0.1") == ["127.0.0.1"]
    assert reachable_names("192.168.1.5") == ["192.168.1.5"]
    for everywhere in ("0.0.0.0", "::"):
        first, *others = reachable_names(everywhere)
        assert first == "localhost"
        assert everywhere not in others
    assert address_of("::1", 80, "t", secure=True) == "https://[::1]:80/?token=t"
    assert address_of("localhost", 80, None, secure=False) == "http://localhost:80/"


def test_sites_are_read_as_browsers_name_them() -> None:
    assert read_origin("https://Shop.Example/") == "https://shop.example"
    assert read_origin("http://localhost:3000") == "http://localhost:3000"
    for wrong in ("shop.example", "*", "https://shop.example/page", "ftp://x", ""):
        with pytest.raises(InputError, match="write it as"):
            read_origin(wrong)


def test_ways_through_firewalls() -> None:
    assert parse_ice("stun:stun.example:3478").as_json() == {"urls": "stun:stun.example:3478"}
    turn = parse_ice("turn:turn.example:443?transport=tcp,me,a,b")
    assert turn == IceServer("turn:turn.example:443?transport=tcp", "me", "a,b")
    for wrong in ("turn:turn.example:443", "http://x", "stun:", "turn:x,me", "turn:x,me,"):
        with pytest.raises(InputError):
            parse_ice(wrong)
