"""Compares one gradient in matsense, NumPy, PyTorch and Numba; bench/peers/run calls it.

All have the same problem: m symmetric n × n matrices A_i, observations y, and B factors U of n × r. The peers
store rows of n(n+1)/2 coordinates, as matsense does, in float64 or float32, and compute the gradient in those
forms of steps.py that are fastest for them on this machine. matsense stores its rows in one of its number
formats, or generates them when needed, and computes in one of its arithmetics. It is called by its Python
package, `p.value_and_grad`, and the time is the caller's; the time of the engine alone has its own column.
All have the same number of threads, and the same instruction set if --simd names one.

First, the gradients must agree. For a few hundred measurements, each configuration of matsense is compared
with NumPy on the same entries. On the whole problem with f32 entries, which the peers are timed on, all are
compared with NumPy float64. If a gradient is wrong, nothing is timed and the exit code is 1.

Then come rounds, for the problems of one number format after another. So only one format is in memory, once
for each arithmetic, beside the peers' two arrays. With f32 entries, which come first, all peers take part;
with other formats those that were fastest. In each round, every contestant has a turn: a pause, in which the
threads of the previous one go to sleep; a measurement of memory's read rate; one gradient to warm up; up to
five gradients, whose median counts. The order rotates from round to round, and ratios are taken within a
round, so that noise of the machine affects all alike.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import math
import os
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from instructions import in_use, refusal
from options import parse
from served import (
    BITS,
    CONFIGURATIONS,
    ENTRIES,
    Configuration,
    Engine,
    available_memory,
    build,
    commit,
    go_version,
    peak,
    prepare,
    processor,
)
from steps import (
    Coordinates,
    Library,
    Peer,
    blocked,
    gradient,
    numba_peers,
    numpy_library,
    peers,
    torch_library,
)
from tables import ABOUT, Line, best, markdown, spread, table

EXACT, CLOSE = 1e-12, 1e-4  # relative error allowed to float64 and to other arithmetic
CHECKED = 400  # measurements in the comparison of every format
PAUSE = 0.05  # seconds; waiting threads of a BLAS keep a core busy for some 20 ms
VISIT = 0.25  # seconds that a contestant's turn should last
TIMED = "f32"  # entries whose values the peers get

Contestants = list[tuple[Engine | Peer, Line]]


@dataclasses.dataclass(frozen=True)
class Check:
    """A comparison of a gradient with NumPy's in float64."""

    what: str
    error: float  # relative, of all members together
    limit: float

    def __str__(self) -> str:
        verdict = "" if self.error <= self.limit else f"  WRONG: more than {self.limit:.0e}"
        return f"  {self.what:72}{self.error:8.1e}{verdict}"


def say(text: str) -> None:
    """Prints progress for a person."""
    print(text, file=sys.stderr, flush=True)


def check(what: str, contestant: Engine | Peer, reference: np.ndarray, exact: bool) -> Check:
    """Compares a contestant's gradients with the reference's."""
    reference = reference[: contestant.members]
    error = np.linalg.norm(contestant.gradients() - reference) / np.linalg.norm(reference)
    result = Check(what, float(error), EXACT if exact else CLOSE)
    say(str(result))
    return result


def require_right(checks: list[Check]) -> None:
    """Ends the program if a gradient is wrong."""
    if wrong := [c for c in checks if not c.error <= c.limit]:
        sys.exit(f"bench/peers: {len(wrong)} of {len(checks)} gradients are wrong; nothing was timed")


def reference_gradients(A: np.ndarray, y: np.ndarray, U: np.ndarray) -> np.ndarray:
    """NumPy's gradients of all members."""

    def contract(A: np.ndarray, y: np.ndarray, Z: np.ndarray) -> np.ndarray:
        return blocked(A, y, Z, np.ascontiguousarray, 1024)

    return gradient(contract, Coordinates(U.shape[1], A.dtype, numpy_library()), A, y, U)


def require_memory(options: argparse.Namespace, available: float | None) -> None:
    """Ends the program if the arrays would not fit."""
    entries = options.measurements * options.n * (options.n + 1) / 2
    stored: dict[str, float] = {}  # of each format, whose rows are there once for each arithmetic
    for c in CONFIGURATIONS:
        if c.storage == "memory" and c.precision in options.precisions:
            stored[c.entries] = stored.get(c.entries, 0) + BITS[c.entries] / 8
    # the peers' arrays, and one format; programs and the probe
    needed = entries * (8 + 4 + max(stored.values(), default=0)) + 1.5e9
    if available is None:
        say(f"needs {needed / 1e9:.1f} GB of memory")
        return
    say(f"needs {needed / 1e9:.1f} GB of memory, {available / 1e9:.1f} GB are available")
    if needed > available:
        sys.exit("bench/peers: there is not enough memory; give a smaller --n or fewer --measurements")


