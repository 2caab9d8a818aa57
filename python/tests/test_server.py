"""The process behind problems: how it begins and ends, whatever happens to it or to Python."""

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import matsense as ms
from matsense import _server

SMALL = dict(n=6, rank=1, measurements=20)
# A pass takes some milliseconds: its rows are made anew each time.
# A gradient makes 28 million normal deviates: tens of milliseconds.
SLOW = dict(n=30, rank=1, measurements=60_000, entries="f64", storage="generated")
posix = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")


def server_of(p):
    return p._server._process.pid


def is_running(pid):
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def ends(pid, seconds=10.0):
    """Wait until a process has ended."""
    until = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_running(pid)


def test_one_server_for_all_problems_ends_with_the_last():
    p = ms.problem(**SMALL)
    with ms.problem(**SMALL, seed=2) as q:
        pid = server_of(p)
        assert server_of(q) == pid
        U = np.eye(6)
        alone = p.value(U), q.value(U)
        assert alone[0] != alone[1]
        p.close()
        assert q.value(U) == alone[1]
        assert is_running(pid)
    assert not is_running(pid)
    with ms.problem(**SMALL) as p:
        assert server_of(p) != pid
        assert p.value(U) == alone[0]


def test_a_problem_without_references_is_closed():
    p, q = ms.problem(**SMALL), ms.problem(**SMALL, seed=2)
    number, server = p._number, p._server
    p.grad(np.eye(6))
    memory = p._memory.number
    del p
    gc.collect()
    q.value(np.eye(6))
    with server:
        for call, of in (("close", {"problem": number}), ("unshare", {"memory": memory})):
            with pytest.raises(
                ms.ConfigError, match=rf"there is no \w+ {number if call == 'close' else memory}"
            ):
                server.request(call, **of)
    pid = server_of(q)
    del q
    gc.collect()
    assert not is_running(pid)


def test_a_notebook_cell_that_is_executed_again():
    pids = []
    for _ in range(3):
        p = ms.problem(**SMALL)
        pids.append(server_of(p))
        p.value(np.eye(6))
    assert len(set(pids)) == 1  # the new problem is opened before the old one is forgotten
    p.close()
    assert not is_running(pids[0])


@posix
def test_a_killed_server():
    p, q = ms.problem(**SMALL), ms.problem(**SMALL)
    os.kill(server_of(p), signal.SIGKILL)
    for problem in (p, q, p):
        with pytest.raises(ms.ServerEnded, match=r"has ended \(SIGKILL\): open the problem again"):
            problem.value(np.eye(6))
    with ms.problem(**SMALL) as again:
        assert again.value(np.eye(6)) > 0
        with pytest.raises(ms.ServerEnded):
            p.value(np.eye(6))
        p.close()
        q.close()
        assert again.value(np.eye(6)) > 0


@posix
def test_a_server_that_is_killed_during_a_call():
    with ms.problem(**SLOW) as p:
        killer = threading.Timer(0.2, os.kill, (server_of(p), signal.SIGKILL))
        killer.start()
        with pytest.raises(ms.ServerEnded, match="SIGKILL"):
            p.value_and_grad([p.start()] * 500)
        killer.join()


def test_a_program_that_is_no_server(monkeypatch, tmp_path):
    false = tmp_path / "matsense"
    false.write_text("#!/bin/sh\necho 'Error: unknown command \"serve\"' >&2\nexit 2\n")
    false.chmod(0o755)
    monkeypatch.setenv("MATSENSE", str(false))
    with pytest.raises(ms.Error, match=r'has ended \(exit code 2\): unknown command "serve"'):
        ms.problem(**SMALL)


def test_threads_share_a_problem():
    with ms.problem(**SMALL, members=2) as p, ms.problem(**SMALL, seed=2) as q:
        factors = [np.random.default_rng(k).standard_normal((6, 1 + k % 6)) for k in range(60)]
        want = [(p.value_and_grad(U), q.value(U)) for U in factors]

        def work(U):
            return p.value_and_grad(U), q.value(U)

        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(work, factors))
        for ((f, G), v), ((g, H), w) in zip(got, want, strict=True):
            assert (f, v) == (g, w)
            np.testing.assert_array_equal(G, H)


