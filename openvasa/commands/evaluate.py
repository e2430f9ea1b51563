"""`openvasa evaluate`: the models, measured on held-out people."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

from openvasa.commands.evaluate_corrections import add_corrections
from openvasa.commands.evaluate_drive import add_drive
from openvasa.commands.evaluate_languages import add_languages
from openvasa.commands.evaluate_latent import add_latent
from openvasa.commands.evaluate_likeness import add_likeness
from openvasa.commands.evaluate_matte import add_matte
from openvasa.commands.evaluate_occluders import add_occluders
from openvasa.commands.evaluate_portraits import add_portraits
from openvasa.commands.exit_status import OK
from openvasa.commands.listening import add_evaluation
from openvasa.commands.parser import Commands, add_command, add_group
from openvasa.commands.training_data import add_cache, add_clips
from openvasa.data.clip_list import Kind, Split
from openvasa.errors import InputError

SOUND_FILES = {".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac"}


def add(commands: Commands) -> None:
    """Add the commands under `openvasa evaluate`."""
    group = add_group(commands, "evaluate", "measure the models on held-out people")
    _add_motion(group)
    _add_motion_long(group)
    _add_sentence_ends(group)
    add_likeness(group)
    add_portraits(group)
    _add_dynamics(group)
    _add_experts(group)
    _add_controls(group)
    _add_render(group)
    add_drive(group)
    add_matte(group)
    add_latent(group)
    add_evaluation(group)
    add_occluders(group)
    add_corrections(group)
    add_languages(group)


def _add_motion(group: Commands) -> None:
    parser = add_command(
        group,
        "motion",
        _motion,
        "measure generated motion against real motion and baselines",
        "openvasa evaluate motion cache/",
        "openvasa evaluate motion cache/ --baseline-steps 500 --html report.html",
    )
    add_cache(parser)
    parser.add_argument(
        "--voices", type=Path, metavar="DIR", help="also judge every sound file of a folder"
    )
    parser.add_argument(
        "--baseline-steps",
        type=int,
        default=2000,
        metavar="N",
        help="steps that the regression baseline is trained for (default: 2000)",
    )
    parser.add_argument(
        "--audio",
        type=Path,
        metavar="A",
        help="recording to make unfamiliar voices from (default: the example's)",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="NAME",
        help="leave out a correction of the generated motion; may be repeated",
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="also write tables and plots there, in one file"
    )


def _motion(options: argparse.Namespace) -> int:
    from openvasa.assets import EXAMPLE_VOICE
    from openvasa.evaluate.motion import evaluate
    from openvasa.evaluate.motion_report import motion_report, write_motion_page
    from openvasa.evaluate.page import check_writable
    from openvasa.evaluate.voices import read_voices
    from openvasa.train.regression import learn_regression

    if options.html:
        check_writable(options.html)
    figures = evaluate(
        options.cache,
        options.audio or EXAMPLE_VOICE,
        learn_baseline=partial(learn_regression, steps=options.baseline_steps),
        recordings=read_voices(options.voices, SOUND_FILES) if options.voices else (),
        without=tuple(options.without),
    )
    print(motion_report(figures))
    if options.html:
        write_motion_page(figures, options.html)
        print(options.html)
    return OK


def _add_motion_long(group: Commands) -> None:
    parser = add_command(
        group,
        "motion-long",
        _motion_long,
        "measure whether motion drifts or freezes over many minutes",
        "openvasa evaluate motion-long",
        "openvasa evaluate motion-long --minutes 60 --audio voice.wav",
    )
    parser.add_argument(
        "--minutes", type=int, default=10, metavar="M", help="to generate (default: 10)"
    )
    parser.add_argument(
        "--audio", type=Path, metavar="A", help="voice to loop (default: the example's)"
    )


def _motion_long(options: argparse.Namespace) -> int:
    from openvasa.assets import EXAMPLE_VOICE
    from openvasa.evaluate.long_run import long_report, long_run

    voice = options.audio or EXAMPLE_VOICE
    print(long_report(long_run(voice, options.minutes)))
    return OK


def _add_sentence_ends(group: Commands) -> None:
    parser = add_command(
        group,
        "sentence-ends",
        _sentence_ends,
        "measure whether the mouth closes after the last word, in any room",
        "openvasa evaluate sentence-ends cache/",
        "openvasa evaluate sentence-ends cache/ --live",
    )
    add_cache(parser)
    parser.add_argument("--live", action="store_true", help="also judge the streaming generator")


def _sentence_ends(options: argparse.Namespace) -> int:
    from openvasa.evaluate.motion import LIVE, WHOLE, generate, held_out, stream
    from openvasa.evaluate.sentence_ends import Make, ends_report, judge_ends
    from openvasa.live.engine import LiveSettings
    from openvasa.motion.settings import MotionSettings

    sounds = [sound for _, sound in held_out(options.cache)]
    makers: dict[str, Make] = {
        WHOLE: lambda sound, seed: generate(sound, MotionSettings(seed=seed)),
    }
    if options.live:
        makers[LIVE] = lambda sound, seed: stream(
            sound, seed, LiveSettings.hop, LiveSettings.lookahead
        )
    print(ends_report({name: judge_ends(sounds, make) for name, make in makers.items()}))
    return OK


def _add_dynamics(group: Commands) -> None:
    parser = add_command(
        group,
        "dynamics",
        _dynamics,
        "measure what the facial dynamics code loses",
        "openvasa evaluate dynamics cache/",
    )
    add_cache(parser)


def _dynamics(options: argparse.Namespace) -> int:
    from openvasa.data.prepare import cached_clips
    from openvasa.data.shapes import mouth_share
    from openvasa.face.dynamics import dynamics_code
    from openvasa.train.dynamics import load_dynamics, report

    held_out = [
        c for c in cached_clips(options.cache) if c.kind == Kind.REAL and c.split == Split.TEST
    ]
    loaded = [load_dynamics(options.cache, clip, mouth_share()) for clip in held_out]
    seen = [dynamics for dynamics in loaded if dynamics is not None]
    if not seen:
        raise InputError(f"{options.cache}: holds no held-out clip; run openvasa data prepare")
    print(json.dumps(report(dynamics_code(), seen), indent=2))
    return OK


def _add_experts(group: Commands) -> None:
    parser = add_command(
        group,
        "experts",
        _experts,
        "measure whether the experts that judge motion can tell right from wrong",
        "openvasa evaluate experts cache/",
    )
    add_cache(parser)


def _experts(options: argparse.Namespace) -> int:
    from openvasa.data.talking_clips import load_clips
    from openvasa.evaluate.expert_report import report
    from openvasa.train.experts import RECIPES, pair_clips

    clips = load_clips(options.cache, Split.TEST)
    for name, recipe in RECIPES.items():
        print(f"{name}: {report(name, pair_clips(options.cache, clips, recipe.excerpt))}\n")
    return OK


def _add_controls(group: Commands) -> None:
    parser = add_command(
        group,
        "controls",
        _controls,
        "measure whether gaze, distance and emotion come out as asked, on rendered video",
        "openvasa evaluate controls",
        "openvasa evaluate controls --portrait me.jpg --portrait you.jpg --audio voice.wav",
    )
    parser.add_argument(
        "--portrait", action="append", metavar="P", help="may be repeated; default: the example's"
    )
    parser.add_argument("--audio", type=Path, metavar="A", help="default: the example's")


def _controls(options: argparse.Namespace) -> int:
    from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
    from openvasa.evaluate.controls import evaluate
    from openvasa.face.encode import load_portrait

    portraits = options.portrait or [EXAMPLE_PORTRAIT]
    faces = [load_portrait(portrait) for portrait in portraits]
    print(evaluate(faces, options.audio or EXAMPLE_VOICE))
    return OK


def _add_render(group: Commands) -> None:
    parser = add_command(
        group,
        "render",
        _render,
        "measure rendered frames against real ones: warp alone, drawn, refined",
        "openvasa evaluate render cache/ clips/ --report report/",
        "openvasa evaluate render cache/ clips/ --run runs/render",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument(
        "--run", type=Path, metavar="RUN", help="of this training run, not what is shipped"
    )
    parser.add_argument(
        "--network", choices=("mouth", "eye"), help="with --run: only this one (default: all)"
    )
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="write report.html there")
    parser.add_argument(
        "--people", type=int, metavar="N", help="only the first N people (default: everyone)"
    )


def _render(options: argparse.Namespace) -> int:
    from tempfile import TemporaryDirectory

    from openvasa.evaluate.render import evaluate
    from openvasa.evaluate.render_report import table, write_report

    if options.people is not None and options.people < 2:
        options.usage_error(f"people {options.people}: choose 2 or more")
    if options.network and not options.run:
        options.usage_error("--network: is of a training run; add --run RUN")
    if options.run:
        from openvasa.train.render_export import export, find_trained

        names = (options.network,) if options.network else find_trained(options.run)
        with TemporaryDirectory() as folder:
            export(options.run, Path(folder), names)
            figures = evaluate(options.cache, options.clips, Path(folder), options.people)
    else:
        figures = evaluate(options.cache, options.clips, people=options.people)
    print(table(figures))
    if options.report:
        print(write_report(figures, options.report))
    return OK