def check_formats(options: argparse.Namespace) -> dict[Configuration, Check]:
    """Compares every configuration that the backend has with NumPy on the entries of its format."""
    m = min(options.measurements, CHECKED)
    say(f"\ngradients beside NumPy float64 on the same entries, m = {m}, relative error:")
    checks, references, refusals = {}, {}, set()
    sizes = options.n, m, options.factor_rank, max(options.members), options.threads
    for configuration in CONFIGURATIONS:
        engine = prepare(configuration, *sizes)
        if isinstance(engine, str):
            if engine not in refusals:
                say(f"  without matsense {configuration} and the like: {engine}")
            refusals.add(engine)
            continue
        if configuration.entries not in references:
            references[configuration.entries] = reference_gradients(
                engine.matrices(), engine.problem.observations, engine.stack
            )
        reference = references[configuration.entries]
        checks[configuration] = check(engine.name, engine, reference, configuration.precision == "f64")
        engine.release()
    return checks


def open_engines(options: argparse.Namespace, entries: str, timed: list[Configuration]) -> list[Engine]:
    """Opens an engine for every configuration with these entries that is timed."""
    sizes = options.n, options.measurements, options.factor_rank, max(options.members), options.threads
    found = [prepare(c, *sizes) for c in timed if c.entries == entries]
    return [engine for engine in found if isinstance(engine, Engine)]


def make_peers(
    engine: Engine,
    libraries: list[Library],
    options: argparse.Namespace,
) -> tuple[dict[int, list[Peer]], np.ndarray]:
    """The peers for each number of members, on the engine's entries, and NumPy's gradients."""
    A, y, U = engine.matrices(), engine.problem.observations.copy(), engine.stack
    arrays = [A, A.astype(np.float32)]
    made: dict[int, list[Peer]] = {}
    for members in options.members:
        made[members] = [
            peer
            for library in libraries
            for array in arrays
            for peer in peers(library, array, y, U, members, options.threads)
        ]
        if members == 1:
            made[members] += numba_peers(arrays, y, U, options.threads)
    return made, reference_gradients(A, y, U)


def check_whole(
    engines: list[Engine], made: dict[int, list[Peer]], reference: np.ndarray
) -> dict[int, float]:
    """Compares all contestants with f32 entries on the whole problem. Returns the error of each peer."""
    say(f"\ngradients beside NumPy float64 with {TIMED} entries, m = {engines[0].m}, relative error:")
    checks = [
        check(engine.name, engine, reference, engine.configuration.precision == "f64") for engine in engines
    ]
    errors = {}
    for members, group in made.items():
        for peer in group:
            runs = f", {members} runs" if members > 1 else ""
            one = check(f"{peer.name}{runs}: {peer.form.name}", peer, reference, peer.kind != "float32")
            errors[id(peer)] = one.error
            checks.append(one)
    require_right(checks)
    return errors


def measure(groups: list[Contestants], bandwidth: Callable[[], float], rounds: int) -> None:
    """All rounds. Memory's read rate is measured before each turn."""
    for turn in range(rounds):
        began = time.perf_counter()
        for group in groups:
            first = turn * len(group) // rounds
            for contestant, line in group[first:] + group[:first]:
                time.sleep(PAUSE)
                line.bandwidths.append(bandwidth())
                visit(contestant, line)
        say(f"round {turn + 1} of {rounds}: {time.perf_counter() - began:.0f} s")


def visit(contestant: Engine | Peer, line: Line) -> None:
    """One contestant's turn."""
    (warm,) = contestant.seconds(1)
    count = min(5, math.ceil(VISIT / warm))
    line.seconds.append(statistics.median(contestant.seconds(count)))
    if isinstance(contestant, Engine):
        line.engine.append(statistics.median(contestant.engine[-count:]))


def rounds(
    engines: list[Engine],
    made: dict[int, list[Peer]],
    errors: dict[Configuration, Check],
    peer_errors: dict[int, float],
    options: argparse.Namespace,
) -> dict[int, tuple[list[Line], Contestants]]:
    """The rounds of the engines of one format and of peers. Returns, for each number of members, the engines'
    lines, and the peers with theirs."""
    found = {}
    for members in options.members:
        own = [
            (e.of(members), Line(e.name, "", "matsense", members, e.bytes, errors[e.configuration].error))
            for e in engines
        ]
        others = [
            (p, Line(p.name, p.form.name, p.kind, members, p.bytes, peer_errors[id(p)]))
            for p in made[members]
        ]
        found[members] = own, others
    measure([[*others, *own] for own, others in found.values()], engines[0].problem.bandwidth, options.rounds)
    for own, others in found.values():
        lines = [line for _, line in others]
        for kind, fastest in best(lines).items():
            for line in [*lines, *(line for _, line in own)]:
                line.beside(kind, fastest)
    return {members: ([line for _, line in own], others) for members, (own, others) in found.items()}


