"""A user's own method as a run, in Python."""

import os
import signal
import subprocess
import sys
import time
import traceback

import numpy as np
import pytest

import matsense as ms

PROBLEM = {"n": 12, "rank": 2}
RUN = {"alpha": 1e-3, "iterations": 40, "measure_every": 10, "progress": False}


@pytest.fixture
def p():
    with ms.problem(**PROBLEM) as problem:
        yield problem


def descent(p, U, t):
    U -= 0.25 * p.value_and_grad(U)[1]


def heavy_ball(p, U, t, state):
    (V,) = state
    V[...] = 0.5 * V - 0.1 * p.value_and_grad(U)[1]
    return U + V


def same(one, other):
    """Compare the bits of two runs, apart from times."""
    for a, b in zip(as_tuple(one.factor), as_tuple(other.factor), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.samples.keys() == other.samples.keys()
    for name in one.samples:
        np.testing.assert_array_equal(one.samples[name], other.samples[name], err_msg=name)


def as_tuple(factor):
    return factor if isinstance(factor, tuple) else (factor,)


def test_gd(p, tmp_path):
    seen = []
    run = p.solve(descent, out=tmp_path / "run", callback=lambda s: seen.append(s["iteration"]), **RUN)
    same(run, ms.run(**PROBLEM, **RUN, method="gd", out=tmp_path / "gd"))
    assert seen == [0, 10, 20, 30, 40]
    assert run.settings["custom-name"] == "descent"
    assert "descent" in (run.path / "report.html").read_text()


def test_a_new_iterate_may_be_returned(p, tmp_path):
    run = p.solve(descent, out=tmp_path / "run", **RUN)
    same(run, p.solve(lambda p, U, t: U - 0.25 * p.grad(U), out=tmp_path / "other", **RUN))


def test_state(p, tmp_path):
    run = p.solve(heavy_ball, state=1, out=tmp_path / "run", **RUN)
    native = ms.run(**PROBLEM, **RUN, method="momentum", momentum=0.5, step=0.1, out=tmp_path / "native")
    same(run, native)


def test_two_matrices(tmp_path):
    problem = {"n": 10, "n2": 8, "rank": 2, "parametrization": "uv"}

    def step(p, factor, t):
        for matrix, gradient in zip(factor, p.grad(factor), strict=True):
            matrix -= 0.25 * gradient

    with ms.problem(**problem) as p:
        run = p.solve(step, out=tmp_path / "run", **RUN)
    same(run, ms.run(**problem, **RUN, method="gd", out=tmp_path / "gd"))


def test_gradients_in_a_step(p, tmp_path):
    """The gradient at the iterate is remembered, and no other point has it."""
    with ms.problem(**PROBLEM) as other:

        def step(p, U, t):
            for point in (U, 2 * U, U, np.nextafter(U, 1)):
                value, gradient = p.value_and_grad(point)
                want, wanted = other.value_and_grad(point)
                assert value == want
                np.testing.assert_array_equal(gradient, wanted)
            descent(p, U, t)
            np.testing.assert_array_equal(p.grad(U), other.grad(U))

        p.solve(step, out=tmp_path / "run", **RUN)


def test_default_directory(p, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [p.solve(descent, **RUN).path for _ in range(2)]
    assert paths[0].parent == paths[1].parent == tmp_path / "runs"
    assert paths[0] != paths[1]


@pytest.mark.parametrize("limit", [0.4, "400ms"])
def test_stop_after(p, tmp_path, limit):
    """A run whose time is up ends after its step, says so, and can go on as if nothing had been."""
    steps = []

    def slow(p, U, t):
        steps.append(t)
        time.sleep(0.05)
        return U - 0.25 * p.grad(U)

    began = time.monotonic()
    run = p.solve(slow, out=tmp_path / "run", stop_after=limit, **RUN)
    assert time.monotonic() - began < 1.9, "all steps take two seconds"
    assert run.status == "canceled"
    assert run.summary["iterations"] == len(steps) < RUN["iterations"]
    assert "40" not in repr(run)
    run = p.solve(slow, out=tmp_path / "run", resume=True, progress=False)
    assert steps == list(range(RUN["iterations"]))
    same(run, p.solve(descent, out=tmp_path / "whole", stop_after="1h", **RUN))


@pytest.mark.parametrize("limit", [0, -1, "soon", "3", "", float("nan"), "0s"])
def test_stop_after_of_no_time(p, limit):
    with pytest.raises(
        ms.ConfigError, match="stop_after: takes seconds above 0, or a text like '3h45m', got"
    ):
        p.solve(descent, stop_after=limit, **RUN)


def test_exception(p, tmp_path):
    """The user's exception comes with its own traceback; the state before the step is kept."""
    whole = p.solve(heavy_ball, state=1, out=tmp_path / "whole", **RUN)
    failing = LookupError("nothing there")

    def step(p, U, t, state):
        U[:] = 7
        state[0][:] = 7
        if t == 17:
            raise failing
        return None

    def good(p, U, t, state):
        return step(p, U, t, state) if t == 17 else heavy_ball(p, U, t, state)

    with pytest.raises(LookupError) as caught:
        p.solve(good, state=1, out=tmp_path / "run", **RUN)
    assert caught.value is failing
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "raise failing"
    steps = []

    def counted(p, U, t, state):
        steps.append(t)
        return heavy_ball(p, U, t, state)

    run = p.solve(counted, state=1, out=tmp_path / "run", resume=True, progress=False)
    assert steps == list(range(17, 40))
    same(run, whole)


def test_exception_of_callback(p, tmp_path):
    def callback(sample):
        if sample["iteration"] == 20:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        p.solve(descent, out=tmp_path / "run", callback=callback, **RUN)
    same(
        p.solve(descent, out=tmp_path / "run", resume=True, progress=False),
        p.solve(descent, out=tmp_path / "whole", **RUN),
    )


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (
            np.zeros((3, 2)),
            r"wrong has returned an array of shape \(3, 2\), and the iterate is .* \(12, 12\)",
        ),
        (np.zeros((12, 12), complex), "complex numbers"),
        ("a word", "what wrong has returned: takes an array of numbers"),
    ],
)
def test_wrong_iterates(p, tmp_path, returned, says):
    def wrong(p, U, t):
        return returned

    with pytest.raises(ms.ConfigError, match=says):
        p.solve(wrong, out=tmp_path / "run", **RUN)
    p.solve(descent, out=tmp_path / "run", force=True, **RUN)


