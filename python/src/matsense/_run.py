"""A run on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matsense._arrays import Array
from matsense._errors import Error
from matsense._folder import short
from matsense._notebook import frame_of
from matsense._tables import data_frame, read_table

if TYPE_CHECKING:
    import pandas as pd


class Run:
    """A run on disk: its results as arrays, read from its directory when they are first asked for.

    `ms.run` returns one, and `ms.load` opens a directory. In a notebook a run shows its report.

    Examples
    --------
    >>> run = ms.load("runs/paper")
    >>> run.trajectory.plot("iteration", "test_error", logy=True)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the run in a directory; nothing is read yet."""
        self._path = Path(os.path.abspath(path))

    @property
    def path(self) -> Path:
        """The run directory, which docs/files.md describes."""
        return self._path

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All settings that apply, by their keys, such as "factor-rank"."""
        return _read_settings(self._read("config.yaml"))

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The contents of summary.json; a number that is unknown is None.

        Raises matsense.Error if the run has not ended.
        """
        return dict(json.loads(self._read("summary.json")))

    @property
    def status(self) -> str:
        """How the run ended: "budget-spent", "converged", "stalled", "diverged" or "canceled".

        It is "unfinished" if the run goes on, or was killed.
        """
        return str(self.summary["status"]) if (self._path / "summary.json").exists() else "unfinished"

    @cached_property
    def samples(self) -> dict[str, Array]:
        """The measured iterates: an array for each column of trajectory.csv, all of one length.

        The iteration is of int64, and the metrics are of float64, NaN if they are unknown. docs/files.md says
        what they are. This needs no pandas. Raises matsense.Error before the first checkpoint of a run that
        goes on.
        """
        self._there("trajectory.csv")
        return read_table(self._path / "trajectory.csv")

    @property
    def trajectory(self) -> pd.DataFrame:
        """The measured iterates as a data frame of pandas, with a row for each; see `samples`."""
        return data_frame(self.samples, "run.samples, a dict of arrays")

    @cached_property
    def factor(self) -> Array | tuple[Array, ...]:
        """The factor: U of shape (n, r), float64, with M ≈ UUᵀ.

        With parametrization uv it is the tuple (U, V), with V of shape (n2, r) and M ≈ UVᵀ; with indefinite
        and sparse (U, V) of equal shapes; and with deep (W_1, …, W_L), with M ≈ W_L⋯W_1. `init` takes it as
        it is. Raises matsense.Error if the run has not ended.
        """
        layers: list[Array] = []
        while (layer := self._path / f"factor-{len(layers) + 1}.npy").exists():
            layers.append(np.load(layer, allow_pickle=False))
        if layers:
            return tuple(layers)
        self._there("factor.npy")
        left = np.load(self._path / "factor.npy", allow_pickle=False)
        right = self._path / "factor-right.npy"
        return (left, np.load(right, allow_pickle=False)) if right.exists() else left

    def resume(
        self,
        *,
        progress: bool = True,
        callback: Callable[[dict[str, Any]], object] | None = None,
        stop_after: float | str | None = None,
        tensorboard: str | os.PathLike[str] | None = None,
        view: bool = False,
        **settings: object,
    ) -> Run:
        """Go on with the run from its last state, and return it as it is then.

        A resumed run has the same bits as one that was not interrupted. Settings may be those that change no
        bit of the iterates: `iterations`, `storage`, `workers`, `simd`, `checkpoint_every`. The other
        arguments are those of `ms.run`.

        Examples
        --------
        >>> run = run.resume(iterations=1000)
        """
        from matsense._experiments import run

        return run(
            settings,
            out=self._path,
            resume=True,
            progress=progress,
            callback=callback,
            stop_after=stop_after,
            tensorboard=tensorboard,
            view=view,
        )

    def __repr__(self) -> str:
        """Return two lines: where the run is and how it ended, and its problem and errors."""
        where = short(self._path)
        if not self._path.exists():
            return f"Run {where}: it is not there any more"
        s = self.settings
        size = f"n = {s['n']}" + (f", n2 = {s['n2']}" if "n2" in s else "")
        problem = f"{size}, {s['parametrization']}, {s['ensemble']}, {s['method']}"
        if self.status == "unfinished":
            return f"Run {where}: unfinished\n  {problem}"
        final = self.summary["final"]
        errors = [
            f"{name.replace('_', ' ')} {final[name]:.3g}"
            for name in ("train_loss", "test_error", "held_out_rmse")
            if final.get(name) is not None
        ]
        head = f"Run {where}: {self.status} after {self.summary['iterations']} iterations"
        return "\n  ".join([head, ": ".join([problem, ", ".join(errors)]) if errors else problem])

    def _repr_html_(self) -> str:
        """Return the report, for notebooks."""
        return frame_of(self._path / "report.html", repr(self))

    def _there(self, name: str) -> None:
        if not self._path.exists():
            raise Error(f"{self._path} is not there any more: ms.load opens a run that was moved")
        if not (self._path / name).exists():
            raise Error(
                f"{self._path} has no {name} yet: the run goes on, or was killed; resume() continues it"
            )

    def _read(self, name: str) -> str:
        self._there(name)
        return (self._path / name).read_text(encoding="utf-8")


def _read_settings(text: str) -> dict[str, Any]:
    """Read config.yaml, whose lines are a key, a colon and one value each."""
    settings: dict[str, Any] = {}
    for line in text.splitlines():
        key, colon, text = line.partition(": ")
        if colon and not line.startswith("#"):
            settings[key] = _yaml_value(text)
    return settings


def _yaml_value(text: str) -> str | int | float:
    """Return a value of config.yaml. Words that look like numbers are in quotes there."""
    if text.startswith('"'):
        return str(json.loads(text))
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
