"""A gradient of matrix completion in matsense, Numba and SciPy, in turn: bench/peers/completion.py --help.

f(U) = 1/(4p) Σ (UUᵀ − M)² over observed positions on both sides of the diagonal; p is their share of all.
SciPy does what a user would write: it computes the residuals by np.einsum of gathered rows of U, block by
block so that they stay in cache, puts them into a CSR matrix that was made once, and multiplies by U.
SciPy multiplies on one thread, whatever --threads says. Numba compiles a loop over the entries, which takes
each row of U once, for its dot product and then for the sum; its threads share the rows of the result.
matsense is the Go benchmark BenchmarkSampled, run by `go test`, on a problem of the same size with positions
from the same law. All take turns, with the same number of threads and the same instruction set. A line has
the median, least and greatest time of each, and the medians of the ratios to matsense within a round.

Needs Go, NumPy, SciPy and Numba:

    .venv/bin/pip install scipy numba
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numba
import numpy as np
import scipy.sparse as sp

from instructions import environment
from options import cores, positive

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = 1 << 15  # entries of a block
SIZES = {20_000: 1_000_000, 100_000: 10_000_000}  # n, and the entries that BenchmarkSampled has for it


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


def walk(starts: np.ndarray, cols: np.ndarray, values: np.ndarray, U: np.ndarray, per_p: float,
         G: np.ndarray) -> None:
    """The gradient, into G; numba.prange is range where Numba does not run it in parallel."""
    n, r = U.shape
    for i in numba.prange(n):
        G[i, :] = 0
        for q in range(starts[i], starts[i + 1]):
            j = cols[q]
            e = -values[q]
            for k in range(r):
                e += U[i, k] * U[j, k]
            for k in range(r):
                G[i, k] += per_p * e * U[j, k]


def check(compiled: Callable[..., None]) -> float:
    """The greatest relative difference of a gradient from that by dense matrices, for a small problem."""
    M, rows, U = problem(50, 300, 4)
    dense = M.toarray()
    seen = np.zeros((50, 50), dtype=bool)
    seen[rows, M.indices] = True
    want = 2.5 * np.where(seen, U @ U.T - dense, 0) @ U
    G = np.empty_like(U)
    compiled(M.indptr, M.indices, M.data, U, 2.5, G)
    return float(max(np.linalg.norm(got - want) / np.linalg.norm(want)
                     for got in (gradient(M, rows, M.copy(), U, 2.5), G)))


def seconds(call: Callable[[], object], count: int) -> float:
    """Seconds of a call, the mean of count after one more."""
    call()
    began = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - began) / count


def ours(binary: str, n: int, r: int, count: int) -> float:
    """Seconds of a gradient in matsense, the mean of count calls."""
    command = [binary, "-test.run", "^$", "-test.bench", f"Sampled/n={n}$/r={r}$",
               "-test.benchtime", f"{count}x"]
    out = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT / "cpu").stdout
    found = re.search(r"([\d.]+) ns/op", out)
    assert found, out
    return float(found[1]) / 1e9


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--steps", type=positive, default=5, help="gradients in each turn")
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000], choices=list(SIZES),
                        help="n of the problems that BenchmarkSampled has")
    parser.add_argument("--factor-ranks", type=positive, nargs="+", default=[5, 10, 40],
                        help="ranks that BenchmarkSampled has")
    parser.add_argument("--threads", type=positive, default=cores(), help="threads of Numba and matsense")
    parser.add_argument("--simd", choices=["auto", "avx2"], default="auto", help="instructions of all")
    return parser.parse_args()


def main() -> None:
    """Measures and prints a table."""
    options = parse()
    threads = {name: str(options.threads) for name in ("GOMAXPROCS", "NUMBA_NUM_THREADS")}
    variables = environment(options.simd, sys.executable, {**os.environ, **threads})
    if variables != dict(os.environ):  # NumPy and Numba read them when they are imported
        os.execve(sys.executable, [sys.executable, *sys.argv], variables)
    compiled = numba.njit(walk, parallel=options.threads > 1)
    off = check(compiled)
    assert off < 1e-13, off
    with tempfile.TemporaryDirectory() as scratch:
        binary = os.path.join(scratch, "cpu.test")
        subprocess.run(["go", "test", "-c", "-o", binary, "./cpu"], check=True, cwd=ROOT)
        for n in options.sizes:
            print(f"n = {n}, m = {SIZES[n]} entries, {options.threads} threads, SIMD {options.simd}; "
                  f"ms of a gradient, median (least–greatest) of {options.rounds} rounds")
            for r in options.factor_ranks:
                print(measured(binary, n, r, compiled, options.rounds, options.steps), flush=True)


def measured(binary: str, n: int, r: int, compiled: Callable[..., None], rounds: int, steps: int) -> str:
    """The line of the table for a size and a factor rank."""
    M, of, U = problem(n, SIZES[n], r)
    E, G = M.copy(), np.empty_like(U)
    sides = {
        "SciPy": lambda: seconds(lambda: gradient(M, of, E, U, 2.0), steps),
        "Numba": lambda: seconds(lambda: compiled(M.indptr, M.indices, M.data, U, 2.0, G), steps),
        "matsense": lambda: ours(binary, n, r, steps),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(side())
    texts = []
    for name, took in times.items():
        text = f"{name} {1e3 * statistics.median(took):.0f} ({1e3 * min(took):.0f}–{1e3 * max(took):.0f})"
        if name != "matsense":
            ratio = [a / b for a, b in zip(took, times["matsense"])]
            text += f" ratio {statistics.median(ratio):.1f} ({min(ratio):.1f}–{max(ratio):.1f})"
        texts.append(text)
    return f"r = {r}: " + ", ".join(texts)


if __name__ == "__main__":
    main()
