#!/usr/bin/env python3
"""Dense float64 reference for measurements with structure and for other
parametrizations of the unknown, by gradient descent.

Usage
    python3 structured.py           (re)create every case: inputs and outputs
    python3 structured.py --check   recompute the outputs from the committed
                                    inputs and compare; exit status 1 on mismatch

Needs NumPy, and reference.py beside it for the metrics and for the second
computation.  `reference.py --check` checks the cases of this file too.


The problem
-----------
With measurement matrices A_i, observations y_i and a matrix Z made of factors,

    res_i = <A_i, Z> - y_i
    f     = 1/(4m) sum_i res_i^2
    G     = 1/m    sum_i res_i A_i           (so df/dZ = G/2)

and every method is `gd`: each factor F moves by -step * df/dF, all at the same
time.  Rows and columns in files count from 0, except in Matrix Market files,
which count from 1.


The ensembles (`ensemble` in settings.json; without it, A_i are in A.npy)
--------------------------------------------------------------------------
completion  Some entries of M* are known, in triplets.csv or triplets.mtx.  With
            K the number of all entries, or for a symmetric unknown of those on
            and above the diagonal, m the number of the known ones among these,
            p = m/K, and Omega the known entries (in both triangles),

                f = 1/(4p) sum_{(i,j) in Omega} (Z_ij - M*_ij)^2
                G = 1/p    (Z - M* on Omega, 0 elsewhere)

            which is the f above for A_k = sqrt(K) E_ij, or for a symmetric
            unknown A_k = sqrt(K/2) (E_ij + E_ji) off the diagonal and
            sqrt(K) E_ii on it.  triplets.csv of a symmetric unknown has an entry
            in one of the triangles, or in both with the same value; it counts
            once in m.
rank-one    <A_i, Z> = a_i^T Z a_i for a symmetric unknown, a_i^T Z b_i for
            another; the rows of vectors.npy are a_i, of vectors-right.npy b_i.
            The a_i and b_i are independent N(0, I), which makes E[G] = Z - M*
            for a_i^T Z b_i, but 2 (Z - M*) + tr(Z - M*) I for a_i^T Z a_i: its
            step has to be smaller.
pauli       n = 2^q and A_P = sqrt(K/n) P, K = n (n + 1)/2, where P is a Kronecker
            product of q of the matrices

                I = [1 0; 0 1]  X = [0 1; 1 0]  Y = [0 -i; i 0]  Z = [1 0; 0 -1]

            with an even number of Y, which makes it real.  There are K of these,
            and the A_P / sqrt(K) are an orthonormal basis of the symmetric
            matrices.  A line of paulis.txt is one P; its first letter is the
            leftmost in the product, and so belongs to the most significant bit
            of the row number.  y_i = <A_i, M*>, in this scaling.


The parametrizations
--------------------
psd         Z = U U^T                    df/dU = G U
uv          Z = U V^T                    df/dU = 1/2 G V, df/dV = 1/2 G^T U
indefinite  Z = U U^T - V V^T            df/dU = G U, df/dV = -G V
sparse      Z = u*u - v*v (entrywise)    df/du = G*u, df/dv = -G*v
            one column; Z is called beta, and M* beta*
deep        Z = W_L ... W_1              df/dW_j = 1/2 P_j^T G Q_j^T
            P_j = W_L ... W_{j+1}, Q_j = W_{j-1} ... W_1 (empty products are I)

The metrics of `psd` and `uv` are those of reference.py.  So are those of the
others as far as they have the same names, for another factor W:

indefinite  With L = [U V] and R = [U -V], Z = L R^T and W = [L; R]/sqrt(2).
            M* = X S X^T with orthogonal columns of X and S = diag(+-1); Y = X S.
            Its leading eigenvectors v_k (eigenvalues largest in magnitude) and
            their signs s_k give the basis [v_k; s_k v_k]/sqrt(2), and those of
            1/m sum_i y_i A_i give the one of the spectral estimate.  W^T W is
            diag(U^T U, V^T V), so the sigma are those of U and those of V.
            There is no column `imbalance`.
deep        With the singular value decomposition Z = P Sigma Q^T, all min(n, n2)
            columns, W = [P; Q] Sigma^(1/2) / sqrt(2); the bases are as for `uv`.
            So sigma_j is the root of a singular value of Z.  `flatness` is the
            trace of the Hessian of f in all entries of all W_j.  <A_i, Z> is
            linear in each single W_j, so the residuals do not enter:

                1/(2m) sum_i sum_j |P_j^T A_i Q_j^T|_F^2

sparse      has columns of its own; see `metrics_sparse`.


Why the tolerance is 1e-9
-------------------------
The reasons are in reference.py.  All runs stop while the test error is well
above 1e-8.  --check repeats every run by other formulas and with every sum in
another order, and fails where a metric changes by more than 1e-10:

  * `psd` and `uv`: measurement matrices A_i written out, with measurements,
    coordinates and columns permuted, by the functions of reference.py (where
    `uv` is solved in [U; V], with eigenvectors in place of singular vectors).
    The matrices of `pauli` come from bits there, not from Kronecker products.
  * `indefinite`: as `uv` with the factors [U V] and [U -V] and twice the step,
    which gives the same iterates.
  * `sparse`: in p = u + v and q = u - v, for which beta = p*q and the steps are
    p - step * G*q and q - step * G*p.
  * `deep`: by the Jacobians of <A_i, Z> in the entries of W_j, as matrices
    (Kronecker products), whose squared norms also give the flatness.
"""

