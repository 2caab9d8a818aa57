"""A bar or lines on the standard error that tell how far a run or a sweep has come."""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

_BETWEEN_LINES = 30.0  # seconds, as the command tells its own


def progress_of(what: str, wanted: bool) -> Progress:
    """Return what tells the progress of `what`: iteration, say."""
    if not wanted:
        return Progress()
    if not (_in_notebook() or sys.stderr.isatty()):
        return Lines(what)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm misses ipywidgets, and shows its bar as text
            from tqdm.autonotebook import tqdm  # type: ignore[import-untyped]
    except ImportError:
        return Line(what)
    return Bar(what, tqdm)


def _in_notebook() -> bool:
    """Return whether a notebook shows what is printed."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


class Progress:
    """Tells nothing, and is the base of those that tell."""

    def begin(self, total: int, done: int) -> None:
        """Begin with `done` of `total`."""

    def reach(self, done: int, text: str) -> None:
        """Tell that `done` are done; `text` says more."""

    def end(self) -> None:
        """Tell no more."""


class Bar(Progress):
    """A bar of tqdm."""

    def __init__(self, what: str, tqdm: Any) -> None:  # noqa: ANN401
        """Show a bar that counts `what`."""
        self._what = what
        self._tqdm = tqdm
        self._bar: Any = None

    def begin(self, total: int, done: int) -> None:
        """Show the bar."""
        self._bar = self._tqdm(total=total, initial=done, unit=f" {self._what}s", desc="matsense")

    def reach(self, done: int, text: str) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(done - self._bar.n)

    def end(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


class Told(Progress):
    """Tells the progress in words."""

    def __init__(self, what: str) -> None:
        """Count `what`."""
        self._what = what
        self._total = 0

    def begin(self, total: int, done: int) -> None:
        """Learn the total."""
        self._total = total

    def _words(self, done: int, text: str) -> str:
        return f"{self._what} {done} of {self._total}" + (f": {text}" if text else "")


class Lines(Told):
    """A line every half a minute, for a file that people read later. A short run has none."""

    def __init__(self, what: str) -> None:
        """Tell lines that count `what`."""
        super().__init__(what)
        self._due = time.monotonic() + _BETWEEN_LINES

    def reach(self, done: int, text: str) -> None:
        """Tell a line if it is due."""
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _BETWEEN_LINES
            print(self._words(done, text), file=sys.stderr, flush=True)


class Line(Told):
    """One line that changes, for a terminal or a notebook without tqdm."""

    def __init__(self, what: str) -> None:
        """Show a line that counts `what`."""
        super().__init__(what)
        self._shown = 0.0
        self._last = ""

    def reach(self, done: int, text: str) -> None:
        """Change the line, some times a second."""
        self._last = self._words(done, text)
        if time.monotonic() - self._shown > 0.1:
            self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        print("\r" + self._last.ljust(78), end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line as it is in the end."""
        if self._last:
            self._show()
            print(file=sys.stderr)
