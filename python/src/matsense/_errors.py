"""The exceptions and the warning. Their texts are the command's sentences."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from matsense._run import Run
    from matsense._sweep import Sweep

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class _Shown(BaseException):
    """An exception whose text says everything, so that notebooks show the user's lines and none of ours."""

    def _render_traceback_(self) -> list[str]:
        """Return the traceback that IPython shows, which calls this."""
        show = sys.modules["IPython"].get_ipython().InteractiveTB.structured_traceback
        return list(
            show(type(self), self, _outside(self.__traceback__), tb_offset=1)
        )  # without the first frame, IPython's own


def _outside(tb: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of this package, and of contextlib, which it uses."""
    if tb is None:
        return None
    rest = _outside(tb.tb_next)
    file = tb.tb_frame.f_code.co_filename
    if Path(file).parent == Path(__file__).parent or file == contextlib.__file__:
        return rest
    return TracebackType(rest, tb.tb_frame, tb.tb_lasti, tb.tb_lineno)


class Error(_Shown, Exception):
    """Something failed; the text says what. It is the base of all exceptions of this package.

    If a run or a sweep had begun, the attribute `run` or `sweep` has it as it was left on disk; it is None
    otherwise.
    """

    run: Run | None = None
    sweep: Sweep | None = None


class ConfigError(Error, ValueError):
    """A setting or an argument is wrong, and nothing was run. The command's exit code is 2."""


class Diverged(Error):
    """A run diverged: its loss grew without bound. The command's exit code is 3."""


class ServerEnded(Error):
    """The process behind open problems has ended. Problems have to be opened again; that starts a new one."""


class Interrupted(_Shown, KeyboardInterrupt):
    """Ctrl-C ended a run or a sweep after it was saved; the text says how to go on with it.

    It is a `KeyboardInterrupt`, which `except Exception` does not catch, so that it also ends a loop of runs.
    The attribute `run` or `sweep` has what was saved; it is None if nothing had begun.
    """

    run: Run | None = None
    sweep: Sweep | None = None


class Notice(UserWarning):
    """What the command wants you to know; the run goes on."""


def of_exit_code(code: int, text: str) -> Error:
    """Return the exception for a command or a request that failed."""
    return {2: ConfigError, 3: Diverged}.get(code, Error)(text)


def keyword(key: str) -> str:
    """Return the name of a setting in Python: `start_seed` for start-seed, `lambda_` for lambda."""
    name = key.replace("-", "_")
    return "lambda_" if name == "lambda" else name


def in_python(text: str) -> str:
    """Return the command's sentences with the names of Python: `alpha` for --alpha, `force=True` for --force.

    In the command's sentences two dashes always begin a flag. A line that names a command to type in a shell
    stays as it is.
    """

    def name(flag: re.Match[str]) -> str:
        key = flag[1]
        return f"{key}=True" if key in ("resume", "force", "yes") else keyword(key)

    lines = text.split("\n")
    return "\n".join(
        line if "matsense " in line else re.sub(r"(?<![\w-])--([a-z][a-z0-9-]*)", name, line)
        for line in lines
    )


def outermost(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Decorate a public function. The tracebacks of this package's exceptions leave out its own lines.

    Lines of the user's stay, such as those of a step that has made a mistake.
    """

    @functools.wraps(function)
    def outer(*arguments: _Arguments.args, **keywords: _Arguments.kwargs) -> _Result:
        try:
            return function(*arguments, **keywords)
        except _Shown as failed:
            raise failed.with_traceback(_outside(failed.__traceback__)) from failed.__cause__

    return outer
