"""Runs with arrays in and out: every number against a plain loop in NumPy, or read from the files."""

import builtins
import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import traceback
import warnings

import numpy as np
import pytest
import scipy.sparse
from own_data import M, N, complete, descend, loss, problem

import matsense as ms
from matsense import _progress
from matsense._command import executable

pytestmark = pytest.mark.filterwarnings("ignore::matsense.Notice")

PACKAGE = os.path.dirname(ms.__file__)
SMALL = {"n": 10, "rank": 2, "iterations": 40, "progress": False}
STEP, ITERATIONS = 0.05, 20


def own(A, y, **more):
    return ms.run(
        **{"matrices": A, "observations": y, "step": STEP, "iterations": ITERATIONS, "progress": False} | more
    )


def left_behind(folder):
    return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*"))


def test_results_are_the_files():
    run = ms.run(**SMALL, out="run")
    lines = pathlib.Path("run/trajectory.csv").read_text().split()
    names = lines[0].split(",")
    columns = np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]])
    assert list(run.samples) == list(run.trajectory.columns) == names
    for k, name in enumerate(names):
        np.testing.assert_array_equal(run.samples[name], columns[:, k])
        np.testing.assert_array_equal(run.trajectory[name].to_numpy(), columns[:, k])
    assert run.samples["iteration"].dtype == np.int64
    assert run.samples["train_loss"].dtype == np.float64
    assert run.samples["iteration"].tolist() == list(range(0, 41, 5))
    np.testing.assert_array_equal(run.factor, np.load("run/factor.npy"))
    assert run.factor.shape == (10, 10)
    assert run.summary == json.loads(pathlib.Path("run/summary.json").read_text())
    assert run.status == "budget-spent"
    assert run.path == pathlib.Path.cwd() / "run"
    assert run.settings["n"] == 10
    assert run.settings["alpha"] == 1e-6
    assert run.settings["method"] == "gd"


def test_default_directory_is_the_time():
    runs = [ms.run(**SMALL), ms.run(**SMALL)]
    A, y, *_ = problem()
    runs += [own(A, y), own(A, y)]
    assert {run.path.parent for run in runs} == {pathlib.Path.cwd() / "runs"}
    assert len({run.path for run in runs}) == 4


def test_own_data_are_a_loop_in_numpy():
    A, y, X, U0 = problem()
    run = own(A, y, truth=X, init=U0, measure_every=1)
    U = descend(A, y, U0, STEP, ITERATIONS)
    # Sums of a few hundred products in two orders differ by about 1e-13; twenty steps add them up.
    np.testing.assert_allclose(run.factor, U, rtol=1e-10, atol=1e-13)
    assert run.samples["train_loss"][0] == pytest.approx(loss(A, y, U0), rel=1e-12)
    error = np.linalg.norm(U @ U.T - X @ X.T) / np.linalg.norm(X @ X.T)
    assert run.samples["test_error"][-1] == pytest.approx(error, rel=1e-9)
    assert sorted(path.name.split("-")[0] for path in run.path.glob("data/*")) == [
        "init", "matrices", "observations", "truth",
    ]  # fmt: skip
    for path, array in zip(sorted(run.path.glob("data/*")), (U0, A, y, X), strict=True):
        np.testing.assert_array_equal(np.load(path), array)