def all_rounds(
    options: argparse.Namespace,
    libraries: list[Library],
    checks: dict[Configuration, Check],
) -> list[list[Line]]:
    """Opens one format after another, and measures it. Returns the lines of each number of members."""
    timed = [c for c in checks if c.precision in options.precisions]
    made: dict[int, list[Peer]] = {}
    peer_errors: dict[int, float] = {}
    peer_lines: dict[int, list[Line]] = {}
    own: dict[int, list[Line]] = {members: [] for members in options.members}
    for entries in sorted(ENTRIES, key=lambda entries: entries != TIMED):  # that one first
        engines = open_engines(options, entries, timed)
        if not engines:
            continue
        if entries == TIMED:
            made, reference = make_peers(engines[0], libraries, options)
            peer_errors = check_whole(engines, made, reference)
        say(f"\n{entries} entries, {engines[0].problem.device}")
        for members, (lines, others) in rounds(engines, made, checks, peer_errors, options).items():
            own[members] += lines
            if entries == TIMED:
                fastest = best([line for _, line in others]).values()
                made[members] = [peer for peer, line in others if line in fastest]
                peer_lines[members] = [line for _, line in others]
        for engine in engines:
            engine.release()
    order = [f"matsense {c}" for c in CONFIGURATIONS]
    return [
        peer_lines[members] + sorted(own[members], key=lambda line: order.index(line.name))
        for members in options.members
    ]


def peaks(options: argparse.Namespace) -> list[tuple[Configuration, int, float]]:
    """The memory of a process that generates its rows, by entries and members, in the first arithmetic."""
    found = []
    sizes = options.n, options.measurements, options.factor_rank
    for configuration in CONFIGURATIONS:
        if configuration.storage != "generated" or configuration.precision != options.precisions[0]:
            continue
        for members in options.members:
            size = peak(configuration, *sizes, members, options.threads)
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
    parts.append(
        ABOUT
        + "; ".join(f"{line.members}: {line.name}" for lines in results for line in best(lines).values())
    )
    everything = [b / 1e9 for lines in results for line in lines for b in line.bandwidths]
    parts.append(f"read bandwidth, GB/s: {spread(everything)}")
    rows = [
        [str(configuration), str(members), f"{size / 1e6:.0f}"] for configuration, members, size in memory
    ]
    parts.append("peak memory of a separate process")
    parts.append(markdown([["entries, storage, arithmetic", "runs", "MB"], *rows]))
    return "\n\n".join(parts)


def setting(
    options: argparse.Namespace,
    libraries: list[Library],
    matsense: str,
    used: dict[str, str],
) -> dict[str, object]:
    """What was measured, where, and with which versions."""
    return {
        "n": options.n,
        "measurements": options.measurements,
        "factor_rank": options.factor_rank,
        "rounds": options.rounds,
        "threads": options.threads,
        "simd": options.simd,
        "processor": processor(),
        "date": datetime.date.today().isoformat(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "commit": commit(),
        "go": go_version(),
        "matsense": matsense,
        "instructions": used,
        "libraries": {library.name: library.version for library in libraries},
    }


def main() -> None:
    """Checks, measures and prints."""
    began = time.perf_counter()
    options = parse()
    libraries = [library for library in (numpy_library(), torch_library(options.threads)) if library]
    with tempfile.TemporaryDirectory() as folder:
        build(pathlib.Path(folder))
        engine = prepare(CONFIGURATIONS[0], 4, 8, 1, 1, options.threads)
        if isinstance(engine, str):
            sys.exit(f"bench/peers: {engine}")
        matsense = engine.problem.device
        engine.release()
        used = in_use()
        facts = setting(options, libraries, matsense, used)
        say("\n".join(f"{name}: {value}" for name, value in facts.items()))
        if reason := refusal(options.simd, used, matsense):
            sys.exit(f"bench/peers: --simd {options.simd} is not what is used: {reason}")
        require_memory(options, available_memory())
        checks = check_formats(options)
        require_right(list(checks.values()))
        results = all_rounds(options, libraries, checks)
        memory = peaks(options)
    say(f"{time.perf_counter() - began:.0f} s in all\n")
    if options.json:
        print(
            json.dumps(
                {
                    **facts,
                    "lines": [dataclasses.asdict(line) for lines in results for line in lines],
                    "peak_memory": [
                        {**dataclasses.asdict(c), "members": members, "bytes": size}
                        for c, members, size in memory
                    ],
                }
            )
        )
    else:
        print(f"{json.dumps(facts, ensure_ascii=False)}\n\n{describe(results, memory)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted")
