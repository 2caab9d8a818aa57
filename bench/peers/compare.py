"""Compares one gradient in matsense, NumPy and PyTorch; bench/peers/run makes the environment and calls it.

All have the same problem: m symmetric n × n matrices A_i, observations y, and B factors U of n × r. NumPy and
PyTorch store the A_i as one dense array of m × n² numbers, and compute the gradient in that form of steps.py
which is fastest for them on this machine. matsense stores rows of n(n+1)/2 entries in one of its number
formats, or generates them when needed, and computes in one of its arithmetics. It is called by its Python
package, `p.value_and_grad`, and the time is the caller's. All have as many threads as there are cores.

First, the gradients must agree. For a few hundred measurements, each configuration of matsense is compared
with NumPy on the same entries. On the whole problem with f32 entries, which the peers are then timed on, all
are compared with NumPy float64. If a gradient is wrong, nothing is timed and the exit code is 1.

Then come rounds. In each, every contestant has a turn: a pause, in which the threads of the previous one go
to sleep; a measurement of memory's read rate; one gradient to warm up; up to five gradients, whose median
counts. The order rotates from round to round, and ratios are taken within a round, so that noise of the
machine affects all alike.

"× NumPy" is the speed relative to NumPy float64 in the same round, the median over the rounds. "GB/s" counts
the bytes that a gradient must read: A twice for the peers (once in blocks), the entries once for matsense.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from options import parse
from served import (
    BITS,
    CONFIGURATIONS,
    Configuration,
    Engine,
    available_memory,
    build,
    go_version,
    peak,
    prepare,
    processor,
)
from steps import Library, blocked, numpy_library, peers, torch_library
from tables import Line, markdown, table

EXACT, CLOSE = 1e-12, 1e-4  # relative error allowed to float64 and to other arithmetic
CHECKED = 400  # measurements in the comparison of every format
PAUSE = 0.05  # seconds; waiting threads of a BLAS keep a core busy for some 20 ms
VISIT = 0.25  # seconds that a contestant's turn should last
TIMED = Configuration("f32", "memory", "f64")  # the peers get the A of this one


class Contestant(Protocol):
    """A contestant: an Engine or a Peer."""

    @property
    def name(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def members(self) -> int: ...
    @property
    def bytes(self) -> float: ...
    def gradients(self) -> np.ndarray: ...
    def seconds(self, count: int) -> list[float]: ...


@dataclasses.dataclass(frozen=True)
class Check:
    """A comparison of a gradient with NumPy's in float64."""

    what: str
    error: float  # relative, of all members together
    limit: float

    def __str__(self) -> str:
        verdict = "" if self.error <= self.limit else f"  WRONG: more than {self.limit:.0e}"
        return f"  {self.what:56}{self.error:8.1e}{verdict}"


def say(text: str) -> None:
    """Prints progress for a person."""
    print(text, file=sys.stderr, flush=True)


def check(what: str, contestant: Contestant, reference: np.ndarray, exact: bool) -> Check:
    """Compares a contestant's gradients with the reference's."""
    reference = reference[:contestant.members]
    error = np.linalg.norm(contestant.gradients() - reference) / np.linalg.norm(reference)
    result = Check(what, float(error), EXACT if exact else CLOSE)
    say(str(result))
    return result


def reference_gradients(A: np.ndarray, y: np.ndarray, U: np.ndarray) -> np.ndarray:
    """NumPy's gradients of all members."""
    return blocked(A, y, U, np.ascontiguousarray, 1024)


def require_memory(options: argparse.Namespace, available: float | None) -> None:
    """Ends the program if the arrays would not fit."""
    n, m = options.n, options.measurements
    stored = [c for c in CONFIGURATIONS if c.storage == "memory"]
    entries = m * n * (n + 1) / 2 * sum(BITS[c.entries] / 8 for c in stored)
    needed = 12 * m * n * n + entries + 1.5e9  # A twice; 1.5 GB for programs and the bandwidth probe
    if available is None:
        say(f"needs {needed / 1e9:.1f} GB of memory")
        return
    say(f"needs {needed / 1e9:.1f} GB of memory, {available / 1e9:.1f} GB are available")
    if needed > available:
        sys.exit("bench/peers: there is not enough memory; give a smaller --n or fewer --measurements")


def check_formats(options: argparse.Namespace) -> list[Check]:
    """Compares every configuration with NumPy on the entries of its format."""
    m = min(options.measurements, CHECKED)
    say(f"\ngradients beside NumPy float64 on the same entries, m = {m}, relative error:")
    checks, references, refusals = [], {}, set()
    for configuration in CONFIGURATIONS:
        engine = prepare(configuration, options.n, m, options.factor_rank, max(options.members))
        if isinstance(engine, str):
            if engine not in refusals:
                say(f"  without matsense {configuration} and the like: {engine}")
            refusals.add(engine)
            continue
        if configuration.entries not in references:
            references[configuration.entries] = reference_gradients(
                engine.matrices(), engine.problem.observations, engine.stack)
        reference = references[configuration.entries]
        checks.append(check(engine.name, engine, reference, configuration.precision == "f64"))
        engine.release()
    return checks


def open_engines(options: argparse.Namespace) -> dict[Configuration, Engine]:
    """Opens an engine for every configuration that the backend has."""
    say(f"\nmaking the rows, and A, for m = {options.measurements}")
    engines = {}
    sizes = options.n, options.measurements, options.factor_rank, max(options.members)
    for configuration in CONFIGURATIONS:
        engine = prepare(configuration, *sizes)
        if isinstance(engine, Engine):
            engines[configuration] = engine
    return engines


