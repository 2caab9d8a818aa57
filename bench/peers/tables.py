"""Measured times, and tables of them."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable


@dataclasses.dataclass
class Line:
    """One contestant's times, round by round."""

    name: str
    form: str
    members: int
    bytes: float  # read from memory for all members
    seconds: list[float] = dataclasses.field(default_factory=list)  # for all members
    bandwidths: list[float] = dataclasses.field(default_factory=list)  # bytes a second, before each turn

    def ratios(self, unit: Line) -> list[float]:
        """Its speed relative to another contestant's, in each round."""
        return [u / s for u, s in zip(unit.seconds, self.seconds)]

    def milliseconds(self) -> list[float]:
        """Milliseconds for each run."""
        return [1e3 * s / self.members for s in self.seconds]

    def rates(self) -> list[float]:
        """Bytes read a second."""
        return [self.bytes / s for s in self.seconds]

    def fractions(self) -> list[float]:
        """Rates relative to the bandwidth measured before each turn."""
        return [rate / bandwidth for rate, bandwidth in zip(self.rates(), self.bandwidths)]


def cells(line: Line, unit: Line, others: list[Line]) -> list[str]:
    """A contestant's row of the table: times, and speeds relative to NumPy float64 and to its other forms."""
    ms, ratios = line.milliseconds(), line.ratios(unit)
    row = [line.name, f"{statistics.median(ms):.3g}", f"{min(ms):.3g}", f"{max(ms):.3g}",
           f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f}–{max(ratios):.2f}"]
    row += [f"{statistics.median(line.ratios(other)):.2f}" for other in others]
    if line.bytes:
        rate, fraction = statistics.median(line.rates()), statistics.median(line.fractions())
        return [*row, f"{rate / 1e9:.1f}", f"{100 * fraction:.0f} %"]
    return [*row, "–", "–"]


def table(lines: list[Line]) -> str:
    """The table of one number of members, in Markdown."""
    unit = next(line for line in lines if line.name == "NumPy float64")
    names = "NumPy float64 as first written", "NumPy float64 one by one"
    others = [line for line in lines if line.name in names]
    ratios = [line.name.replace("NumPy float64", "×") for line in others]
    head = ["contestant", "ms a run", "min", "max", "× NumPy", "min–max", *ratios, "GB/s", "of bandwidth"]
    return markdown([head, *(cells(line, unit, others) for line in lines)])


def markdown(rows: list[list[str]]) -> str:
    """A Markdown table. The first row is its head; the first column is text."""
    widths = [max(map(len, column)) for column in zip(*rows)]

    def padded(row: Iterable[str]) -> str:
        first, *rest = (text.ljust(w) if i == 0 else text.rjust(w)
                        for i, (text, w) in enumerate(zip(row, widths)))
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths))
    return "\n".join([padded(rows[0]), f"|{rule}|", *map(padded, rows[1:])])
