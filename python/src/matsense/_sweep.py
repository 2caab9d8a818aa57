"""A sweep on disk."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matsense._arrays import Array
from matsense._errors import Error, in_python
from matsense._folder import short
from matsense._notebook import frame_of
from matsense._process import Process
from matsense._tables import data_frame, read_table

if TYPE_CHECKING:
    import pandas as pd


class Sweep:
    """A sweep on disk: its results as tables, read from its directory when they are first asked for.

    `ms.sweep` returns one, and `ms.load` opens a directory. In a notebook a sweep shows its report.

    Examples
    --------
    >>> sweep = ms.load("sweeps/alpha")
    >>> sweep.runs.groupby("alpha").test_error.median()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open the sweep in a directory; nothing is read yet."""
        self._path = Path(os.path.abspath(path))

    @property
    def path(self) -> Path:
        """The sweep's directory, which docs/sweeps.md describes."""
        return self._path

    @cached_property
    def results(self) -> dict[str, Array]:
        """The runs that have ended: an array for each column of runs.csv, with an element for each run.

        The columns are the run's number, its settings, its status, and its results; docs/sweeps.md says what
        they are. A number that is unknown is NaN. This needs no pandas. Raises matsense.Error if no run has
        ended.
        """
        table = self._path / "runs.csv"
        records = [path.stat().st_mtime_ns for path in self._path.glob("runs/*.jsonl")]
        if not table.exists() or max(records, default=0) > table.stat().st_mtime_ns:
            self._merge(table)
        return read_table(table)

    @property
    def runs(self) -> pd.DataFrame:
        """The runs that have ended as a data frame of pandas, with a row for each; see `results`."""
        return data_frame(self.results, "sweep.results, a dict of arrays")

    @cached_property
    def trajectories(self) -> pd.DataFrame:
        """At most 200 points of each run as a data frame: `run`, `iteration` and the metrics.

        This needs pandas and pyarrow, since it reads trajectories.parquet.
        """
        _ = self.results  # which writes the tables if runs have ended since
        try:
            import pandas as pd

            return pd.read_parquet(self._path / "trajectories.parquet")
        except ImportError:
            raise Error(
                "pandas with pyarrow is not installed: pip install pandas pyarrow, or read "
                f"{self._path / 'trajectories.parquet'} with another program"
            ) from None

    def resume(
        self,
        *,
        progress: bool = True,
        callback: Callable[[dict[str, Any]], object] | None = None,
        stop_after: float | str | None = None,
        shard: str | None = None,
        batch: int | None = None,
        tensorboard: str | os.PathLike[str] | None = None,
        view: bool = False,
    ) -> Sweep:
        """Go on with the runs that have not ended, and return the sweep as it is then.

        The arguments are those of `ms.sweep`. The results are the same bytes as without an interruption.
        """
        from matsense._sweeping import sweep

        return sweep(
            self._path / "sweep.yaml",
            out=self._path,
            resume=True,
            progress=progress,
            callback=callback,
            stop_after=stop_after,
            shard=shard,
            batch=batch,
            yes=True,
            tensorboard=tensorboard,
            view=view,
        )

    def _merge(self, table: Path) -> None:
        """Have the command write the tables of the runs that have ended so far."""
        process = Process(["sweep", "merge", str(self._path)])
        for _ in process.events():
            pass
        # Runs that are missing are told by the exit code 1; the tables are there all the same.
        if process.exit_code != 0 and not table.exists():
            raise Error(f"no run of {self._path} has ended: {in_python(process.failure or '')}")

    def __repr__(self) -> str:
        """Return two lines: where the sweep is with the runs that have ended, and its axes."""
        where = short(self._path)
        if not self._path.exists():
            return f"Sweep {where}: it is not there any more"
        try:
            results = self.results
        except Error:
            return f"Sweep {where}: no run has ended"
        names = list(results)
        ends = Counter(map(str, results["status"])).most_common()
        counts = ", ".join(f"{count} {status}" for status, count in ends)
        axes = ", ".join(names[1 : names.index("status")]) or "none"
        return f"Sweep {where}: {len(results['run'])} runs have ended ({counts})\n  axes: {axes}"

    def _repr_html_(self) -> str:
        """Return the report, for notebooks."""
        return frame_of(self._path / "report.html", repr(self))
