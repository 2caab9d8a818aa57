"""The types of arguments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias


class Array(Protocol):
    """What NumPy makes an array of: arrays, tensors on the CPU, columns of data frames."""

    def __array__(self) -> Any:  # noqa: ANN401
        """Return the numbers as a NumPy array."""


class SupportsCoordinates(Protocol):
    """Sparse arrays and matrices of SciPy."""

    def tocoo(self) -> Any:  # noqa: ANN401
        """Return the stored entries with their rows and columns."""


class SupportsCsv(Protocol):
    """Data frames."""

    @property
    def to_csv(self) -> Any:  # noqa: ANN401
        """Write the rows as text."""


Path: TypeAlias = str | os.PathLike[str]
Data: TypeAlias = Path | Array | list[Any]
ObservedEntries: TypeAlias = SupportsCoordinates | SupportsCsv | Array | tuple[Array, Array, Array]
Words: TypeAlias = Sequence[str] | Mapping[str, float]
