"""The programs of docs/own-methods.md run."""

import importlib
import re
import textwrap
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "own-methods.md"


def programs():
    """The indented blocks, each after the first one, which has the imports."""
    first, *others = re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE.read_text(), re.M)
    return [first, *(first.split("\n\n")[0] + "\n" + other for other in others)]


@pytest.mark.parametrize("program", programs())
def test_program(program):
    program = textwrap.dedent(program.replace("\n    \n", "\n\n"))
    for package in ("torch", "pymanopt", "scipy"):
        if f"import {package}" in program or f"from {package}" in program:
            pytest.importorskip(package)
    importlib.import_module("matsense")
    exec(compile(program, str(PAGE), "exec"), {})
