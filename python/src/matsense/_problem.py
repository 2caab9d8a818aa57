"""Problems: measurements that stay with the fast operators, for methods that are written in Python."""

from __future__ import annotations

import base64
import contextlib
import copy
import os
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matsense._errors import ConfigError, Error, Notice, outermost
from matsense._factor import Array, Factor, Factors, check_shapes, real_array, take_apart
from matsense._folder import Folder
from matsense._run import Run
from matsense._server import Memory, Server, request_line
from matsense._settings import Scalar, has_data, is_path, resolved, scalar, with_absolute_paths
from matsense._solve import Step, solve

Shapes: TypeAlias = tuple[tuple[int, ...], ...]
Values: TypeAlias = Any  # a float for one factor, an array for several
Places: TypeAlias = list[dict[str, Any]]


class Spectral(NamedTuple):
    """The k largest values of S = 1/m Σ yᵢ Aᵢ with their vectors: S ≈ left · diag(values) · rightᵀ."""

    values: Array
    """k values, the largest first: eigenvalues of a symmetric S, else singular values."""
    left: Array
    """n × k."""
    right: Array
    """n2 × k; for a symmetric S as left, with the signs of the eigenvalues for parametrization indefinite."""


class _Layout(NamedTuple):
    """A prepared request: its line, and its arrays in shared memory."""

    line: bytes
    given: list[Array]
    results: list[Array]


@outermost
def open(settings: Mapping[str, Any], *, members: int = 1) -> Problem:
    """Open a problem with settings by their keys. `matsense.problem` says what they are."""
    with _in_files(settings) as (texts, folder):
        opened = Problem(*Server.open_problem(texts, scalar("members", members)))
    opened.notes = tuple(map(folder.sentence, opened.notes))
    for note in opened.notes:
        warnings.warn(note, Notice, stacklevel=4)  # the line that calls matsense.problem
    # A start may be asked for when its array has changed.
    opened._data = {
        key: copy.deepcopy(value) if key in ("init", "init-right") else value
        for key, value in settings.items()
        if has_data({key: value})
    }
    return opened


@contextlib.contextmanager
def _in_files(settings: Mapping[str, Any]) -> Iterator[tuple[dict[str, Scalar], Folder]]:
    """Yield settings as the command takes them, and the folder of their arrays until the context ends."""
    given = with_absolute_paths(settings)
    with contextlib.ExitStack() as stack:
        folder = Folder(os.curdir)
        if has_data(given):
            directory = tempfile.mkdtemp(prefix="matsense-")
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            folder = Folder(directory)
        try:
            yield resolved(given, folder), folder
        except Error as failed:
            for value in filter(is_path, given.values()):
                folder.names.pop(os.fspath(value), None)  # a path of the user's is told as it is
            raise type(failed)(folder.sentence(str(failed))) from None


