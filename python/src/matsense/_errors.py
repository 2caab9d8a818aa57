"""The exceptions. Their texts are the command's sentences."""

from __future__ import annotations


class Error(Exception):
    """Something failed; the text says what. It is the base of all exceptions of this package."""


class ConfigError(Error, ValueError):
    """A setting or an argument is wrong, and nothing was run. The command's exit code is 2."""


class Diverged(Error):
    """A run diverged: its loss grew without bound. The command's exit code is 3."""


class ServerEnded(Error):
    """The process behind open problems has ended. Problems have to be opened again; that starts a new one."""


def of_exit_code(code: int, text: str) -> Error:
    """Return the exception for a command or a request that failed."""
    return {2: ConfigError, 3: Diverged}.get(code, Error)(text)
