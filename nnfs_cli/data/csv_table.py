"""CSV tables, read in blocks as they arrive.

NumPy's parser reads the numbers; if it fails, the csv module locates the bad field.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from nnfs_cli.core.activations import Array
from nnfs_cli.data.csv_lines import MAX_LINE, Block, blocks_of, error_at, without_first_line
from nnfs_cli.errors import FileError, listed, short

DELIMITERS = ",;\t|"
csv.field_size_limit(2 * MAX_LINE)


class Dialect(NamedTuple):
    """How a CSV table is written; None where its first line decides."""

    delimiter: str | None = None
    header: bool | None = None


DETECTED = Dialect()


class BadRow(FileError):
    """A row of a block cannot be read; the rows before it can."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


class Reader(Struct, frozen=True):
    """A CSV table after its first line was parsed; `blocks` can be iterated once.

    `top` holds the fields of the first line; `quoted` is set if all of them are in quotes. `blocks`
    includes that line unless it is the header.
    """

    name: str
    delimiter: str
    first: int  # number of its first line
    top: list[str]
    quoted: bool
    blocks: Iterator[Block]
    header: list[str] | None = None
    doubt: str = ""  # added to errors in the first line
    notices: list[str] = []  # remarks on the table so far, for its user

    @property
    def width(self) -> int:
        return len(self.top)

    def headed(self) -> Reader:
        """Return a reader of the same table whose first line is its header."""
        places: dict[str, int] = {}
        for column, field in enumerate(self.top, 1):
            if places.setdefault(field, column) != column:
                message = f"there is another column {short(field)!r}"
                raise self.error(message, self.first, column)
        return replace(self, header=self.top, blocks=without_first_line(self.blocks))

    def doubted(self, doubt: str) -> Reader:
        """Return a reader of the same table that appends `doubt` to errors in the first line."""
        return replace(self, doubt=doubt)

    def error(self, message: str, line: int = 0, column: int = 0) -> FileError:
        """Return an error at a line and column, both counted from 1; 0 leaves one out."""
        message += self.doubt if line == self.first else ""
        return error_at(self.name, message, line, column)

    def fields(self, line: str) -> list[str]:
        """Return the fields of a line, without quotes."""
        return fields_of(line, self.delimiter)

    def floats(self, block: Block, chosen: Sequence[int]) -> Array:
        """Return the chosen columns as float64 (lines, chosen); FileError names a bad field."""
        values = self._load(block, chosen, np.float64)
        if values is not None and np.isfinite(values).all():
            return values
        rows: list[list[float]] = []
        for number, fields in self._rows(block):
            for column in chosen:
                if not is_number(fields[column]):
                    shown = repr(short(fields[column]))
                    shown = shown if fields[column].strip() else "an empty field"
                    problem = f"{shown} is not a number"
                elif not np.isfinite(number_of(fields[column])):
                    problem = f"{short(fields[column])!r} is not a finite number"
                else:
                    continue
                raise BadRow(str(self.error(problem, number, column + 1)), len(rows))
            rows.append([number_of(fields[column]) for column in chosen])
        return np.array(rows, dtype=np.float64).reshape(len(block.lines), len(chosen))

    def samples(self, chosen: Sequence[int]) -> Iterator[tuple[Block, Array]]:
        """Yield each block and its chosen columns, including the rows before a bad one."""
        for block in self.blocks:
            try:
                yield block, self.floats(block, chosen)
            except BadRow as error:
                if error.row:
                    good = Block(block.lines[: error.row], block.numbers[: error.row])
                    yield good, self.floats(good, chosen)
                raise

    def strings(self, block: Block, column: int) -> list[str]:
        """Return one column as text, without surrounding white space."""
        if self._is_bare(block):
            after = self.width - column
            return [line.rsplit(self.delimiter, after)[-after].strip() for line in block.lines]
        return [fields[column].strip() for _, fields in self._rows(block)]

    def _load(self, block: Block, chosen: Sequence[int], dtype: type) -> Array | None:
        """Return the chosen columns, read by NumPy's parser, or None if it cannot be relied on."""
        # With usecols, loadtxt checks neither the number of fields in a line nor its quotes.
        every = sorted(chosen) == list(range(self.width))
        if not every and not self._is_bare(block):
            return None
        try:
            values: Array = np.loadtxt(
                block.lines,
                dtype,
                delimiter=self.delimiter,
                comments=None,
                usecols=None if every else chosen,
                ndmin=2,
            )
        except ValueError:
            return None
        if values.shape != (len(block.lines), len(chosen)):
            return None
        return values[:, chosen] if every and list(chosen) != sorted(chosen) else values

    def _is_bare(self, block: Block) -> bool:
        """Return whether every line has all its fields, and none has quotes or line ends inside."""
        text, commas = "".join(block.lines), self.width - 1
        if '"' in text or "\r" in text:
            return False
        return all(
            count == commas for count in [line.count(self.delimiter) for line in block.lines]
        )

    def _rows(self, block: Block) -> Iterator[tuple[int, list[str]]]:
        for row, (number, line) in enumerate(zip(block.numbers, block.lines, strict=True)):
            try:
                fields = self.fields(line)
            except csv.Error as error:
                raise BadRow(str(self.error(str(error), number)), row) from None
            if len(fields) != self.width:
                column = min(len(fields), self.width) + 1
                shown = f"{count_columns(len(fields))}; {self.width} are needed"
                raise BadRow(str(self.error(shown, number, column)), row)
            yield number, fields


def read(
    source: int | bytes,
    name: str,
    *,
    delimiter: str | None = None,
    needs: Sequence[str] = (),
    notices: list[str] | None = None,
) -> Reader:
    """Return a reader of the CSV table behind a file descriptor, or in memory.

    Without `delimiter`, it is the most frequent of , ; tab | in the first line. The error for an
    empty table names the columns in `needs`.
    """
    blocks = (block for block in blocks_of(source, name) if block.lines)
    first = next(blocks, None)
    if first is None:
        content = f"the columns {listed(needs)}" if needs else "a row for each sample"
        raise FileError(f"{name}: is empty; it needs {content}")
    line, number = first.lines[0], first.numbers[0]
    delimiter = delimiter or max(DELIMITERS, key=line.count)
    try:
        fields = [field.strip() for field in fields_of(line, delimiter)]
    except csv.Error as error:
        raise error_at(name, str(error), number) from None
    quoted = all(field.lstrip().startswith('"') for field in line.split(delimiter))
    remarks = [] if notices is None else notices
    return Reader(name, delimiter, number, fields, quoted, chain([first], blocks), notices=remarks)


def fields_of(line: str, delimiter: str) -> list[str]:
    """Return the fields of a line, without quotes; csv.Error explains a malformed line."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise csv.Error(reason(error)) from None


def reason(error: csv.Error) -> str:
    """Return the reason of a parser's error, in the words of CSV."""
    words = {
        "unexpected end of data": "a quote is not closed",
        "new-line character": "a carriage return inside the line; a line ends with a newline",
        "expected after": "a quote is closed, and then the field goes on",
    }
    return next((reason for key, reason in words.items() if key in str(error)), str(error))


def is_number(field: str) -> bool:
    """Return whether Python reads a field as a number; underscores between digits do not count."""
    try:
        number_of(field)
    except ValueError:
        return False
    return "_" not in field


def number_of(field: str) -> float:
    """Return a field as a number; ValueError if it is not one."""
    return float(field.strip())  # NumPy's parser strips some characters that float() does not


def count_columns(count: int) -> str:
    """Return "1 column", "2 columns", ..."""
    return "1 column" if count == 1 else f"{count} columns"
