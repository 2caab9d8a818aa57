"""The gradient as a good user would write it in NumPy, PyTorch or Numba, in every form that might be fastest.

A symmetric n × n matrix is a vector of K = n(n+1)/2 coordinates: its upper triangle, off-diagonals times √2,
so that dot products of coordinates are those of matrices. A has the coordinates of A_i in row i, m × K
numbers in all; dense rows of n² numbers would take nearly twice the memory and time. y has m numbers, and U
is an array of B × n × r: the factors of B runs. From the coordinates Z of all U_kU_kᵀ, each form returns the
coordinates of Σ_i (⟨A_i, U_kU_kᵀ⟩ − y_i) A_i, an array of B × K. The rest is the same for all forms:

    ∇f(U) = 1/m Σ_i (⟨A_i, UUᵀ⟩ − y_i) A_i U

The forms, all with the same number of threads:

    two products    one run: matrix times vector, twice; several runs: matrix times matrix, in four orders
    blocks          both products for a block of rows while the block is in cache, so that A is read once
    parts           each thread does the blocks of its own part of the rows, and BLAS has one thread
    loop (Numba)    a compiled loop over four rows at a time, which reads float64 or float32 entries once and
                    computes in float64; for one run

The operators of NumPy and PyTorch are the same, so both share the code. NumPy computes U @ U.T by syrk.

Tried, and not faster: in NumPy rows in Fortran order for one of the products or both, dgemv of
scipy.linalg.blas, and rows of float32 that are converted to float64 block by block; in PyTorch torch.compile,
of the products and of elementwise products with sums.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import threadpoolctl

Array = Any  # of NumPy or PyTorch
Contraction = Callable[[Array, Array, Array], Array]  # of A, y and Z


@dataclasses.dataclass(frozen=True)
class Library:
    """The differences between NumPy and PyTorch."""

    name: str
    version: str
    take: Callable[[np.ndarray], Array]  # without a copy
    give: Callable[[Array], np.ndarray]
    contiguous: Callable[[Array], Array]
    columns: Callable[[Array, Array], Array]  # elements of each row, by their places


@dataclasses.dataclass(frozen=True)
class Form:
    """One way to contract. A form that divides its rows among threads itself leaves one to BLAS."""

    name: str
    contract: Contraction
    parts: bool = False


def numpy_library() -> Library:
    """NumPy."""
    return Library(
        "NumPy",
        np.__version__,
        lambda a: a,
        lambda a: a,
        np.ascontiguousarray,
        functools.partial(np.take, axis=1),
    )


def torch_library(threads: int) -> Library | None:
    """PyTorch on the CPU, if it is installed and starts."""
    try:
        import torch
    except (ImportError, OSError, ValueError):  # the last two if it does not find NVIDIA's libraries
        return None
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return Library(
        "PyTorch",
        torch.__version__,
        torch.from_numpy,
        lambda a: a.numpy(),
        lambda a: a.contiguous(),
        lambda a, at: a[:, at],
    )


class Coordinates:
    """The coordinates of symmetric n × n matrices, for arrays of one library and type."""

    def __init__(self, n: int, dtype: np.dtype, library: Library) -> None:
        i, j = np.triu_indices(n)
        places = np.empty((n, n), np.intp)
        places[i, j] = places[j, i] = np.arange(len(i))
        scale = np.where(i == j, 1, np.sqrt(2))
        self.library = library
        self.upper, self.places = library.take(i * n + j), library.take(places)
        self.scale, self.inverse = library.take(scale.astype(dtype)), library.take((1 / scale).astype(dtype))

    def of(self, matrices: Array) -> Array:
        """The coordinates of matrices, B × K."""
        return self.library.columns(matrices.reshape(len(matrices), -1), self.upper) * self.scale

    def matrices(self, coordinates: Array) -> Array:
        """The matrices of coordinates, B × n × n."""
        return self.library.columns(coordinates * self.inverse, self.places)


def one(A: Array, y: Array, Z: Array, transposed: bool) -> Array:
    """One run: two matrix-vector products."""
    res = A @ Z[0] - y
    return (A.T @ res if transposed else res @ A)[None]


def stacked(
    A: Array, y: Array, Z: Array, contiguous: Callable[[Array], Array], columns: bool, transposed: bool
) -> Array:
    """Several runs: two matrix products. The runs are the columns, or the rows, of Z and of the residuals."""
    res = A @ contiguous(Z.T) - y[:, None] if columns else (Z @ A.T - y).T
    return contiguous((A.T @ res).T) if transposed else res.T @ A


def blocked(A: Array, y: Array, Z: Array, contiguous: Callable[[Array], Array], rows: int) -> Array:
    """Both products for one block of rows after another."""
    g = 0 * Z
    columns = contiguous(Z.T)
    for i in range(0, len(y), rows):
        block = A[i : i + rows]
        if len(Z) == 1:
            g[0] += (block @ Z[0] - y[i : i + rows]) @ block
        else:
            g += (block @ columns - y[i : i + rows, None]).T @ block
    return g


def divided(
    A: Array, y: Array, Z: Array, pool: ThreadPoolExecutor, parts: int, contract: Contraction
) -> Array:
    """A contraction of a part of the rows in each thread."""
    bounds = [len(y) * i // parts for i in range(parts + 1)]
    sums = [pool.submit(contract, A[i:j], y[i:j], Z) for i, j in itertools.pairwise(bounds)]
    return functools.reduce(lambda a, b: a + b, (g.result() for g in sums))


def products(library: Library, members: int) -> list[Form]:
    """The forms that read A twice."""
    if members == 1:
        return [
            Form("A.T @ res", functools.partial(one, transposed=True)),
            Form("res @ A", functools.partial(one, transposed=False)),
        ]
    several = functools.partial(stacked, contiguous=library.contiguous)
    return [
        Form(f"{first}, {second}", functools.partial(several, columns=columns, transposed=transposed))
        for first, columns in (("A @ Z", True), ("Z.T @ A.T", False))
        for second, transposed in (("A.T @ Res", True), ("Res.T @ A", False))
    ]


def blocks(library: Library, members: int, threads: int) -> list[Form]:
    """The forms that read A once. PyTorch's own threads divide the work of every call, so its rows are not
    divided among threads as well."""
    sizes = (8, 16, 32) if members == 1 else (32, 128, 512)
    contractions = {
        rows: functools.partial(blocked, contiguous=library.contiguous, rows=rows) for rows in sizes
    }
    forms = [Form(f"{rows} rows", contract) for rows, contract in contractions.items()]
    if library.name != "NumPy" or threads == 1:
        return forms
    divide = functools.partial(divided, pool=ThreadPoolExecutor(threads), parts=threads)
    return forms + [
        Form(f"{rows} rows, a part for each thread", functools.partial(divide, contract=contract), parts=True)
        for rows, contract in contractions.items()
    ]


def numba_loop(threads: int) -> Form | None:
    """A compiled loop, if Numba is installed. Its first call compiles it."""
    try:
        import numba
    except ImportError:
        return None
    numba.set_num_threads(threads)

    # fastmath lets the compiler add up in vector lanes; without it a dot product is one chain of additions.
    @numba.njit(parallel=True, fastmath=True)
    def contract(A: Array, y: Array, z: Array, parts: int) -> Array:
        m = len(y)
        sums = np.zeros((parts, len(z)))
        for part in numba.prange(parts):
            g = sums[part]
            end = m * (part + 1) // parts
            i = m * part // parts
            while i < end:
                if i + 4 <= end:
                    a, b, c, d = A[i], A[i + 1], A[i + 2], A[i + 3]
                    p, q, s, t = -y[i], -y[i + 1], -y[i + 2], -y[i + 3]
                    for k in range(len(z)):
                        p += a[k] * z[k]
                        q += b[k] * z[k]
                        s += c[k] * z[k]
                        t += d[k] * z[k]
                    for k in range(len(z)):
                        g[k] += p * a[k] + q * b[k] + s * c[k] + t * d[k]
                    i += 4
                else:
                    a, p = A[i], -y[i]
                    for k in range(len(z)):
                        p += a[k] * z[k]
                    for k in range(len(z)):
                        g[k] += p * a[k]
                    i += 1
        return sums.sum(0)

    return Form("4 rows, compiled", lambda A, y, Z: contract(A, y, Z[0], threads)[None])


@functools.cache
def controller() -> threadpoolctl.ThreadpoolController:
    """Finds the libraries that have threads once: this takes milliseconds."""
    return threadpoolctl.ThreadpoolController()


def threads_of(form: Form) -> contextlib.AbstractContextManager[object]:
    """Leaves BLAS one thread while a form has its own."""
    return controller().limit(limits=1, user_api="blas") if form.parts else contextlib.nullcontext()


@dataclasses.dataclass(frozen=True)
class Peer:
    """One library's gradient of some runs, in one form."""

    name: str
    form: Form
    kind: str  # float64 or float32, the type of its results; Numba, for its loop
    members: int
    bytes: float  # read from memory
    run: Callable[[], Array]
    give: Callable[[Array], np.ndarray]

    def gradients(self) -> np.ndarray:
        """All gradients, B × n × r, in float64."""
        return self.give(self.run()).astype(np.float64)

    def seconds(self, count: int) -> list[float]:
        """The seconds of each of count calls."""
        with threads_of(self.form):
            return [timed(self.run) for _ in range(count)]


