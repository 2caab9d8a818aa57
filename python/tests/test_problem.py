"""Problems: their numbers against definitions and loops in NumPy, and everything that can be given wrong."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import documented
import numpy as np
import pytest

import matsense as ms
from matsense._command import executable

# Sums of a few hundred terms of size 1 in another order: some 100 roundings of 1e-16, with a margin.
CLOSE = {"rtol": 1e-11, "atol": 1e-13}

PROBLEMS = {
    "rows, f64": dict(n=7, rank=2, measurements=41, entries="f64"),
    "rows, q8, generated": dict(n=9, rank=2, measurements=57, entries="q8", storage="generated"),
    "rows, signs": dict(n=8, rank=1, measurements=33, ensemble="rademacher"),
    "completion": dict(n=11, rank=2, measurements=31, ensemble="completion"),
    "rank-one": dict(n=7, rank=2, measurements=43, ensemble="rank-one"),
    "uv, rows": dict(n=7, n2=5, rank=2, measurements=47, entries="f64", parametrization="uv"),
    "uv, rank-one": dict(n=6, n2=8, rank=2, measurements=53, ensemble="rank-one", parametrization="uv"),
    "uv, completion": dict(n=9, n2=6, rank=1, measurements=23, ensemble="completion", parametrization="uv"),
    "deep": dict(n=6, n2=7, rank=2, measurements=51, entries="f64", parametrization="deep", factor_rank=4),
    "indefinite": dict(n=7, rank=3, measurements=49, entries="f64", parametrization="indefinite"),
    "sparse": dict(n=17, measurements=29, entries="f64", parametrization="sparse"),
}


def matrices_of(settings, p):
    """The measurement matrices of a problem, regenerated."""
    ensemble = settings.get("ensemble", "gaussian")
    kind = settings.get("entries", "sign")
    return documented.matrices(
        ensemble, kind, settings.get("seed", 1), p.measurements, p.n, None if p.symmetric else p.n2
    )


def tuple_of(factor):
    return factor if isinstance(factor, tuple) else (factor,)


def random_factor(p, seed=0, rank=None):
    rng = np.random.default_rng(seed)
    shapes = p.shapes
    if rank is not None:
        shapes = tuple((rows, rank) for rows, _ in shapes)
    factor = tuple(rng.standard_normal(shape) / np.sqrt(shape[0]) for shape in shapes)
    return factor[0] if len(factor) == 1 else factor


@pytest.mark.parametrize("settings", PROBLEMS.values(), ids=PROBLEMS)
def test_values_and_gradients_are_those_of_loops(settings):
    with ms.problem(**settings) as p:
        A, y = matrices_of(settings, p), p.observations
        for seed in (1, 2):
            factor = random_factor(p, seed)
            value, gradient = p.value_and_grad(factor)
            f = documented.value(A, y, p.parametrization, tuple_of(factor))
            assert value == pytest.approx(f, rel=1e-11)
            assert p.value(factor) == pytest.approx(f, rel=1e-11)
            want = documented.gradient(A, y, p.parametrization, tuple_of(factor))
            for g, w in zip(tuple_of(gradient), want, strict=True):
                np.testing.assert_allclose(g, w, **CLOSE)
            for g, w in zip(tuple_of(p.grad(factor)), tuple_of(gradient), strict=True):
                np.testing.assert_array_equal(g, w)


@pytest.mark.parametrize("settings", PROBLEMS.values(), ids=PROBLEMS)
def test_products_with_the_measurements(settings):
    with ms.problem(**settings) as p:
        A = matrices_of(settings, p)
        rng = np.random.default_rng(3)
        Z, w = rng.standard_normal((p.n, p.n2)), rng.standard_normal(p.measurements)
        np.testing.assert_allclose(p.apply(Z), [np.sum(a * Z) for a in A], **CLOSE)
        L, R = rng.standard_normal((p.n, 3)), rng.standard_normal((p.n2, 3))
        np.testing.assert_allclose(p.apply(L, R), [np.sum(a * (L @ R.T)) for a in A], **CLOSE)
        left, right = L[:, 0], R[:, 0]
        np.testing.assert_allclose(p.apply(left, right), [left @ a @ right for a in A], **CLOSE)
        S = sum(w_i * a for w_i, a in zip(w, A, strict=True))
        np.testing.assert_allclose(p.adjoint(w), S, **CLOSE)
        np.testing.assert_allclose(p.adjoint(w, R), S @ R, **CLOSE)
        np.testing.assert_allclose(p.adjoint(w, right), S @ right, **CLOSE)
        np.testing.assert_allclose(p.adjoint(w, L, transpose=True), S.T @ L, **CLOSE)
        out = np.empty(p.n)
        assert p.adjoint(w, right, out=out) is out
        np.testing.assert_array_equal(out, p.adjoint(w, right))


@pytest.mark.parametrize("name", ["rows, f64", "rows, q8, generated", "rows, signs", "uv, rows", "sparse"])
def test_matrices_are_the_documented_ones(name):
    with ms.problem(**PROBLEMS[name]) as p:
        want = matrices_of(PROBLEMS[name], p)[4:9]
        np.testing.assert_allclose(p.matrices(4, 9), want.reshape(5, p.n, p.n2), **CLOSE)


def test_matrices_that_are_not_there():
    with ms.problem(n=5, rank=1, measurements=20) as p:
        for start, stop in [(-1, 3), (3, 3), (4, 3), (0, 21)]:
            with pytest.raises(ms.ConfigError, match="go from 0 to 20"):
                p.matrices(start, stop)
    with ms.problem(n=5, rank=1, measurements=10, ensemble="completion") as p:
        with pytest.raises(ms.ConfigError, match="not kept as matrices"):
            p.matrices(0, 3)
        assert p.bandwidth() > 0


def test_observations_are_those_of_the_documented_truth():
    with ms.problem(n=9, rank=3, kappa=2.0, measurements=40, entries="f64", seed=5) as p:
        A, X = documented.matrices("gaussian", "f64", 5, 40, 9), documented.truth(5, 9, 3, 2.0)
        np.testing.assert_allclose(p.observations, [np.sum(a * (X @ X.T)) for a in A], **CLOSE)
        with pytest.raises(ValueError, match="read-only"):
            p.observations[0] = 0


def test_spectral_pairs_are_those_of_numpy():
    with ms.problem(n=8, rank=2, measurements=60, entries="f64") as p:
        A = documented.matrices("gaussian", "f64", 1, 60, 8)
        values, vectors = np.linalg.eigh(np.einsum("i,ijk->jk", p.observations, A) / 60)
        found = p.spectral(3)
        np.testing.assert_allclose(found.values, values[::-1][:3], rtol=1e-10)
        overlap = np.abs(vectors[:, ::-1][:, :3].T @ found.left)
        np.testing.assert_allclose(overlap, np.eye(3), atol=1e-8)
    with ms.problem(n=8, n2=5, rank=2, measurements=60, entries="f64", parametrization="uv") as p:
        A = documented.matrices("gaussian", "f64", 1, 60, 8, 5)
        left, values, right = np.linalg.svd(np.einsum("i,ijk->jk", p.observations, A) / 60)
        found = p.spectral(2)
        assert (found.left.shape, found.right.shape) == ((8, 2), (5, 2))
        best = (left[:, :2] * values[:2]) @ right[:2]
        np.testing.assert_allclose((found.left * found.values) @ found.right.T, best, atol=1e-9)


def test_descent_in_python_is_the_runs_of_the_command(tmp_path):
    settings = dict(n=10, rank=2, measurements=150, entries="f32", alpha=1e-3, seed=3)
    flags = [f"--{key}={value}" for key, value in settings.items()]
    out = tmp_path / "run"
    done = subprocess.run(
        [executable(), "run", *flags, "--iterations=60", "--measure-every=60", f"--out={out}", "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    with ms.problem(**settings) as p:
        U = p.start()
        start = p.metrics(U)
        for _ in range(60):
            _, G = p.value_and_grad(U)
            U -= p.step * G
        last = p.metrics(U)
    # The command subtracts μG with one rounding, NumPy with two. Errors of 1e-16 grow no faster than the
    # factor does, from 1e-3 to 1.
    np.testing.assert_allclose(U, np.load(out / "factor.npy"), rtol=0, atol=1e-13)
    samples = [json.loads(line) for line in done.stdout.splitlines()]
    samples = [s for s in samples if s.get("event") == "sample"]
    for of_run, here, rtol in ((samples[0], start, 0), (samples[-1], last, 1e-9)):
        for name in ("train_loss", "test_error", "signal", "noise", "angle"):
            assert here[name] == pytest.approx(of_run[name], rel=rtol, abs=0), name


def test_starts():
    with ms.problem(n=9, rank=2, measurements=200, entries="f64") as p:
        # U₀ = α·G, the entries of G are normal deviates of row i of stream 3, times 1/√r
        want = np.array([documented.philox.normals(1, 3, i, 9) for i in range(9)]) / 3
        np.testing.assert_allclose(p.start(alpha=0.5), 0.5 * want, rtol=1e-14)
        np.testing.assert_allclose(p.start(alpha=1e-6), 1e-6 * want, rtol=1e-14)
        assert p.start(factor_rank=4).shape == (9, 4)
        assert not np.array_equal(p.start(start_seed=2), p.start())
        values, vectors = np.linalg.eigh(np.einsum("i,ijk->jk", p.observations, p_matrices(p)) / 200)
        leading = (vectors * np.clip(values, 0, None)) @ vectors.T
        U = p.start(init="spectral")
        np.testing.assert_allclose(U @ U.T, leading, atol=1e-9)


def test_starts_from_data(tmp_path, monkeypatch):
    U, V = np.arange(12.0).reshape(4, 3), np.ones((5, 3))
    settings = dict(n=4, n2=5, rank=1, measurements=30, parametrization="uv", factor_rank=3)
    with ms.problem(**settings, init=(U, V)) as p:
        kept = U.copy()
        U *= 2  # as a loop does that has U as its iterate
        for got, want in zip(p.start(), (kept, V), strict=True):
            np.testing.assert_array_equal(got, want)
        for got, want in zip(p.start(init=U, init_right=V + 1), (U, V + 1), strict=True):
            np.testing.assert_array_equal(got, want)
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")  # the server stays in the directory that it was started in
        np.save("left.npy", 3 * U)
        np.testing.assert_array_equal(p.start(init="left.npy", init_right=V)[0], 3 * U)
        assert p.start(init="random", alpha=1.0)[0].shape == (4, 3)


def p_matrices(p):
    return documented.matrices("gaussian", "f64", 1, p.measurements, p.n)


@pytest.mark.parametrize("members", [1, 2, 3, 7])
def test_several_factors_are_as_alone(members):
    with ms.problem(n=9, rank=2, measurements=70, members=members) as p:
        stack = np.stack([random_factor(p, seed) for seed in range(5)])
        alone = [p.value_and_grad(U) for U in stack]
        values, gradients = p.value_and_grad(stack)
        assert gradients.shape == stack.shape
        np.testing.assert_array_equal(values, [f for f, _ in alone])
        np.testing.assert_array_equal(gradients, [G for _, G in alone])
        np.testing.assert_array_equal(p.value(stack), [p.value(U) for U in stack])
        values, gradients = p.value_and_grad([*stack[:2], random_factor(p, 9, rank=3)])
        assert [G.shape for G in gradients] == [(9, 9), (9, 9), (9, 3)]
        np.testing.assert_array_equal(gradients[1], alone[1][1])
        np.testing.assert_array_equal(gradients[2], p.grad(random_factor(p, 9, rank=3)))


def test_several_factors_of_two_matrices():
    with ms.problem(n=6, n2=4, rank=2, measurements=50, parametrization="uv", members=2) as p:
        factors = [random_factor(p, seed) for seed in range(3)]
        alone = [p.value_and_grad(factor) for factor in factors]
        values, gradients = p.value_and_grad(factors)
        stacks = tuple(np.stack(matrices) for matrices in zip(*factors, strict=True))
        out = tuple(np.empty_like(stack) for stack in stacks)
        stacked_values, (left, right) = p.value_and_grad(stacks, out=out)
        assert left is out[0]
        assert right is out[1]
        for k, (f, (G, H)) in enumerate(alone):
            assert values[k] == stacked_values[k] == f
            for a, b in ((gradients[k][0], G), (gradients[k][1], H), (left[k], G), (right[k], H)):
                np.testing.assert_array_equal(a, b)


def test_arrays_of_all_kinds_are_the_same_numbers():
    with ms.problem(n=6, rank=2, measurements=40) as p:
        U = np.round(random_factor(p), 2).astype(np.float32).astype(np.float64)
        value, gradient = p.value_and_grad(U)
        strided = np.zeros((12, 18))
        strided[::2, ::3] = U
        for same in (
            np.asfortranarray(U),
            strided[::2, ::3],
            U.astype(np.float32),
            U.astype(">f8"),
            U.tolist(),
            U.T.copy().T,
            memoryview(U),
        ):
            got = p.value_and_grad(same)
            assert got[0] == value
            np.testing.assert_array_equal(got[1], gradient)
            assert got[1].dtype == np.float64
            assert got[1].flags.c_contiguous
        np.testing.assert_array_equal(p.grad(np.eye(6, dtype=int)), p.grad(np.eye(6)))
        for out in (np.empty((6, 6)), np.empty((6, 6), order="F"), strided[::2, ::3], U):
            assert p.value_and_grad(U.copy(), out)[1] is out
            np.testing.assert_array_equal(out, gradient)
        out = np.empty((6, 6), np.float32)
        np.testing.assert_array_equal(p.grad(np.eye(6), out=out), p.grad(np.eye(6)).astype(np.float32))


def test_results_stay_as_they_are():
    with ms.problem(n=6, rank=2, measurements=40) as p:
        first, second = random_factor(p, 1), random_factor(p, 2)
        G = p.grad(first)
        kept = G.copy()
        p.grad(second)
        p.apply(np.ones((6, 6)))
        np.testing.assert_array_equal(G, kept)
        p.grad(np.stack([first] * 40))  # which needs more memory than there was
        np.testing.assert_array_equal(G, kept)
        np.testing.assert_array_equal(p.grad(first), kept)


def test_numbers_that_json_lacks():
    with ms.problem(n=5, rank=1, measurements=30) as p:
        U = np.ones((5, 5))
        U[2, 3] = np.nan
        assert np.isnan(p.value_and_grad(U)[0])
        assert p.value(np.full((5, 5), 1e80)) == np.inf
        with pytest.raises(ms.ConfigError, match="NaN or infinite"):
            p.metrics(U)


def test_settings_that_json_lacks_are_told_and_not_waited_for():
    with ms.problem(n=4, rank=1) as p:
        with pytest.raises(ms.ConfigError, match=r"^alpha must be positive and finite, got NaN$"):
            p.start(alpha=np.nan)
        assert p.spectral(np.int64(1)).values.shape == (1,)


def test_description():
    with ms.problem(n=7, n2=5, rank=2, measurements=47, parametrization="uv", members=3, simd="off") as p:
        assert (p.n, p.n2, p.rank, p.measurements, p.factor_rank, p.members) == (7, 5, 2, 47, 5, 3)
        assert p.shapes == ((7, 5), (5, 5))
        assert (p.parametrization, p.storage, p.precision) == ("uv", "memory", "f64")
        assert p.step > 0
        assert not p.symmetric
        assert "uv, 7 × 5, rank 2, 47 measurements" in repr(p)
        assert not p.closed
    assert p.closed
    assert "closed" in repr(p)


def test_notes_are_warnings_at_the_callers_line():
    A = np.random.default_rng(0).standard_normal((20, 4, 4))
    with pytest.warns(ms.Notice, match="2 of 20 measurements are held out") as caught:
        p = ms.problem(matrices=A + A.swapaxes(1, 2), observations=np.ones(20), hold_out=0.1)
    with p:
        assert p.notes == tuple(str(warning.message) for warning in caught)
        assert caught[0].filename == __file__
        assert p.measurements == 18


WRONG = {
    "a shape": (np.ones((5, 6)), r"factor: has shape \(5, 6\), and must have \(6, 6\)"),
    "too many columns": (np.ones((6, 7)), r"\(6, 7\), and must have \(6, 6\) or of a smaller factor rank"),
    "no column": (np.ones((6, 0)), r"\(6, 0\)"),
    "a vector": (np.ones(6), r"\(6,\)"),
    "a number": (1.0, r"\(\)"),
    "complex numbers": (np.ones((6, 6), complex), "real numbers"),
    "texts": (np.full((6, 6), "a"), "array of numbers"),
    "objects": (np.full((6, 6), None), "array of numbers"),
    "nothing": (None, "array of numbers"),
    "ragged lists": ([[1, 2], [3]], "their lengths differ"),
    "an empty list": ([], r"\(0,\)"),
    "an empty stack": (np.ones((0, 6, 6)), "1 or more"),
    "four dimensions": (np.ones((1, 1, 6, 6)), r"\(1, 1, 6, 6\)"),
    "a list with a wrong one": ([np.ones((6, 6)), np.ones((6, 9))], r"factor\[1\]: has shape \(6, 9\)"),
}


@pytest.mark.parametrize(("factor", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_factors(factor, sentence):
    with ms.problem(n=6, rank=1, measurements=20) as p:
        before = p._server._last
        for call in (p.value_and_grad, p.value, p.grad):
            with pytest.raises(ms.ConfigError, match=sentence):
                call(factor)
        assert p._server._last == before, "a request was made"
        p.value(np.ones((6, 2)))


WRONG_PAIRS = {
    "one array": (np.ones((6, 4)), "a tuple of 2 arrays"),
    "three": ((np.ones((6, 4)),) * 3, "has 2 matrices, got 3"),
    "swapped": ((np.ones((4, 4)), np.ones((6, 4))), r"\(4, 4\), \(6, 4\), and must have \(6, 4\), \(4, 4\)"),
    "different columns": ((np.ones((6, 4)), np.ones((4, 3))), r"\(6, 4\), \(4, 3\), and must"),
    "different stacks": ((np.ones((2, 6, 4)), np.ones((3, 4, 4))), "same length"),
    "half a stack": ((np.ones((2, 6, 4)), np.ones((4, 4))), "same length"),
}


@pytest.mark.parametrize(("factor", "sentence"), WRONG_PAIRS.values(), ids=WRONG_PAIRS)
def test_wrong_factors_of_two_matrices(factor, sentence):
    with (
        ms.problem(n=6, n2=4, rank=1, measurements=20, parametrization="uv") as p,
        pytest.raises(ms.ConfigError, match=sentence),
    ):
        p.value_and_grad(factor)


def test_wrong_arguments():
    with ms.problem(n=6, n2=4, rank=1, measurements=20, parametrization="uv") as p:
        factor, L, R = random_factor(p), np.ones((6, 2)), np.ones((4, 2))
        read_only = np.empty((6, 4))
        read_only.flags.writeable = False
        for call, sentence in (
            (lambda: p.value_and_grad(factor, np.empty((6, 4))), "out: takes a tuple of 2 arrays"),
            (lambda: p.value_and_grad(factor, (np.empty((4, 4)),) * 2), r"out: must have shape \(6, 4\)"),
            (
                lambda: p.value_and_grad(factor, (np.empty((6, 4), int), factor[1])),
                "out: takes a NumPy array",
            ),
            (lambda: p.value_and_grad(factor, (read_only, factor[1])), "can be written to"),
            (lambda: p.value_and_grad([factor], factor), "out: must have the form"),
            (lambda: p.metrics([factor, factor]), "metrics takes one factor"),
            (lambda: p.apply(L), r"left: without right, must have shape \(6, 4\), got \(6, 2\)"),
            (lambda: p.apply(R, L), r"left: must have shape \(6, d\)"),
            (lambda: p.apply(L, R[:, :1]), "right: has 1 columns, and left has 2"),
            (lambda: p.apply(L, R, out=np.empty(3)), r"out: must have shape \(20,\)"),
            (lambda: p.adjoint(np.ones(19)), r"weights: must have shape \(20,\), got \(19,\)"),
            (lambda: p.adjoint(np.ones(20), L), r"x: must have shape \(4, d\)"),
            (lambda: p.adjoint(np.ones(20), R, transpose=True), r"x: must have shape \(6, d\)"),
            (lambda: p.spectral(0), "k goes from 1 to 4, got 0"),
            (lambda: p.spectral(2.5), "whole number"),
            (lambda: p.start(init="spectal"), "init: "),
            (lambda: p.start(alpha=-1), "alpha"),
            (lambda: p.start(factor_rank=-1), "factor-rank"),
        ):
            with pytest.raises(ms.ConfigError, match=sentence) as caught:
                call()
            assert caught.value.__cause__ is None
            assert len(caught.traceback) == 3, "this line, the lambda, and one line of the package"
        assert p.value(factor) > 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (dict(n=-3), "n goes from 1 to 65536, got -3"),
        (dict(ensemble="gausian"), "gaussian"),
        (dict(n=5, members=0), "members"),
        (dict(n=5, rank=9), "rank"),
        (dict(matrices="missing.npy", observations=np.ones(3)), "missing.npy"),
    ],
)
def test_wrong_settings(settings, sentence):
    with pytest.raises(ms.ConfigError, match=sentence):
        ms.problem(**settings)


def test_a_closed_problem():
    p = ms.problem(n=5, rank=1, measurements=20)
    p.close()
    p.close()
    with pytest.raises(ms.Error, match="the problem is closed"):
        p.value(np.ones((5, 5)))


def test_a_missing_command(monkeypatch, tmp_path):
    monkeypatch.setenv("MATSENSE", os.fspath(tmp_path / "matsense"))
    with pytest.raises(ms.Error, match="no program"):
        ms.problem(n=5)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_folders_of_killed_processes_are_removed(tmp_path, monkeypatch):
    """Symptom: a process that was killed while it opened a problem with arrays left their copies in /tmp."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    code = "\n".join(
        (
            "import matsense._folder as f, sys, time",
            "with f.temporary() as d:",
            "    open(d + '/matrices.npy', 'w').write('much')",
            "    print(d, flush=True)",
            "    time.sleep(60)",
        )
    )
    other, killed = (
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    try:
        folders = [Path(process.stdout.readline().strip()) for process in (other, killed)]
        killed.kill()
        killed.wait()
        assert all((folder / "matrices.npy").exists() for folder in folders)
        matrices = np.array([np.eye(3), np.ones((3, 3))])
        ms.problem(matrices=matrices, observations=np.ones(2), rank=1).close()
        assert [folder.exists() for folder in folders] == [True, False], "the other process is at work"
    finally:
        for process in (other, killed):
            process.kill()
            process.communicate()
    assert len(list(tmp_path.glob("matsense-data-*"))) == 1
