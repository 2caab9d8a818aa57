#!/usr/bin/env python3
"""Times one gradient from Python: matsense's, and what a user would write in NumPy and PyTorch, in turn.

    PYTHONPATH=python/src MATSENSE=./matsense python3 bench/python_gradient.py                 # 7 GB, minutes
    PYTHONPATH=python/src MATSENSE=./matsense python3 bench/python_gradient.py --size 60:3000  # seconds

Needs the package matsense with its command, and NumPy. PyTorch takes part if it is installed. A size is n:m, of

    f(U) = 1/(4m) Σ (⟨A_i, UUᵀ⟩ − y_i)²

with m symmetric n × n matrices A_i, and U of n × n, all in float64. *Served* is `p.value_and_grad(U)`, and
matsense's entries are f32. *Engine* is the time that the engine took in these calls, without what Python, the
pipe and the arrays cost. `go test -run '^$' -bench ValueAndGrad ./serve` times the engine alone, in turn with a
server that Go asks. NumPy and PyTorch have the same matrices in two forms: packed rows A[:, triu] of
n(n+1)/2 numbers, off-diagonals times √2, and dense rows of n² numbers. Both take two matrix-vector products.
All gradients are compared before they are timed.

In each round every contestant has a turn: a pause, one call to warm up, then calls for a quarter of a second,
three or more, of which the median counts. Printed are the medians over the rounds, the least time of a call,
and the median of the ratios to the engine in the same round. All have the same number of threads.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

PAUSE = 0.05  # seconds, in which the threads of the one before go to sleep
TURN = 0.25  # seconds


def parse() -> argparse.Namespace:
    """Reads the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--size", action="append", metavar="N:M", help="(default 60:3000, 100:5000, 200:10000)")
    p.add_argument("--rounds", type=int, default=9, help="turns of each contestant (default %(default)s)")
    p.add_argument("--threads", type=int, default=2, help="threads of each contestant (default %(default)s)")
    options = p.parse_args()
    sizes = options.size or ["60:3000", "100:5000", "200:10000"]
    options.sizes = [tuple(map(int, size.split(":"))) for size in sizes]
    return options


def calls(run: Callable[[], object]) -> Callable[[int], list[float]]:
    """Return a function that gives the seconds of so many calls."""

    def seconds(count: int) -> list[float]:
        times = []
        for _ in range(count):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
        return times

    return seconds


def turn(seconds: Callable[[int], list[float]]) -> list[float]:
    """The milliseconds of calls."""
    time.sleep(PAUSE)
    (first,) = seconds(1)
    return [1e3 * s for s in seconds(max(3, int(TURN / first)))]


def packed(A: Any, y: Any, U: Any, at: Any, scale: Any) -> Any:
    """∇f from packed rows."""
    res = A @ ((U @ U.T)[at] * scale) - y
    G = 0 * (U @ U.T)
    G[at] = res @ A / (scale * len(y))
    return (G + G.T) @ U - G.diagonal()[:, None] * U


def dense(A: Any, y: Any, U: Any) -> Any:
    """∇f from dense rows."""
    res = A @ (U @ U.T).reshape(-1) - y
    return ((res @ A).reshape(len(U), len(U)) / len(y)) @ U


def peers(D: Any, y: Any, U: Any, threads: int) -> dict[str, Callable[[], Any]]:
    """NumPy's and PyTorch's gradients. D has dense rows."""
    import numpy as np

    at = np.triu_indices(len(U))
    scale = np.where(at[0] == at[1], 1, np.sqrt(2))
    P = D.reshape(-1, *U.shape)[:, at[0], at[1]] * scale
    runs: dict[str, Callable[[], Any]] = {
        "NumPy packed": lambda: packed(P, y, U, at, scale),
        "NumPy dense": lambda: dense(D, y, U),
    }
    try:
        import torch
    except (ImportError, OSError, ValueError):  # the last two if it does not find NVIDIA's libraries
        return runs
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    tP, tD, ty, tU, ti, tj, ts = map(torch.from_numpy, (P, D, np.array(y), U, *at, scale))
    runs["PyTorch packed"] = lambda: packed(tP, ty, tU, (ti, tj), ts)
    runs["PyTorch dense"] = lambda: dense(tD, ty, tU)
    return runs


def measure(n: int, m: int, rounds: int, threads: int) -> None:
    """Measures one size, and prints it."""
    import numpy as np

    import matsense as ms

    settings = dict(n=n, rank=1, measurements=m, entries="f32", storage="memory", device="cpu")
    with ms.problem(**settings, workers=threads) as p:
        U, y = p.start(alpha=0.3), p.observations
        G, engine = np.empty_like(U), []

        def served() -> Any:
            gradient = p.value_and_grad(U)[1]
            engine.append(1e3 * p.engine_seconds)
            return gradient

        D = np.concatenate([p.matrices(i, min(i + 100, m)) for i in range(0, m, 100)]).reshape(m, -1)
        runs = {
            "served": served,
            "served, out=": lambda: p.value_and_grad(U, out=G)[1],
            **peers(D, y, U, threads),
        }
        want = dense(D, y, U)
        for name, run in runs.items():
            wrong = np.linalg.norm(np.asarray(run()) - want) / np.linalg.norm(want)
            if not wrong < 1e-12:
                sys.exit(f"the gradient of {name} differs from NumPy's by {wrong:.0e}")
        names = list(runs)
        medians: dict[str, list[float]] = {name: [] for name in ["engine", *names]}
        least = dict.fromkeys(medians, math.inf)
        for k in range(rounds):
            for name in names[k % len(names) :] + names[: k % len(names)]:
                engine.clear()
                times = turn(calls(runs[name]))
                medians[name].append(statistics.median(times))
                least[name] = min(least[name], *times)
                if engine:  # of the same calls, without the one that warmed up
                    medians["engine"].append(statistics.median(engine[1:]))
                    least["engine"] = min(least["engine"], *engine[1:])
    own = medians["engine"]
    print(f"\n## n = {n}, m = {m}\n\n| | median ms | least ms | × engine |\n|---|---|---|---|")
    for name, found in medians.items():
        ratio = statistics.median(t / e for t, e in zip(found, own, strict=True))
        print(f"| {name} | {statistics.median(found):.3f} | {least[name]:.3f} | {ratio:.2f} |")
    over = statistics.median(1e3 * (s - e) for s, e in zip(medians["served"], own, strict=True))
    print(
        f"\nOverhead {over:.0f} µs; 10 % of the engine's time and 100 µs are "
        f"{100 * statistics.median(own) + 100:.0f} µs.",
        flush=True,
    )


def processor() -> str:
    """The processor's name."""
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    """Measures all sizes."""
    options = parse()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GOMAXPROCS"):
        os.environ[name] = str(options.threads)  # before NumPy is imported
    import numpy as np

    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{processor()}, {options.threads} threads each{load}; NumPy {np.__version__}")
    for n, m in options.sizes:
        measure(n, m, options.rounds, options.threads)


if __name__ == "__main__":
    main()
