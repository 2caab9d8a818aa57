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
`parametrization` in settings.json says what is learned: `psd`, described here,
or `uv`, described in the next section.

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


The problem with two factors (`uv`)
-----------------------------------
Unknown      M* = X Y^T,  X is n x r*, Y is n2 x r*.
Measurements A_1 .. A_m, each n x n2, taken as they are: nothing is symmetrized.
Observations y_i = <A_i, M*> + noise.
Learned      U, n x r, and V, n2 x r.

    f(U, V) = 1/(4m) sum_i (<A_i, U V^T> - y_i)^2
    G       = 1/m    sum_i (<A_i, U V^T> - y_i) A_i          (n x n2)
    grad_U  = 1/2 G V,   grad_V = 1/2 G^T U

    gd                U - step * grad_U
                      V - step * grad_V
    scaled-gd         U - step * grad_U (V^T V)^{-1}
                      V - step * grad_V (U^T U)^{-1}
    scaled-gd-lambda  U - step * grad_U (V^T V + lambda I)^{-1}
                      V - step * grad_V (U^T U + lambda I)^{-1}

where every U and V on the right is the one of iteration k: both factors move
at the same time, and the new U is not used for the new V.  The factor 1/2 is
part of the gradient of f, which has 1/(4m) in front as above.

The metrics are those above for the stacked factor W = [U; V] / sqrt(2), one
more (the imbalance of U and V), and the errors of U V^T; see `metrics_uv`.

Both problems are the same in one sense, which --check uses.  With Z = [U; V] and

    B_i = 1/2 [ 0      A_i ]
              [ A_i^T  0   ]

<B_i, Z Z^T> = <A_i, U V^T>, so f(U, V) is the f(Z) of the first problem for
B_1 .. B_m, and the gradient at Z is [grad_U; grad_V].


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
    then good to about 1e-16 cond(P).  (For `uv` there is V^T V + lambda I as
    well.)  These cases are chosen so that cond(P) stays below 1e4, and --check
    enforces that.  For `scaled-gd` this means a factor rank equal to r* and a
    start that is not small; for `scaled-gd-lambda` cond(P) is at most
    1 + |U|^2 / lambda anyway; for `prec-gd` lambda_k decreases in proportion to
    the error, which is one more reason to stop early.
  * imbalance is the norm of U^T U - V^T V, so it is good to about 1e-16 times
    |U|^2, and somewhat less once the rounding of U and V has added up over the
    iterations.  Gradient descent changes this matrix only by terms in step^2.
    With a small start it therefore stays small while U and V grow: in
    `rectangular` it begins at 5e-6 and ends at 1e-3, and at one iteration it is
    5e-5 of |U|^2, which leaves 11 to 12 digits.  A much smaller start or step
    would leave fewer.

For the methods other than gd --check measures the effect as well.  It repeats
the run with the measurements, the coordinates and the columns of U in another
order, and with an explicit inverse of P from its Cholesky factor in place of a
linear solve.  Nothing changes mathematically, but every sum is formed in
another order.  The metrics have to agree with the first run to 1e-10.

