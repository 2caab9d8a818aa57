"""The gradient as a user would write it in NumPy or PyTorch, in every form that might be the fastest.

A is a dense array of m × n² numbers whose row i is vec(A_i), y has m numbers, and U is an array of B × n × r:
the factors of B runs. Each form returns the B gradients

    ∇f(U) = 1/m Σ_i (⟨A_i, UUᵀ⟩ − y_i) A_i U

The operators are the same in both libraries, so both share the code. One run takes two matrix-vector
products; several runs take two matrix products with B columns. "in blocks" does both products for a block of
rows while the block is in cache, so that A is read from memory once and not twice. Few users would write this
form.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any  # of NumPy or PyTorch
Gradient = Callable[[Array, Array, Array], Array]


@dataclasses.dataclass(frozen=True)
class Library:
    """The differences between NumPy and PyTorch."""

    name: str
    version: str
    take: Callable[[np.ndarray], Array]  # without a copy
    give: Callable[[Array], np.ndarray]
    contiguous: Callable[[Array], Array]


def numpy_library() -> Library:
    """NumPy."""
    return Library("NumPy", np.__version__, lambda a: a, lambda a: a, np.ascontiguousarray)


def torch_library(threads: int) -> Library | None:
    """PyTorch on the CPU, if it is installed and starts."""
    try:
        import torch
    except (ImportError, OSError, ValueError):  # the last two if it does not find NVIDIA's libraries
        return None
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return Library("PyTorch", torch.__version__, torch.from_numpy,
                   lambda a: a.numpy(), lambda a: a.contiguous())


def lifted(U: Array) -> Array:
    """vec(UUᵀ) of each run, B × n²."""
    return (U @ U.swapaxes(1, 2)).reshape(len(U), -1)


def pulled_back(g: Array, m: int, U: Array) -> Array:
    """G·U of each run, from B × n² sums."""
    B, n, _ = U.shape
    return (g.reshape(B, n, n) / m) @ U


def one(A: Array, y: Array, U: Array, transposed: bool) -> Array:
    """One run: two matrix-vector products."""
    u = U[0]
    res = A @ (u @ u.T).reshape(-1) - y
    g = A.T @ res if transposed else res @ A
    return ((g.reshape(len(u), len(u)) / len(y)) @ u)[None]


def one_by_one(A: Array, y: Array, U: Array, gradient: Gradient) -> list[Array]:
    """Several runs, one after another."""
    return [gradient(A, y, u[None]) for u in U]


def stacked(A: Array, y: Array, U: Array, contiguous: Callable[[Array], Array], columns: bool,
            transposed: bool) -> Array:
    """Several runs: two matrix products. The runs are the columns, or the rows, of Z and of the residuals."""
    Z = lifted(U)
    res = A @ contiguous(Z.T) - y[:, None] if columns else (Z @ A.T - y).T
    g = contiguous((A.T @ res).T) if transposed else res.T @ A
    return pulled_back(g, len(y), U)


def blocked(A: Array, y: Array, U: Array, contiguous: Callable[[Array], Array], rows: int) -> Array:
    """Both products for one block of rows after another."""
    if len(U) == 1:
        z = lifted(U)[0]
        g = 0 * z
        for i in range(0, len(y), rows):
            block = A[i:i + rows]
            g += (block @ z - y[i:i + rows]) @ block
    else:
        Z = lifted(U)
        columns, g = contiguous(Z.T), 0 * Z
        for i in range(0, len(y), rows):
            block = A[i:i + rows]
            g += (block @ columns - y[i:i + rows, None]).T @ block
    return pulled_back(g, len(y), U)


def forms(library: Library, members: int) -> dict[str, Gradient]:
    """The forms that read A twice. The first is the form that most users would write."""
    if members == 1:
        return {"A.T @ res": functools.partial(one, transposed=True),
                "res @ A": functools.partial(one, transposed=False)}
    several = functools.partial(stacked, contiguous=library.contiguous)
    return {
        f"{first}, {second}": functools.partial(several, columns=columns, transposed=transposed)
        for first, columns in (("A @ Z", True), ("Z.T @ A.T", False))
        for second, transposed in (("A.T @ Res", True), ("Res.T @ A", False))
    }


def block_forms(library: Library) -> dict[str, Gradient]:
    """The forms that read A once."""
    return {f"{rows} rows": functools.partial(blocked, contiguous=library.contiguous, rows=rows)
            for rows in (8, 32, 128)}


@dataclasses.dataclass(frozen=True)
class Peer:
    """One library's gradient of some runs, in its fastest form."""

    name: str
    form: str
    members: int
    bytes: float  # read from memory
    run: Callable[[], Array]
    give: Callable[[Array], np.ndarray]

    def gradients(self) -> np.ndarray:
        """All gradients, B × n × r, in float64."""
        result = self.run()
        parts = [self.give(g) for g in result] if isinstance(result, list) else [self.give(result)]
        return np.concatenate(parts).astype(np.float64)

    def seconds(self, count: int) -> list[float]:
        """The seconds of each of count calls."""
        return [timed(self.run) for _ in range(count)]


def timed(run: Callable[..., Any], *arguments: Any) -> float:
    """The seconds of a call."""
    began = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - began


def fastest(candidates: dict[str, Gradient], A: Array, y: Array, U: Array) -> tuple[str, Gradient]:
    """The fastest form. Some forms take a hundred times as long as others, so the first eighth of the rows
    selects candidates, and all rows decide among them."""
    some = max(1, len(y) // 8)
    first = {form: timed(gradient, A[:some], y[:some], U) for form, gradient in candidates.items()}
    good = [form for form in candidates if first[form] < 1.5 * min(first.values())]
    form = min(good, key=lambda form: timed(candidates[form], A, y, U)) if len(good) > 1 else good[0]
    return form, candidates[form]


def peers(library: Library, A: np.ndarray, y: np.ndarray, U: np.ndarray, members: int) -> list[Peer]:
    """A library's contestants, for one type of A."""
    U = np.ascontiguousarray(U[:members], A.dtype)
    data = [library.take(a) for a in (A, y.astype(A.dtype), U)]

    def peer(suffix: str, form: str, passes: float, gradient: Gradient) -> Peer:
        name = f"{library.name} {A.dtype}{suffix}"
        return Peer(name, form, members, passes * A.nbytes, lambda: gradient(*data), library.give)

    form, gradient = fastest(forms(library, members), *data)
    made = [peer("", form, 2, gradient)]
    form, gradient = fastest(block_forms(library), *data)
    made.append(peer(" in blocks", form, 1, gradient))
    if members > 1 and library.name == "NumPy" and A.dtype == np.float64:
        form, gradient = next(iter(forms(library, members).items()))
        made.append(peer(" as first written", form, 2, gradient))
        form, single = fastest(forms(library, 1), data[0], data[1], data[2][:1])
        made.append(peer(" one by one", form, 2 * members, functools.partial(one_by_one, gradient=single)))
    return made
