"""Packages that only some functions need."""

from __future__ import annotations

import importlib
from typing import Any

from matsense._errors import Error


def needs(module: str, package: str, what: str) -> Any:  # noqa: ANN401 (the module of a package without types)
    """Import a module of a package, or say in a sentence that `what` needs the package."""
    try:
        return importlib.import_module(module)
    except ImportError as failed:
        raise Error(
            f"{what} needs {package}, which cannot be imported ({failed}): pip install {package}"
        ) from None
