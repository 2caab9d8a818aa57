"""The CSV files of runs and sweeps as arrays and as data frames."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matsense._arrays import Array
from matsense._errors import Error

if TYPE_CHECKING:
    import pandas as pd


def read_table(path: Path) -> dict[str, Array]:
    """Return the columns of a CSV file by their names.

    Whole numbers are int64 or uint64, other numbers float64 with all their bits, truth values bool, and
    everything else str. A number that is unknown is NaN.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        names = next(rows)
        cells = list(rows)
    return {name: _column([row[k] for row in cells]) for k, name in enumerate(names)}


def _column(cells: list[str]) -> Array:
    known = [cell for cell in cells if cell]
    if known and all(cell in ("true", "false") for cell in known):
        if len(known) == len(cells):
            return np.array([cell == "true" for cell in cells])
        return np.array([{"true": 1.0, "false": 0.0}.get(cell, np.nan) for cell in cells])
    try:
        if len(known) == len(cells):
            return _whole(cells)
    except ValueError:
        pass
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    except ValueError:
        return np.array(cells, dtype=np.str_)


def _whole(cells: list[str]) -> Array:
    numbers = [int(cell) for cell in cells]
    seed = max(numbers, default=0) > np.iinfo(np.int64).max  # seeds go up to 2^64 − 1
    return np.array(numbers, dtype=np.uint64 if seed else np.int64)


def data_frame(columns: Mapping[str, Array], otherwise: str) -> pd.DataFrame:
    """Return columns as a data frame of pandas; `otherwise` has them without pandas."""
    try:
        import pandas as pd
    except ImportError:
        raise Error(f"pandas is not installed: pip install pandas, or take {otherwise}") from None
    return pd.DataFrame(dict(columns))
