"""The benchmark of gradients from Python runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(shutil.which("go") is None, reason="it times an engine that Go builds")
def test_gradients():
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "python_gradient.py", "--size=6:30", "--rounds=1", "--threads=1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "| NumPy dense |" in done.stdout
    assert "Overhead" in done.stdout
