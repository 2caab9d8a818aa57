#!/usr/bin/env python3
"""One more reference case: weight normalization, for the problems of reference.py.

Usage
    python3 weightnormalization.py           (re)create the case: inputs and outputs
    python3 weightnormalization.py --check   recompute the outputs from the committed
                                             inputs and compare; exit status 1 on
                                             mismatch

The parametrization is Z = X S X^T, S = (T + T^T)/2, with X of n x r and T of r x r
(U0.npy and V0.npy, factor.npy and factor-right.npy).  With

    f = 1/(4m) sum_i (<A_i, Z> - y_i)^2,    G = 1/m sum_i (<A_i, Z> - y_i) A_i

the derivatives are grad_X = G X S and grad_T = X^T G X / 2.  A step (Wei, Zhang, Li
and He, arXiv 2510.01175, algorithm 1; settings `step` mu, `magnitude-step` nu) is

    D = (I - X X^T) grad_X + X (X^T grad_X - grad_X^T X) / 2
    X <- (X - mu D) (I + mu^2 D^T D)^{-1/2}
    T <- T - nu grad_T,   with grad_T at the new X

Before the first step X <- X (X^T X)^{-1/2} and T <- S.  The metrics are those of
reference.py for the factor [P sqrt|L|; P sign(L) sqrt|L|]/sqrt(2), where
Z = P L P^T with r eigenvalues.

--check repeats the run with measurements, coordinates and columns permuted, and with
D = grad_X - X (X^T grad_X + grad_X^T X)/2 and the polar decomposition of X - mu D from
its singular vectors.  It also compares grad_X and grad_T with central differences.
"""

import sys

import numpy as np

from reference import (
    check_cases, command, disagreements, gradient_error, load_arrays, make_inputs,
    outside, read_case, save_inputs, stack, subspace_metrics, symmetric_float64,
    write_results)

CASES = {
    # Noise, so that the eigenvalues of S that the truth does not need stay far from 0.
    "weight_normalization": dict(
        method="weight-normalization", parametrization="polar", magnitude=1.6,
        seed=6101, n=9, rank=2, measurements=181, factor_rank=4,
        alpha=0.3, kappa=1.5, noise=3e-2, general=False,
        step=0.4, iterations=40, A_dtype="<f8", y_dtype="<f8", A_order="C"),
}


def inputs_of(case):
    """The inputs in the form in which they are stored, with a T that is not
    symmetric, and whose S has no fewer positive eigenvalues than the truth."""
    inputs = make_inputs({**case, "parametrization": "psd"})
    rng = np.random.default_rng(case["seed"] + 1)
    r = case["factor_rank"]
    inputs["V0"] = 0.5 * np.eye(r) + 0.2 * rng.standard_normal((r, r))
    return inputs


def header(settings):
    return ["iteration", "train_loss", "test_error", "signal", "noise", "angle",
            "spectral_angle"] + [
                f"sigma_{j}" for j in range(1, settings["factor_rank"] + 1)]


def symmetric(T):
    return (T + T.T) / 2


def product(X, T):
    return X @ symmetric(T) @ X.T


def loss(A, y, X, T):
    return float(np.mean((np.einsum("ijk,jk->i", A, product(X, T)) - y) ** 2) / 4)


def gradients(A, y, X, T):
    res = np.einsum("ijk,jk->i", A, product(X, T)) - y
    G = np.einsum("i,ijk->jk", res, A) / len(y)
    return G @ X @ symmetric(T), X.T @ G @ X / 2


def inverse_root(P):
    values, vectors = np.linalg.eigh(P)
    return vectors @ np.diag(values ** -0.5) @ vectors.T


def normalize(X):
    return X @ inverse_root(X.T @ X)


def move(X, g, mu):
    """The next X from grad_X = g."""
    D = g - X @ (X.T @ g) + X @ (X.T @ g - g.T @ X) / 2
    return (X - mu * D) @ inverse_root(np.eye(X.shape[1]) + mu ** 2 * D.T @ D)


def other_normalize(X):
    P, _, Qt = np.linalg.svd(X, full_matrices=False)
    return P @ Qt


def other_move(X, g, mu):
    C = X.T @ g
    return other_normalize(X - mu * (g - X @ (C + C.T) / 2))


