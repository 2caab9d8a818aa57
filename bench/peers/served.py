"""matsense as a contestant, by its Python package: what users of Python get."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import platform
import subprocess
import sys
import time
from typing import Any

import numpy as np

from options import PRECISIONS
from steps import Coordinates, numpy_library

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENTRIES = ["f64", "f32", "bf16", "q8", "sign"]
BITS = {"f64": 64, "f32": 32, "bf16": 16, "q8": 8, "sign": 1}
START_SIZE = 0.3  # with which UUᵀ and the truth contribute alike to the residuals


@dataclasses.dataclass(frozen=True)
class Configuration:
    """The settings of an engine."""

    entries: str
    storage: str
    precision: str

    def __str__(self) -> str:
        return f"{self.entries}, {self.storage}, {self.precision}"


CONFIGURATIONS = [
    Configuration(entries, storage, precision)
    for precision in PRECISIONS
    for storage in ("memory", "generated")
    for entries in ENTRIES
    if storage == "memory" or entries in ("q8", "sign")  # generating normal deviates takes seconds
]


def build(folder: pathlib.Path) -> None:
    """Compiles the command, which the package of this tree then uses."""
    command = folder / "matsense"
    try:
        subprocess.run(["go", "build", "-o", command, "./cmd/matsense"], cwd=ROOT, check=True)
    except FileNotFoundError:
        sys.exit("the benchmark needs Go, and there is no command go")
    except subprocess.CalledProcessError:
        sys.exit("matsense could not be built")
    os.environ["MATSENSE"] = str(command)
    source = str(ROOT / "python" / "src")
    os.environ["PYTHONPATH"] = source
    sys.path.insert(0, source)


@dataclasses.dataclass(frozen=True)
class Engine:
    """An open problem, with the factors of some runs."""

    problem: Any
    configuration: Configuration
    n: int
    m: int
    stack: np.ndarray  # B × n × r
    bytes: float  # read from memory by a gradient
    engine: list[float] = dataclasses.field(default_factory=list)  # the engine's own seconds of each gradient

    @property
    def name(self) -> str:
        """Its name in tables."""
        return f"matsense {self.configuration}"

    @property
    def members(self) -> int:
        """The number of runs."""
        return len(self.stack)

    def of(self, members: int) -> Engine:
        """The same problem, for fewer runs."""
        return dataclasses.replace(self, stack=self.stack[:members], engine=[])

    def gradients(self) -> np.ndarray:
        """All gradients, B × n × r."""
        return self.problem.value_and_grad(self.stack)[1]

    def seconds(self, count: int) -> list[float]:
        """The seconds of each of count gradients."""
        out, times = np.empty_like(self.stack), []
        for _ in range(count):
            began = time.perf_counter()
            self.problem.value_and_grad(self.stack, out=out)
            times.append(time.perf_counter() - began)
            self.engine.append(self.problem.engine_seconds)
        return times

    def matrices(self) -> np.ndarray:
        """A, with the coordinates of A_i in row i."""
        coordinates = Coordinates(self.n, np.dtype(np.float64), numpy_library())
        A = np.empty((self.m, self.n * (self.n + 1) // 2))
        step = max(1, 2**21 // self.n**2)  # 16 MiB
        for i in range(0, self.m, step):
            A[i : i + step] = coordinates.of(self.problem.matrices(i, min(i + step, self.m)))
        return A

    def release(self) -> None:
        """Closes the problem."""
        self.problem.close()


def prepare(
    configuration: Configuration, n: int, m: int, factor_rank: int, members: int, threads: int
) -> Engine | str:
    """Opens a problem, or returns the reason why it is refused."""
    import matsense

    ensemble = "rademacher" if configuration.entries == "sign" else "gaussian"
    try:
        problem = matsense.problem(
            n=n,
            rank=1,
            measurements=m,
            factor_rank=factor_rank,
            ensemble=ensemble,
            device="cpu",
            members=members,
            workers=threads,
            **dataclasses.asdict(configuration),
        )
    except matsense.Error as refused:
        return str(refused)
    stack = np.stack([problem.start(alpha=START_SIZE, start_seed=i + 1) for i in range(members)])
    read = m * n * (n + 1) / 2 * BITS[configuration.entries] / 8 if configuration.storage == "memory" else 0
    return Engine(problem, configuration, n, m, stack, read)


def peak(
    configuration: Configuration, n: int, m: int, factor_rank: int, members: int, threads: int
) -> float | None:
    """The peak memory, in bytes, of a server that only opens one problem and computes gradients."""
    program = (
        "import sys, resource\n"
        "from served import Configuration, prepare\n"
        "engine = prepare(Configuration(*sys.argv[1:4]), *map(int, sys.argv[4:]))\n"
        "if isinstance(engine, str): sys.exit()\n"
        "engine.seconds(3)\n"
        "engine.release()\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            *dataclasses.astuple(configuration),
            *map(str, (n, m, factor_rank, members, threads)),
        ],
        cwd=pathlib.Path(__file__).resolve().parent,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * float(done.stdout) if done.stdout else None


def processor() -> str:
    """The processor's name."""
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo") as f:
        return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    return platform.processor() or platform.machine()


def available_memory() -> float | None:
    """The bytes that programs can have; None if the system does not tell."""
    with contextlib.suppress(OSError, StopIteration), open("/proc/meminfo") as f:
        return 1024 * float(next(line.split()[1] for line in f if line.startswith("MemAvailable")))
    return None


def go_version() -> str:
    """The version of Go that built the command."""
    lines = subprocess.run(
        [os.environ["MATSENSE"], "--version"], check=True, stdout=subprocess.PIPE, text=True
    )
    return lines.stdout.splitlines()[1].split()[0]


def commit() -> str:
    """The commit of this tree, with a mark if files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown commit"
    return said.stdout.strip()
