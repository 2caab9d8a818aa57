"""Sweeps with arrays in and out."""

import builtins
import pathlib
import shutil

import numpy as np
import pytest
from own_data import descend, problem

import matsense as ms
from matsense import _progress

pytestmark = pytest.mark.filterwarnings("ignore::matsense.Notice")

BASE = {"n": 10, "rank": 2, "iterations": 30}


def swept(**more):
    return ms.sweep(**{"base": BASE, "progress": False} | more)


def test_a_sweep_is_its_runs():
    pytest.importorskip("pandas")
    alphas = np.logspace(-6, -2, 3)
    told = []
    sweep = swept(
        axes=[{"alpha": alphas}, {"kappa": [1, 2], "step": (0.25, 0.1)}], seeds=2, callback=told.append
    )
    assert sweep.path.parent == pathlib.Path.cwd() / "sweeps"
    runs = sweep.runs
    assert len(runs) == len(told) == 12
    assert runs["run"].tolist() == list(range(12))
    assert runs["alpha"].tolist() == np.repeat(alphas, 4).tolist()
    assert runs["kappa"].tolist() == [1, 1, 2, 2] * 3
    assert runs["seed"].tolist() == [1, 2] * 6
    assert set(runs["status"]) == {"budget-spent"}
    alone = ms.run(**BASE, alpha=alphas[1], kappa=2, step=0.1, seed=2, progress=False)
    assert runs["test_error"][7] == alone.samples["test_error"][-1]
    assert runs["iterations_to_0.01"].dtype == np.float64  # with NaN for runs that do not reach it
    assert {run["run"]: run["test_error"] for run in told} == dict(
        zip(runs["run"], runs["test_error"], strict=True)
    )
    assert list(sweep.results) == list(runs.columns)
    last = sweep.trajectories.groupby("run").last()
    assert last["test_error"].tolist() == runs["test_error"].tolist()
    assert repr(sweep).split("\n")[1] == "  axes: alpha, kappa, step, seed"
    assert "12 runs have ended (12 budget-spent)" in repr(sweep)
    assert sweep._repr_html_().startswith("<iframe sandbox=")


def test_values_of_axes():
    pytest.importorskip("pandas")
    import pandas as pd

    sweep = swept(
        axes=[
            {"alpha": {"logspace": [1e-6, 1e-2, 3]}},
            {"factor_rank": np.array([2, 10], dtype=np.int32)},
            {"method": np.array(["gd", "scaled-gd"])},
            {"start_seed": pd.Series([7])},
        ],
        filter="factor_rank > rank or alpha > 1e-3",
        targets=np.array([0.5]),
    )
    values = [tuple(row) for row in sweep.runs[["alpha", "factor-rank", "method", "start-seed"]].to_numpy()]
    assert values == [
        (alpha, rank, method, 7)
        for alpha in (1e-6, 1e-4, 1e-2)
        for rank in (2, 10)
        for method in ("gd", "scaled-gd")
        if rank > 2 or alpha > 1e-3
    ]
    assert "iterations_to_0.5" in sweep.results


def test_a_sweep_on_own_data_with_starts_on_an_axis():
    pytest.importorskip("pandas")
    A, y, X, U0 = problem()
    starts = [U0, 2 * U0]
    sweep = ms.sweep(
        base={"matrices": A, "observations": y, "truth": X, "iterations": 20},
        axes=[{"init": starts}, {"step": [0.05, 0.02]}],
        out="folder/sweep",
        progress=False,
    )
    assert len(list(sweep.path.glob("data/*"))) == 5
    errors = []
    for start in starts:
        for step in (0.05, 0.02):
            U = descend(A, y, start, step, 20)
            errors.append(np.linalg.norm(U @ U.T - X @ X.T) / np.linalg.norm(X @ X.T))
    np.testing.assert_allclose(sweep.results["test_error"], errors, rtol=1e-9)

    records = list(sweep.path.glob("runs/*.jsonl"))
    lines = records[0].read_bytes().splitlines(keepends=True)
    records[0].write_bytes(b"".join(lines[:2]))
    (sweep.path / "runs.csv").unlink()
    shutil.move("folder", "moved")
    part = ms.load("moved/sweep")
    assert len(part.runs) == 2
    resumed = part.resume(progress=False)
    np.testing.assert_array_equal(resumed.results["test_error"], sweep.results["test_error"])

    again = ms.sweep(
        base={"matrices": A, "observations": y, "iterations": 5},
        out="moved/sweep",
        force=True,
        progress=False,
    )
    assert len(again.runs) == 1
    assert len(list(again.path.glob("data/*"))) == 2


