#!/usr/bin/env python3
"""Cases whose measurements and noise are drawn: hold-out and `snr`.

Usage
    python3 drawn.py           (re)create these cases: inputs and outputs
    python3 drawn.py --check   recompute and compare; exit status 1 on mismatch

The truth and the start are files.  The measurements A_1 .. A_m and the noise are
numbers of philox.py with the seed in settings.json (row i of stream 0 has A_i,
row 0 of stream 2 the noise).  With K = n(n+1)/2 coordinates a of a symmetric
matrix (uv: K = n n2, the elements row after row)

    gaussian    a has K normal deviates
    rademacher  a has K signs
    rank-one    A = v v^T (uv: v w^T), v and then w of normal deviates

where the coordinates of a symmetric matrix are its upper triangle, row after
row, those off the diagonal times sqrt(2).  With the signal-to-noise ratio `snr`
in decibels and c_i = <A_i, M*>, the observations are y_i = c_i + sigma w_i,

    snr = 10 log10(sum_i c_i^2 / (m sigma^2)),

and sigma is rounded to 24 bits.  The last `hold-out` m of them are not fitted.
The methods and the metrics are those of reference.py for the others, and one
more: held_out_rmse is the root mean square of <A_i, Z> - y_i over those that
are held out.
"""

import json
import sys

import numpy as np

import philox
import reference as ref

ENTRIES, NOISE = 0, 2  # streams of philox.py

CASES = {
    "drawn_gaussian": {
        "ensemble": "gaussian", "entries": "f64", "parametrization": "psd",
        "seed": 1234567890123, "snr": 12, "hold-out": 0.15,
        "n": 9, "rank": 2, "measurements": 140, "factor_rank": 5,
        "method": "gd", "step": 0.25, "iterations": 150},
    # Less signal than noise, and a row that does not fill its last word.
    "drawn_signs": {
        "ensemble": "rademacher", "entries": "sign", "parametrization": "uv",
        "seed": 77, "snr": -2, "hold-out": 0.1,
        "n": 7, "n2": 6, "rank": 2, "measurements": 150, "factor_rank": 3,
        "method": "gd", "step": 0.4, "iterations": 150},
    "drawn_vectors": {
        "ensemble": "rank-one", "parametrization": "psd",
        "seed": 5, "snr": 20, "hold-out": 0.2,
        "n": 8, "rank": 1, "measurements": 130, "factor_rank": 4,
        "method": "scaled-gd-lambda", "lambda": 0.5, "step": 0.05, "iterations": 150},
}
ALPHA, KAPPA = 1e-2, 2.0


def sizes(case):
    """Rows and columns of the unknown matrix."""
    return case["n"], case.get("n2", case["n"])


def make_inputs(case):
    rng = np.random.default_rng(case["seed"])
    n, n2 = sizes(case)
    rank, r = case["rank"], case["factor_rank"]
    start = lambda rows: ALPHA * rng.standard_normal((rows, r)) / np.sqrt(r)
    if case["parametrization"] == "uv":
        X, Y = ref.draw_pair(rng, n, n2, rank, KAPPA)
        return {"X": X, "Y": Y, "U0": start(n), "V0": start(n2)}
    return {"X": ref.draw_X(rng, n, rank, KAPPA), "U0": start(n)}


def measurement(case, i):
    """A_i as a matrix."""
    n, n2 = sizes(case)
    uv = case["parametrization"] == "uv"
    if case["ensemble"] == "rank-one":
        v = philox.normals(case["seed"], ENTRIES, i, n + n2 if uv else n)
        return np.outer(v[:n], v[n:] if uv else v)
    numbers = {"gaussian": philox.normals, "rademacher": philox.signs}[case["ensemble"]]
    if uv:
        return numbers(case["seed"], ENTRIES, i, n * n2).reshape(n, n2)
    A, (j, k) = np.zeros((n, n)), np.triu_indices(n)
    A[j, k] = numbers(case["seed"], ENTRIES, i, len(j))
    A[j[j != k], k[j != k]] /= np.sqrt(2)
    return A + np.triu(A, 1).T


