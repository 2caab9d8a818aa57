"""The paper's run as a NumPy user would write it: python numpy_run.py N RANK R M STEPS ALPHA DTYPE THREADS.

Measurements are rows of n(n+1)/2 coordinates of a random symmetric matrix (the upper triangle, off-diagonals
times √2), which are independent N(0, 1). Every step records the loss and the test error. Each thread draws
its part of the rows, and goes over it block by block in cache.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

n, rank, r, m, steps = map(int, sys.argv[1:6])
alpha, dtype, threads = float(sys.argv[6]), np.dtype(sys.argv[7]), int(sys.argv[8])
threadpool_limits(1, "blas")  # because the rows are divided among this script's own threads

i, j = np.triu_indices(n)
scale = np.where(i == j, 1, np.sqrt(2)).astype(dtype)
places = np.empty((n, n), np.intp)
places[i, j] = places[j, i] = np.arange(len(i))
block = max(1, 2**21 // (len(i) * dtype.itemsize))  # rows that stay in cache


def coordinates(S):
    return S.reshape(-1)[i * n + j] * scale


def contract(A, y, z):
    g, losses = np.zeros_like(z), 0.0
    for k in range(0, len(y), block):
        rows = A[k : k + block]
        res = rows @ z - y[k : k + block]
        g += res @ rows
        losses += res @ res
    return g, losses


rng = np.random.default_rng(1)
X = np.linalg.qr(rng.standard_normal((n, rank)))[0]
truth = X @ X.T
U = (alpha / np.sqrt(r) * rng.standard_normal((n, r))).astype(dtype)
A = np.empty((m, len(i)), dtype)
parts = np.array_split(A, threads)
trajectory = []
with ThreadPoolExecutor(threads) as pool:
    list(pool.map(lambda rng, part: rng.standard_normal(out=part, dtype=dtype), rng.spawn(threads), parts))
    z = coordinates(truth).astype(dtype)
    ys = list(pool.map(lambda part: part @ z, parts))
    for t in range(steps + 1):
        S = U @ U.T
        error = np.linalg.norm(S - truth) / np.linalg.norm(truth)
        z = coordinates(S)
        sums = list(pool.map(contract, parts, ys, [z] * threads))
        trajectory.append((t, sum(losses for _, losses in sums) / (4 * m), error))
        U -= 0.25 / m * ((sum(g for g, _ in sums) / scale)[places] @ U)
np.savetxt(sys.stdout, trajectory[-1:], fmt="%g")
