"""A live server of the studio's own portraits, really listening, and a session of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from live_messages import LIMITS, RATE, open_session
from live_server import PATIENCE_S, serving
from live_stand_in import StandInModel

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.live.addresses import loopback_hosts
from openvasa.live.frame import LiveSettings
from openvasa.live.speech import Voice
from openvasa.live.studio import Studio


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("server")
    quiet = Voice("quiet", "Quiet", ("cat", str(EXAMPLE_VOICE)))
    return Studio(
        settings=LiveSettings(fps=25, rate=RATE),
        model=lambda seed: StandInModel(),
        limits=LIMITS,
        portraits={"example": EXAMPLE_PORTRAIT},
        voices=[quiet],
        folder=folder,
        hosts=loopback_hosts("127.0.0.1"),
    )


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    with serving(studio) as address:
        yield address


@pytest.fixture
def http(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
def key(http: httpx.Client) -> Iterator[str]:
    key = open_session(http)
    yield key
    http.delete(f"/api/sessions/{key}")
