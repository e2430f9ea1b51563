"""The command line: help at once, one video end to end, the same twice, clean when interrupted."""

from __future__ import annotations

import argparse
import builtins
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from stopping import stop_when
from turning_head import save_turning_head

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.cli import main, make_parser
from openvasa.commands import steering
from openvasa.commands.messages import with_remedy
from openvasa.commands.parser import Parser
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent
from openvasa.media.inspect import inspect_video, read_frames
from openvasa.motion.amount import PRESETS, Amount
from openvasa.motion.motion import Motion

PORTRAIT = str(EXAMPLE_PORTRAIT)
VOICE = str(EXAMPLE_VOICE)


def command_names(parser: Parser, *names: str) -> Iterator[list[str]]:
    """The words of every command and family of commands, the program's own first."""
    yield list(names)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from command_names(child, *names, name)


COMMANDS = list(command_names(make_parser()))


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("avatar") / "avatar.npz"
    openvasa.load_portrait(PORTRAIT).save(path)
    return str(path)


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_turning_head(tmp_path_factory.mktemp("motion"), frames=10))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"usage: {' '.join(['openvasa', *command])}")
    assert said.err == ""


def test_every_family_of_commands_is_found() -> None:
    assert ["train", "dynamics"] in COMMANDS
    assert len(COMMANDS) > 25


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("openvasa ")


def test_help_and_package_import_load_nothing_heavy() -> None:
    program = (
        "import sys, openvasa, openvasa.cli; openvasa.cli.main(['--help']);"
        "print([m for m in ('numpy', 'cv2', 'openvino', 'numba', 'av', 'torch')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_public_names_are_all_there() -> None:
    assert set(openvasa.__all__) <= set(dir(openvasa))
    for name in set(openvasa.__all__) - {"UNMARKED"}:
        assert getattr(openvasa, name).__name__ == name
    assert not openvasa.UNMARKED.marked
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        openvasa.nothing  # noqa: B018


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["animate"],
        ["train", "motion"],
        ["evaluate", "render", "cache", "clips", "--network", "eye"],
    ],
)
def test_usage_errors_are_one_line(arguments: list[str], capsys) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith("openvasa: ")
    assert said.err.count("\n") == 1
    assert "--help" in said.err


def test_a_remedy_names_only_options_that_the_command_has() -> None:
    error = InputError("signing: give both", parameters=("cert", "key"))
    given = argparse.Namespace(c2pa_cert=None, c2pa_key=None)
    assert with_remedy(error, given) == "signing: give both (--c2pa-cert PEM, --c2pa-key PEM)"
    assert with_remedy(error, argparse.Namespace(face=None)) == "signing: give both"
    assert with_remedy(InputError("a.wav: is empty"), given) == "a.wav: is empty"


