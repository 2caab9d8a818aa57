"""The command is found where pip put it, and its absence is told in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from matsense import Error, _command


def test_variable_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATSENSE", sys.executable)
    assert _command.executable() == sys.executable


def test_variable_that_names_no_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MATSENSE", str(tmp_path / "nothing"))
    with pytest.raises(Error, match=r"^the variable MATSENSE is '.*nothing', and that is no program$"):
        _command.executable()


def test_command_in_path_is_the_last_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MATSENSE", raising=False)
    program = tmp_path / _command._NAME
    program.write_bytes(b"")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with monkeypatch.context() as m:
        m.setattr(_command, "_installed", lambda: iter([Path(sys.executable)]))
        assert _command.executable() == str(Path(sys.executable).resolve())
    monkeypatch.setattr(_command, "_installed", lambda: iter([tmp_path / "nothing"]))
    assert _command.executable() == str(program)


def test_missing_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MATSENSE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_command, "_installed", lambda: iter([]))
    with pytest.raises(Error, match=r"^the command matsense is missing: install this package with pip, or"):
        _command.executable()


def test_python_m_matsense_is_the_command() -> None:
    def run(*command: str) -> tuple[int, str, str]:
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    command = _command.executable()
    assert run(sys.executable, "-m", "matsense", "list") == run(command, "list")
    code, _, text = run(sys.executable, "-m", "matsense", "run", "--n", "0")
    assert code == 2
    assert (code, "", text) == run(command, "run", "--n", "0")


def test_python_m_matsense_without_the_command() -> None:
    env = os.environ | {"MATSENSE": "/nothing"}
    done = subprocess.run([sys.executable, "-m", "matsense"], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "matsense: the variable MATSENSE is '/nothing', and that is no program\n"
