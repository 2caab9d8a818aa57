#!/usr/bin/env python3
"""Compares descent on u∘u − v∘v with the Lasso, on the samples of a single index model.

    PYTHONPATH=python/src MATSENSE=./matsense python3 bench/lasso.py
    PYTHONPATH=python/src MATSENSE=./matsense python3 bench/lasso.py --link cubic --covariates laplace

Needs the package matsense with its command, and NumPy. All estimators have the same T = 1/m Σ y_i S(X_i),
which matsense draws. The Lasso with this loss (Fan, Yang and Yu, arXiv 2007.08322) is

    argmin ‖β‖² − 2⟨β, T⟩ + λ‖β‖₁,

whose solution is T with each number moved towards zero by λ/2. There are two choices of λ. *Best* has the
least error for the true vector, which nobody knows. *Universal* is λ/2 = σ·√(2 ln n) with σ the median
magnitude of T's numbers over 0.6745, which is their standard deviation if most of the true ones are zero.
Descent begins at α·1 and takes the same number of steps for all m.

Printed are medians over the seeds of ‖estimate − β*‖/‖β*‖, and of how many numbers of the universal Lasso's
estimate are not zero. β* is η times the unit vector that is sought.
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np
from numpy.typing import NDArray

import matsense as ms

Array = NDArray[np.float64]


def parse() -> argparse.Namespace:
    """Reads the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--link", default="sign")
    p.add_argument("--covariates", default="gaussian")
    p.add_argument("--n", type=int, default=200)
    p.add_argument("--sparsity", type=int, default=6)
    p.add_argument("--noise", type=float, default=0.5)
    p.add_argument("--measurements", default="1500,4500,13500", help="(default %(default)s)")
    p.add_argument("--alpha", type=float, default=1e-7)
    p.add_argument("--step", type=float, default=1)
    p.add_argument("--iterations", type=int, default=90)
    p.add_argument("--seeds", type=int, default=20)
    return p.parse_args()


def soft(t: Array, threshold: float) -> Array:
    """Moves numbers towards zero by a threshold."""
    return np.sign(t) * np.maximum(np.abs(t) - threshold, 0)


def factor(beta: Array) -> tuple[Array, Array]:
    """Returns u and v with u∘u − v∘v = β."""
    return np.sqrt(np.maximum(beta, 0))[:, None], np.sqrt(np.maximum(-beta, 0))[:, None]


def errors(m: int, seed: int, o: argparse.Namespace) -> dict[str, float]:
    """Returns the estimators' errors for one draw."""
    with ms.problem(
        observation="single-index", parametrization="sparse", link=o.link, link_scale="unknown",
        covariates=o.covariates, n=o.n, sparsity=o.sparsity, noise=o.noise, measurements=m, seed=seed,
    ) as p:

        def error(u: Array, v: Array) -> float:
            return float(p.metrics((u, v))["test_error"])

        t = p.observations / np.sqrt(o.n)  # each coordinate is observed as √n·T_c
        universal = np.median(np.abs(t)) / 0.6745 * np.sqrt(2 * np.log(o.n))
        thresholds = np.linspace(0, np.abs(t).max(), 200)
        u, v = p.start(alpha=o.alpha)
        for _ in range(o.iterations):
            _, (du, dv) = p.value_and_grad((u, v))
            u, v = u - o.step * du, v - o.step * dv
        return {
            "T alone": error(*factor(t)),
            "Lasso, universal": error(*factor(soft(t, universal))),
            "Lasso, best": min(error(*factor(soft(t, x))) for x in thresholds),
            "descent": error(u, v),
            "numbers of the Lasso": float(np.count_nonzero(soft(t, universal))),
        }


def main() -> None:
    """Prints a line for each number of samples."""
    o = parse()
    print(f"# {o.link}, {o.covariates}, n = {o.n}, sparsity {o.sparsity}, noise {o.noise}, {o.seeds} seeds")
    for m in map(int, o.measurements.split(",")):
        draws = [errors(m, seed, o) for seed in range(o.seeds)]
        medians = (f"{name} {statistics.median(d[name] for d in draws):.3g}" for name in draws[0])
        print(f"m = {m}: " + "; ".join(medians))


if __name__ == "__main__":
    main()
