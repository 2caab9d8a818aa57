"""The exceptions and the warning. Their texts are the command's sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matsense._run import Run
    from matsense._sweep import Sweep


class Error(Exception):
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


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended a run or a sweep after it was saved; the text says how to go on with it.

    It is a `KeyboardInterrupt`, so that a program ends by it as by any other Ctrl-C. The attribute `run` or
    `sweep` has what was saved; it is None if nothing had begun.
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
