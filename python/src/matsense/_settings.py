"""Settings as the command takes them: numbers and words, and data as the paths of files."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from functools import partial
from typing import TypeAlias, TypeGuard

import numpy as np

from matsense._arrays import Value, as_array, file_of, is_array, write_npy
from matsense._entries import write_entries, write_words
from matsense._errors import ConfigError, keyword
from matsense._folder import Folder

Scalar: TypeAlias = str | int | float | bool

# The settings whose files are arrays, with the setting that has the right-hand side where there is one.
_ARRAYS = {
    "matrices": None,
    "vectors": "vectors-right",
    "vectors-right": None,
    "observations": None,
    "expectations": None,
    "truth": "truth-right",
    "truth-right": None,
    "init": "init-right",
    "init-right": None,
}
_ENTRIES = ("triplets", "test-triplets")


def key_of(name: str) -> str:
    """Return the key of a setting by its name in Python: start-seed for `start_seed`."""
    return name.removesuffix("_").replace("_", "-")


def is_path(value: object) -> TypeGuard[str | os.PathLike[str]]:
    """Return whether a value of a data setting names a file (or a start of the catalog)."""
    return isinstance(value, str | os.PathLike)


def is_data(key: str) -> bool:
    """Return whether a setting names data, or a start."""
    return key in _ARRAYS or key in _ENTRIES or key == "paulis"


def has_data(settings: Mapping[str, Value]) -> bool:
    """Return whether settings have data that must be stored in files."""
    return any(
        value is not None and not is_path(value) and (is_data(key_of(name)) or name == "entries")
        for name, value in settings.items()
    )


def with_absolute_paths(settings: Mapping[str, Value]) -> dict[str, Value]:
    """Return settings whose paths mean the same from every working directory."""
    return {name: absolute(key_of(name), value) for name, value in settings.items()}


def absolute(key: str, value: Value) -> Value:
    """Return a path as an absolute one, and any other value as it is. Starts of the catalog are words."""
    if not (is_data(key) and is_path(value)):
        return value
    path = os.fspath(value)
    is_word = key.startswith("init") and "." not in path and os.sep not in path and "%d" not in path
    return value if is_word else os.path.abspath(path)


def resolved(settings: Mapping[str, Value], folder: Folder) -> dict[str, Scalar]:
    """Return settings by their keys, without those that are None, and with data stored in a folder.

    Raises ConfigError for values that no setting takes. All else is checked by the command.
    """
    given: dict[str, Value] = {}
    names: dict[str, str] = {}
    for name, value in settings.items():
        key = key_of(name)
        if key == "entries" and value is not None and not isinstance(value, str):
            key = "triplets"  # `entries` of another type than a word are the observed entries
        if value is None:
            continue
        if key in given:
            raise ConfigError(f"{name}: {names[key]} is given as well")
        given[key], names[key] = value, keyword(key_of(name))
    out: dict[str, Scalar] = {}
    for key, value in given.items():
        for of, data in _parts(key, value, str(given.get("parametrization", ""))).items():
            if of in out or (of != key and of in given):
                raise ConfigError(f"{names[key]}: has two parts, and {keyword(of)} is given as well")
            out[of] = _value(names.get(of, keyword(of)), of, data, folder)
    return out


def _parts(key: str, value: Value, parametrization: str) -> dict[str, Value]:
    """Return a pair of arrays, such as the factor of a run with UVᵀ, as two settings."""
    right = _ARRAYS.get(key)
    if (
        right
        and isinstance(value, tuple)
        and len(value) == 2
        and all(map(is_array, value))
        and not (key == "init" and parametrization == "deep")
    ):
        return {key: value[0], right: value[1]}
    return {key: value}


def _value(name: str, key: str, value: Value, folder: Folder) -> Scalar:
    if not is_data(key):
        return scalar(name, value)
    return os.fspath(value) if is_path(value) else store(name, key, value, folder)


def store(name: str, key: str, value: Value, folder: Folder) -> str:
    """Store data, and return the path, for which `name` stands in the command's sentences."""
    path = _store(name, key, value, folder)
    folder.names[path] = name
    return path


def _store(name: str, key: str, value: Value, folder: Folder) -> str:
    """Store data, and return the path. The memory map of a .npy file is that file."""
    if key in _ENTRIES:
        return write_entries(name, key, value, folder)
    if key == "paulis":
        return write_words(name, value, folder)
    if key == "init" and isinstance(value, tuple) and all(map(is_array, value)):
        layers = [as_array(name, layer) for layer in value]
        return folder.write(key, ".npy", *(partial(write_npy, layer) for layer in layers))
    array = as_array(name, value)
    path = file_of(array)
    return os.path.abspath(path) if path else folder.write(key, ".npy", partial(write_npy, array))


def scalar(name: str, value: Value) -> Scalar:
    """Return a number or a word; `name` is the argument's in errors."""
    if isinstance(value, np.generic) or (getattr(value, "ndim", None) == 0 and hasattr(value, "item")):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)  # JSON has no such number
        if value.is_integer() and abs(value) < 2**53:
            return int(value)  # 1e4 is a whole number too
    if isinstance(value, str) and "\0" in value:
        raise ConfigError(f"{name}: {value!r} has a NUL character")
    if isinstance(value, str | int | float):
        return value
    shape = getattr(value, "shape", None)
    got = type(value).__name__ if shape is None else f"an array of shape {tuple(shape)}"
    raise ConfigError(f"{name}: takes one number or word, got {got}; an axis of a sweep takes several")


def path_of(name: str, value: object) -> str | None:
    """Return the path that an argument is; None stays None."""
    if value is None:
        return None
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or path == "" or "\0" in path:
        raise ConfigError(f"{name}: takes a path, got {value!r}")
    return path


def check_callback(callback: object) -> None:
    """Raise ConfigError if a callback is given that cannot be called."""
    if callback is not None and not callable(callback):
        raise ConfigError(f"callback: takes a function, got {callback!r}")


def text_of(value: Scalar) -> str:
    """Return a value as the command line has it; a float has all its digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
