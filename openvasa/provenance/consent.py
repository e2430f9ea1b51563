"""The use policy, and whether it was accepted on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from openvasa.provenance.certificate import config_folder

VARIABLE = "OPENVASA_ACCEPT_POLICY"
"""Environment variable that accepts the policy where it is 1."""
POLICY_VERSION = "1"
POLICY = """\
OpenVASA makes faces say what they never said. Before you go on, agree to this:
  1. I animate only faces whose owner agreed, or where nobody can be harmed or misled.
  2. I do not impersonate anyone and do not deceive, defraud, harass or defame with it.
  3. I tell viewers that the video is AI-generated wherever the law or fairness asks for it.
  4. I do not remove the marks that say so from videos I publish.
More: docs/responsible-use.md"""


def is_accepted() -> bool:
    """Whether the policy is accepted by the environment, or was earlier, in this version of it."""
    if os.environ.get(VARIABLE) == "1":
        return True
    memory = _memory()
    return memory.is_file() and memory.read_text("utf-8").strip() == POLICY_VERSION


def keep_acceptance() -> None:
    """Remember for later runs that the policy is accepted.

    Raises:
        OSError: it cannot be written.
    """
    memory = _memory()
    memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    memory.write_text(POLICY_VERSION + "\n", "utf-8")


def _memory() -> Path:
    return config_folder() / "policy-accepted"