def gather(engines: dict[Configuration, Engine], libraries: list[Library], options: argparse.Namespace,
           ) -> tuple[list[list[Contestant]], list[Check]]:
    """The contestants for each number of members, and their comparisons on the whole problem."""
    timed = engines[TIMED]
    A, y, U = timed.matrices(), timed.problem.observations, timed.stack
    reference = reference_gradients(A, y, U)
    say(f"\ngradients beside NumPy float64 with f32 entries, m = {options.measurements}, relative error:")
    checks = [check(engine.name, engine, reference, configuration.precision == "f64")
              for configuration, engine in engines.items() if configuration.entries == TIMED.entries]
    groups = []
    arrays = [A, A.astype(np.float32)]
    for members in options.members:
        group: list[Contestant] = []
        for library in libraries:
            for array in arrays:
                for peer in peers(library, array, y, U, members):
                    runs = f", {members} runs" if members > 1 else ""
                    what = f"{peer.name}{runs}: {peer.form}"
                    checks.append(check(what, peer, reference, array.dtype == np.float64))
                    group.append(peer)
        groups.append(group + [engine.of(members) for engine in engines.values()])
    return groups, checks


def measure(groups: list[list[Contestant]], bandwidth: Callable[[], float], rounds: int) -> list[list[Line]]:
    """All rounds. Memory's read rate is measured before each turn."""
    results = [[Line(c.name, c.form, c.members, c.bytes) for c in group] for group in groups]
    for turn in range(rounds):
        began = time.perf_counter()
        for group, lines in zip(groups, results):
            first = turn * len(group) // rounds
            for i in range(len(group)):
                at = (first + i) % len(group)
                time.sleep(PAUSE)
                lines[at].bandwidths.append(bandwidth())
                visit(group[at], lines[at])
        say(f"round {turn + 1} of {rounds}: {time.perf_counter() - began:.0f} s")
    return results


def visit(contestant: Contestant, line: Line) -> None:
    """One contestant's turn."""
    (warm,) = contestant.seconds(1)
    line.seconds.append(statistics.median(contestant.seconds(min(5, math.ceil(VISIT / warm)))))


def peaks(options: argparse.Namespace) -> list[tuple[Configuration, int, float]]:
    """The memory of a process for each configuration that generates its rows."""
    found = []
    sizes = options.n, options.measurements, options.factor_rank
    for configuration in CONFIGURATIONS:
        for members in options.members if configuration.storage == "generated" else []:
            size = peak(configuration, *sizes, members)
            if size is not None:
                found.append((configuration, members, size))
    return found


def describe(results: list[list[Line]], memory: list[tuple[Configuration, int, float]]) -> str:
    """The tables."""
    parts = []
    for lines in results:
        members = lines[0].members
        parts.append("one run" if members == 1 else f"{members} runs in one pass, milliseconds for each")
        parts.append(table(lines))
        forms = "; ".join(f"{line.name}: {line.form}" for line in lines if line.form)
        parts.append(f"fastest forms: {forms}")
    everything = [b for lines in results for line in lines for b in line.bandwidths]
    parts.append(f"read bandwidth: {statistics.median(everything) / 1e9:.1f} GB/s, "
                 f"{min(everything) / 1e9:.1f} to {max(everything) / 1e9:.1f}")
    rows = [[str(configuration), str(members), f"{size / 1e6:.0f}"]
            for configuration, members, size in memory]
    parts.append("peak memory of a separate process")
    parts.append(markdown([["entries, storage, arithmetic", "runs", "MB"], *rows]))
    return "\n\n".join(parts)


def record(options: argparse.Namespace, setting: str, checks: list[Check], results: list[list[Line]],
           memory: list[tuple[Configuration, int, float]]) -> str:
    """All results as JSON."""
    return json.dumps({
        **vars(options), "setting": setting,
        "checks": [dataclasses.asdict(c) for c in checks],
        "results": [dataclasses.asdict(line) for lines in results for line in lines],
        "peak_memory": [{**dataclasses.asdict(c), "members": members, "bytes": size}
                        for c, members, size in memory],
    })


def main() -> None:
    """Checks, measures and prints."""
    began = time.perf_counter()
    options = parse()
    libraries = [library for library in (numpy_library(), torch_library(options.threads)) if library]
    with tempfile.TemporaryDirectory() as folder:
        build(pathlib.Path(folder))
        versions = ", ".join(f"{library.name} {library.version}" for library in libraries)
        setting = (f"n = {options.n}, m = {options.measurements}, r = {options.factor_rank}, "
                   f"{options.rounds} rounds, {options.threads} threads; {processor()}; "
                   f"matsense {go_version()}; {versions}")
        say(setting)
        require_memory(options, available_memory())
        checks = check_formats(options)
        engines = open_engines(options)
        groups, more = gather(engines, libraries, options)
        checks += more
        if wrong := [c for c in checks if not c.error <= c.limit]:
            sys.exit(f"bench/peers: {len(wrong)} of {len(checks)} gradients are wrong; nothing was timed")
        say(f"\nmatsense: {engines[TIMED].problem.device}")
        results = measure(groups, engines[TIMED].problem.bandwidth, options.rounds)
        for engine in engines.values():
            engine.release()
        memory = peaks(options)
    say(f"{time.perf_counter() - began:.0f} s in all\n")
    if options.json:
        print(record(options, setting, checks, results, memory))
    else:
        print(f"{setting}\n\n{describe(results, memory)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted")
