"""The keywords of run and problem are the flags of the command, and each reaches the setting of its name."""

import inspect
import re
import subprocess
import typing

import pytest

import matsense as ms
from matsense import _experiments, _generated, _problem
from matsense._command import executable

RUN_ALONE = {"out", "force", "resume", "progress", "callback", "stop_after", "tensorboard", "view"}


def flags():
    """Return the settings' flags by their groups, from `matsense run --help`."""
    text = subprocess.run([executable(), "run", "--help"], check=True, capture_output=True, text=True).stdout
    groups = dict(re.findall(r"^([A-Z][a-z ]+):\n((?:  .*\n)+)", text, re.MULTILINE))
    del groups["Examples"], groups["Files"]
    return {name: re.findall(r"^  --([a-z0-9-]+)", lines, re.MULTILINE) for name, lines in groups.items()}


def keyword_of(flag):
    return "lambda_" if flag == "lambda" else flag.replace("-", "_")


def test_run_has_the_flags_of_the_command_in_their_order():
    want = [keyword_of(flag) for flags_of in flags().values() for flag in flags_of]
    want = [name for name in want if not name.startswith("custom_")]  # Problem.solve sets them
    assert len(want) > 50
    names = list(inspect.signature(ms.run).parameters)
    assert names == want + [name for name in names if name in RUN_ALONE]
    assert set(inspect.signature(_experiments.run).parameters) == RUN_ALONE | {"settings"}


def test_problem_has_the_flags_of_what_it_is():
    groups = flags()
    want = [
        keyword_of(flag)
        for group in ("Problem", "User data", "Factor and start", "Machine")
        for flag in groups[group]
        if flag != "checkpoint-every"
    ]
    assert list(inspect.signature(ms.problem).parameters) == [*want, "members"]


@pytest.mark.parametrize(
    ("function", "called"), [("run", (_experiments, "run")), ("problem", (_problem, "open"))]
)
def test_each_keyword_is_the_setting_of_its_flag(monkeypatch, function, called):
    got = []
    monkeypatch.setattr(*called, lambda settings, **options: got.append(settings))
    names = inspect.signature(getattr(ms, function)).parameters
    for flag in (flag for flags_of in flags().values() for flag in flags_of):
        if keyword_of(flag) in names:
            getattr(ms, function)(**{keyword_of(flag): 0})
            assert got.pop() == {flag: 0}  # 0 is given; None is not


def test_every_option_of_run_is_handed_on(monkeypatch):
    got = []
    monkeypatch.setattr(_experiments, "run", lambda settings, **options: got.append(options))
    values = {name: object() for name in RUN_ALONE}
    ms.run(**values)
    assert got == [values]


@pytest.mark.parametrize("function", [ms.run, ms.problem])
def test_help_describes_every_keyword_once(function):
    text = inspect.getdoc(function)
    for name in inspect.signature(function).parameters:
        assert len(re.findall(rf"^{name} : \S", text, re.MULTILINE)) == 1, name
    assert not re.search(r"--[a-z]", text)


def test_types_are_there_at_run_time():
    hints = typing.get_type_hints(_generated.run)
    assert "scaled-gd" in typing.get_args(_generated.Method)
    assert str in typing.get_args(hints["method"])  # a name that a library's user registered
    assert hints["n"] == int | None
