"""Repeat the experiments of papers, and judge their claims."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, NoReturn

from matsense._arrays import Value
from matsense._carry_out import carry_out
from matsense._errors import ConfigError, Error, in_python, of_exit_code, outermost
from matsense._folder import Folder
from matsense._process import Process
from matsense._settings import check_callback, key_of, path_of, scalar, text_of
from matsense._sweep import Sweep
from matsense._sweeping import ended
from matsense._watch import SweepWatch

_RULE = ("compared", "agrees_if", "disagrees_if", "untested")


class Reproduction(Sweep):
    """A sweep on disk that was judged by the rule of an experiment.

    `ms.reproduce` returns one, and `ms.load` opens a directory.

    Examples
    --------
    >>> ms.load("reproduce/alpha-quick").verdict
    'agrees'
    """

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self._judged["name"])

    @property
    def verdict(self) -> str:
        """The verdict on the claim: "agrees", "disagrees" or "cannot be told"."""
        return str(self._judged["verdict"])

    @property
    def findings(self) -> list[str]:
        """The numbers behind the verdict, in words."""
        return [str(line) for line in self._judged["findings"]]

    @property
    def claim(self) -> str:
        """The paper's claim."""
        return str(self._judged["claim"])

    @property
    def rule(self) -> dict[str, str]:
        """What was compared, when the verdict agrees and disagrees, and what is not tested.

        The keys are compared, agrees_if, disagrees_if and untested.
        """
        return {key: str(self._judged[key]) for key in _RULE}

    @cached_property
    def _judged(self) -> dict[str, Any]:
        path = self.path / "verdict.json"
        try:
            judged: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            _ = [judged[key] for key in ("name", "verdict", "findings", "claim", *_RULE)]
        except OSError as failed:
            raise Error(f"{path} cannot be read: {failed.strerror}") from None
        except (ValueError, TypeError, KeyError):
            raise Error(f"{path} is damaged: ms.reproduce judges the sweep again") from None
        return judged

    def resume(self, **_: object) -> NoReturn:
        """Refuse, because `ms.reproduce` alone judges: the same call goes on, and judges again."""
        raise Error("call ms.reproduce again, with the same arguments: it goes on and judges again")

    def __repr__(self) -> str:
        """Return the verdict with its findings, and the lines of the sweep."""
        try:
            _ = self._judged
        except Error:
            return super().__repr__()
        findings = "".join(f"  {line}\n" for line in self.findings)
        return f"{self.name}: {self.verdict}\n{findings}{super().__repr__()}"


@outermost
def experiments() -> dict[str, str]:
    """Return the names of the experiments that `ms.reproduce` repeats, and what each does in a line."""
    process = Process(["reproduce"])
    lines = {event["name"]: event["about"] for event in process.events() if event["event"] == "experiment"}
    if process.failure is not None:
        raise of_exit_code(process.exit_code, in_python(process.failure))
    return lines


@outermost
def reproduce(
    name: str,
    *,
    full: bool = False,
    set: Mapping[str, Any] | None = None,
    sweep: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    progress: bool = True,
    callback: Callable[[dict[str, Any]], object] | None = None,
) -> Reproduction:
    """Repeat an experiment of a paper, and judge its claim; docs/experiments.md has the claims and rules.

    The same call again goes on with an experiment that was interrupted, or judges a finished one again.

    Parameters
    ----------
    name : str
        The experiment, one of those that `ms.experiments()` lists: "alpha", say.
    full : bool
        The full size, which takes from seconds to hours, in place of the quick one.
    set : mapping
        Changes of the experiment's sweep, to try the claim where it was not tried: new values of settings,
        and of seeds, targets and filter. An axis takes a list: `dict(kappa=[1, 50], iterations=2000)`.
    sweep : path
        A sweep file of yours that is judged in the place of the experiment's own.
    out : path
        Directory of the results (default reproduce/ and a name that the experiment and `set` give).
    force : bool
        Replace the sweep in `out`.
    progress : bool
        Show how many runs have ended.
    callback : callable
        Called when a run has ended, as that of `ms.sweep`.

    Raises
    ------
    ConfigError
        A name, a setting or an argument is wrong; nothing was run.
    Error
        Runs have failed; the attribute `sweep` has the others.
    Interrupted
        Ctrl-C was pressed, and the runs that have ended were saved.

    Examples
    --------
    >>> ms.reproduce("uv", set=dict(kappa=10, seeds=8)).verdict
    """
    check_callback(callback)
    sweep, out = path_of("sweep", sweep), path_of("out", out)
    if not isinstance(name, str) or name.startswith("-"):
        raise ConfigError(f"name: takes the name of an experiment, got {name!r}")
    if set is not None and not (isinstance(set, Mapping) and all(isinstance(key, str) for key in set)):
        raise ConfigError(f"set: takes a dict of settings, like dict(kappa=10), got {set!r}")
    flags = [f"--set={key_of(setting)}={_changed(setting, value)}" for setting, value in (set or {}).items()]
    if sweep is not None:
        flags.append(f"--sweep={sweep}")
    if out is not None:
        flags.append(f"--out={out}")
    flags += [f"--{switch}" for switch, on in (("full", full), ("force", force)) if on]
    folder = Folder(out or os.curdir)
    watch = SweepWatch("run", progress, callback, folder.sentence)
    ending = carry_out(lambda: ["reproduce", name, *flags], watch, folder)
    return ended(ending, Reproduction, again="the same call")


def _changed(name: str, value: Value) -> str:
    """Return a new value of a setting, or a list of an axis's values, as YAML."""
    if isinstance(value, Mapping):
        return json.dumps({spacing: [scalar(name, v) for v in numbers] for spacing, numbers in value.items()})
    if isinstance(value, str) or not isinstance(value, Iterable) or getattr(value, "shape", None) == ():
        return text_of(scalar(name, value))
    return json.dumps([scalar(name, v) for v in value])