import itertools
import json
import sys

import numpy as np

import reference as ref

HERE = ref.HERE

# The cases.  The keys listed in KEYS below go to settings.json; the rest describes
# how the inputs are drawn, `alpha`, `kappa` and `seed` as in reference.py.
CASES = {
    # Entries of a symmetric matrix.
    "completion": dict(
        parametrization="psd", ensemble="completion", triplets="triplets.csv",
        seed=2101, n=14, rank=2, measurements=74, factor_rank=5,
        alpha=1e-2, kappa=1.5, step=0.25, iterations=160),
    # Entries of a rectangular matrix.
    "completion_rect": dict(
        parametrization="uv", ensemble="completion", triplets="triplets.mtx",
        seed=2202, n=11, n2=8, rank=2, measurements=62, factor_rank=4,
        alpha=1e-2, kappa=1.3, step=0.4, iterations=160),
    # a_i^T Z a_i.
    "quadratic": dict(
        parametrization="psd", ensemble="rank-one",
        seed=2303, n=10, rank=2, measurements=160, factor_rank=4,
        alpha=1e-2, kappa=1.5, step=0.06, iterations=160),
    # a_i^T Z b_i.
    "bilinear": dict(
        parametrization="uv", ensemble="rank-one",
        seed=2404, n=9, n2=7, rank=2, measurements=150, factor_rank=3,
        alpha=1e-2, kappa=1.5, step=0.3, iterations=160),
    # Pauli products on three qubits.
    "pauli": dict(
        parametrization="psd", ensemble="pauli",
        seed=2505, n=8, rank=1, measurements=22, factor_rank=4,
        alpha=1e-2, kappa=1.0, step=0.2, iterations=120),
    # Two positive eigenvalues and a negative one, second in magnitude.
    "indefinite": dict(
        parametrization="indefinite", signs=(1, -1, 1),
        seed=2606, n=9, rank=3, measurements=120, factor_rank=4,
        alpha=1e-2, kappa=1.5, step=0.2, iterations=160),
    # Fewer measurements than unknowns.
    "sparse": dict(
        parametrization="sparse", values=(1.0, -0.8, 0.6),
        seed=2707, n=40, n2=1, rank=1, sparsity=3, measurements=25, factor_rank=1,
        alpha=1e-2, step=0.3, iterations=160),
    # Three factors; the middle one is square.
    "deep": dict(
        parametrization="deep", depth=3, width=7,
        seed=2808, n=8, n2=6, rank=2, measurements=130,
        alpha=0.3, spread=0.1, kappa=1.3, step=0.4, iterations=120),
}

# The keys of settings.json in their order; a case has some of them.
KEYS = ("method", "parametrization", "ensemble", "depth", "step", "iterations",
        "n", "n2", "rank", "sparsity", "measurements", "factor_rank", "width")


def columns(case):
    """The number of columns of Z."""
    return case.get("n2", case["n"])


def symmetric(case):
    return case["parametrization"] in ("psd", "indefinite")


def dimension(case):
    """K, the dimension of the space of all Z."""
    n = case["n"]
    return n * (n + 1) // 2 if symmetric(case) else n * columns(case)


# --------------------------------------------------------------------------
# Inputs
# --------------------------------------------------------------------------

def draw_truth(rng, case):
    """X, and Y where M* = X Y^T is not X X^T.  M* has spectral norm 1, except that
    beta* has the entries `values` in random places."""
    n, rank = case["n"], case["rank"]
    if case["parametrization"] == "psd":
        return {"X": ref.draw_X(rng, n, rank, case["kappa"])}
    if case["parametrization"] == "indefinite":
        P, _ = np.linalg.qr(rng.standard_normal((n, rank)))
        X = P * np.linspace(1.0, 1.0 / case["kappa"], rank)
        return {"X": X, "Y": X * np.array(case["signs"], dtype=float)}
    if case["parametrization"] == "sparse":
        beta = np.zeros((n, 1))
        support = rng.permutation(n)[:case["sparsity"]]
        beta[support, 0] = case["values"]
        return {"X": beta}
    X, Y = ref.draw_pair(rng, n, case["n2"], rank, case["kappa"])
    return {"X": X, "Y": Y}