class Tensor:
    """What JAX, CuPy and others have in common."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


def saved(A):
    np.save("A.npy", A)
    return "A.npy"


def mapped(A):
    return np.load(saved(A), mmap_mode="r")


def strided(A):
    wide = np.zeros((M, N, 2 * N))
    wide[:, :, ::2] = A
    return wide[:, :, ::2]


@pytest.mark.parametrize(
    "give",
    [
        *(
            lambda A, t=t: A.astype(t)
            for t in ("f2", "f4", "f8", ">f4", ">f8", "i1", "<i4", ">i8", "u1", "u8", "g")
        ),
        np.asfortranarray,
        strided,
        lambda A: A[::-1][::-1],
        Tensor,
        lambda A: A.tolist(),
        saved,
        lambda A: pathlib.Path(saved(A)),
        mapped,
        lambda A: mapped(A)[:M],
        lambda A: np.load(saved(A), mmap_mode="r+"),
        np.ma.array,
    ],
)
def test_any_array_is_the_same_problem(give):
    A, y, _, U0 = problem(kind="int")
    run = own(give(A), y, init=U0, step=0.01)
    np.testing.assert_allclose(run.factor, descend(A, y, U0, 0.01, ITERATIONS), rtol=1e-10, atol=1e-13)


def test_truth_values():
    A, y, _, U0 = problem(kind="bool")
    run = own(A.astype(bool), y, init=U0)
    np.testing.assert_allclose(run.factor, descend(A, y, U0, STEP, ITERATIONS), rtol=1e-10, atol=1e-13)


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    A, y, X, U0 = problem(kind="int")
    run = own(
        torch.tensor(A, dtype=torch.bfloat16),
        torch.tensor(y, requires_grad=True),
        truth=torch.tensor(X),
        init=torch.tensor(U0.T).T,
    )
    np.testing.assert_allclose(run.factor, descend(A, y, U0, STEP, ITERATIONS), rtol=1e-10, atol=1e-13)


def test_a_memory_map_is_its_file_and_parts_of_it_are_not():
    A, y, *_ = problem()
    whole = mapped(A)
    assert own(whole, y).settings["matrices"] == os.path.abspath("A.npy")
    assert own(np.asarray(whole), y).settings["matrices"] == os.path.abspath("A.npy")
    changed = np.load("A.npy", mmap_mode="c")
    changed[0] = 0
    for part, observed in (
        (whole[:20], y[:20]),
        (whole[20:], y[20:]),
        (whole[:, ::-1, ::-1], y),
        (changed, y),
    ):
        run = own(part, observed)
        [stored] = run.path.glob("data/matrices-*")
        assert run.settings["matrices"] == str(stored)
        np.testing.assert_array_equal(np.load(stored), part)


ROWS, COLUMNS = (
    np.array(k) for k in zip(*[(i, j) for i in range(7) for j in range(5) if (i * j) % 3 != 2], strict=True)
)


def entries_and_start(seed=3):
    random = np.random.default_rng(seed)
    values = np.round(8 * random.normal(size=len(ROWS))) / 8
    values[4] = 0
    return values, random.normal(size=(7, 2)), random.normal(size=(5, 2))


def sparse(values):
    return scipy.sparse.coo_array((values, (ROWS, COLUMNS)), shape=(7, 5))


def frame(values):
    import pandas as pd

    return pd.DataFrame({"item": COLUMNS, "rating": values, "user": ROWS, "when": 3.5})


def with_gaps(values):
    matrix = np.full((7, 5), np.nan)
    matrix[ROWS, COLUMNS] = values
    return matrix


@pytest.mark.parametrize(
    "give",
    [
        sparse,
        lambda values: sparse(values).tocsr(),
        lambda values: sparse(values).tocsc(),
        lambda values: scipy.sparse.coo_matrix(sparse(values)),
        lambda values: (ROWS, COLUMNS, values),
        lambda values: (ROWS.tolist(), COLUMNS.astype(float), values.astype("f4")),
        frame,
        with_gaps,
    ],
)
@pytest.mark.parametrize("name", ["entries", "triplets"])
def test_observed_entries_are_a_loop_in_numpy(give, name):
    values, U0, V0 = entries_and_start()
    run = ms.run(
        **{name: give(values)}, parametrization="uv", init=(U0, V0), step=0.1, iterations=15, progress=False
    )
    U, V = complete(ROWS, COLUMNS, values, U0, V0, 0.1, 15)
    np.testing.assert_allclose(run.factor[0], U, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(run.factor[1], V, rtol=1e-10, atol=1e-13)
    assert run.settings["measurements"] == len(values)  # one of which is zero


def test_the_shape_of_entries_is_the_size():
    entries = scipy.sparse.coo_array(([1.0, 2.0], ([0, 1], [1, 2])), shape=(9, 6))
    run = ms.run(entries=entries, parametrization="uv", factor_rank=2, iterations=3, progress=False)
    assert (run.settings["n"], run.settings["n2"]) == (9, 6)
    held_out = scipy.sparse.coo_array(([1.5], ([8], [5])), shape=(9, 6))
    run = ms.run(
        entries=entries,
        test_triplets=held_out,
        parametrization="uv",
        factor_rank=2,
        iterations=3,
        progress=False,
    )
    # The held-out RMSE of one entry is the distance of UVᵀ from it.
    assert run.samples["held_out_rmse"][0] == pytest.approx(1.5, abs=1e-5)


def test_both_sides_of_a_symmetric_matrix():
    M = np.outer([1.0, 2, 3, 4], [1, 2, 3, 4])
    with pytest.warns(ms.Notice, match="both sides of the diagonal"):
        both = ms.run(entries=scipy.sparse.coo_array(M), rank=1, iterations=5, progress=False)
    upper = ms.run(entries=scipy.sparse.coo_array(np.triu(M)), rank=1, iterations=5, progress=False)
    np.testing.assert_array_equal(both.factor, upper.factor)


def test_pauli_words():
    expectations = {"XIZ": 0.5, "ZZI": -0.25, "III": 1.0}
    run = ms.run(paulis=expectations, factor_rank=2, iterations=5, progress=False)
    assert run.settings["n"] == 8
    words, values = list(expectations), list(expectations.values())
    other = ms.run(paulis=words, expectations=values, factor_rank=2, iterations=5, progress=False)
    np.testing.assert_array_equal(run.factor, other.factor)


@pytest.mark.parametrize("parametrization", ["psd", "uv", "deep", "indefinite", "sparse"])
def test_a_factor_begins_another_run(parametrization):
    settings = {"n": 6, "parametrization": parametrization, "progress": False, "alpha": 0.1, "step": 0.01}
    if parametrization == "uv":
        settings["n2"] = 5
    if parametrization == "deep":
        settings["depth"] = 2
    first = ms.run(**settings, iterations=4)
    del settings["alpha"]
    if parametrization == "deep":
        del settings["depth"]
    second = ms.run(**settings, iterations=0, init=first.factor)
    for a, b in zip(_tuple(first.factor), _tuple(second.factor), strict=True):
        np.testing.assert_array_equal(a, b)


def _tuple(factor):
    return factor if isinstance(factor, tuple) else (factor,)


GOOD = problem()
RAGGED = [[1.0, 2.0], [3.0]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"n": -1}, "n goes from 1 to "),
        ({"alpha": "small"}, 'alpha takes a number, got "small"'),
        ({"method": "adagrad"}, "method"),
        ({"lambda_": 0.1}, "lambda_ is for method scaled-gd-lambda"),
        ({"start_seed": 1.5}, "start_seed takes a whole number"),
        ({"alpha": np.ones(3)}, "alpha: takes one number or word, got an array of shape (3,)"),
        ({"n": [10]}, "n: takes one number or word, got list"),
        ({"resume": True}, "resume=True needs out"),
        ({"out": ".", "resume": True}, "there is no run in "),
        ({"stop_after": "soon"}, "stop_after"),
        ({"matrices": GOOD[0]}, "matrices: user matrices need observations"),
        ({"matrices": GOOD[0], "observations": GOOD[1][:5]}, "observations"),
        ({"matrices": GOOD[0], "observations": GOOD[1], "alpha": -1}, "alpha must be positive"),
        ({"matrices": GOOD[0][:, :3], "observations": GOOD[1]}, "matrices has the shape (40, 3, 8); it"),
        ({"matrices": RAGGED, "observations": GOOD[1]}, "matrices: the nested lists are not an array"),
        ({"matrices": "nowhere.npy", "observations": GOOD[1]}, "matrices: open "),
        ({"matrices": GOOD[0], "observations": GOOD[1].astype(object)}, "got ndarray of object"),
        ({"matrices": GOOD[0], "observations": ["a"]}, "observations: takes an array of numbers"),
        ({"matrices": GOOD[0] + 1j, "observations": GOOD[1]}, "matrices"),
        ({"matrices": GOOD[0], "observations": np.where(GOOD[1] > 0, np.nan, GOOD[1])}, "observations"),
        ({"matrices": scipy.sparse.eye_array(4), "observations": [1.0]}, ".toarray() makes an array"),
        ({"matrices": np.ma.masked_equal(GOOD[0], GOOD[0][0, 0, 0]), "observations": GOOD[1]}, "masked"),
        ({"entries": sparse(np.ones(len(ROWS)))}, "entries"),
        ({"entries": sparse(np.ones(len(ROWS))), "triplets": "t.csv"}, "triplets: entries is given as well"),
        ({"entries": ([0, 0], [1, 1], [2.0, 3.0])}, "(0, 1) is given twice, by the entries 0 and 1"),
        ({"entries": ([0, -1], [1, 1], [2.0, 3.0])}, "entry 1 is in row -1, below 0"),
        ({"entries": ([0, 1.5], [1, 1], [2.0, 3.0])}, "each row must be a whole number"),
        ({"entries": ([0, 1], [1, 1], [2.0, np.nan])}, "entry 1, at (1, 1), is nan"),
        ({"entries": ([0, 1], [1], [2.0])}, "must be as many"),
        ({"entries": ([], [], [])}, "there are no entries"),
        ({"entries": np.ones((3, 3))}, "entries: takes a sparse matrix, a tuple"),
        ({"entries": scipy.sparse.coo_array(np.ones(3))}, "takes a matrix, got an array of shape (3,)"),
        ({"paulis": [1, 2]}, "paulis: takes words such as 'XIZ'"),
        ({"init": (GOOD[3], GOOD[3]), "init_right": GOOD[3]}, "init_right is given as well"),
    ],
)  # fmt: skip
def test_bad_arguments(arguments, sentence, folder):
    with pytest.raises(ms.ConfigError) as told:
        ms.run(progress=False, **arguments)
    text = str(told.value)
    assert sentence in text
    assert "--" not in text
    assert str(folder / "runs") not in text  # no files that the user has not made
    assert left_behind(folder) == []
    assert told.value.__suppress_context__
    package = [f for f in traceback.extract_tb(told.tb) if f.filename.startswith(PACKAGE)]
    assert [f.name for f in package] == ["run", "outer"]  # that with the keywords and that which raises


def test_a_command_that_is_not_there(monkeypatch):
    monkeypatch.setenv("MATSENSE", "/nowhere/matsense")
    with pytest.raises(ms.Error, match="'/nowhere/matsense', and that is no program"):
        ms.run(**SMALL)


def test_a_diverged_run_is_there():
    with (
        pytest.warns(ms.Notice, match="the step is longer"),
        pytest.raises(ms.Diverged, match="grew past all") as told,
    ):
        ms.run(**SMALL, step=100.0)
    assert told.value.run.status == "diverged"
    assert np.isfinite(told.value.run.factor).all()


def test_force_replaces_a_run_with_its_data_and_a_refusal_keeps_it():
    A, y, _, U0 = problem()
    first = own(A, y, init=U0, out="run")
    files = {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()}
    B, z, _, V0 = problem(seed=1)
    for refused in ({}, {"force": True, "alpha": -1}, {"resume": True}):
        with pytest.raises(ms.ConfigError):
            own(B, z, init=V0, out="run", **refused)
        assert {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()} == files
    second = own(B, z, init=V0, out="run", force=True)
    np.testing.assert_allclose(second.factor, descend(B, z, V0, STEP, ITERATIONS), rtol=1e-10, atol=1e-13)
    assert len(list(second.path.glob("data/*"))) == 3
    again = own(B, z, init=V0, out="run", force=True)  # the same data, which are there already
    np.testing.assert_array_equal(again.factor, np.load("run/factor.npy"))
    assert len(list(again.path.glob("data/*"))) == 3


def test_a_resumed_run_is_the_whole_run():
    A, y, X, U0 = problem()
    whole = own(A, y, truth=X, init=U0, iterations=60)
    part = own(A, y, truth=X, init=U0, iterations=25, out="folder/run")
    shutil.move("folder", "moved")
    with pytest.raises(ms.Error, match=r"config\.yaml"):
        ms.load(part.path)
    resumed = ms.load("moved/run").resume(iterations=60, progress=False)
    np.testing.assert_array_equal(resumed.factor, whole.factor)
    for name in set(whole.samples) - {"seconds"}:
        np.testing.assert_array_equal(resumed.samples[name], whole.samples[name])
    with pytest.raises(ms.ConfigError, match="alpha: "):
        resumed.resume(alpha=0.5, progress=False)
    own(A, y, truth=X, init=U0, iterations=70, out="moved/run", resume=True)  # data may be given again
    assert len(list(resumed.path.glob("data/*"))) == 4
    with pytest.raises(ms.ConfigError, match=r"observations: .*other contents"):
        own(A, y + 1, truth=X, init=U0, iterations=70, out="moved/run", resume=True)
    assert len(list(resumed.path.glob("data/*"))) == 4


@pytest.mark.parametrize(
    "name", ["with blanks and a very long name " * 3, "it's: #odd", 'a "quoted" é', "1e5", "%d"]
)
def test_settings_are_those_of_config_yaml(name):
    folder = pathlib.Path(name)
    folder.mkdir()
    A, y, *_ = problem()
    np.save(folder / "A.npy", A)
    run = own(folder / "A.npy", y, out=folder / "run")
    assert run.settings["matrices"] == str((folder / "A.npy").resolve())
    assert run.settings["step"] == STEP


def without(monkeypatch, *names):
    """Make imports of packages fail."""
    real = builtins.__import__

    def missing(name, *more, **rest):
        if name.partition(".")[0] in names:
            raise ImportError(name)
        return real(name, *more, **rest)

    monkeypatch.setattr(builtins, "__import__", missing)


def test_without_pandas_and_tqdm(monkeypatch, capfd):
    without(monkeypatch, "pandas", "tqdm")
    run = ms.run(**SMALL | {"progress": True})
    with pytest.raises(ms.Error, match=r"pandas is not installed: pip install pandas, or take run.samples"):
        _ = run.trajectory
    assert len(run.samples["iteration"]) == 9
    assert capfd.readouterr().err == ""


def test_progress_lines_of_a_file(monkeypatch, capfd):
    ms.run(**SMALL | {"progress": True})
    assert capfd.readouterr().err == ""  # a script that loops over short runs tells nothing
    monkeypatch.setattr(_progress, "_BETWEEN_LINES", 0.0)
    ms.run(**SMALL | {"progress": True})
    assert capfd.readouterr().err.splitlines()[-1].startswith("iteration 40 of 40: train loss")


def test_whole_numbers_may_be_floats():
    run = ms.run(**SMALL | {"iterations": 1e1, "n": np.float64(10)}, measurements=1e2)
    assert run.settings["iterations"] == 10
    assert run.settings["measurements"] == 100


@pytest.mark.parametrize(
    ("argument", "value", "text"),
    [
        ("out", 3, "out: takes a path, got 3"),
        ("out", "", "out: takes a path, got ''"),
        ("out", "a\0b", "out: takes a path, got 'a\\x00b'"),
        ("tensorboard", 3, "tensorboard: takes a path, got 3"),
        ("callback", 3, "callback: takes a function, got 3"),
        ("ensemble", "a\0b", "ensemble: 'a\\x00b' has a NUL character"),
        ("alpha", np.nan, "alpha must be positive and finite, got NaN"),
        ("stop_after", -1, "stop_after: takes seconds above 0, or a text like '3h45m', got -1"),
        ("stop_after", np.nan, "stop_after: takes seconds above 0, or a text like '3h45m', got nan"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_run(argument, value, text):
    with pytest.raises(ms.ConfigError) as raised:
        ms.run(**SMALL | {argument: value})
    assert str(raised.value) == text
    assert os.listdir() == []


def test_version_is_the_commands():
    try:
        installed = importlib.metadata.version("matsense")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package is not installed")
    assert ms.__version__ == installed
    told = subprocess.run([executable(), "--version"], capture_output=True, text=True, check=True).stdout
    in_go = "v" + installed.replace(".dev0", "-devel").replace("+g", "+")
    assert told.splitlines()[0] == f"matsense version {in_go}"


def test_a_callback_gets_each_sample():
    told = []
    run = ms.run(**SMALL, callback=told.append)
    assert [sample["iteration"] for sample in told] == run.samples["iteration"].tolist()
    for name in ("train_loss", "test_error", "sigma_1"):
        if name in told[0]:
            np.testing.assert_array_equal([sample[name] for sample in told], run.samples[name])


def test_a_callback_that_fails_ends_the_run_which_is_saved():
    def fail(sample):
        if sample["iteration"] == 20:
            raise ZeroDivisionError("mine")

    whole = ms.run(**SMALL | {"iterations": 5000})
    with pytest.raises(ZeroDivisionError, match="mine"):
        ms.run(**SMALL | {"iterations": 5000}, out="run", callback=fail)
    run = ms.load("run")
    assert run.status == "canceled"
    np.testing.assert_array_equal(run.resume(progress=False).factor, whole.factor)


def test_notices_name_the_line_of_the_user():
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        with pytest.raises(ms.Diverged):
            ms.run(**SMALL, step=100.0)
    assert {(w.category, w.filename) for w in given} == {(ms.Notice, __file__)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ms.Notice):
            ms.run(**SMALL, step=100.0)


def test_stop_after():
    run = ms.run(n=10, rank=2, iterations=10**8, measure_every=10**4, stop_after=0.5, progress=False)
    assert run.status == "canceled"
    assert 0 < run.summary["iterations"] < 10**8


def test_how_a_run_shows_itself():
    run = ms.run(**SMALL, out="here/run")
    first, second = repr(run).split("\n")
    assert first == "Run here/run: budget-spent after 40 iterations"
    assert f"test error {run.samples['test_error'][-1]:.3g}" in second
    page = run._repr_html_()
    assert page.startswith('<iframe sandbox="allow-scripts allow-downloads"')
    assert "<script" not in page
    (run.path / "report.html").unlink()
    (run.path / "summary.json").unlink()
    run = ms.load("here/run")
    assert run.status == "unfinished"
    assert run._repr_html_() == "<pre>Run here/run: unfinished\n  n = 10, psd, gaussian, gd</pre>"
    with pytest.raises(ms.Error, match=r"has no summary.json yet"):
        _ = run.summary


def test_load_of_nothing():
    with pytest.raises(ms.ConfigError, match="there is no run and no sweep in nowhere"):
        ms.load("nowhere")


def test_notebooks_show_the_lines_of_the_user_alone():
    pytest.importorskip("IPython")
    script = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="nocolor")
shell.run_cell("import matsense as ms")
shell.run_cell("for n in (-1, 5):\\n    ms.run(n=n)")
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "----> 2     ms.run(n=n)" in shown
    assert "ConfigError: n goes from 1 to " in shown
    assert PACKAGE not in shown
    assert "_experiments" not in shown


def test_a_run_that_was_moved_or_whose_working_directory_is_gone(tmp_path, monkeypatch):
    run = ms.run(**SMALL, out=tmp_path / "run")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    (tmp_path / "cwd").rmdir()
    assert repr(run).startswith(f"Run {tmp_path}/run: budget-spent")
    with pytest.raises(ms.Error, match=r"^the working directory was removed: change to another one"):
        ms.run(**SMALL)
    (tmp_path / "run").rename(tmp_path / "moved")
    moved = ms.Run(run.path)
    assert repr(moved) == f"Run {tmp_path}/run: it is not there any more"
    with pytest.raises(ms.Error, match=r"is not there any more: ms.load opens a run that was moved$"):
        _ = moved.settings
    assert ms.load(tmp_path / "moved").status == "budget-spent"
