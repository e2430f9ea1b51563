"""The option that says where frames are drawn and networks run."""

from __future__ import annotations

import argparse

AUTO, CPU = "auto", "cpu"


def add_device(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --device; `use_asked_device` has the process use it."""
    parser.add_argument(
        "--device",
        choices=(AUTO, CPU, "cuda"),
        default=CPU,
        help="where frames are drawn: cuda is a GPU of NVIDIA and needs the extra gpu, auto takes "
        "one where it can (default: cpu)",
    )


def use_asked_device(options: argparse.Namespace) -> None:
    """Use the device that the options name, if they can name one.

    Of a cluster, whose machines have devices of their own, nothing is known here.

    Raises:
        InputError: it cannot be used here.
    """
    if getattr(options, "device", CPU) == CPU:
        return
    if not getattr(options, "address", None):
        from openvasa.device import use_device

        options.device = use_device(options.device).value
    elif options.device == AUTO:
        options.usage_error("--device auto: choose cpu or cuda for a cluster")
