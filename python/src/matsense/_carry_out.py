"""Carry out a command of runs: start it, watch it, and tell its ends apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matsense._errors import ConfigError, Error, Interrupted, of_exit_code
from matsense._folder import Folder
from matsense._process import Process
from matsense._settings import scalar
from matsense._watch import Watch

DIVERGED = 3
INTERRUPTED = 130


@dataclass(frozen=True)
class Ending:
    """How a command ended."""

    directory: Path | None  # of the run or the sweep; None if it was not begun
    interrupted: bool  # by Ctrl-C
    exit_code: int
    error: Error | None  # if it failed

    def failure(
        self, begun: Path | None, may_stop: bool, again: str | None = None
    ) -> Error | Interrupted | None:
        """Return what is raised for a run or a sweep that did not end by itself, in the directory `begun`.

        `again` is what goes on with it, if that is not its method `resume`.
        """
        if self.error is not None:
            return self.error
        if self.interrupted:
            saved = f"saved, and {again or f'ms.load({str(begun)!r}).resume()'} goes on with it"
            return Interrupted(saved if begun else "nothing was begun")
        if self.exit_code == INTERRUPTED and not may_stop:
            return Error(f"a signal ended the command; {again or 'resume()'} goes on with what it has saved")
        return None


def carry_out(arguments: Callable[[], list[str]], watch: Watch, folder: Folder) -> Ending:
    """Carry out the command with arguments, whose data are stored in a folder when they are made.

    The first Ctrl-C, and an exception of the watch, have the command save and end. Data that the command has
    refused are removed.
    """
    interrupted = False
    try:
        process = Process(arguments())
        try:
            for event in process.events():
                watch.see(event)
        except KeyboardInterrupt:
            interrupted = True
            process.save()
        except BaseException:
            process.save()
            raise
    finally:
        watch.end()
        folder.clean()
    error = None
    if process.failure is not None and process.exit_code != INTERRUPTED:
        error = of_exit_code(process.exit_code, watch.sentence(process.failure))
    return Ending(process.directory, interrupted, process.exit_code, error)


def seconds_of(stop_after: float | str | None) -> float | None:
    """Return a time limit, in seconds or like "3h45m", as seconds; None if there is none."""
    if not isinstance(stop_after, str):
        stop_flag(stop_after)  # checks it
        return None if stop_after is None else float(stop_after)
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
    parts = re.findall(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|us|µs|ns|s)", stop_after)
    seconds = sum(float(number) * units[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != stop_after or not seconds > 0:
        raise ConfigError(f"stop_after: takes seconds above 0, or a text like '3h45m', got {stop_after!r}")
    return seconds


def stop_flag(stop_after: float | str | None) -> list[str]:
    """Return the flag for a time limit, in seconds or like "3h45m"."""
    if stop_after is None:
        return []
    if isinstance(stop_after, str):
        return [f"--stop-after={stop_after}"]
    seconds = scalar("stop_after", stop_after)
    if isinstance(seconds, str) or not seconds > 0:
        raise ConfigError(f"stop_after: takes seconds above 0, or a text like '3h45m', got {stop_after!r}")
    return [f"--stop-after={seconds}s"]