def test_portrait_and_voice_to_video(tmp_path: Path, avatar: str, capsys) -> None:
    files = {name: str(tmp_path / name) for name in ("a.mp4", "b.mp4", "c.mp4", "a.npz")}
    options = ["--preview", "--seed", "3"]
    saving = ["--save-motion", files["a.npz"]]
    assert main(["animate", avatar, VOICE, "-o", files["a.mp4"], *options, *saving]) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert said.out.startswith(f"{files['a.mp4']}: 3.00 s, 75 frames")
    assert "AI-generated" in said.out
    assert "75/75" in said.err
    info = inspect_video(files["a.mp4"])
    assert (info.codec, info.audio_codec) == ("h264", "aac")
    assert (info.width, info.height, info.frames, info.fps) == (256, 256, 75, 25)
    assert info.metadata["comment"].startswith("AI-generated")

    assert main(["animate", avatar, VOICE, "-o", files["b.mp4"], *options, "--quiet"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == ""
    again = ["animate", avatar, VOICE, "-o", files["c.mp4"], "--motion", files["a.npz"]]
    assert main([*again, "--preview", "--quiet"]) == 0
    for first, same, saved in zip(
        *(read_frames(files[name]) for name in ("a.mp4", "b.mp4", "c.mp4")), strict=True
    ):
        np.testing.assert_array_equal(first, same)
        np.testing.assert_array_equal(first, saved)


def test_saved_avatar_is_the_portrait(tmp_path: Path, motion: str, capsys) -> None:
    output, saved = tmp_path / "a.mp4", tmp_path / "me.npz"
    options = ["--motion", motion, "--save-avatar", str(saved), "--size", "128", "--fps", "50"]
    assert main(["animate", PORTRAIT, VOICE, "-o", str(output), *options]) == 0
    info = inspect_video(output)
    assert (info.width, info.frames, info.fps) == (128, 20, 50)
    face = openvasa.load_portrait(PORTRAIT)
    np.testing.assert_array_equal(FaceLatent.load(saved).landmarks, face.landmarks)


def test_an_old_output_is_replaced(tmp_path: Path, avatar: str, motion: str) -> None:
    output = tmp_path / "a.mp4"
    output.write_bytes(b"old")
    assert main(["animate", avatar, VOICE, "-o", str(output), "--motion", motion, "--quiet"]) == 0
    assert inspect_video(output).frames == 10
    assert os.listdir(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize(
    ("stopped_by", "status", "message"),
    [(signal.SIGINT, 130, "cancelled\n"), (signal.SIGTERM, 143, "terminated\n")],
    ids=["interrupt", "termination"],
)
def test_a_stop_leaves_nothing_behind(
    stopped_by: signal.Signals, status: int, message: str, tmp_path: Path, avatar: str
) -> None:
    long = tmp_path / "long.npz"
    dynamics = np.zeros((5000, dynamics_code().size), np.float32)
    Motion(np.zeros((5000, 6), np.float32), dynamics).save(long)
    folder = tmp_path / "out"
    folder.mkdir()
    command = [sys.executable, "-m", "openvasa", "animate", avatar, VOICE]
    command += ["-o", str(folder / "a.mp4"), "--motion", str(long), "--quiet"]
    stopped = stop_when(lambda: any(folder.iterdir()), command, stopped_by)
    assert stopped == (status, message)
    assert not any(folder.iterdir())


def test_a_stop_inside_a_callback_from_c_is_not_lost(monkeypatch, capsys) -> None:
    def swallow() -> list:
        ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))()
        time.sleep(10)
        return []

    monkeypatch.setattr("openvasa.doctor.examine", swallow)
    # A test run in the background may ignore interrupts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["doctor"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "cancelled\n"


@pytest.mark.parametrize("command", ["data prepare", "train dynamics", "evaluate dynamics"])
def test_training_data_that_is_not_there(command: str, tmp_path: Path, capsys) -> None:
    folders = [str(tmp_path / "nowhere")] + [str(tmp_path / "cache")] * (command == "data prepare")
    assert main([*command.split(), *folders]) == 2
    assert "holds no clips.jsonl" in capsys.readouterr().err


def test_training_without_torch_names_the_remedy(tmp_path: Path, capsys, monkeypatch) -> None:
    real_import = builtins.__import__

    def without_torch(name: str, *rest, **named):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real_import(name, *rest, **named)

    for module in [m for m in sys.modules if m.startswith("openvasa.train.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without_torch)
    assert main(["train", "motion", str(tmp_path), str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert said == "openvasa: needs torch; run pip install 'openvasa[train]'\n"


def test_doctor_ends_well(capsys) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert said.endswith("\nok\n")
    for stage in ("landmarks", "speech features", "motion", "rendering"):
        assert f"\n{stage}: " in said


def test_doctor_names_a_missing_asset(capsys, monkeypatch) -> None:
    monkeypatch.setattr("openvasa.doctor.ASSET_FILES", ("gone.onnx",))
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "assets/gone.onnx: missing" in said
    assert said.endswith("1 problem\n")


def test_bench_reports_every_figure(capsys) -> None:
    assert main(["bench", "animate", "--seconds", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["throughput"]["frames"] == 25
    assert figures["throughput"]["fps"] > 1
    assert 50 < figures["throughput"]["peak_memory_mb"] < 4000
    assert 0 < figures["first_frame_s"] < 60
    stages = figures["stages"]["per_frame_ms"]
    assert {"speech features", "motion", "mouth", "eyes", "video encode"} <= set(stages)
    assert all(ms > 0 for ms in stages.values())


def test_bench_refuses_bad_input_in_one_line(tmp_path: Path, capsys) -> None:
    nowhere = str(tmp_path / "nowhere.jpg")
    assert main(["bench", "animate", "--portrait", nowhere, "--seconds", "1"]) == 2
    said = capsys.readouterr().err
    assert "no such file" in said
    assert said.count("\n") == 1


def test_movements_and_their_parts_are_those_of_the_model() -> None:
    """The parser names them without importing the model, which would slow every --help."""
    assert set(steering.MOVEMENTS) == set(PRESETS)
    assert tuple(steering.AMOUNTS) == tuple(field.name for field in fields(Amount))
