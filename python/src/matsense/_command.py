"""Where the command is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from matsense._errors import Error

_NAME = "matsense.exe" if os.name == "nt" else "matsense"


def executable() -> str:
    """Return the path of the command `matsense`.

    It is the one that the variable MATSENSE names; else the one that was installed with this package; else
    the one in PATH. If there is none, the error says so.
    """
    if given := os.environ.get("MATSENSE"):
        found = shutil.which(given)
        if found is None:
            raise Error(f"the variable MATSENSE is {given!r}, and that is no program")
        return found
    for path in _installed():
        if path.is_file():
            return str(path.resolve())
    found = shutil.which(_NAME)
    if found is None:
        raise Error(
            "the command matsense is missing: install this package with pip, or set the variable MATSENSE to "
            "the path of the command"
        )
    return found


def _installed() -> Iterator[Path]:
    """Find the command among the files of this package; `pip install --target` records a wrong place."""
    try:
        files = metadata.files("matsense") or []
    except metadata.PackageNotFoundError:
        files = []
    yield from (Path(str(f.locate())) for f in files if f.name == _NAME)
    yield Path(__file__).parent.parent / "bin" / _NAME
