"""Ctrl-C, kills, and what they leave behind, with Python in a process of its own."""

import fcntl
import os
import pathlib
import pty
import signal
import struct
import subprocess
import sys
import termios
import time

import numpy as np
import pytest

import matsense as ms

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")

SETTINGS = "n=40, rank=2, iterations=3000, progress=False"
SWEEP = "base=dict(n=30, rank=2, iterations=1500), axes=[dict(alpha=[1e-6, 1e-4]), dict(kappa=[1, 2, 3])]"


def python(script, **more):
    """Start Python as a shell does, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "import matsense as ms, sys, time\n" + script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **more,
    )  # fmt: skip


def processes_with(word):
    """The command lines of all processes that have a word in it."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended
            continue
        if word in line and "matsense" in line:
            found.append(line)
    return found


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


TELL = "callback=lambda s: s['iteration'] == 50 and print('begun', flush=True)"


def test_ctrl_c_saves_and_the_run_goes_on_to_the_same_bits():
    pytest.importorskip("pandas")
    script = f"""
try:
    ms.run({SETTINGS}, out="run", {TELL})
except KeyboardInterrupt as interrupt:
    print(type(interrupt).__name__, interrupt.run.status, interrupt, flush=True)
    raise
"""
    process = python(script)
    assert process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all processes of the group
    out, errors = process.communicate(timeout=20)
    path = pathlib.Path("run").resolve()
    assert out == f"Interrupted canceled saved, and ms.load('{path}').resume() goes on with it\n"
    assert process.returncode != 0
    assert errors.splitlines()[-1].startswith("matsense._errors.Interrupted: saved, and ")
    assert "During handling" not in errors
    assert errors.count(os.path.dirname(ms.__file__)) == 2  # ms.run, and the line that raises
    assert processes_with(str(path)) == []

    run = ms.load("run")
    assert 50 <= run.summary["iterations"] < 3000
    resumed = run.resume(progress=False)
    assert resumed.summary["resumed_from_iteration"] == run.summary["iterations"]
    whole = ms.run(n=40, rank=2, iterations=3000, progress=False)
    np.testing.assert_array_equal(resumed.factor, whole.factor)
    for name in set(whole.samples) - {"seconds"}:
        np.testing.assert_array_equal(resumed.samples[name], whole.samples[name])


def test_a_killed_python_leaves_no_process_and_a_run_to_resume():
    process = python(
        f"import numpy as np\nms.run({SETTINGS}, init=np.full((40, 3), 1e-3), out='run', {TELL})"
    )
    assert process.stdout.readline() == "begun\n"
    path = str(pathlib.Path("run").resolve())
    assert processes_with(path)
    process.kill()
    process.communicate()
    until(lambda: not processes_with(path))
    run = ms.load("run")
    assert run.status == "canceled"
    assert not pathlib.Path("run/.lock").exists()
    resumed = run.resume(progress=False)
    whole = ms.run(n=40, rank=2, iterations=3000, progress=False, init=np.full((40, 3), 1e-3))
    np.testing.assert_array_equal(resumed.factor, whole.factor)


def test_the_second_ctrl_c_kills(tmp_path):
    command = tmp_path / "matsense"
    command.write_text(
        '#!/bin/sh\necho \'{"event":"notice","message":"here"}\'\nread _\ntouch asked\nexec sleep 600\n'
    )
    command.chmod(0o755)
    script = """
import warnings
warnings.showwarning = lambda *_, **__: print("begun", flush=True)
try:
    ms.run(out="run")
except KeyboardInterrupt as interrupt:
    print(type(interrupt).__name__)
"""
    process = python(script, env={**os.environ, "MATSENSE": str(command)})
    assert process.stdout.readline() == "begun\n"
    [child] = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.killpg(process.pid, signal.SIGINT)
    until(pathlib.Path("asked").exists)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "KeyboardInterrupt\n"
    assert not pathlib.Path(f"/proc/{child}").exists()


