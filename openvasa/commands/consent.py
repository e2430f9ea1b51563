"""Ask for agreement to the use policy before the first face is animated."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from openvasa.errors import InputError


def add_consent(parser: argparse._ActionsContainer) -> None:
    """The option with which the user agrees to the use policy."""
    parser.add_argument(
        "--accept-policy",
        action="store_true",
        help="agree to the use policy for this run (or set OPENVASA_ACCEPT_POLICY=1)",
    )


def require_consent(accepted: bool, ask: Callable[[str], str] = input) -> None:
    """Make sure that the user accepted the policy: by option, environment, earlier, or now.

    Args:
        accepted: the user gave --accept-policy; counts for this run alone.
        ask: shows a question and returns the answer.

    Raises:
        InputError: it was not accepted, there is nobody to ask, or the answer cannot be kept.
    """
    from openvasa.provenance.consent import POLICY, VARIABLE, is_accepted, keep_acceptance

    if accepted or is_accepted():
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
        keep_acceptance()
    except OSError as error:
        raise InputError(
            f"{error.filename}: your answer cannot be kept ({error.strerror}); {remedy}"
        ) from error
