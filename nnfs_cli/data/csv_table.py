"""Tables as text: CSV read in blocks, as it comes, in constant memory.

NumPy's own parser reads the numbers; where it stumbles, the csv module finds out at which field.
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
    """A row of a block is wrong, and those before it are right."""

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


class Reader(Struct, frozen=True):
    """A CSV table whose first line has been looked at; `blocks` may be taken once.

    `top` holds the fields of the first line, `quoted` says whether all are in quotes. `blocks`
    begin with it unless it is the header.
    """

    name: str
    delimiter: str
    first: int  # the number of its first line
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
        """Return a reader of the same table that adds a doubt to errors in the first line."""
        return replace(self, doubt=doubt)

    def error(self, message: str, line: int = 0, column: int = 0) -> FileError:
        """Return an error at a line and a column, both from 1, where they are given."""
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
        """Yield each block and its chosen columns, also of the rows before a bad one."""
        for block in self.blocks:
            try:
                yield block, self.floats(block, chosen)
            except BadRow as error:
                if error.row:
                    good = Block(block.lines[: error.row], block.numbers[: error.row])
                    yield good, self.floats(good, chosen)
                raise

    def strings(self, block: Block, column: int) -> list[str]:
        """Return one column as text, without the white space around it."""
        if self._is_bare(block):
            behind = self.width - column
            return [line.rsplit(self.delimiter, behind)[-behind].strip() for line in block.lines]
        return [fields[column].strip() for _, fields in self._rows(block)]

    def _load(self, block: Block, chosen: Sequence[int], dtype: type) -> Array | None:
        """Return the chosen columns by NumPy's parser, or None where it cannot be trusted."""
        # The parser checks neither how wide a line is nor what quotes it has, if it is to read only
        # some columns.
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
        """Return whether every line has all its fields, and none has quotes or ends within."""
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

    Without `delimiter`, the first line tells which of , ; tab | it is. An error about an empty
    table names the columns that it needs.
    """
    blocks = (block for block in blocks_of(source, name) if block.lines)
    first = next(blocks, None)
    if first is None:
        told = f"the columns {listed(needs)}" if needs else "a row for each sample"
        raise FileError(f"{name}: is empty; it needs {told}")
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
    """Return the fields of a line, without quotes; csv.Error says what is wrong with it."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise csv.Error(reason(error)) from None


def reason(error: csv.Error) -> str:
    """Return what is wrong with a line, in words that its writer knows."""
    words = {
        "unexpected end of data": "a quote is not closed",
        "new-line character": "a carriage return inside the line; a line ends with a newline",
        "expected after": "a quote is closed, and then the field goes on",
    }
    return next((told for said, told in words.items() if said in str(error)), str(error))


def is_number(field: str) -> bool:
    """Return whether a field is a number as Python reads it, of digits without underscores."""
    try:
        number_of(field)
    except ValueError:
        return False
    return "_" not in field


def number_of(field: str) -> float:
    """Return the number that a field is; ValueError if it is none."""
    return float(field.strip())  # NumPy's parser strips some characters that float() does not


def count_columns(count: int) -> str:
    """Return "1 column", "2 columns", ..."""
    return "1 column" if count == 1 else f"{count} columns"
