"""`openvasa train`: one command for each model."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.exit_status import OK
from openvasa.commands.listening import add_training
from openvasa.commands.parser import Commands, Parser, add_command, add_group
from openvasa.commands.train_shading import add_shading
from openvasa.commands.training_data import add_cache, add_clips

if TYPE_CHECKING:
    from openvasa.train.trainer import TrainerConfig


def add(commands: Commands) -> None:
    """Add the commands under `openvasa train`."""
    group = add_group(commands, "train", "train the models on prepared data")
    _add_dynamics(group)
    _add_drawing(group)
    _add_motion(group)
    _add_articulation(group)
    _add_detector(group)
    _add_experts(group)
    _add_render(group)
    add_shading(group)
    _add_latent(group)
    _add_latent_export(group)
    _add_occluders(group)
    add_training(group)


def _add_dynamics(group: Commands) -> None:
    parser = add_command(
        group,
        "dynamics",
        _dynamics,
        "fit the facial dynamics code and report its errors on held-out people",
        "openvasa train dynamics cache/",
    )
    add_cache(parser)


def _dynamics(options: argparse.Namespace) -> int:
    from openvasa.train.dynamics import train

    print(json.dumps(train(options.cache), indent=2))
    return OK


def _add_drawing(group: Commands) -> None:
    parser = add_command(
        group,
        "drawing",
        _drawing,
        "measure how much of drawn motion is seen, and fit what to draw so that all of it is",
        "openvasa train drawing cache/ clips/",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument(
        "--people", type=int, default=80, metavar="N", help="to be redrawn (default: 80)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of which people (default: 0)"
    )


def _drawing(options: argparse.Namespace) -> int:
    from openvasa.train.drawing import train

    print(json.dumps(train(options.cache, options.clips, options.people, options.seed), indent=2))
    return OK


def _add_steps(parser: Parser, steps: int) -> None:
    """What every training in steps asks for; see `train.trainer.TrainerConfig`."""
    parser.add_argument(
        "--steps",
        type=int,
        default=steps,
        metavar="N",
        help=f"of the whole run, those of earlier starts included (default: {steps})",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of first weights and order; a second seed says what chance does (default: 0)",
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="CPU threads of torch (default: all cores)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes that draw batches ahead, for a GPU; the model is the same (default: 0)",
    )


def _trainer(defaults: TrainerConfig, options: argparse.Namespace) -> TrainerConfig:
    """The settings of a training with what was asked for."""
    return replace(
        defaults,
        steps=options.steps,
        seed=options.seed,
        threads=options.threads,
        workers=options.workers,
    )


def _add_run(parser: Parser, steps: int) -> None:
    """What training motion asks for."""
    add_cache(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    _add_steps(parser, steps)
    parser.add_argument(
        "--export",
        type=Path,
        metavar="CLIPS",
        help="then put the weights into the package's assets; CLIPS is the folder that CACHE was "
        "made from, whose sounds say what streams make of speaking styles",
    )
    parser.add_argument(
        "--weights",
        choices=("best", "last"),
        default="best",
        help="to export: those best on people held back, or the last ones (default: best)",
    )


def _add_motion(group: Commands) -> None:
    parser = add_command(
        group,
        "motion",
        _motion,
        "train the motion generator; goes on from the last checkpoint in RUN",
        "openvasa train motion cache/ runs/first",
        "openvasa train motion cache/ runs/first --export clips/",
        "openvasa train motion cache/ runs/spoken --latent runs/tiny --clips clips/",
    )
    _add_run(parser, steps=24_000)
    parser.add_argument(
        "--latent",
        type=Path,
        metavar="RUN",
        help="learn pose and dynamics codes of this run of openvasa train latent, and put the "
        "weights beside it, for openvasa animate --renderer latent:RUN",
    )
    parser.add_argument(
        "--clips", type=Path, metavar="CLIPS", help="files of the cache's clips, for --latent"
    )
    parser.add_argument(
        "--people", type=int, metavar="N", help="at most N to learn from, for --latent"
    )


def _motion(options: argparse.Namespace) -> int:
    from openvasa.train.speech_motion import DEFAULTS, geometric_rows, train
    from openvasa.train.speech_motion_export import export
    from openvasa.train.style_response import read_sound

    if options.latent:
        return _latent_motion(options)
    if options.clips or options.people:
        options.usage_error("--clips and --people: go with --latent")
    rows = geometric_rows(options.cache)
    train(rows, options.run, _trainer(DEFAULTS, options))
    if options.export:
        sound_of = partial(read_sound, options.export)
        space = export(options.run, rows.learnt, sound_of, options.weights)
        print(f"in files\n{space.in_files.text}\nin streams\n{space.in_streams.text}")
    return OK


def _latent_motion(options: argparse.Namespace) -> int:
    from openvasa.train.latent_motion import export_motion, latent_rows
    from openvasa.train.speech_motion import DEFAULTS, train

    if not options.clips:
        options.usage_error(
            "--latent: its encoder looks at the clips; give their folder by --clips"
        )
    rows = latent_rows(options.cache, options.clips, options.latent, options.run, options.people)
    train(rows, options.run, _trainer(DEFAULTS, options))
    print(export_motion(options.run, options.latent, options.weights))
    return OK


def _add_articulation(group: Commands) -> None:
    parser = add_command(
        group,
        "articulation",
        _articulation,
        "train what speech wants of tongue and lips from synthetic voices; report errors on others",
        "openvasa train articulation runs/articulation",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    _add_steps(parser, steps=10_000)
    parser.add_argument(
        "--sentences", type=int, default=800, metavar="N", help="to learn from (default: 800)"
    )


def _articulation(options: argparse.Namespace) -> int:
    from openvasa.train.articulation import DEFAULTS, train

    figures = train(options.run, _trainer(DEFAULTS, options), options.sentences)
    print(json.dumps(figures, indent=2))
    return OK


def _add_detector(group: Commands) -> None:
    parser = add_command(
        group,
        "detector",
        _detector,
        "train the detector of our own renders and report its errors on held-out people",
        "openvasa train detector clips/",
    )
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder with a clips.jsonl")
    parser.add_argument(
        "--people", type=int, default=60, metavar="N", help="at most N of each split (default: 60)"
    )


def _detector(options: argparse.Namespace) -> int:
    from openvasa.train.detector import train

    print(json.dumps(train(options.clips, options.people), indent=2))
    return OK


def _add_experts(group: Commands) -> None:
    for name, what in (("sync", "lips"), ("capp", "head motion")):
        parser = add_command(
            group,
            name,
            _expert,
            f"train the expert that judges whether {what} and sound belong together",
            f"openvasa train {name} cache/ runs/{name}",
        )
        add_cache(parser)
        parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
        _add_steps(parser, steps=4000)
        parser.set_defaults(expert=name)


def _expert(options: argparse.Namespace) -> int:
    from openvasa.evaluate.expert_report import report
    from openvasa.train.experts import DEFAULTS, train_expert

    config = _trainer(DEFAULTS, options)
    held_out = train_expert(options.expert, options.cache, options.run, config)
    print(report(options.expert, held_out))
    return OK


def _add_render(group: Commands) -> None:
    parser = add_command(
        group,
        "render",
        _render,
        "train the refinement of mouth and eyes; goes on from the last checkpoints in RUN",
        "openvasa train render cache/ clips/ runs/render --steps 7000",
        "openvasa train render cache/ clips/ runs/render --steps 7000 --network mouth",
        "openvasa train render cache/ clips/ runs/render --steps 7000 --export",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of pairs and runs")
    _add_steps(parser, steps=7000)
    parser.add_argument(
        "--network",
        choices=("mouth", "eye"),
        help="only this one: to train both at a time, or to export only the one that helps",
    )
    parser.add_argument(
        "--adversary",
        type=float,
        metavar="SHARE",
        help="how hard the adversary pulls in the second half, as a share of the other losses; 0 "
        "leaves it out (default: as for the shipped weights, 0.2 for the mouth and 0 for the eye)",
    )
    parser.add_argument(
        "--export", action="store_true", help="then put the weights into the package's assets"
    )


def _render(options: argparse.Namespace) -> int:
    from openvasa.assets import ASSETS
    from openvasa.train.render import DEFAULTS, NETWORKS, default_training, train
    from openvasa.train.render_export import export

    names = (options.network,) if options.network else tuple(NETWORKS)
    trainings = {name: default_training(name, options.adversary) for name in names}
    train(options.cache, options.clips, options.run, _trainer(DEFAULTS, options), trainings)
    if options.export:
        export(options.run, ASSETS, names)
    return OK


LOSSES = {
    "consist": "consist",
    "cross-id": "cross_identity",
    "perceptual": "perceptual",
    "adversary": "adversary",
}
"""Losses of the learned latent that can be left out, and their names in its weights."""


def _add_latent(group: Commands) -> None:
    parser = add_command(
        group,
        "latent",
        _latent,
        "train the learned latent; goes on from the last checkpoint in RUN",
        "openvasa train latent cache/ clips/ runs/tiny --config tiny --steps 8000",
        "openvasa train latent cache/ clips/ runs/plain --config tiny --without cross-id",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    _add_steps(parser, steps=8000)
    parser.add_argument(
        "--config",
        choices=("mini", "tiny", "base", "full"),
        default="tiny",
        help="frames of 64, 128, 256 or 512 px; two cores can train mini (default: tiny)",
    )
    parser.add_argument(
        "--batch", type=int, metavar="N", help="clips in a batch (default: the configuration's)"
    )
    parser.add_argument("--people", type=int, metavar="N", help="at most N (default: all)")
    parser.add_argument(
        "--learning-rate",
        type=float,
        metavar="X",
        help="at its peak (default: 0.0005, good for the batches of a GPU; small ones bear 0.001)",
    )
    parser.add_argument(
        "--from",
        type=Path,
        dest="first",
        metavar="RUN",
        help="begin a new run with the weights of this one, where names and shapes agree",
    )
    parser.add_argument(
        "--decoded",
        type=Path,
        metavar="FOLDER",
        help="keep decoded frames there, so that another run begins at once",
    )
    parser.add_argument(
        "--without",
        action="append",
        choices=tuple(LOSSES),
        default=[],
        help="leave a loss out, to see what it does; may be given again",
    )


def _latent(options: argparse.Namespace) -> int:
    from openvasa.learned.config import find_config
    from openvasa.train.latent import DEFAULTS, LatentTraining, LatentWeights, train

    weights = replace(LatentWeights(), **{LOSSES[name]: 0.0 for name in options.without})
    training = LatentTraining(find_config(options.config), weights, options.batch, options.people)
    trainer = _trainer(DEFAULTS, options)
    if options.learning_rate is not None:
        trainer = replace(trainer, learning_rate=options.learning_rate)
    where = options.cache, options.clips, options.run
    train(*where, trainer, training, options.first, options.decoded)
    return OK


def _add_occluders(group: Commands) -> None:
    parser = add_command(
        group,
        "occluders",
        _occluders,
        "train the network that finds glasses, masks, hands and hats; goes on where RUN stopped",
        "openvasa train occluders cache/ clips/ runs/occluders --workers 14",
        "openvasa train occluders cache/ clips/ runs/occluders --export",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of stills and checkpoints")
    _add_steps(parser, steps=2200)
    parser.add_argument(
        "--export", action="store_true", help="then put the weights into the package's assets"
    )


def _occluders(options: argparse.Namespace) -> int:
    from openvasa.face.occluders import NETWORK
    from openvasa.train.occluders import DEFAULTS, export, train

    train(options.cache, options.clips, options.run, _trainer(DEFAULTS, options))
    if options.export:
        export(options.run, NETWORK)
    return OK


def _add_latent_export(group: Commands) -> None:
    parser = add_command(
        group,
        "latent-export",
        _latent_export,
        "make a trained latent ready for openvasa animate --renderer learned:RUN",
        "openvasa train latent-export cache/ clips/ runs/tiny",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="from openvasa train latent")


def _latent_export(options: argparse.Namespace) -> int:
    from openvasa.train.latent_export import export

    reading = export(options.cache, options.clips, options.run)
    print(f"tracked points tell {reading.explained:.0%} of the dynamics code on people held back")
    return OK
