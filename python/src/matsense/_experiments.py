"""Run an experiment, and open what is on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matsense._carry_out import DIVERGED, Ending, carry_out, stop_flag
from matsense._errors import ConfigError, Diverged, keyword, outermost
from matsense._folder import Folder
from matsense._reproduce import Reproduction
from matsense._run import Run
from matsense._settings import check_callback, has_data, path_of, resolved, text_of
from matsense._sweep import Sweep
from matsense._watch import RunWatch


@outermost
def run(
    settings: Mapping[str, Any],
    *,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    progress: bool = True,
    callback: Callable[[dict[str, Any]], object] | None = None,
    stop_after: float | str | None = None,
    tensorboard: str | os.PathLike[str] | None = None,
    view: bool = False,
) -> Run:
    """Run an experiment with settings by their keys, or by their names in Python; see `matsense.run`."""
    check_callback(callback)
    out, tensorboard = path_of("out", out), path_of("tensorboard", tensorboard)
    if resume and out is None:
        raise ConfigError("resume=True needs out, the directory of the run")
    stored = out is None and has_data(settings)
    folder = Folder.fresh("runs") if stored else Folder(out or os.curdir)

    def arguments() -> list[str]:
        flags = [f"--{key}={text_of(value)}" for key, value in resolved(settings, folder).items()]
        if stored or out is not None:
            flags.append(f"--out={folder.directory}")
        if tensorboard is not None:
            flags.append(f"--tensorboard={tensorboard}")
        flags += [f"--{name}" for name, on in (("force", force), ("resume", resume), ("view", view)) if on]
        return ["run", *flags, *stop_flag(stop_after)]

    watch = RunWatch("iteration", progress, callback, folder.sentence)
    return _ended(carry_out(arguments, watch, folder), watch, stop_after is not None)


def _ended(ending: Ending, watch: RunWatch, may_stop: bool) -> Run:
    """Return the run that has ended, or raise what became of it."""
    run = Run(ending.directory) if ending.directory is not None else None
    error = ending.failure(run.path if run else None, may_stop)
    if error is None and ending.exit_code == DIVERGED:
        error = Diverged(divergence(watch.summary))
    if error is not None:
        error.run = run
        raise error
    assert run is not None
    return run


def divergence(summary: Mapping[str, Any]) -> str:
    """Say that a run diverged, with the command's advice."""
    advice = summary.get("advice") or {"because": []}
    settings = ", ".join(f"{keyword(key)}={value!r}" for key, value in advice.get("settings", {}).items())
    reasons = "; ".join(advice["because"])
    if settings:
        reasons = f"Try {settings}: {reasons}"
    return str(summary["status_text"]) + (f" {reasons[0].upper()}{reasons[1:]}" if reasons else "")


@outermost
def load(path: str | os.PathLike[str]) -> Any:  # noqa: ANN401 (of a union, mypy would refuse most uses)
    """Open the run or the sweep in a directory, and return a `Run`, a `Sweep` or a `Reproduction`.

    Raises ConfigError if there is none. Programs that are checked by mypy may call `ms.Run(path)` or
    `ms.Sweep(path)`, whose types are known.

    Examples
    --------
    >>> run = ms.load("runs/paper").resume(iterations=1000)
    """
    directory = Path(path_of("path", path) or os.curdir)
    if (directory / "verdict.json").exists():
        return Reproduction(directory)
    if (directory / "sweep.yaml").exists():
        return Sweep(directory)
    if (directory / "config.yaml").exists():
        return Run(directory)
    raise ConfigError(
        f"there is no run and no sweep in {directory}: it has neither config.yaml nor sweep.yaml"
    )
