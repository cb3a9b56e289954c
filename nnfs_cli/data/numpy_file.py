"""Samples and targets in .npy and .npz files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.data import features
from nnfs_cli.data.csv_lines import error_at
from nnfs_cli.data.raw import Labels, RawTable, Wanted, place_of
from nnfs_cli.errors import FileError, short
from nnfs_cli.machine import memory
from nnfs_cli.storage.arrays import map_array, read_arrays


def read(path: str, suffix: str, wanted: Wanted) -> RawTable:
    """Return the table in a .npy or .npz file."""
    y: Array | None = None  # in an .npy file, the target is one of the columns
    if suffix == ".npy":
        X = map_array(Path(path))
    else:
        X, y = _unpacked(path)
    if X.ndim != 2 or X.dtype.kind not in "fiub":
        raise FileError(
            f"{path}: must hold numbers, samples x columns, not {X.dtype} of shape {X.shape}"
        )
    if not X.size:
        raise FileError(f"{path}: has no {'columns' if len(X) else 'rows'}")
    names = [f"x{i + 1}" for i in range(X.shape[1])]
    columns, error = features.places(names), partial(error_at, path)
    chosen_y: list[int] = []
    if y is None:
        if X.shape[1] < 2:
            raise FileError(f"{path}: the target is the only column; samples need inputs, too")
        chosen_y = [place_of(name, columns, error) for name in wanted.target or names[-1:]]
        y, targets = np.array(X[:, chosen_y]), tuple(names[i] for i in chosen_y)
    else:
        y = _targets(path, y, len(X))
        own = [f"y{i + 1}" for i in range(y.shape[1])] if y.shape[1] > 1 else ["y"]
        places = [place_of(name, features.places(own), error) for name in wanted.target or own]
        y, targets = y[:, places], tuple(own[i] for i in places)
    chosen = [place_of(name, columns, error) for name in wanted.inputs] or [
        i for i in range(len(names)) if i not in chosen_y
    ]
    if both := set(chosen) & set(chosen_y):
        raise FileError(f"{path}: column {short(names[min(both)])!r} is target and input at once")
    first = chosen == list(range(len(chosen)))
    X = X[:, : len(chosen)] if first else X[:, chosen]  # a view leaves a mapped file on disk
    _check_finite(path, X)
    raw = RawTable(path, tuple(names[i] for i in chosen), targets, X, y)
    if y.dtype.kind == "U":
        return _with_text(raw, wanted.numbers)
    if y.dtype.kind == "f" or wanted.numbers is not None or len(targets) > 1:
        with np.errstate(over="ignore"):  # long doubles may not fit; _check_finite reports it
            y = y.astype(np.float64)
        _check_finite(path, y)
    return raw._replace(y=y)


def _with_text(raw: RawTable, numbers: str | None) -> RawTable:
    """Return a table with its targets, which are text, as labels."""
    y, name = np.asarray(raw.y), short(raw.targets[0])
    if numbers is not None or len(raw.targets) > 1:
        raise raw.error(
            f"{short(str(y[0, 0]))!r} in {name!r} is text, not a number{numbers or ''}", 0
        )
    words, places = np.unique(y[:, 0], return_inverse=True)
    return raw._replace(y=Labels(tuple(words.tolist()), places, text=True))


def _unpacked(path: str) -> tuple[Array, Array]:
    """Return the arrays X and y of an .npz file."""
    most = max(1 << 26, 100 * Path(path).stat().st_size)  # more would be a zip bomb
    arrays = read_arrays(Path(path), min(most, memory() // 2))
    if missing := [key for key in ("X", "y") if key not in arrays]:
        found = ", ".join(arrays) or "nothing"
        raise FileError(f"{path}: needs arrays X and y; {missing[0]} is missing, there is {found}")
    return arrays["X"], arrays["y"]


def _targets(path: str, y: Array, rows: int) -> Array:
    """Return the targets y (samples, targets), as numbers or text."""
    y = y[:, np.newaxis] if y.ndim == 1 else y
    if y.ndim != 2 or len(y) != rows or not y.size:
        raise FileError(f"{path}: y must have a row for each of X's {rows}, not {y.shape}")
    if y.dtype.kind == "S":
        try:
            return np.char.decode(y, "utf-8")
        except UnicodeDecodeError:
            raise FileError(
                f"{path}: y has bytes that are not UTF-8 text; save it as text: y.astype(str)"
            ) from None
    if y.dtype.kind not in "fiubU":
        raise FileError(
            f"{path}: y must be numbers or text, not {y.dtype}; save y.astype(str) for classes, "
            "y.astype(float) for numbers"
        )
    return y


def _check_finite(path: str, values: Array) -> None:
    """Raise FileError at the first number that is not finite; a mapped file is read in blocks."""
    for start in range(0, len(values), 1 << 16):
        finite = np.isfinite(values[start : start + (1 << 16)])
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            number = values[start + row, column]
            raise FileError(f"{path}: row {start + row}, column {column}: {number} is not finite")
