"""Network inference sends nothing to anybody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

IMPORT = """
import sys
import openvasa.backend
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
