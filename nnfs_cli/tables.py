"""Tables as text: CSV read in blocks, as it comes, in constant memory.

NumPy's own parser reads the numbers; where it stumbles, the csv module finds out at which field.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError, did_you_mean, listed, short

CHUNK = 1 << 18  # bytes at a time
MAX_LINE = 1 << 20
DELIMITERS = ",;\t|"
csv.field_size_limit(2 * MAX_LINE)


class Block(NamedTuple):
    """Some lines of a table, without line ends and blank lines, and their numbers in the file."""

    lines: list[str]
    numbers: Sequence[int]


class Reader(Struct, frozen=True):
    """A CSV table whose first line has been looked at; `blocks` may be taken once."""

    name: str
    delimiter: str
    first: int  # the number of its first line
    header: list[str] | None
    width: int
    blocks: Iterator[Block]

    def error(self, message: str, line: int = 0, column: int = 0) -> FileError:
        """Return an error at a line and a column, both from 1, where they are given."""
        return error_at(self.name, message, line, column)

    def fields(self, line: str) -> list[str]:
        """Return the fields of a line, without quotes."""
        return fields_of(line, self.delimiter)

    def floats(self, block: Block, chosen: Sequence[int]) -> Array:
        """Return the chosen columns as float64 (lines, chosen); FileError names a bad field."""
        values = self._load(block, chosen, np.float64)
        if values is not None and np.isfinite(values).all():
            return values
        rows = []
        for number, fields in self._rows(block):
            for column in chosen:
                if not is_number(fields[column]):
                    shown = repr(short(fields[column]))
                    shown = shown if fields[column].strip() else "an empty field"
                    raise self.error(f"{shown} is not a number", number, column + 1)
                if not np.isfinite(number_of(fields[column])):
                    shown = f"{short(fields[column])!r} is not a finite number"
                    raise self.error(shown, number, column + 1)
            rows.append([number_of(fields[column]) for column in chosen])
        return np.array(rows, dtype=np.float64).reshape(len(block.lines), len(chosen))

    def strings(self, block: Block, column: int) -> list[str]:
        """Return one column as text, without the white space around it."""
        if self._is_bare(block):
            behind = self.width - column
            return [line.rsplit(self.delimiter, behind)[-behind].strip() for line in block.lines]
        return [fields[column].strip() for _, fields in self._rows(block)]

    def _load(self, block: Block, chosen: Sequence[int], dtype: type) -> Array | None:
        """Return the chosen columns by NumPy's parser, or None where it cannot be trusted."""
        # The parser does not mind the width of a line of which it needs some columns alone, nor
        # what stands behind a quote.
        if not self._is_bare(block):
            return None
        try:
            values: Array = np.loadtxt(
                block.lines,
                dtype,
                delimiter=self.delimiter,
                comments=None,
                usecols=chosen,
                ndmin=2,
            )
        except ValueError:
            return None
        return values if len(values) == len(block.lines) else None

    def _is_bare(self, block: Block) -> bool:
        """Return whether every line has all its fields, and none has quotes or ends within."""
        text, commas = "".join(block.lines), self.width - 1
        if '"' in text or "\r" in text:
            return False
        return all(
            count == commas for count in [line.count(self.delimiter) for line in block.lines]
        )

    def _rows(self, block: Block) -> Iterator[tuple[int, list[str]]]:
        for number, line in zip(block.numbers, block.lines, strict=True):
            try:
                fields = self.fields(line)
            except csv.Error as error:
                raise self.error(str(error), number) from None
            if len(fields) != self.width:
                column = min(len(fields), self.width) + 1
                shown = f"{count_columns(len(fields))}; {self.width} are needed"
                raise self.error(shown, number, column)
            yield number, fields


