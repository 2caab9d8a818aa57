"""The types of arguments."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias


class SupportsArray(Protocol):
    """What NumPy makes an array of: arrays, tensors on the CPU, columns of data frames."""

    def __array__(self) -> object:
        """Return the numbers as a NumPy array."""


class SupportsCoordinates(Protocol):
    """Sparse arrays and matrices of SciPy."""

    def tocoo(self) -> object:
        """Return the stored entries with their rows and columns."""


Path: TypeAlias = str | os.PathLike[str]
Data: TypeAlias = Path | SupportsArray | Sequence[object]  # nested lists, or a tuple of factors
Triplets: TypeAlias = tuple[
    SupportsArray | Sequence[int], SupportsArray | Sequence[int], SupportsArray | Sequence[float]
]
ObservedEntries: TypeAlias = SupportsCoordinates | SupportsArray | Triplets
PauliWords: TypeAlias = Sequence[str] | Mapping[str, float]
