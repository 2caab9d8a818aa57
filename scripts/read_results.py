"""Reads a run directory as a user would: python scripts/read_results.py DIR"""

import json
import pathlib
import sys

import numpy as np
import pandas as pd

run = pathlib.Path(sys.argv[1])
trajectory = pd.read_csv(run / "trajectory.csv", index_col="iteration")
factor = np.load(run / "factor.npy")
summary = json.loads((run / "summary.json").read_text())

assert all(kind == np.float64 for kind in trajectory.dtypes), trajectory.dtypes
assert factor.dtype == np.float64 and factor.shape == (summary["problem"]["n"], summary["problem"]["factor_rank"])
# The last row's singular values are those of the factor, to NumPy's own rounding.
sigma = trajectory.filter(like="sigma_").iloc[-1].to_numpy()
np.testing.assert_allclose(np.linalg.svd(factor, compute_uv=False), sigma, atol=1e-14 * sigma[0])
assert trajectory.test_error.iloc[-1] == summary["final"]["test_error"]
print(f"{len(trajectory)} samples, factor {factor.shape}, test error {summary['final']['test_error']:.2e}")