def test_diverges(p, tmp_path):
    with pytest.raises(ms.Diverged) as caught:
        p.solve(lambda p, U, t: U * np.nan if t == 15 else U * 1.01, out=tmp_path / "run", **RUN)
    assert caught.value.run.summary["iterations"] == 10
    assert np.isfinite(caught.value.run.factor).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n": 13}, "n belongs to the problem"),
        ({"step": 0.1}, "its own step size"),
        ({"method": "gd"}, "method"),
        ({"iterations": -1}, "iterations must not be negative"),
        ({"resume": True}, "resume=True needs out"),
        ({"state": -1}, "state"),
        ({"iteration": 3}, "unknown key"),
    ],
)
def test_refused(p, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ms.ConfigError, match=says):
        p.solve(descent, **arguments, progress=False)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_no_function(p):
    with pytest.raises(ms.ConfigError, match="step: a function"):
        p.solve(0.25)


def test_solve_within_solve(p, tmp_path):
    def step(p, U, t):
        with pytest.raises(ms.ConfigError, match="under way"):
            p.solve(descent, out=tmp_path / "inner", **RUN)
        descent(p, U, t)

    assert p.solve(step, out=tmp_path / "run", **RUN).status == "budget-spent"


def interrupt():
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)  # the handler runs


@pytest.mark.parametrize("where", ["step", "callback"])
def test_ctrl_c(p, tmp_path, where):
    """Ctrl-C saves the run, in the function and outside of it; the problem stays open."""
    whole = p.solve(descent, out=tmp_path / "whole", **RUN)

    def step(p, U, t):
        if where == "step" and t == 17:
            U[:] = 7
            interrupt()
        descent(p, U, t)

    def callback(sample):
        if where == "callback" and sample["iteration"] == 20:
            interrupt()

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ms.Interrupted) as caught:
        p.solve(step, out=tmp_path / "run", callback=callback, **RUN)
    assert signal.getsignal(signal.SIGINT) is before
    assert caught.value.run.status == "canceled"
    assert caught.value.run.summary["iterations"] in (17, 20, 21)
    same(p.solve(descent, out=tmp_path / "run", resume=True, progress=False), whole)


def test_second_ctrl_c(p, tmp_path):
    """The second Ctrl-C ends the run at once."""

    def step(p, U, t):
        try:
            interrupt()
        except KeyboardInterrupt:
            interrupt()

    with pytest.raises(KeyboardInterrupt) as caught:
        p.solve(step, out=tmp_path / "run", **RUN)
    assert type(caught.value) is KeyboardInterrupt
    with pytest.raises(ms.Error, match="open the problem again"):
        p.start()