def draw_start(rng, case):
    """U0 (and V0) = alpha * Gaussian / sqrt(r), or alpha * ones for `sparse`; for
    `deep` alpha * (ones on the diagonal + spread * Gaussian)."""
    n, n2, alpha = case["n"], columns(case), case["alpha"]
    if case["parametrization"] == "deep":
        sizes = [n2] + [case["width"]] * (case["depth"] - 1) + [n]
        return {f"W{j}": alpha * (np.eye(rows, cols) + case["spread"]
                                  * rng.standard_normal((rows, cols)))
                for j, (cols, rows) in enumerate(zip(sizes, sizes[1:]), start=1)}
    r = case["factor_rank"]
    if case["parametrization"] == "sparse":
        return {"U0": np.full((n, r), alpha), "V0": np.full((n, r), alpha)}
    start = {"U0": alpha * rng.standard_normal((n, r)) / np.sqrt(r)}
    if case["parametrization"] != "psd":
        start["V0"] = alpha * rng.standard_normal((n2, r)) / np.sqrt(r)
    return start


def draw_triplets(rng, case, M_star):
    """Rows, columns and values of known entries, in random order.  Of a symmetric
    matrix each is in a random triangle, and six off the diagonal are in both."""
    n, n2, m = case["n"], columns(case), case["measurements"]
    places = [(i, j) for i in range(n) for j in range(n2)
              if i <= j or not symmetric(case)]
    chosen = [places[k] for k in rng.permutation(len(places))[:m]]
    triplets = [(i, j, float(M_star[i, j])) for i, j in chosen]
    if symmetric(case):
        mirrored = [(j, i, v) for i, j, v in triplets if i != j][:6]
        once = [t for t in triplets if (t[1], t[0], t[2]) not in mirrored]
        twice = [(j, i, v) for i, j, v in mirrored]
        once = [(j, i, v) if rng.random() < 0.5 else (i, j, v) for i, j, v in once]
        triplets = once + twice + mirrored
    return [triplets[k] for k in rng.permutation(len(triplets))]


def real_paulis(q):
    """All products of q letters with an even number of Y."""
    words = ("".join(letters) for letters in itertools.product("IXYZ", repeat=q))
    return [word for word in words if word.count("Y") % 2 == 0]


def pauli_matrix(word):
    """The Kronecker product of the letters' matrices, which is real."""
    letters = {"I": [[1, 0], [0, 1]], "X": [[0, 1], [1, 0]],
               "Y": [[0, -1j], [1j, 0]], "Z": [[1, 0], [0, -1]]}
    P = np.ones((1, 1))
    for letter in word:
        P = np.kron(P, np.array(letters[letter]))
    assert np.all(np.imag(P) == 0)
    return np.real(P).astype(float)


def make_inputs(case):
    """The inputs by the names of their files: arrays for .npy, lists of lines'
    contents for the others."""
    rng = np.random.default_rng(case["seed"])
    n, n2, m = case["n"], columns(case), case["measurements"]
    truth = draw_truth(rng, case)
    M_star = true_matrix(truth, case)
    inputs = {}
    ensemble = case.get("ensemble")
    if ensemble == "completion":
        inputs[case["triplets"]] = draw_triplets(rng, case, M_star)
    elif ensemble == "rank-one":
        a = inputs["vectors"] = rng.standard_normal((m, n))
        b = a
        if not symmetric(case):
            b = inputs["vectors-right"] = rng.standard_normal((m, n2))
        inputs["y"] = np.einsum("ij,jk,ik->i", a, M_star, b)
    elif ensemble == "pauli":
        words = real_paulis(n.bit_length() - 1)
        words = [words[k] for k in rng.permutation(len(words))[:m]]
        inputs["paulis.txt"] = words
        inputs["y"] = np.sqrt(dimension(case) / n) * np.array(
            [np.sum(pauli_matrix(word) * M_star) for word in words])
    else:
        inputs["A"] = (ref.draw_measurements(rng, m, n, False) if symmetric(case)
                       else rng.standard_normal((m, n, n2)))
        inputs["y"] = np.einsum("ijk,jk->i", inputs["A"], M_star)
    return {**inputs, **truth, **draw_start(rng, case)}


def write_input(path, content, case):
    if path.name == "triplets.csv":
        lines = ["row,col,value"] + [f"{i},{j},{v!r}" for i, j, v in content]
    elif path.name == "triplets.mtx":
        lines = ["%%MatrixMarket matrix coordinate real general",
                 "% known entries of M*: row, column, value, counted from 1",
                 f"{case['n']} {case['n2']} {len(content)}"]
        lines += [f"{i + 1} {j + 1} {v!r}" for i, j, v in content]
    elif path.name == "paulis.txt":
        lines = content
    else:
        np.save(f"{path}.npy", np.ascontiguousarray(content))
        return
    path.write_text("\n".join(lines) + "\n")


