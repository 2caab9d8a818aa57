"""Measured times, and tables of them."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable


@dataclasses.dataclass
class Line:
    """One contestant's times, round by round, for all members together."""

    name: str
    form: str
    kind: str  # matsense, or what a peer's results are: float64, float32 or Numba's float64
    members: int
    bytes: float  # read from memory
    error: float  # of its gradient, relative to NumPy's in float64
    seconds: list[float] = dataclasses.field(default_factory=list)
    engine: list[float] = dataclasses.field(default_factory=list)  # seconds of matsense's engine alone
    bandwidths: list[float] = dataclasses.field(default_factory=list)  # bytes a second, before each turn
    speeds: dict[str, list[float]] = dataclasses.field(default_factory=dict)  # relative to the best of a kind

    def beside(self, kind: str, best: Line) -> None:
        """Stores its speeds relative to a peer that took turns with it."""
        self.speeds[kind] = [b / s for b, s in zip(best.seconds, self.seconds)]

    def median(self) -> float:
        """The median of its seconds."""
        return statistics.median(self.seconds)

    def fraction(self) -> float | None:
        """The rate at which its memory was read, relative to the bandwidth measured before each turn."""
        if not self.bytes:
            return None
        rates = [self.bytes / s for s in self.engine or self.seconds]
        return statistics.median(r / b for r, b in zip(rates, self.bandwidths))


KINDS = {"float64": "× float64", "float32": "× float32", "Numba": "× Numba"}
ABOUT = """\
× float64, × float32, × Numba: speed relative to the fastest of NumPy's and PyTorch's forms with results of
that type, and to Numba's fastest loop, in the same round. Of bandwidth: bytes that must be read, over the
time of matsense's engine or of the peer, as a fraction of the read rate measured before the turn.
The fastest peers: """


def figure(value: float) -> str:
    """A number with three digits, without an exponent for large ones."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def spread(values: list[float]) -> str:
    """Median (least–greatest)."""
    return f"{figure(statistics.median(values))} ({figure(min(values))}–{figure(max(values))})"


def best(lines: list[Line]) -> dict[str, Line]:
    """The fastest peer of each kind."""
    there = {line.kind for line in lines}
    kinds = [kind for kind in KINDS if kind in there]  # in this order, which tables show
    return {kind: min((line for line in lines if line.kind == kind), key=Line.median) for kind in kinds}


def milliseconds(line: Line, seconds: list[float]) -> str:
    """Milliseconds for each run."""
    return spread([1e3 * s / line.members for s in seconds]) if seconds else "–"


def percent(fraction: float | None) -> str:
    """A fraction as text."""
    return "–" if fraction is None else f"{100 * fraction:.0f} %"


def table(lines: list[Line]) -> str:
    """The table of one number of members, in Markdown."""
    kinds = [kind for kind in KINDS if any(kind in line.speeds for line in lines)]
    head = ["contestant", "ms a run", "engine", *(KINDS[kind] for kind in kinds), "error", "of bandwidth"]
    rows = [
        [
            line.name,
            milliseconds(line, line.seconds),
            milliseconds(line, line.engine),
            *(spread(line.speeds[kind]) if kind in line.speeds else "–" for kind in kinds),
            f"{line.error:.0e}",
            percent(line.fraction()),
        ]
        for line in lines
    ]
    return markdown([head, *rows])


def markdown(rows: list[list[str]]) -> str:
    """A Markdown table. The first row is its head; the first column is text."""
    widths = [max(map(len, column)) for column in zip(*rows)]

    def padded(row: Iterable[str]) -> str:
        first, *rest = (
            text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(zip(row, widths))
        )
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths))
    return "\n".join([padded(rows[0]), f"|{rule}|", *map(padded, rows[1:])])