class Problem:
    """A problem whose measurements stay with the fast operators.

    `matsense.problem` opens it. It is closed by `close`, at the end of a `with` statement, or when nothing
    refers to it any more.

    A *factor* is what is learned: U of shape (n, r) for parametrization psd, or a tuple of matrices, whose
    shapes are `shapes`: U, V for uv and indefinite, W₁, W₂, … for deep, u and v for sparse. Gradients and
    values are also computed at several factors: a stack (B, n, r), with one more dimension in front, or a
    list of factors. As many as the problem has `members` share one pass over the measurements.

    Arrays are of NumPy, or of any library that NumPy takes, such as PyTorch on the CPU. Their numbers are
    converted to float64. Threads may share a problem; their requests are carried out one after another. A
    forked process opens problems of its own.

    Attributes
    ----------
    n, n2 : int
        The matrix is n × n2.
    measurements : int
        Number m of measurements that are fitted.
    rank : int
        Rank r* of the ground truth; 0 if it is not known.
    factor_rank : int
        Largest number of columns of a factor.
    shapes : tuple of tuples
        Shapes of the factor's matrices for the largest factor rank.
    symmetric : bool
        Whether the matrix is symmetric.
    parametrization, backend, device, storage, precision : str
        How and where gradients are computed.
    members : int
        Number of factors that share a pass.
    step : float
        Step size μ of gradient descent that the command would take.
    engine_seconds : float
        Time that the engine took for the last value_and_grad, without moving arrays.
    notes : tuple of str
        What the command wants you to know about the problem; `matsense.problem` also warns of it.

    Examples
    --------
    >>> import matsense as ms
    >>> with ms.problem(n=20, rank=2, measurements=400) as p:
    ...     U = p.start(alpha=1e-6)
    ...     for _ in range(300):
    ...         loss, G = p.value_and_grad(U)
    ...         U -= p.step * G
    ...     p.metrics(U)["test_error"]
    """

    def __init__(self, server: Server, memory: Memory, description: dict[str, Any]) -> None:
        """Take over an open problem of a server."""
        self.n: int = description["n"]
        self.n2: int = description["n2"]
        self.measurements: int = description["measurements"]
        self.rank: int = description["rank"]
        self.factor_rank: int = description["factor_rank"]
        self.shapes: tuple[tuple[int, int], ...] = tuple((r, c) for r, c in description["shapes"])
        self.symmetric: bool = description["symmetric"]
        self.parametrization: str = description["parametrization"]
        self.backend: str = description["backend"]
        self.device: str = description["device"]
        self.storage: str = description["storage"]
        self.precision: str = description["precision"]
        self.members: int = description["members"]
        self.step = float(description["step"])
        self.engine_seconds = 0.0
        self.notes: tuple[str, ...] = tuple(description["notes"])
        self._server = server
        self._number: int = description["problem"]
        self._memory = memory
        self._layouts: dict[object, _Layout] = {}
        self._observations: Array | None = None
        self._data: dict[str, Any] = {}  # settings that are arrays, for starts and runs
        self._forgotten = weakref.finalize(self, server.abandon_problem, self._number)
        self._forgotten.atexit = False  # the server ends then

    def close(self) -> None:
        """Free the measurements. The server ends with the last problem."""
        if self._forgotten.detach():
            self._server.close_problem(self._number)
            self._layouts.clear()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._forgotten.alive

    def __enter__(self) -> Problem:
        """Return the problem; the `with` statement closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the problem."""
        self.close()

    def __repr__(self) -> str:
        """Return a line with the sizes, and with where it is computed."""
        sizes = f"n = {self.n}" if self.symmetric else f"{self.n} × {self.n2}"
        rank = f", rank {self.rank}" if self.rank else ""
        where = f"{self.device}, {self.storage}, {self.precision}"
        state = "closed " if self.closed else ""
        return (
            f"<{state}matsense problem: {self.parametrization}, {sizes}{rank}, "
            f"{self.measurements} measurements, factor rank ≤ {self.factor_rank}; {where}>"
        )

    def __reduce__(self) -> str:
        """Refuse copies: the measurements are in another process."""
        raise TypeError("a problem cannot be copied or sent to another process: open it there")

    @outermost
    def start(
        self,
        *,
        alpha: float | None = None,
        alpha_right: float | None = None,
        start_imbalance: float | None = None,
        init: Factor | str | os.PathLike[str] | None = None,
        init_right: ArrayLike | str | os.PathLike[str] | None = None,
        start_seed: int | None = None,
        factor_rank: int | None = None,
    ) -> Factor:
        """Make a start of the catalog, and return it as a new factor.

        Settings that are None are as they were given to `matsense.problem`.

        Parameters
        ----------
        alpha : float
            Size α of the start.
        alpha_right : float
            Size α of V₀ with uv (0: that of U₀).
        start_imbalance : float
            Number c for a spectral start with uv: U₀ is multiplied by it, and V₀ divided (0: neither).
        init : str, factor or path
            Name of the start (see `matsense list starts`), or a factor, or the path of a .npy file.
        init_right : array or path
            Right factor of a start, if `init` is the left one.
        start_seed : int
            Seed of the random start.
        factor_rank : int
            Number r of columns, at most that of the problem.
        """
        given = {
            "alpha": alpha,
            "alpha-right": alpha_right,
            "start-imbalance": start_imbalance,
            "init": init,
            "init-right": init_right,
            "start-seed": start_seed,
            "factor-rank": factor_rank,
        }
        given = {key: value for key, value in given.items() if value is not None}
        if "init" not in given:
            given = {**{k: self._data[k] for k in ("init", "init-right") if k in self._data}, **given}
        with _in_files({**given, "parametrization": self.parametrization}) as (texts, _):
            del texts["parametrization"]
            out = [{"as": "base64"}] * len(self.shapes)
            answer = self._request("start", settings=texts, out=out)
        factor = tuple(_decoded(array) for array in answer["out"])
        return factor[0] if len(factor) == 1 else factor

    @outermost
    def value_and_grad(self, factor: Factor, out: Factor | None = None) -> tuple[Values, Factor]:
        """Compute f and ∇f at a factor, or at several.

            f(U) = 1/(4m) Σ (⟨Aᵢ, UUᵀ⟩ − yᵢ)²        ∇f(U) = 1/m Σ (⟨Aᵢ, UUᵀ⟩ − yᵢ) Aᵢ U

        for psd. Other parametrizations have another matrix in the place of UUᵀ, and the gradient has the
        derivatives of f by each matrix of the factor.

        Parameters
        ----------
        factor : array or tuple of arrays, a stack or a list of them
            Where to compute.
        out : as factor
            NumPy arrays for the gradient, of the same shapes as the factor's; the default is to make new
            ones.

        Returns
        -------
        value : float
            f; for several factors an array of them.
        gradient : as factor
            ∇f, in NumPy arrays.
        """
        factors = self._factors(factor)
        shapes = tuple([u.shape for u in factors.matrices])
        into = None if out is None else _results(out, factors)
        answer, gradient = self._ask(
            "value_and_grad", (), factors.matrices, shapes, self._gradient_members, into, factors
        )
        self.engine_seconds = answer["seconds"]
        grad = factors.put_together(gradient) if into is None else out
        return _values(answer, factors), grad

    @outermost
    def grad(self, factor: Factor, out: Factor | None = None) -> Factor:
        """Compute ∇f at a factor, or at several, as `value_and_grad` does."""
        return self.value_and_grad(factor, out)[1]

    @outermost
    def value(self, factor: Factor) -> Values:
        """Compute f at a factor, or at several, with about half of the work of a gradient.

        The sum is rounded in another order than that of `value_and_grad`.
        """
        factors = self._factors(factor)
        answer, _ = self._ask("value", (), factors.matrices, (), self._value_members, None, factors)
        return _values(answer, factors)

    @outermost
    def metrics(self, factor: Factor) -> dict[str, Any]:
        """Measure one factor.

        Returns
        -------
        dict
            The numbers that a line of trajectory.csv has, by their names, but those that belong to a run and
            not to a factor; None if a number is not known. `singular_values` is an array.
        """
        factors = self._factors(factor)
        if factors.form != "one":
            raise ConfigError("factor: metrics takes one factor")
        answer, _ = self._ask("metrics", (), factors.matrices, (), _metrics_members, None, factors)
        metrics = {name: None if v is None else float(v) for name, v in answer["metrics"].items()}
        return {**metrics, "singular_values": _numbers(answer["singular_values"])}

    @outermost
    def apply(
        self, left: ArrayLike, right: ArrayLike | None = None, out: NDArray[Any] | None = None
    ) -> Array:
        """Compute the measurements ⟨Aᵢ, Z⟩ of a matrix, an array of m numbers.

        Parameters
        ----------
        left, right : arrays of shapes (n, d) and (n2, d), or (n,) and (n2,)
            Z = left · rightᵀ; or without `right`, left is Z of shape (n, n2).
        out : array of m numbers
            A NumPy array for the result; the default is to make a new one.
        """
        if right is None:
            given = [_shaped("left", real_array("left", left), (self.n, self.n2), "without right, ")]
        else:
            given = [_columns("left", left, self.n), _columns("right", right, self.n2)]
            d, other = (matrix.shape[1] for matrix in given)
            if d != other:
                raise ConfigError(f"right: has {other} columns, and left has {d}: they must be as many")
        shapes = ((self.measurements,),)
        into = None if out is None else [_result("out", out, shapes[0])]
        return self._ask("apply", (), given, shapes, _apply_members, into)[1][0]

    @outermost
    def adjoint(
        self,
        weights: ArrayLike,
        x: ArrayLike | None = None,
        *,
        transpose: bool = False,
        out: NDArray[Any] | None = None,
    ) -> Array:
        """Compute S = Σ wᵢ Aᵢ, or a product with it; there is no factor 1/m.

        Parameters
        ----------
        weights : array of m numbers
            The weights w.
        x : array of shape (n2, d) or (n2,)
            Compute S·x, of shape (n, d) or (n,), in the place of S of shape (n, n2).
        transpose : bool
            Compute with Sᵀ: Sᵀ·x of shape (n2, d) for x of shape (n, d).
        out : array
            A NumPy array for the result; the default is to make a new one.
        """
        w = _shaped("weights", real_array("weights", weights), (self.measurements,))
        rows, inner = (self.n2, self.n) if transpose else (self.n, self.n2)
        given, shape = [w], (rows, inner)
        is_vector = False
        if x is not None:
            array = real_array("x", x)
            is_vector = array.ndim == 1
            given.append(_columns("x", array, inner))
            shape = (rows, given[1].shape[1])
        into = (
            None if out is None else [_result("out", out, shape[:1] if is_vector else shape).reshape(shape)]
        )
        members = _adjoint_members_transposed if transpose else _adjoint_members
        result = self._ask("adjoint", (transpose,), given, (shape,), members, into)[1][0]
        if out is not None:
            return out
        return result[:, 0] if is_vector else result

    @outermost
    def matrices(self, start: int, stop: int) -> Array:
        """Return the measurement matrices Aᵢ, start ≤ i < stop, in an array (stop − start, n, n2).

        Ensembles with structure, such as completion, have none.
        """
        start, stop = int(start), int(stop)
        members = {"from": start, "to": stop}
        shape = (max(stop - start, 0) * self.n, self.n2)

        def with_place(_: Places, results: Places) -> dict[str, Any]:
            return {**members, "out": results[0]}

        found = self._ask("matrices", (start, stop), [], (shape,), with_place, None)[1]
        return found[0].reshape(-1, self.n, self.n2)

    @outermost
    def bandwidth(self) -> float:
        """Measure the rate, in bytes per second, at which the memory of the device is read.

        A gradient cannot be faster than reading the measurements, if they are in memory. The first call takes
        half a GB, which the problem keeps.
        """
        return float(self._request("bandwidth")["bytes_per_second"])

    @outermost
    def spectral(self, k: int) -> Spectral:
        """Find the k largest values of S = 1/m Σ yᵢ Aᵢ and their vectors, as the spectral start does.

        The values are eigenvalues of a symmetric S, the largest first, or for parametrization indefinite the
        largest in magnitude; else singular values.
        """
        answer = self._request("spectral", k=scalar("k", k), left={"as": "base64"}, right={"as": "base64"})
        return Spectral(_numbers(answer["values"]), _decoded(answer["left"]), _decoded(answer["right"]))

    @outermost
    def solve(
        self,
        step: Step,
        /,
        *,
        out: str | os.PathLike[str] | None = None,
        resume: bool = False,
        force: bool = False,
        state: int = 0,
        name: str | None = None,
        progress: bool = True,
        callback: Callable[[dict[str, Any]], object] | None = None,
        tensorboard: str | os.PathLike[str] | None = None,
        **settings: object,
    ) -> Run:
        """Carry out a run whose steps a function takes, and return it.

        Metrics, phases, checkpoints and the report are made as with a built-in method, and the run directory
        can be resumed. The settings are those of `matsense.run` that do not belong to the problem: the start
        (`alpha`, `init`), `iterations`, `measure_every`, `target_loss`, `keep`, `checkpoint_every`, ….

        Parameters
        ----------
        step : callable
            Called as step(p, U, t) with the problem, the iterate, and its number t from 0 on. It changes U
            in place, or returns the next iterate. U is an array of shape (n, r), or a tuple of matrices for
            parametrizations with several. p.value_and_grad(U) at the iterate costs no pass over the
            measurements.
        out : path
            Directory of the run (default runs/ and the time).
        resume : bool
            Continue the run in `out`. It has the bits of an uninterrupted run if the steps depend on nothing
            but their arguments.
        force : bool
            Replace the run in `out`.
        state : int
            Number k of arrays that the function keeps from step to step. It is then called as
            step(p, U, t, state) with a list of k arrays of U's shape (or tuples as U), which it changes in
            place. They are zeros at first, and checkpoints hold them.
        name : str
            Name of the method in titles (default the function's).
        progress : bool
            Show how far the run has come.
        callback : callable
            Called with each sample, a dict of the iteration and the metrics, when it is measured. If it
            raises an exception, the run is saved and ends.
        tensorboard : path
            Also write event files for TensorBoard into this directory.
        **settings
            Settings by their names in Python.

        Raises
        ------
        ConfigError
            A setting or an argument is wrong, or what the function has returned is no iterate.
        Diverged
            The loss grew without bound; its attribute `run` has the run.
        Interrupted
            Ctrl-C was pressed, and the state before the step was saved; its attribute `run` has the run. A
            second Ctrl-C ends the run at once, and closes all problems.
        Exception
            What the function or the callback has raised; the state before the step was saved.

        Examples
        --------
        >>> def heavy_ball(p, U, t, state):
        ...     (V,) = state
        ...     V[...] = 0.9 * V - 0.1 * p.grad(U)
        ...     U += V
        >>> with ms.problem(n=60, rank=3) as p:
        ...     run = p.solve(heavy_ball, state=1, alpha=1e-6, iterations=300)
        """
        self._check_open()
        return solve(
            self,
            step,
            out=out,
            resume=resume,
            force=force,
            state=state,
            name=name,
            progress=progress,
            callback=callback,
            tensorboard=tensorboard,
            settings=settings,
        )

    @outermost
    def torch(self) -> Callable[..., Any]:
        """Return f as a function of PyTorch tensors, whose gradient PyTorch can ask for.

        The function takes the factor's matrices, each as an argument, or stacks of them. It computes in
        float64; its value and gradients have the type and the device of the tensors. Second derivatives are
        not known.

        Examples
        --------
        >>> f = p.torch()
        >>> U = torch.tensor(p.start(), requires_grad=True)
        >>> optimizer = torch.optim.SGD([U], lr=p.step)
        >>> for _ in range(300):
        ...     optimizer.zero_grad()
        ...     f(U).backward()
        ...     optimizer.step()
        """
        from matsense._torch import function

        self._check_open()
        return function(self)

    @outermost
    def pymanopt(self, manifold: Any = None) -> Any:  # noqa: ANN401 (classes of pymanopt)
        """Return a `pymanopt.Problem` with f as its cost and with ∇f.

        Parameters
        ----------
        manifold : pymanopt.manifolds.Manifold
            Where the factor is: a manifold whose points are arrays of the factor's shape, such as Euclidean
            and PSDFixedRank, or a Product of manifolds, one for each of the factor's matrices. The default is
            all factors of the problem's factor rank.

        Examples
        --------
        >>> from pymanopt.manifolds import PSDFixedRank
        >>> from pymanopt.optimizers import ConjugateGradient
        >>> U = ConjugateGradient().run(p.pymanopt(PSDFixedRank(p.n, p.rank))).point
        """
        from matsense._manopt import problem_on

        self._check_open()
        return problem_on(self, manifold)

    @outermost
    def linear_operator(self) -> Any:  # noqa: ANN401 (a class of SciPy)
        """Return the measurements as a `scipy.sparse.linalg.LinearOperator` of shape (m, n·n2).

        It takes vec(Z), the rows of Z one after another, to the measurements ⟨Aᵢ, Z⟩; its adjoint takes w to
        vec(Σ wᵢ Aᵢ).

        Examples
        --------
        >>> from scipy.sparse.linalg import lsqr
        >>> Z = lsqr(p.linear_operator(), p.observations)[0].reshape(p.n, p.n2)
        """
        from matsense._linop import linear_operator

        self._check_open()
        return linear_operator(self)

    @property
    @outermost
    def observations(self) -> Array:
        """The observations y, an array of m numbers that cannot be written to."""
        if self._observations is None:
            y = _decoded(self._request("observations", out={"as": "base64"})["out"])
            y.flags.writeable = False
            self._observations = y
        return self._observations

    def _factors(self, factor: Factor) -> Factors:
        return take_apart("factor", factor, len(self.shapes))

    def _gradient_members(self, given: Places, results: Places) -> dict[str, Any]:
        return {"factor": self._grouped(given), "grad": self._grouped(results)}

    def _value_members(self, given: Places, _: Places) -> dict[str, Any]:
        return {"factor": self._grouped(given)}

    def _grouped(self, places: Places) -> list[Places]:
        each = len(self.shapes)
        return [places[i : i + each] for i in range(0, len(places), each)]

    def _request(self, call: str, **members: object) -> dict[str, Any]:
        """Make a request whose arrays are in its line and in the answer."""
        self._check_open()
        with self._server as server:
            return server.request(call, problem=self._number, **members)

    def _ask(
        self,
        call: str,
        variant: tuple[object, ...],
        given: Sequence[NDArray[Any]],
        results: Shapes,
        members: Callable[[Places, Places], dict[str, Any]],
        out: Sequence[NDArray[Any]] | None,
        factors: Factors | None = None,
    ) -> tuple[dict[str, Any], list[Array]]:
        """Make a request whose arrays are in shared memory.

        Returns the answer, and its results in new arrays, or in `out`. `members` makes the request's members
        from the places of arrays. The line is kept for requests with the same shapes.
        """
        self._check_open()
        key = (call, variant, tuple([a.shape for a in given]))
        with self._server as server:
            layout = self._layouts.get(key)
            if layout is None:
                if factors is not None:
                    check_shapes("factor", factors, self.parametrization, self.shapes)
                layout = self._lay_out(call, [a.shape for a in given], results, members)
                self._layouts[key] = layout
            for place, array in zip(layout.given, given, strict=True):
                place[...] = array
            answer = server.exchange(layout.line)
            if out is None:
                return answer, [result.copy() for result in layout.results]
            for array, result in zip(out, layout.results, strict=True):
                np.copyto(array, result, casting="same_kind")
            return answer, list(out)

    def _lay_out(
        self,
        call: str,
        given: Sequence[tuple[int, ...]],
        results: Shapes,
        members: Callable[[Places, Places], dict[str, Any]],
    ) -> _Layout:
        shapes = [*given, *results]
        found = self._memory.arrays(shapes)
        if found is None:
            self._layouts.clear()  # their arrays are in the old memory
            self._memory.grow(sum(8 * int(np.prod(shape)) for shape in shapes))
            found = self._memory.arrays(shapes)
            assert found is not None
        views, places = found
        k = len(given)
        line = request_line(call, problem=self._number, **members(places[:k], places[k:]))
        return _Layout(line, views[:k], views[k:])

    def _check_open(self) -> None:
        if not self._forgotten.alive:
            raise Error("the problem is closed: open it again")


