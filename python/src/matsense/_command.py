"""Where the command is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

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


def apart() -> dict[str, Any]:
    """Return arguments of Popen for a process of the command.

    A Ctrl-C in the terminal reaches Python alone, which tells the command what to do. A session of its own
    also gets a fair share of the processor on Linux, which divides it between sessions. On Windows no console
    appears beside a notebook.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def version() -> str:
    """Return the version of this package, which is the command's in Python's spelling."""
    try:
        return metadata.version("matsense")
    except metadata.PackageNotFoundError:  # the source is in PYTHONPATH
        return "0+unknown"


def _installed() -> Iterator[Path]:
    """Name the places where pip may have put the command, the surest first.

    `pip install --target DIR` puts it into DIR/bin, but records DIR/../../bin, where another one may be.
    """
    yield Path(__file__).parent.parent / "bin" / _NAME
    try:
        files = metadata.files("matsense") or []
    except metadata.PackageNotFoundError:
        return
    yield from (Path(str(f.locate())) for f in files if f.name == _NAME)
