"""Observed entries and Pauli words as the text files that the command reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from matsense._arrays import Array, Sink, Value, as_array
from matsense._errors import ConfigError
from matsense._folder import Folder

_LINES = 1 << 16  # lines that are formatted at a time


def write_entries(name: str, key: str, value: Value, folder: Folder) -> str:
    """Store observed entries, and return the file's path; `name` is the argument's in errors.

    The value is a sparse array of SciPy, whose stored entries are the observed ones, zeros too; a tuple
    (rows, columns, values), counted from 0; a data frame; or a matrix with NaN where nothing was observed.
    """
    if hasattr(value, "to_csv"):
        return folder.write(key, ".csv", lambda out: _write_frame(value, out))
    if hasattr(value, "tocoo"):
        entries = value.tocoo()
        if len(entries.shape) != 2:
            raise ConfigError(f"{name}: takes a matrix, got an array of shape {entries.shape}")
        triplets = [np.asarray(part) for part in (entries.row, entries.col, entries.data)]
        shape = entries.shape
    elif isinstance(value, tuple | list) and len(value) == 3:
        triplets = [as_array(name, part) for part in value]
        shape = None
    else:
        matrix = as_array(name, value)
        if matrix.ndim != 2 or not np.isnan(matrix).any():
            raise ConfigError(
                f"{name}: takes a sparse matrix, a tuple (rows, columns, values), a data frame, or a matrix "
                f"with NaN where nothing was observed; got an array of shape {matrix.shape} without NaN"
            )
        rows, columns = np.nonzero(~np.isnan(matrix))
        triplets, shape = [rows, columns, matrix[rows, columns]], matrix.shape
    _check(name, triplets, shape)
    rows, columns, values = triplets
    if shape is None:
        return folder.write(key, ".csv", lambda out: _write_list(rows, columns, values, out))
    return folder.write(key, ".mtx", lambda out: _write_market(rows, columns, values, shape, out))


def _check(name: str, triplets: list[Array], shape: tuple[int, ...] | None) -> None:
    """Refuse what cannot be entries, in the words of arrays; the command would speak of lines of a file."""
    rows, columns, values = triplets
    lengths = [part.shape for part in triplets]
    if any(part.ndim != 1 for part in triplets) or len(set(lengths)) > 1:
        raise ConfigError(f"{name}: rows, columns and values must be as many, got the shapes {lengths}")
    if len(values) == 0:
        raise ConfigError(f"{name}: there are no entries")
    if values.dtype.kind not in "biuf":
        raise ConfigError(f"{name}: values must be real numbers, got {values.dtype}")
    for what, part in (("row", rows), ("column", columns)):
        if part.dtype.kind not in "iu" and (part.dtype.kind != "f" or (part != np.floor(part)).any()):
            raise ConfigError(f"{name}: each {what} must be a whole number, got {part.dtype}")
        if part.min() < 0:
            raise ConfigError(f"{name}: entry {int(part.argmin())} is in {what} {int(part.min())}, below 0")
    unknown = np.flatnonzero(~np.isfinite(values))
    if len(unknown):
        k = int(unknown[0])
        raise ConfigError(
            f"{name}: entry {k}, at ({int(rows[k])}, {int(columns[k])}), is {values[k]}: leave out what was "
            "not observed"
        )
    order = np.lexsort((columns, rows))
    twice = np.flatnonzero((np.diff(rows[order]) == 0) & (np.diff(columns[order]) == 0))
    if len(twice):
        first, second = sorted(int(k) for k in order[twice[0] : twice[0] + 2])
        cure = ": sum_duplicates() adds them up" if shape is not None else ""
        raise ConfigError(
            f"{name}: ({int(rows[first])}, {int(columns[first])}) is given twice, by the entries {first} and "
            f"{second}{cure}"
        )


def _write_frame(frame: Value, out: Sink) -> None:
    """Write a data frame; the names of its columns say which are row, column and value."""
    for k in range(0, len(frame), _LINES):
        out.write(frame.iloc[k : k + _LINES].to_csv(index=False, header=k == 0).encode())


def _write_list(rows: Array, columns: Array, values: Array, out: Sink) -> None:
    out.write(b"row,col,value\n")
    _write_lines("%d,%d,%r\n", rows, columns, values, out)


def _write_market(rows: Array, columns: Array, values: Array, shape: tuple[int, ...], out: Sink) -> None:
    """Write the Matrix Market's format, which states the matrix's size, and counts from 1."""
    head = f"%%MatrixMarket matrix coordinate real general\n{shape[0]} {shape[1]} {len(values)}\n"
    out.write(head.encode())
    _write_lines("%d %d %r\n", rows + 1, columns + 1, values, out)


def _write_lines(line: str, rows: Array, columns: Array, values: Array, out: Sink) -> None:
    for k in range(0, len(values), _LINES):
        part = slice(k, k + _LINES)
        # Values become Python's floats, whose repr has the fewest digits that give the same number back.
        floats = values[part].astype(np.float64).tolist()
        numbers = zip(rows[part].tolist(), columns[part].tolist(), floats, strict=True)
        out.write("".join([line % triplet for triplet in numbers]).encode())


def write_words(name: str, value: Value, folder: Folder) -> str:
    """Store Pauli words, or a mapping of words to their expectations, and return the file's path."""
    words: Sequence[Value] = list(value.items()) if isinstance(value, Mapping) else list(value)
    lines = [f"{word[0]},{float(word[1])!r}" if isinstance(value, Mapping) else str(word) for word in words]
    if not lines or not all(isinstance(w[0] if isinstance(value, Mapping) else w, str) for w in words):
        raise ConfigError(f"{name}: takes words such as 'XIZ', or a dict of words and their expectations")
    return folder.write("paulis", ".csv", lambda out: out.write(("\n".join(lines) + "\n").encode()))
