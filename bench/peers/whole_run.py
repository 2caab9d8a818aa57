#!/usr/bin/env python3
"""The paper's run as a whole process: matsense run with its defaults, and a NumPy script, in turn.

    .venv/bin/python bench/peers/whole_run.py                                   # n = 200: 3 GB, minutes
    .venv/bin/python bench/peers/whole_run.py --n 20 --rank 2 --rounds 1        # seconds

Gradient descent takes --iterations steps from U₀ = α·G, with an n × n factor and m = 10·n·rank measurements.
A process draws its measurements, takes the steps and records metrics. NumPy's is numpy_run.py: packed rows of
float32 or float64, drawn and read by all threads, with the loss and the test error at every step. matsense
records its default metrics, and writes its directory with figures, a report and the factor. Each must recover
the truth: if its last test error is above 0.01, the exit code is 1.

Times are from the start of a process to its end; memory is the most that was resident. The contestants take
turns, and ratios compare times of the same round. bench/peers/run makes .venv with NumPy.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from instructions import CHOICES, environment, has_avx512, refusal
from options import cores, positive
from served import build, commit, processor
from tables import markdown, spread

HERE = pathlib.Path(__file__).resolve().parent
ALPHA = "1e-6"
RECOVERED = 0.01  # test error
THREADS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GOMAXPROCS"]


@dataclasses.dataclass
class Process:
    """A contestant, and its results round by round."""

    name: str
    command: list[str]
    seconds: list[float] = dataclasses.field(default_factory=list)
    bytes: list[float] = dataclasses.field(default_factory=list)
    error: float = float("nan")  # the last test error

    def run(self, variables: dict[str, str]) -> None:
        """Runs it once, in a new folder."""
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as printed:
            began = time.perf_counter()
            child = subprocess.Popen(
                self.command, cwd=folder, env=variables, stdout=printed, stderr=subprocess.STDOUT
            )
            _, status, usage = os.wait4(child.pid, 0)
            self.seconds.append(time.perf_counter() - began)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode != 0:
                printed.seek(0)
                sys.stderr.write(printed.read().decode())
                sys.exit(f"bench/peers: {' '.join(self.command)} failed with exit code {child.returncode}")
            self.bytes.append(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
            summary = pathlib.Path(folder) / "run" / "summary.json"
            if summary.exists():
                self.error = json.loads(summary.read_text())["final"]["test_error"]
            else:
                printed.seek(0)
                self.error = float(printed.read().split()[-1])


def parse() -> argparse.Namespace:
    """Reads the command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--n", type=positive, default=200, help="size n (default %(default)s)")
    p.add_argument("--rank", type=positive, default=5, help="rank of the truth (default %(default)s)")
    p.add_argument("--iterations", type=positive, default=250, help="steps (default %(default)s)")
    p.add_argument("--rounds", type=positive, default=3, help="turns of each (default %(default)s)")
    p.add_argument("--threads", type=positive, default=cores(), help="of each (default %(default)s)")
    p.add_argument("--simd", choices=CHOICES, default="auto", help="instruction set of all contestants")
    p.add_argument("--json", action="store_true", help="print one JSON object")
    return p.parse_args()


def contestants(options: argparse.Namespace, program: str) -> list[Process]:
    """NumPy's two scripts, and matsense."""
    n, rank, threads, steps = map(str, (options.n, options.rank, options.threads, options.iterations))
    m = str(10 * options.n * options.rank)
    script = [sys.executable, str(HERE / "numpy_run.py"), n, rank, n, m, steps, ALPHA]
    run = [program, "run", "--n", n, "--rank", rank, "--alpha", ALPHA, "--iterations", steps,
           "--workers", threads, "--device", "cpu", "--out", "run"]  # fmt: skip
    return [
        Process("NumPy float64", [*script, "float64", threads]),
        Process("NumPy float32", [*script, "float32", threads]),
        Process("matsense, defaults", run),
        Process("matsense, q8 generated, mixed",
                [*run, "--entries", "q8", "--storage", "generated", "--precision", "mixed"]),
    ]  # fmt: skip


def used_by(variables: dict[str, str], program: str) -> tuple[dict[str, str], str]:
    """What NumPy and matsense say that they use."""
    ask = "import json, instructions; print(json.dumps(instructions.in_use()))"
    said = subprocess.run([sys.executable, "-c", ask], cwd=HERE, env=variables, check=True,
                          capture_output=True, text=True).stdout  # fmt: skip
    plan = subprocess.run([program, "run", "--n", "8", "--device", "cpu", "--dry-run"], env=variables,
                          check=True, capture_output=True, text=True).stdout  # fmt: skip
    return json.loads(said), plan.splitlines()[0]


def main() -> None:
    """Measures and prints."""
    options = parse()
    if options.simd == "avx512" and not has_avx512():
        sys.exit("bench/peers: this processor has no AVX-512; --simd avx2 takes what it has")
    threads = {name: str(options.threads) for name in THREADS}
    variables = environment(options.simd, sys.executable, {**os.environ, **threads})
    with tempfile.TemporaryDirectory() as folder:
        build(pathlib.Path(folder))
        program = os.environ["MATSENSE"]
        used, matsense = used_by(variables, program)
        if reason := refusal(options.simd, used, matsense):
            sys.exit(f"bench/peers: --simd {options.simd} is not what is used: {reason}")
        entered = contestants(options, program)
        for turn in range(options.rounds):
            first = turn % len(entered)
            for contestant in entered[first:] + entered[:first]:
                contestant.run(variables)
                print(f"{contestant.name}: {contestant.seconds[-1]:.2f} s", file=sys.stderr, flush=True)
                if not contestant.error <= RECOVERED:
                    sys.exit(f"bench/peers: {contestant.name} ends at test error {contestant.error:.2g}")
    facts = {
        "n": options.n,
        "rank": options.rank,
        "iterations": options.iterations,
        "rounds": options.rounds,
        "threads": options.threads,
        "simd": options.simd,
        "processor": processor(),
        "commit": commit(),
        "instructions": used,
    }
    if options.json:
        runs = [{k: v for k, v in vars(c).items() if k != "command"} for c in entered]
        print(json.dumps({**facts, "runs": runs}))
        return
    print("\n".join(f"{name}: {value}" for name, value in facts.items()) + "\n")
    print(table(entered))


def table(entered: list[Process]) -> str:
    """The table in Markdown. The first two contestants are those to compare with."""
    head = ["whole run", "s", *(f"× {peer.name}" for peer in entered[:2]), "peak memory", "test error"]
    rows = [
        [c.name, spread(c.seconds), *(spread([a / b for a, b in zip(peer.seconds, c.seconds)])
                                      for peer in entered[:2]),
         f"{max(c.bytes) / 1e6:.0f} MB", f"{c.error:.0e}"]
        for c in entered
    ]  # fmt: skip
    return markdown([head, *rows])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted")
