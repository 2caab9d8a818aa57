#!/usr/bin/env python3
"""One more reference case: mirror descent with the spectral hypentropy, for Z = U U^T -
V V^T.  (methods.py has the case of the spectral entropy, for Z = U U^T.)

Usage
    python3 mirrordescent.py           (re)create the case: inputs and outputs
    python3 mirrordescent.py --check   recompute the outputs from the committed inputs
                                       and compare; exit status 1 on mismatch

The problem and the metrics are those of `indefinite` in structured.py:

    f = 1/(4m) sum_i (<A_i, Z> - y_i)^2,    G = 1/m sum_i (<A_i, Z> - y_i) A_i

The spectral hypentropy of a symmetric Z with eigenvalues z_j is

    Phi(Z) = sum_j z_j arcsinh(z_j / alpha) - sqrt(z_j^2 + alpha^2)

and mirror descent with it (Wu and Rebeschini, arXiv 2105.13831; there with the step
2 step, for f as 1/(2m) sum) has the mirror map grad Phi(Z) = arcsinh(Z / alpha):

    arcsinh(Z / alpha) <- arcsinh(Z / alpha) - 2 step G

The factors belong to it by

    U U^T = (sqrt(Z^2 + alpha^2 I) + Z) / 2,    V V^T = (sqrt(Z^2 + alpha^2 I) - Z) / 2

and U and V are the symmetric roots of these after a step.  The start has a Z_0 that is
not 0, since all singular values of U = V = sqrt(alpha/2) I are equal and leave
`spectral_angle` open; and U0 and V0 are the symmetric roots times orthogonal matrices.

The run takes S = arcsinh(Z / alpha) along, so that Z = alpha sinh(S), and with
exp(S) = cosh(S) + sinh(S) its factors are

    U = sqrt(alpha/2) exp(S/2),    V = sqrt(alpha/2) exp(-S/2)

--check repeats it in Z, as the first three equations say, with measurements and
coordinates permuted.
"""

import sys

import numpy as np

import structured
from reference import (
    check_cases, command, disagreements, draw_measurements, load_arrays, outside,
    read_case, save_inputs, subspace_metrics, write_results)
from structured import basis, dense, draw_truth, header, measured_factor

CASES = {
    "mirror_descent_indefinite": dict(
        method="mirror-descent", parametrization="indefinite", signs=(1, -1, 1),
        seed=8101, n=7, rank=3, measurements=61, factor_rank=7, alpha=0.1, spread=0.3,
        kappa=1.5, noise=1e-2, step=0.15, iterations=40),
}
KIND = "indefinite"


def spectral(f, S):
    """The symmetric matrix with f of the eigenvalues of S, and its eigenvectors."""
    values, Q = np.linalg.eigh(S)
    return (Q * f(values)) @ Q.T


def factors_of(S, alpha):
    """U and V as symmetric roots."""
    return [np.sqrt(alpha / 2) * spectral(np.exp, half) for half in (S / 2, -S / 2)]


def inputs_of(case):
    """The inputs in the form in which they are stored."""
    rng = np.random.default_rng(case["seed"])
    n, m = case["n"], case["measurements"]
    truth = draw_truth(rng, case)
    A = draw_measurements(rng, m, n, False)
    y = np.einsum("ijk,jk->i", A, truth["X"] @ truth["Y"].T)
    N = rng.standard_normal((n, n))
    U, V = factors_of(case["spread"] * (N + N.T) / 2, case["alpha"])
    turns = [np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2)]
    return {"A": A, "y": y + case["noise"] * rng.standard_normal(m), **truth,
            "U0": U @ turns[0], "V0": V @ turns[1]}


