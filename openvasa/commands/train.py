"""`openvasa train`: one command for each model."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

from openvasa.commands.exit_status import OK
from openvasa.commands.listening import add_training
from openvasa.commands.parser import Commands, Parser, add_command, add_group
from openvasa.commands.train_latent import (
    add_latent,
    add_latent_export,
    train_latent_motion,
)
from openvasa.commands.train_shading import add_shading
from openvasa.commands.training_data import add_cache, add_clips, count_people
from openvasa.commands.training_steps import add_steps, trainer_config


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
    add_latent(group)
    add_latent_export(group)
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
        "--people", type=count_people, default=80, metavar="N", help="to be redrawn (default: 80)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of which people (default: 0)"
    )


def _drawing(options: argparse.Namespace) -> int:
    from openvasa.train.drawing import train

    print(json.dumps(train(options.cache, options.clips, options.people, options.seed), indent=2))
    return OK


def _add_run(parser: Parser, steps: int) -> None:
    """What training motion asks for."""
    add_cache(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    add_steps(parser, steps)
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
        "--people", type=count_people, metavar="N", help="at most N to learn from, for --latent"
    )


def _motion(options: argparse.Namespace) -> int:
    from openvasa.train.speech_motion import DEFAULTS, geometric_rows, train
    from openvasa.train.speech_motion_export import export
    from openvasa.train.style_response import read_sound

    if options.latent is not None:
        return train_latent_motion(options, trainer_config(DEFAULTS, options))
    if options.clips is not None or options.people is not None:
        options.usage_error("--clips and --people: go with --latent")
    rows = geometric_rows(options.cache)
    train(rows, options.run, trainer_config(DEFAULTS, options))
    if options.export is not None:
        sound_of = partial(read_sound, options.export)
        space = export(options.run, rows.learnt, sound_of, options.weights)
        print(f"in files\n{space.in_files.text}\nin streams\n{space.in_streams.text}")
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
    add_steps(parser, steps=10_000)
    parser.add_argument(
        "--sentences", type=int, default=800, metavar="N", help="to learn from (default: 800)"
    )


def _articulation(options: argparse.Namespace) -> int:
    from openvasa.train.articulation import DEFAULTS, train

    figures = train(options.run, trainer_config(DEFAULTS, options), options.sentences)
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
        "--people",
        type=count_people,
        default=60,
        metavar="N",
        help="at most N of each split (default: 60)",
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
        add_steps(parser, steps=4000)
        parser.set_defaults(expert=name)


def _expert(options: argparse.Namespace) -> int:
    from openvasa.evaluate.expert_report import report
    from openvasa.train.experts import DEFAULTS, train_expert

    config = trainer_config(DEFAULTS, options)
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
    add_steps(parser, steps=7000)
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
    train(options.cache, options.clips, options.run, trainer_config(DEFAULTS, options), trainings)
    if options.export:
        export(options.run, ASSETS, names)
    return OK


def _add_occluders(group: Commands) -> None:
    parser = add_command(
        group,
        "occluders",
        _occluders,
        "train the network that finds glasses, masks, hands and hats; goes on where RUN stopped",
        "openvasa train occluders cache/ clips/ runs/occluders --workers 14",
        "openvasa train occluders cache/ clips/ runs/occluders --export",
        "openvasa train occluders cache/ clips/ runs/on --from FILE.onnx --batch 8 --steps 200",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of stills and checkpoints")
    add_steps(parser, steps=2200)
    parser.add_argument(
        "--from",
        dest="start",
        type=Path,
        metavar="FILE.onnx",
        help="learn on from exported weights, at a lower learning rate that falls to nothing",
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=32,
        metavar="N",
        help="composites in a batch; each is seen twice, once mirrored (default: 32)",
    )
    parser.add_argument(
        "--export", action="store_true", help="then put the weights into the package's assets"
    )


def _occluders(options: argparse.Namespace) -> int:
    from openvasa.face.occluders import NETWORK
    from openvasa.train.occluders import DEFAULTS, FURTHER, Course, export, train

    course = Course(options.batch, options.start)
    defaults = DEFAULTS if course.start is None else FURTHER
    train(options.cache, options.clips, options.run, trainer_config(defaults, options), course)
    if options.export:
        export(options.run, NETWORK)
    return OK
