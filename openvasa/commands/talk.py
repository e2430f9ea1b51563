"""`openvasa talk`: a conversation with a portrait in the browser."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.exit_status import OK
from openvasa.commands.live_options import add_serving, start_server
from openvasa.commands.parser import Commands, Parser, add_command
from openvasa.commands.streaming import add_streaming, read_streaming
from openvasa.errors import InputError

if TYPE_CHECKING:
    from openvasa.talk.services import Endpoint, TalkSettings

NEEDED = ("pipecat", "moonshine_voice", "fastapi")


def add(commands: Commands) -> None:
    """Add the command `openvasa talk`."""
    parser = add_command(
        commands,
        "talk",
        _talk,
        "talk with a portrait in the browser: it hears, answers, and can be interrupted",
        "openvasa talk",
        "openvasa talk --portrait me.jpg --llm http://localhost:11434/v1 --model llama3.2",
        "openvasa talk --llm https://api.openai.com/v1 --model gpt-4o-mini --voice espeak-de",
        "openvasa talk --tts http://localhost:8880/v1 --tts-model kokoro --tts-voice af_bella",
    )
    add_talking(parser)
    add_serving(parser)


def add_bench(group: Commands) -> None:
    """Add the command under `openvasa bench`."""
    parser = add_command(
        group,
        "talk",
        _bench,
        "hold a conversation on this machine: how late answers come, how soon it falls silent",
        "openvasa bench talk",
        "openvasa bench talk --rounds 8 --fps 25",
    )
    parser.add_argument("--portrait", type=Path, metavar="P", help="default: the example's")
    parser.add_argument(
        "--rounds", type=int, default=4, metavar="N", help="answers and interruptions (default: 4)"
    )
    parser.add_argument(
        "--piper-voice", type=Path, action="append", default=[], metavar="FILE.onnx"
    )
    add_talking(parser)
    add_streaming(parser)


def _bench(options: argparse.Namespace) -> int:
    if options.rounds < 1:
        options.usage_error(f"rounds {options.rounds}: choose 1 or more")
    settings = talk_settings(options)

    from openvasa.talk.bench import bench_talk, talk_report

    live, renderer = read_streaming(options)
    print(talk_report(bench_talk(options.portrait, settings, live, options.rounds, renderer)))
    return OK


def add_talking(parser: Parser) -> None:
    """Who hears, thinks and speaks; `talk_settings` reads it."""
    group = parser.add_argument_group(
        "conversation",
        "servers speak the protocol of OpenAI; their key is taken from OPENAI_API_KEY. Without "
        "them everything runs on this machine: Moonshine hears (English), a small script answers, "
        "eSpeak speaks",
    )
    group.add_argument("--llm", metavar="URL", help="a language model's server, with --model")
    group.add_argument("--model", metavar="NAME", help="of the language model")
    group.add_argument("--instructions", metavar="TEXT", help="who the portrait is, for the model")
    group.add_argument("--stt", metavar="URL", help="a speech-to-text server, with --stt-model")
    group.add_argument("--stt-model", metavar="NAME", help="(default: whisper-1)")
    group.add_argument("--tts", metavar="URL", help="a text-to-speech server, with --tts-voice")
    group.add_argument("--tts-model", metavar="NAME", help="(default: tts-1)")
    group.add_argument("--tts-voice", metavar="NAME", help="of that server (default: alloy)")
    group.add_argument("--voice", metavar="NAME", help="of this machine (default: the first)")


def _talk(options: argparse.Namespace) -> int:
    settings = talk_settings(options)

    from openvasa.talk.routes import talk_extension

    start_server(options, talk_extension(settings))
    return OK


def talk_settings(options: argparse.Namespace) -> TalkSettings:
    """What the options say.

    Raises:
        InputError: a package or a voice is missing, or no such voice is here.
    """
    for package in NEEDED:
        if find_spec(package) is None:
            raise InputError(f"talk: needs {package}; run pip install 'openvasa[talk]'")
    if options.llm and not options.model:
        options.usage_error("--llm: name the model there with --model")
    if options.model and not options.llm:
        options.usage_error("--model: name its server with --llm")

    for given, needed in (
        ("instructions", "llm"),
        ("stt_model", "stt"),
        ("tts_model", "tts"),
        ("tts_voice", "tts"),
    ):
        if getattr(options, given) is not None and not getattr(options, needed):
            options.usage_error(f"--{given.replace('_', '-')}: name its server with --{needed}")
    if options.tts and options.voice:
        options.usage_error("--voice: is of this machine; leave it out, or leave out --tts")

    from openvasa.talk.logs import show_warnings

    show_warnings()

    from openvasa.live.speech import voices
    from openvasa.talk.services import TalkSettings

    found = voices(options.piper_voice)
    voice = next((v for v in found if options.voice in (None, v.name)), None)
    if options.voice is not None and voice is None:
        names = ", ".join(v.name for v in found) or "none"
        raise InputError(f"voice {options.voice}: not on this machine; there are {names}")
    if voice is None and not options.tts:
        raise InputError("voice: this machine has none; run pip install espeakng-loader, or --tts")
    given = {"instructions": options.instructions, "tts_voice": options.tts_voice}
    return TalkSettings(
        voice,
        llm=_endpoint(options.llm, options.model),
        stt=_endpoint(options.stt, options.stt_model or "whisper-1"),
        tts=_endpoint(options.tts, options.tts_model or "tts-1"),
        **{key: value for key, value in given.items() if value is not None},
    )


def _endpoint(url: str | None, model: str) -> Endpoint | None:
    from openvasa.talk.services import Endpoint

    if url is None:
        return None
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url}: not the address of a server; as http://localhost:11434/v1")
    return Endpoint(url, model)