def test_a_killed_command_is_an_error_and_the_run_goes_on():
    script = f"""
import os, signal
try:
    ms.run({SETTINGS}, checkpoint_every=0.05, out="run", {TELL})
except ms.Error as error:
    print(error, error.run.status)
"""
    process = python(script)
    assert process.stdout.readline() == "begun\n"
    until(lambda: list(pathlib.Path("run").glob("checkpoint/[0-9]*/DONE")))  # with its own name
    [child] = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    out, _ = process.communicate(timeout=20)
    assert out == "the command was killed by signal 9; 9 may mean that memory was short unfinished\n"
    resumed = ms.load("run").resume(progress=False)
    assert resumed.summary["resumed_from_iteration"] > 0
    np.testing.assert_array_equal(
        resumed.factor, ms.run(n=40, rank=2, iterations=3000, progress=False).factor
    )


def test_ctrl_c_in_a_sweep():
    pytest.importorskip("pandas")
    script = f"""
try:
    ms.sweep({SWEEP}, out="sweep", progress=False, batch=1, callback=lambda run: print("begun", flush=True))
except KeyboardInterrupt as interrupt:
    print(len(interrupt.sweep.results["run"]), "of 6")
"""
    process = python(script)
    assert process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    last = out.splitlines()[-1]
    assert last.endswith("of 6")
    assert 1 <= int(last[0]) < 6
    assert len(ms.load("sweep").runs) == int(last[0])
    sweep = ms.load("sweep").resume(progress=False)
    whole = ms.sweep(
        base={"n": 30, "rank": 2, "iterations": 1500},
        axes=[{"alpha": [1e-6, 1e-4]}, {"kappa": [1, 2, 3]}],
        progress=False,
    )
    assert (sweep.path / "runs.csv").read_bytes() == (whole.path / "runs.csv").read_bytes()


def in_a_terminal(script):
    """What a terminal shows while Python carries out a script."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    process = subprocess.Popen([sys.executable, "-c", script], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    while True:
        try:
            text += os.read(ours, 1 << 16)
        except OSError:  # the terminal's last process has ended
            break
    os.close(ours)
    assert process.wait() == 0, text
    return text.decode()


def test_a_terminal_shows_a_bar():
    pytest.importorskip("tqdm")
    shown = in_a_terminal("import matsense as ms; ms.run(n=10, rank=1, iterations=50)")
    assert "50/50" in shown
    assert "100%" in shown
    assert "test error" in shown


def test_a_terminal_shows_a_line_without_tqdm():
    hide = "import sys; sys.modules['tqdm'] = None; "
    shown = in_a_terminal(hide + "import matsense as ms; ms.run(n=10, rank=1, iterations=50)")
    last = shown.rstrip().split("\r")[-1]
    assert last.startswith("iteration 50 of 50: train loss ")
    assert shown.count("\n") == 1


def test_ctrl_c_saves_an_experiment_and_the_same_call_goes_on():
    changes = {"n": 20, "rank": 1, "measurements": [400], "seeds": 3}
    script = f"""
try:
    ms.reproduce("alpha", set={changes}, out="alpha", callback=lambda run: print("begun", flush=True),
        progress=False)
except KeyboardInterrupt as interrupt:
    print(type(interrupt).__name__, len(interrupt.sweep.results["run"]), interrupt, flush=True)
"""
    process = python(script)
    assert process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    last = out.splitlines()[-1]
    assert last.startswith("Interrupted "), errors
    assert last.endswith(" saved, and the same call goes on with it")
    ended = int(last.split()[1])
    again = []
    done = ms.reproduce("alpha", set=changes, out="alpha", progress=False, callback=again.append)
    assert ended > 0
    assert ended + len(again) == len(done.results["run"])
    assert done.verdict in ("agrees", "disagrees", "cannot be told")
