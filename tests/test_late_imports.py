"""What a command imports only when it runs is there."""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import openvasa.commands

FOLDER = Path(openvasa.commands.__file__).parent


def late_imports() -> list[tuple[str, str]]:
    """Module and name of every import from this package inside a function of a command."""
    found = set()
    for file in FOLDER.glob("*.py"):
        functions = (
            node
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.FunctionDef)
        )
        for node in (inner for function in functions for inner in ast.walk(function)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("openvasa"):
                found |= {(str(node.module), alias.name) for alias in node.names}
    return sorted(found)


@pytest.mark.parametrize(("module", "name"), late_imports())
def test_a_command_finds_what_it_imports_late(module: str, name: str) -> None:
    try:
        holder = import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "openvasa").startswith("openvasa"):
            raise
        pytest.skip(f"{error.name} of an extra is not installed")
    package = hasattr(holder, "__path__")
    assert hasattr(holder, name) or (package and find_spec(f"{module}.{name}"))
