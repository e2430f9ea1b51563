"""Check that every dependency has a wheel for machines other than this one: nothing is to compile.

    python scripts/check_wheels.py
    python scripts/check_wheels.py --platform linux-arm64 --python 3.12 --extras jobs,live

pip resolves the package's dependencies and theirs for each platform and Python, from wheels alone.
Nothing is installed. Exit status 1 where a wheel is missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
PLATFORMS = {
    # glibc of Debian 11 to 13.
    "linux-arm64": ["manylinux2014_aarch64"]
    + [f"manylinux_2_{minor}_aarch64" for minor in range(41, 16, -1)],
    "linux-x64": ["manylinux2014_x86_64"]
    + [f"manylinux_2_{minor}_x86_64" for minor in range(41, 16, -1)],
    "macos-arm64": [
        f"macosx_{major}_0_{kind}"
        for major in range(15, 10, -1)
        for kind in ("arm64", "universal2")
    ],
    "windows-x64": ["win_amd64"],
    "windows-arm64": ["win_arm64"],
}
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--platform", action="append", choices=sorted(PLATFORMS))
    parser.add_argument("--python", action="append", choices=PYTHONS)
    parser.add_argument("--extras", default="jobs,live", metavar="NAME[,NAME]")
    options = parser.parse_args()
    missing = 0
    for platform in options.platform or PLATFORMS:
        for python in options.python or PYTHONS:
            found = find_wheels(platform, python, read_requirements(options.extras.split(",")))
            missing += isinstance(found, str)
            told = found if isinstance(found, str) else f"{len(found)} wheels"
            print(f"{platform}, Python {python}: {told}", flush=True)
    return 1 if missing else 0


def read_requirements(extras: list[str]) -> list[str]:
    """What the package needs, and what some of its extras need."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    chosen = [project["optional-dependencies"][name] for name in extras if name]
    return [*project["dependencies"], *(one for extra in chosen for one in extra)]


def find_wheels(platform: str, python: str, requirements: list[str]) -> list[str] | str:
    """Names of the wheels that pip would install, or why it cannot."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-"]
    command += ["--ignore-installed", "--only-binary", ":all:", "--python-version", python]
    for tag in PLATFORMS[platform]:
        command += ["--platform", tag]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, "--target", folder, *requirements],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        return "; ".join(line.removeprefix("ERROR: ") for line in errors)
    installed = json.loads(done.stdout[done.stdout.index("{") :])["install"]
    return [one["download_info"]["url"].rsplit("/", 1)[-1] for one in installed]


if __name__ == "__main__":
    sys.exit(main())
