"""Network inference sends nothing to anybody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

IMPORT = """
import sys
from openvasa.backend import import_openvino
import_openvino()
from openvino.tools.ovc import telemetry_utils
print(telemetry_utils.tm.__name__, "openvino_telemetry" in sys.modules)
import openvino_telemetry  # Others may still have it.
"""
SILENCED_BY = ("CI", "TF_BUILD", "JENKINS_URL", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")
"""Neither OpenVINO nor onnxruntime sends anything where these are set, whatever the code does."""


def test_inference_reports_nothing_to_its_makers(tmp_path: Path) -> None:
    outside = {k: v for k, v in os.environ.items() if k not in SILENCED_BY}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], env=outside | home, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "False"]
    # Both keep an identifier there, and what they have still to send.
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


COMPILE = """
import numpy as np
from openvasa.backend import compile_network
from openvasa.face.topology import THIRD_PARTY
network = compile_network(THIRD_PARTY / "face_blendshapes.tflite", threads=1)
print(float(np.sum(network(np.ones((1, 146, 2), np.float32))[0])))
"""


def compiled_with(home: Path, **changed: str) -> str:
    environment = dict(os.environ, HOME=str(home), XDG_CACHE_HOME="", **changed)
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_compiled_networks_are_kept_and_do_no_harm_when_broken(tmp_path: Path) -> None:
    first = compiled_with(tmp_path)
    (blob,) = (tmp_path / ".cache" / "openvasa" / "networks").glob("*.blob")
    assert compiled_with(tmp_path) == first
    whole = blob.read_bytes()
    for broken in (whole[: len(whole) // 2], b"", whole[:200] + bytes(len(whole) - 200)):
        blob.chmod(0o600)
        blob.write_bytes(broken)
        assert compiled_with(tmp_path) == first


def test_networks_are_compiled_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / ".cache").write_text("in the way")
    assert float(compiled_with(tmp_path)) > 0
