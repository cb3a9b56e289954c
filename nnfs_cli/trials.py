"""A file of trials: CSV whose header has the keys of a configuration, each row a run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nnfs_cli import disk
from nnfs_cli.document import Place
from nnfs_cli.errors import Problem, config_error
from nnfs_cli.grid import Point
from nnfs_cli.tables import count_columns

MAX_BYTES = 1 << 26


class Trial(NamedTuple):
    """A row: what it sets, and where each key of it was written."""

    point: Point
    places: dict[str, Place]


def read(path: str, consequence: str) -> list[Trial]:
    """Return the trials in a file; ConfigError lists all that is wrong with it."""
    try:
        lines = disk.read_text(Path(path), MAX_BYTES, "utf-8-sig").split("\n")
        reader = csv.reader(lines, strict=True)
        rows = [(reader.line_num - 1, row) for row in reader if row]
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise config_error([Problem(path, f"cannot be read: {reason}")], consequence) from None
    (_, header), *rows = rows or [(0, [])]
    if not rows:
        raise config_error([Problem(path, "has no rows under its header")], consequence)
    problems = [
        _place(path, lines, 0, header, i).problem(f"there is another column {key!r}")
        for i, key in enumerate(header)
        if key in header[:i]
    ]
    problems += [
        _place(path, lines, line, row, min(len(row), len(header))).problem(
            f"{count_columns(len(row))}; the header has {len(header)}"
        )
        for line, row in rows
        if len(row) != len(header)
    ]
    if problems:
        raise config_error(problems, consequence)
    return [
        Trial(
            tuple(zip(header, row, strict=True)),
            {key: _place(path, lines, line, row, i) for i, key in enumerate(header)},
        )
        for line, row in rows
    ]


def text(keys: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Return rows as a file of trials, of these keys."""
    file = io.StringIO()
    writer = csv.DictWriter(file, keys, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _place(path: str, lines: list[str], line: int, row: list[str], i: int) -> Place:
    """Return where the i-th field of a row is; if there are quotes, where its line is."""
    text = lines[line].rstrip("\r")
    if '"' in text:
        return Place(path, line, 0, len(text), text)
    column = min(sum(len(field) + 1 for field in row[:i]), len(text))
    return Place(path, line, column, len(row[i]) if i < len(row) else 1, text)
