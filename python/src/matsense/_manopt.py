"""A problem's f as a cost of pymanopt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from matsense._factor import Array, Factor
from matsense._needs import needs

if TYPE_CHECKING:
    from matsense._problem import Problem

Manifold: TypeAlias = Any  # pymanopt's
ManoptProblem: TypeAlias = Any  # pymanopt's


def problem_on(problem: Problem, manifold: Manifold | None) -> ManoptProblem:
    """Return f and ∇f on a manifold. `Problem.pymanopt` says more."""
    pymanopt = needs("pymanopt", "pymanopt", "p.pymanopt()")
    manifolds = needs("pymanopt.manifolds", "pymanopt", "p.pymanopt()")
    if manifold is None:
        flat = [manifolds.Euclidean(rows, columns) for rows, columns in problem.shapes]
        manifold = flat[0] if len(flat) == 1 else manifolds.Product(flat)
    latest = _Latest(problem)

    @pymanopt.function.numpy(manifold)  # type: ignore[untyped-decorator]
    def cost(*matrices: Array) -> float:
        return latest(matrices)[0]

    @pymanopt.function.numpy(manifold)  # type: ignore[untyped-decorator]
    def gradient(*matrices: Array) -> Factor:
        return latest(matrices)[1]

    return pymanopt.Problem(manifold, cost, euclidean_gradient=gradient)


class _Latest:
    """f and ∇f at the point that was asked for last: pymanopt asks for the two one after the other."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._point: tuple[Array, ...] = ()
        self._answer: tuple[float, Factor] = (np.nan, None)

    def __call__(self, matrices: tuple[Array, ...]) -> tuple[float, Factor]:
        if len(self._point) != len(matrices) or not all(map(np.array_equal, self._point, matrices)):
            self._point = ()
            self._answer = self._problem.value_and_grad(matrices[0] if len(matrices) == 1 else matrices)
            self._point = tuple(np.array(u) for u in matrices)
        value, gradient = self._answer
        return value, tuple(map(np.copy, gradient)) if isinstance(gradient, tuple) else gradient.copy()
