"""Data files: CSV, .npy and .npz -> samples and targets."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.data import csv_table, features
from nnfs_cli.data.csv_lines import Block
from nnfs_cli.data.csv_table import Dialect
from nnfs_cli.data.raw import LAST, Labels, RawTable, Wanted, place_of
from nnfs_cli.data.request import OnProgress
from nnfs_cli.errors import FileError, short


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
    from nnfs_cli.data import headers  # late: most data sets are not in files

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileError(f"{path}: is not a file")
        suffix = Path(path).suffix.lower()
        if suffix in (".npy", ".npz"):
            from nnfs_cli.data import numpy_file

            return numpy_file.read(path, suffix, wanted)
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


def _columns(
    reader: csv_table.Reader, names: Sequence[str], wanted: Wanted
) -> tuple[list[int], list[int]]:
    """Return the places of the inputs and of the targets among a CSV table's columns."""
    from nnfs_cli.data import headers

    line, target, inputs = reader.first, wanted.target, wanted.inputs
    if wanted.by_name:
        chosen = headers.find(reader, names, [*inputs, *target], headers.FILE)
        chosen_X, chosen_y = chosen[: len(inputs)], chosen[len(inputs) :]
    else:
        places = features.places(names)
        chosen_y = [place_of(name, places, reader.error, line) for name in target or names[-1:]]
        chosen_X = [place_of(name, places, reader.error, line) for name in inputs] or [
            i for i in range(len(names)) if i not in chosen_y
        ]
    if not chosen_X:
        raise reader.error("the target is the only column; samples need inputs, too", line)
    if both := set(chosen_X) & set(chosen_y):
        message = f"column {short(names[min(both)])!r} is target and input at once"
        raise reader.error(message, line, min(both) + 1)
    return chosen_X, chosen_y


def _read_csv(reader: csv_table.Reader, wanted: Wanted, report: Callable[[], None]) -> RawTable:
    """Return the table in a CSV file; `report` is called after each block."""
    names = reader.header or [f"x{i + 1}" for i in range(reader.width)]
    chosen_X, chosen_y = _columns(reader, names, wanted)
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
    block: Block,
    chosen_X: Sequence[int],
    chosen_y: Sequence[int],
    consequence: str,
) -> Array:
    """Return inputs and targets; the error for a target that is text ends with `consequence`."""
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


def labels(reader: csv_table.Reader, block: Block, column: int) -> list[str]:
    """Return a column of labels as text; FileError names one that is empty or not finite."""
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
    """Return whether a word spells NaN or infinity; a number too large for float64 does not."""
    return word.strip("+-").isalpha() and csv_table.is_number(word)


def code(words: Sequence[str], known: dict[str, int]) -> Array:
    """Return the place of each word in `known`, to which new words are added."""
    return np.array([known.setdefault(word, len(known)) for word in words], np.intp)
