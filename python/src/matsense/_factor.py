"""Factors as users give them: one factor, a stack of factors, or a list of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matsense._arrays import Value, as_array, is_array
from matsense._errors import ConfigError

Array: TypeAlias = NDArray[np.float64]
Factor: TypeAlias = Any  # an array or a tuple of arrays; a stack or a list of factors


class Factors(NamedTuple):
    """Factors, taken apart into their matrices."""

    matrices: list[Any]  # of all factors, one factor after another
    form: Literal["one", "stack", "list"]
    each: int  # matrices of a factor

    @property
    def number(self) -> int:
        """Return how many factors there are."""
        return len(self.matrices) // self.each

    def put_together(self, matrices: Sequence[Array]) -> Factor:
        """Return other matrices of the same shapes in the form of these factors."""
        if self.form == "stack":
            stacks = [np.stack(matrices[i :: self.each]) for i in range(self.each)]
            return stacks[0] if self.each == 1 else tuple(stacks)
        factors = [self._one(matrices[i : i + self.each]) for i in range(0, len(matrices), self.each)]
        return factors if self.form == "list" else factors[0]

    def _one(self, matrices: Sequence[Array]) -> Factor:
        return matrices[0] if self.each == 1 else tuple(matrices)


def take_apart(name: str, value: Factor, each: int) -> Factors:
    """Take factors of `each` matrices apart. `name` is the argument's in errors.

    One factor is an array, or a tuple of arrays if it has several matrices. A stack has one more dimension in
    front, in each of the arrays. A list has any number of factors.
    """
    if each == 1:
        if isinstance(value, list | tuple) and len(value) > 0 and is_array(value[0]):
            return Factors([real_array(f"{name}[{i}]", u) for i, u in enumerate(value)], "list", 1)
        arrays = [real_array(name, value)]
    elif not isinstance(value, list | tuple) or len(value) == 0:
        raise ConfigError(f"{name}: takes a tuple of {each} arrays")
    elif all(isinstance(factor, list | tuple) for factor in value):
        factors = [_one_of(f"{name}[{i}]", factor, each) for i, factor in enumerate(value)]
        return Factors([u for factor in factors for u in factor], "list", each)
    else:
        arrays = _one_of(name, value, each)
    lengths = {len(a) for a in arrays if a.ndim == 3}
    if len(lengths) == 1 and all(a.ndim == 3 for a in arrays) and lengths != {0}:
        return Factors([u for factor in zip(*arrays, strict=True) for u in factor], "stack", each)
    if lengths:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise ConfigError(f"{name}: stacks of factors have the same length, 1 or more; got shapes {shapes}")
    return Factors(arrays, "one", each)


def _one_of(name: str, factor: Sequence[Value], each: int) -> list[Any]:
    if len(factor) != each:
        raise ConfigError(f"{name}: a factor has {each} matrices, got {len(factor)}")
    return [real_array(f"{name}[{i}]", u) for i, u in enumerate(factor)]


def real_array(name: str, value: Value) -> NDArray[Any]:
    """Return an array of real numbers."""
    array = as_array(name, value)
    if array.dtype.kind == "c":
        raise ConfigError(f"{name}: takes real numbers, got {array.dtype}")
    return array


def shapes_of(parametrization: str, full: Sequence[tuple[int, int]], rank: int) -> list[tuple[int, int]]:
    """Return the shapes of a factor's matrices for a factor rank; `full` are those for the largest."""
    if parametrization == "sparse":
        return list(full)
    if parametrization != "deep":
        return [(rows, rank) for rows, _ in full]
    last = len(full) - 1
    return [
        (rows if i == last else rank, columns if i == 0 else rank) for i, (rows, columns) in enumerate(full)
    ]


def check_shapes(name: str, factors: Factors, parametrization: str, full: Sequence[tuple[int, int]]) -> None:
    """Refuse factors of shapes that the problem does not have."""
    most = max(min(shape) for shape in full) if parametrization == "deep" else full[0][1]
    for first in range(0, len(factors.matrices), factors.each):
        shapes = [u.shape for u in factors.matrices[first : first + factors.each]]
        ranks = {d for shape in shapes for d in shape if 1 <= d <= most}
        if not any(shapes_of(parametrization, full, rank) == shapes for rank in ranks):
            which = name if factors.form == "one" else f"{name}[{first // factors.each}]"
            smaller = " or of a smaller factor rank" if parametrization != "sparse" else ""
            raise ConfigError(
                f"{which}: has shape {_written(shapes)}, and must have {_written(full)}{smaller}"
            )


def _written(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(str(tuple(shape)) for shape in shapes)
