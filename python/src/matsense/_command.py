"""Where the command is."""

from __future__ import annotations

import os


def executable() -> str:
    """Return the path of the command `matsense`: that of the variable MATSENSE if it is set."""
    return os.environ.get("MATSENSE", "matsense")
