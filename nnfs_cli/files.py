"""Data files: CSV, .npy and .npz -> samples and targets."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfs_cli import disk, features, tables
from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError, did_you_mean, listed, short

Watcher = Callable[[str, float], None]  # told the path and the share that has been read


class RawTable(NamedTuple):
    """A file's samples as rows: X (samples, columns); y (samples, targets), numbers or text.

    Of a CSV file, `lines` has the rows' line numbers, block by block, and `column` that of the
    first target, from 1.
    """

    path: str
    columns: tuple[str, ...]
    targets: tuple[str, ...]
    X: Array
    y: Array
    lines: Sequence[Sequence[int]] = ()
    column: int = 0

    def error(self, message: str, row: int) -> FileError:
        """Return an error at the target of a row, from 0; so are the rows of arrays counted."""
        for numbers in self.lines:
            if row < len(numbers):
                return tables.error_at(self.path, message, numbers[row], self.column)
            row -= len(numbers)
        return FileError(f"{self.path}: row {row}: {message}")


def read(
    path: str,
    *,
    target: Sequence[str] = (),
    inputs: Sequence[str] = (),
    delimiter: str | None = None,
    header: bool | None = None,
    by_name: bool = False,
    watch: Watcher | None = None,
) -> RawTable:
    """Return the table in a file, by its suffix; what is not named otherwise is CSV.

    `target` names the target's columns, or gives their places from 0; by default it is the last.
    `inputs` names the others that are wanted, by default all. `by_name` says that these are names
    of another table, which must all be in a CSV file. FileError says what is wrong, where.
    """
    from nnfs_cli import headers  # late, since most data sets are in no file

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileError(f"{path}: is not a file")
        suffix = Path(path).suffix.lower()
        if suffix in (".npy", ".npz"):
            return _read_arrays(path, suffix, target, inputs)
        if delimiter is None and path.endswith(".tsv"):
            delimiter = "\t"
        names = [*target, *inputs]
        reader = headers.read(
            descriptor, path, delimiter=delimiter, header=header, known=names, placed=not by_name
        )
        return _read_csv(descriptor, reader, target, inputs, by_name, watch)
    finally:
        os.close(descriptor)


def _read_csv(
    descriptor: int,
    reader: tables.Reader,
    target: Sequence[str],
    inputs: Sequence[str],
    by_name: bool,
    watch: Watcher | None,
) -> RawTable:
    from nnfs_cli import headers

    path = reader.name
    names = reader.header or [f"x{i + 1}" for i in range(reader.width)]
    line = reader.first
    if by_name:
        chosen = headers.find(reader, names, [*inputs, *target], headers.FILE)
        chosen_X, chosen_y = chosen[: len(inputs)], chosen[len(inputs) :]
    else:
        places = features.places(names)
        chosen_y = [_place(name, places, reader.error, line) for name in target or names[-1:]]
        chosen_X = [_place(name, places, reader.error, line) for name in inputs] or [
            i for i in range(len(names)) if i not in chosen_y
        ]
    if not chosen_X:
        raise reader.error("there is no column but the target", line)
    if both := set(chosen_X) & set(chosen_y):
        message = f"column {short(names[min(both)])!r} is target and input at once"
        raise reader.error(message, line, min(both) + 1)
    size = max(os.fstat(descriptor).st_size, 1)
    blocks_X: list[Array] = []
    blocks_y: list[Array | list[str]] = []
    lines = []
    text = False  # is any target but a number? then all are
    for block in reader.blocks:
        lines.append(block.numbers)
        if not text:
            try:
                values = reader.floats(block, [*chosen_X, *chosen_y])
                blocks_X.append(values[:, : len(chosen_X)])
                blocks_y.append(values[:, len(chosen_X) :])
            except FileError:
                if len(chosen_y) > 1:
                    raise
                text = True
        if text:
            blocks_X.append(reader.floats(block, chosen_X))
            blocks_y.append(classes(reader, block, chosen_y[0]))
        if watch:
            watch(path, os.lseek(descriptor, 0, os.SEEK_CUR) / size)
    if not blocks_X:
        raise FileError(f"{path}: has a header and no rows; it needs a row for each sample")
    if text:
        words = [
            word
            for part in blocks_y
            for word in (part if isinstance(part, list) else map(label, part[:, 0].tolist()))
        ]
        y: Array = np.array(words)[:, np.newaxis]
    else:
        y = np.concatenate(blocks_y)
    return RawTable(
        path,
        tuple(names[i] for i in chosen_X),
        tuple(names[i] for i in chosen_y),
        np.concatenate(blocks_X),
        y,
        lines,
        chosen_y[0] + 1,
    )


def classes(reader: tables.Reader, block: tables.Block, column: int) -> list[str]:
    """Return a column of names of classes; a number is called the same however it is written."""
    words = reader.strings(block, column)
    for i, (number, word) in enumerate(zip(block.numbers, words, strict=True)):
        if not word:
            raise reader.error("the target is an empty field", number, column + 1)
        if tables.is_number(word):
            if not isfinite(float(word)):
                raise reader.error(f"{short(word)!r} is not a finite number", number, column + 1)
            words[i] = label(float(word))
    return words


def _place(
    name: str, names: Mapping[str, int], error: Callable[[str, int], FileError], line: int = 0
) -> int:
    """Return where a column is that is called `name`, or that is the name-th from 0."""
    from nnfs_cli import headers

    if name in names:
        return names[name]
    if headers.is_place(name, len(names)):
        return int(name) % len(names)
    known = f"there are {listed(list(names))}{did_you_mean(name, names)}"
    raise error(f"there is no column {short(name)!r}; {known}", line)


def _read_arrays(path: str, suffix: str, target: Sequence[str], inputs: Sequence[str]) -> RawTable:
    if suffix == ".npy":
        rows = disk.map_array(Path(path))
        X, y = rows, rows[:, :0] if rows.ndim == 2 else rows
    else:
        most = max(1 << 26, 100 * Path(path).stat().st_size)  # what is packed closer is a bomb
        arrays = disk.read_arrays(Path(path), min(most, memory() // 2))
        if missing := [key for key in ("X", "y") if key not in arrays]:
            found = ", ".join(arrays) or "nothing"
            raise FileError(
                f"{path}: needs arrays X and y; {missing[0]} is missing, there is {found}"
            )
        X, y = arrays["X"], arrays["y"]
    if X.ndim != 2 or X.dtype.kind not in "fiub":
        raise FileError(
            f"{path}: must hold numbers, samples x columns, not {X.dtype} of shape {X.shape}"
        )
    if not len(X):
        raise FileError(f"{path}: has no rows")
    names = [f"x{i + 1}" for i in range(X.shape[1])]
    columns, error = features.places(names), partial(tables.error_at, path)
    if suffix == ".npy":
        if X.shape[1] < 2:
            raise FileError(f"{path}: there is no column but the target")
        chosen_y = [_place(name, columns, error) for name in target or names[-1:]]
        y, targets = np.array(X[:, chosen_y]), tuple(names[i] for i in chosen_y)
    else:
        chosen_y = []
        y = y[:, np.newaxis] if y.ndim == 1 else y
        if y.ndim != 2 or len(y) != len(X) or y.dtype.kind not in "fiubU":
            raise FileError(f"{path}: y must have a row for each of X's {len(X)}, not {y.shape}")
        there = [f"y{i + 1}" for i in range(y.shape[1])] if y.shape[1] > 1 else ["y"]
        places = [_place(name, features.places(there), error) for name in target or there]
        y, targets = y[:, places], tuple(there[i] for i in places)
    chosen = [_place(name, columns, error) for name in inputs] or [
        i for i in range(len(names)) if i not in chosen_y
    ]
    if both := set(chosen) & set(chosen_y):
        raise FileError(f"{path}: column {short(names[min(both)])!r} is target and input at once")
    first = chosen == list(range(len(chosen)))
    X = X[:, : len(chosen)] if first else X[:, chosen]  # a view, if it can be: a mapped file stays
    _check_finite(path, X)
    if y.dtype.kind != "U":
        _check_finite(path, y)
        y = y.astype(np.float64)
    return RawTable(path, tuple(names[i] for i in chosen), targets, X, y)


def _check_finite(path: str, values: Array) -> None:
    """Raise FileError at the first number that is not finite, some rows at a time."""
    for start in range(0, len(values), 1 << 16):
        finite = np.isfinite(values[start : start + (1 << 16)])
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            number = values[start + row, column]
            raise FileError(f"{path}: row {start + row}, column {column}: {number} is not finite")


def memory() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def label(number: float) -> str:
    """Return a number as a class is called: 1, not 1.0."""
    return str(int(number)) if float(number).is_integer() else repr(number)
