"""A gradient of matrix completion in matsense and in SciPy, in turn: bench/peers/completion.py --help.

f(U) = 1/(4p) Σ (UUᵀ − M)² over observed positions on both sides of the diagonal; p is their share of all.
SciPy does what a user would write: it computes the residuals by np.einsum of gathered rows of U, block by
block so that they stay in cache, puts them into a CSR matrix that was made once, and multiplies by U.
matsense is the Go benchmark BenchmarkSampled, run by `go test`, on a problem of the same size with positions
from the same law. The two take turns. A line has the median, least and greatest time of each, and the median
of the ratios within a round.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import numpy as np
import scipy.sparse as sp

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = 1 << 15  # entries of a block


def problem(n: int, m: int, r: int) -> tuple[sp.csr_array, np.ndarray, np.ndarray]:
    """Observed entries on both sides of the diagonal, the row of each, and a factor."""
    rng = np.random.default_rng(1)
    i, j = rng.integers(0, n, size=(2, int(1.02 * m)))
    keys = np.unique(np.minimum(i, j) * n + np.maximum(i, j))
    keys = rng.permutation(keys)[:m]
    i, j = keys // n, keys % n
    off = i != j
    rows, cols = np.concatenate([i, j[off]]), np.concatenate([j, i[off]])
    X = np.linalg.qr(rng.standard_normal((n, 5)))[0]
    M = sp.csr_array((np.einsum("kr,kr->k", X[rows], X[cols]), (rows, cols)), shape=(n, n))
    M.sort_indices()
    return M, np.repeat(np.arange(n), np.diff(M.indptr)), rng.standard_normal((n, r)) / np.sqrt(r)


def gradient(M: sp.csr_array, rows: np.ndarray, E: sp.csr_array, U: np.ndarray, per_p: float) -> np.ndarray:
    """1/p P_Ω(UUᵀ − M)·U; E is overwritten with the residuals."""
    for at in range(0, len(rows), BLOCK):
        part = slice(at, at + BLOCK)
        np.einsum("kr,kr->k", U[rows[part]], U[M.indices[part]], out=E.data[part])
    E.data -= M.data
    return per_p * (E @ U)


def check() -> float:
    """The relative difference of the gradient from that by dense matrices, for a small problem."""
    M, rows, U = problem(50, 300, 4)
    dense = M.toarray()
    seen = np.zeros((50, 50), dtype=bool)
    seen[rows, M.indices] = True
    want = 2.5 * np.where(seen, U @ U.T - dense, 0) @ U
    return float(np.linalg.norm(gradient(M, rows, M.copy(), U, 2.5) - want) / np.linalg.norm(want))


def ours(binary: str, r: int, count: int) -> float:
    """Seconds of a gradient in matsense, the mean of count calls."""
    command = [binary, "-test.run", "^$", "-test.bench", f"Sampled/r={r}$", "-test.benchtime", f"{count}x"]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT / "cpu").stdout
    found = re.search(r"([\d.]+) ns/op", out)
    assert found, out
    return float(found[1]) / 1e9


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="gradients in each turn")
    parser.add_argument("--factor-ranks", type=int, nargs="+", default=[5, 10, 40],
                        help="ranks that BenchmarkSampled has")
    options = parser.parse_args()
    off = check()
    assert off < 1e-13, off
    n, m = 20000, 1_000_000  # as in BenchmarkSampled
    with tempfile.TemporaryDirectory() as scratch:
        binary = os.path.join(scratch, "cpu.test")
        subprocess.run(["go", "test", "-c", "-o", binary, "./cpu"], check=True, cwd=ROOT)
        print(f"n = {n}, m = {m} entries, {os.cpu_count()} cores; ms of a gradient, "
              f"median (least–greatest) of {options.rounds} rounds")
        for r in options.factor_ranks:
            M, rows, U = problem(n, m, r)
            E = M.copy()
            theirs, mine = [], []
            for _ in range(options.rounds):
                gradient(M, rows, E, U, 2.0)
                began = time.perf_counter()
                for _ in range(options.steps):
                    gradient(M, rows, E, U, 2.0)
                theirs.append((time.perf_counter() - began) / options.steps)
                mine.append(ours(binary, r, options.steps))
            ratio = [a / b for a, b in zip(theirs, mine)]
            scipy, matsense = [f"{1e3 * statistics.median(x):.0f} ({1e3 * min(x):.0f}–{1e3 * max(x):.0f})"
                               for x in (theirs, mine)]
            print(f"r = {r}: SciPy {scipy}, matsense {matsense}, "
                  f"ratio {statistics.median(ratio):.1f} ({min(ratio):.1f}–{max(ratio):.1f})", flush=True)


if __name__ == "__main__":
    main()
