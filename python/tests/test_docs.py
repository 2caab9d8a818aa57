"""Every block of Python in the documentation runs, in the order of its page."""

import os
import re
from importlib import util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = ("pymanopt", "scipy", "torch")  # a block that imports one that is missing is passed over


def needs_what_is_missing(block):
    return any(
        util.find_spec(name) is None for name in OPTIONAL if re.search(rf"\b(from|import) {name}\b", block)
    )


@pytest.mark.parametrize("page", ["docs/python.md", "docs/own-methods.md", "python/README.md"])
def test_blocks_of_python_run(page, tmp_path, monkeypatch):
    if page == "docs/python.md":
        pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text(encoding="utf-8")
    names = {}
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    assert len(blocks) > 1
    for block in blocks:
        if not needs_what_is_missing(block[1]):
            line = text.count("\n", 0, block.start(1))
            exec(compile("\n" * line + block[1], os.fspath(ROOT / page), "exec"), names)
