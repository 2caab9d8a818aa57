#!/usr/bin/env python3
"""The largest eigenvalues of spectral estimates of multi-index models, computed
and predicted, for the link `quadratic`.

Usage
    python3 eigenvalues.py           (re)create eigenvalues/estimates.json and
                                  eigenvalues/predictions.json
    python3 eigenvalues.py --check   recompute both and compare; exit status 1 on mismatch

Needs NumPy, and philox.py beside it.  `reference.py --check` checks this as well.


The model
---------
y_i = sum_j lambda_j z_ij^2 with z_ij = <a_i, w_j>, a_i ~ N(0, I_n), orthonormal
w_1 ... w_p and lambda_1 >= ... >= lambda_p, that is y_i = a_i^T M* a_i.  The
estimate is

    S = 1/m sum_i T(y_i) a_i a_i^T,    T(y) = max(1 - 1/E[z_1^2 | y], -10)  (`optimal`)
                                   or  T(y) = y if y <= 9 E y, else 0       (`trim`)

a_i is row i of stream 0 of philox.py, the w_j are rows 0 ... p-1 of stream 1 after
Gram and Schmidt, and both have the seed of the case.


The law of y
------------
In spherical coordinates z_j = sqrt(y / lambda_j) u_j with |u| = 1,

    f(y)            = c y^(p/2 - 1) int exp(-y/2 sum_j u_j^2 / lambda_j) du
    E[z_k^2 | y]    = (y / lambda_k) int u_k^2 exp(...) du / int exp(...) du

over the circle (p = 2; equal angles) or the sphere (p = 3; Gauss-Legendre in the
height, equal angles around it).


The prediction
--------------
As n and m = delta n grow (arXiv 1702.06435, 2502.01583), for lambda > sup T,

    psi(lambda)   = lambda (1/delta + E[T / (lambda - T)])
    phi_j(lambda) = lambda E[T z_j^2 / (lambda - T)]

The bulk ends at min psi = psi(l0).  If phi_j(l0) > psi(l0), an eigenvalue lies at
psi(l1) = phi_j(l1), l1 > l0, whose eigenvector has the squared cosine
psi'(l1) / (psi'(l1) - phi_j'(l1)) with w_j; else the eigenvalue is the edge psi(l0)
and the overlap is 0.
"""

import json
import sys
from pathlib import Path

import numpy as np

import philox
import reference as ref

FOLDER = Path(__file__).parent / "eigenvalues"
MODELS = {"two": [1, 0.5], "three": [1, 0.7, 0.49], "wide": [1, 0.3, 0.02]}
DELTAS = [0.5, 1, 2, 4, 8]
ENTRIES, TRUTH = 0, 1  # streams

# The estimates agree to this, relative to the largest value: both sides compute in
# double precision, and 1e-9 leaves room for 10^6 roundings.  The predictions are
# integrals over grids, on which T has corners or jumps.
ESTIMATES, PREDICTIONS = 1e-9, 1e-12


def sphere(p):
    """Points u of the unit sphere, one a row, and weights for integrals over it."""
    if p == 2:
        angle = np.arange(2000) * np.pi / 1000
        return np.stack([np.cos(angle), np.sin(angle)], 1), np.full(2000, np.pi / 1000)
    height, weight = np.polynomial.legendre.leggauss(160)
    angle = np.arange(320) * np.pi / 160
    h, a = [x.ravel() for x in np.meshgrid(height, angle, indexing="ij")]
    flat = np.sqrt(1 - h ** 2)
    # The height is along the last direction, whose lambda is the least: there the
    # integrand is the narrowest.
    return (np.stack([flat * np.cos(a), flat * np.sin(a), h], 1),
            np.repeat(weight, 320) * np.pi / 160)


def law(lambdas, y):
    """f(y) up to a factor, and E[z_k^2 | y] in columns, for an array y > 0."""
    u, weights = sphere(len(lambdas))
    squares = u ** 2
    exponent = squares @ (1 / np.asarray(lambdas, float))
    least = exponent.min()
    density, second = np.empty(len(y)), np.empty((len(y), len(lambdas)))
    for i, value in enumerate(y):
        e = weights * np.exp(-value / 2 * (exponent - least))
        total = e.sum()
        density[i] = value ** (len(lambdas) / 2 - 1) * np.exp(-value / 2 * least) * total
        second[i] = value / np.asarray(lambdas) * (e @ squares) / total
    return density, second


