"""What commands read: runs by name, CSV from a file, a pipe or --x."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnfs_cli.cli.output import cell, note

if TYPE_CHECKING:
    from nnfs_cli.runs.record import Run

first_line = click.option(
    "--first-line",
    type=click.Choice(["header", "sample"]),
    help="What the input's first line is, where its names do not show it.",
)
by_position = click.option(
    "--by-position",
    is_flag=True,
    help="Take the input's columns in the run's order, whatever the header calls them.",
)


def has_header(first_line: str | None) -> bool | None:
    """Return whether --first-line says that there is a header, or None if it says nothing."""
    return None if first_line is None else first_line == "header"


def check_reading(source: str | None, first_line: str | None, by_position: bool) -> None:
    """Raise UsageError if an option says how to read a file, and there is none."""
    if source is None and (first_line or by_position):
        option = "--by-position" if by_position else "--first-line"
        raise click.UsageError(f"{option} says how to read a file; give a file, or -")


@contextmanager
def opened(
    source: str | None, points: tuple[str, ...] = ()
) -> Iterator[tuple[int | bytes | None, str]]:
    """Yield what to read CSV from, a descriptor or bytes, and its name; own data has none."""
    from nnfs_cli.errors import FileError

    if points:
        yield "\n".join(points).encode(errors="surrogateescape"), "--x"
    elif source is None:
        yield None, ""
    elif source == "-":
        yield sys.stdin.fileno(), "<stdin>"
    else:
        try:
            descriptor = os.open(source, os.O_RDONLY)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", error)
            raise FileError(f"{source}: cannot be read: {reason}") from None
        try:
            yield descriptor, source
        finally:
            os.close(descriptor)


def open_run(name: str, runs_dir: Path, by: str = "cost", *, quiet: bool = False) -> Run:
    """Return the run that is called RUN: a directory or its name, SWEEP/17 or SWEEP/best.

    A note says which run is the best, and by what, unless it is to be `quiet`.
    """
    from nnfs_cli.runs import directory, record

    path = directory.find(name, runs_dir)
    one_of_many = path.name == "best" or re.fullmatch("[0-9]{1,9}", path.name)
    if directory.is_there(path) or not one_of_many or len(path.parts) == 1:
        found = record.read(path)
        epochs = found.facts["epochs"]
        if found.facts["status"] == "finished" and epochs < found.config.epochs:
            state = f"finished at epoch {epochs}, and not yet at epoch {found.config.epochs}"
            resume = shlex.join(["nnfs", "train", "--resume", str(path)])
            note(f"{path}: {state}; to continue: {resume}")
        return found
    from nnfs_cli.sweeps import members

    sweep = directory.find(str(path.parent), runs_dir)
    if path.name == "best":
        found = members.read_run(sweep, members.best(sweep, by))
        least = "smallest" if by.endswith("cost") else "largest"
        told = f"{path} is run {found.path.name}, with the {least} {by}: {cell(found.facts[by])}"
        if f"test_{by}" in found.facts:
            told += f" on the training part; --by test_{by} compares on the test part"
        note(told, unless=quiet)
        return found
    return members.read_run(sweep, int(path.name))