def read(
    descriptor: int,
    name: str,
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    known: Sequence[str] = (),
) -> Reader:
    """Return a reader of the CSV table behind a file descriptor.

    Without `header`, a first line that has no number, or one of the `known` names, is one; of names
    that look like numbers it must have all. Without `delimiter`, the first line tells which of
    , ; tab | it is.
    """
    blocks = _blocks(descriptor, name)
    first = next(blocks, None)
    while first is not None and not first.lines:
        first = next(blocks, None)
    if first is None:
        needs = f"the columns {listed(known)}" if known else "a row for each sample"
        raise FileError(f"{name}: is empty; it needs {needs}")
    line, number = first.lines[0], first.numbers[0]
    delimiter = delimiter or max(DELIMITERS, key=line.count)
    try:
        fields = [field.strip() for field in fields_of(line, delimiter)]
    except csv.Error as error:
        raise error_at(name, str(error), number) from None
    if header is None:
        words = {name for name in known if not is_number(name)} & set(fields)
        all_there = bool(known) and set(known) <= set(fields)
        header = not any(map(is_number, fields)) or bool(words) or all_there
    if header:
        places: dict[str, int] = {}
        for column, field in enumerate(fields, 1):
            if places.setdefault(field, column) != column:
                message = f"there is another column {short(field)!r}"
                raise error_at(name, message, number, column)
        first = Block(first.lines[1:], first.numbers[1:])

    nonempty = (block for block in chain([first], blocks) if block.lines)
    return Reader(name, delimiter, number, fields if header else None, len(fields), nonempty)


def choose(reader: Reader, columns: Sequence[str]) -> list[int]:
    """Return where a run's columns are: by the header's names, or one after the other."""
    header = reader.header
    if header is not None and set(columns) <= set(header):
        return [header.index(column) for column in columns]
    if reader.width != len(columns) or (header and set(columns) & set(header)):
        missing = next((column for column in columns if column not in (header or ())), "")
        wanted = f"the run has {len(columns)}: {listed(columns)}"
        if header:
            there = f"the header {listed(header)}{did_you_mean(missing, header)}"
            message = f"there is no column {short(missing)!r}; {wanted}, {there}"
            raise reader.error(message, reader.first)
        raise reader.error(f"{count_columns(reader.width)}; {wanted}", reader.first)
    return list(range(len(columns)))


def _blocks(descriptor: int, name: str) -> Iterator[Block]:
    """Yield the lines that have come, as soon as they have."""
    rest, encoding, seen = b"", "utf-8-sig", 0
    while True:
        try:
            chunk = os.read(descriptor, CHUNK)
        except OSError as error:
            raise FileError(f"{name}: cannot be read: {error.strerror}") from None
        head, newline, tail = (rest + chunk).rpartition(b"\n") if chunk else (rest, b"\n", b"")
        if newline and (head or chunk):
            try:
                lines = head.decode(encoding).split("\n")
            except UnicodeDecodeError as error:
                text = error.object  # which begins behind the byte order mark
                line = seen + text[: error.start].count(b"\n") + 1
                message = f"byte 0x{text[error.start]:02x} is not UTF-8 text"
                raise error_at(name, message, line) from None
            if b"\r" in head:
                lines = [line.rstrip("\r") for line in lines]
            numbers: Sequence[int] = range(seen + 1, seen + len(lines) + 1)
            encoding, seen = "utf-8", seen + len(lines)
            if not all(lines) or any(map(str.isspace, lines)):
                numbers = [n for n, line in zip(numbers, lines, strict=True) if line.strip()]
                lines = [line for line in lines if line.strip()]
            yield Block(lines, numbers)
        rest = tail
        if len(rest) > MAX_LINE:
            raise error_at(name, "the line is longer than 1 MiB", seen + 1)
        if not chunk:
            return


def error_at(name: str, message: str, line: int = 0, column: int = 0) -> FileError:
    """Return an error at a line and a column of a file, both from 1, where they are given."""
    where = ":".join(map(str, filter(None, (name, line, column))))
    return FileError(f"{where}: {message}")


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
