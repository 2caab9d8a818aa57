#!/usr/bin/env python3
"""One gradient from Pauli words in matsense and NumPy, in turn, on the same machine.

    .venv/bin/python bench/peers/pauli.py --rounds 5    # 3 GB of memory, some minutes

bench/peers/run makes .venv. There are m = 10·n different words with an even number of Y. NumPy has three
forms: word by word, with a gather of the rows j ^ x; all words of an x together, with a matrix of their signs
that is made beforehand; and dense rows, two matrix-vector products, if these fit into memory. All three are
compared before any is timed. matsense is `go test -bench Pauli ./cpu`, with other words of the same law.
"""

from __future__ import annotations

import argparse
import collections
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SIZES = [(64, 1), (64, 64), (256, 1), (256, 256), (1024, 1), (4096, 1)]
LARGEST = 256  # n of dense rows, which take gigabytes at 1024, and of words one by one, which take seconds
Gradient = Callable[[np.ndarray], np.ndarray]


def parity(v: np.ndarray) -> np.ndarray:
    """The parity of the set bits of numbers below 2³²."""
    for shift in (16, 8, 4, 2, 1):
        v = v ^ v >> shift
    return v & 1


def draw(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks of m different words with an even number of Y, sorted by x."""
    rng = np.random.default_rng(n)
    words: set[tuple[int, int]] = set()
    while len(words) < m:
        x, z = (int(v) for v in rng.integers(0, n, 2))
        if (x & z).bit_count() % 2 == 0:
            words.add((x, z))
    xs, zs = zip(*sorted(words))
    return np.array(xs), np.array(zs)


def forms(n: int, m: int, y: np.ndarray) -> dict[str, Gradient]:
    """The gradient of 1/4m Σ (⟨A_i, UUᵀ⟩ − y_i)² in every form that fits into memory."""
    x, z = draw(n, m)
    j = np.arange(n)
    unit = np.sqrt((n + 1) / 2)
    scale = np.where(np.array([int(v).bit_count() % 4 for v in x & z]) == 2, -unit, unit)

    def by_word(U: np.ndarray) -> np.ndarray:
        G = np.zeros_like(U)
        for i in range(m):
            signs = scale[i] * (1 - 2.0 * parity(z[i] & j))
            flipped = U[j ^ x[i]]
            res = signs @ np.einsum("jr,jr->j", U, flipped) - y[i]
            G += (res / m * signs)[:, None] * flipped
        return G

    xs, begin = np.unique(x, return_index=True)
    groups = [(j ^ flip, scale[a:b, None] * (1 - 2.0 * parity(z[a:b, None] & j)), y[a:b])
              for a, b, flip in zip(begin, [*begin[1:], m], xs)]

    def by_x(U: np.ndarray) -> np.ndarray:
        G = np.zeros_like(U)
        for rows, signs, seen in groups:
            flipped = U[rows]
            res = signs @ np.einsum("jr,jr->j", U, flipped) - seen
            G += (res @ signs / m)[:, None] * flipped
        return G

    all_forms = {"NumPy, x by x": by_x}
    if n <= LARGEST:
        all_forms["NumPy, word by word"] = by_word
        A = np.zeros((m, n, n))
        for i in range(m):
            A[i, j, j ^ x[i]] = scale[i] * (1 - 2.0 * parity(z[i] & j))
        A = A.reshape(m, n * n)

        def dense(U: np.ndarray) -> np.ndarray:
            res = A @ (U @ U.T).reshape(-1) - y
            return (res @ A).reshape(n, n) @ U / m

        all_forms["NumPy, dense rows"] = dense
    return all_forms


def ours(binary: pathlib.Path, n: int, m: int, r: int) -> dict[str, float]:
    """Milliseconds of one gradient from words and, if the benchmark has them, from dense rows."""
    names = {"words": "matsense, words", "rows": "matsense, dense rows of f32"}
    benchmark = f"^BenchmarkPauli$/.*/n={n}$/m={m}$/r={r}$"
    out = subprocess.run([binary, "-test.run", "^$", "-test.bench", benchmark, "-test.benchtime", "5x"],
                         check=True, capture_output=True, text=True, cwd=ROOT / "cpu").stdout
    found = re.findall(r"^BenchmarkPauli/(\w+)/\S+\s+\d+\s+([\d.]+) ns/op", out, re.MULTILINE)
    return {names[form]: float(ns) / 1e6 for form, ns in found}


def timed(gradient: Gradient, U: np.ndarray) -> float:
    """Milliseconds of a call, the mean of up to 5 calls within 0.2 s."""
    began, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - began < 0.2 and calls < 5:
        gradient(U)
        calls += 1
    return (time.perf_counter() - began) / calls * 1e3


def compare(binary: pathlib.Path, n: int, r: int, rounds: int) -> None:
    """Prints the times of one size."""
    m = 10 * n
    rng = np.random.default_rng(1)
    y, U = rng.standard_normal(m), rng.standard_normal((n, r)) / np.sqrt(r)
    numpy_forms = forms(n, m, y)
    gradients = [g(U) for g in numpy_forms.values()]
    for g in gradients[1:]:
        np.testing.assert_allclose(g, gradients[0], rtol=1e-9, atol=1e-9 * np.abs(gradients[0]).max())
    times: dict[str, list[float]] = collections.defaultdict(list)
    for _ in range(rounds):
        for name, ms in ours(binary, n, m, r).items():
            times[name].append(ms)
        for name, gradient in numpy_forms.items():
            times[name].append(timed(gradient, U))
    best = statistics.median(times["matsense, words"])
    for name, ms in times.items():
        print(f"n = {n}, m = {m}, r = {r}: {name}: {statistics.median(ms):.3g} ms "
              f"({min(ms):.3g} to {max(ms):.3g}), {statistics.median(ms) / best:.3g} ×", flush=True)


def main() -> None:
    """Builds the benchmark and compares all sizes."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument("--rounds", type=int, default=5, help="turns of each contestant")
    rounds = p.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        binary = pathlib.Path(folder) / "cpu.test"
        subprocess.run(["go", "test", "-c", "-o", binary, "./cpu"], check=True, cwd=ROOT)
        print(f"NumPy {np.__version__}, {os.cpu_count()} cores")
        for n, r in SIZES:
            compare(binary, n, r, rounds)


if __name__ == "__main__":
    main()