def read_input(path):
    if path.name == "triplets.csv":
        lines = [line.split(",") for line in path.read_text().split()[1:]]
        return [(int(i), int(j), float(v)) for i, j, v in lines]
    if path.name == "triplets.mtx":
        lines = [line.split() for line in path.read_text().splitlines()
                 if not line.startswith("%")][1:]
        return [(int(i) - 1, int(j) - 1, float(v)) for i, j, v in lines]
    if path.name == "paulis.txt":
        return path.read_text().split()
    return np.load(f"{path}.npy")


def shapes(case):
    """The shapes of all arrays in a case's folder, inputs and then outputs."""
    n, n2, m, rank = case["n"], columns(case), case["measurements"], case["rank"]
    ensemble, parametrization = case.get("ensemble"), case["parametrization"]
    inputs = {}
    if ensemble == "rank-one":
        inputs["vectors"] = (m, n)
        if not symmetric(case):
            inputs["vectors-right"] = (m, n2)
    elif ensemble is None:
        inputs["A"] = (m, n, n2)
    if ensemble != "completion":
        inputs["y"] = (m,)
    inputs["X"] = (n, rank)
    if parametrization not in ("psd", "sparse"):
        inputs["Y"] = (n2, rank)
    if parametrization == "deep":
        sizes = [n2] + [case["width"]] * (case["depth"] - 1) + [n]
        factors = list(zip(sizes[1:], sizes))
        inputs |= {f"W{j}": size for j, size in enumerate(factors, start=1)}
        outputs = {f"factor-{j}": size for j, size in enumerate(factors, start=1)}
    else:
        r = case["factor_rank"]
        inputs["U0"], outputs = (n, r), {"factor": (n, r)}
        if parametrization != "psd":
            rows = n if parametrization == "sparse" else n2
            inputs["V0"] = outputs["factor-right"] = (rows, r)
    return inputs, outputs


# --------------------------------------------------------------------------
# Loss and G, for each ensemble as functions of Z
# --------------------------------------------------------------------------

def completion(inputs, case):
    known = np.zeros((case["n"], columns(case)), dtype=bool)
    M = np.zeros(known.shape)
    for i, j, value in inputs[case["triplets"]]:
        known[i, j], M[i, j] = True, value
        if symmetric(case):
            known[j, i], M[j, i] = True, value
    p = case["measurements"] / dimension(case)
    difference = lambda Z: np.where(known, Z - M, 0.0)
    return (lambda Z: np.sum(difference(Z) ** 2) / (4 * p),
            lambda Z: difference(Z) / p)


def rank_one(inputs, case):
    a, y = inputs["vectors"], inputs["y"]
    b = inputs.get("vectors-right", a)
    residual = lambda Z: np.sum((a @ Z) * b, axis=1) - y
    return (lambda Z: np.sum(residual(Z) ** 2) / (4 * len(y)),
            lambda Z: a.T @ (residual(Z)[:, None] * b) / len(y))


def dense(A, y):
    residual = lambda Z: np.einsum("ijk,jk->i", A, Z) - y
    return (lambda Z: np.sum(residual(Z) ** 2) / (4 * len(y)),
            lambda Z: np.einsum("i,ijk->jk", residual(Z), A) / len(y))


def pauli(inputs, case):
    P = np.array([pauli_matrix(word) for word in inputs["paulis.txt"]])
    return dense(np.sqrt(dimension(case) / case["n"]) * P, inputs["y"])


def objective(inputs, case):
    """f and G, two functions of Z."""
    ensemble = case.get("ensemble")
    if ensemble is None:
        return dense(inputs["A"], inputs["y"])
    return {"completion": completion, "rank-one": rank_one,
            "pauli": pauli}[ensemble](inputs, case)


# --------------------------------------------------------------------------
# The parametrizations.  `factors` is [U], [U, V] or [W_1, ..., W_L].
# --------------------------------------------------------------------------

def true_matrix(inputs, case):
    """M*: beta* itself, X X^T, or X Y^T."""
    if case["parametrization"] == "sparse":
        return inputs["X"]
    return inputs["X"] @ inputs.get("Y", inputs["X"]).T


def start(inputs, case):
    names = ([f"W{j}" for j in range(1, case["depth"] + 1)] if "depth" in case
             else ["U0", "V0"])
    return [inputs[what] for what in names if what in inputs]


def around(factors, j):
    """P_j = W_L ... W_{j+1} and Q_j = W_{j-1} ... W_1, where factors[j] is the
    one called W_{j+1} elsewhere."""
    P, Q = np.eye(factors[-1].shape[0]), np.eye(factors[0].shape[1])
    for W in factors[:j]:
        Q = W @ Q
    for W in reversed(factors[j + 1:]):
        P = P @ W
    return P, Q


def product(parametrization, factors):
    """Z."""
    if parametrization == "psd":
        return factors[0] @ factors[0].T
    if parametrization == "uv":
        return factors[0] @ factors[1].T
    if parametrization == "indefinite":
        return factors[0] @ factors[0].T - factors[1] @ factors[1].T
    if parametrization == "sparse":
        return factors[0] ** 2 - factors[1] ** 2
    P, _ = around(factors, 0)
    return P @ factors[0]


