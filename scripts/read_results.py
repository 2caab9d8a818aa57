"""Reads a run's directory, or a sweep's, as a user would: python scripts/read_results.py DIR"""

import json
import pathlib
import sys

import numpy as np
import pandas as pd


def read_run(run: pathlib.Path) -> str:
    trajectory = pd.read_csv(run / "trajectory.csv", index_col="iteration")
    times = pd.read_csv(run / "times.csv", index_col="iteration")
    factor = np.load(run / "factor.npy")
    summary = json.loads((run / "summary.json").read_text())

    assert all(kind == np.float64 for kind in trajectory.dtypes), trajectory.dtypes
    assert times.index.equals(trajectory.index) and times.seconds.is_monotonic_increasing, times
    problem = summary["problem"]
    assert factor.dtype == np.float64 and factor.shape == (problem["n"], problem["factor_rank"])
    # The last row's singular values are those of the factor, up to NumPy's rounding.
    sigma = trajectory.filter(like="sigma_").iloc[-1].to_numpy()
    values = np.linalg.svd(factor, compute_uv=False)
    np.testing.assert_allclose(values[: len(sigma)], sigma, atol=1e-14 * sigma[0])
    error = trajectory.test_error.iloc[-1]
    assert error == summary["final"]["test_error"]
    return f"{len(trajectory)} samples, factor {factor.shape}, test error {error:.2e}"


def read_sweep(sweep: pathlib.Path) -> str:
    runs = pd.read_parquet(sweep / "runs.parquet")
    text = pd.read_csv(sweep / "runs.csv", dtype=str, keep_default_na=False)

    # Parquet has the columns of runs.csv in the same order, and each cell to the last digit.
    assert list(text.columns) == list(runs.columns), runs.columns
    for name, column in runs.items():
        for cell, written in zip(column, text[name], strict=True):
            if pd.isna(cell):
                same = written == ""
            elif isinstance(cell, bool | np.bool_):
                same = written == str(cell).lower()
            elif isinstance(cell, str):
                same = written == cell
            else:  # a seed may exceed the integers of a float64; pandas reads integers with gaps as float64
                same = written == str(cell) or float(written) == cell
            assert same, (name, cell, written)
    for name in ("run", "iterations"):
        assert runs[name].dtype == np.int64, runs.dtypes
    for name in ("train_loss", "test_error", "signal", "noise", "angle", "spectral_angle"):
        assert runs[name].dtype == np.float64, runs.dtypes

    # Each run's last kept point is its result.
    trajectories = pd.read_parquet(sweep / "trajectories.parquet")
    assert list(trajectories.columns[:3]) == ["run", "iteration", "train_loss"], trajectories.columns
    last = trajectories.groupby("run").last()
    for name in ("train_loss", "test_error", "signal", "noise", "angle", "spectral_angle"):
        np.testing.assert_array_equal(last[name], runs.set_index("run")[name].loc[last.index])
    assert len(pd.read_csv(sweep / "timings.csv")) == len(runs)
    return f"{len(runs)} runs, {len(trajectories)} points, the least test error {runs.test_error.min():.2e}"


directory = pathlib.Path(sys.argv[1])
print(read_sweep(directory) if (directory / "sweep.yaml").exists() else read_run(directory))
