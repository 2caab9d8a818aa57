#!/usr/bin/env python3
"""Reference cases of incremental learning: the ranks that gradient descent has learned
(Jin, Li, Lyu, Du and Lee, arXiv 2301.11500), for the problems of reference.py.

Usage
    python3 incremental.py           (re)create every case: inputs and outputs
    python3 incremental.py --check   recompute the outputs from the committed inputs
                                     and compare; exit status 1 on mismatch

M*_k is the matrix of rank k closest to M* in the Frobenius norm, for k = 0 .. r*:
with M* = sum_j s_j p_j q_j^T, s_1 >= s_2 >= ..., it is the sum of the first k terms.
There is one such matrix if k = 0, k = r* or s_k > s_{k+1}; only these k count below.
In an iteration, with Z = U U^T or U V^T,

    learned_rank        the k for which |Z - M*_k|_F is least
    learned_rank_error  this least distance over |M*|_F

A plateau is a stretch of iterations with one learned_rank k, and it counts if the
least of its distances is at most half of the distance from M*_k to the next of these
matrices (from M* to the one before).  settings.json lists the plateaus that count:
`rank`, `first_iteration`, `last_iteration`, and `closest_iteration` with its
`distance`, the learned_rank_error there.

The method is gd, and the other metrics are those of reference.py.  The runs stop while
M* is farther than 1e-3 |M*|_F, and the starts are as far from 0: a distance d |M*|_F
has a relative rounding error of about 1e-16/d^2 if it comes from a difference of
squares, which is 1e-10 for d = 1e-3.  Two distances that are equal at some iteration
would leave learned_rank open; --check demands that the two least ones always differ
by 1e-6 |M*|_F.

--check repeats the run with measurements, coordinates and columns permuted, and finds
the distances without M*_k: with the leading eigenvectors of M*, or the pairs of
singular vectors from those of M*^T M*,

    |Z - M*_k|^2 = |Z|^2 - sum_{j<=k} s_j (2 p_j^T Z q_j - s_j).
"""

import sys

import numpy as np

from reference import (
    check_cases, column_space, command, disagreements, draw_measurements, draw_X,
    gradient, gradient_uv, header, leading_pairs, load_arrays, metrics, metrics_uv,
    outside, read_case, save_inputs, solve_reordered, spectral_subspace,
    spectral_subspace_uv, symmetric_float64, write_results)

SAME = 1e-9  # relative; singular values of M* closer than this count as equal

CASES = {
    # Three sizes of singular values, and a plateau for each of the ranks 0 to 3.
    "incremental": dict(
        method="gd", parametrization="psd", seed=7101, n=8, rank=3, measurements=360,
        factor_rank=5, alpha=0.02, spectrum=[1.0, 0.4, 0.1], step=0.25, iterations=240),
    # The second and third singular values are equal: there is no one M*_2.
    "incremental_uv": dict(
        method="gd", parametrization="uv", seed=7202, n=8, n2=7, rank=4,
        measurements=330, factor_rank=4, alpha=0.05, spectrum=[1.0, 0.5, 0.5, 0.15],
        step=0.4, iterations=170),
}


def inputs_of(case):
    """The inputs in the form in which they are stored."""
    rng = np.random.default_rng(case["seed"])
    n, m, rank, r = (case[key] for key in ("n", "measurements", "rank", "factor_rank"))
    inputs = {}
    if "n2" in case:
        n2 = case["n2"]
        P, _ = np.linalg.qr(rng.standard_normal((n, rank)))
        Q, _ = np.linalg.qr(rng.standard_normal((n2, rank)))
        root = np.sqrt(case["spectrum"])
        inputs["A"] = rng.standard_normal((m, n, n2))
        inputs["X"], inputs["Y"] = P * root, Q * root
        inputs["V0"] = case["alpha"] * rng.standard_normal((n2, r)) / np.sqrt(r)
    else:
        inputs["A"] = draw_measurements(rng, m, n, False)
        inputs["X"] = draw_X(rng, n, rank, None, case["spectrum"])
    inputs["U0"] = case["alpha"] * rng.standard_normal((n, r)) / np.sqrt(r)
    M_star = inputs["X"] @ inputs.get("Y", inputs["X"]).T
    inputs["y"] = np.einsum("ijk,jk->i", inputs["A"], M_star)
    return inputs


