"""A file's samples as they are written, before targets become numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from nnfs_cli.core.activations import Array
from nnfs_cli.data.csv_lines import error_at
from nnfs_cli.errors import FileError, did_you_mean, listed, short


class Labels(NamedTuple):
    """A target as text: its distinct `words`, and for each sample the place of its word there.

    `text` is set if words are text even where they look like numbers, as in an array of text.
    """

    words: tuple[str, ...]
    places: Array  # (samples,)
    text: bool = False


class RawTable(NamedTuple):
    """A file's samples as rows: X (samples, columns); y, numbers (samples, targets) or labels.

    Numbers are float64, except one target in an array of integers: as class labels, all their
    digits count. For a CSV file, `lines` has the rows' line numbers, block by block, and `column`
    is the column of the first target, from 1.
    """

    path: str
    columns: tuple[str, ...]
    targets: tuple[str, ...]
    X: Array
    y: Array | Labels
    lines: Sequence[Sequence[int]] = ()
    column: int = 0

    def error(self, message: str, row: int) -> FileError:
        """Return an error at the target of a row, counted from 0."""
        for numbers in self.lines:
            if row < len(numbers):
                return error_at(self.path, message, numbers[row], self.column)
            row -= len(numbers)
        return FileError(f"{self.path}: row {row}: {message}")


class Wanted(NamedTuple):
    """The columns to read: names, or places from 0. Without any, the last column is the target.

    One target is read as labels, unless `numbers` is given: the reason why it must be numbers,
    which is appended to errors. With `by_name`, these are names of another table, and a CSV file
    must have all of them.
    """

    target: Sequence[str] = ()
    inputs: Sequence[str] = ()
    numbers: str | None = None
    by_name: bool = False


LAST = Wanted()  # the last column is the target


def place_of(
    name: str, names: Mapping[str, int], error: Callable[[str, int], FileError], line: int = 0
) -> int:
    """Return the place of the column called `name`, or of the name-th column from 0."""
    if name in names:
        return names[name]
    if is_place(name, len(names)):
        return int(name) % len(names)
    known = f"there are {listed(list(names))}{did_you_mean(name, names)}"
    raise error(f"there is no column {short(name)!r}; {known}", line)


def is_place(name: str, width: int) -> bool:
    """Return whether a name is a place among `width` columns: from 0, or negative from the end."""
    return bool(re.fullmatch("-?[0-9]{1,9}", name)) and -width <= int(name) < width
