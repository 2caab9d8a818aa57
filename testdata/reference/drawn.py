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

and of relu-completion the coordinates whose entry of M* is at least relu-threshold
times ||M*||_F / sqrt(n n2), in order, each with the one number sqrt(K) in a,

where the coordinates of a symmetric matrix are its upper triangle, row after
row, those off the diagonal times sqrt(2).  With the signal-to-noise ratio `snr`
in decibels and c_i = <A_i, M*>, the observations are y_i = c_i + sigma w_i,

    snr = 10 log10(sum_i c_i^2 / (m sigma^2)),

and sigma is rounded to 24 bits.  The last `hold-out` m of them are not fitted; of
observed entries it is those with the first different numbers floor(w m / 2^64),
where w are the first 64-bit words of rows 0, 0, 1, 1, .. of stream 9, word 0 and
word 1.  The methods and the metrics are those of reference.py for the others,
and one more: held_out_rmse is the root mean square of <A_i, Z> - y_i over those
that are held out; of observed entries that of Z_jk - M_jk over all positions,
on both sides of the diagonal if Z is symmetric.
"""

import json
import sys

import numpy as np

import philox
import reference as ref

ENTRIES, NOISE, HELD_OUT = 0, 2, 9  # streams of philox.py

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
    "drawn_relu": {
        "ensemble": "relu-completion", "relu-threshold": -0.4, "parametrization": "psd",
        "seed": 31, "snr": 15, "hold-out": 0.1,
        "n": 14, "rank": 2, "measurements": 77, "factor_rank": 3,
        "method": "gd", "step": 0.2, "iterations": 150},
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


def seen(case, M_star):
    """The entries that relu-completion observes, as A_i."""
    n, n2 = sizes(case)
    least = case["relu-threshold"] * np.sqrt(np.mean(M_star ** 2))
    uv = case["parametrization"] == "uv"
    K = n * n2 if uv else n * (n + 1) // 2
    A = []
    for i in range(n):
        for j in range(0 if uv else i, n2):
            if M_star[i, j] >= least:
                a = np.zeros((n, n2))
                if uv or i == j:
                    a[i, j] = np.sqrt(K)
                else:
                    a[i, j] = a[j, i] = np.sqrt(K / 2)
                A.append(a)
    return np.array(A)


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
    if case["ensemble"] == "relu-completion":
        A = seen(case, M_star)
        assert len(A) == m, f"{len(A)} entries are observed"
    else:
        A = np.array([measurement(case, i) for i in range(m)])
    c = np.einsum("ijk,jk->i", A, M_star)
    digits, exponent = np.frexp(np.sqrt(np.mean(c ** 2)) * 10 ** (-case["snr"] / 20))
    sigma = float(np.ldexp(float(np.float32(digits)), exponent))
    return A, c + sigma * philox.normals(case["seed"], NOISE, 0, m), sigma


def held_out(case):
    """Which measurements are held out, True or False of each."""
    m = case["measurements"]
    h = round(case["hold-out"] * m)
    if case["ensemble"] != "relu-completion":
        return np.arange(m) >= m - h
    chosen, row = [], 0
    while len(chosen) < h:
        for number in philox.indices(case["seed"], HELD_OUT, row, 2, m):
            if number not in chosen and len(chosen) < h:
                chosen.append(number)
        row += 1
    return np.isin(np.arange(m), chosen)


def solve(inputs, case):
    """As in reference.py, with a column for the measurements that are held out:
    an iterate is the end of a shorter run."""
    A, y, _ = observe(inputs, case)
    out = held_out(case)

    def run(iterations):
        return ref.solve({"A": A[~out], "y": y[~out], **inputs},
                         {**case, "iterations": iterations})

    held = []
    for iterations in range(case["iterations"] + 1):
        result = run(iterations)
        U = result[1]["factor"]
        Z = U @ result[1].get("factor-right", U).T
        residuals = np.einsum("ijk,jk->i", A[out], Z) - y[out]
        if case["ensemble"] == "relu-completion":
            # A_i has one or two equal elements, and the residual is their number
            # times one of them times Z_jk - M_jk.
            count = np.count_nonzero(A[out], axis=(1, 2))
            entries = residuals / (count * np.max(A[out], axis=(1, 2)))
            held.append(np.sqrt(np.sum(count * entries ** 2) / np.sum(count)))
        else:
            held.append(np.sqrt(np.mean(residuals ** 2)))
    rows, factors, angle, _ = result
    return np.column_stack([rows, held]), factors, angle


def columns(case):
    return [*ref.header(case), "held_out_rmse"]


def settings_of(case, inputs):
    return {**case, "sigma": observe(inputs, case)[2]}


def create(name, case):
    inputs = make_inputs(case)
    ref.save_inputs(name, inputs)
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