def columns(settings):
    """The names of the columns of trajectory.csv."""
    return header(settings) + ["learned_rank", "learned_rank_error"]


# --------------------------------------------------------------------------
# Distances to the best approximations
# --------------------------------------------------------------------------

def unique(s):
    """The k for which there is one M*_k, from the r* singular values of M*."""
    return [k for k in range(len(s) + 1)
            if k in (0, len(s)) or s[k - 1] > (1 + SAME) * s[k]]


def approximations(M_star, rank):
    """M*_k by k."""
    P, s, Qt = np.linalg.svd(M_star)
    return {k: P[:, :k] @ np.diag(s[:k]) @ Qt[:k] for k in unique(s[:rank])}


def distances(Z, M_star, rank):
    """|Z - M*_k|_F / |M*|_F by k."""
    return {k: float(np.linalg.norm(Z - M) / np.linalg.norm(M_star))
            for k, M in approximations(M_star, rank).items()}


def other_distances(Z, M_star, rank):
    """The same without M*_k."""
    if np.array_equal(M_star, M_star.T):
        s, P = np.linalg.eigh(M_star)
        s, P = s[::-1][:rank], P[:, ::-1][:, :rank]
        Q = P
    else:
        squares, Q = np.linalg.eigh(M_star.T @ M_star)
        s, Q = np.sqrt(squares[::-1][:rank]), Q[:, ::-1][:, :rank]
        P = M_star @ Q / s
    fall = s * (2 * np.einsum("ij,ik,kj->j", P, Z, Q) - s)
    return {k: float(np.sqrt((np.sum(Z ** 2) - np.sum(fall[:k])) / np.sum(s ** 2)))
            for k in unique(s)}


def learned(d):
    """learned_rank and learned_rank_error from the distances by k."""
    k = min(d, key=d.get)
    return [float(k), d[k]]


def plateaus(ranks, errors, M_star, rank):
    """The plateaus that count, in order."""
    best = approximations(M_star, rank)
    order, result, first = sorted(best), [], 0
    for last in range(len(ranks)):
        if last + 1 < len(ranks) and ranks[last + 1] == ranks[first]:
            continue
        k, closest = int(ranks[first]), first + int(np.argmin(errors[first:last + 1]))
        place = min(order.index(k), len(order) - 2)
        gap = np.linalg.norm(best[order[place + 1]] - best[order[place]])
        if errors[closest] <= gap / np.linalg.norm(M_star) / 2:
            result.append({"rank": k, "first_iteration": first, "last_iteration": last,
                           "closest_iteration": closest,
                           "distance": float(errors[closest])})
        first = last + 1
    return result


# --------------------------------------------------------------------------
# The run
# --------------------------------------------------------------------------

def iterates(A, y, factors, settings):
    """All iterates, each a list of factors."""
    for _ in range(settings["iterations"]):
        yield factors
        D = gradient_uv(A, y, *factors) if len(factors) == 2 else [
            gradient(A, y, *factors)]
        factors = [F - settings["step"] * d for F, d in zip(factors, D)]
    yield factors


def all_distances(inputs, settings, distances=distances):
    """The distances of every iterate, by k."""
    A = inputs["A"] if "Y" in inputs else symmetric_float64(inputs["A"])
    M_star = inputs["X"] @ inputs.get("Y", inputs["X"]).T
    start = [inputs[what] for what in ("U0", "V0") if what in inputs]
    return [distances(factors[0] @ factors[-1].T, M_star, settings["rank"])
            for factors in iterates(A, inputs["y"], start, settings)]


def solve(inputs, settings):
    """All rows of the trajectory, the last factors by the names of their files,
    and the spectral estimate's angle."""
    y, rank = inputs["y"], settings["rank"]
    rows = []
    if "Y" in inputs:
        A, M_star = inputs["A"], inputs["X"] @ inputs["Y"].T
        B, B_spec = leading_pairs(M_star, rank), spectral_subspace_uv(A, y, rank)
        start, measure = [inputs["U0"], inputs["V0"]], metrics_uv
    else:
        A, M_star = symmetric_float64(inputs["A"]), inputs["X"] @ inputs["X"].T
        B, B_spec = column_space(inputs["X"]), spectral_subspace(A, y, rank)
        start, measure = [inputs["U0"]], metrics
    for factors in iterates(A, y, start, settings):
        rows.append(measure(A, y, M_star, B, B_spec, *factors)
                    + learned(distances(factors[0] @ factors[-1].T, M_star, rank)))
    return (np.array(rows), dict(zip(("factor", "factor-right"), factors)),
            outside(B, B_spec))