def _metrics_members(given: Places, _: Places) -> dict[str, Any]:
    return {"factor": given}


def _apply_members(given: Places, results: Places) -> dict[str, Any]:
    names = ("matrix",) if len(given) == 1 else ("left", "right")
    return {**dict(zip(names, given, strict=True)), "out": results[0]}


def _adjoint_members(given: Places, results: Places) -> dict[str, Any]:
    return {**dict(zip(("weights", "x"), given, strict=False)), "out": results[0]}


def _adjoint_members_transposed(given: Places, results: Places) -> dict[str, Any]:
    return {**_adjoint_members(given, results), "transpose": True}


def _values(answer: dict[str, Any], factors: Factors) -> Values:
    values = answer["values"]
    return float(values[0]) if factors.form == "one" else _numbers(values)


def _numbers(values: Sequence[float | str]) -> Array:
    """Return numbers of an answer, among which may be the texts NaN and Infinity."""
    return np.array([float(v) for v in values])


def _decoded(array: dict[str, Any]) -> Array:
    """Return an array that an answer has as Base64."""
    numbers = np.frombuffer(base64.b64decode(array["base64"]), "<f8").astype(np.float64)
    return numbers.reshape(array["shape"])


def _shaped(name: str, array: NDArray[Any], shape: tuple[int, ...], when: str = "") -> NDArray[Any]:
    if array.shape != shape:
        raise ConfigError(f"{name}: {when}must have shape {shape}, got {array.shape}")
    return array


def _columns(name: str, value: ArrayLike, rows: int) -> NDArray[Any]:
    """Return a matrix of so many rows; an array of one dimension is a column."""
    array = real_array(name, value)
    if array.ndim not in (1, 2) or array.shape[0] != rows or array.size == 0:
        raise ConfigError(f"{name}: must have shape ({rows}, d) or ({rows},), got {array.shape}")
    return array.reshape(rows, -1)


def _result(name: str, out: object, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return an array of the user's that a result can be written to."""
    if not isinstance(out, np.ndarray) or out.dtype.kind != "f" or not out.flags.writeable:
        raise ConfigError(f"{name}: takes a NumPy array of floating-point numbers that can be written to")
    return _shaped(name, out, shape)


def _results(out: Factor, factors: Factors) -> list[NDArray[Any]]:
    """Return the matrices of the user's arrays for gradients."""
    given = take_apart("out", out, factors.each)
    if given.form != factors.form or given.number != factors.number:
        raise ConfigError("out: must have the form and the shapes of the factor")
    return [_result("out", o, u.shape) for o, u in zip(given.matrices, factors.matrices, strict=True)]
