"""The command as a process that tells what it does in JSON lines."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias

from matsense._command import apart, executable
from matsense._errors import Error

Event: TypeAlias = dict[str, Any]

_TICK = 0.1  # seconds after which a Ctrl-C is noticed on Windows, where waiting cannot be interrupted
_AHEAD = 10_000  # lines that are read before they are used


class Process:
    """The command. It saves and ends when this process asks it to, or has ended in whatever way."""

    def __init__(self, arguments: list[str]) -> None:
        """Start the command with arguments."""
        self.exit_code = 0  # the command's, once there are no more events
        self.failure: str | None = None  # the sentences of its error
        self.directory: Path | None = None  # of its run or sweep, once it has told it
        command = executable()
        try:
            self._process = subprocess.Popen(
                [command, *arguments, "--json"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # docs/json.md: the command saves and ends when its input has a byte, or ends.
                env={**os.environ, "MATSENSE_STOP_ON_INPUT": "1"},
                **apart(),
            )
        except OSError as failed:
            raise Error(f"the command {command} cannot be started: {failed.strerror}") from None
        self._lines: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
        self._complaints: deque[bytes] = deque(maxlen=20)
        self._reading = self._start(self._read_lines)
        self._complaining = self._start(self._read_complaints)

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, name="matsense", daemon=True)
        thread.start()
        return thread

    def _read_lines(self) -> None:
        for line in _pipe(self._process.stdout):
            self._lines.put(line)
        self._lines.put(None)

    def _read_complaints(self) -> None:
        self._complaints.extend(_pipe(self._process.stderr))

    def events(self) -> Iterator[Event]:
        """Yield what the command tells, until it has ended."""
        while (line := self._next()) is not None:
            try:
                event = json.loads(line)
            except ValueError:  # the command was killed while it wrote the line
                continue
            if "dir" in event:
                self.directory = Path(event["dir"]).absolute()
            if event["event"] == "error":
                self.failure = event["message"]
            else:
                yield event
        self.exit_code = self._process.wait()
        self._complaining.join()
        self._close()
        if self.exit_code not in (0, 2, 3, 130) and self.failure is None:
            self.failure = self._why()

    def _next(self) -> bytes | None:
        while True:
            try:
                return self._lines.get(timeout=_TICK)
            except queue.Empty:
                if not self._reading.is_alive() and self._lines.empty():  # a Ctrl-C has cut off the last get
                    return None

    def _why(self) -> str:
        """Say how a command ended that could not say it."""
        if self.exit_code < 0:
            return f"the command was killed by signal {-self.exit_code}; 9 may mean that memory was short"
        last = b"".join(self._complaints).decode(errors="replace").strip()
        return f"the command ended with exit code {self.exit_code}" + (f":\n{last}" if last else "")

    def save(self) -> None:
        """Ask the command to save and to end, and wait for it. A Ctrl-C meanwhile kills it."""
        try:
            with contextlib.suppress(OSError, ValueError):  # it has ended already
                _pipe(self._process.stdin).write(b"\n")
                _pipe(self._process.stdin).flush()
            for _ in self.events():
                pass
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._close()
            raise

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):  # bytes for a process that has ended
                _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
