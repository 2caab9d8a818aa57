#!/usr/bin/env python3
"""More reference cases: losses other than the squared one, for the problems of
reference.py with outliers in some observations.

Usage
    python3 losses.py           (re)create every case: inputs and outputs
    python3 losses.py --check   recompute the outputs from the committed inputs
                                and compare; exit status 1 on mismatch

With res_i = <A_i, Z> - y_i

    f = 1/(2m) sum_i rho(res_i),    G = 1/m sum_i psi(res_i) A_i,    psi = rho'

    l1       rho(x) = |x|                          psi(x) = sign(x)
    huber    rho(x) = x^2/2 for |x| <= d,          psi(x) = x, cut off at -d and d
             d (|x| - d/2) otherwise               (setting `huber-threshold` d)

so that f is that of reference.py for rho(x) = x^2/2.  As there, the gradient is
G U for Z = U U^T, and G V/2 and G^T U/2 for Z = U V^T.  The column train_loss is
f; the other columns are those of reference.py.

gd takes U - step q^t G U for the next U in step t = 0, 1, ..., with the setting
`step-decay` "geometric:q" (Ma and Fattahi, arXiv 2202.08788); q = 1 without it.

scaled-subgradient (Tong, Ma and Chi, arXiv 2010.13364; settings `step`,
`optimal-value` f*) takes U - mu_t P and V - mu_t Q for the next U and V, with
P = grad_U (V^T V)^{-1}, Q = grad_V (U^T U)^{-1} and
mu_t = min(step, (f - f*) / (<grad_U, P> + <grad_V, Q>)), or 0 if f <= f*.

opsa (Giampouras, Cai and Vidal, arXiv 2410.16826; setting `lambda` as well) is the
same with P = grad_U (V^T V + lambda I)^{-1} and Q = grad_V (U^T U + lambda I)^{-1}.

A sign does not depend on rounding unless its residual is within 1e-15 of 0, and
between two changes of signs the error of U does not grow.  --check repeats every
run with measurements, coordinates and columns permuted, and with psi by another
formula: for l1 G is the sum of A_i over the positive residuals less the sum over
the negative ones, and for huber psi(x) = (|x + d| - |x - d|)/2.  It also compares
the gradient with central differences of f, in a direction in which no residual
passes a kink.
"""

import sys

import numpy as np

from reference import (
    check_cases, column_space, command, disagreements, header, leading_pairs,
    load_arrays, make_inputs, metrics, metrics_uv, outside, read_case, residual,
    residual_uv, save_inputs, spectral_subspace, spectral_subspace_uv,
    symmetric_float64, write_results)

OPTIONS = ["loss", "huber-threshold", "step-decay", "lambda", "optimal-value"]
STORED = dict(A_dtype="<f8", y_dtype="<f8", A_order="C")
CASES = {
    "l1": dict(
        method="gd", parametrization="psd",
        options={"loss": "l1", "step-decay": "geometric:0.97"}, outliers=18, size=10.0,
        seed=4101, n=10, rank=2, measurements=181, factor_rank=5,
        alpha=1e-2, kappa=2.0, noise=0.0, general=False,
        step=0.5, iterations=120, **STORED),
    "huber_uv": dict(
        method="gd", parametrization="uv",
        options={"loss": "huber", "huber-threshold": 0.3}, outliers=12, size=5.0,
        seed=4202, n=9, n2=7, rank=2, measurements=173, factor_rank=3,
        alpha=1e-2, kappa=2.0, noise=1e-2,
        step=0.5, iterations=120, **STORED),
    # f* is a little below f at the truth, so that no step divides two small numbers.
    "scaled_subgradient_uv": dict(
        method="scaled-subgradient", parametrization="uv",
        options={"loss": "l1", "optimal-value": 0.055}, outliers=8, size=3.0, near=True,
        seed=4303, n=9, n2=7, rank=2, measurements=191, factor_rank=2,
        alpha=0.3, kappa=3.0, noise=0.0,
        step=1.0, iterations=40, **STORED),
    # The largest step is in force in 8 steps of 30; f at the truth is 0.062.
    "opsa_uv": dict(
        method="opsa", parametrization="uv",
        options={"loss": "l1", "lambda": 0.05, "optimal-value": 0.05}, outliers=8, size=3.0,
        seed=4404, n=9, n2=7, rank=2, measurements=191, factor_rank=4,
        alpha=0.5, kappa=3.0, noise=0.0,
        step=0.4, iterations=30, **STORED),
}


