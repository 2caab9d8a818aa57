"""A problem's measurements as a linear operator of SciPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from matsense._factor import Array
from matsense._needs import needs

if TYPE_CHECKING:
    from matsense._problem import Problem

LinearOperator: TypeAlias = Any  # SciPy's


def linear_operator(problem: Problem) -> LinearOperator:
    """Return the map from vec(Z) to (⟨Aᵢ, Z⟩) and its adjoint. `Problem.linear_operator` says more."""
    linalg = needs("scipy.sparse.linalg", "scipy", "p.linear_operator()")
    n, n2 = problem.n, problem.n2

    def measure(z: Array) -> Array:
        return problem.apply(np.reshape(z, (n, n2)))

    def add_up(w: Array) -> Array:
        return problem.adjoint(np.ravel(w)).ravel()

    return linalg.LinearOperator(
        (problem.measurements, n * n2), matvec=measure, rmatvec=add_up, dtype=np.float64
    )