def observe(inputs, case):
    """All measurements, all observations, and sigma."""
    m = case["measurements"]
    M_star = inputs["X"] @ inputs.get("Y", inputs["X"]).T
    A = np.array([measurement(case, i) for i in range(m)])
    c = np.einsum("ijk,jk->i", A, M_star)
    digits, exponent = np.frexp(np.sqrt(np.mean(c ** 2)) * 10 ** (-case["snr"] / 20))
    sigma = float(np.ldexp(float(np.float32(digits)), exponent))
    return A, c + sigma * philox.normals(case["seed"], NOISE, 0, m), sigma


def solve(inputs, case):
    """As in reference.py, with a column for the measurements that are held out:
    an iterate is the end of a shorter run."""
    A, y, _ = observe(inputs, case)
    fitted = len(y) - round(case["hold-out"] * len(y))

    def run(iterations):
        return ref.solve({"A": A[:fitted], "y": y[:fitted], **inputs},
                         {**case, "iterations": iterations})

    held = []
    for iterations in range(case["iterations"] + 1):
        result = run(iterations)
        U = result[1]["factor"]
        Z = U @ result[1].get("factor-right", U).T
        p = np.einsum("ijk,jk->i", A[fitted:], Z)
        held.append(np.sqrt(np.mean((p - y[fitted:]) ** 2)))
    rows, factors, angle, _ = result
    return np.column_stack([rows, held]), factors, angle


def columns(case):
    return [*ref.header(case), "held_out_rmse"]


def settings_of(case, inputs):
    return {**case, "sigma": observe(inputs, case)[2]}


def create(name, case):
    folder = ref.HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    inputs = make_inputs(case)
    for what, array in inputs.items():
        np.save(folder / f"{what}.npy", np.ascontiguousarray(array))
    rows, factors, angle = solve(inputs, case)
    settings = {**settings_of(case, inputs), "spectral_estimate_angle": angle}
    ref.write_results(name, settings, columns(case), rows, factors)


def check(name, case):
    """Problems found in one committed case, as lines of text."""
    folder = ref.HERE / name
    inputs = {what: np.load(folder / f"{what}.npy") for what in make_inputs(case)}
    A, y, sigma = observe(inputs, case)
    problems = []

    # The ratio, from traces.
    M_star = inputs["X"] @ inputs.get("Y", inputs["X"]).T
    c = np.array([np.trace(a.T @ M_star) for a in A])
    ratio = 10 * np.log10(np.sum(c ** 2) / (len(c) * sigma ** 2))
    print(f"{name}: the signal-to-noise ratio is {ratio:.7f} dB")
    if not abs(ratio - case["snr"]) <= 2e-6:
        problems.append(f"the signal-to-noise ratio is {ratio} dB")

    settings = json.loads((folder / "settings.json").read_text())
    angle = settings.pop("spectral_estimate_angle")
    if settings != settings_of(case, inputs):
        problems.append(f"settings.json: {settings}")
    want, malformed = ref.read_trajectory(folder, columns(case), case["iterations"])
    if malformed:
        return problems + malformed
    rows, factors, computed = solve(inputs, case)
    committed = {what: np.load(folder / f"{what}.npy") for what in factors}
    return problems + ref.too_large(
        name, ref.differences(columns(case)[1:], (rows, factors, computed),
                              (want, committed, angle)),
        ref.TOLERANCE, "largest relative difference", "relative difference {:.2e}")


def check_all():
    """Whether anything is wrong with these cases; prints what."""
    return ref.check_cases(CASES, check)


if __name__ == "__main__":
    sys.exit(ref.command("drawn.py", sys.argv[1:], CASES, create, check_all))