def inputs_of(case):
    """The inputs in the form in which they are stored."""
    inputs = make_inputs(case)
    rng = np.random.default_rng(case["seed"] + 1)
    where = rng.choice(case["measurements"], case["outliers"], replace=False)
    if case.get("near"):
        inputs["U0"], inputs["V0"] = inputs["U0"] + inputs["X"], inputs["V0"] + inputs["Y"]
    inputs["y"][where] += case["size"] * rng.standard_normal(case["outliers"])
    return inputs


def rho(x, settings):
    if settings["loss"] == "l1":
        return np.abs(x)
    d = settings["huber-threshold"]
    return np.where(np.abs(x) <= d, x ** 2 / 2, d * (np.abs(x) - d / 2))


def psi(x, settings):
    if settings["loss"] == "l1":
        return np.sign(x)
    return np.clip(x, -settings["huber-threshold"], settings["huber-threshold"])


def objective(res, settings):
    """f of the residuals."""
    return float(np.mean(rho(res, settings)) / 2)


def pull(A, res, settings):
    """G of the residuals."""
    return np.einsum("i,ijk->jk", psi(res, settings), A) / len(A)


def other_pull(A, res, settings):
    """`pull` by other formulas."""
    if settings["loss"] == "l1":
        return (A[res > 0].sum(axis=0) - A[res < 0].sum(axis=0)) / len(A)
    d = settings["huber-threshold"]
    return np.tensordot((np.abs(res + d) - np.abs(res - d)) / (2 * len(A)), A, 1)


def steps_of(settings):
    law, ratio = settings.get("step-decay", "geometric:1").split(":")
    assert law == "geometric", law
    ratio = float(ratio)
    return [settings["step"] * ratio ** t for t in range(settings["iterations"])]


def solve(inputs, settings, pull=pull):
    """All rows of the trajectory, the last factors by the names of their files,
    and the spectral estimate's angle."""
    uv = settings["parametrization"] == "uv"
    return (solve_uv if uv else solve_psd)(**inputs, settings=settings, pull=pull)


def solve_psd(A, y, X, U0, settings, pull):
    A, U = symmetric_float64(A), U0
    M_star, V_X = X @ X.T, column_space(X)
    V_spec = spectral_subspace(A, y, X.shape[1])
    rows = []
    for step in steps_of(settings) + [0.0]:
        res = residual(A, y, U)
        rows.append([objective(res, settings),
                     *metrics(A, y, M_star, V_X, V_spec, U)[1:]])
        last, U = U, U - step * pull(A, res, settings) @ U
    return np.array(rows), {"factor": last}, outside(V_X, V_spec)


def gradients_of(G, U, V):
    """grad_U and grad_V."""
    return G @ V / 2, G.T @ U / 2


def scaled(gradients, U, V, damping):
    """grad_U (V^T V + lambda I)^{-1} and grad_V (U^T U + lambda I)^{-1}."""
    eye = damping * np.eye(U.shape[1])
    return (np.linalg.solve(V.T @ V + eye, gradients[0].T).T,
            np.linalg.solve(U.T @ U + eye, gradients[1].T).T)


def other_scaled(gradients, U, V, damping):
    """`scaled` from pseudoinverses: with W = [V; sqrt(lambda) I] and V^T V + lambda I =
    W^T W, (W^T W)^{-1} = W^+ W^{+T}."""
    root = np.sqrt(damping) * np.eye(U.shape[1])
    inverses = [np.linalg.pinv(np.vstack([W, root])) for W in (V, U)]
    return tuple(g @ (W @ W.T) for g, W in zip(gradients, inverses))


def solve_uv(A, y, X, Y, U0, V0, settings, pull):
    U, V = U0, V0
    M_star, rank = X @ Y.T, X.shape[1]
    B, B_spec = leading_pairs(M_star, rank), spectral_subspace_uv(A, y, rank)
    rows = []
    for step in steps_of(settings) + [0.0]:
        res = residual_uv(A, y, U, V)
        rows.append([objective(res, settings),
                     *metrics_uv(A, y, M_star, B, B_spec, U, V)[1:]])
        gradients = gradients_of(pull(A, res, settings), U, V)
        last = {"factor": U, "factor-right": V}
        P, Q = gradients
        if settings["method"] in ("scaled-subgradient", "opsa"):
            P, Q = (scaled if pull is not other_pull else other_scaled)(
                gradients, U, V, settings.get("lambda", 0.0))
            square = np.sum(gradients[0] * P) + np.sum(gradients[1] * Q)
            above = max(rows[-1][0] - settings["optimal-value"], 0.0)
            step = min(step, above / square)
        U, V = U - step * P, V - step * Q
    return np.array(rows), last, outside(B, B_spec)


