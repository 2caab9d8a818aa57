"""The programs of docs/own-methods.md run, and so does its benchmark."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "own-methods.md"


def programs():
    """The indented blocks, each after the first one, which has the imports."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE.read_text(), re.M)
    first, *others = [block for block in blocks if "import" in block or "ms." in block]
    return [first, *(first.split("\n\n")[0] + "\n" + other for other in others)]


@pytest.mark.parametrize("program", programs())
def test_program(program):
    program = textwrap.dedent(program.replace("\n    \n", "\n\n"))
    for package in ("torch", "pymanopt", "scipy"):
        if f"import {package}" in program or f"from {package}" in program:
            pytest.importorskip(package)
    importlib.import_module("matsense")
    exec(compile(program, str(PAGE), "exec"), {})


@pytest.mark.skipif(shutil.which("go") is None, reason="it times an engine that Go builds")
def test_benchmark():
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "python_gradient.py", "--size=6:30", "--rounds=1", "--threads=1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "| NumPy dense |" in done.stdout
    assert "Overhead" in done.stdout
