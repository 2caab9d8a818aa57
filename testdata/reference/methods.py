#!/usr/bin/env python3
"""More reference cases: momentum, Polyak's step, unbalanced factors, mini-batches,
label noise, Riemannian descent, a game and a zeroth-order method, for the
problems of reference.py.

Usage
    python3 methods.py           (re)create every case: inputs and outputs
    python3 methods.py --check   recompute the outputs from the committed inputs
                                 and compare; exit status 1 on mismatch

The problems, the metrics and the drawing of inputs are those of reference.py,
and the random numbers used by a method those of philox.py.  `row t of stream s`
below is a row of the generator whose seed is `method-seed` in settings.json.


The methods
-----------
grad f and f are those of reference.py:

    f(U)      = 1/(4m) sum_i res_i^2,    res_i = <A_i, U U^T> - y_i
    grad f(U) = G U,                     G = 1/m sum_i res_i A_i

t = 0 .. T-1 is the number of the step, from U_t to U_{t+1}.

momentum         (Polyak 1964; settings `step`, `momentum` beta)
                     P <- beta P - step * grad f(U),    U <- U + P
                 with P = 0 at first.
nesterov         (Nesterov 1983; settings `step`, `momentum` beta)
                     W_{t+1} = U_t - step * grad f(U_t)
                     U_{t+1} = W_{t+1} + beta (W_{t+1} - W_t)
                 with W_0 = U_0.  The metrics and factor.npy are those of U.
adam             (Kingma and Ba, arXiv 1412.6980, algorithm 1; settings `step`,
                 `beta1`, `beta2`, `epsilon`).  Entry by entry, with g = grad f(U_t)
                 and p = v = 0 at first:
                     p <- beta1 p + (1 - beta1) g,    p' = p / (1 - beta1^(t+1))
                     v <- beta2 v + (1 - beta2) g^2,  v' = v / (1 - beta2^(t+1))
                     U <- U - step * p' / (sqrt(v') + epsilon)
apgd             (Liu et al., arXiv 2502.00463; setting `step`), `uv` only
                     U <- U - step * grad_U f(U, V) (V^T V + lambda)^{-1}
                     V <- V - step * grad_V f(U, V) (U^T U + lambda)^{-1}
                 with lambda = 2^-42 (|U|^2 + |V|^2), and the new U in all of the
                 second line.  At the end of the first step U <- c U and V <- V / c
                 with c = 2^k, k the integer nearest to log2(|V| / |U|) / 2.
altmin
                 (Jain, Netrapalli and Sanghavi, arXiv 1212.0467), `uv` only
                     V <- argmin f(U, V) in steps t = 0, 2, ..., and
                     U <- argmin f(U, V) in steps t = 1, 3, ...,
                 then U <- c U and V <- V / c with c as for apgd.  The settings
                 `inner-tolerance` and `inner-iterations` say how a program comes to
                 the minimum; here it is exact, from the normal equations.
polyak-gd        (Polyak 1987, section 5.3, with the bound of Loizou et al.,
                 arXiv 2002.10542; settings `step`, `optimal-value` f*)
                     U <- U - mu_t grad f(U),
                     mu_t = min(step, (f(U) - f*) / |grad f(U)|^2)
                 and mu_t = 0 if f(U) <= f*.  |.|^2 is the sum of the squares of
                 all entries, and f* is 0 if settings.json does not have it.
imbalanced-gd    (after Xiong, Ding and Du, arXiv 2310.01769; settings `step`,
                 `imbalance-scale` beta, `imbalance-below` tau), `uv` only
                     U <- U - step * grad_U,    V <- V - step * grad_V
                 but for the first step from a (U, V) with |res| <= tau |y|, which
                 with the symmetric root S of U^T U is
                     U <- beta U S^{-1},    V <- V S / beta
sgd              (settings `step`, `batch-size` B)
                     U <- U - step * (gradient of 1/(4B) sum_k res_{i_k}^2)
                 i_0 .. i_{B-1} are drawn with replacement from 0 .. m-1: the
                 floors of w m / 2^64 for the first B 64-bit words w of row t of
                 stream 5.  A measurement drawn twice counts twice.
label-noise-gd   (settings `step`, `label-noise` sigma)
                     U <- U - step * (grad f with y_i + sigma s_i for y_i)
                 where s_i = 1 if bit i of row t of stream 6 is 0, and -1 else.
                 The loss in trajectory.csv stays the one of y.
rgd              (settings `step`): Riemannian gradient descent on the manifold
                 of positive semidefinite matrices of rank r, `psd` only
                     H = 1/2 grad f(U) (U^T U)^{-1}
                     B = H - 1/2 U (U^T U)^{-1} (U^T H)
                     U <- U - step * B
                 As a function of Z = U U^T the loss has the gradient G/2, and
                 U B^T + B U^T is the orthogonal projection of G/2 to the tangent
                 space at Z, the span of all U C^T + C U^T, C n x r.  With the
                 orthogonal projector Q to the columns of U that projection is
                 (Q G + G Q - Q G Q)/2.  --check computes both.
                 For `uv`, the manifold of the matrices Z = U V^T of rank r:
                     H_U = grad_U (V^T V)^{-1},   H_V = grad_V (U^T U)^{-1}
                     B_U = H_U - 1/2 U (U^T U)^{-1} (U^T H_U), and B_V likewise.
                 With the projectors Q_U and Q_V to the columns of U and V,
                     xi = U B_V^T + B_U V^T = (Q_U G + G Q_V - Q_U G Q_V)/2.
                 `retraction` says how the step ends on the manifold.  Without it,
                 or with `factor`, U <- U - step * B_U and V <- V - step * B_V; for
                 the other retractions see below.
rsgd             rgd with sgd's gradient for grad f.
rgda             (settings `step`, `adversary-step` eta, `adversary-weight`
                 lambda > 1, `adversary-radius` rho): Riemannian gradient descent-
                 ascent for the game min over U, max over |e| <= rho sqrt(m) of
                     phi(U, e) = 1/(4m) sum_i (res_i - e_i)^2 - lambda/(4m) |e|^2
                 `psd` only.  With e = 0 at first, both from the old (U, e):
                     U <- U - step * (1/m sum_i (res_i - e_i) A_i) U (U^T U)^{-1}
                     w = e - eta * (res + (lambda - 1) e)
                     e <- w if |w| <= rho sqrt(m), else w * rho sqrt(m) / |w|
                 The first is without the factor 1/2 and the second term of rgd:
                 it is the gradient in the metric tr(U^T U B^T C).  The second
                 goes up: phi has the derivative -(res + (lambda - 1) e)/(2m) in
                 e.  The column `shift` is |e_t| / sqrt(m), 0 at t = 0; the loss
                 in trajectory.csv stays the one of y, without e.
mirror-descent   (Wu and Rebeschini, arXiv 2105.13831; setting `step`), `psd` with
                 r = n.  With G = 1/m sum_i res_i A_i and L_0 = 1/2 log U_0 U_0^T
                     L <- L - step * G,    U <- exp(L), symmetric
                 so that log U U^T <- log U U^T - 2 step G.
zeroth-order     (settings `step`, `directions` q, `radius` delta)
                     g = 1/q sum_k (f(U + delta P_k) - f(U - delta P_k))
                                   / (2 delta) * P_k
                     U <- U - step * g
                 P_k, k = 0 .. q-1, has the size of U and is filled row by row
                 with the normal deviates of row t q + k of stream 7.
zeroth-order-newton
                 (settings of zeroth-order, `bootstrap-steps` b, `hessian-radius`
                 eta, `least-curvature` M)
                 Steps t < b are those of zeroth-order.  In the others u is U row
                 by row, d numbers, and e_i are the unit vectors of that space:
                     H_ij = (f(u + eta e_i + eta e_j) - f(u + eta e_i - eta e_j)
                             - f(u - eta e_i + eta e_j) + f(u - eta e_i - eta e_j))
                            / (4 eta^2), with eigenvalues below M raised to M
                     R = H^{-1/2}, symmetric
                     g = 1/(b q) sum_k (f(u + delta R v_k) - f(u - delta R v_k))
                                       / (2 delta) * v_k
                     u <- u - R g
                 v_k, k = 0 .. bq-1, is sqrt(d) p / |p| with the normal deviates
                 p of row bq + (t - b)(d(d + 1)/2 + bq) + d(d + 1)/2 + k of
                 stream 7.

`step-decay`, "power:p,c", replaces `step` by step * (1 + c t)^(-p) in step t.

For `uv`, momentum, nesterov, adam, polyak-gd and sgd are the same with (U, V) for U and
(grad_U, grad_V) for grad f: one P or W of two parts, one |grad f|^2 and one mu_t
for both, one batch for both, and both factors move at once.


The retractions
---------------
A retraction goes from Z = U V^T with the velocity -step * xi, xi = U B_V^T + B_U V^T.
For `psd`, V is U.  U^+ = (U^T U)^{-1} U^T.

second-order     (Shalit, Weinshall and Chechik, JMLR 13, 2012)  With
                 -step * xi = U M V^T + U_p V^T + U V_p^T, U^T U_p = 0, V^T V_p = 0:
                     U <- U (1 + M/2 - M^2/8) + U_p (1 - M/2)
                     V <- V (1 + M^T/2 - (M^T)^2/8) + V_p (1 - M^T/2)
projection       (Absil and Malick, SIAM J. Optim. 22, 2012)  The matrix of rank r
                 nearest to S = Z - step * xi.  Of its factors, those are meant to
                 which the following converges from U - step * B_U, V - step * B_V:
                     H = S V (V^T V)^{-1},   U <- U/2 + H - 1/2 U U^+ H
                 and at the same time V likewise, with S^T and U.
exponential      The geodesic Z(t) with dZ/dt = -step * xi at t = 0, at t = 1.  Its
                 factors satisfy, with U' = dU/dt and U'(0) = -step * B_U,
                     U'' = -2 (U' - 1/2 U U^+ U') (V^+ V')^T, and V'' likewise.

--check compares them with other formulas: projection with the singular values and
vectors of S, exponential with the geodesic's equation for Z itself,
    Z'' = 2 (1 - Q_U) Z' Z^+ Z' (1 - Q_V),
integrated in n x n2 numbers, and with the closed form for rank one, and
second-order with W Z^+ W for the W of its source.  The integrations are the
Runge-Kutta method of order four with RUNGE steps.


How far rounding reaches
------------------------
What the top of reference.py says holds here.  Five things are added.

  * rgd, rsgd and rgda divide by U^T U.  The start is not small and r is at most the
    rank, so that its condition number stays moderate; --check enforces 1e4.
  * The difference f(U + delta P) - f(U - delta P) is small beside f, of order
    delta |grad f|.  A residual of size e has a rounding error of about 1e-16,
    so f has one of about 1e-16 e, and the quotient one of 1e-16 e / delta, while
    |grad f| is of order e: with delta = 1e-3 about 13 digits of the direction
    are left, at every size of the residual.
  * mirror-descent takes the logarithm of U U^T once, and from then on nothing
    divides by its eigenvalues.  The other formula takes roots of those of X.
  * Random draws are integers and signs, which do not depend on rounding at all,
    and normal deviates, which are good to about 1e-16.
  * A step of (f - f*) / |grad f|^2 is far longer than gradient descent's where the
    directions with little curvature dominate the gradient.  It then magnifies
    what is left in the others, rounding included, and the next gradient is large
    again.  The largest step bounds this, and the runs are short.  f - f* loses
    digits near f*; the f* in use stays below the least value of f.

--check measures the effect of rounding by repeating every run with measurements,
coordinates and columns permuted and with other formulas:

    momentum         U_{t+1} = U_t + beta (U_t - U_{t-1}) - step * grad f(U_t)
    nesterov         P <- beta P - step * grad f(U),
                     U <- U + beta P - step * grad f(U), with P = 0 at first
    adam             p' and v' as weighted means of all gradients so far, with the
                     weights beta^(t-s) divided by their sum
    apgd             U and V in the form of Z, by the pseudoinverse of the stacked
                     [P; sqrt(lambda) I]
    altmin
                     from all equations at once, not from the normal equations
    mirror-descent   X = U U^T from the series of exp(log X - 2 step G), and its root
    polyak-gd        mu_t = step / max(1, step |grad f|^2 / (f - f*)), where
                     |grad f|^2 = tr(G U U^T G) and f is from the mean of res^2
    imbalanced-gd    U <- beta L R^T and V <- V R diag(s) R^T / beta, from the SVD
                     U = L diag(s) R^T
    sgd              sum over all measurements, each times the number of times
                     it was drawn
    rgd, rsgd        B = (I - Q/2) (G/2) U^+T with Q = L L^T and
                     U^+T = L diag(1/s) R^T, from the SVD U = L diag(s) R^T;
                     with a retraction, W <- W - step B - step^2 (B - 1/2 W W^+ B)
                     (W'^+ B')^T for second-order, and pseudoinverses for the others
    rgda             G U^{+T} - E U^{+T} with E = 1/m sum_i e_i A_i, U^{+T} as
                     above, and e = w / max(1, |w| / (rho sqrt(m))) with
                     w = (1 - eta (lambda - 1)) e - eta res
    zeroth-order     1/m sum_i <A_i, U P^T> (res_i + delta^2 <A_i, P P^T>),
                     which equals the quotient and has no cancellation
    zeroth-order-newton
                     the same quotients, and with c_i = 2 <A_k, U E_i^T>, b_ij =
                     <A_k, E_i E_j^T> and E_i the matrix of e_i
                         H_ij = 1/(4m) sum_k (4 res_k b_ij + 2 c_i c_j
                                              + 4 eta^2 b_ij (b_ii + b_jj));
                     R is the inverse of the root of H from an SVD
    uv               the problem in Z = [U; V], as in reference.py

What a method draws belongs to the measurements and entries by their numbers
before the permutation.  The metrics have to agree to 1e-10.
"""