For `uv`, gd included, --check repeats the run in another way.  It solves the
problem in Z, with measurements, the n + n2 coordinates (those of U and V mixed)
and columns in another order, with the functions that serve `psd`, with the
explicit inverse, and with eigenvectors of the (n + n2) x (n + n2) matrices in
place of pairs of singular vectors.  The same 1e-10 is required.

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
#   kappa   condition number of X, and of Y (their spectral norms are 1)
#   noise   standard deviation of the observation noise
#   general draw A_i with independent N(0,1) entries and leave it non-symmetric
#           (always so for uv, which does not have this key)
#   A_dtype, y_dtype, A_order    how A.npy and y.npy are stored
# Only uv has n2; V0 is drawn like U0.
CASES = {
    # No noise, square factor (r = n), small start.
    "square": dict(
        method="gd", parametrization="psd",
        seed=101, n=17, rank=2, measurements=211, factor_rank=17,
        alpha=1e-3, kappa=2.0, noise=0.0, general=False,
        step=0.25, iterations=280,
        A_dtype="<f8", y_dtype="<f8", A_order="C"),
    # Noisy, factor wider than tall (r > n), A.npy in Fortran order.  With this
    # seed (1/m) sum_i y_i A_i has negative eigenvalues of larger magnitude than
    # its third largest eigenvalue, so that ordering the eigenvalues by absolute
    # value gives a different (wrong) spectral estimate.
    "wide": dict(
        method="gd", parametrization="psd",
        seed=223, n=13, rank=3, measurements=307, factor_rank=19,
        alpha=1e-2, kappa=3.0, noise=1e-3, general=False,
        step=0.25, iterations=300,
        A_dtype="<f8", y_dtype="<f8", A_order="F"),
    # r = r* = 1; A.npy and y.npy hold float32 values.
    "rankone": dict(
        method="gd", parametrization="psd",
        seed=303, n=11, rank=1, measurements=97, factor_rank=1,
        alpha=1e-2, kappa=1.0, noise=0.0, general=False,
        # A short run: near iteration 160 the test error reaches 1e-8 and falls
        # no further, because y is rounded to float32.
        step=0.2, iterations=100,
        A_dtype="<f4", y_dtype="<f4", A_order="C"),
    # Non-symmetric A_i, A.npy in big-endian byte order.
    "asymmetric": dict(
        method="gd", parametrization="psd",
        seed=404, n=7, rank=2, measurements=83, factor_rank=5,
        alpha=1e-2, kappa=2.0, noise=0.0, general=True,
        step=0.15, iterations=300,
        A_dtype=">f8", y_dtype="<f8", A_order="C"),
    # The next four cases have other methods than gd.  (`lambda` cannot be a
    # keyword argument, hence the braces.)  No lambda: r = r*, and the start is
    # not small.
    "scaled_gd": {
        "method": "scaled-gd", "parametrization": "psd",
        "seed": 505, "n": 12, "rank": 3, "measurements": 199, "factor_rank": 3,
        "alpha": 0.3, "kappa": 5.0, "noise": 0.0, "general": False,
        "step": 0.1, "iterations": 120,
        "A_dtype": "<f8", "y_dtype": "<f8", "A_order": "C"},
    # Constant lambda, r > r*, small start.
    "scaled_gd_lambda": {
        "method": "scaled-gd-lambda", "lambda": 0.02, "parametrization": "psd",
        "seed": 606, "n": 13, "rank": 2, "measurements": 211, "factor_rank": 7,
        "alpha": 1e-3, "kappa": 5.0, "noise": 0.0, "general": False,
        "step": 0.2, "iterations": 120,
        "A_dtype": "<f8", "y_dtype": "<f8", "A_order": "C"},
    # lambda from the residual, r > r*.
    "prec_gd": {
        "method": "prec-gd", "parametrization": "psd",
        "seed": 707, "n": 11, "rank": 2, "measurements": 197, "factor_rank": 6,
        "alpha": 0.1, "kappa": 5.0, "noise": 0.0, "general": False,
        "step": 0.2, "iterations": 100,
        "A_dtype": "<f8", "y_dtype": "<f8", "A_order": "C"},
    # Constant lambda, r = n, noise, non-symmetric A_i.
    "scaled_gd_lambda_noise": {
        "method": "scaled-gd-lambda", "lambda": 0.05, "parametrization": "psd",
        "seed": 808, "n": 9, "rank": 2, "measurements": 149, "factor_rank": 9,
        "alpha": 1e-2, "kappa": 3.0, "noise": 1e-2, "general": True,
        "step": 0.15, "iterations": 120,
        "A_dtype": "<f8", "y_dtype": "<f8", "A_order": "C"},
    # A truth of approximately low rank: M* has the singular values
    # 1, 0.5 and six times 0.01.
    "scaled_gd_lambda_tail": {
        "method": "scaled-gd-lambda", "lambda": 0.5, "parametrization": "psd",
        "seed": 2301, "n": 10, "rank": 8, "measurements": 191, "factor_rank": 8,
        "alpha": 1e-2, "spectrum": [1.0, 0.5] + 6 * [0.01], "noise": 0.0,
        "general": False, "step": 0.3, "iterations": 60,
        "A_dtype": "<f8", "y_dtype": "<f8", "A_order": "C"},
    # The last four cases are uv.  More rows than columns, r > r*, small start.
    "rectangular": dict(
        method="gd", parametrization="uv",
        seed=909, n=13, n2=9, rank=2, measurements=211, factor_rank=5,
        alpha=1e-3, kappa=2.0, noise=0.0,
        step=0.5, iterations=280,
        A_dtype="<f8", y_dtype="<f8", A_order="C"),
    # More columns than rows, r = r*, noise, start not small.
    "rectangular_noise": dict(
        method="gd", parametrization="uv",
        seed=1010, n=8, n2=12, rank=3, measurements=179, factor_rank=3,
        alpha=0.3, kappa=2.0, noise=1e-2,
        step=0.4, iterations=320,
        A_dtype="<f8", y_dtype="<f8", A_order="C"),
    # Constant lambda, r > r*, small start.
    "rectangular_scaled_gd_lambda": {
        "method": "scaled-gd-lambda", "lambda": 0.04, "parametrization": "uv",
        "seed": 1111, "n": 10, "n2": 14, "rank": 2, "measurements": 199,
        "factor_rank": 6,
        "alpha": 1e-3, "kappa": 5.0, "noise": 0.0,
        "step": 0.3, "iterations": 120,
        "A_dtype": "<f8", "y_dtype": "<f8", "A_order": "C"},
    # No lambda: r = r*, and the start is not small.
    "rectangular_scaled_gd": {
        "method": "scaled-gd", "parametrization": "uv",
        "seed": 1212, "n": 11, "n2": 8, "rank": 3, "measurements": 197,
        "factor_rank": 3,
        "alpha": 0.5, "kappa": 3.0, "noise": 0.0,
        "step": 0.2, "iterations": 120,
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


def draw_X(rng, n, rank, kappa, spectrum=None):
    """n x rank with spectral norm 1, condition number kappa, and singular
    values evenly spaced in the logarithm, or with those that give X X^T the
    singular values `spectrum`; random singular vectors on both sides, so the
    columns of X are not orthogonal to each other."""
    left, _ = np.linalg.qr(rng.standard_normal((n, rank)))
    right, _ = np.linalg.qr(rng.standard_normal((rank, rank)))
    if spectrum is None:
        singular = np.geomspace(1.0, 1.0 / kappa, rank)
    else:
        singular = np.sqrt(spectrum)
    return left @ np.diag(singular) @ right.T


def draw_pair(rng, n, n2, rank, kappa):
    """X = P diag(s) and Y = Q diag(s), where P (n x rank) and Q (n2 x rank) have
    orthonormal columns and s is evenly spaced from 1 to 1/kappa.  So X Y^T has
    the singular values s^2, and [X; Y] / sqrt(2) has s."""
    P, _ = np.linalg.qr(rng.standard_normal((n, rank)))
    Q, _ = np.linalg.qr(rng.standard_normal((n2, rank)))
    s = np.linspace(1.0, 1.0 / kappa, rank)
    return P * s, Q * s


def make_inputs(case):
    """The inputs in the form in which they are stored, by the names of their
    files."""
    uv = case["parametrization"] == "uv"
    return (make_inputs_uv if uv else make_inputs_psd)(case)


def make_inputs_psd(case):
    rng = np.random.default_rng(case["seed"])
    n, m = case["n"], case["measurements"]
    rank, r = case["rank"], case["factor_rank"]

    X = draw_X(rng, n, rank, case.get("kappa"), case.get("spectrum"))
    A = draw_measurements(rng, m, n, case["general"])
    U0 = case["alpha"] * rng.standard_normal((n, r)) / np.sqrt(r)
    noise = case["noise"] * rng.standard_normal(m)

    # Round A to its stored type first; the observations belong to the stored
    # values.  y is computed in float64 and then rounded to its own type.
    A = np.asarray(A.astype(case["A_dtype"]), order=case["A_order"])
    M_star = X @ X.T
    y = np.einsum("ijk,jk->i", symmetric_float64(A), M_star) + noise
    y = y.astype(case["y_dtype"])
    return {"A": A, "y": y, "X": X, "U0": U0}


def make_inputs_uv(case):
    rng = np.random.default_rng(case["seed"])
    n, n2, m = case["n"], case["n2"], case["measurements"]
    rank, r = case["rank"], case["factor_rank"]

    X, Y = draw_pair(rng, n, n2, rank, case["kappa"])
    A = rng.standard_normal((m, n, n2))
    U0 = case["alpha"] * rng.standard_normal((n, r)) / np.sqrt(r)
    V0 = case["alpha"] * rng.standard_normal((n2, r)) / np.sqrt(r)
    noise = case["noise"] * rng.standard_normal(m)

    A = np.asarray(A.astype(case["A_dtype"]), order=case["A_order"])
    y = np.einsum("ijk,jk->i", A.astype(np.float64), X @ Y.T) + noise
    y = y.astype(case["y_dtype"])
    return {"A": A, "y": y, "X": X, "Y": Y, "U0": U0, "V0": V0}


def symmetric_float64(A):
    """The measurement matrices as native float64, symmetrized.  (For a matrix
    that is already symmetric this changes nothing, not even a last digit.)"""
    A = np.ascontiguousarray(A, dtype=np.float64)
    return (A + A.transpose(0, 2, 1)) / 2


# --------------------------------------------------------------------------
# The objective.  A is float64 from here on, and symmetric for psd.
# --------------------------------------------------------------------------

def residual(A, y, U):
    """<A_i, U U^T> - y_i for every i."""
    return np.einsum("ijk,jk->i", A, U @ U.T) - y


def loss(A, y, U):
    return np.sum(residual(A, y, U) ** 2) / (4 * len(y))


def gradient(A, y, U):
    weighted = np.einsum("i,ijk->jk", residual(A, y, U), A)
    return weighted @ U / len(y)


def residual_uv(A, y, U, V):
    """<A_i, U V^T> - y_i for every i."""
    return np.einsum("ijk,jk->i", A, U @ V.T) - y


def loss_uv(A, y, U, V):
    return np.sum(residual_uv(A, y, U, V) ** 2) / (4 * len(y))


def gradient_uv(A, y, U, V):
    """grad_U and grad_V."""
    G = np.einsum("i,ijk->jk", residual_uv(A, y, U, V), A) / len(y)
    return G @ V / 2, G.T @ U / 2


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


def preconditioners_uv(U, V, method, lam):
    """The r x r matrices by whose inverses grad_U and grad_V are multiplied from
    the right: the one for grad_U is made of V and the other way round.  None for
    gd."""
    identity = np.eye(U.shape[1])
    if method == "gd":
        return None
    if method == "scaled-gd":
        return V.T @ V, U.T @ U
    if method == "scaled-gd-lambda":
        return V.T @ V + lam * identity, U.T @ U + lam * identity
    raise ValueError(f"method {method} is not defined for two factors")


def direction_uv(A, y, U, V, method, lam, divide=divide):
    """U_k - U_{k+1} = step * first direction, V_k - V_{k+1} = step * second."""
    P = preconditioners_uv(U, V, method, lam)
    G_U, G_V = gradient_uv(A, y, U, V)
    return (G_U, G_V) if P is None else (divide(G_U, P[0]), divide(G_V, P[1]))


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


def stack(P, Q):
    """[P; Q] / sqrt(2).  Its columns are orthonormal if those of P and of Q are."""
    return np.vstack([P, Q]) / np.sqrt(2)


def leading_pairs(M, rank):
    """The first `rank` left and right singular vectors of M, stacked.

    Only p_k and q_k together are determined up to a sign (the same for both),
    so the span of the stacked vectors does not depend on it.  It would if P and
    Q were taken from two separate computations."""
    left, _, right_t = np.linalg.svd(M, full_matrices=False)
    return stack(left[:, :rank], right_t[:rank].T)


def spectral_subspace_uv(A, y, rank):
    """The same of (1/m) sum_i y_i A_i."""
    return leading_pairs(np.einsum("i,ijk->jk", y, A) / len(y), rank)


def metrics(A, y, M_star, V_X, V_spec, U):
    """One row of trajectory.csv, without the iteration number."""
    train_loss = float(loss(A, y, U))
    test_error = float(np.linalg.norm(U @ U.T - M_star, "fro")
                       / np.linalg.norm(M_star, "fro"))
    measured, sigma = subspace_metrics(V_X, V_spec, U)
    return [train_loss, test_error, *measured, *sigma]


def metrics_uv(A, y, M_star, B, B_spec, U, V):
    """The same for two factors.  B and B_spec are `leading_pairs` of M* and of
    the spectral estimate; they take the places of V_X and V_spec, and
    W = [U; V] / sqrt(2) the place of U.  (If M* = P S Q^T then U = P S^{1/2} and
    V = Q S^{1/2} give W = B S^{1/2}, as X has the column space V_X.)"""
    train_loss = float(loss_uv(A, y, U, V))
    test_error = float(np.linalg.norm(U @ V.T - M_star, "fro")
                       / np.linalg.norm(M_star, "fro"))
    measured, sigma = subspace_metrics(B, B_spec, stack(U, V))
    imbalance = float(np.linalg.norm(U.T @ U - V.T @ V, "fro"))
    return [train_loss, test_error, *measured, imbalance, *sigma]


def subspace_metrics(V_X, V_spec, U):
    """Signal, noise, angle and spectral angle of U as one list, and its singular
    values as another."""
    n, r = U.shape
    rank = V_X.shape[1]

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

    return [signal, noise, angle, spectral_angle], [float(s) for s in sigma]


def header(settings):
    n, r = settings["n"], settings["factor_rank"]
    if settings["parametrization"] == "uv":
        n += settings["n2"]
        imbalance = ["imbalance"]
    else:
        imbalance = []
    return (["iteration", "train_loss", "test_error", "signal", "noise",
             "angle", "spectral_angle"] + imbalance
            + [f"sigma_{j}" for j in range(1, min(n, r) + 1)])


def solve(inputs, settings):
    """All rows of the trajectory, the last factors by the names of their files,
    the spectral estimate's angle, and the largest condition number of
    U^T U + lambda I (for uv of V^T V + lambda I too) on the way, 1 for gd."""
    uv = settings["parametrization"] == "uv"
    return (solve_uv if uv else solve_psd)(**inputs, settings=settings)


def solve_reordered(inputs, settings, seed=1):
    """The same with every sum formed in another order."""
    uv = settings["parametrization"] == "uv"
    return (solve_reordered_uv if uv else solve_reordered_psd)(
        **inputs, settings=settings, rng=np.random.default_rng(seed))


def solve_psd(A, y, X, U0, settings, divide=divide):
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
    return np.array(rows), {"factor": U}, outside(V_X, V_spec), condition


def solve_uv(A, y, X, Y, U0, V0, settings):
    A = np.ascontiguousarray(A, dtype=np.float64)
    y = y.astype(np.float64)
    rank = X.shape[1]
    M_star = X @ Y.T
    B = leading_pairs(M_star, rank)
    B_spec = spectral_subspace_uv(A, y, rank)

    U, V = U0.astype(np.float64), V0.astype(np.float64)
    method, lam = settings["method"], settings.get("lambda")
    rows = [metrics_uv(A, y, M_star, B, B_spec, U, V)]
    condition = 1.0
    for _ in range(settings["iterations"]):
        for P in preconditioners_uv(U, V, method, lam) or ():
            condition = max(condition, float(np.linalg.cond(P)))
        D_U, D_V = direction_uv(A, y, U, V, method, lam)
        U, V = U - settings["step"] * D_U, V - settings["step"] * D_V
        rows.append(metrics_uv(A, y, M_star, B, B_spec, U, V))
    factors = {"factor": U, "factor-right": V}
    return np.array(rows), factors, outside(B, B_spec), condition


def solve_reordered_psd(A, y, X, U0, settings, rng):
    """Measurements, coordinates and columns of U permuted, and another way to
    divide.  Neither permutation changes any metric; those of U_T are undone."""
    i = rng.permutation(len(y))
    j = rng.permutation(X.shape[0])
    k = rng.permutation(U0.shape[1])
    rows, factors, estimate_angle, condition = solve_psd(
        A[i][:, j][:, :, j], y[i], X[j], U0[j][:, k], settings, divide_by_inverse)
    unpermuted = np.empty_like(factors["factor"])
    unpermuted[np.ix_(j, k)] = factors["factor"]
    return rows, {"factor": unpermuted}, estimate_angle, condition


def lift(A):
    """B_i = 1/2 [0, A_i; A_i^T, 0] for every i."""
    m, n, n2 = A.shape
    B = np.zeros((m, n + n2, n + n2))
    B[:, :n, n:] = A / 2
    B[:, n:, :n] = A.transpose(0, 2, 1) / 2
    return B


def solve_reordered_uv(A, y, X, Y, U0, V0, settings, rng):
    """The run in Z = [U; V], by the functions for `psd` where there are any, with
    measurements, coordinates of Z and columns of Z permuted."""
    n, rank, r = X.shape[0], X.shape[1], U0.shape[1]
    i = rng.permutation(len(y))
    j = rng.permutation(n + Y.shape[0])
    k = rng.permutation(r)
    A, y = lift(A.astype(np.float64))[i][:, j][:, :, j], y[i].astype(np.float64)
    M_star = lift((X @ Y.T)[None])[0][j][:, j]
    Z = np.vstack([U0, V0])[j][:, k]
    sign = np.where(j < n, 1.0, -1.0)  # 1 for a row of U, -1 for one of V
    across = sign[:, None] != sign  # the entries of U V^T and of V U^T

    # M_star has the eigenvectors [p_k; +-q_k] / sqrt(2), those with a minus to
    # its negative eigenvalues; the spectral estimate likewise.
    B = np.linalg.eigh(M_star)[1][:, -rank:]
    B_spec = spectral_subspace(A, y, rank)

    def metrics_of_Z():
        error = np.where(across, Z @ Z.T / 2 - M_star, 0.0)
        imbalance = np.linalg.norm(Z.T @ (sign[:, None] * Z), "fro")
        measured, sigma = subspace_metrics(B, B_spec, Z / np.sqrt(2))
        return [loss(A, y, Z), np.linalg.norm(error) / np.linalg.norm(M_star),
                *measured, imbalance, *sigma]

    rows, condition = [metrics_of_Z()], 1.0
    for _ in range(settings["iterations"]):
        D = gradient(A, y, Z)
        if settings["method"] != "gd":
            for s in (1.0, -1.0):
                other = Z[sign != s]
                P = other.T @ other + settings.get("lambda", 0.0) * np.eye(r)
                D[sign == s] = divide_by_inverse(D[sign == s], P)
                condition = max(condition, float(np.linalg.cond(P)))
        Z = Z - settings["step"] * D
        rows.append(metrics_of_Z())
    unpermuted = np.empty_like(Z)
    unpermuted[np.ix_(j, k)] = Z
    factors = {"factor": unpermuted[:n], "factor-right": unpermuted[n:]}
    return np.array(rows), factors, outside(B, B_spec), condition


# --------------------------------------------------------------------------
# Creating the case folders
# --------------------------------------------------------------------------

def save_inputs(name, inputs):
    """Make the folder of a case, and write its inputs in C order."""
    (HERE / name).mkdir(parents=True, exist_ok=True)
    for what, array in inputs.items():
        np.save(HERE / name / f"{what}.npy", np.ascontiguousarray(array))


def load_arrays(name, names):
    """The arrays of a committed case that have these names."""
    return {what: np.load(HERE / name / f"{what}.npy") for what in names}


def write_results(name, settings, columns, rows, factors):
    """Write what a case comes to beside its inputs."""
    folder = HERE / name
    (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n")
    with open(folder / "trajectory.csv", "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(columns)
        for k, row in enumerate(rows):
            out.writerow([k] + [repr(float(v)) for v in row])
    for what, array in factors.items():
        np.save(folder / f"{what}.npy", np.ascontiguousarray(array))
    print(f"{name}: wrote {len(rows)} rows, final loss {rows[-1, 0]:.3e}, "
          f"final test error {rows[-1, 1]:.3e}")


def create(name, case):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    inputs = make_inputs(case)
    for what, array in inputs.items():
        # All but A are in C order.
        np.save(folder / f"{what}.npy",
                array if what == "A" else np.ascontiguousarray(array))

    rows, factors, estimate_angle, _ = solve(inputs, case)
    settings = {
        "method": case["method"],
        "parametrization": case["parametrization"],
        **({"lambda": case["lambda"]} if "lambda" in case else {}),
        "step": case["step"],
        "iterations": case["iterations"],
        "n": case["n"],
        **({"n2": case["n2"]} if "n2" in case else {}),
        "rank": case["rank"],
        "measurements": case["measurements"],
        "factor_rank": case["factor_rank"],
        "spectral_estimate_angle": estimate_angle,
    }
    write_results(name, settings, header(case), rows, factors)


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


def gradient_error(loss, gradient, U):
    """Relative difference between `gradient` and a finite difference of `loss`,
    two functions of U, over all entries of U.

    Along a line the loss is a polynomial of degree 4, for which the five-point
    formula (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / (12 h) is exact.  So h can be
    large and only rounding remains."""
    h = 0.25
    numeric = np.zeros_like(U)
    for index in np.ndindex(*U.shape):
        E = np.zeros_like(U)
        E[index] = h
        numeric[index] = (loss(U - 2 * E) - 8 * loss(U - E)
                          + 8 * loss(U + E) - loss(U + 2 * E)) / (12 * h)
    exact = gradient(U)
    return float(np.linalg.norm(numeric - exact) / np.linalg.norm(exact))


def inverse_from_svd(U, shift):
    """(U^T U + shift I)^{-1} from an SVD of U.

    With U = L diag(s) R^T and R square, that matrix has the eigenvectors R and
    the eigenvalues s^2 + shift (s padded with zeros)."""
    r = U.shape[1]
    _, s, Rt = np.linalg.svd(U, full_matrices=True)
    squares = np.zeros(r)
    squares[:len(s)] = s ** 2
    return Rt.T @ np.diag(1 / (squares + shift)) @ Rt


def direction_error(A, y, U, method, lam):
    """Relative difference between `direction` and the same from an SVD of U."""
    shift = {"scaled-gd": 0.0, "scaled-gd-lambda": lam,
             "prec-gd": 2 * np.sqrt(loss(A, y, U))}[method]
    want = gradient(A, y, U) @ inverse_from_svd(U, shift)
    got = direction(A, y, U, method, lam)
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def direction_error_uv(A, y, U, V, method, lam):
    """The same for two factors; the gradient is the one of the problem in
    Z = [U; V], and gd is covered too."""
    G = gradient(lift(A), y, np.vstack([U, V]))
    G_U, G_V = G[:len(U)], G[len(U):]
    if method != "gd":
        lam = lam or 0.0
        G_U, G_V = G_U @ inverse_from_svd(V, lam), G_V @ inverse_from_svd(U, lam)
    want = np.vstack([G_U, G_V])
    got = np.vstack(direction_uv(A, y, U, V, method, lam))
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def differences(names, got, want):
    """Relative difference in each column of the trajectory, in the spectral
    estimate's angle and in the last factors, as pairs of name and value.  `got`
    and `want` are results of `solve`, of which the first three are used."""
    pairs = [(column, relative_difference(got[0][:, j], want[0][:, j]))
             for j, column in enumerate(names)]
    pairs.append(("spectral_estimate_angle", relative_difference(got[2], want[2])))
    # A factor as a whole: single entries can be arbitrarily near 0.
    for what, factor in want[1].items():
        pairs.append((what, float(
            np.linalg.norm(got[1][what] - factor) / np.linalg.norm(factor))))
    return pairs


def read_trajectory(folder, columns, iterations):
    """The numbers of a committed trajectory, or the problems with its form."""
    problems = []
    with open(folder / "trajectory.csv", newline="") as f:
        lines = list(csv.reader(f))
    if lines[0] != columns:
        problems.append("trajectory.csv: unexpected header")
    if [line[0] for line in lines[1:]] != [str(k) for k in range(iterations + 1)]:
        problems.append("trajectory.csv: iterations are not 0 .. T")
    if problems:
        return None, problems
    return np.array([[float(v) for v in line[1:]] for line in lines[1:]]), []


def read_case(name, expected, columns, computed=("spectral_estimate_angle",)):
    """The numbers of a committed trajectory, what settings.json has under the names
    `computed`, and the problems with the form of both. The other settings must be the
    expected ones."""
    settings = json.loads((HERE / name / "settings.json").read_text())
    found = [settings.pop(key) for key in computed]
    problems = []
    if settings != expected:
        problems.append(f"settings.json: {settings}, expected {expected}")
    rows, malformed = read_trajectory(HERE / name, columns, expected["iterations"])
    return rows, found, problems + malformed


def too_large(name, compared, allowed, summary, problem):
    """The pairs of a comparison that are not within what is allowed, as `problem`
    says of each; prints the largest, as `summary` says of it."""
    worst = max(compared, key=lambda pair: pair[1])
    print(f"{name}: {summary} {worst[1]:.1e} ({worst[0]})")
    return [f"{what}: {problem.format(difference)}"
            for what, difference in compared if not difference <= allowed]


def check(name, case):
    """Problems found in one committed case, as lines of text."""
    folder = HERE / name
    problems = []
    settings = json.loads((folder / "settings.json").read_text())
    uv = case["parametrization"] == "uv"

    # The inputs have the form that this case tests.
    for key in ("method", "parametrization", "lambda", "step", "iterations",
                "n", "n2", "rank", "measurements", "factor_rank"):
        if settings.get(key) != case.get(key):
            problems.append(f"settings.json: {key} is {settings.get(key)}, "
                            f"expected {case.get(key)}")
    n, rank = case["n"], case["rank"]
    m, r = case["measurements"], case["factor_rank"]
    if uv:
        n2 = case["n2"]
        shapes = {"A": (m, n, n2), "y": (m,), "X": (n, rank), "Y": (n2, rank),
                  "U0": (n, r), "V0": (n2, r),
                  "factor": (n, r), "factor-right": (n2, r)}
    else:
        shapes = {"A": (m, n, n), "y": (m,), "X": (n, rank), "U0": (n, r),
                  "factor": (n, r)}
    inputs, factors = {}, {}
    for what, shape in shapes.items():
        array = np.load(folder / f"{what}.npy")
        (factors if what.startswith("factor") else inputs)[what] = array
        dtype = case.get(what + "_dtype", "<f8")
        order = case.get(what + "_order", "C")
        if array.shape != shape:
            problems.append(f"{what}.npy: shape {array.shape}, expected {shape}")
        if array.dtype != np.dtype(dtype):
            problems.append(f"{what}.npy: type {array.dtype}, expected {dtype}")
        if not array.flags[order + "_CONTIGUOUS"]:
            problems.append(f"{what}.npy: not in {order} order")
    if not uv:
        stored = inputs["A"].astype(np.float64)
        symmetric = np.array_equal(stored, stored.transpose(0, 2, 1))
        if symmetric == case["general"]:
            problems.append(f"A.npy: symmetric is {symmetric}")

    want, malformed = read_trajectory(folder, header(case), case["iterations"])
    problems += malformed
    if problems:
        return problems  # values of wrong shapes cannot be compared

    # The derivative, at a generic point (of the size of X) and at the start; and
    # the step, at the same two points.  For uv a point is Z = [U; V].
    A, y = inputs["A"], inputs["y"].astype(np.float64)
    method, lam = settings["method"], settings.get("lambda")
    if uv:
        A, start = A.astype(np.float64), np.vstack([inputs["U0"], inputs["V0"]])
        f = lambda Z: loss_uv(A, y, Z[:n], Z[n:])
        df = lambda Z: np.vstack(gradient_uv(A, y, Z[:n], Z[n:]))
        step_error = lambda Z: direction_error_uv(A, y, Z[:n], Z[n:], method, lam)
    else:
        A, start = symmetric_float64(A), inputs["U0"]
        f = lambda U: loss(A, y, U)
        df = lambda U: gradient(A, y, U)
        step_error = lambda U: direction_error(A, y, U, method, lam)
    generic = np.random.default_rng(0).standard_normal(start.shape) / np.sqrt(n)
    for where, point in [("a generic point", generic), ("the start", start)]:
        error = gradient_error(f, df, point)
        print(f"{name}: gradient against finite differences at {where}: {error:.1e}")
        if not error <= 1e-10:
            problems.append(f"gradient at {where} is off by {error:.1e}")
        if method != "gd" or uv:
            error = step_error(point)
            print(f"{name}: step against one by other formulas at {where}: {error:.1e}")
            if not error <= 1e-11:
                problems.append(f"step at {where} is off by {error:.1e}")

    # The outputs.
    names = header(case)[1:]
    committed = (want, factors, settings["spectral_estimate_angle"])
    computed = solve(inputs, settings)
    problems += too_large(name, differences(names, computed, committed), TOLERANCE,
                          "largest relative difference", "relative difference {:.2e}")

    # The outputs' dependence on rounding; for uv this is also another
    # computation.
    if method != "gd":
        print(f"{name}: largest condition number of U^T U + lambda I: {computed[3]:.0f}")
        if not computed[3] <= CONDITION:
            problems.append(f"condition number {computed[3]:.1e}")
    if method != "gd" or uv:
        problems += too_large(
            name, differences(names, solve_reordered(inputs, settings), computed),
            SENSITIVITY, "largest change with the order of summation",
            "changes by {:.2e} with the order of summation")
    return problems


def disagreements(name, names, computed, committed, reordered):
    """What is wrong with a case: it differs from the committed one, or changes too
    much with the order of summation. Prints the largest differences."""
    return too_large(
        name, differences(names, computed, committed), TOLERANCE,
        "largest relative difference", "relative difference {:.2e}"
    ) + too_large(
        name, differences(names, reordered, computed), SENSITIVITY,
        "largest change with the order of summation",
        "changes by {:.2e} with the order of summation")


def check_cases(cases, check):
    """Whether any committed case fails; prints what is wrong with it."""
    failed = False
    for name, case in cases.items():
        for problem in check(name, case):
            print(f"MISMATCH {name}: {problem}")
            failed = True
    return failed


def command(script, arguments, cases, create, check_all):
    """What the scripts of this folder do with their arguments; the exit status."""
    if arguments == []:
        for name, case in cases.items():
            create(name, case)
        return 0
    if arguments == ["--check"]:
        failed = check_all()
        print("FAILED" if failed else "all cases agree")
        return 1 if failed else 0
    print(f"usage: {script} [--check]", file=sys.stderr)
    return 2


def check_all():
    """Whether any case of the folder fails."""
    # More cases; here, since they import this file
    import drawn, eigenvalues, incremental, losses, methods
    import mirrordescent, structured, weightnormalization
    return (check_cases(CASES, check) | methods.check_all() | structured.check_all()
            | drawn.check_all() | losses.check_all() | eigenvalues.check_all()
            | weightnormalization.check_all() | incremental.check_all()
            | mirrordescent.check_all())


if __name__ == "__main__":
    sys.exit(command("reference.py", sys.argv[1:], CASES, create, check_all))
