"""matsense as a contestant: the program in ours/, which reads commands from its standard input."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ENTRIES = ["f64", "f32", "bf16", "q8", "sign"]
BITS = {"f64": 64, "f32": 32, "bf16": 16, "q8": 8, "sign": 1}
PRECISIONS = ["f64", "mixed", "f32"]  # those that the backend refuses are skipped


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


def build(folder: pathlib.Path) -> pathlib.Path:
    """Compiles the program."""
    binary = folder / "ours"
    try:
        subprocess.run(["go", "build", "-o", binary, "."], cwd=HERE / "ours", check=True)
    except FileNotFoundError:
        sys.exit("bench/peers needs Go, and there is no command go")
    except subprocess.CalledProcessError:
        sys.exit("bench/peers: matsense's side could not be built")
    return binary


class Ours:
    """A running program. Arrays travel through files in a folder."""

    def __init__(self, binary: pathlib.Path, folder: pathlib.Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        bufsize=1)

    def close(self) -> None:
        """Ends the program."""
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Sends a command and returns the answer."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"bench/peers: matsense's side ended at the command {do} {arguments}, "
                     f"with exit code {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            sys.exit(f"bench/peers: matsense's side, at the command {do} {arguments}: {answer['error']}")
        return answer

    def array(self, do: str, **arguments: Any) -> np.ndarray:
        """Asks for an array, and loads it."""
        path = self.folder / "array.npy"
        self.ask(do, path=str(path), **arguments)
        array = np.load(path)
        path.unlink()
        return array


@dataclasses.dataclass(frozen=True)
class Engine:
    """An open engine, for some runs."""

    ours: Ours
    configuration: Configuration
    n: int
    m: int
    members: int
    bytes: float  # read from memory by a gradient

    @property
    def key(self) -> str:
        """Its name in the program."""
        return f"{self.configuration}, {self.n}, {self.m}"

    @property
    def name(self) -> str:
        """Its name in tables."""
        return f"matsense {self.configuration}"

    @property
    def form(self) -> str:
        """The form, as a peer has it; matsense has only one."""
        return ""

    def of(self, members: int) -> Engine:
        """The same engine, for fewer runs."""
        return dataclasses.replace(self, members=members)

    def gradients(self) -> np.ndarray:
        """All gradients, B × n × r."""
        return self.ours.array("gradient", name=self.key, members=self.members)

    def seconds(self, count: int) -> list[float]:
        """The seconds of each of count gradients."""
        return self.ours.ask("time", name=self.key, members=self.members, rounds=count)["seconds"]

    def factors(self) -> np.ndarray:
        """The factors of all runs, B × n × r."""
        return self.ours.array("factors", name=self.key)

    def observations(self) -> np.ndarray:
        """y."""
        return self.ours.array("observations", name=self.key)

    def matrices(self) -> np.ndarray:
        """A, with vec(A_i) in row i, made from svec coordinates (upper triangle, off-diagonals times √2)."""
        n, m = self.n, self.m
        upper = np.triu_indices(n)
        at = np.empty((n, n), np.intp)  # the coordinate of element (i, j)
        at[upper] = at.T[upper] = np.arange(len(upper[0]))
        scale = np.where(upper[0] == upper[1], 1, np.sqrt(0.5))
        A = np.empty((m, n * n))
        step = max(1, 2**23 // len(scale))  # rows in a file of 64 MiB
        for i in range(0, m, step):
            rows = self.ours.array("rows", name=self.key, **{"from": i, "to": min(i + step, m)})
            # mode="clip" writes into out without a buffer.
            np.take(rows * scale, at.reshape(-1), axis=1, out=A[i:i + step], mode="clip")
        return A

    def release(self) -> None:
        """Closes the engine."""
        self.ours.ask("release", name=self.key)


def prepare(ours: Ours, configuration: Configuration, n: int, m: int, factor_rank: int, members: int,
            ) -> Engine | str:
    """Opens an engine, or returns the reason why the backend refuses it."""
    engine = Engine(ours, configuration, n, m, members, 0)
    answer = ours.ask("prepare", name=engine.key, n=n, m=m, factor_rank=factor_rank, members=members,
                      **dataclasses.asdict(configuration))
    if "refused" in answer:
        return str(answer["refused"])
    return dataclasses.replace(engine, bytes=answer.get("bytes", 0))


def peak(binary: pathlib.Path, folder: pathlib.Path, configuration: Configuration, n: int, m: int,
         factor_rank: int, members: int) -> float | None:
    """The peak memory, in bytes, of a process that only opens one engine and computes gradients."""
    with contextlib.closing(Ours(binary, folder)) as ours:
        engine = prepare(ours, configuration, n, m, factor_rank, members)
        if isinstance(engine, str):
            return None
        engine.seconds(3)
        return ours.ask("memory")["peak_bytes"]