def timed(run: Callable[..., Any], *arguments: Any) -> float:
    """The seconds of a call."""
    began = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - began


def fastest(candidates: list[Form], A: Array, y: Array, Z: Array) -> Form:
    """The fastest form. Some forms take a hundred times as long as others, so the first eighth of the rows
    selects candidates, and all rows decide among them: the least of three calls, because other programs of
    the machine only add time."""

    def least(form: Form, m: int, calls: int) -> float:
        with threads_of(form):
            return min(timed(form.contract, A[:m], y[:m], Z) for _ in range(calls))

    first = [least(form, max(1, len(y) // 8), 2) for form in candidates]
    good = [form for form, seconds in zip(candidates, first) if seconds < 1.5 * min(first)]
    return min(good, key=lambda form: least(form, len(y), 3)) if len(good) > 1 else good[0]


def gradient(contract: Contraction, coordinates: Coordinates, A: Array, y: Array, U: Array) -> Array:
    """The gradients of all runs, B × n × r."""
    Z = coordinates.of(U @ U.swapaxes(1, 2))
    return (coordinates.matrices(contract(A, y, Z)) / len(y)) @ U


def peers(
    library: Library,
    A: np.ndarray,
    y: np.ndarray,
    U: np.ndarray,
    members: int,
    threads: int,
) -> list[Peer]:
    """A library's contestants, for one type of A: the fastest of those that read A twice, and once."""
    kind = A.dtype
    coordinates = Coordinates(U.shape[1], kind, library)
    data = [library.take(a) for a in (A, y.astype(kind), np.ascontiguousarray(U[:members], kind))]
    Z = coordinates.of(data[2] @ data[2].swapaxes(1, 2))

    def peer(suffix: str, form: Form, passes: int) -> Peer:
        run = functools.partial(gradient, form.contract, coordinates, *data)
        return Peer(
            f"{library.name} {kind}{suffix}", form, str(kind), members, passes * A.nbytes, run, library.give
        )

    twice, once = products(library, members), blocks(library, members, threads)
    return [peer("", fastest(twice, *data[:2], Z), 2), peer(" in blocks", fastest(once, *data[:2], Z), 1)]


def numba_peers(arrays: list[np.ndarray], y: np.ndarray, U: np.ndarray, threads: int) -> list[Peer]:
    """Numba's loop over each of the arrays, in float64, if it is installed."""
    form = numba_loop(threads)
    if form is None:
        return []
    library = numpy_library()
    coordinates = Coordinates(U.shape[1], np.dtype(np.float64), library)
    return [
        Peer(
            f"Numba float64, {A.dtype} rows",
            form,
            "Numba",
            1,
            A.nbytes,
            functools.partial(gradient, form.contract, coordinates, A, y, U[:1]),
            library.give,
        )
        for A in arrays
    ]
