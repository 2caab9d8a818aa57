"""What is done with the lines that the command prints while it works (docs/json.md)."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from matsense._errors import Notice
from matsense._process import Event
from matsense._progress import progress_of

Callback: TypeAlias = Callable[[dict[str, Any]], object]
Sentence: TypeAlias = Callable[[str], str]  # makes the command's sentences Python's


class Watch:
    """Shows progress and notices, and calls a callback; RunWatch and SweepWatch know the events."""

    def __init__(self, what: str, progress: bool, callback: Callback | None, sentence: Sentence) -> None:
        """Watch a command that counts `what`: iteration, say."""
        self.summary: dict[str, Any] = {}
        self._progress = progress_of(what, progress)
        self._callback = callback
        self.sentence = sentence

    def see(self, event: Event) -> None:
        """Take an event."""
        act = getattr(self, "on_" + event["event"], None)
        if act is not None:
            act({key: value for key, value in event.items() if key not in ("event", "time", "version")})

    def end(self) -> None:
        """End the progress."""
        self._progress.end()

    def on_notice(self, event: Event) -> None:
        """Warn of what the user should know."""
        warn(self.sentence(event["message"]))

    def _told(self, values: dict[str, Any]) -> None:
        if self._callback is not None:
            self._callback(values)


class RunWatch(Watch):
    """Watches a run; the callback gets each sample."""

    _text = ""

    def on_begin(self, event: Event) -> None:
        """Learn how many steps there are."""
        self._progress.begin(event["to_iteration"], event["from_iteration"])

    def on_sample(self, sample: dict[str, Any]) -> None:
        """Show a measured iterate."""
        metrics = ("train_loss", "test_error", "held_out_rmse")
        known = {name: sample[name] for name in metrics if sample.get(name) is not None}
        self._text = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in known.items())
        self._progress.reach(sample["iteration"], self._text)
        self._told(sample)

    def on_progress(self, event: Event) -> None:
        """Show the steps between two samples."""
        self._progress.reach(event["iteration"], self._text)

    def on_summary(self, summary: dict[str, Any]) -> None:
        """Keep how the run ended."""
        self.summary = summary


class SweepWatch(Watch):
    """Watches a sweep; the callback gets each run that has ended, with its settings and results."""

    _done = 0

    def on_plan(self, event: Event) -> None:
        """Learn how many runs there are."""
        self._progress.begin(event["runs"], 0)

    def on_run(self, run: dict[str, Any]) -> None:
        """Count a run."""
        self._done += 1
        self._progress.reach(self._done, "")
        self._told(run)

    def on_progress(self, event: Event) -> None:
        """Count the runs that were done before as well."""
        self._done = event["done"]
        self._progress.reach(self._done, "")

    def on_done(self, event: Event) -> None:
        """All runs have ended."""
        self._progress.reach(event["runs"], "")


def warn(text: str) -> None:
    """Give a warning that names the line of the user's program which called this package."""
    frame = sys._getframe(1)
    depth = 2
    here = str(Path(__file__).parent)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(here):
        frame = frame.f_back
        depth += 1
    warnings.warn(text, Notice, stacklevel=depth)
