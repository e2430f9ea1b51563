"""`openvasa data`: from talking clips to what training reads."""

from __future__ import annotations

import argparse
from pathlib import Path

from openvasa.commands.exit_status import BAD_INPUT, OK
from openvasa.commands.messages import complain
from openvasa.commands.parser import Commands, add_command, add_group
from openvasa.commands.training_data import add_cache


def add(commands: Commands) -> None:
    """Add the commands under `openvasa data`."""
    group = add_group(commands, "data", "prepare training data")
    parser = add_command(
        group,
        "prepare",
        _prepare,
        "track the faces of talking clips and compute their speech features",
        "openvasa data prepare clips/ cache/",
    )
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder with a clips.jsonl")
    parser.add_argument("cache", type=Path, metavar="CACHE", help="folder to fill")
    parser = add_command(
        group,
        "latent",
        _latent,
        "reduce a cache to what openvasa train latent reads, to take it to another machine",
        "openvasa data latent cache/ pack/",
    )
    add_cache(parser)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")


def _prepare(options: argparse.Namespace) -> int:
    from openvasa.data.prepare import prepare

    problems = prepare(options.clips, options.cache)
    for problem in problems:
        complain(problem)
    return BAD_INPUT if problems else OK


def _latent(options: argparse.Namespace) -> int:
    from openvasa.data.latent_tracks import pack_tracks
    from openvasa.evaluation_models import VGG16
    from openvasa.train.latent_perceptual import pack_perceptual

    print(pack_tracks(options.cache, options.out))
    perceptual = pack_perceptual(options.out)
    if perceptual is None:
        complain(VGG16.missing)
    else:
        print(perceptual)
    return OK
