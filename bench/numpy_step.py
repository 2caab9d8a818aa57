#!/usr/bin/env python3
"""One gradient at n = 200, m = 10,000: matsense's contraction beside NumPy's, in turn, on the same machine.

    python3 bench/numpy_step.py [rounds]

NumPy does what a user would write: the rows as dense n × n float64 matrices, one matrix-vector product for the
residuals and one for the gradient. Needs Go and NumPy, and 4 GB of memory. Prints medians, and ratios round by round.
"""

import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

N, M = 200, 10_000
ROOT = pathlib.Path(__file__).resolve().parent.parent
FORMATS = ["f64", "f32", "bf16", "q8", "sign"]


def numpy_gradient(rows, y, z):
    res = rows @ z - y
    return rows.T @ res / len(y)


def ours(binary, entries):
    text = subprocess.run(
        [binary, "-test.run", "^$", "-test.bench", f"Contract/.*/.*/{entries}$", "-test.benchtime", "10x"],
        check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([\d.]+) ms", text).group(1))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rng = np.random.default_rng(1)
    rows = np.empty((M, N * N))
    for i in range(0, M, 500):  # the values do not matter to the time
        rows[i:i + 500] = rng.standard_normal((500, N * N))
    z, y = rng.standard_normal(N * N), rng.standard_normal(M)
    with tempfile.TemporaryDirectory() as tmp:
        binary = str(pathlib.Path(tmp) / "cpu.test")
        subprocess.run(["go", "test", "-c", "-o", binary, "./cpu"], cwd=ROOT, check=True)
        times = {name: [] for name in ["numpy"] + FORMATS}
        numpy_gradient(rows, y, z)
        for _ in range(rounds):
            start = time.perf_counter()
            for _ in range(3):
                numpy_gradient(rows, y, z)
            times["numpy"].append((time.perf_counter() - start) / 3 * 1e3)
            for name in FORMATS:
                times[name].append(ours(binary, name))
    print(f"n = {N}, m = {M}, {rounds} rounds; NumPy {np.__version__}")
    median = statistics.median(times["numpy"])
    print(f"{'':16}{'ms':>8}{'min':>8}{'max':>8}   NumPy/ours, median of rounds")
    print(f"{'NumPy float64':16}{median:8.1f}{min(times['numpy']):8.1f}{max(times['numpy']):8.1f}   "
          f"(reads {2 * rows.nbytes / median / 1e6:.1f} GB/s)")
    for name in FORMATS:
        ratio = statistics.median(a / b for a, b in zip(times["numpy"], times[name]))
        print(f"{'matsense ' + name:16}{statistics.median(times[name]):8.1f}{min(times[name]):8.1f}{max(times[name]):8.1f}   {ratio:.1f}")


if __name__ == "__main__":
    main()
