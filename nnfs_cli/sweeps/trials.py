"""A file of trials: CSV with the keys of a configuration in its header, one run per row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nnfs_cli.config.nodes import Place
from nnfs_cli.data import csv_table
from nnfs_cli.errors import ConfigError, Problem, config_error, short
from nnfs_cli.storage import files
from nnfs_cli.sweeps.axes import Point

MAX_BYTES = 1 << 26


class Trial(NamedTuple):
    """A row: the values that it sets, and the place of each."""

    point: Point
    places: dict[str, Place]


def read(path: str, consequence: str) -> list[Trial]:
    """Return the trials in a file; ConfigError lists all mistakes."""

    def refuse(message: str, line: int = 0) -> ConfigError:
        return config_error([Problem(f"{path}:{line}" if line else path, message)], consequence)

    try:
        lines = files.read_text(Path(path), MAX_BYTES, "utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        text = error.object
        message = f"byte 0x{text[error.start]:02x} is not UTF-8 text"
        raise refuse(message, text[: error.start].count(b"\n") + 1) from None
    except (OSError, ValueError) as error:
        raise refuse(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    reader = csv.reader(lines, strict=True)
    rows, line = [], 0
    try:
        for row in reader:
            line = reader.line_num
            rows += [(line - 1, row)] if row else []
    except csv.Error as error:  # in a row that may have begun on an earlier line
        raise refuse(csv_table.reason(error), line + 1) from None
    table, *rows = rows or [(0, [])]
    if not rows:
        raise refuse("has no rows under its header")
    if problems := list(_problems(path, lines, table, rows)):
        raise config_error(problems, consequence)
    header = table[1]
    return [
        Trial(
            tuple(zip(header, row, strict=True)),
            {key: _place(path, lines, line, row, i) for i, key in enumerate(header)},
        )
        for line, row in rows
    ]


def _problems(
    path: str, lines: list[str], table: tuple[int, list[str]], rows: list[tuple[int, list[str]]]
) -> Iterator[Problem]:
    """Yield the problems of a header and of its rows, each given with the number of its line."""
    first, header = table
    places: dict[str, int] = {}
    for i, key in enumerate(header):
        if places.setdefault(key, i) != i:
            message = f"there is another column {short(key)!r}"
            yield _place(path, lines, first, header, i).problem(message)
    for line, row in rows:
        if len(row) != len(header):
            message = f"{csv_table.count_columns(len(row))}; the header has {len(header)}"
            at = min(len(row), len(header))
            yield _place(path, lines, line, row, at).problem(message)


def text(keys: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Return rows as the text of a file of trials with these keys."""
    file = io.StringIO()
    writer = csv.DictWriter(file, keys, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _place(path: str, lines: list[str], line: int, row: list[str], i: int) -> Place:
    """Return the place of a row's i-th field, or of its whole line if that has quotes."""
    text = lines[line].rstrip("\r")
    if '"' in text:
        return Place(path, line, 0, len(text), text)
    column = min(sum(len(field) + 1 for field in row[:i]), len(text))
    return Place(path, line, column, len(row[i]) if i < len(row) else 1, text)