import json
import sys
from pathlib import Path

import numpy as np

import philox
from reference import (
    CONDITION, SENSITIVITY, TOLERANCE, check_cases, column_space, command,
    differences, gradient, gradient_error, gradient_uv, header, leading_pairs, lift,
    loss, loss_uv, make_inputs, metrics, metrics_uv, outside, read_trajectory,
    residual, save_inputs, spectral_subspace, spectral_subspace_uv,
    subspace_metrics, symmetric_float64, too_large, write_results)

HERE = Path(__file__).resolve().parent

# The keys of settings.json that belong to a method, in the order of the file.
OPTIONS = ["step-decay", "retraction", "momentum", "beta1", "beta2", "epsilon",
           "optimal-value", "imbalance-scale", "imbalance-below",
           "inner-tolerance", "inner-iterations", "batch-size",
           "label-noise", "directions", "radius",
           "bootstrap-steps", "hessian-radius", "least-curvature",
           "adversary-step", "adversary-weight", "adversary-radius",
           "method-seed"]

# The methods that take the gradient of all measurements.
WHOLE = ["momentum", "nesterov", "adam", "polyak-gd", "imbalanced-gd", "rgd", "apgd",
         "altmin", "mirror-descent"]

# The cases, with the keys of reference.py; `options` are those just listed, and
# with `near` U0 is not alpha * N but X + alpha * N (the first r columns of X).
STORED = dict(A_dtype="<f8", y_dtype="<f8", A_order="C")
CASES = {
    "momentum": dict(
        method="momentum", parametrization="psd", options={"momentum": 0.8},
        seed=2101, n=11, rank=2, measurements=173, factor_rank=6,
        alpha=1e-2, kappa=2.0, noise=0.0, general=False,
        step=0.08, iterations=120, **STORED),
    "momentum_uv": dict(
        method="momentum", parametrization="uv", options={"momentum": 0.8},
        seed=2202, n=11, n2=8, rank=2, measurements=181, factor_rank=4,
        alpha=1e-2, kappa=2.0, noise=0.0,
        step=0.1, iterations=160, **STORED),
    "nesterov": dict(
        method="nesterov", parametrization="psd", options={"momentum": 0.7},
        seed=3111, n=12, rank=2, measurements=181, factor_rank=5,
        alpha=1e-2, kappa=2.0, noise=0.0, general=False,
        step=0.08, iterations=120, **STORED),
    "nesterov_uv": dict(
        method="nesterov", parametrization="uv", options={"momentum": 0.8},
        seed=3212, n=8, n2=10, rank=2, measurements=173, factor_rank=3,
        alpha=1e-2, kappa=2.0, noise=0.0,
        step=0.1, iterations=160, **STORED),
    # A large epsilon: where g is far below it, a relative error of g stays one of the
    # step.  Without it, entries whose gradients vanish would move by rounding.
    "adam": dict(
        method="adam", parametrization="psd",
        options={"step-decay": "power:0.5,0.1", "beta1": 0.8, "beta2": 0.95,
                 "epsilon": 1e-3},
        seed=3515, n=10, rank=2, measurements=181, factor_rank=4,
        alpha=1e-2, kappa=2.0, noise=0.0, general=False,
        step=0.04, iterations=120, **STORED),
    "adam_uv": dict(
        method="adam", parametrization="uv",
        options={"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-3},
        seed=3616, n=8, n2=10, rank=2, measurements=173, factor_rank=3,
        alpha=1e-2, kappa=2.0, noise=1e-2,
        step=0.02, iterations=120, **STORED),
    # The condition of U^T U stays moderate: one column more than the rank, few steps.
    "apgd": dict(
        method="apgd", parametrization="uv", options={},
        seed=3717, n=9, n2=7, rank=2, measurements=191, factor_rank=3,
        alpha=0.1, kappa=3.0, noise=1e-2,
        step=0.9, iterations=25, **STORED),
    # The minima are determined well: 191 equations for 27 and for 21 unknowns.
    "altmin": dict(
        method="altmin", parametrization="uv",
        options={"inner-tolerance": 1e-13, "inner-iterations": 200},
        seed=3818, n=9, n2=7, rank=2, measurements=191, factor_rank=3,
        alpha=0.01, kappa=3.0, noise=1e-2,
        step=0.0, iterations=9, **STORED),
    # The least eigenvalues of U U^T stay above 1e-5 of the largest: see above.
    "mirror_descent": dict(
        method="mirror-descent", parametrization="psd", options={},
        seed=3919, n=7, rank=2, measurements=61, factor_rank=7,
        alpha=0.2, kappa=2.0, noise=1e-2, general=False,
        step=0.15, iterations=40, **STORED),
    # The largest step is in force in 14 steps of 30 and in 25 of 32 (the next case).
    # Longer runs would magnify rounding: see above.
    "polyak_gd": dict(
        method="polyak-gd", parametrization="psd", options={},
        seed=3313, n=10, rank=2, measurements=181, factor_rank=4,
        alpha=1e-2, kappa=2.0, noise=0.0, general=False,
        step=1.1, iterations=30, **STORED),
    "polyak_gd_uv": dict(
        method="polyak-gd", parametrization="uv", options={"optimal-value": 1e-4},
        seed=3414, n=9, n2=7, rank=2, measurements=191, factor_rank=3,
        alpha=1e-2, kappa=2.0, noise=3e-2,
        step=2.2, iterations=32, **STORED),
    # Noise is far below what makes the residuals large.
    "imbalanced_gd": dict(
        method="imbalanced-gd", parametrization="uv",
        options={"imbalance-scale": 0.6, "imbalance-below": 0.15},
        seed=3515, n=9, n2=7, rank=2, measurements=191, factor_rank=4,
        alpha=0.1, kappa=1.5, noise=1e-3,
        step=0.3, iterations=120, **STORED),
    # The seed is above 2^32: both words of the generator's key matter.
    "sgd": dict(
        method="sgd", parametrization="psd",
        options={"batch-size": 40, "method-seed": 2 ** 40 + 17},
        seed=2303, n=10, rank=2, measurements=199, factor_rank=4,
        alpha=1e-2, kappa=2.0, noise=0.0, general=False,
        step=0.2, iterations=180, **STORED),
    # An odd batch, and noise.
    "sgd_uv": dict(
        method="sgd", parametrization="uv",
        options={"batch-size": 37, "method-seed": 2 ** 40 + 17},
        seed=2404, n=9, n2=7, rank=2, measurements=191, factor_rank=3,
        alpha=0.1, kappa=2.0, noise=1e-2,
        step=0.4, iterations=180, **STORED),
    # Non-symmetric A_i; the signs of a step take two blocks of the generator.
    "label_noise_gd": dict(
        method="label-noise-gd", parametrization="psd",
        options={"label-noise": 0.05, "method-seed": 5},
        seed=2505, n=9, rank=2, measurements=163, factor_rank=5,
        alpha=1e-2, kappa=2.0, noise=0.0, general=True,
        step=0.2, iterations=150, **STORED),
    "rgd": dict(
        method="rgd", parametrization="psd", options={}, near=True,
        seed=2606, n=10, rank=3, measurements=197, factor_rank=3,
        alpha=0.3, kappa=3.0, noise=0.0, general=False,
        step=0.5, iterations=60, **STORED),
    # Factor rank below the rank: neither loss nor error vanishes.
    "rgd_rank": dict(
        method="rgd", parametrization="psd", options={}, near=True,
        seed=2707, n=9, rank=3, measurements=167, factor_rank=2,
        alpha=0.3, kappa=2.0, noise=0.0, general=True,
        step=0.4, iterations=60, **STORED),
    "rsgd": dict(
        method="rsgd", parametrization="psd",
        options={"batch-size": 40, "method-seed": 2 ** 33 + 9}, near=True,
        seed=2808, n=8, rank=3, measurements=193, factor_rank=3,
        alpha=0.3, kappa=3.0, noise=0.0, general=False,
        step=0.3, iterations=100, **STORED),
    "rgd_uv": dict(
        method="rgd", parametrization="uv", options={"retraction": "factor"}, near=True,
        seed=3515, n=9, n2=7, rank=3, measurements=197, factor_rank=3,
        alpha=0.2, kappa=3.0, noise=0.0,
        step=0.5, iterations=50, **STORED),
    "rsgd_uv": dict(
        method="rsgd", parametrization="uv",
        options={"step-decay": "power:0.75,0.05", "batch-size": 90,
                 "method-seed": 2 ** 36 + 5}, near=True,
        seed=3616, n=7, n2=9, rank=2, measurements=193, factor_rank=2,
        alpha=0.2, kappa=2.0, noise=1e-2,
        step=0.5, iterations=80, **STORED),
    "rgd_second_order": dict(
        method="rgd", parametrization="uv", options={"retraction": "second-order"},
        near=True, seed=3717, n=8, n2=9, rank=3, measurements=191, factor_rank=2,
        alpha=0.3, kappa=2.0, noise=0.0,
        step=0.5, iterations=50, **STORED),
    "rgd_projection": dict(
        method="rgd", parametrization="psd", options={"retraction": "projection"},
        near=True, seed=3818, n=10, rank=3, measurements=193, factor_rank=3,
        alpha=0.2, kappa=2.0, noise=0.0, general=False,
        step=0.5, iterations=50, **STORED),
    "rgd_exponential": dict(
        method="rgd", parametrization="uv", options={"retraction": "exponential"},
        near=True, seed=3919, n=8, n2=7, rank=3, measurements=193, factor_rank=2,
        alpha=0.3, kappa=2.0, noise=0.0,
        step=0.5, iterations=40, **STORED),
    # With noise the equilibrium's shift is not 0.  The ball contains it, but
    # not the shifts of the first steps.
    "rgda": dict(
        method="rgda", parametrization="psd",
        options={"adversary-step": 0.2, "adversary-weight": 2.5,
                 "adversary-radius": 0.05}, near=True,
        seed=3010, n=9, rank=2, measurements=151, factor_rank=2,
        alpha=0.3, kappa=2.0, noise=2e-2, general=False,
        step=0.3, iterations=60, **STORED),
    # Of the Hessian's eigenvalues some are below M at first.
    "zeroth_order_newton": dict(
        method="zeroth-order-newton", parametrization="psd",
        options={"directions": 9, "radius": 1e-2, "method-seed": 2 ** 35 + 1,
                 "bootstrap-steps": 4, "hessian-radius": 0.05,
                 "least-curvature": 0.3},
        seed=3030, n=5, rank=2, measurements=61, factor_rank=2,
        alpha=0.4, kappa=1.5, noise=0.0, general=False,
        step=0.2, iterations=12, **STORED),
    # An odd number of entries: the last deviate of a direction is dropped.
    "zeroth_order": dict(
        method="zeroth-order", parametrization="psd",
        options={"directions": 20, "radius": 1e-3, "method-seed": 2 ** 32 + 3},
        seed=2909, n=7, rank=2, measurements=83, factor_rank=3,
        alpha=0.3, kappa=2.0, noise=0.0, general=False,
        step=0.25, iterations=60, **STORED),
}


def columns(case):
    """The names of the columns of trajectory.csv."""
    names = header(case)
    if case["method"] == "rgda":
        names.insert(names.index("spectral_angle") + 1, "shift")
    return names


def inputs_of(case):
    """The inputs in the form in which they are stored."""
    inputs = make_inputs(case)
    if case.get("near"):
        inputs["U0"] = inputs["U0"] + inputs["X"][:, :case["factor_rank"]]
        if "V0" in inputs:
            inputs["V0"] = inputs["V0"] + inputs["Y"][:, :case["factor_rank"]]
    return inputs


# --------------------------------------------------------------------------
# What the methods draw in step t
# --------------------------------------------------------------------------

def batch(settings, t, m):
    """The numbers of the measurements of a mini-batch, ascending."""
    return np.array(sorted(philox.indices(
        settings["method-seed"], philox.BATCH, t, settings["batch-size"], m)))


def label_signs(settings, t, m):
    return philox.signs(settings["method-seed"], philox.LABELS, t, m)


def directions(settings, t, shape):
    """P_0 .. P_{q-1} as an array q x n x r."""
    q, seed = settings["directions"], settings["method-seed"]
    return np.array([
        philox.normals(seed, philox.DIRECTIONS, t * q + k, shape[0] * shape[1])
        .reshape(shape) for k in range(q)])


def sphere(settings, t, d):
    """v_0 .. v_{bq-1} of zeroth-order-newton as an array bq x d."""
    b, q, pairs = settings["bootstrap-steps"], settings["directions"], d * (d + 1) // 2
    first = b * q + (t - b) * (pairs + b * q) + pairs
    p = np.array([philox.normals(settings["method-seed"], philox.DIRECTIONS, first + k, d)
                  for k in range(b * q)])
    return np.sqrt(d) * p / np.linalg.norm(p, axis=1, keepdims=True)


# --------------------------------------------------------------------------
# The methods
# --------------------------------------------------------------------------

def newton(f, u, settings, t):
    """R g of zeroth-order-newton at u."""
    d, eta, delta = len(u), settings["hessian-radius"], settings["radius"]
    e = eta * np.eye(d)
    H = np.array([[f(u + e[i] + e[j]) - f(u + e[i] - e[j]) - f(u - e[i] + e[j])
                   + f(u - e[i] - e[j]) for j in range(d)] for i in range(d)])
    values, vectors = np.linalg.eigh(H / (4 * eta ** 2))
    values = np.maximum(values, settings["least-curvature"])
    R = vectors @ np.diag(values ** -0.5) @ vectors.T
    v = sphere(settings, t, d)
    rise = [f(u + delta * R @ w) - f(u - delta * R @ w) for w in v]
    return R @ (np.array(rise) / (2 * delta) @ v) / len(v)


def estimate(A, y, U, settings, t):
    """What step t takes for grad f(U)."""
    method, m = settings["method"], len(y)
    if method in WHOLE:
        return gradient(A, y, U)
    if method in ("sgd", "rsgd"):
        i = batch(settings, t, m)
        return gradient(A[i], y[i], U)
    if method == "label-noise-gd":
        s = label_signs(settings, t, m)
        return gradient(A, y + settings["label-noise"] * s, U)
    if method == "zeroth-order-newton" and t >= settings["bootstrap-steps"]:
        return newton(lambda u: loss(A, y, u.reshape(U.shape)), U.ravel(), settings,
                      t).reshape(U.shape) / settings["step"]
    if method in ("zeroth-order", "zeroth-order-newton"):
        delta = settings["radius"]
        g = np.zeros_like(U)
        for P in directions(settings, t, U.shape):
            g += (loss(A, y, U + delta * P) - loss(A, y, U - delta * P)) / (2 * delta) * P
        return g / settings["directions"]
    raise ValueError(f"unknown method {method}")


def estimate_uv(A, y, U, V, settings, t):
    """What step t takes for grad_U and grad_V."""
    method = settings["method"]
    if method in WHOLE:
        return gradient_uv(A, y, U, V)
    if method in ("sgd", "rsgd"):
        i = batch(settings, t, len(y))
        return gradient_uv(A[i], y[i], U, V)
    raise ValueError(f"method {method} is not defined for two factors")


def riemannian(U, g):
    """B from U and g = grad f(U)."""
    P = U.T @ U
    H = np.linalg.solve(P, g.T).T / 2
    return H - U @ np.linalg.solve(P, U.T @ H) / 2


def riemannian_uv(U, V, g):
    """B_U and B_V from U, V and g = (grad_U, grad_V)."""
    B = []
    for W, other, part in ((U, V, g[0]), (V, U, g[1])):
        H = np.linalg.solve(other.T @ other, part.T).T
        B.append(H - W @ np.linalg.solve(W.T @ W, W.T @ H) / 2)
    return B


def tangents(factors, g):
    """The B of all factors."""
    if len(factors) == 1:
        return [riemannian(factors[0], g[0])]
    return riemannian_uv(*factors, g)


# --------------------------------------------------------------------------
# The retractions
# --------------------------------------------------------------------------

RUNGE = 128


def runge_kutta(force, x, v, steps=RUNGE):
    """x at the time 1 for x'' = force(x, v); x and v are lists of arrays."""
    def add(a, h, b):
        return [p + h * q for p, q in zip(a, b)]

    h = 1 / steps
    for _ in range(steps):
        a1 = force(x, v)
        v2 = add(v, h / 2, a1)
        a2 = force(add(x, h / 2, v), v2)
        v3 = add(v, h / 2, a2)
        a3 = force(add(x, h / 2, v2), v3)
        v4 = add(v, h, a3)
        a4 = force(add(x, h, v3), v4)
        x = [p + h / 6 * (a + 2 * b + 2 * c + d)
             for p, a, b, c, d in zip(x, v, v2, v3, v4)]
        v = [p + h / 6 * (a + 2 * b + 2 * c + d)
             for p, a, b, c, d in zip(v, a1, a2, a3, a4)]
    return x


def pseudoinverse(W):
    return np.linalg.solve(W.T @ W, W.T)


def geodesic(inverse):
    """The force of the geodesic's equation in factors."""
    def force(factors, velocities):
        turned = [inverse(W) @ D for W, D in zip(factors, velocities)]
        return [-2 * (D - W @ T / 2) @ other.T for W, D, T, other
                in zip(factors, velocities, turned, turned[::-1])]
    return force


def nearest(factors, S, inverse, steps=200):
    """The factors to which the iteration of `projection` converges."""
    for _ in range(steps):
        matrices = [S] if len(factors) == 1 else [S, S.T]
        H = [matrix @ inverse(other).T for matrix, other in zip(matrices, factors[::-1])]
        factors = [W / 2 + h - W @ (inverse(W) @ h) / 2 for W, h in zip(factors, H)]
    return factors


def parts(factors, xi):
    """M, U_p and V_p of a tangent."""
    U, V = factors[0], factors[-1]
    U_inv, V_inv = pseudoinverse(U), pseudoinverse(V)
    return (U_inv @ xi @ V_inv.T, (xi - U @ (U_inv @ xi)) @ V_inv.T,
            (xi.T - V @ (V_inv @ xi.T)) @ U_inv.T)


def tangent(factors, B):
    """xi."""
    return factors[0] @ B[-1].T + B[0] @ factors[-1].T


def retract(factors, B, step, name):
    """The factors after a step."""
    straight = [W - step * b for W, b in zip(factors, B)]
    if name == "factor":
        return straight
    if name == "second-order":
        M, U_p, V_p = parts(factors, -step * tangent(factors, B))
        one = np.eye(len(M))
        return [W @ (one + N / 2 - N @ N / 8) + W_p @ (one - N / 2)
                for W, N, W_p in zip(factors, (M, M.T), (U_p, V_p))]
    if name == "projection":
        S = factors[0] @ factors[-1].T - step * tangent(factors, B)
        return nearest(straight, S, pseudoinverse)
    if name == "exponential":
        return runge_kutta(geodesic(pseudoinverse), factors, [-step * b for b in B])
    raise ValueError(f"unknown retraction {name}")


def decayed(settings, t):
    """The step size of step t."""
    if "step-decay" not in settings:
        return settings["step"]
    law, numbers = settings["step-decay"].split(":")
    assert law == "power"
    p, c = map(float, numbers.split(","))
    return settings["step"] * (1 + c * t) ** -p


def payoff(A, y, U, e, settings):
    """phi(U, e)."""
    res = residual(A, y, U)
    return (np.sum((res - e) ** 2)
            - settings["adversary-weight"] * np.sum(e ** 2)) / (4 * len(y))


def ascent(A, y, U, e, settings):
    """2m times the derivative of phi in e."""
    return -(residual(A, y, U) + (settings["adversary-weight"] - 1) * e)


def play(A, y, U, e, settings):
    """The next U and e."""
    g = gradient(A, y + e, U)  # of phi in U: its residuals are res - e
    w = e + settings["adversary-step"] * ascent(A, y, U, e, settings)
    length, most = np.linalg.norm(w), settings["adversary-radius"] * np.sqrt(len(y))
    if length > most:
        w = w * (most / length)
    return U - settings["step"] * np.linalg.solve(U.T @ U, g.T).T, w


def plays(A, y, U, settings, play=play):
    """(U_0, e_0) .. (U_T, e_T)."""
    e = np.zeros(len(y))
    yield U, e
    for _ in range(settings["iterations"]):
        U, e = play(A, y, U, e, settings)
        yield U, e


def polyak_step(f, gradients, settings):
    """mu_t of polyak-gd."""
    excess = f - settings.get("optimal-value", 0.0)
    if excess <= 0:
        return 0.0
    return min(settings["step"], excess / sum(np.sum(g ** 2) for g in gradients))


def near(f, f_of_zero, settings):
    """Whether |res| is at most tau |y|, with f = |res|^2 / (4m)."""
    return np.sqrt(f / f_of_zero) <= settings["imbalance-below"]


def unbalanced(U, V, settings):
    """U and V after the step of imbalanced-gd that is not one of gradient descent."""
    beta = settings["imbalance-scale"]
    squares, R = np.linalg.eigh(U.T @ U)
    S = R @ np.diag(np.sqrt(squares)) @ R.T
    return [beta * np.linalg.solve(S, U.T).T, V @ S / beta]


def damping(U, V):
    """lambda of apgd."""
    return (np.sum(U ** 2) + np.sum(V ** 2)) / 2 ** 42


def alternating(gradients, factors, step, t):
    """U and V after a step of apgd."""
    U, V = factors
    eye = np.eye(U.shape[1])
    g = gradients(t, U, V)[0]
    U = U - step * np.linalg.solve(V.T @ V + damping(U, V) * eye, g.T).T
    g = gradients(t, U, V)[1]
    V = V - step * np.linalg.solve(U.T @ U + damping(U, V) * eye, g.T).T
    if t == 0:
        return level(U, V)
    return [U, V]


def level(U, V):
    """c U and V / c with about equal norms."""
    c = 2.0 ** np.round(np.log2(np.linalg.norm(V) / np.linalg.norm(U)) / 2)
    return [c * U, V / c]


def minimized(gradients, factors, t):
    """U and V after step t of altmin.  The gradient of the matrix
    that moves is affine in it: its values at 0 and at the units give the normal
    equations."""
    moves = 1 - t % 2

    def at(x):
        there = list(factors)
        there[moves] = x.reshape(factors[moves].shape)
        return gradients(t, *there)[moves].ravel()
    zero = np.zeros(factors[moves].size)
    H = np.array([at(unit) - at(zero) for unit in np.eye(zero.size)])
    factors = list(factors)
    factors[moves] = np.linalg.solve(H, -at(zero)).reshape(factors[moves].shape)
    return level(*factors)


def descent(factors, f, gradients, settings):
    """All iterates, each a list of factors, by `gradients`, a function of the step
    and the factors, and f, a function of the factors."""
    beta = settings.get("momentum", 0.0)
    P, W = [np.zeros_like(U) for U in factors], factors
    changing = settings["method"] == "imbalanced-gd"
    f_of_zero = f(*P)
    S = P  # the second moments of adam
    yield factors
    for t in range(settings["iterations"]):
        G, step = gradients(t, *factors), decayed(settings, t)
        if changing and near(f(*factors), f_of_zero, settings):
            changing, factors = False, unbalanced(*factors, settings)
        elif settings["method"] == "apgd":
            factors = alternating(gradients, factors, step, t)
        elif settings["method"] == "altmin":
            factors = minimized(gradients, factors, t)
        elif settings["method"] in ("rgd", "rsgd"):
            factors = retract(factors, tangents(factors, G), step,
                              settings.get("retraction", "factor"))
        elif settings["method"] == "nesterov":
            before, W = W, [U - step * g for U, g in zip(factors, G)]
            factors = [w + beta * (w - b) for w, b in zip(W, before)]
        elif settings["method"] == "adam":
            beta1, beta2 = settings["beta1"], settings["beta2"]
            P = [beta1 * p + (1 - beta1) * g for p, g in zip(P, G)]
            S = [beta2 * v + (1 - beta2) * g ** 2 for v, g in zip(S, G)]
            factors = [
                U - step * (p / (1 - beta1 ** (t + 1)))
                / (np.sqrt(v / (1 - beta2 ** (t + 1))) + settings["epsilon"])
                for U, p, v in zip(factors, P, S)]
        else:
            if settings["method"] == "polyak-gd":
                step = polyak_step(f(*factors), G, settings)
            # Without momentum there is no memory.
            P = [beta * p - step * g for p, g in zip(P, G)]
            factors = [U + p for U, p in zip(factors, P)]
        yield factors


def mirrored(A, y, U, settings):
    """U_0 .. U_T of mirror-descent."""
    P, s, _ = np.linalg.svd(U)
    L = P @ np.diag(np.log(s)) @ P.T
    yield U
    for t in range(settings["iterations"]):
        G = np.einsum("i,ijk->jk", residual(A, y, U), A) / len(y)
        L = L - decayed(settings, t) * G
        values, Q = np.linalg.eigh(L)
        U = Q @ np.diag(np.exp(values)) @ Q.T
        yield U


def iterates(A, y, U, settings):
    """U_0 .. U_T."""
    if settings["method"] == "mirror-descent":
        yield from mirrored(A, y, U, settings)
        return
    for U, in descent([U], lambda U: loss(A, y, U),
                      lambda t, U: [estimate(A, y, U, settings, t)], settings):
        yield U


def iterates_uv(A, y, U, V, settings):
    """(U_0, V_0) .. (U_T, V_T)."""
    return descent([U, V], lambda U, V: loss_uv(A, y, U, V),
                   lambda t, U, V: estimate_uv(A, y, U, V, settings, t), settings)


def solve(inputs, settings):
    """All rows of the trajectory, the last factors by the names of their files,
    and the spectral estimate's angle."""
    uv = settings["parametrization"] == "uv"
    return (solve_uv if uv else solve_psd)(**inputs, settings=settings)


def solve_psd(A, y, X, U0, settings, iterates=iterates, play=play):
    A, y = symmetric_float64(A), y.astype(np.float64)
    M_star, V_X = X @ X.T, column_space(X)
    V_spec = spectral_subspace(A, y, X.shape[1])
    rows, U0 = [], U0.astype(np.float64)
    if settings["method"] == "rgda":
        after = header(settings).index("spectral_angle")  # without `iteration`
        for U, e in plays(A, y, U0, settings, play):
            row = metrics(A, y, M_star, V_X, V_spec, U)
            row.insert(after, float(np.linalg.norm(e) / np.sqrt(len(y))))
            rows.append(row)
    else:
        for U in iterates(A, y, U0, settings):
            rows.append(metrics(A, y, M_star, V_X, V_spec, U))
    return np.array(rows), {"factor": U}, outside(V_X, V_spec)


def solve_uv(A, y, X, Y, U0, V0, settings):
    A, y = np.ascontiguousarray(A, dtype=np.float64), y.astype(np.float64)
    M_star, rank = X @ Y.T, X.shape[1]
    B, B_spec = leading_pairs(M_star, rank), spectral_subspace_uv(A, y, rank)
    rows = []
    for U, V in iterates_uv(A, y, U0.astype(np.float64), V0.astype(np.float64),
                            settings):
        rows.append(metrics_uv(A, y, M_star, B, B_spec, U, V))
    return np.array(rows), {"factor": U, "factor-right": V}, outside(B, B_spec)


# --------------------------------------------------------------------------
# The same runs by other formulas, in another order
# --------------------------------------------------------------------------

def other_estimate(A, y, U, settings, t, i, j, k):
    """`estimate` where place p of A and y has measurement i[p], and row p and
    column p of U are row j[p] and column k[p]."""
    method, m = settings["method"], len(y)
    weight, label = np.full(m, 1 / m), y
    if method in ("sgd", "rsgd"):
        drawn = np.bincount(batch(settings, t, m), minlength=m)
        weight = drawn[i] / settings["batch-size"]
    if method == "label-noise-gd":
        label = y + settings["label-noise"] * label_signs(settings, t, m)[i]
    res = residual(A, label, U)
    if method == "zeroth-order-newton" and t >= settings["bootstrap-steps"]:
        return other_newton(A, res, U, settings, t, j, k) / settings["step"]
    if method in ("zeroth-order", "zeroth-order-newton"):
        unpermuted = (len(j), len(k))
        P = directions(settings, t, unpermuted)[:, j][:, :, k]
        first = np.einsum("ijk,jl,qkl->qi", A, U, P, optimize=True)
        second = np.einsum("ijk,qjl,qkl->qi", A, P, P, optimize=True)
        slope = (first * (res + settings["radius"] ** 2 * second)).mean(axis=1)
        return np.einsum("q,qjl->jl", slope, P) / len(P)
    return np.einsum("i,ijk->jk", weight * res, A) @ U


def other_newton(A, res, U, settings, t, j, k):
    """`newton` without differences, with rows and columns of U permuted."""
    d, m, eta2 = U.size, len(res), settings["hessian-radius"] ** 2
    E = np.eye(d).reshape(d, *U.shape)
    c = 2 * np.einsum("mjk,jl,ikl->mi", A, U, E, optimize=True)
    b = np.einsum("mjk,pjl,qkl->mpq", A, E, E, optimize=True)
    own = np.einsum("mii->mi", b)
    H = (4 * np.einsum("m,mpq->pq", res, b) + 2 * c.T @ c
         + 4 * eta2 * np.einsum("mpq,mp->pq", b, own)
         + 4 * eta2 * np.einsum("mpq,mq->pq", b, own)) / (4 * m)
    # An eigenvalue is negative if its two singular vectors have opposite signs.
    P, s, Qt = np.linalg.svd(H)
    s = np.where(np.einsum("pi,ip->i", P, Qt) > 0, s, 0)
    R = (P / np.sqrt(np.maximum(s, settings["least-curvature"]))) @ P.T
    v = sphere(settings, t, d).reshape(-1, len(j), len(k))[:, j][:, :, k].reshape(-1, d)
    W = (v @ R).reshape(-1, *U.shape)
    first = np.einsum("ijk,jl,qkl->qi", A, U, W, optimize=True)
    second = np.einsum("ijk,qjl,qkl->qi", A, W, W, optimize=True)
    slope = (first * (res + settings["radius"] ** 2 * second)).mean(axis=1)
    return (R @ (slope @ v) / len(v)).reshape(U.shape)


def other_riemannian(U, g):
    """`riemannian` from an SVD of U.  g (U^T U)^{-1} = G U (U^T U)^{-1}, and
    U (U^T U)^{-1} is the transposed pseudoinverse of U."""
    L, s, Rt = np.linalg.svd(U, full_matrices=False)
    H = g @ Rt.T @ np.diag(s ** -2.0) @ Rt / 2
    return H - L @ (L.T @ H) / 2


def other_tangents(factors, g):
    """`tangents` with pseudoinverses from SVDs."""
    if len(factors) == 1:
        return [other_riemannian(factors[0], g[0])]
    B = []
    for W, other, part in zip(factors, factors[::-1], g):
        H = part @ np.linalg.inv(other.T @ other)
        L = column_space(W)
        B.append(H - L @ (L.T @ H) / 2)
    return B


def other_retract(factors, B, step, name):
    """`retract` with pseudoinverses from SVDs, and another formula for
    second-order."""
    straight = [W - step * b for W, b in zip(factors, B)]
    if name == "factor":
        return straight
    if name == "second-order":
        turned = [np.linalg.pinv(W) @ b for W, b in zip(factors, B)]
        return [W - step * (b + step * (b - W @ T / 2) @ other.T)
                for W, b, T, other in zip(factors, B, turned, turned[::-1])]
    if name == "projection":
        S = factors[0] @ factors[-1].T - step * tangent(factors, B)
        return nearest(straight, S, np.linalg.pinv)
    return runge_kutta(geodesic(np.linalg.pinv), factors, [-step * b for b in B])


def other_play(A, y, U, e, settings):
    """`play` with the two sums of the gradient apart, from an SVD of U."""
    m, eta = len(y), settings["adversary-step"]
    L, s, Rt = np.linalg.svd(U, full_matrices=False)
    res = np.einsum("ij,kij->k", U @ U.T, A) - y
    G, E = np.tensordot(res / m, A, 1), np.tensordot(e / m, A, 1)
    T = L @ np.diag(1 / s) @ Rt  # U (U^T U)^{-1}
    w = (1 - eta * (settings["adversary-weight"] - 1)) * e - eta * res
    w = w / max(1.0, np.sqrt(np.mean(w ** 2)) / settings["adversary-radius"])
    return U - settings["step"] * (G @ T - E @ T), w


def other_polyak_step(A, y, U, settings):
    """`polyak_step`, with one division that the largest step bounds."""
    res = np.einsum("ij,kij->k", U @ U.T, A) - y
    G = np.tensordot(res, A, 1) / len(y)
    excess = np.mean(res ** 2) / 4 - settings.get("optimal-value", 0.0)
    squares = np.trace(G @ (U @ U.T) @ G)
    most = settings["step"]
    return most / max(1.0, most * squares / excess) if excess > 0 else 0.0


def other_unbalanced(Z, left, settings):
    """`unbalanced` for Z = [U; V], in which `left` says which rows are U's."""
    L, s, Rt = np.linalg.svd(Z[left], full_matrices=False)
    Z = Z.copy()
    Z[left] = settings["imbalance-scale"] * L @ Rt
    Z[~left] = Z[~left] @ Rt.T @ np.diag(s / settings["imbalance-scale"]) @ Rt
    return Z


def other_alternating(gradient, Z, sides, step, t):
    """`alternating` for Z = [U; V], by pseudoinverses."""
    Z = Z.copy()
    for side, other in (sides, sides[::-1]):
        root = np.linalg.norm(Z) / 2 ** 21
        inverse = np.linalg.pinv(np.vstack([Z[other], root * np.eye(Z.shape[1])]))
        Z[side] -= step * gradient(Z)[side] @ inverse @ inverse.T
    if t == 0:
        u, v = (np.trace(Z[side].T @ Z[side]) for side in sides)
        c = 2.0 ** np.round(np.log2(v / u) / 4)
        Z[sides[0]] *= c
        Z[sides[1]] /= c
    return Z


def other_minimized(A, y, Z, sides, t):
    """`minimized` for Z = [U; V], by least squares for the residuals, which are affine in
    the rows that move."""
    def at(x):
        there = Z.copy()
        there[sides[1 - t % 2]] = x.reshape(-1, Z.shape[1])
        return residual(A, y, there)
    Z = Z.copy()
    zero = np.zeros(Z[sides[1 - t % 2]].size)
    J = np.array([at(unit) - at(zero) for unit in np.eye(zero.size)]).T
    Z[sides[1 - t % 2]] = np.linalg.lstsq(J, -at(zero), rcond=None)[0].reshape(-1, Z.shape[1])
    u, v = (np.trace(Z[side].T @ Z[side]) for side in sides)
    c = 2.0 ** np.round(np.log2(v / u) / 4)
    Z[sides[0]] *= c
    Z[sides[1]] /= c
    return Z


def exponential(S):
    """exp(S) from the series of exp(S / 2^10)."""
    term = total = np.eye(len(S))
    for p in range(1, 12):
        term = term @ S / 2 ** 10 / p
        total = total + term
    for _ in range(10):
        total = total @ total
    return total


def other_mirrored(A, y, U, settings, j, k):
    """`mirrored` by the matrix X = U U^T, from its logarithm and the series of exp.
    Its root has the coordinates j for columns too; those of U are k."""
    values, Q = np.linalg.eigh(U @ U.T)
    S, back = Q @ np.diag(np.log(values)) @ Q.T, np.argsort(j)[k]
    yield U
    for t in range(settings["iterations"]):
        G = np.einsum("i,ijk->jk", residual(A, y, U), A) / len(y)
        S = S - 2 * decayed(settings, t) * G
        values, Q = np.linalg.eigh(exponential(S))
        U = ((Q * np.sqrt(values)) @ Q.T)[:, back]
        yield U


def other_iterates(A, y, U, settings, i, j, k, sides=None):
    """`iterates`; with sides, the two sets of rows of U that are U and V."""
    if settings["method"] == "mirror-descent":
        yield from other_mirrored(A, y, U, settings, j, k)
        return
    beta = settings.get("momentum", 0.0)
    before, P, past = U, np.zeros_like(U), []
    sides = sides or [slice(None)]
    changing = settings["method"] == "imbalanced-gd"
    yield U
    for t in range(settings["iterations"]):
        if changing and np.linalg.norm(residual(A, y, U)) <= (
                settings["imbalance-below"] * np.linalg.norm(y)):
            changing, U = False, other_unbalanced(U, j < settings["n"], settings)
            yield U
            continue
        g, step = other_estimate(A, y, U, settings, t, i, j, k), decayed(settings, t)
        if settings["method"] == "polyak-gd":
            step = other_polyak_step(A, y, U, settings)
        if settings["method"] in ("rgd", "rsgd"):
            factors = [U[side] for side in sides]
            B = other_tangents(factors, [g[side] for side in sides])
            U = np.empty_like(U)
            for side, W in zip(sides, other_retract(
                    factors, B, step, settings.get("retraction", "factor"))):
                U[side] = W
        elif settings["method"] == "apgd":
            U = other_alternating(
                lambda Z: other_estimate(A, y, Z, settings, t, i, j, k), U, sides, step, t)
        elif settings["method"] == "altmin":
            U = other_minimized(A, y, U, sides, t)
        elif settings["method"] == "nesterov":
            P = beta * P - step * g
            U = U + beta * P - step * g
        elif settings["method"] == "adam":
            past.append(g)
            mean, square = (
                np.tensordot(w / w.sum(), np.array(past) ** power, 1)
                for power, w in ((1, settings["beta1"] ** np.arange(t, -1.0, -1)),
                                 (2, settings["beta2"] ** np.arange(t, -1.0, -1))))
            U = U - step * mean / (np.sqrt(square) + settings["epsilon"])
        else:
            U, before = U + beta * (U - before) - step * g, U
        yield U


def solve_reordered(inputs, settings, seed=1):
    uv = settings["parametrization"] == "uv"
    return (solve_reordered_uv if uv else solve_reordered_psd)(
        **inputs, settings=settings, rng=np.random.default_rng(seed))


def solve_reordered_psd(A, y, X, U0, settings, rng):
    i = rng.permutation(len(y))
    j = rng.permutation(X.shape[0])
    k = rng.permutation(U0.shape[1])
    rows, factors, estimate_angle = solve_psd(
        A[i][:, j][:, :, j], y[i], X[j], U0[j][:, k], settings,
        lambda *given: other_iterates(*given, i, j, k), other_play)
    unpermuted = np.empty_like(factors["factor"])
    unpermuted[np.ix_(j, k)] = factors["factor"]
    return rows, {"factor": unpermuted}, estimate_angle


def solve_reordered_uv(A, y, X, Y, U0, V0, settings, rng):
    """The run in Z = [U; V], by the functions for `psd`; the coordinates of U and
    V are mixed."""
    n, rank = X.shape
    i = rng.permutation(len(y))
    j = rng.permutation(n + Y.shape[0])
    k = rng.permutation(U0.shape[1])
    A, y = lift(A.astype(np.float64))[i][:, j][:, :, j], y[i].astype(np.float64)
    M_star = lift((X @ Y.T)[None])[0][j][:, j]
    sign = np.where(j < n, 1.0, -1.0)  # 1 for a row of U, -1 for one of V
    across = sign[:, None] != sign  # the entries of U V^T and of V U^T
    B = np.linalg.eigh(M_star)[1][:, -rank:]
    B_spec = spectral_subspace(A, y, rank)

    rows = []
    for Z in other_iterates(A, y, np.vstack([U0, V0])[j][:, k], settings, i, j, k,
                            [sign > 0, sign < 0]):
        error = np.where(across, Z @ Z.T / 2 - M_star, 0.0)
        measured, sigma = subspace_metrics(B, B_spec, Z / np.sqrt(2))
        rows.append([loss(A, y, Z), np.linalg.norm(error) / np.linalg.norm(M_star),
                     *measured, np.linalg.norm(Z.T @ (sign[:, None] * Z)), *sigma])
    unpermuted = np.empty_like(Z)
    unpermuted[np.ix_(j, k)] = Z
    factors = {"factor": unpermuted[:n], "factor-right": unpermuted[n:]}
    return np.array(rows), factors, outside(B, B_spec)


# --------------------------------------------------------------------------
# Creating the case folders
# --------------------------------------------------------------------------

def settings_of(case):
    """settings.json but for the spectral estimate's angle."""
    keys = ["step", "iterations", "n", "n2", "rank", "measurements", "factor_rank"]
    return {"method": case["method"], "parametrization": case["parametrization"],
            **{key: case["options"][key] for key in OPTIONS if key in case["options"]},
            **{key: case[key] for key in keys if key in case}}


def create(name, case):
    inputs, settings = inputs_of(case), settings_of(case)
    rows, factors, estimate_angle = solve(inputs, settings)
    save_inputs(name, inputs)
    settings["spectral_estimate_angle"] = estimate_angle
    write_results(name, settings, columns(case), rows, factors)


# --------------------------------------------------------------------------
# Checking the committed files
# --------------------------------------------------------------------------

def relative(got, want):
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def projection_errors(U, G):
    """Relative differences of U B^T + B U^T, B = riemannian(U, G U), from the
    projection of G/2 to the tangent space, found in two other ways: by the
    projector to the columns of U, and by least squares over the span of all
    U C^T + C U^T, in which C runs through the n r unit matrices."""
    B = riemannian(U, G @ U)
    got = U @ B.T + B @ U.T
    L = column_space(U)
    Q = L @ L.T
    projector = (Q @ G + G @ Q - Q @ G @ Q) / 2

    units = np.eye(U.size).reshape(U.size, *U.shape)
    half = np.einsum("qik,jk->qij", units, U)
    span = (half + half.transpose(0, 2, 1)).reshape(U.size, -1).T
    # The antisymmetric r x r matrices K give C = U K with U C^T + C U^T = 0, so
    # the span has r (r - 1)/2 dimensions less.  lstsq cuts the zero ones off.
    weights = np.linalg.lstsq(span, (G / 2).ravel(), rcond=1e-10)[0]
    squares = (span @ weights).reshape(G.shape)
    return relative(got, projector), relative(got, squares)


def projection_errors_uv(U, V, G):
    """`projection_errors` for U V^T: least squares over all U C^T + D V^T."""
    B_U, B_V = riemannian_uv(U, V, (G @ V / 2, G.T @ U / 2))
    got = U @ B_V.T + B_U @ V.T
    Q_U, Q_V = (L @ L.T for L in (column_space(U), column_space(V)))
    projector = (Q_U @ G + G @ Q_V - Q_U @ G @ Q_V) / 2
    span = np.hstack([np.kron(np.eye(len(U)), V), np.kron(U, np.eye(len(V)))])
    weights = np.linalg.lstsq(span, (G / 2).ravel(), rcond=1e-10)[0]
    return relative(got, projector), relative(got, (span @ weights).reshape(G.shape))


def ambient_geodesic(Z, velocity, rank, steps=256):
    """The geodesic from Z at the time 1, from its equation in n x n2 numbers."""
    def force(place, velocities):
        L, s, Rt = np.linalg.svd(place[0], full_matrices=False)
        L, s, Rt = L[:, :rank], s[:rank], Rt[:rank]
        D = velocities[0]
        D = D - L @ (L.T @ D)
        right = velocities[0] - (velocities[0] @ Rt.T) @ Rt
        return [2 * (D @ Rt.T) @ np.diag(1 / s) @ (L.T @ right)]

    return runge_kutta(force, [Z], [velocity], steps)[0]


def cone_geodesic(Z, velocity):
    """The same for rank one.  Z = s u v^T has the metric ds^2 + s^2 (du^2 + dv^2):
    a cone, whose geodesics are straight lines once it is unrolled."""
    L, s, Rt = np.linalg.svd(Z)
    u, s, v = L[:, 0], s[0], Rt[0]
    along = u @ velocity @ v
    du, dv = (velocity @ v - along * u) / s, (velocity.T @ u - along * v) / s
    rate = np.hypot(np.linalg.norm(du), np.linalg.norm(dv))
    angle = np.arctan2(s * rate, s + along)

    def turned(x, dx):
        size = np.linalg.norm(dx)
        a = angle * size / rate
        return np.cos(a) * x + np.sin(a) * dx / size

    return np.hypot(s + along, s * rate) * np.outer(turned(u, du), turned(v, dv))


def retraction_errors(factors, G, settings):
    """Differences between the step's retraction and other formulas, as pairs."""
    name = settings.get("retraction", "factor")
    uv = len(factors) == 2
    if name == "factor":  # there is nothing to compare
        return []

    def step_from(factors):
        g = [G @ factors[-1], G.T @ factors[0]][:len(factors)]
        B = tangents(factors, [part / 2 for part in g] if uv else g)
        # A step that moves Z by a third of its least singular value.
        velocity = tangent(factors, B)
        least = np.linalg.svd(factors[0] @ factors[-1].T)[1][factors[0].shape[1] - 1]
        step = least / 3 / np.linalg.norm(velocity, 2)
        return B, step, factors[0] @ factors[-1].T, -step * velocity

    B, step, Z, velocity = step_from(factors)
    got = retract(factors, B, step, name)
    pairs = [(f"{name} by pseudoinverses", max(
        relative(a, b) for a, b in zip(got, other_retract(factors, B, step, name))))]
    after = got[0] @ got[-1].T
    r = factors[0].shape[1]
    if name == "second-order":
        M, U_p, V_p = parts(factors, velocity)
        U, V = factors[0], factors[-1]
        W = (Z + U @ M @ V.T / 2 + U_p @ V.T + U @ V_p.T - U @ M @ M @ V.T / 8
             - U_p @ M @ V.T / 2 - U @ M @ V_p.T / 2)
        pairs.append(("second-order by W Z^+ W", relative(
            after, W @ np.linalg.pinv(Z, rcond=1e-10) @ W)))
    if name == "projection":
        L, s, Rt = np.linalg.svd(Z + velocity)
        pairs.append(("projection by singular vectors", relative(
            after, L[:, :r] @ np.diag(s[:r]) @ Rt[:r])))
    if name == "exponential":
        pairs.append(("exponential by the equation for Z", relative(
            after, ambient_geodesic(Z, velocity, r))))
        one = [W[:, :1] for W in factors]
        B, step, Z, velocity = step_from(one)
        got = retract(one, B, step, name)
        pairs.append(("exponential by the closed form for rank one", relative(
            got[0] @ got[-1].T, cone_geodesic(Z, velocity))))
    return pairs


def rgda_errors(A, y, U, settings):
    """`step_errors` of rgda, with a shift that the next one leaves inside the
    ball and one that the projection shortens."""
    d = np.random.default_rng(1).standard_normal(len(y))
    d /= np.sqrt(np.mean(d ** 2))
    pairs = [
        ("the gradient in U against finite differences", gradient_error(
            lambda U: payoff(A, y, U, d, settings),
            lambda U: gradient(A, y + d, U), U)),
        ("the gradient in e against finite differences", gradient_error(
            lambda e: payoff(A, y, U, e, settings),
            lambda e: ascent(A, y, U, e, settings) / (2 * len(y)), d))]
    best = -residual(A, y, U) / (settings["adversary-weight"] - 1)
    rho = settings["adversary-radius"]
    # Near the best shift, with observations that make it small; then far from it.
    label = y + (1 - rho / 4 / np.sqrt(np.mean(best ** 2))) * residual(A, y, U)
    for where, z, e in [("inside", label, rho / 4 * d), ("at the edge", y, rho * d)]:
        got, want = play(A, z, U, e, settings), other_play(A, z, U, e, settings)
        at_edge = abs(np.sqrt(np.mean(got[1] ** 2)) - rho) < 1e-12 * rho
        wrong = at_edge != (where == "at the edge")
        for what, a, b in zip(("factor", "shift"), got, want):
            pairs.append((f"the next {what} with the shift {where}",
                          np.inf if wrong else relative(a, b)))
    return pairs


def step_errors(A, y, U, settings):
    """Differences between a step's parts and other formulas for them, at U, as
    pairs of name and value.  A is symmetric; for uv it is lifted and U is Z."""
    method, m = settings["method"], len(y)
    if method == "rgda":
        return rgda_errors(A, y, U, settings)
    order = [np.arange(size) for size in (m, *U.shape)]
    pairs = []
    for t in (0, 1, settings["iterations"] - 1):
        pairs.append((f"the gradient of step {t}", relative(
            estimate(A, y, U, settings, t),
            other_estimate(A, y, U, settings, t, *order))))
    if method in ("sgd", "rsgd"):
        i = batch(settings, 0, m)
        pairs.append(("the batch's gradient against finite differences",
                      gradient_error(lambda U: loss(A[i], y[i], U),
                                     lambda U: estimate(A, y, U, settings, 0), U)))
    if method in ("rgd", "rsgd"):
        G = np.einsum("i,ijk->jk", residual(A, y, U), A) / m
        names = ("by the projector", "by least squares")
        if settings["parametrization"] == "uv":
            n = settings["n"]
            U, V, G = U[:n], U[n:], 2 * G[:n, n:]  # lifted, G has the half of it twice
            errors, factors = projection_errors_uv(U, V, G), [U, V]
        else:
            errors, factors = projection_errors(U, G), [U]
        for name, error in zip(names, errors):
            pairs.append((f"the projection {name}", error))
        pairs += retraction_errors(factors, G, settings)
    return pairs


def check(name, case):
    """Problems found in one committed case, as lines of text."""
    folder = HERE / name
    problems = []
    settings = json.loads((folder / "settings.json").read_text())
    estimate_angle = settings.pop("spectral_estimate_angle")
    if settings != settings_of(case):
        problems.append(f"settings.json: {settings}, expected {settings_of(case)}")

    n, m, r, uv = case["n"], case["measurements"], case["factor_rank"], "n2" in case
    shapes = {"A": (m, n, n), "y": (m,), "X": (n, case["rank"]), "U0": (n, r)}
    outputs = {"factor": (n, r)}
    if uv:
        n2 = case["n2"]
        shapes |= {"A": (m, n, n2), "Y": (n2, case["rank"]), "V0": (n2, r)}
        outputs |= {"factor-right": (n2, r)}
    arrays = {what: np.load(folder / f"{what}.npy") for what in shapes | outputs}
    for what, shape in (shapes | outputs).items():
        array = arrays[what]
        if array.shape != shape or array.dtype != np.dtype("<f8"):
            problems.append(f"{what}.npy: {array.dtype} {array.shape}, "
                            f"expected float64 {shape}")
    want, malformed = read_trajectory(folder, columns(case), case["iterations"])
    problems += malformed
    if problems:
        return problems  # values of wrong shapes cannot be compared
    inputs = {what: arrays[what] for what in shapes}
    factors = {what: arrays[what] for what in outputs}

    # One step, at a generic point and at the start.
    if uv:
        A, start = lift(inputs["A"]), np.vstack([inputs["U0"], inputs["V0"]])
    else:
        A, start = symmetric_float64(inputs["A"]), inputs["U0"]
    generic = np.random.default_rng(0).standard_normal(start.shape) / np.sqrt(n)
    for where, point in [("a generic point", generic), ("the start", start)]:
        for what, error in step_errors(A, inputs["y"], point, settings):
            print(f"{name}: {what} at {where}: {error:.1e}")
            if not error <= 1e-10:
                problems.append(f"{what} at {where} is off by {error:.1e}")

    # The outputs.
    names = columns(case)[1:]
    computed = solve(inputs, settings)
    problems += too_large(
        name, differences(names, computed, (want, factors, estimate_angle)), TOLERANCE,
        "largest relative difference", "relative difference {:.2e}")

    # The step that is not one of gradient descent: the loss stays, and U and V
    # become unbalanced.
    if settings["method"] == "imbalanced-gd":
        f, imbalance = want[:, 0], want[:, names.index("imbalance")]
        steps = np.flatnonzero(np.abs(f[1:] / f[:-1] - 1) < 1e-9)
        print(f"{name}: the loss stays in steps {steps.tolist()}")
        if not (len(steps) == 1 and 10 <= steps[0] <= case["iterations"] - 30
                and imbalance[steps[0] + 1] > 10 * imbalance[steps[0]]):
            problems.append("the factors do not become unbalanced once")

    # The outputs' dependence on rounding.
    if settings["method"] in ("rgd", "rsgd", "rgda"):
        condition = np.max((want[:, -r] / want[:, -1]) ** 2)
        print(f"{name}: largest condition number of U^T U: {condition:.0f}")
        if not condition <= CONDITION:
            problems.append(f"condition number {condition:.1e}")
    if settings["method"] == "rgda":
        # The projection changes the first shifts and not the last one, which is
        # the best shift, -res/(lambda - 1).
        shift, rho = want[:, names.index("shift")], settings["adversary-radius"]
        edge = np.flatnonzero(np.abs(shift - rho) < 1e-12 * rho)
        best = 2 * np.sqrt(want[-1, 0]) / (settings["adversary-weight"] - 1)
        print(f"{name}: shifts on the ball's edge at iterations {edge.tolist()}; "
              f"the last is {shift[-1]:.6f}, the equilibrium's {best:.6f}")
        if not (1 in edge and shift[-1] < rho and abs(shift[-1] / best - 1) < 1e-2):
            problems.append("the shifts are not those that the case is there for")
    problems += too_large(
        name, differences(names, solve_reordered(inputs, settings), computed),
        SENSITIVITY, "largest change with the order of summation",
        "changes by {:.2e} with the order of summation")
    return problems


def check_all():
    """Whether anything is wrong with these cases or with philox.py; prints what."""
    generator = check_cases({"philox": None}, lambda name, case: philox.check())
    return generator | check_cases(CASES, check)


if __name__ == "__main__":
    sys.exit(command("methods.py", sys.argv[1:], CASES, create, check_all))
