#!/usr/bin/env python3
"""One gradient at n = 200, m = 10,000: matsense's contraction beside NumPy's, in turn, on the same machine.

    python3 bench/numpy_step.py [rounds]

NumPy does what a user would write: the rows as dense n × n float64 matrices, one matrix-vector product for the
residuals and one for the gradient. Needs Go and NumPy, and 4 GB of memory. Prints medians, and
ratios to the NumPy time measured just before.
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
    """Milliseconds by storage and precision."""
    text = subprocess.run(
        [binary, "-test.run", "^$", "-test.bench", f"Contract/.*/.*/{entries}$/.*/.*/members=1$", "-test.benchtime", "10x"],
        check=True, capture_output=True, text=True).stdout
    found = re.findall(r"/(memory|generated)/(f64|f32)/members=1\S*\s.*?([\d.]+) ms", text)
    return {(storage, precision): float(ms) for storage, precision, ms in found}


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
        base = []  # NumPy's times, and ours beside the round's
        times = {}
        numpy_gradient(rows, y, z)
        for _ in range(rounds):
            for name in FORMATS:
                start = time.perf_counter()
                for _ in range(3):
                    numpy_gradient(rows, y, z)
                base.append((time.perf_counter() - start) / 3 * 1e3)
                for (storage, precision), ms in ours(binary, name).items():
                    times.setdefault((precision, storage, name), []).append((ms, base[-1] / ms))
    print(f"n = {N}, m = {M}, {rounds} rounds; NumPy {np.__version__}")
    median = statistics.median(base)
    print(f"{'':24}{'ms':>8}{'min':>8}{'max':>8}   NumPy/ours, median of rounds")
    print(f"{'NumPy float64':24}{median:8.1f}{min(base):8.1f}{max(base):8.1f}   (reads {2 * rows.nbytes / median / 1e6:.1f} GB/s)")
    for (precision, storage, name), pairs in sorted(times.items(), reverse=True, key=lambda item: item[0][:2]):
        ms, ratios = zip(*pairs)
        print(f"{f'{name} {storage}, {precision}':24}{statistics.median(ms):8.1f}{min(ms):8.1f}{max(ms):8.1f}   {statistics.median(ratios):.1f}")


if __name__ == "__main__":
    main()
