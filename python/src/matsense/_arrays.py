"""Arrays of all kinds as NumPy arrays, and as .npy files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from matsense._errors import ConfigError

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Value: TypeAlias = Any  # what a user hands over, of any library


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes, /) -> object:
        """Write all of the data."""


def is_array(value: object) -> bool:
    """Return whether a value is an array or a tensor, and no list."""
    return hasattr(value, "__array__")


def as_array(name: str, value: object) -> Array:
    """Return the numbers of an array, a tensor or nested lists; `name` is the argument's in errors.

    The array is the same object if it is a NumPy array of numbers, and shares memory with a tensor on the
    CPU. Raises ConfigError unless it has real or complex numbers.
    """
    if type(value).__module__.partition(".")[0] == "torch":
        value = _of_tensor(value)
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ConfigError(f"{name}: elements are masked, and every number must be known")
    try:
        array = value if isinstance(value, np.ndarray) else np.asarray(value)
    except ValueError:
        raise ConfigError(f"{name}: the nested lists are not an array: their lengths differ") from None
    if array.dtype.kind not in "biufc":
        cure = ": .toarray() makes an array of it" if hasattr(value, "toarray") else ""
        raise ConfigError(
            f"{name}: takes an array of numbers, got {type(value).__name__} of {array.dtype}{cure}"
        )
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:  # more digits than the command computes with
        return array.astype(np.float64)
    if array.dtype.kind == "c" and array.dtype.itemsize > 16:
        return array.astype(np.complex128)
    return array


def _of_tensor(tensor: Value) -> object:
    """Return a PyTorch tensor as a NumPy array, from any device and without its gradient."""
    if tensor.is_floating_point() and tensor.element_size() == 2:  # NumPy has no bfloat16
        tensor = tensor.float()
    return tensor.numpy(force=True)


def file_of(array: Array) -> Path | None:
    """Return the .npy file of which an array is the memory map; None if it is not all of one, unchanged."""
    root: object = array
    while isinstance(root, np.ndarray) and isinstance(root.base, np.ndarray):
        root = root.base
    if not isinstance(root, np.memmap) or root.filename is None or root.mode == "c":
        return None
    path = Path(root.filename)
    if path.suffix != ".npy":
        return None
    try:
        whole = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None
    same = (
        root.offset == whole.offset
        and array.__array_interface__["data"][0] == root.__array_interface__["data"][0]
        and (array.shape, array.strides, array.dtype) == (whole.shape, whole.strides, whole.dtype)
    )
    if not same:
        return None
    if root.mode != "r":
        root.flush()
    return path


def write_npy(array: Array, out: Sink) -> None:
    """Write an array as a .npy file, in its own order; no more than 16 MiB of it are copied at a time."""
    np.lib.format.write_array(out, array, allow_pickle=False)
