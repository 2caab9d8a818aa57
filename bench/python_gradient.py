#!/usr/bin/env python3
"""Times one gradient from Python: matsense's, and what a user would write in NumPy and PyTorch, in turn.

    PYTHONPATH=python/src MATSENSE=./matsense python3 bench/python_gradient.py                  # 6 GB, minutes
    PYTHONPATH=python/src MATSENSE=./matsense python3 bench/python_gradient.py --size 60:3000   # seconds

Needs the package matsense with its command, and NumPy. PyTorch takes part if it is installed. A size is n:m:
f(U) = 1/(4m) Σ (⟨A_i, UUᵀ⟩ − y_i)² with m symmetric n × n matrices, and U is n × n, all in float64.

matsense is timed as `p.value_and_grad(U)`; its measurements have f32 entries. Its engine's own time is that of
one more factor in a request with several factors, which are computed one after another: a request for nine
takes eight times the engine's time longer than a request for one. What `value_and_grad` takes beyond
the engine's time is the overhead of Python, the pipe and the copies.

NumPy and PyTorch have random matrices of the same size in two forms: packed rows A[:, triu] of n(n+1)/2
numbers, off-diagonals times √2, and dense rows of n² numbers. Both forms take two matrix-vector products.
The tests of the Python package compare gradients; here only times are compared.

In each round every contestant has a turn: a pause, one call to warm up, then calls for a quarter of a second,
three or more, of which the median counts. Printed are medians over the rounds (least–greatest). All have the
same number of threads.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

PAUSE = 0.05  # seconds, in which the threads of the one before go to sleep
TURN = 0.25  # seconds
MORE = 8  # factors more in the long request


def parse() -> argparse.Namespace:
    """Reads the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--size", action="append", metavar="N:M", help="(default 60:3000, 100:5000, 200:10000)")
    p.add_argument("--rounds", type=int, default=9, help="turns of each contestant (default %(default)s)")
    p.add_argument("--threads", type=int, default=2, help="threads of each contestant (default %(default)s)")
    options = p.parse_args()
    options.sizes = [tuple(map(int, s.split(":"))) for s in options.size or ["60:3000", "100:5000", "200:10000"]]
    return options


def turn(run: Callable[[], object]) -> float:
    """The seconds of a call."""
    time.sleep(PAUSE)
    run()
    times: list[float] = []
    while len(times) < 3 or sum(times) < TURN:
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


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


def peers(n: int, m: int, threads: int) -> dict[str, Callable[[], object]]:
    """NumPy's and PyTorch's gradients."""
    import numpy as np

    rng = np.random.default_rng(1)
    at = np.triu_indices(n)
    scale = np.where(at[0] == at[1], 1, np.sqrt(2))
    P = rng.standard_normal((m, len(scale)))
    D = np.empty((m, n, n))
    for i in range(m):
        D[i][at] = D[i].T[at] = P[i] / scale
    D = D.reshape(m, n * n)
    y, U = rng.standard_normal(m), rng.standard_normal((n, n)) / n
    G = dense(D, y, U)
    wrong = np.linalg.norm(packed(P, y, U, at, scale) - G) / np.linalg.norm(G)
    assert wrong < 1e-12, f"the two forms differ by {wrong:.0e}"
    runs: dict[str, Callable[[], object]] = {
        "NumPy packed": lambda: packed(P, y, U, at, scale),
        "NumPy dense": lambda: dense(D, y, U),
    }
    try:
        import torch
    except (ImportError, OSError, ValueError):  # the last two if it does not find NVIDIA's libraries
        return runs
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    tP, tD, ty, tU, ti, tj, ts = map(torch.from_numpy, (P, D, y, U, *at, scale))
    runs["PyTorch packed"] = lambda: packed(tP, ty, tU, (ti, tj), ts)
    runs["PyTorch dense"] = lambda: dense(tD, ty, tU)
    return runs


def measure(n: int, m: int, rounds: int, threads: int) -> None:
    """Measures one size, and prints it."""
    import numpy as np

    import matsense as ms

    with ms.problem(n=n, rank=5, measurements=m, storage="memory", device="cpu", workers=threads) as p:
        U = p.start(alpha=0.1)
        G = np.empty_like(U)
        several = [U] * (1 + MORE)
        runs = {
            "served": lambda: p.value_and_grad(U),
            "served, out=": lambda: p.value_and_grad(U, out=G),
            "several": lambda: p.value_and_grad(several),
            **peers(n, m, threads),
        }
        names = list(runs)
        times: dict[str, list[float]] = {name: [] for name in names}
        for k in range(rounds):
            for name in names[k % len(names):] + names[: k % len(names)]:
                times[name].append(1e3 * turn(runs[name]))
    engine = [(long - one) / MORE for long, one in zip(times.pop("several"), times["served"], strict=True)]
    print(f"\n## n = {n}, m = {m}\n\n| | ms | least–greatest | × served |\n|---|---|---|---|")
    for name, list_ in {"engine": engine, **times}.items():
        ratio = statistics.median(t / s for t, s in zip(list_, times["served"], strict=True))
        print(f"| {name} | {statistics.median(list_):.3f} | {min(list_):.3f}–{max(list_):.3f} | {ratio:.2f} |")
    over = [1e3 * (s - e) for s, e in zip(times["served"], engine, strict=True)]
    most = [1e3 * 0.1 * e + 100 for e in engine]
    print(
        f"\nOverhead {statistics.median(over):.0f} µs ({min(over):.0f}–{max(over):.0f}); "
        f"10 % of the engine's time and 100 µs are {statistics.median(most):.0f} µs.",
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
