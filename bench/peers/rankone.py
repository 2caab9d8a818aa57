#!/usr/bin/env python3
"""One step of gradient descent on rank-one measurements in matsense, beside dense Gaussian ones, and NumPy.

    .venv/bin/python bench/peers/rankone.py           # n = 200, m = 4,000, r = 5: a minute or two
    .venv/bin/python bench/peers/rankone.py --n 1000 --measurements 20000 --no-dense

y_i = a_i^T M a_i with the rows a_i of a Gaussian m x n matrix A. NumPy does the same matrix products, as any
user would write them:

    P = A U,   res = rowwise P·P − y,   ∇f = Aᵀ (res P) / m.

matsense runs as a command. Its time of a step is from its summary, without metrics between the first step and
the last. The contestants take turns; the output has the median, least and greatest of the rounds.
bench/peers/run makes .venv with NumPy.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def numpy_step(A: np.ndarray, y: np.ndarray, U: np.ndarray) -> np.ndarray:
    """Returns the factor after one step."""
    P = A @ U
    res = np.einsum("ij,ij->i", P, P) - y
    P *= res[:, None]
    return U - 0.01 / len(y) * (A.T @ P)


def numpy_seconds(A: np.ndarray, y: np.ndarray, U: np.ndarray, steps: int) -> float:
    """The seconds of a step in NumPy."""
    began = time.perf_counter()
    for _ in range(steps):
        U = numpy_step(A, y, U)
    return (time.perf_counter() - began) / steps


def matsense_seconds(program: str, options: argparse.Namespace, ensemble: list[str], steps: int) -> float:
    """The seconds of a step in matsense's command."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(pathlib.Path(folder) / "run")
        subprocess.run([program, "run", "--n", str(options.n), "--rank", "1",
                        "--measurements", str(options.measurements),
                        "--factor-rank", str(options.factor_rank), "--step", "0.01",
                        "--iterations", str(steps), "--measure-every", str(steps),
                        "--workers", str(options.workers), "--device", "cpu", "--out", out, *ensemble],
                       check=True, capture_output=True)
        summary = json.loads((pathlib.Path(out) / "summary.json").read_text())
    return summary["seconds_stepping"] / steps


def main() -> None:
    """Measures and prints."""
    parse = argparse.ArgumentParser(description=__doc__,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--n", type=int, default=200)
    parse.add_argument("--measurements", type=int, default=4000)
    parse.add_argument("--factor-rank", type=int, default=5)
    parse.add_argument("--rounds", type=int, default=5)
    parse.add_argument("--workers", type=int, default=0)
    parse.add_argument("--no-dense", action="store_true", help="leave dense Gaussian measurements out")
    options = parse.parse_args()

    rng = np.random.default_rng(1)
    A = rng.standard_normal((options.measurements, options.n))
    U = rng.standard_normal((options.n, options.factor_rank)) / 100
    y = rng.standard_normal(options.measurements) ** 2
    with tempfile.TemporaryDirectory() as folder:
        program = str(pathlib.Path(folder) / "matsense")
        subprocess.run(["go", "build", "-o", program, "./cmd/matsense"], cwd=ROOT, check=True)

        def matsense(steps: int, *ensemble: str) -> Callable[[], float]:
            return lambda: matsense_seconds(program, options, list(ensemble), steps)

        contestants = {
            "NumPy, the same products": lambda: numpy_seconds(A, y, U, 20),
            "rank-one": matsense(50, "--ensemble", "rank-one", "--storage", "memory"),
            "rank-one, generated": matsense(5, "--ensemble", "rank-one", "--storage", "generated"),
        }
        if not options.no_dense:
            contestants["gaussian f32"] = matsense(5, "--entries", "f32", "--storage", "memory")
        times: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(options.rounds):
            for name, seconds in contestants.items():
                times[name].append(1000 * seconds())
    print(f"n = {options.n}, m = {options.measurements}, r = {options.factor_rank}; "
          f"milliseconds a step, medians of {options.rounds} rounds")
    for name, ms in times.items():
        ratios = [a / b for a, b in zip(times["NumPy, the same products"], ms)]
        print(f"{name:26} {statistics.median(ms):8.2f}  ({min(ms):.2f} to {max(ms):.2f}), "
              f"{statistics.median(ratios):.2f} x NumPy")


if __name__ == "__main__":
    main()