def gradient(parametrization, factors, G):
    """df/dF for every factor F, from G at their product."""
    if parametrization == "psd":
        return [G @ factors[0]]
    if parametrization == "uv":
        return [G @ factors[1] / 2, G.T @ factors[0] / 2]
    if parametrization == "indefinite":
        return [G @ factors[0], -G @ factors[1]]
    if parametrization == "sparse":
        return [G * factors[0], -G * factors[1]]
    result = []
    for j in range(len(factors)):
        P, Q = around(factors, j)
        result.append(P.T @ G @ Q.T / 2)
    return result


# --------------------------------------------------------------------------
# The metrics
# --------------------------------------------------------------------------

def flatness(A, factors):
    """1/(2m) sum_i sum_j |P_j^T A_i Q_j^T|_F^2."""
    total = 0.0
    for j in range(len(factors)):
        P, Q = around(factors, j)
        total += np.sum((P.T @ A @ Q.T) ** 2)
    return float(total / (2 * len(A)))


def basis(parametrization, M, rank):
    """Orthonormal basis of the leading subspace of M, stacked for all but `psd`."""
    if parametrization in ("uv", "deep"):
        return ref.leading_pairs(M, rank)
    values, vectors = np.linalg.eigh(M)
    if parametrization == "psd":
        return vectors[:, -rank:]  # eigenvalues ascending
    leading = np.argsort(-np.abs(values))[:rank]
    V = vectors[:, leading]
    return ref.stack(V, V * np.sign(values[leading]))


def measured_factor(parametrization, factors, Z):
    """The factor whose subspace and singular values are measured."""
    if parametrization == "psd":
        return factors[0]
    if parametrization == "uv":
        return ref.stack(*factors)
    if parametrization == "indefinite":
        U, V = factors
        return ref.stack(np.hstack([U, V]), np.hstack([U, -V]))
    P, s, Qt = np.linalg.svd(Z, full_matrices=False)
    return ref.stack(P * np.sqrt(s), Qt.T * np.sqrt(s))


def metrics_sparse(beta, truth):
    """Signal: the smallest |beta_i| over the support of beta*.  Noise: the largest
    one off it.  Angle: the sine of the angle between beta and beta*, as the
    distance of beta*/|beta*| from the line through 0 and beta.  For beta = 0 that
    line is the origin, and the sine is 1."""
    support = truth != 0
    signal, noise = np.min(np.abs(beta[support])), np.max(np.abs(beta[~support]))
    line, target = beta / (np.linalg.norm(beta) or 1.0), truth / np.linalg.norm(truth)
    angle = np.linalg.norm(target - line * np.sum(line * target))
    return [float(signal), float(noise), float(angle)]


def header(case):
    names = ["iteration", "train_loss", "test_error", "signal", "noise", "angle"]
    parametrization = case["parametrization"]
    if parametrization == "sparse":
        return names
    names.append("spectral_angle")
    if parametrization == "uv":
        names.append("imbalance")
    if parametrization == "deep":
        names.append("flatness")
    n, n2 = case["n"], columns(case)
    sigmas = {"psd": lambda: min(n, case["factor_rank"]),
              "uv": lambda: min(n + n2, case["factor_rank"]),
              "indefinite": lambda: min(2 * n, 2 * case["factor_rank"]),
              "deep": lambda: min(n, n2)}[parametrization]()
    return names + [f"sigma_{j}" for j in range(1, sigmas + 1)]


# --------------------------------------------------------------------------
# The run
# --------------------------------------------------------------------------

def solve(inputs, case):
    """All rows of the trajectory, the last factors by the names of their files,
    and the spectral estimate's angle (None for `sparse`)."""
    f, G = objective(inputs, case)
    kind = case["parametrization"]
    M_star = true_matrix(inputs, case)
    if kind != "sparse":
        B = basis(kind, M_star, case["rank"])
        # G at Z = 0 is -1/m sum_i y_i A_i.
        B_spec = basis(kind, -G(np.zeros(M_star.shape)), case["rank"])

    def row():
        Z = product(kind, factors)
        first = [float(f(Z)),
                 float(np.linalg.norm(Z - M_star) / np.linalg.norm(M_star))]
        if kind == "sparse":
            return first + metrics_sparse(Z, M_star)
        measured, sigma = ref.subspace_metrics(
            B, B_spec, measured_factor(kind, factors, Z))
        if kind == "uv":
            U, V = factors
            measured.append(float(np.linalg.norm(U.T @ U - V.T @ V, "fro")))
        if kind == "deep":
            measured.append(flatness(inputs["A"], factors))
        return first + measured + sigma

    factors = start(inputs, case)
    rows = [row()]
    for _ in range(case["iterations"]):
        D = gradient(kind, factors, G(product(kind, factors)))
        factors = [F - case["step"] * d for F, d in zip(factors, D)]
        rows.append(row())
    _, outputs = shapes(case)
    angle = None if kind == "sparse" else ref.outside(B, B_spec)
    return np.array(rows), dict(zip(outputs, factors)), angle


