"""Tables of numbers as text: CSV read in blocks, as it comes, in constant memory."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError, did_you_mean

CHUNK = 1 << 18  # bytes at a time
MAX_LINE = 1 << 20


class Block(NamedTuple):
    """Some lines of a table, without their line ends, and the wanted columns of them."""

    lines: list[str]
    values: Array  # (lines, columns), float64


@dataclass
class _Source:
    """Where the lines come from, for messages, and how many are behind."""

    name: str
    line: int = 0

    def error(self, message: str, line: int = 0, column: int = 0) -> FileError:
        where = f"{self.name}:{line}" if line else self.name
        return FileError(f"{where}:{column}: {message}" if column else f"{where}: {message}")


def read(
    descriptor: int, name: str, columns: Sequence[str], *, header: bool = True
) -> tuple[list[str], Iterator[Block]]:
    """Return the names of a CSV table's columns, and its rows in blocks.

    A first line without a number, or with one of `columns`, is a header, unless `header` is False.
    If it has all of `columns`, these are
    chosen by name, and more may stand beside them; else there must be just so many. FileError
    names the line and the column of whatever is no finite number.
    """
    source = _Source(name)
    chunks = _chunks(descriptor, source)
    lines = next(chunks, None)
    if lines is None:
        raise source.error(f"is empty; it needs the columns {', '.join(columns)}")
    first = [field.strip() for field in next(csv.reader(lines[:1]))]
    if header and (not any(map(_is_number, first)) or set(first) & set(columns)):
        names, lines = first, lines[1:]
        source.line = 1
        chosen = _choose(first, columns, source)
    else:
        names, chosen = list(columns), list(range(len(columns)))
        if len(first) != len(columns):
            raise source.error(
                f"{_columns(len(first))}; the run has {len(columns)}: {', '.join(columns)}", 1
            )

    def blocks() -> Iterator[Block]:
        nonlocal lines
        while lines is not None:
            kept = [line for line in lines if line]
            if kept:
                yield Block(kept, _parse(lines, kept, len(names), chosen, source))
            source.line += len(lines)
            lines = next(chunks, None)

    return names, blocks()


def _choose(header: list[str], columns: Sequence[str], source: _Source) -> list[int]:
    if doubled := {field for field in header if header.count(field) > 1} & set(columns):
        raise source.error(f"the header has {', '.join(sorted(doubled))} more than once", 1)
    if set(columns) <= set(header):
        return [header.index(column) for column in columns]
    if len(header) == len(columns):
        return list(range(len(columns)))
    missing = next(column for column in columns if column not in header)
    raise source.error(
        f"there is no column {missing!r}{did_you_mean(missing, header)}; "
        f"the run has {', '.join(columns)}, the header {', '.join(header)}",
        1,
    )


def _chunks(descriptor: int, source: _Source) -> Iterator[list[str]]:
    """Yield the lines that have come, as soon as they have; at least one at a time."""
    rest, encoding, seen = b"", "utf-8-sig", 0
    while True:
        try:
            chunk = os.read(descriptor, CHUNK)
        except OSError as error:
            raise source.error(f"cannot be read: {error.strerror}") from None
        head, newline, tail = (rest + chunk).rpartition(b"\n") if chunk else (rest, b"\n", b"")
        if newline and (head or chunk):
            try:
                lines = head.decode(encoding).split("\n")
            except UnicodeDecodeError as error:
                line = seen + head[: error.start].count(b"\n") + 1
                raise source.error(
                    f"byte 0x{head[error.start]:02x} is not UTF-8 text", line
                ) from None
            encoding, seen = "utf-8", seen + len(lines)
            yield [line.rstrip("\r") for line in lines]
        rest = tail
        if len(rest) > MAX_LINE:
            raise source.error("the line is longer than 1 MiB", seen + 1)
        if not chunk:
            return


def _parse(
    lines: list[str], kept: list[str], width: int, chosen: list[int], source: _Source
) -> Array:
    """Return the chosen columns of the lines that are kept, those that are not empty."""
    try:
        # As many rows as lines, and every line as wide as the header: else find out which is not.
        commas = all(line.count(",") == width - 1 for line in kept)
        values = np.loadtxt(
            kept, delimiter=",", comments=None, quotechar='"', usecols=chosen, ndmin=2
        )
        if commas and len(values) == len(kept) and np.isfinite(values).all():
            return values
    except ValueError:
        pass
    return _parse_slowly(lines, width, chosen, source)


def _parse_slowly(lines: list[str], width: int, chosen: list[int], source: _Source) -> Array:
    """Do the same a field at a time, to name the one that is wrong."""
    rows = []
    for number, line in enumerate(lines, source.line + 1):
        if not line:
            continue
        fields = next(csv.reader([line]))
        if len(fields) != width:
            raise source.error(f"{_columns(len(fields))}; {width} are needed", number)
        for column in chosen:
            if not _is_number(fields[column]):
                shown = fields[column][:40]
                raise source.error(f"{shown!r} is not a number", number, column + 1)
            if not np.isfinite(float(fields[column])):
                raise source.error(f"{fields[column]!r} is not a finite number", number, column + 1)
        rows.append([float(fields[column]) for column in chosen])
    return np.array(rows)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"
