"""Run many experiments, of a sweep file or of a description in Python."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from matsense._arrays import Value
from matsense._carry_out import Ending, carry_out, stop_flag
from matsense._errors import ConfigError, keyword, outermost
from matsense._folder import Folder
from matsense._settings import (
    Scalar,
    absolute,
    check_callback,
    is_data,
    is_path,
    key_of,
    path_of,
    resolved,
    scalar,
    store,
    with_absolute_paths,
)
from matsense._sweep import Sweep
from matsense._watch import SweepWatch

Kind = TypeVar("Kind", bound=Sweep)


@outermost
def sweep(
    file: str | os.PathLike[str] | None = None,
    *,
    base: Mapping[str, Any] | None = None,
    axes: Sequence[Mapping[str, Any]] | None = None,
    seeds: int | None = None,
    start_seeds: int | None = None,
    filter: str | None = None,
    targets: Iterable[float] | None = None,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    resume: bool = False,
    progress: bool = True,
    callback: Callable[[dict[str, Any]], object] | None = None,
    stop_after: float | str | None = None,
    shard: str | None = None,
    batch: int | None = None,
    yes: bool = False,
    tensorboard: str | os.PathLike[str] | None = None,
    view: bool = False,
) -> Sweep:
    """Run a grid of experiments; those with the same measurements run together.

    Give a sweep file of YAML, or what it has as arguments: docs/sweeps.md describes both.

    Parameters
    ----------
    file : path
        A sweep file; then base, axes, seeds, start_seeds, filter and targets are not given.
    base : mapping
        The settings of every run, as `ms.run` takes them, arrays too.
    axes : sequence of mappings
        The dimensions of the grid; the last one is the fastest. An axis is a dict of one setting and its
        values, or of several settings that go together, with values of one length:
        `dict(alpha=np.logspace(-8, -2, 7))`, `dict(kappa=[1, 5], step=[0.25, 0.05])`, `dict(init=[U0, U1])`.
    seeds, start_seeds : int
        Numbers of replicas of everything, and of the random start alone.
    filter : str
        An expression; runs for which it is false are left out: "factor_rank >= rank and alpha < 1e-3".
    targets : iterable of float
        Test errors whose first iteration is recorded.
    out : path
        Directory of the sweep (default sweeps/ and the file's name, or the time).
    force : bool
        Replace the sweep in `out`.
    resume : bool
        Continue the sweep in `out`.
    progress : bool
        Show how many runs have ended.
    callback : callable
        Called when a run has ended, with a dict of its number, settings and results. If it raises an
        exception, the sweep is saved and ends.
    stop_after : float or str
        Save and end after this time, in seconds or like "3h45m".
    shard : str
        Run one part of several, "1/8" to "8/8", all with the same `out` (default: the part that Slurm or
        Kubernetes sets, or all).
    batch : int
        Number of runs in one batch (default: as many as fit in memory, up to 32).
    yes : bool
        Accept a grid of more than 100,000 runs.
    tensorboard : path
        Also write event files for TensorBoard into this directory, a folder for each run.
    view : bool
        Open a page that shows the sweep while it goes on.

    Raises
    ------
    ConfigError
        A setting or an argument is wrong; nothing was run, and nothing is left behind.
    Error
        Runs have failed; the attribute `sweep` has the others. Runs that diverge are results.
    Interrupted
        Ctrl-C was pressed, and the sweep was saved; the attribute `sweep` has the runs that have ended. A
        second Ctrl-C ends the command at once.

    Examples
    --------
    >>> ms.sweep(base=dict(n=60), axes=[dict(alpha=np.logspace(-8, -2, 7))], seeds=5).runs
    """
    spec = {
        "base": base,
        "axes": axes,
        "seeds": seeds,
        "start-seeds": start_seeds,
        "filter": filter,
        "targets": targets,
    }
    given = {part: value for part, value in spec.items() if value is not None}
    check_callback(callback)
    file, out, tensorboard = path_of("file", file), path_of("out", out), path_of("tensorboard", tensorboard)
    if file is not None and given:
        raise ConfigError(f"file has everything, and {keyword(next(iter(given)))} is given as well")
    if resume and out is None and file is None:
        raise ConfigError("resume=True needs out, the directory of the sweep")
    folder = Folder.fresh("sweeps") if out is None and file is None else Folder(out or os.curdir)
    with tempfile.TemporaryDirectory(prefix="matsense-") as temporary:
        written = Path(temporary, "sweep.json")  # a file of JSON is one of YAML

        def arguments() -> list[str]:
            if file is None:
                written.write_text(json.dumps(_document(given, folder)), encoding="utf-8")
            flags = ["sweep", str(file or written)]
            if out is not None or file is None:
                flags.append(f"--out={folder.directory}")
            options = {"shard": shard, "batch": batch}
            flags += [f"--{name}={value}" for name, value in options.items() if value is not None]
            if tensorboard is not None:
                flags.append(f"--tensorboard={tensorboard}")
            switches = {"force": force, "resume": resume, "yes": yes, "view": view}
            flags += [f"--{name}" for name, on in switches.items() if on]
            return [*flags, *stop_flag(stop_after)]

        def sentence(text: str) -> str:
            """Leave out the lines of a file that the user has not written."""
            text = re.sub(re.escape(str(written)) + r"(:\d+)?: ", "", text)
            text = re.sub(r",? (on|after) line 1\b", "", text)
            return folder.sentence(text.replace(str(written), "the sweep"))

        watch = SweepWatch("run", progress, callback, sentence)
        return ended(carry_out(arguments, watch, folder), Sweep, stop_after is not None)


def ended(ending: Ending, kind: type[Kind], may_stop: bool = False, again: str | None = None) -> Kind:
    """Return the sweep that has ended, or raise what became of it; see `Ending.failure`."""
    begun = ending.directory is not None and (ending.directory / "sweep.yaml").exists()
    sweep = kind(ending.directory) if ending.directory is not None and begun else None
    error = ending.failure(sweep.path if sweep else None, may_stop, again)
    if error is not None:
        error.sweep = sweep
        raise error
    assert sweep is not None
    return sweep


def _document(given: Mapping[str, Any], folder: Folder) -> dict[str, Any]:
    """Return the content of a sweep file, with data stored in a folder."""
    document: dict[str, Any] = {}
    for part, value in given.items():
        if part == "base":
            document[part] = with_absolute_paths(resolved(value, folder))
        elif part == "axes":
            if isinstance(value, Mapping) or not all(isinstance(axis, Mapping) for axis in value):
                raise ConfigError(
                    "axes: takes a list of dicts, one for each axis: [dict(alpha=[1e-6, 1e-3])]"
                )
            document[part] = [_axis(axis, folder) for axis in value]
        elif part == "targets":
            document[part] = [scalar(part, target) for target in value]
        else:
            document[part] = scalar(keyword(part), value)
    return document


def _axis(axis: Mapping[str, Any], folder: Folder) -> dict[str, Any]:
    return {key_of(name): _values(name, key_of(name), values, folder) for name, values in axis.items()}


def _values(name: str, key: str, values: Value, folder: Folder) -> object:
    """Return the values of an axis: a list, or a spacing like dict(logspace=[1e-8, 1e-2, 7])."""
    if isinstance(values, Mapping):
        return {spacing: [scalar(name, v) for v in numbers] for spacing, numbers in values.items()}
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ConfigError(f"{name}: an axis takes a list or an array of values, got {values!r}")
    shape = tuple(getattr(values, "shape", [0]))
    if not is_data(key) and len(shape) != 1:
        raise ConfigError(f"{name}: an axis takes one list of values, got an array of shape {shape}")
    return [_value(name, key, value, folder) for value in values]


def _value(name: str, key: str, value: Value, folder: Folder) -> Scalar:
    if not is_data(key):
        return scalar(name, value)
    if is_path(value):
        return scalar(name, absolute(key, value))
    return store(name, key, value, folder)
