"""A file's samples as they are written, before targets become numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from nnfs_cli.core.activations import Array
from nnfs_cli.data.csv_lines import error_at
from nnfs_cli.errors import FileError, did_you_mean, listed, short


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
                return error_at(self.path, message, numbers[row], self.column)
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


def place_of(
    name: str, names: Mapping[str, int], error: Callable[[str, int], FileError], line: int = 0
) -> int:
    """Return where a column is that is called `name`, or that is the name-th from 0."""
    if name in names:
        return names[name]
    if is_place(name, len(names)):
        return int(name) % len(names)
    known = f"there are {listed(list(names))}{did_you_mean(name, names)}"
    raise error(f"there is no column {short(name)!r}; {known}", line)


def is_place(name: str, width: int) -> bool:
    """Return whether a name may be the place of one of `width` columns: from 0, or from the end."""
    return bool(re.fullmatch("-?[0-9]{1,9}", name)) and -width <= int(name) < width
