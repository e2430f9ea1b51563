"""What every test may take for granted: the policy is accepted, settings are kept elsewhere."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _unattended(tmp_path_factory: pytest.TempPathFactory):
    os.environ["OPENVASA_ACCEPT_POLICY"] = "1"
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))
    for name in ("OPENVASA_C2PA_CERT", "OPENVASA_C2PA_KEY"):
        os.environ.pop(name, None)
