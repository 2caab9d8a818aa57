"""A user's own method as a run: metrics, phases, checkpoints and the report are as with a built-in method."""

from __future__ import annotations

import functools
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matsense._arrays import as_array
from matsense._carry_out import seconds_of
from matsense._errors import ConfigError, Diverged, Error, Interrupted
from matsense._experiments import divergence
from matsense._folder import Folder
from matsense._run import Run
from matsense._server import Memory, Server, request_line
from matsense._settings import (
    check_callback,
    has_data,
    key_of,
    path_of,
    resolved,
    scalar,
    with_absolute_paths,
)
from matsense._watch import RunWatch

if TYPE_CHECKING:
    from matsense._problem import Problem

Array: TypeAlias = NDArray[np.float64]
Factor: TypeAlias = Array | tuple[Array, ...]
Step: TypeAlias = Callable[..., object]

_MOST_STATE = 64  # what the command takes, known here before memory is shared


def solve(
    problem: Problem,
    step: Step,
    *,
    out: str | os.PathLike[str] | None,
    resume: bool,
    force: bool,
    state: int,
    name: str | None,
    progress: bool,
    callback: Callable[[dict[str, Any]], object] | None,
    stop_after: float | str | None,
    tensorboard: str | os.PathLike[str] | None,
    settings: Mapping[str, Any],
) -> Run:
    """Carry out `Problem.solve`."""
    if not callable(step):
        raise ConfigError(f"step: a function of the problem, the iterate and its number, got {step!r}")
    check_callback(callback)
    seconds = seconds_of(stop_after)
    out = path_of("out", out)
    if resume and out is None:
        raise ConfigError("resume=True needs out, the directory of the run")
    slots = scalar("state", state)
    if isinstance(slots, bool) or not isinstance(slots, int) or not 0 <= slots <= _MOST_STATE:
        raise ConfigError(
            f"state: the number of arrays that {name_of(step)} keeps, from 0 to {_MOST_STATE}, got {state!r}"
        )
    data: Mapping[str, Any] = {} if resume else problem._data  # the run keeps a copy of these arrays
    by_key = {key_of(key): value for key, value in settings.items()}
    stored = out is None and (has_data(settings) or has_data(data))
    folder = Folder.fresh("runs") if stored else Folder(out if out is not None else fresh_name())
    watch = RunWatch("iteration", progress, callback, folder.sentence)
    steps = _Steps(problem, step, name or name_of(step), watch, seconds)
    try:
        request = {
            "problem": problem._number,
            "settings": resolved({**data, **with_absolute_paths(by_key)}, folder),
            "name": steps.name,
            "slots": slots,
            "dir": str(folder.directory),
            "fresh": out is None and not stored,
            "force": force,
            "resume": resume,
            "tensorboard": "" if tensorboard is None else os.path.abspath(tensorboard),
        }
        steps.carry_out(request, slots)
    except Error as failed:
        text = re.sub("(custom-name: )?custom-name", "name", str(failed))
        error = type(failed)(folder.sentence(re.sub("(custom-slots: )?custom-slots", "state", text)))
        error.run = steps.begun()
        raise error from None
    finally:
        watch.end()
        folder.clean()
    return steps.run()


def fresh_name() -> str:
    """Return the name of a new run directory, to which the server adds a number if it exists."""
    return os.path.join("runs", time.strftime("%Y-%m-%d-%H%M%S"))


def name_of(step: Step) -> str:
    """Return the name of a function, for titles."""
    while isinstance(step, functools.partial):
        step = step.func
    return str(getattr(step, "__name__", type(step).__name__))


