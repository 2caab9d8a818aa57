"""The function run with settings as keywords, whatever their names."""

from __future__ import annotations

from typing import Any

from matsense import _experiments
from matsense._run import Run

_OPTIONS = ("out", "force", "resume", "progress", "callback", "stop_after", "tensorboard", "view")


def run(**arguments: Any) -> Run:  # noqa: ANN401
    """Run one experiment, and return it; see _experiments.run."""
    options = {name: arguments.pop(name) for name in _OPTIONS if name in arguments}
    return _experiments.run(arguments, **options)