def leading(M, rank):
    """The eigenvectors of the largest |eigenvalues|, stacked with signs."""
    values, vectors = np.linalg.eigh(M)
    first = np.argsort(-np.abs(values))[:rank]
    return stack(vectors[:, first], vectors[:, first] * np.sign(values[first]))


def measured(X, T):
    """[P sqrt|L|; P sign(L) sqrt|L|]/sqrt(2)."""
    Q, R = np.linalg.qr(X)
    values, vectors = np.linalg.eigh(symmetric(R @ symmetric(T) @ R.T))
    P = Q @ vectors * np.sqrt(np.abs(values))
    return stack(P, P * np.sign(values))


def solve(A, y, X, U0, V0, settings, normalize=normalize, move=move):
    """All rows of the trajectory, the last factors by the names of their files,
    and the spectral estimate's angle."""
    A = symmetric_float64(A)
    M_star, rank = X @ X.T, X.shape[1]
    B = leading(M_star, rank)
    B_spec = leading(np.einsum("i,ijk->jk", y, A) / len(y), rank)
    rows, W, T = [], U0, V0
    for t in range(settings["iterations"] + 1):
        subspaces, sigma = subspace_metrics(B, B_spec, measured(W, T))
        rows.append([loss(A, y, W, T),
                     np.linalg.norm(product(W, T) - M_star) / np.linalg.norm(M_star),
                     *subspaces, *sigma])
        if t == settings["iterations"]:
            return np.array(rows), {"factor": W, "factor-right": T}, outside(B, B_spec)
        if t == 0:
            W, T = normalize(W), symmetric(T)
        W = move(W, gradients(A, y, W, T)[0], settings["step"])
        T = T - settings["magnitude-step"] * gradients(A, y, W, T)[1]


def solve_reordered(inputs, settings):
    """The same with every sum formed in another order, and the other formulas."""
    rng = np.random.default_rng(1)
    i, j, k = (rng.permutation(settings[what])
               for what in ("measurements", "n", "factor_rank"))
    moved = {"A": inputs["A"][i][:, j][:, :, j], "y": inputs["y"][i], "X": inputs["X"][j],
             "U0": inputs["U0"][j][:, k], "V0": inputs["V0"][k][:, k]}
    rows, factors, angle = solve(**moved, settings=settings, normalize=other_normalize,
                                 move=other_move)
    back = {what: np.empty_like(F) for what, F in factors.items()}
    back["factor"][np.ix_(j, k)] = factors["factor"]
    back["factor-right"][np.ix_(k, k)] = factors["factor-right"]
    return rows, back, angle


def settings_of(case):
    """settings.json but for the spectral estimate's angle."""
    keys = ["step", "iterations", "n", "rank", "measurements", "factor_rank"]
    return {"method": case["method"], "parametrization": case["parametrization"],
            "magnitude-step": case["magnitude"], **{key: case[key] for key in keys}}


def create(name, case):
    inputs, settings = inputs_of(case), settings_of(case)
    rows, factors, angle = solve(**inputs, settings=settings)
    save_inputs(name, inputs)
    settings["spectral_estimate_angle"] = angle
    write_results(name, settings, header(settings), rows, factors)


def check(name, case):
    """Problems found in one committed case, as lines of text."""
    settings = settings_of(case)
    names = header(settings)
    want, (angle,), problems = read_case(name, settings, names)
    if problems:
        return problems
    inputs = load_arrays(name, inputs_of(case))
    A, y = symmetric_float64(inputs["A"]), inputs["y"]
    X, T = inputs["U0"], inputs["V0"]
    for what, error in (
            ("X", gradient_error(lambda X: loss(A, y, X, T),
                                 lambda X: gradients(A, y, X, T)[0], X)),
            ("T", gradient_error(lambda T: loss(A, y, X, T),
                                 lambda T: gradients(A, y, X, T)[1], T))):
        print(f"{name}: the gradient in {what} is off by {error:.1e}")
        if not error <= 1e-8:  # h^2, and 1e-16/h from rounding
            problems.append(f"the gradient in {what} is off by {error:.1e}")
    computed = solve(**inputs, settings=settings)
    factors = load_arrays(name, computed[1])
    return problems + disagreements(
        name, names[1:], computed, (want, factors, angle),
        solve_reordered(inputs, settings))


def check_all():
    """Whether anything is wrong with these cases; prints what."""
    return check_cases(CASES, check)


if __name__ == "__main__":
    sys.exit(command("weightnormalization.py", sys.argv[1:], CASES, create, check_all))