class _Steps:
    """The steps of one run, which the user's function takes when the server asks for them."""

    def __init__(
        self, problem: Problem, step: Step, name: str, watch: RunWatch, seconds: float | None
    ) -> None:
        self.name = name
        self._seconds = seconds  # after which the run is saved and ends; None for no limit
        self._time_is_up = False
        self._clock = threading.Lock()  # of what the timer's thread reads and writes
        self._heard = False  # the server has begun with the run, so that it reads a line of any thread whole
        self._canceled = False  # the server was told that the time is up
        self._problem = problem
        self._server: Server = problem._server
        self._step = step
        self._watch = watch
        self._factor: list[Array] = []  # the iterate, in shared memory
        self._state: list[list[Array]] = []
        self._answer: dict[str, Any] = {}
        self._in_step = False
        self._interrupted = False  # by Ctrl-C
        self._stopped = False  # by a second one
        self._failure: BaseException | None = None  # of the user's function or callback
        self._directory: str | None = None  # of the run, once it has begun

    def carry_out(self, request: dict[str, Any], state: int) -> None:
        """Take all steps. Raises what the server says if nothing was run."""
        with self._server as server:
            shapes = self._problem.shapes * (1 + state)
            memory = Memory(server)
            memory.grow(sum(8 * rows * columns for rows, columns in shapes))
            laid_out = memory.arrays(shapes)
            assert laid_out is not None  # there is room
            views, places = laid_out
            count = len(self._problem.shapes)
            groups = [views[i : i + count] for i in range(0, len(views), count)]
            self._factor, self._state = groups[0], groups[1:]
            request["factor"] = places[:count]
            request["state"] = [places[i : i + count] for i in range(count, len(places), count)]
            try:
                with self._handling_interrupts(), self._stopping():
                    self._answer = server.converse(request_line("solve", **request), self._see)
            finally:
                memory.free()

    def _see(self, event: dict[str, Any]) -> bytes | None:
        """Take a line of the server, and return the reply to one that asks for a step."""
        if event["event"] == "step":
            with self._clock:
                self._heard = True
            return self._take(event["step"])
        if event["event"] == "begin":
            self._directory = event["dir"]
        if self._failure is None:
            try:
                self._watch.see(event)
            except BaseException as failure:
                self._failure = failure
                return b'{"cancel":true}\n'
        with self._clock:
            self._heard = True
            if self._time_is_up and not self._canceled:
                self._canceled = True
                return b'{"cancel":true}\n'
        return None

    def _take(self, number: int) -> bytes:
        """Take a step."""
        failure: BaseException | None = self._failure
        with self._clock:
            goes_on = failure is None and not self._interrupted and not self._time_is_up
            self._in_step = goes_on
            self._canceled = self._canceled or self._time_is_up  # the reply says so
        if goes_on:
            try:
                self._put(self._step(*self._arguments(number)))
            except BaseException as error:
                failure = error
            finally:
                self._in_step = False
            if failure is None and not self._interrupted:
                return b'{"stepped":%d}\n' % number
        if self._stopped:
            raise KeyboardInterrupt
        if isinstance(failure, KeyboardInterrupt):
            self._interrupted = True
        elif failure is not None:
            self._failure = failure
        return b'{"failed":%d,"error":"the step failed"}\n' % number

    def _arguments(self, number: int) -> tuple[object, ...]:
        arguments = (self._problem, _joined(self._factor), number)
        if not self._state:
            return arguments
        return (*arguments, [_joined(arrays) for arrays in self._state])

    def _put(self, new: object) -> None:
        """Put the iterate that the function has returned in its place; None if it was changed in place."""
        if new is None:
            return
        parts: Sequence[object] = new if isinstance(new, tuple) and len(self._factor) > 1 else (new,)
        arrays = [as_array(f"what {self.name} has returned", part) for part in parts]
        have, want = [a.shape for a in arrays], [a.shape for a in self._factor]
        if have != want:
            raise ConfigError(f"{self.name} has returned {_words(have)}, and the iterate is {_words(want)}")
        if any(a.dtype.kind == "c" for a in arrays):
            raise ConfigError(f"{self.name} has returned complex numbers, and the iterate is real")
        for place, array in zip(self._factor, arrays, strict=True):
            np.copyto(place, array)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """End the run after it was saved, once its time is up. A step that is under way ends first."""
        if self._seconds is None:
            yield
            return

        def stop() -> None:
            with self._clock:
                self._time_is_up = True
                if self._heard and not self._in_step:  # the server computes, perhaps for long
                    self._canceled = True
                    with suppress(Error):
                        self._server.write(b'{"cancel":true}\n')

        timer = threading.Timer(min(self._seconds, threading.TIMEOUT_MAX), stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    @contextmanager
    def _handling_interrupts(self) -> Iterator[None]:
        """Let the first Ctrl-C end the run after it was saved, and the second one end it at once.

        Only the main thread gets signals.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupted(number: int, frame: FrameType | None) -> None:
            if self._interrupted:
                self._stopped = True
                self._server.kill("Ctrl-C was pressed twice: open the problem again")
                raise KeyboardInterrupt
            self._interrupted = True
            if self._in_step:  # the function may take long
                raise KeyboardInterrupt
            self._server.write(b'{"cancel":true}\n')

        before = signal.signal(signal.SIGINT, interrupted)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def begun(self) -> Run | None:
        """Return the run as it is on disk; None if it was not begun."""
        return None if self._directory is None else Run(self._directory)

    def run(self) -> Run:
        """Return the run that has ended, or raise what has ended it."""
        run = Run(Path(self._answer["dir"]))
        goes_on = f"p.solve({self.name}, out={str(run.path)!r}, resume=True) goes on with it"
        if self._failure is not None:
            if hasattr(self._failure, "add_note"):  # since Python 3.11
                self._failure.add_note(f"The run was saved, and {goes_on}.")
            raise self._failure
        summary = self._answer["summary"]
        error: Error | Interrupted | None = None
        if summary["status"] == "canceled" and self._interrupted:
            error = Interrupted(f"saved, and {goes_on}")
        elif summary["status"] == "diverged":
            error = Diverged(divergence(summary))
        if error is not None:
            error.run = run
            raise error
        return run


def _joined(arrays: Sequence[Array]) -> Factor:
    """Return a factor as users have it: an array, or a tuple of several."""
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


def _words(shapes: Sequence[tuple[int, ...]]) -> str:
    """Say what shapes arrays have."""
    if len(shapes) == 1:
        return f"an array of shape {shapes[0]}"
    return f"{len(shapes)} arrays of shapes {', '.join(map(str, shapes))}"
