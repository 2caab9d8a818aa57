"""Every block of Python in the documentation runs, in the order of its page."""

import os
import re
from importlib import util
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = ("pymanopt", "scipy", "torch")  # a block that imports one that is missing is passed over


def needs_what_is_missing(block):
    return any(
        util.find_spec(name) is None for name in OPTIONAL if re.search(rf"\b(from|import) {name}\b", block)
    )


def ratings():
    """What README.md calls a sparse array: here a matrix of rank 2 and spectral norm 1, in part."""
    rng = np.random.default_rng(1)
    M = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 20))
    M /= np.linalg.norm(M, 2)
    M[rng.random(M.shape) < 0.3] = np.nan
    return M


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/own-methods.md", "python/README.md"])
def test_blocks_of_python_run(page, tmp_path, monkeypatch):
    if page in ("README.md", "docs/python.md"):
        pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text(encoding="utf-8")
    names = {"ratings": ratings()}
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    blocks = [
        block for block in found if "pandas.read_parquet" not in block[1]
    ]  # of results that are not there
    assert len(blocks) > 1
    for block in blocks:
        if not needs_what_is_missing(block[1]):
            line = text.count("\n", 0, block.start(1))
            exec(compile("\n" * line + block[1], os.fspath(ROOT / page), "exec"), names)
