"""The flags of bench/peers/run."""

from __future__ import annotations

import argparse
import os

from instructions import CHOICES

PRECISIONS = ["f64", "mixed", "f32"]  # arithmetics; those that the backend refuses are skipped


def positive(text: str) -> int:
    """Parses a positive whole number."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def counts(text: str) -> list[int]:
    """Parses positive whole numbers with commas between them; sorts them, without duplicates."""
    return sorted({positive(word) for word in text.split(",")})


def precisions(text: str) -> list[str]:
    """Parses arithmetics with commas between them."""
    if unknown := set(text.split(",")) - set(PRECISIONS):
        raise argparse.ArgumentTypeError(f"{min(unknown)!r} is none of {', '.join(PRECISIONS)}")
    return text.split(",")


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parse() -> argparse.Namespace:
    """Reads the command line."""
    p = argparse.ArgumentParser(
        prog="bench/peers/run",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Compares one gradient in matsense, NumPy, PyTorch and Numba, in turn.",
    )
    p.add_argument("--n", type=positive, default=200, help="the unknown matrix is n × n")
    p.add_argument("--measurements", type=positive, default=10_000, help="number m of measurements")
    p.add_argument(
        "--factor-rank", type=positive, default=argparse.SUPPRESS, help="columns r of the factor (default: n)"
    )
    p.add_argument("--members", type=counts, default="1,8", help="runs in one pass, a table for each number")
    p.add_argument(
        "--precisions",
        type=precisions,
        default="f64,mixed",
        help="arithmetics of matsense to time; f32 takes as long as mixed. All are checked",
    )
    p.add_argument("--rounds", type=positive, default=5, help="turns of each contestant")
    p.add_argument("--threads", type=positive, default=cores(), help="threads of each contestant")
    p.add_argument(
        "--simd",
        choices=CHOICES,
        default="auto",
        help="instruction set of all contestants; auto: each takes what it finds best",
    )
    p.add_argument("--torch", action="store_true", help="install PyTorch if missing (5.4 GB on Linux)")
    p.add_argument("--numba", action="store_true", help="install Numba if missing (0.2 GB)")
    p.add_argument("--json", action="store_true", help="print all times as one JSON object, not tables")
    options = p.parse_args()
    options.factor_rank = getattr(options, "factor_rank", options.n)
    return options
