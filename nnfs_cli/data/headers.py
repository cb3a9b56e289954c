"""The header of a CSV table: whether there is one, and the places of a run's columns in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import pairwise
from math import isclose
from typing import NamedTuple

from nnfs_cli.data import csv_table
from nnfs_cli.data.csv_table import Dialect, Reader, is_number, number_of
from nnfs_cli.data.raw import is_place
from nnfs_cli.errors import did_you_mean, listed, short

YEAR = 1000  # smallest of two successive numbers that are taken as names of columns


class Cures(NamedTuple):
    """Arguments that read a table differently, ready to be pasted."""

    header: str  # its first line is the header
    sample: str  # its first line is a sample
    order: str = ""  # its columns are in the run's order, whatever their names


FILE = Cures("dataset.header=true", "dataset.header=false")
TABLE = Cures("--first-line header", "--first-line sample", " --by-position")


def read(
    source: int | bytes,
    name: str,
    dialect: Dialect = csv_table.DETECTED,
    *,
    known: Sequence[str] = (),
    placed: bool = False,
    cures: Cures = FILE,
    notices: list[str] | None = None,
) -> Reader:
    """Return a reader of a CSV table, behind a descriptor or in memory.

    If the dialect's header is None, the first line is a header if it has no number, or any of the
    `known` names that is not a number, or all of them. Where that may be wrong, a remark is added
    to `notices`, which the reader keeps. With `placed`, known integers may be places of columns.
    """
    words = [name for name in known if not (placed and name.lstrip("-").isdecimal())]
    reader = csv_table.read(source, name, delimiter=dialect.delimiter, needs=words, notices=notices)
    if placed:
        known = [name for name in known if not is_place(name, reader.width)]
    if dialect.header is not None:
        return reader.headed() if dialect.header else reader
    header, reason = _is_header(reader, known)
    if reason is not None:
        taken, other, cure = "the header", "a sample", cures.sample
        if not header:
            by_name = any(map(is_number, known))
            taken, other, cure = other, taken, cures.header + cures.order * (not by_name)
        told = f"the first line, {listed(reader.top)}, is taken as {taken}{reason}"
        remark = reader.error(f"{told}; if it is {other}, add {cure}", reader.first)
        reader.notices.append(str(remark))
    if header:
        return reader.headed()
    if all(map(is_number, reader.top)):
        return reader
    return reader.doubted(f"; if this line is the header, add {cures.header}")


def _is_header(reader: Reader, known: Sequence[str]) -> tuple[bool, str | None]:
    """Return whether the first line is a header, and None if that is obvious; else the reason,
    which may be empty."""
    numbers = [field for field in reader.top if is_number(field)]
    if not numbers:
        return True, None
    names = set(map(folded, reader.top))
    words = [name for name in known if not is_number(name)]
    if names & set(map(folded, words)):
        return True, None
    only_numbers = len(numbers) == reader.width
    if known and set(map(folded, known)) <= names:
        return True, f", as it has {listed(known)}" if only_numbers else None
    if only_numbers and len(words) < len(known):
        missing = next(name for name in known if folded(name) not in names)
        return False, f", as it has no {short(missing)}"
    likely = _counted(numbers) or (only_numbers and reader.quoted and not known)
    return False, "" if likely and len(known) in (0, reader.width) else None


def _counted(numbers: Sequence[str]) -> bool:
    """Return whether numbers rise in equal steps, as names do: 0, 1, 2 or 1e5, 2e5, 3e5.

    Two numbers always do, so they must be successive and have four digits: 2019, 2020.
    """
    values = list(map(number_of, numbers))
    steps = [b - a for a, b in pairwise(values)]
    if len(steps) == 1:
        return steps == [1] and values[0] >= YEAR and values[0].is_integer()
    return len(steps) > 1 and steps[0] > 0 and all(isclose(step, steps[0]) for step in steps)


def folded(name: str) -> str:
    """Return a name in lower case, with accents in one encoding, for comparison."""
    return unicodedata.normalize("NFC", name.casefold())


def choose(
    reader: Reader, columns: Sequence[str], *, by_position: bool = False, cures: Cures = TABLE
) -> list[int]:
    """Return the place of each of a run's columns: by the header's names, or in the run's order.

    A name in another case is accepted with a notice; FileError lists the missing ones.
    """
    header = reader.header
    if header is not None and not by_position:
        return find(reader, header, columns, cures)
    if reader.width != len(columns):
        needs = f"the run has {len(columns)}: {listed(columns)}"
        raise reader.error(f"{csv_table.count_columns(reader.width)}; {needs}", reader.first)
    own = {folded(name): i for i, name in enumerate(columns)}
    names = enumerate(header or ())
    if moved := {columns[i]: name for i, name in names if own.get(folded(name), i) != i}:
        _say_read_as(reader, moved, " by position")
    return list(range(len(columns)))


def find(reader: Reader, names: Sequence[str], columns: Sequence[str], cures: Cures) -> list[int]:
    """Return the places of some columns among the names of a table's columns."""
    places = {name: i for i, name in enumerate(names)}
    missing = [column for column in columns if column not in places]
    if not missing:
        return [places[column] for column in columns]
    spare = places.keys() - set(columns)
    other = _pairs(missing, spare)
    missing = [column for column in missing if column not in other]
    if missing:
        wanted = " or ".join(repr(short(name)) for name in missing[:3])
        wanted += ", ..." * (len(missing) > 3)
        told = f"there is no column {wanted}; the run has {len(columns)}: {listed(columns)}, "
        there = "the header" if reader.header else "the table, without a header,"
        told += f"{there} {listed(names)}{did_you_mean(missing[0], names)}"
        if len(names) == len(columns) and cures.order:
            told += f"; if they are in the run's order, add{cures.order}"
        raise reader.error(told, reader.first)
    _say_read_as(reader, other)
    return [places[other.get(column, column)] for column in columns]


def _say_read_as(reader: Reader, names: dict[str, str], how: str = "") -> None:
    """Add a notice about columns that are read as others, given by their names."""
    pairs = list(names.items())
    told = ", ".join(f"{short(name)!r} is read as {short(own)!r}" for own, name in pairs[:8])
    remark = reader.error(told + ", ..." * (len(pairs) > 8) + how, reader.first)
    reader.notices.append(str(remark))


def _pairs(missing: Sequence[str], spare: Iterable[str]) -> dict[str, str]:
    """Return the spare name for each missing one to which exactly one is alike."""
    pairs: dict[str, str] = {}
    ways: tuple[Callable[[str], Hashable], ...] = (folded, _value)
    for alike in ways:
        groups: dict[Hashable, tuple[list[str], list[str]]] = {}
        for name in missing:
            if name not in pairs:
                groups.setdefault(alike(name), ([], []))[0].append(name)
        for name in set(spare) - set(pairs.values()):
            groups.setdefault(alike(name), ([], []))[1].append(name)
        pairs |= {a[0]: b[0] for a, b in groups.values() if len(a) == len(b) == 1}
    return pairs


def _value(name: str) -> Hashable:
    """Return a name as a number, if it is one: 2019 and 2019.0 are alike."""
    return number_of(name) if is_number(name) else name