# --------------------------------------------------------------------------
# The same by other formulas
# --------------------------------------------------------------------------

def pauli_by_bits(word):
    """The same matrix entry by entry.  Row b has one entry, in the column that
    differs from b in the bits of X and Y.  Each Z at a bit 1 gives -1; a Y gives
    -i at a bit 0 and i at a bit 1."""
    q = len(word)
    P = np.zeros((2 ** q, 2 ** q))
    flip = sum(1 << (q - 1 - k) for k in range(q) if word[k] in "XY")
    for b in range(2 ** q):
        value = 1
        for k, letter in enumerate(word):
            bit = b >> (q - 1 - k) & 1
            value *= {"I": 1, "X": 1, "Y": (-1j, 1j)[bit], "Z": (1, -1)[bit]}[letter]
        P[b, b ^ flip] = value.real
    return P


def written_out(inputs, case):
    """A_1 .. A_m and y of f = 1/(4m) sum_i (<A_i, Z> - y_i)^2."""
    K, n, n2 = dimension(case), case["n"], columns(case)
    ensemble = case.get("ensemble")
    if ensemble is None:
        return inputs["A"], inputs["y"]
    if ensemble == "rank-one":
        a = inputs["vectors"]
        b = inputs.get("vectors-right", a)
        return np.array([np.outer(*pair) for pair in zip(a, b)]), inputs["y"]
    if ensemble == "pauli":
        return np.sqrt(K / n) * np.array(
            [pauli_by_bits(word) for word in inputs["paulis.txt"]]), inputs["y"]
    A, y, seen = [], [], set()
    for i, j, value in inputs[case["triplets"]]:
        if symmetric(case):
            i, j = min(i, j), max(i, j)
        if (i, j) in seen:
            continue
        seen.add((i, j))
        E = np.zeros((n, n2))
        E[i, j] = 1.0
        if symmetric(case) and i != j:
            E = (E + E.T) / np.sqrt(2)
            value = np.sqrt(2) * value
        A.append(np.sqrt(K) * E)
        y.append(np.sqrt(K) * value)
    return np.array(A), np.array(y)


def solve_reordered(inputs, case, seed=1):
    """The result of `solve`, computed in another way."""
    rng = np.random.default_rng(seed)
    kind = case["parametrization"]
    A, y = written_out(inputs, case)
    settings = {"method": "gd", "step": case["step"], "iterations": case["iterations"]}
    if kind == "psd":
        return ref.solve_reordered_psd(
            A, y, inputs["X"], inputs["U0"], settings, rng)[:3]
    if kind == "uv":
        return ref.solve_reordered_uv(A, y, inputs["X"], inputs["Y"], inputs["U0"],
                                      inputs["V0"], settings, rng)[:3]
    if kind == "indefinite":
        return solve_indefinite_as_uv(A, y, inputs, settings, rng)
    if kind == "sparse":
        return solve_sparse_in_sums(A, y, inputs, settings, rng)
    return solve_deep_by_jacobians(A, y, inputs, case, rng)


def solve_indefinite_as_uv(A, y, inputs, settings, rng):
    """With L = [U V] and R = [U -V], L - 2 step * 1/2 G R is [U - step G U,
    V + step G V], and R - 2 step * 1/2 G L has the same entries up to sign."""
    U, V = inputs["U0"], inputs["V0"]
    rows, factors, angle, _ = ref.solve_reordered_uv(
        A, y, inputs["X"], inputs["Y"], np.hstack([U, V]), np.hstack([U, -V]),
        {**settings, "step": 2 * settings["step"]}, rng)
    L, r = factors["factor"], U.shape[1]
    rows = np.delete(rows, 6, axis=1)  # the imbalance of L and R
    return rows, {"factor": L[:, :r], "factor-right": L[:, r:]}, angle