def transform(name, lambdas, y, second):
    if name == "trim":
        return np.where(y <= 9 * sum(lambdas), y, 0)
    return np.maximum(1 - 1 / np.maximum(second[:, 0], 1e-12), -10)


def estimate(lambdas, n, m, seed, name):
    """The p + 1 largest eigenvalues of S, and |V^T v|^2 of their eigenvectors."""
    p = len(lambdas)
    a = np.array([philox.normals(seed, ENTRIES, i, n) for i in range(m)])
    w = np.linalg.qr(np.array([philox.normals(seed, TRUTH, j, n) for j in range(p)]).T)[0]
    y = (a @ w) ** 2 @ np.asarray(lambdas, float)
    t = transform(name, lambdas, y, law(lambdas, y)[1])
    values, vectors = np.linalg.eigh((a.T * t) @ a / m)
    top = vectors[:, ::-1][:, :p + 1]
    return values[::-1][:p + 1].tolist(), ((w.T @ top) ** 2).sum(0).tolist()


def estimates():
    cases = []
    for model, name, n, m in [("two", "optimal", 20, 90), ("three", "trim", 17, 130),
                              ("wide", "optimal", 15, 110)]:
        values, overlaps = estimate(MODELS[model], n, m, 3, name)
        cases.append({"spectrum": MODELS[model], "preprocessing": name, "n": n, "measurements": m,
                      "seed": 3, "eigenvalues": values, "overlaps": overlaps})
    return cases


def root(f, low, high):
    """Where f turns from negative to positive, by bisection."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) < 0 else (low, middle)
    return high


def predict(weight, second, t, delta):
    """The edge of the bulk, and an eigenvalue and an overlap for each direction."""
    def psi(x):
        return x * (1 / delta + weight @ (t / (x - t)))

    def slope(x):
        return 1 / delta + weight @ (t / (x - t)) - x * (weight @ (t / (x - t) ** 2))

    def gap(x, j):
        return psi(x) - x * (weight @ (t * second[:, j] / (x - t)))

    top = t.max()
    far = top + 1e4 * abs(top)
    edge = root(slope, top * (1 + 1e-9), far)
    directions = []
    for j in range(second.shape[1]):
        if gap(edge, j) >= 0:
            directions.append([psi(edge), 0.0])
            continue
        x = root(lambda x: gap(x, j), edge, far)
        v = t * second[:, j] / (x - t)
        phi = weight @ v - x * (weight @ (v / (x - t)))
        directions.append([psi(x), slope(x) / (slope(x) - phi)])
    return psi(edge), directions


def predictions():
    cases = []
    for lambdas in MODELS.values():
        # Midpoints in sqrt(y), up to where exp(-y/2) is 1e-35.
        points = 6000
        s = (np.arange(points) + 0.5) / points * np.sqrt(160)
        y = s ** 2
        density, second = law(lambdas, y)
        weight = density * s
        weight /= weight.sum()
        for name in ["optimal", "trim"]:
            t = transform(name, lambdas, y, second)
            for delta in DELTAS:
                edge, directions = predict(weight, second, t, delta)
                cases.append({"spectrum": lambdas, "preprocessing": name, "delta": delta, "edge": edge,
                              "directions": directions})
    return cases


CASES = {"estimates": (estimates, ESTIMATES), "predictions": (predictions, PREDICTIONS)}


def create(name, case):
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(case[0](), indent=1) + "\n")


def numbers(value):
    """All numbers in a value of JSON."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [x for part in value for x in numbers(part)]
    return [value] if isinstance(value, (int, float)) else []


def check(name, case):
    want = numbers(json.loads((FOLDER / f"{name}.json").read_text()))
    got = numbers(case[0]())
    if len(want) != len(got):
        return [f"{len(got)} numbers, and {len(want)} in the file"]
    worst = max(abs(a - b) / max(1, abs(b)) for a, b in zip(got, want))
    print(f"eigenvalues, {name}: largest difference {worst:.1e}")
    return [] if worst <= case[1] else [f"differs by {worst:.1e}"]


def check_all():
    """Whether anything is wrong; prints what."""
    return ref.check_cases(CASES, check)


if __name__ == "__main__":
    sys.exit(ref.command("eigenvalues.py", sys.argv[1:], CASES, create, check_all))