@posix
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_opens_its_own_problems():
    with ms.problem(**SMALL) as p:
        value = p.value(np.eye(6))
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            said = "nothing"
            try:
                p.value(np.eye(6))
            except ms.ServerEnded as error:
                for pipe in (p._server._requests, p._server._answers):
                    with pytest.raises(OSError, match="Bad file descriptor"):
                        os.fstat(pipe)
                with ms.problem(**SMALL) as mine:
                    said = f"{error}|{mine.value(np.eye(6))!r}|{server_of(mine)}"
                    p.close()
            finally:
                os.write(write, said.encode())
                os._exit(0)
        os.close(write)
        said = os.read(read, 1 << 16).decode().split("|")
        os.waitpid(child, 0)
        assert said[0] == "the problem was opened by the parent of this process: open it here again"
        assert float(said[1]) == value
        assert int(said[2]) != server_of(p)
        assert p.value(np.eye(6)) == value  # the child's end ends nothing here


@posix
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_does_not_keep_the_server():
    script = """
        import os, sys, time
        import matsense as ms
        p = ms.problem(n=6, rank=1, measurements=20)
        child = os.fork()
        if child == 0:
            os.close(1)
            os.close(2)
            time.sleep(60)
        print(p._server._process.pid, child, flush=True)
        os.kill(os.getpid(), 9)
    """
    done = python(script)
    server, child = map(int, done.stdout.split())
    try:
        assert is_running(child)
        assert ends(server)
    finally:
        os.kill(child, signal.SIGKILL)


def python(script, **options):
    """Run a script in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


@posix
@pytest.mark.parametrize("call", ["time.sleep(60)", "p.value_and_grad([p.start()] * 400)"])
def test_a_killed_python_leaves_no_process(call):
    script = f"""
        import time
        import matsense as ms
        p = ms.problem(**{SLOW})
        print(p._server._process.pid, flush=True)
        {call}
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    server = int(process.stdout.readline())
    time.sleep(0.3)
    assert is_running(server)
    process.kill()
    process.wait()
    process.stdout.close()
    assert ends(server), "the server goes on"