SCRIPT = """
import sys, time
import matsense as ms

def step(p, U, t):
    if t == 17 and sys.argv[2] != "on":
        print(p._server._process.pid, flush=True)
        for _ in range(600):  # a signal that arrives right before a sleep does not end it
            time.sleep(0.1)
    U -= 0.25 * p.value_and_grad(U)[1]

with ms.problem(n=12, rank=2) as p:
    p.solve(step, out=sys.argv[1], alpha=1e-3, iterations=40, measure_every=10, progress=False,
            resume=sys.argv[2] == "on")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_process_is_ended(p, tmp_path, number):
    """If Python is interrupted or killed in a step, no process is left, and the run can be resumed."""
    whole = p.solve(descent, out=tmp_path / "whole", **RUN)
    run = tmp_path / "run"
    command = [sys.executable, "-c", SCRIPT, str(run)]
    with subprocess.Popen([*command, "first"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as python:
        server = int(python.stdout.readline())
        python.send_signal(number)
        _, said = python.communicate(timeout=30)
    assert python.returncode == (-number if number == signal.SIGKILL else python.returncode)
    assert python.returncode != 0
    if number == signal.SIGINT:
        assert b"resume=True" in said
    for _ in range(100):
        if not is_alive(server):
            break
        time.sleep(0.1)
    assert not is_alive(server)
    assert ms.load(run).summary["iterations"] == 17
    subprocess.run([*command, "on"], check=True, timeout=60)
    same(ms.load(run), whole)


def is_alive(process):
    """Return whether a process goes on."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    try:  # a zombie whose parent does not wait for it has ended
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def test_killed_server(p, tmp_path):
    """If the server is killed, the run can be resumed on another one."""
    whole = p.solve(descent, out=tmp_path / "whole", **RUN)

    def step(p, U, t):
        if t == 17:
            p._server._process.kill()
        descent(p, U, t)

    with pytest.raises(ms.Error, match="has ended") as caught:
        p.solve(step, out=tmp_path / "run", **RUN, checkpoint_every=1e-9)
    with ms.problem(**PROBLEM) as again:
        same(again.solve(descent, out=tmp_path / "run", resume=True, progress=False), whole)
    assert caught.value.run is None or caught.value.run.path == tmp_path / "run"


def test_command_refuses(p, tmp_path):
    """The command does not have the function, and says who does."""
    run = p.solve(descent, out=tmp_path / "run", **RUN)
    with pytest.raises(ms.ConfigError, match=r"p\.solve\(descent, out="):
        run.resume(iterations=50)
    with pytest.raises(ms.ConfigError, match=r"Problem\.solve"):
        ms.run(**PROBLEM, method="custom")


@pytest.mark.parametrize("where", [None, "run"])
def test_arrays(tmp_path, monkeypatch, where):
    """The run directory of a problem of arrays keeps them, so that it can be resumed by whoever has them."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    A = rng.normal(size=(90, 6, 6))
    A += A.transpose(0, 2, 1)
    X = rng.normal(size=(6, 1))
    data = {"matrices": A, "observations": np.einsum("mij,ij->m", A, X @ X.T), "truth": X, "factor_rank": 2}
    U = rng.normal(size=(6, 2))
    settings = {"iterations": 6, "measure_every": 2, "progress": False}

    def step(p, U, t):
        U -= 0.001 * p.grad(U)

    with ms.problem(**data) as p:
        whole = p.solve(step, out=tmp_path / "whole", init=U, **settings)
        short = p.solve(step, out=where, init=U, **{**settings, "iterations": 3})
    assert sorted(path.name.partition("-")[0] for path in (short.path / "data").iterdir()) == [
        "init",
        "matrices",
        "observations",
        "truth",
    ]
    moved = tmp_path / "moved"
    short.path.rename(moved)
    with ms.problem(**data) as p:
        same(p.solve(step, out=moved, resume=True, iterations=6, progress=False), whole)
    with (
        ms.problem(**{**data, "observations": data["observations"] + 1}) as p,
        pytest.raises(ms.ConfigError, match="observations"),
    ):
        p.solve(step, out=moved, resume=True, iterations=8, progress=False)
    assert not list(tmp_path.glob("matsense-*"))


def test_number_of_arrays_is_checked_before_memory_is_taken(p):
    run = p.solve(lambda p, U, t, state: None, state=np.int64(1), iterations=1, progress=False)
    assert run.status == "budget-spent"
    with pytest.raises(ms.ConfigError, match=r"^state: .* that descent keeps, from 0 to 64, got 1000000000$"):
        p.solve(descent, state=10**9)


def test_arguments_are_told_by_their_names_in_python(p):
    with pytest.raises(ms.ConfigError, match=r"^name is a line of at most 80 characters"):
        p.solve(descent, name="a\nb", progress=False)
    with pytest.raises(ms.ConfigError, match=r"^callback: takes a function, got 3$"):
        p.solve(descent, callback=3)


def test_a_mistake_in_a_step_shows_its_line_and_none_of_ours_below(p, tmp_path):
    def wrong(p, U, t):
        p.grad(U[:1])

    with pytest.raises(ms.ConfigError) as told:
        p.solve(wrong, out=tmp_path / "run", **RUN)
    frames = [(os.path.basename(f.filename), f.name) for f in traceback.extract_tb(told.tb)]
    assert ("test_solve.py", "wrong") in frames
    assert [f for f in frames if f[0] != "test_solve.py"] == [("_errors.py", "outer")]