def solve_reordered(inputs, settings):
    """The same with every sum formed in another order, and the other formulas."""
    rng = np.random.default_rng(1)
    uv = settings["parametrization"] == "uv"
    i = rng.permutation(len(inputs["y"]))
    j = rng.permutation(settings["n"])
    l = rng.permutation(settings["n2"]) if uv else j
    k = rng.permutation(settings["factor_rank"])
    order = {"A": (i, j, l), "y": (i,), "X": (j, None), "U0": (j, k),
             "Y": (l, None), "V0": (l, k)}
    moved = {}
    for what, array in inputs.items():
        for axis, places in enumerate(order[what]):
            if places is not None:
                array = np.take(array, places, axis=axis)
        moved[what] = array
    rows, factors, angle = solve(moved, settings, other_pull)
    back = {}
    for what, array in factors.items():
        back[what] = np.empty_like(array)
        back[what][np.ix_(l if what == "factor-right" else j, k)] = array
    return rows, back, angle


def settings_of(case):
    """settings.json but for the spectral estimate's angle."""
    keys = ["step", "iterations", "n", "n2", "rank", "measurements", "factor_rank"]
    return {"method": case["method"], "parametrization": case["parametrization"],
            **{key: case["options"][key] for key in OPTIONS if key in case["options"]},
            **{key: case[key] for key in keys if key in case}}


def create(name, case):
    inputs, settings = inputs_of(case), settings_of(case)
    rows, factors, angle = solve(inputs, settings)
    save_inputs(name, inputs)
    settings["spectral_estimate_angle"] = angle
    write_results(name, settings, header(settings), rows, factors)


def slope_error(inputs, settings):
    """Relative difference of <grad f, W> and a central difference of f along a W,
    at a point that is not special.  No residual passes a kink on the way, between
    which f is a polynomial."""
    rng = np.random.default_rng(0)
    uv = settings["parametrization"] == "uv"
    A, y = inputs["A"], inputs["y"]
    A = A if uv else symmetric_float64(A)
    U = rng.standard_normal(inputs["U0"].shape) / np.sqrt(settings["n"])
    V = rng.standard_normal(inputs["V0"].shape) / np.sqrt(settings["n"]) if uv else U
    P = rng.standard_normal(U.shape)
    Q = rng.standard_normal(V.shape) if uv else P
    at = lambda h: residual_uv(A, y, U + h * P, V + h * Q)
    h = 1e-5
    kinks = [0.0] if settings["loss"] == "l1" else [
        -settings["huber-threshold"], settings["huber-threshold"]]
    for kink in kinks:
        if np.any((at(-h) > kink) != (at(h) > kink)):
            return np.inf
    numeric = (objective(at(h), settings) - objective(at(-h), settings)) / (2 * h)
    G = pull(A, at(0.0), settings)
    exact = np.sum(G @ V / 2 * P) + np.sum(G.T @ U / 2 * Q)
    return abs(numeric / exact - 1)


def check(name, case):
    """Problems found in one committed case, as lines of text."""
    settings = settings_of(case)
    names = header(settings)
    want, (angle,), problems = read_case(name, settings, names)
    if problems:
        return problems
    inputs = load_arrays(name, inputs_of(case))
    error = slope_error(inputs, settings)
    print(f"{name}: the slope of f along a line: {error:.1e}")
    if not error <= 1e-8:  # h^2, and 1e-16/h from rounding
        problems.append(f"the slope of f is off by {error:.1e}")
    computed = solve(inputs, settings)
    factors = load_arrays(name, computed[1])
    return problems + disagreements(
        name, names[1:], computed, (want, factors, angle),
        solve_reordered(inputs, settings))


def check_all():
    """Whether anything is wrong with these cases; prints what."""
    return check_cases(CASES, check)


if __name__ == "__main__":
    sys.exit(command("losses.py", sys.argv[1:], CASES, create, check_all))