def by_logarithm(G, factors, case):
    """All iterates, each [U, V]."""
    yield factors
    # U U^T = alpha/2 exp(S)
    S = spectral(lambda x: np.log(2 * x / case["alpha"]), factors[0] @ factors[0].T)
    for _ in range(case["iterations"]):
        Z = factors[0] @ factors[0].T - factors[1] @ factors[1].T
        S = S - 2 * case["step"] * G(Z)
        factors = factors_of(S, case["alpha"])
        yield factors


def by_mirror(G, factors, case):
    """The same in Z."""
    alpha = case["alpha"]
    yield factors
    Z = factors[0] @ factors[0].T - factors[1] @ factors[1].T
    for _ in range(case["iterations"]):
        image = spectral(lambda z: np.arcsinh(z / alpha), Z) - 2 * case["step"] * G(Z)
        Z = alpha * spectral(np.sinh, image)
        yield [spectral(lambda z: np.sqrt((np.hypot(z, alpha) + sign * z) / 2), Z)
               for sign in (1, -1)]


def solve(inputs, case, iterates=by_logarithm):
    """All rows of the trajectory, the last factors by the names of their files,
    and the spectral estimate's angle."""
    f, G = dense(inputs["A"], inputs["y"])
    M_star = inputs["X"] @ inputs["Y"].T
    B = basis(KIND, M_star, case["rank"])
    B_spec = basis(KIND, -G(np.zeros(M_star.shape)), case["rank"])
    rows = []
    for factors in iterates(G, [inputs["U0"], inputs["V0"]], case):
        Z = structured.product(KIND, factors)
        measured, sigma = subspace_metrics(B, B_spec, measured_factor(KIND, factors, Z))
        rows.append([float(f(Z)), float(np.linalg.norm(Z - M_star)
                                        / np.linalg.norm(M_star)), *measured, *sigma])
    return (np.array(rows), dict(zip(("factor", "factor-right"), factors)),
            outside(B, B_spec))


def solve_reordered(inputs, case):
    rng = np.random.default_rng(1)
    i, j = rng.permutation(case["measurements"]), rng.permutation(case["n"])
    moved = {what: inputs[what][j] for what in ("X", "Y", "U0", "V0")}
    moved |= {"A": inputs["A"][i][:, j][:, :, j], "y": inputs["y"][i]}
    rows, factors, angle = solve(moved, case, by_mirror)
    back = {what: np.empty_like(F) for what, F in factors.items()}
    for what, F in factors.items():
        back[what][np.ix_(j, j)] = F
    return rows, back, angle


def settings_of(case):
    """settings.json but for the spectral estimate's angle."""
    keys = ["method", "parametrization", "step", "iterations", "n", "rank",
            "measurements", "factor_rank"]
    return {key: case[key] for key in keys}


def create(name, case):
    inputs = inputs_of(case)
    rows, factors, angle = solve(inputs, case)
    save_inputs(name, inputs)
    write_results(name, {**settings_of(case), "spectral_estimate_angle": angle},
                  header(case), rows, factors)


def check(name, case):
    """Problems found in one committed case, as lines of text."""
    want, (angle,), problems = read_case(name, settings_of(case), header(case))
    if problems:
        return problems
    inputs = load_arrays(name, inputs_of(case))
    # The start is one of the hypentropy: U U^T and V V^T are alpha^2/4 times inverse.
    U, V = inputs["U0"], inputs["V0"]
    off = np.linalg.norm(4 / case["alpha"] ** 2 * U @ U.T @ V @ V.T - np.eye(len(U)))
    if not off < 1e-12:
        problems.append(f"U U^T V V^T is {off:.1e} from alpha^2/4 I")
    computed = solve(inputs, case)
    factors = load_arrays(name, computed[1])
    return problems + disagreements(
        name, header(case)[1:], computed, (want, factors, angle),
        solve_reordered(inputs, case))


def check_all():
    """Whether anything is wrong with these cases; prints what."""
    return check_cases(CASES, check)


if __name__ == "__main__":
    sys.exit(command("mirrordescent.py", sys.argv[1:], CASES, create, check_all))
