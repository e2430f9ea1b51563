"""The use policy, and that it was accepted before the first face is animated."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from openvasa.errors import InputError
from openvasa.provenance.certificate import config_folder

VARIABLE = "OPENVASA_ACCEPT_POLICY"
POLICY_VERSION = "1"
POLICY = """\
OpenVASA makes faces say what they never said. Before you go on, agree to this:
  1. I animate only faces whose owner agreed, or where nobody can be harmed or misled.
  2. I do not impersonate anyone and do not deceive, defraud, harass or defame with it.
  3. I tell viewers that the video is AI-generated wherever the law or fairness asks for it.
  4. I do not remove the marks that say so from videos I publish.
More: docs/responsible-use.md"""


def require_consent(accepted: bool, ask: Callable[[str], str] = input) -> None:
    """Make sure that the user accepted the policy: by flag, environment, earlier, or now.

    Args:
        accepted: the user gave the flag --accept-policy; counts for this run alone.
        ask: shows a question and returns the answer.

    Raises:
        InputError: it was not accepted, or there is nobody to ask.
    """
    memory = config_folder() / "policy-accepted"
    if accepted or os.environ.get(VARIABLE) == "1":
        return
    if memory.is_file() and memory.read_text().strip() == POLICY_VERSION:
        return
    remedy = f"read docs/responsible-use.md, then give --accept-policy or set {VARIABLE}=1"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(f"the use policy was not accepted yet; {remedy}")
    print(POLICY, file=sys.stderr)
    try:
        answer = ask("Do you agree? Type yes: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        raise InputError(f"the use policy was not accepted; {remedy}")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        memory.write_text(POLICY_VERSION + "\n")
    except OSError as error:
        raise InputError(
            f"{memory}: your answer cannot be kept ({error.strerror}); {remedy}"
        ) from error