def solve_again(inputs, settings):
    """The result of `solve` in another order of summation, by other formulas."""
    rows, factors, angle = solve_reordered(inputs, settings)[:3]
    rng = np.random.default_rng(2)
    i, j, k, l = (rng.permutation(size) for size in (
        *inputs["A"].shape, settings["factor_rank"]))
    moved = {"y": inputs["y"][i], "U0": inputs["U0"][j][:, l], "X": inputs["X"][j]}
    if "Y" in inputs:
        moved |= {"A": inputs["A"][i][:, j][:, :, k], "Y": inputs["Y"][k],
                  "V0": inputs["V0"][k][:, l]}
    else:
        moved["A"] = inputs["A"][i][:, j][:, :, j]
    more = [learned(d) for d in all_distances(moved, settings, other_distances)]
    return np.hstack([rows, more]), factors, angle


def found(rows, inputs, settings):
    """The plateaus of a trajectory."""
    M_star = inputs["X"] @ inputs.get("Y", inputs["X"]).T
    return plateaus(rows[:, -2], rows[:, -1], M_star, settings["rank"])


# --------------------------------------------------------------------------
# Creating and checking the case folders
# --------------------------------------------------------------------------

def settings_of(case):
    """settings.json but for what is computed."""
    keys = ["method", "parametrization", "step", "iterations", "n", "n2", "rank",
            "measurements", "factor_rank"]
    return {key: case[key] for key in keys if key in case}


def create(name, case):
    inputs, settings = inputs_of(case), settings_of(case)
    rows, factors, angle = solve(inputs, settings)
    save_inputs(name, inputs)
    settings["spectral_estimate_angle"] = angle
    settings["plateaus"] = found(rows, inputs, settings)
    write_results(name, settings, columns(case), rows, factors)


def check(name, case):
    """Problems found in one committed case, as lines of text."""
    settings = settings_of(case)
    want, (angle, listed), problems = read_case(
        name, settings, columns(case), ("spectral_estimate_angle", "plateaus"))
    if problems:
        return problems
    inputs = load_arrays(name, inputs_of(case))
    computed, again = solve(inputs, settings), solve_again(inputs, settings)
    factors = load_arrays(name, computed[1])
    problems += disagreements(name, columns(case)[1:], computed, (want, factors, angle),
                              again)

    for what, rows in (("", want), (" by other formulas", again[0])):
        for got, expected in zip(found(rows, inputs, settings), listed, strict=True):
            off = abs(got.pop("distance") / expected["distance"] - 1)
            if got.items() - expected.items() or not off < 1e-9:
                problems.append(f"the plateau{what} is {got}, expected {expected}")
    # The case has what it is there for, and no iteration leaves the rank open.
    ranks = [p["rank"] for p in listed]
    if ranks != unique(sorted(case["spectrum"], reverse=True)):
        problems.append(f"the plateaus have the ranks {ranks}")
    tie = min(np.diff(sorted(d.values())[:2])[0]
              for d in all_distances(inputs, settings))
    print(f"{name}: the two least distances differ by {tie:.1e} or more; plateaus "
          + ", ".join(f"{p['rank']}: {p['first_iteration']} to {p['last_iteration']}, "
                      f"{p['distance']:.3f}" for p in listed))
    if not tie > 1e-6:
        problems.append("two best approximations are equally close")
    if not np.min(want[:, -1]) > 1e-3:
        problems.append(f"the least distance is {np.min(want[:, -1])}")
    return problems


def check_all():
    """Whether anything is wrong with these cases; prints what."""
    return check_cases(CASES, check)


if __name__ == "__main__":
    sys.exit(command("incremental.py", sys.argv[1:], CASES, create, check_all))
