"""Measurements and gradients from the definitions in docs/random-numbers.md and docs/methods.md.

Nothing here uses matsense. Philox is that of the reference in NumPy, testdata/reference/philox.py.
"""

import statistics
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "testdata" / "reference"))
import philox

ENTRIES, TRUTH = 0, 1  # streams


def q8_levels():
    """1.00198·Φ⁻¹((k + ½)/256), rounded to the eight significant bits of bf16."""
    levels = np.array([1.00198 * statistics.NormalDist().inv_cdf((k + 0.5) / 256) for k in range(256)])
    fraction, exponent = np.frexp(levels)
    return np.ldexp(np.rint(fraction * 256), exponent - 8)


def entries(kind, seed, row, count):
    """The entries of one row."""
    if kind == "f64":
        return philox.normals(seed, ENTRIES, row, count)
    if kind == "q8":
        words = np.array(philox.words32(seed, ENTRIES, row, -(-count // 4)), "<u4")
        return q8_levels()[words.view(np.uint8)[:count]]
    return philox.signs(seed, ENTRIES, row, count)


def unsvec(row, n):
    """The symmetric matrix of svec coordinates: the upper triangle by rows, off-diagonals times √2."""
    A = np.zeros((n, n))
    at = 0
    for i in range(n):
        for j in range(i, n):
            A[i, j] = A[j, i] = row[at] if i == j else row[at] / np.sqrt(2)
            at += 1
    return A


def distinct(seed, m, K):
    """m different numbers of 0 … K − 1 in ascending order, for m ≤ K − m."""
    found, i = [], 0
    while len(found) < m:
        number = philox.words64(seed, ENTRIES, i // 2, 2)[i % 2] * K >> 64
        if number not in found:
            found.append(number)
        i += 1
    return sorted(found)


def matrices(ensemble, kind, seed, m, n, n2=None):
    """A_1 … A_m, m × n × n2; symmetric if n2 is None."""
    columns = n if n2 is None else n2
    K = n * (n + 1) // 2 if n2 is None else n * n2
    rows = []
    if ensemble == "completion":
        for number in distinct(seed, m, K):
            row = np.zeros(K)
            row[number] = np.sqrt(K)
            rows.append(row)
    elif ensemble == "rank-one":
        for i in range(m):
            vectors = philox.normals(seed, ENTRIES, i, n if n2 is None else n + n2)
            rows.append(np.outer(vectors[:n], vectors[:n] if n2 is None else vectors[n:]))
        return np.array(rows)
    else:
        rows = [entries(kind, seed, i, K) for i in range(m)]
    return np.array([unsvec(row, n) if n2 is None else row.reshape(n, columns) for row in rows])


def truth(seed, n, rank, kappa, right=False):
    """X, or Y if right: orthonormalized normal deviates, column j times a number from 1 to 1/kappa."""
    deviates = [philox.normals(seed, TRUTH, j + (2**32 if right else 0), n) for j in range(rank)]
    Q, R = np.linalg.qr(np.array(deviates).T)
    return Q * np.sign(np.diag(R)) * np.linspace(1, 1 / kappa, rank)


def product(parametrization, factor):
    """Z."""
    if parametrization == "psd":
        return factor[0] @ factor[0].T
    if parametrization == "uv":
        return factor[0] @ factor[1].T
    if parametrization == "indefinite":
        return factor[0] @ factor[0].T - factor[1] @ factor[1].T
    if parametrization == "sparse":
        return factor[0] ** 2 - factor[1] ** 2
    Z = factor[0]
    for W in factor[1:]:
        Z = W @ Z
    return Z


def value(A, y, parametrization, factor):
    """f = 1/(4m) Σ (⟨A_i, Z⟩ − y_i)², by a loop."""
    Z = product(parametrization, factor)
    total = 0.0
    for A_i, y_i in zip(A, y, strict=True):
        total += (np.sum(A_i * Z) - y_i) ** 2
    return total / (4 * len(y))


def gradient(A, y, parametrization, factor):
    """The derivatives of f by each matrix of the factor, by a loop over measurements."""
    Z = product(parametrization, factor)
    G = np.zeros_like(Z)
    for A_i, y_i in zip(A, y, strict=True):
        G += (np.sum(A_i * Z) - y_i) * A_i / len(y)
    if parametrization == "psd":
        return [G @ factor[0]]
    if parametrization == "uv":
        return [G @ factor[1] / 2, G.T @ factor[0] / 2]
    if parametrization == "indefinite":
        return [G @ factor[0], -G @ factor[1]]
    if parametrization == "sparse":
        return [G * factor[0], -G * factor[1]]
    grads = []
    for j in range(len(factor)):
        after, before = np.eye(len(factor[j])), np.eye(factor[0].shape[1])
        for W in factor[j + 1 :]:
            after = W @ after
        for W in factor[:j]:
            before = W @ before
        grads.append(after.T @ G @ before.T / 2)
    return grads