def solve_sparse_in_sums(A, y, inputs, settings, rng):
    """In p = u + v and q = u - v, and the sine from the differences beta_i beta*_j -
    beta_j beta*_i, whose squares sum to (|beta| |beta*| sine)^2 over i < j."""
    i, j = rng.permutation(len(y)), rng.permutation(A.shape[1])
    A, y, truth = A[i][:, j, 0], y[i], inputs["X"][j, 0]
    u, v = inputs["U0"][j, 0], inputs["V0"][j, 0]
    p, q = u + v, u - v
    support = np.flatnonzero(truth)

    def row():
        beta = p * q
        residual = A @ beta - y
        cross = np.outer(beta, truth) - np.outer(truth, beta)
        length = np.linalg.norm(beta) * np.linalg.norm(truth)
        sine = np.linalg.norm(cross) / np.sqrt(2) / length if length else 1.0
        return [residual @ residual / (4 * len(y)),
                np.sqrt(np.sum((beta - truth) ** 2) / np.sum(truth ** 2)),
                np.min(np.abs(beta)[support]),
                np.max(np.abs(np.delete(beta, support))), sine]

    rows = [row()]
    for _ in range(settings["iterations"]):
        G = A.T @ (A @ (p * q) - y) / len(y)
        p, q = p - settings["step"] * G * q, q - settings["step"] * G * p
        rows.append(row())
    factors = {"factor": np.empty((len(j), 1)), "factor-right": np.empty((len(j), 1))}
    factors["factor"][j, 0], factors["factor-right"][j, 0] = (p + q) / 2, (p - q) / 2
    return np.array(rows), factors, None


def solve_deep_by_jacobians(A, y, inputs, case, rng):
    """With every matrix as a vector, row by row, the one of P W Q is (P kron Q^T)
    times that of W.  So J_j = (rows A_i) (P_j kron Q_j^T) has the derivatives of
    all <A_i, Z> in W_j, the gradient is 1/(2m) J_j^T res, and the flatness
    1/(2m) sum_j |J_j|_F^2.  Measurements, coordinates and the hidden ones between
    the factors are permuted, and the stacked singular vectors are eigenvectors of
    [0 Z; Z^T 0]."""
    m, n, n2 = A.shape
    rank, i = case["rank"], rng.permutation(m)
    sizes = [n2] + [case["width"]] * (case["depth"] - 1) + [n]
    orders = [rng.permutation(size) for size in sizes]
    A, y = A[i][:, orders[-1]][:, :, orders[0]].reshape(m, n * n2), y[i]
    M_star = (inputs["X"] @ inputs["Y"].T)[orders[-1]][:, orders[0]]
    factors = [W[after][:, before] for W, before, after
               in zip(start(inputs, case), orders, orders[1:])]

    def lifted_eigenvectors(M, count):
        """Eigenvectors to the `count` largest eigenvalues, and these, descending."""
        values, vectors = np.linalg.eigh(
            np.block([[np.zeros((n, n)), M], [M.T, np.zeros((n2, n2))]]))
        return vectors[:, ::-1][:, :count], values[::-1][:count]

    def Z():
        result = factors[0]
        for W in factors[1:]:
            result = W @ result
        return result

    def jacobians():
        return [A @ np.kron(P, Q.T)
                for P, Q in (around(factors, j) for j in range(len(factors)))]

    B, _ = lifted_eigenvectors(M_star, rank)
    B_spec, _ = lifted_eigenvectors((y @ A / m).reshape(n, n2), rank)

    def row():
        residual = A @ Z().ravel() - y
        vectors, values = lifted_eigenvectors(Z(), min(n, n2))
        measured, sigma = ref.subspace_metrics(B, B_spec, vectors * np.sqrt(values))
        flat = sum(np.linalg.norm(J) ** 2 for J in jacobians()) / (2 * m)
        return [residual @ residual / (4 * m),
                np.linalg.norm(Z() - M_star) / np.linalg.norm(M_star),
                *measured, flat, *sigma]

    rows = [row()]
    for _ in range(case["iterations"]):
        residual = A @ Z().ravel() - y
        factors = [W - case["step"] * (residual @ J).reshape(W.shape) / (2 * m)
                   for W, J in zip(factors, jacobians())]
        rows.append(row())
    result = {}
    for j, (W, before, after) in enumerate(zip(factors, orders, orders[1:]), start=1):
        result[f"factor-{j}"] = np.empty_like(W)
        result[f"factor-{j}"][np.ix_(after, before)] = W
    return np.array(rows), result, ref.outside(B, B_spec)


# --------------------------------------------------------------------------
# Creating the case folders
# --------------------------------------------------------------------------

def create(name, case):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    inputs = make_inputs(case)
    for what, content in inputs.items():
        write_input(folder / what, content, case)
    rows, factors, angle = solve(inputs, case)
    settings = {key: case[key] for key in KEYS if key in case}
    settings = {"method": "gd", **settings}
    if angle is not None:
        settings["spectral_estimate_angle"] = angle
    ref.write_results(name, settings, header(case), rows, factors)


# --------------------------------------------------------------------------
# Checking the committed files
# --------------------------------------------------------------------------

def differences(case, got, want):
    """As in reference.py; `sparse` has no spectral estimate."""
    if case["parametrization"] == "sparse":
        got, want = (*got[:2], 0.0), (*want[:2], 0.0)
    return ref.differences(header(case)[1:], got, want)