def test_a_file_and_a_description_are_the_same_sweep():
    A, y, *_ = problem()
    np.save("A.npy", A)
    np.save("y.npy", y)
    pathlib.Path("s.yaml").write_text(
        "base: {matrices: A.npy, observations: y.npy, iterations: 10}\naxes: [alpha: [1e-3, 1e-2]]\n"
    )
    of_file = ms.sweep("s.yaml", progress=False)
    assert of_file.path == pathlib.Path("sweeps/s").resolve()
    base = {"matrices": "A.npy", "observations": pathlib.Path("y.npy"), "iterations": 10}
    described = ms.sweep(base=base, axes=[{"alpha": [1e-3, 1e-2]}], progress=False)
    assert (of_file.path / "runs.csv").read_bytes() == (described.path / "runs.csv").read_bytes()
    assert not (described.path / "data").exists()


def test_parts():
    pytest.importorskip("pandas")
    first = swept(seeds=4, shard="1/2", out="sweep")
    assert len(first.runs) < 4
    assert swept(seeds=4, shard="2/2", out="sweep").runs["seed"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"base": {"n": -1}}, "n goes from 1 to "),
        ({"axes": {"alpha": [1]}}, "axes: takes a list of dicts"),
        ({"axes": [{"alpha": 1e-6}]}, "alpha: an axis takes a list or an array of values, got 1e-06"),
        ({"axes": [{"init": "random"}]}, "init: an axis takes a list"),
        (
            {"axes": [{"alpha": np.ones((2, 2))}]},
            "alpha: an axis takes one list of values, got an array of shape (2, 2)",
        ),
        ({"axes": [{"alpha": [1, 1]}]}, "alpha 1 is on the axis twice"),
        ({"axes": [{"alpha": [1, 2]}], "base": {"alpha": 1}}, "alpha is an axis, and is in base"),
        ({"axes": [{"alfa": [1, 2]}]}, 'unknown key "alfa"; did you mean "alpha"?'),
        ({"filter": "n >"}, "filter"),
        ({"seeds": 0}, "seeds"),
        ({"resume": True}, "resume=True needs out"),
        ({"file": "s.yaml", "seeds": 2}, "file has everything, and seeds is given as well"),
        ({"file": "s.yaml"}, "s.yaml"),
        ({"base": {"matrices": problem()[0]}}, "user matrices need observations"),
        (
            {"base": {"n": 10}, "axes": [{"init": [np.ones((9, 2))]}]},
            "init has the shape (9, 2), and n is 10",
        ),
        ({"seeds": 200_000}, "yes=True says that you mean it"),
    ],
)
def test_bad_arguments(arguments, sentence, folder):
    with pytest.raises(ms.ConfigError) as told:
        ms.sweep(progress=False, **arguments)
    text = str(told.value)
    assert sentence in text
    assert "sweep.json" not in text
    assert "line 1" not in text
    assert "--" not in text
    assert list(folder.iterdir()) == []


def test_runs_that_diverge_are_results_and_runs_that_fail_are_an_error():
    sweep = swept(axes=[{"step": [0.25, 100.0]}])
    assert sweep.results["status"].tolist() == ["budget-spent", "diverged"]


def test_without_pandas(monkeypatch):
    sweep = swept(seeds=2)
    real = builtins.__import__

    def missing(name, *more, **rest):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *more, **rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ms.Error, match=r"pandas is not installed: pip install pandas, or take sweep.results"):
        _ = sweep.runs
    with pytest.raises(ms.Error, match="pip install pandas pyarrow"):
        _ = sweep.trajectories
    assert sweep.results["seed"].tolist() == [1, 2]
    assert sweep.results["recovered"].tolist() == [False, False]


def test_progress_lines(monkeypatch, capfd):
    swept(seeds=3, progress=True)
    assert capfd.readouterr().err == ""  # a script that loops over short runs tells nothing
    monkeypatch.setattr(_progress, "_BETWEEN_LINES", 0.0)
    swept(seeds=3, progress=True)
    lines = capfd.readouterr().err.splitlines()
    assert list(dict.fromkeys(lines)) == ["run 1 of 3", "run 2 of 3", "run 3 of 3"]
