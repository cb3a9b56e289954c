"""Data files: CSV, .npy and .npz -> samples and targets."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.data import csv_table, features
from nnfs_cli.data.csv_table import Dialect
from nnfs_cli.data.request import OnProgress
from nnfs_cli.errors import FileError, did_you_mean, listed, short
from nnfs_cli.machine import memory
from nnfs_cli.storage.arrays import map_array, read_arrays


class Labels(NamedTuple):
    """A target as it is written: its `words`, each once, and the place there of each sample's.

    `text` says that a word is no number even if it looks like one, as in an array of text.
    """

    words: tuple[str, ...]
    places: Array  # (samples,)
    text: bool = False


class RawTable(NamedTuple):
    """A file's samples as rows: X (samples, columns); y, numbers (samples, targets) or labels.

    Numbers are float64, but of one target in an array of integers: as labels, all their digits
    count.
    Of a CSV file, `lines` has the rows' line numbers, block by block, and `column` that of the
    first target, from 1.
    """

    path: str
    columns: tuple[str, ...]
    targets: tuple[str, ...]
    X: Array
    y: Array | Labels
    lines: Sequence[Sequence[int]] = ()
    column: int = 0

    def error(self, message: str, row: int) -> FileError:
        """Return an error at the target of a row, from 0; so are the rows of arrays counted."""
        for numbers in self.lines:
            if row < len(numbers):
                return csv_table.error_at(self.path, message, numbers[row], self.column)
            row -= len(numbers)
        return FileError(f"{self.path}: row {row}: {message}")


class Wanted(NamedTuple):
    """The columns to read: names, or places from 0. Without any, the last column is the target.

    One target is read as labels, unless `numbers` says why it must be numbers; then an error ends
    with that. `by_name` says that these are names of another table, which must all be in a CSV
    file.
    """

    target: Sequence[str] = ()
    inputs: Sequence[str] = ()
    numbers: str | None = None
    by_name: bool = False


LAST = Wanted()  # column is the target


def read(
    path: str,
    wanted: Wanted = LAST,
    dialect: Dialect = csv_table.DETECTED,
    *,
    on_progress: OnProgress | None = None,
    notices: list[str] | None = None,
) -> RawTable:
    """Return the table in a .npy or .npz file, or in a CSV file, which has any other suffix.

    Remarks on a CSV file are added to `notices`, also if a FileError follows.
    """
    from nnfs_cli.data import headers  # late, since most data sets are in no file

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileError(f"{path}: is not a file")
        suffix = Path(path).suffix.lower()
        if suffix in (".npy", ".npz"):
            return _read_arrays(path, suffix, wanted)
        if dialect.delimiter is None and path.endswith(".tsv"):
            dialect = dialect._replace(delimiter="\t")
        names = [*wanted.target, *wanted.inputs]
        reader = headers.read(
            descriptor,
            path,
            dialect,
            known=names,
            placed=not wanted.by_name,
            notices=notices,
        )
        size = max(os.fstat(descriptor).st_size, 1)

        def report() -> None:
            if on_progress:
                on_progress(path, os.lseek(descriptor, 0, os.SEEK_CUR) / size)

        return _read_csv(reader, wanted, report)
    finally:
        os.close(descriptor)


def _read_csv(reader: csv_table.Reader, wanted: Wanted, report: Callable[[], None]) -> RawTable:
    from nnfs_cli.data import headers

    names = reader.header or [f"x{i + 1}" for i in range(reader.width)]
    line, target, inputs = reader.first, wanted.target, wanted.inputs
    if wanted.by_name:
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
    as_labels = wanted.numbers is None and len(chosen_y) == 1
    blocks_X: list[Array] = []
    blocks_y: list[Array] = []
    lines: list[Sequence[int]] = []
    known: dict[str, int] = {}
    for block in reader.blocks:
        lines.append(block.numbers)
        if as_labels:
            blocks_X.append(reader.floats(block, chosen_X))
            blocks_y.append(code(labels(reader, block, chosen_y[0]), known))
        else:
            values = _floats(reader, block, chosen_X, chosen_y, wanted.numbers or "")
            blocks_X.append(values[:, : len(chosen_X)])
            blocks_y.append(values[:, len(chosen_X) :])
        report()
    if not blocks_X:
        raise FileError(f"{reader.name}: has a header and no rows; it needs a row for each sample")
    y = np.concatenate(blocks_y)
    return RawTable(
        reader.name,
        tuple(names[i] for i in chosen_X),
        tuple(names[i] for i in chosen_y),
        np.concatenate(blocks_X),
        Labels(tuple(known), y) if as_labels else y,
        lines,
        chosen_y[0] + 1,
    )


def _floats(
    reader: csv_table.Reader,
    block: csv_table.Block,
    chosen_X: Sequence[int],
    chosen_y: Sequence[int],
    consequence: str,
) -> Array:
    """Return inputs and targets; the error at a target that is text ends with `consequence`."""
    try:
        return reader.floats(block, [*chosen_X, *chosen_y])
    except FileError:
        if len(chosen_y) > 1:
            raise
        reader.floats(block, chosen_X)
        column = chosen_y[0]
        for number, word in zip(block.numbers, labels(reader, block, column), strict=True):
            if not csv_table.is_number(word):
                where = f" in {short(reader.header[column])!r}" if reader.header else ""
                message = f"{short(word)!r}{where} is not a number{consequence}"
                raise reader.error(message, number, column + 1) from None
        raise


def labels(reader: csv_table.Reader, block: csv_table.Block, column: int) -> list[str]:
    """Return a column of labels as they are written; FileError names one that is none."""
    words = reader.strings(block, column)
    wrong = {word for word in set(words) if not word or _is_infinite(word)}
    if wrong:
        row = next(i for i, word in enumerate(words) if word in wrong)
        shown = f"{short(words[row])!r} is not a finite number"
        shown = shown if words[row] else "the target is an empty field"
        message = f"{shown}; fill it in, or remove the row"
        raise reader.error(message, block.numbers[row], column + 1)
    return words


def _is_infinite(word: str) -> bool:
    """Return whether a word is NaN or infinity, not a number that is too large for float64."""
    return word.strip("+-").isalpha() and csv_table.is_number(word)


def code(words: Sequence[str], known: dict[str, int]) -> Array:
    """Return the place of each word among those `known`, to which new words are added."""
    return np.array([known.setdefault(word, len(known)) for word in words], np.intp)


def _place(
    name: str, names: Mapping[str, int], error: Callable[[str, int], FileError], line: int = 0
) -> int:
    """Return where a column is that is called `name`, or that is the name-th from 0."""
    from nnfs_cli.data import headers

    if name in names:
        return names[name]
    if headers.is_place(name, len(names)):
        return int(name) % len(names)
    known = f"there are {listed(list(names))}{did_you_mean(name, names)}"
    raise error(f"there is no column {short(name)!r}; {known}", line)


def _read_arrays(path: str, suffix: str, wanted: Wanted) -> RawTable:
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
    columns, error = features.places(names), partial(csv_table.error_at, path)
    chosen_y: list[int] = []
    if y is None:
        if X.shape[1] < 2:
            raise FileError(f"{path}: there is no column but the target")
        chosen_y = [_place(name, columns, error) for name in wanted.target or names[-1:]]
        y, targets = np.array(X[:, chosen_y]), tuple(names[i] for i in chosen_y)
    else:
        y = _targets(path, y, len(X))
        there = [f"y{i + 1}" for i in range(y.shape[1])] if y.shape[1] > 1 else ["y"]
        places = [_place(name, features.places(there), error) for name in wanted.target or there]
        y, targets = y[:, places], tuple(there[i] for i in places)
    chosen = [_place(name, columns, error) for name in wanted.inputs] or [
        i for i in range(len(names)) if i not in chosen_y
    ]
    if both := set(chosen) & set(chosen_y):
        raise FileError(f"{path}: column {short(names[min(both)])!r} is target and input at once")
    first = chosen == list(range(len(chosen)))
    X = X[:, : len(chosen)] if first else X[:, chosen]  # a view, if it can be: a mapped file stays
    _check_finite(path, X)
    raw = RawTable(path, tuple(names[i] for i in chosen), targets, X, y)
    if y.dtype.kind == "U":
        return _with_text(raw, wanted.numbers)
    if y.dtype.kind == "f" or wanted.numbers is not None or len(targets) > 1:
        with np.errstate(over="ignore"):  # of numbers wider than float64
            y = y.astype(np.float64)
        _check_finite(path, y)
    return raw._replace(y=y)


def _with_text(raw: RawTable, numbers: str | None) -> RawTable:
    """Return a table whose targets are text with labels instead of them."""
    y, name = np.asarray(raw.y), short(raw.targets[0])
    if numbers is not None or len(raw.targets) > 1:
        raise raw.error(
            f"{short(str(y[0, 0]))!r} in {name!r} is text, not a number{numbers or ''}", 0
        )
    words, places = np.unique(y[:, 0], return_inverse=True)
    return raw._replace(y=Labels(tuple(words.tolist()), places, text=True))


def _unpacked(path: str) -> tuple[Array, Array]:
    """Return the arrays X and y of an .npz file."""
    most = max(1 << 26, 100 * Path(path).stat().st_size)  # what is packed closer is a bomb
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
    """Raise FileError at the first number that is not finite, some rows at a time."""
    for start in range(0, len(values), 1 << 16):
        finite = np.isfinite(values[start : start + (1 << 16)])
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            number = values[start + row, column]
            raise FileError(f"{path}: row {start + row}, column {column}: {number} is not finite")
