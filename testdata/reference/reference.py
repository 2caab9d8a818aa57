#!/usr/bin/env python3
"""Dense float64 reference for low-rank matrix sensing by gradient descent and
preconditioned gradient descent.

Usage
    python3 reference.py           (re)create every case: inputs and outputs
    python3 reference.py --check   recompute the outputs from the committed
                                   inputs and compare; exit status 1 on mismatch

Needs NumPy only.  Everything is written the obvious way (dense arrays, einsum,
full SVDs); speed does not matter here.


The problem
-----------
Unknown      M* = X X^T,  X is n x r*  (r* is called `rank` below).
Measurements A_1 .. A_m, each n x n.  A matrix that is not symmetric is first
             replaced by (A_i + A_i^T)/2.
Observations y_i = <A_i, M*> + noise,   <A, B> = sum_jk A_jk B_jk.
Learned      U, n x r  (r is called `factor_rank` below).

    f(U)      = 1/(4m) sum_i (<A_i, U U^T> - y_i)^2
    grad f(U) = 1/m    sum_i (<A_i, U U^T> - y_i) A_i U

The method (`method` in settings.json) says how U_{k+1} follows from U_k,
k = 0 .. T-1:

    gd                U - step * grad f(U)
    scaled-gd         U - step * grad f(U) (U^T U)^{-1}
    scaled-gd-lambda  U - step * grad f(U) (U^T U + lambda I)^{-1}
    prec-gd           U - step * grad f(U) (U^T U + lambda_k I)^{-1},
                      lambda_k = sqrt(1/m sum_i (<A_i, U U^T> - y_i)^2)

where every U on the right is U_k.  `scaled-gd` is from Tong, Ma and Chi
(arXiv 2005.08898), `scaled-gd-lambda` from Xu, Shen, Chi and Ma (arXiv
2302.01186), `prec-gd` from Zhang, Fattahi and Zhang (NeurIPS 2021).  `lambda`
is a positive constant, in settings.json for `scaled-gd-lambda` only.  Note that
lambda_k = 2 sqrt(f(U_k)), because f has the factor 1/4.

The metrics are those of U_k for k = 0 .. T inclusive; see `metrics` below.


Why the runs stop where they do, and why the tolerance is 1e-9
--------------------------------------------------------------
Two correct implementations add up the same numbers in different orders, so
their results differ by rounding, around 1e-16 relative to the largest terms.
What matters is by how much the metrics magnify that:

  * train_loss is a sum of squares of p_i - y_i, where p_i = <A_i, U U^T>.  The
    rounding error of p_i is about 1e-16 |y_i| or a small multiple of that, so
    when the fit has become so good that |p_i - y_i| is 1e-k |y_i|, the
    difference keeps only about 16-k digits.  At a test error of 1e-5 there are
    still 10 to 11 digits; at 1e-7 only 8 to 9 are left.  Therefore the
    noiseless cases stop while the test error is still above about 1e-5.  (In
    the noisy case p_i - y_i stays near the noise level and little cancels.)
    No run reaches the rounding floor of the loss.
  * test_error suffers in the same way, and so does every angle that becomes
    small: (I - P P^T) Q has an absolute error around 1e-16.
  * singular values are exact to about 1e-16 times the LARGEST one, so the
    small ones (2e-6 here) are good to about 1e-10.  They must come from an
    SVD of U: square roots of eigenvalues of U^T U are good only to 1e-8 times
    the largest.
  * The methods other than gd solve with the r x r matrix P = U^T U + lambda I,
    which magnifies rounding errors by up to its condition number: a step is
    then good to about 1e-16 cond(P).  These cases are chosen so that cond(P)
    stays below 1e4, and --check enforces that.  For `scaled-gd` this means a
    factor rank equal to r* and a start that is not small; for
    `scaled-gd-lambda` cond(P) is at most 1 + |U|^2 / lambda anyway; for
    `prec-gd` lambda_k decreases in proportion to the error, which is one more
    reason to stop early.

For the methods other than gd --check measures the effect as well.  It repeats
the run with the measurements, the coordinates and the columns of U in another
order, and with an explicit inverse of P from its Cholesky factor in place of a
linear solve.  Nothing changes mathematically, but every sum is formed in
another order.  The metrics have to agree with the first run to 1e-10.

1e-9 is therefore above everything that rounding can do here, whereas an error
in the mathematics (a factor of two, a missing symmetrization, an iteration off
by one, a float32 accumulation) shows up at 1e-7 or, nearly always, far above.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-9  # relative; the reason is given at the top of this file
SENSITIVITY = 1e-10  # relative; allowed to a run that sums in another order
CONDITION = 1e4  # allowed to U^T U + lambda I


# The cases.  `method`, `lambda`, `step`, `iterations` and the sizes go to
# settings.json; the rest describes how the inputs are drawn.
#   alpha   U0 = alpha * G, the entries of G independent N(0, 1/factor_rank)
#   kappa   condition number of X (its spectral norm is 1)
#   noise   standard deviation of the observation noise
#   general draw A_i with independent N(0,1) entries and leave it non-symmetric
#   A_dtype, y_dtype, A_order    how A.npy and y.npy are stored
CASES = {
    # No noise, square factor (r = n), small start.
    "square": dict(
        method="gd",
        seed=101, n=17, rank=2, measurements=211, factor_rank=17,
        alpha=1e-3, kappa=2.0, noise=0.0, general=False,
        step=0.25, iterations=280,
        A_dtype="<f8", y_dtype="<f8", A_order="C"),
    # Noisy, factor wider than tall (r > n), A.npy in Fortran order.  The seed is
    # one for which (1/m) sum_i y_i A_i has negative eigenvalues of larger
    # magnitude than its third largest one, so that ordering the eigenvalues by
    # absolute value gives a different (wrong) spectral estimate.
    "wide": dict(
        method="gd",
        seed=223, n=13, rank=3, measurements=307, factor_rank=19,
        alpha=1e-2, kappa=3.0, noise=1e-3, general=False,
        step=0.25, iterations=300,
        A_dtype="<f8", y_dtype="<f8", A_order="F"),
    # r = r* = 1; A.npy and y.npy hold float32 values.
    "rankone": dict(
        method="gd",
        seed=303, n=11, rank=1, measurements=97, factor_rank=1,
        alpha=1e-2, kappa=1.0, noise=0.0, general=False,
        # Short: near iteration 160 the test error reaches 1e-8, which is where
        # the float32 rounding of y ends it.
        step=0.2, iterations=100,
        A_dtype="<f4", y_dtype="<f4", A_order="C"),
    # Non-symmetric A_i, A.npy in big-endian byte order.
    "asymmetric": dict(
        method="gd",
        seed=404, n=7, rank=2, measurements=83, factor_rank=5,
        alpha=1e-2, kappa=2.0, noise=0.0, general=True,
        step=0.15, iterations=300,
        A_dtype=">f8", y_dtype="<f8", A_order="C"),
    # The next four are not gd.  (`lambda` cannot be a keyword argument, hence the
    # braces.)  No lambda: r = r*, and the start is not small.
    "scaled": {
        "method": "scaled-gd",
        "seed": 505, "n": 12, "rank": 3, "measurements": 199, "factor_rank": 3,
        "alpha": 0.3, "kappa": 5.0, "noise": 0.0, "general": False,
        "step": 0.1, "iterations": 120,
        "A_dtype": "<f8", "y_dtype": "<f8", "A_order": "C"},
    # Constant lambda, r > r*, small start.
    "damped": {
        "method": "scaled-gd-lambda", "lambda": 0.02,
        "seed": 606, "n": 13, "rank": 2, "measurements": 211, "factor_rank": 7,
        "alpha": 1e-3, "kappa": 5.0, "noise": 0.0, "general": False,
        "step": 0.2, "iterations": 120,
        "A_dtype": "<f8", "y_dtype": "<f8", "A_order": "C"},
    # lambda from the residual, r > r*.
    "preconditioned": {
        "method": "prec-gd",
        "seed": 707, "n": 11, "rank": 2, "measurements": 197, "factor_rank": 6,
        "alpha": 0.1, "kappa": 5.0, "noise": 0.0, "general": False,
        "step": 0.2, "iterations": 100,
        "A_dtype": "<f8", "y_dtype": "<f8", "A_order": "C"},
    # Constant lambda, r = n, noise, non-symmetric A_i.
    "damped_noise": {
        "method": "scaled-gd-lambda", "lambda": 0.05,
        "seed": 808, "n": 9, "rank": 2, "measurements": 149, "factor_rank": 9,
        "alpha": 1e-2, "kappa": 3.0, "noise": 1e-2, "general": True,
        "step": 0.15, "iterations": 120,
        "A_dtype": "<f8", "y_dtype": "<f8", "A_order": "C"},
}


# --------------------------------------------------------------------------
# Inputs
# --------------------------------------------------------------------------

def draw_measurements(rng, m, n, general):
    """m Gaussian matrices whose symmetric part has N(0,1) on the diagonal and
    N(0,1/2) off the diagonal.

    If G has independent N(0,1) entries then (G + G^T)/2 has exactly that law:
    diagonal variance 1, off-diagonal variance (1 + 1)/4 = 1/2.  So the general
    matrices are G itself, with no further scaling, and the symmetric ones are
    (G + G^T)/2.
    """
    G = rng.standard_normal((m, n, n))
    return G if general else (G + G.transpose(0, 2, 1)) / 2


def draw_X(rng, n, rank, kappa):
    """n x rank with spectral norm 1, condition number kappa, and singular
    values evenly spaced in the logarithm; random singular vectors on both
    sides, so the columns of X are not orthogonal to each other."""
    left, _ = np.linalg.qr(rng.standard_normal((n, rank)))
    right, _ = np.linalg.qr(rng.standard_normal((rank, rank)))
    singular = np.geomspace(1.0, 1.0 / kappa, rank)
    return left @ np.diag(singular) @ right.T


def make_inputs(case):
    """A, y, X, U0 in the form in which they are stored."""
    rng = np.random.default_rng(case["seed"])
    n, m = case["n"], case["measurements"]
    rank, r = case["rank"], case["factor_rank"]

    X = draw_X(rng, n, rank, case["kappa"])
    A = draw_measurements(rng, m, n, case["general"])
    U0 = case["alpha"] * rng.standard_normal((n, r)) / np.sqrt(r)
    noise = case["noise"] * rng.standard_normal(m)

    # Round A to its stored type first; the observations belong to the stored
    # values.  y is computed in float64 and then rounded to its own type.
    A = np.asarray(A.astype(case["A_dtype"]), order=case["A_order"])
    M_star = X @ X.T
    y = np.einsum("ijk,jk->i", symmetric_float64(A), M_star) + noise
    y = y.astype(case["y_dtype"])
    return A, y, X, U0


def symmetric_float64(A):
    """The measurement matrices as native float64, symmetrized.  (For a matrix
    that is already symmetric this changes nothing, not even a last digit.)"""
    A = np.ascontiguousarray(A, dtype=np.float64)
    return (A + A.transpose(0, 2, 1)) / 2


# --------------------------------------------------------------------------
# The objective.  A is symmetric float64 from here on.
# --------------------------------------------------------------------------

def residual(A, y, U):
    """<A_i, U U^T> - y_i for every i."""
    return np.einsum("ijk,jk->i", A, U @ U.T) - y


def loss(A, y, U):
    return np.sum(residual(A, y, U) ** 2) / (4 * len(y))


def gradient(A, y, U):
    weighted = np.einsum("i,ijk->jk", residual(A, y, U), A)
    return weighted @ U / len(y)


# --------------------------------------------------------------------------
# The methods
# --------------------------------------------------------------------------

def preconditioner(A, y, U, method, lam):
    """The r x r matrix by whose inverse the gradient is multiplied from the
    right; None for gd, which has none."""
    identity = np.eye(U.shape[1])
    if method == "gd":
        return None
    if method == "scaled-gd":
        return U.T @ U
    if method == "scaled-gd-lambda":
        return U.T @ U + lam * identity
    if method == "prec-gd":
        return U.T @ U + np.sqrt(np.mean(residual(A, y, U) ** 2)) * identity
    raise ValueError(f"unknown method {method}")


def divide(G, P):
    """G P^{-1} for a symmetric P, by a linear solve (LU with pivoting)."""
    return np.linalg.solve(P, G.T).T


def divide_by_inverse(G, P):
    """G P^{-1} with the inverse formed from the Cholesky factor of P.  Used by
    --check to see how much depends on the way in which this is computed."""
    inverse_L = np.linalg.inv(np.linalg.cholesky(P))
    return G @ (inverse_L.T @ inverse_L)


def direction(A, y, U, method, lam, divide=divide):
    """U_k - U_{k+1} = step * direction."""
    P = preconditioner(A, y, U, method, lam)
    G = gradient(A, y, U)
    return G if P is None else divide(G, P)


# --------------------------------------------------------------------------
# The metrics
# --------------------------------------------------------------------------

def spectral_norm(B):
    return float(np.linalg.svd(B, compute_uv=False)[0])


def outside(P, Q):
    """Spectral norm of (I - P P^T) Q, for P and Q with orthonormal columns: the
    sine of the largest principal angle between the two spans when they have the
    same dimension.  Taken from the projected matrix itself and not from
    sqrt(1 - cos^2), which would lose half of the digits of a small angle."""
    return spectral_norm(Q - P @ (P.T @ Q))


def column_space(X):
    """Orthonormal basis of the column space of X, which has full column rank."""
    left, _, _ = np.linalg.svd(X, full_matrices=False)
    return left


def spectral_subspace(A, y, rank):
    """Eigenvectors of (1/m) sum_i y_i A_i to its `rank` largest eigenvalues,
    largest in the algebraic sense, not in absolute value."""
    B = np.einsum("i,ijk->jk", y, A) / len(y)
    _, vectors = np.linalg.eigh(B)  # eigenvalues ascending
    return vectors[:, -rank:]


def metrics(A, y, M_star, V_X, V_spec, U):
    """One row of trajectory.csv, without the iteration number."""
    n, r = U.shape
    rank = V_X.shape[1]

    train_loss = float(loss(A, y, U))
    test_error = float(np.linalg.norm(U @ U.T - M_star, "fro")
                       / np.linalg.norm(M_star, "fro"))

    # V_X^T U = V Sigma W^T; W is r x min(rank, r) with orthonormal columns.
    _, _, Wt = np.linalg.svd(V_X.T @ U, full_matrices=False)
    UW = U @ Wt.T

    # Signal: the rank-th singular value of U W; there is none if r < rank.
    if r < rank:
        signal = 0.0
    else:
        signal = float(np.linalg.svd(UW, compute_uv=False)[rank - 1])

    # Noise: U (I - W W^T).  If r <= rank then W is square and orthogonal, and
    # the matrix vanishes identically; say 0 rather than print its rounding.
    if r <= rank:
        noise = 0.0
    else:
        noise = spectral_norm(U - UW @ Wt)

    # Angle between the column space of U W and the one of X.
    Q, _, _ = np.linalg.svd(UW, full_matrices=False)
    angle = outside(V_X, Q)

    # Angle between the leading left singular vectors of U and the spectral
    # estimate.
    left, sigma, _ = np.linalg.svd(U, full_matrices=False)
    spectral_angle = outside(V_spec, left[:, :rank])

    return [train_loss, test_error, signal, noise, angle, spectral_angle,
            *(float(s) for s in sigma)]


def header(n, r):
    return (["iteration", "train_loss", "test_error", "signal", "noise",
             "angle", "spectral_angle"]
            + [f"sigma_{j}" for j in range(1, min(n, r) + 1)])


def solve(A, y, X, U0, settings, divide=divide):
    """All rows of the trajectory, U_T, the spectral estimate's angle, and the
    largest condition number of U^T U + lambda I on the way (1 for gd)."""
    A = symmetric_float64(A)
    y = y.astype(np.float64)
    rank = X.shape[1]
    M_star = X @ X.T
    V_X = column_space(X)
    V_spec = spectral_subspace(A, y, rank)

    U = U0.astype(np.float64)
    method, lam = settings["method"], settings.get("lambda")
    rows = [metrics(A, y, M_star, V_X, V_spec, U)]
    condition = 1.0
    for _ in range(settings["iterations"]):
        P = preconditioner(A, y, U, method, lam)
        if P is not None:
            condition = max(condition, float(np.linalg.cond(P)))
        U = U - settings["step"] * direction(A, y, U, method, lam, divide)
        rows.append(metrics(A, y, M_star, V_X, V_spec, U))
    return np.array(rows), U, outside(V_X, V_spec), condition


def solve_reordered(A, y, X, U0, settings):
    """The same as `solve` with every sum formed in another order: measurements,
    coordinates and columns of U permuted, and another way to divide.  Neither
    permutation changes any metric; those of U_T are undone."""
    rng = np.random.default_rng(1)
    i = rng.permutation(len(y))
    j = rng.permutation(X.shape[0])
    k = rng.permutation(U0.shape[1])
    rows, U, estimate_angle, condition = solve(
        A[i][:, j][:, :, j], y[i], X[j], U0[j][:, k], settings, divide_by_inverse)
    unpermuted = np.empty_like(U)
    unpermuted[np.ix_(j, k)] = U
    return rows, unpermuted, estimate_angle, condition


# --------------------------------------------------------------------------
# Creating the case folders
# --------------------------------------------------------------------------

def create(name, case):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    A, y, X, U0 = make_inputs(case)
    np.save(folder / "A.npy", A)
    np.save(folder / "y.npy", y)
    np.save(folder / "X.npy", np.ascontiguousarray(X))
    np.save(folder / "U0.npy", np.ascontiguousarray(U0))

    rows, U, estimate_angle, _ = solve(A, y, X, U0, case)
    settings = {
        "method": case["method"],
        **({"lambda": case["lambda"]} if "lambda" in case else {}),
        "step": case["step"],
        "iterations": case["iterations"],
        "n": case["n"],
        "rank": case["rank"],
        "measurements": case["measurements"],
        "factor_rank": case["factor_rank"],
        "spectral_estimate_angle": estimate_angle,
    }
    (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")
    with open(folder / "trajectory.csv", "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header(case["n"], case["factor_rank"]))
        for k, row in enumerate(rows):
            out.writerow([k] + [repr(float(v)) for v in row])
    np.save(folder / "factor.npy", np.ascontiguousarray(U))
    print(f"{name}: wrote {len(rows)} rows, final loss {rows[-1, 0]:.3e}, "
          f"final test error {rows[-1, 1]:.3e}")


# --------------------------------------------------------------------------
# Checking the committed files
# --------------------------------------------------------------------------

def relative_difference(got, want):
    """Largest |got - want| / |want| over the entries; 0 where both are 0."""
    got, want = np.asarray(got), np.asarray(want)
    if not (np.isfinite(got).all() and np.isfinite(want).all()):
        return np.inf
    difference = np.abs(got - want)
    scale = np.where(want == 0, np.finfo(float).tiny, np.abs(want))
    return float(np.max(difference / scale))


def gradient_error(A, y, U):
    """Relative difference between `gradient` and a finite difference of `loss`,
    over all entries of U.

    Along a line the loss is a polynomial of degree 4, for which the five-point
    formula (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / (12 h) is exact.  So h can be
    large and only rounding remains."""
    h = 0.25
    numeric = np.zeros_like(U)
    for index in np.ndindex(*U.shape):
        E = np.zeros_like(U)
        E[index] = h
        numeric[index] = (loss(A, y, U - 2 * E) - 8 * loss(A, y, U - E)
                          + 8 * loss(A, y, U + E) - loss(A, y, U + 2 * E)) / (12 * h)
    exact = gradient(A, y, U)
    return float(np.linalg.norm(numeric - exact) / np.linalg.norm(exact))


def direction_error(A, y, U, method, lam):
    """Relative difference between `direction` and the same from an SVD of U.

    With U = L diag(s) R^T and R square, P = U^T U + lambda I has the
    eigenvectors R and the eigenvalues s^2 + lambda (s padded with zeros)."""
    r = U.shape[1]
    _, s, Rt = np.linalg.svd(U, full_matrices=True)
    squares = np.zeros(r)
    squares[:len(s)] = s ** 2
    shift = {"gd": None, "scaled-gd": 0.0, "scaled-gd-lambda": lam,
             "prec-gd": 2 * np.sqrt(loss(A, y, U))}[method]
    inverse = np.eye(r) if shift is None else Rt.T @ np.diag(1 / (squares + shift)) @ Rt
    want = gradient(A, y, U) @ inverse
    got = direction(A, y, U, method, lam)
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def differences(names, got, want):
    """Relative difference in each column of the trajectory, in the spectral
    estimate's angle and in the last factor, as pairs of name and value.  `got`
    and `want` are results of `solve`, of which the first three are used."""
    pairs = [(column, relative_difference(got[0][:, j], want[0][:, j]))
             for j, column in enumerate(names)]
    pairs.append(("spectral_estimate_angle", relative_difference(got[2], want[2])))
    # The factor as a whole: single entries can be arbitrarily near 0.
    pairs.append(("factor", float(
        np.linalg.norm(got[1] - want[1]) / np.linalg.norm(want[1]))))
    return pairs


def check(name, case):
    """Problems found in one committed case, as lines of text."""
    folder = HERE / name
    problems = []
    settings = json.loads((folder / "settings.json").read_text())
    A = np.load(folder / "A.npy")
    y = np.load(folder / "y.npy")
    X = np.load(folder / "X.npy")
    U0 = np.load(folder / "U0.npy")
    factor = np.load(folder / "factor.npy")
    n, rank = settings["n"], settings["rank"]
    m, r = settings["measurements"], settings["factor_rank"]

    # The inputs have the form that this case is there to exercise.
    for key in ("method", "lambda", "step", "iterations", "n", "rank",
                "measurements", "factor_rank"):
        if settings.get(key) != case.get(key):
            problems.append(f"settings.json: {key} is {settings.get(key)}, "
                            f"expected {case.get(key)}")
    for what, array, shape, dtype, order in [
            ("A", A, (m, n, n), case["A_dtype"], case["A_order"]),
            ("y", y, (m,), case["y_dtype"], "C"),
            ("X", X, (n, rank), "<f8", "C"),
            ("U0", U0, (n, r), "<f8", "C"),
            ("factor", factor, (n, r), "<f8", "C")]:
        if array.shape != shape:
            problems.append(f"{what}.npy: shape {array.shape}, expected {shape}")
        if array.dtype != np.dtype(dtype):
            problems.append(f"{what}.npy: type {array.dtype}, expected {dtype}")
        if not array.flags[order + "_CONTIGUOUS"]:
            problems.append(f"{what}.npy: not in {order} order")
    stored = A.astype(np.float64)
    symmetric = np.array_equal(stored, stored.transpose(0, 2, 1))
    if symmetric == case["general"]:
        problems.append(f"A.npy: symmetric is {symmetric}")

    with open(folder / "trajectory.csv", newline="") as f:
        lines = list(csv.reader(f))
    if lines[0] != header(n, r):
        problems.append("trajectory.csv: unexpected header")
    if [line[0] for line in lines[1:]] != [str(k) for k in range(settings["iterations"] + 1)]:
        problems.append("trajectory.csv: iterations are not 0 .. T")
    if problems:
        return problems  # shapes cannot be trusted; comparing would be noise
    want = np.array([[float(v) for v in line[1:]] for line in lines[1:]])

    # The derivative, at a generic point (of the size of X) and at the start.
    S, y64 = symmetric_float64(A), y.astype(np.float64)
    generic = np.random.default_rng(0).standard_normal((n, r)) / np.sqrt(n)
    for where, U in [("a generic point", generic), ("U0", U0)]:
        error = gradient_error(S, y64, U)
        print(f"{name}: gradient against finite differences at {where}: {error:.1e}")
        if not error <= 1e-10:
            problems.append(f"gradient at {where} is off by {error:.1e}")

    # The step, at the same two points.
    method, lam = settings["method"], settings.get("lambda")
    if method != "gd":
        for where, U in [("a generic point", generic), ("U0", U0)]:
            error = direction_error(S, y64, U, method, lam)
            print(f"{name}: step against one from an SVD at {where}: {error:.1e}")
            if not error <= 1e-11:
                problems.append(f"step at {where} is off by {error:.1e}")

    # The outputs.
    names = header(n, r)[1:]
    committed = (want, factor, settings["spectral_estimate_angle"])
    computed = solve(A, y, X, U0, settings)
    compared = differences(names, computed, committed)
    for what, difference in compared:
        if not difference <= TOLERANCE:
            problems.append(f"{what}: relative difference {difference:.2e}")
    worst = max(compared, key=lambda pair: pair[1])
    print(f"{name}: largest relative difference {worst[1]:.1e} ({worst[0]})")

    # How much they depend on rounding.
    if method != "gd":
        print(f"{name}: largest condition number of U^T U + lambda I: {computed[3]:.0f}")
        if not computed[3] <= CONDITION:
            problems.append(f"condition number {computed[3]:.1e}")
        compared = differences(names, solve_reordered(A, y, X, U0, settings), computed)
        for what, difference in compared:
            if not difference <= SENSITIVITY:
                problems.append(f"{what}: changes by {difference:.2e} "
                                "with the order of summation")
        worst = max(compared, key=lambda pair: pair[1])
        print(f"{name}: largest change with the order of summation "
              f"{worst[1]:.1e} ({worst[0]})")
    return problems


def main(arguments):
    if arguments == []:
        for name, case in CASES.items():
            create(name, case)
        return 0
    if arguments == ["--check"]:
        failed = False
        for name, case in CASES.items():
            for problem in check(name, case):
                print(f"MISMATCH {name}: {problem}")
                failed = True
        print("FAILED" if failed else "all cases agree")
        return 1 if failed else 0
    print("usage: reference.py [--check]", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
