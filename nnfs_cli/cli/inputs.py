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
    help="Whether the input's first line is a header; only needed if that is unclear.",
)
by_position = click.option(
    "--by-position",
    is_flag=True,
    help="Match columns by position instead of by name.",
)


def has_header(first_line: str | None) -> bool | None:
    """Return True or False as --first-line has it, None without that option."""
    return None if first_line is None else first_line == "header"


def check_reading(source: str | None, first_line: str | None, by_position: bool) -> None:
    """Raise UsageError for --first-line or --by-position without a file to read."""
    if source is None and (first_line or by_position):
        option = "--by-position" if by_position else "--first-line"
        raise click.UsageError(f"{option} requires a file, or - for standard input")


@contextmanager
def opened(
    source: str | None, points: tuple[str, ...] = ()
) -> Iterator[tuple[int | bytes | None, str]]:
    """Yield the CSV input, a descriptor or bytes, and its name; (None, "") for the run's data."""
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
    """Return a run by its directory, its name, SWEEP/17 or SWEEP/best.

    For SWEEP/best, a note on stderr names the run and its figure, unless `quiet`.
    """
    from nnfs_cli.runs import directory, record

    path = directory.find(name, runs_dir)
    one_of_many = path.name == "best" or re.fullmatch("[0-9]{1,9}", path.name)
    if directory.is_there(path) or not one_of_many or len(path.parts) == 1:
        run = record.read(path)
        epochs = run.facts["epochs"]
        if run.facts["status"] == "finished" and epochs < run.config.epochs:
            state = f"finished at epoch {epochs}; config.yaml now has {run.config.epochs} epochs"
            resume = shlex.join(["nnfs", "train", "--resume", str(path)])
            note(f"{path}: {state}; to continue: {resume}")
        return run
    from nnfs_cli.sweeps import members

    sweep = directory.find(str(path.parent), runs_dir)
    if path.name == "best":
        run = members.read_run(sweep, members.best(sweep, by))
        least = "smallest" if by.endswith("cost") else "largest"
        choice = f"{path} is run {run.path.name}, with the {least} {by}: {cell(run.facts[by])}"
        if f"test_{by}" in run.facts:
            choice += f" on the training part; --by test_{by} compares on the test part"
        note(choice, unless=quiet)
        return run
    return members.read_run(sweep, int(path.name))
