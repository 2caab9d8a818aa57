"""The command is found where pip put it, and its absence is told in a sentence."""

from __future__ import annotations

import os
import shutil
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


def test_command_of_pip_install_target_comes_before_the_place_it_records(tmp_path: Path) -> None:
    target = tmp_path / "projects" / "target"
    shutil.copytree(Path(_command.__file__).parent, target / "matsense")
    for folder in (target / "bin", tmp_path / "bin"):
        folder.mkdir()
        (folder / _command._NAME).write_bytes(b"")
    recorded = target / "matsense-0.0.1.dist-info"
    recorded.mkdir()
    (recorded / "METADATA").write_text("Metadata-Version: 2.4\nName: matsense\nVersion: 0.0.1\n")
    (recorded / "RECORD").write_text(f"../../bin/{_command._NAME},,\n")

    def found() -> str:
        environment = {k: v for k, v in os.environ.items() if k != "MATSENSE"} | {"PYTHONPATH": str(target)}
        program = "import matsense._command as c; print(c.executable())"
        return subprocess.run(
            [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    assert found() == str(target / "bin" / _command._NAME)
    (target / "bin" / _command._NAME).unlink()
    assert found() == str(tmp_path / "bin" / _command._NAME), "the record names a place that is never asked"


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
