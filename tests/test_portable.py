"""Nothing that only POSIX has is used without a branch for Windows, which no test runs on."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import openvasa

PACKAGE = Path(openvasa.__file__).parent
MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
NAMES = {
    "os.chown",
    "os.fork",
    "os.getloadavg",
    "os.getuid",
    "os.geteuid",
    "os.killpg",
    "os.mkfifo",
    "os.nice",
    "os.sched_getaffinity",
    "os.setsid",
    "os.statvfs",
    "os.sysconf",
    "os.uname",
    "signal.SIGHUP",
    "signal.SIGKILL",
    "signal.SIGUSR1",
    "signal.SIGUSR2",
    "signal.alarm",
    "signal.setitimer",
    "socket.AF_UNIX",
}
"""What is not there on Windows; pyright knows more of them: `pyright --pythonplatform Windows`."""
BRANCHES = ("sys.platform", "hasattr(os,")
PLACES = ("/tmp/", "/dev/shm", "/var/")


def uses_of(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield str(node.module), node
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in NAMES:
            yield ast.unparse(node), node
        elif isinstance(node, ast.Call) and ast.unparse(node) == "ctypes.CDLL(None)":
            yield "ctypes.CDLL(None)", node
        elif isinstance(node, ast.Constant) and str(node.value).startswith(PLACES):
            yield str(node.value), node


def find_unguarded(source: str) -> list[str]:
    """What is used outside every function that asks for the platform."""
    tree = ast.parse(source)
    guarded = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = ast.unparse(node)
            if any(branch in body for branch in BRANCHES):
                guarded |= {id(inner) for inner in ast.walk(node)}
    return [
        f"line {getattr(node, 'lineno', 0)}: {name}"
        for name, node in uses_of(tree)
        if id(node) not in guarded
    ]


@pytest.mark.parametrize(
    "source",
    ["import fcntl", "import os\ndef f():\n    return os.getuid()", "PLACE = '/tmp/openvasa'"],
)
def test_what_is_not_everywhere_is_found(source: str) -> None:
    assert find_unguarded(source)


def test_nothing_of_posix_alone_is_used_without_a_branch() -> None:
    found = {
        str(path.relative_to(PACKAGE)): unguarded
        for path in sorted(PACKAGE.rglob("*.py"))
        if (unguarded := find_unguarded(path.read_text("utf-8")))
    }
    assert found == {}


def test_text_of_users_is_read_as_utf_8_everywhere() -> None:
    """Windows reads text in the user's own code page where nothing else is said."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                said = [*node.args, *(word.value for word in node.keywords)]
                names = {"read_text": 1, "write_text": 2}
                least = names.get(node.func.attr)
                if least is not None and len(said) < least:
                    found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert found == []