def input_problems(inputs, case):
    """What is wrong with the files that are not arrays."""
    problems = []
    if case.get("ensemble") == "completion":
        entries = {}
        for i, j, value in inputs[case["triplets"]]:
            place = (min(i, j), max(i, j)) if symmetric(case) else (i, j)
            entries.setdefault(place, []).append(value)
        if len(entries) != case["measurements"]:
            problems.append(f"{case['triplets']}: {len(entries)} distinct entries")
        if any(len(set(values)) > 1 for values in entries.values()):
            problems.append(f"{case['triplets']}: an entry has two values")
        M_star = true_matrix(inputs, case)
        if any(abs(M_star[place] - values[0]) > 1e-15
               for place, values in entries.items()):
            problems.append(f"{case['triplets']}: entries that are not those of M*")
    if case.get("ensemble") == "pauli":
        words, allowed = inputs["paulis.txt"], real_paulis(case["n"].bit_length() - 1)
        if len(set(words)) != case["measurements"] or not set(words) <= set(allowed):
            problems.append("paulis.txt: not distinct real Pauli products")
        if len(allowed) != dimension(case):
            problems.append("there are not K real Pauli products")
    return problems


def derivative_problems(name, inputs, case):
    """The gradient (and the flatness) against finite differences of f, at a
    generic point and at the start.

    f is a polynomial of degree at most 4 in every single entry of a factor, so
    the formula of `ref.gradient_error` is exact.  For `deep` the degree is 2, and
    f(h) - 2 f(0) + f(-h) is exactly h^2 times the second derivative."""
    f, G = objective(inputs, case)
    kind = case["parametrization"]
    first = start(inputs, case)
    ends = np.cumsum([F.size for F in first])[:-1]

    def split(x):
        return [part.reshape(F.shape) for part, F in zip(np.split(x, ends), first)]

    def loss(x):
        return f(product(kind, split(x)))

    def all_gradients(x):
        factors = split(x)
        D = gradient(kind, factors, G(product(kind, factors)))
        return np.concatenate([d.ravel() for d in D])

    x0 = np.concatenate([F.ravel() for F in first])
    generic = np.random.default_rng(0).standard_normal(x0.shape) / np.sqrt(case["n"])
    problems = []
    for where, x in [("a generic point", generic), ("the start", x0)]:
        error = ref.gradient_error(loss, all_gradients, x)
        print(f"{name}: gradient against finite differences at {where}: {error:.1e}")
        if not error <= 1e-10:
            problems.append(f"gradient at {where} is off by {error:.1e}")
        if kind == "deep":
            h = 0.25
            trace = sum(loss(x + h * e) - 2 * loss(x) + loss(x - h * e)
                        for e in np.eye(len(x))) / h ** 2
            error = abs(flatness(inputs["A"], split(x)) / trace - 1)
            print(f"{name}: flatness against finite differences at {where}: {error:.1e}")
            if not error <= 1e-10:
                problems.append(f"flatness at {where} is off by {error:.1e}")
    return problems


def check(name, case):
    """Problems found in one committed case, as lines of text."""
    folder = HERE / name
    problems = []
    settings = json.loads((folder / "settings.json").read_text())
    expected = {"method": "gd", **case}
    for key in KEYS:
        if settings.get(key) != expected.get(key):
            problems.append(f"settings.json: {key} is {settings.get(key)}, "
                            f"expected {expected.get(key)}")
    input_shapes, output_shapes = shapes(case)
    arrays = {}
    for what, shape in {**input_shapes, **output_shapes}.items():
        array = arrays[what] = read_input(folder / what)
        if array.shape != shape:
            problems.append(f"{what}.npy: shape {array.shape}, expected {shape}")
        if array.dtype != np.float64 or not array.flags["C_CONTIGUOUS"]:
            problems.append(f"{what}.npy: not float64 in C order")
    want, malformed = ref.read_trajectory(folder, header(case), case["iterations"])
    problems += malformed
    if problems:
        return problems  # values of wrong shapes cannot be compared

    inputs = {what: arrays[what] for what in input_shapes}
    factors = {what: arrays[what] for what in output_shapes}
    if case.get("ensemble") == "completion":
        inputs[case["triplets"]] = read_input(folder / case["triplets"])
    if case.get("ensemble") == "pauli":
        inputs["paulis.txt"] = read_input(folder / "paulis.txt")
    problems += input_problems(inputs, case)
    problems += derivative_problems(name, inputs, case)

    committed = want, factors, settings.get("spectral_estimate_angle")
    computed = solve(inputs, case)
    comparisons = [
        (differences(case, computed, committed), ref.TOLERANCE,
         "relative difference"),
        (differences(case, solve_reordered(inputs, case), computed), ref.SENSITIVITY,
         "change by other formulas and another order of summation")]
    for compared, allowed, meaning in comparisons:
        problems += ref.too_large(name, compared, allowed, f"largest {meaning}",
                                  meaning + " {:.2e}")
    return problems


def check_all():
    """Whether any committed case fails."""
    return ref.check_cases(CASES, check)


if __name__ == "__main__":
    sys.exit(ref.command("structured.py", sys.argv[1:], CASES, create, check_all))