def test_the_end_of_python_ends_the_server_without_a_word():
    done = python(
        """
        import matsense as ms
        p = ms.problem(n=6, rank=1, measurements=20)
        q = ms.problem(n=6, rank=1, measurements=20)
        p.value(p.start())
        print(p._server._process.pid)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not is_running(int(done.stdout))


def test_problems_are_not_copied():
    with ms.problem(**SMALL) as p, pytest.raises(TypeError, match="open it there"):
        pickle.dumps(p)


@posix
@pytest.mark.parametrize("close", [False, True])
def test_ctrl_c_during_a_long_call(close):
    with ms.problem(**SLOW) as p:
        U = p.start(alpha=1.0)
        value, gradient = p.value_and_grad(U)
        other = 2 * U
        p.value([U] * 20)  # enough memory for what follows
        with pytest.raises(KeyboardInterrupt):
            interrupted_after(0.03, lambda: p.value_and_grad([other] * 8))
        # The server goes on with the old call, whose gradients are to go where the next call has factors.
        values, gradients = p.value_and_grad([U] * 10)
        np.testing.assert_array_equal(values, [value] * 10)
        np.testing.assert_array_equal(gradients, [gradient] * 10)
        if close:
            with pytest.raises(KeyboardInterrupt):
                interrupted_after(0.2, lambda: p.value_and_grad([other] * 1000))
            began = time.monotonic()
            pid = server_of(p)
            p.close()
            assert not is_running(pid)
            assert time.monotonic() - began < 8, "close has waited for a call that nobody waits for"


@posix
def test_ctrl_c_while_a_problem_is_opened():
    with ms.problem(**SMALL) as p:
        value = p.value(np.eye(6))
        with pytest.raises(KeyboardInterrupt):
            interrupted_after(0.1, lambda: ms.problem(**{**SLOW, "measurements": 2_000_000}))
        assert p.value(np.eye(6)) == value
        p.value(np.eye(6))  # which closes what was opened for nobody
        assert list(p._server._problems) == [p._number]
        with p._server as server, pytest.raises(ms.ConfigError, match=r"open are \[1\]"):
            server.request("close", problem=999)


@posix
def test_ctrl_c_at_any_place():
    """Interrupts a loop of calls many times, each after another time."""
    with ms.problem(**SMALL) as p, ms.problem(**SMALL, seed=2) as q:
        factors = [np.random.default_rng(k).standard_normal((6, 1 + k % 6)) for k in range(4)]
        want = [(p.value_and_grad(U), q.value(U)) for U in factors]
        interrupts = 0

        def work():
            for _ in range(5000):
                for U, ((f, G), v) in zip(factors, want, strict=True):
                    g, H = p.value_and_grad(U)
                    assert g == f
                    assert np.array_equal(H, G)
                    assert q.value(U) == v

        for k in range(60):
            try:
                interrupted_after(0.001 + 0.00037 * k, work)
            except KeyboardInterrupt:
                interrupts += 1
        assert interrupts == 60


@posix
@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_a_request_that_was_interrupted_while_it_was_written(monkeypatch, part):
    with ms.problem(**SMALL) as p:
        value = p.value(np.eye(6))
        pid = server_of(p)
        os_write = os.write

        def interrupted(file, line):
            os_write(file, line[: round(part * len(line))])
            raise KeyboardInterrupt

        for factors in np.eye(6), [np.eye(6)] * 100:
            monkeypatch.setattr(_server.os, "write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                p.value(factors)
            monkeypatch.undo()
            assert p.value(np.eye(6)) == value
        assert server_of(p) == pid


@posix
@pytest.mark.parametrize("left", [0, 1, 1000])
def test_a_step_whose_request_was_interrupted(monkeypatch, left):
    """A step may go on after a Ctrl-C within one of its requests.

    Without its line feed the request is carried out before the next one, whose factors lie where its gradient
    goes.
    """
    os_write = os.write
    values = []

    def cut(file, line):
        os_write(file, line[: len(line) - left])
        raise KeyboardInterrupt

    with ms.problem(n=20, rank=2, measurements=400, factor_rank=4) as p:
        factors = list(np.random.default_rng(0).standard_normal((4, 20, 4)))
        good = p.value(factors)

        def step(p, U, t):
            if t == 3:
                p.value(factors)  # enough memory for what follows
                monkeypatch.setattr(_server.os, "write", cut)
                with pytest.raises(KeyboardInterrupt):
                    p.value_and_grad([U + 1] * 40 if left > 1 else U + 1)
                monkeypatch.undo()
                values.append(p.value(factors))
            U -= 0.1 * p.value_and_grad(U)[1]

        run = p.solve(step, iterations=6, progress=False)
    np.testing.assert_array_equal(values, [good])
    assert run.summary["iterations"] == 6


def interrupted_after(seconds, work):
    """Work, and raise KeyboardInterrupt in it after a time."""

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_memory_grows_and_is_given_back():
    with ms.problem(**SMALL) as p:
        U = np.random.default_rng(0).standard_normal((6, 3))
        value, gradient = p.value_and_grad(U)
        for count in (1, 10, 100, 1000, 1):
            values, gradients = p.value_and_grad(np.stack([U] * count))
            np.testing.assert_array_equal(values, [value] * count)
            np.testing.assert_array_equal(gradients, [gradient] * count)
        with open(f"/proc/{server_of(p)}/maps") as f:
            shared = [line for line in f if "memfd:matsense" in line]
        assert len(shared) == 1


@pytest.mark.parametrize("without_memfd", [False, True])
def test_nothing_is_left_behind(tmp_path, monkeypatch, without_memfd):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(_server.tempfile, "tempdir", None)
    if without_memfd:
        monkeypatch.delattr(os, "memfd_create")
    rng = np.random.default_rng(0)
    A, U = rng.standard_normal((20, 5, 5)), rng.standard_normal((5, 2))
    A += A.swapaxes(1, 2)
    y = np.einsum("ijk,jl,kl->i", A, U, U)
    with ms.problem(matrices=A, observations=y, truth=U, init=U, factor_rank=2) as p:
        np.testing.assert_array_equal(p.start(), U)
        assert p.value_and_grad(p.start())[0] < 1e-25
        assert p.metrics(U)["test_error"] < 1e-14
        np.testing.assert_array_equal(p.start(init=2 * U), 2 * U)
        assert list(tmp_path.iterdir()) == []
    with pytest.raises(ms.ConfigError, match="observations"):
        ms.problem(matrices=A, observations=y[:3])
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_spawned():
    context = multiprocessing.get_context("spawn")
    with ms.problem(**SMALL) as p, context.Pool(1) as pool:
        assert pool.apply(value_in_another_process) == p.value(np.eye(6))


def value_in_another_process():
    with ms.problem(**SMALL) as p:
        return p.value(np.eye(6))
