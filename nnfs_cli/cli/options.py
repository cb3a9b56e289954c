"""Arguments and options that several commands have."""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnfs_cli.errors import UNSAFE, one_line, printed

if TYPE_CHECKING:
    from nnfs_cli.runs.record import Run


class Finite(click.FloatRange):
    """A number within limits: FloatRange takes nan for one."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


config = click.argument("config")
overrides = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
run = click.argument("run")

runs_dir = click.option(
    "--runs-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="NNFS_RUNS_DIR",
    default="runs",
    show_default=True,
    show_envvar=True,
    help="Where runs are kept.",
)
checkpoint_every = click.option(
    "--checkpoint-every",
    type=Finite(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to save the state of a training.",
)
quiet = click.option("-q", "--quiet", is_flag=True, help="Print the result and errors alone.")
verbose = click.option("-v", "--verbose", is_flag=True, help="Print every logged cost.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


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


def note(message: str, *, unless: bool = False) -> None:
    """Print a message on stderr, `unless` it is not wanted; if nobody reads it, go on."""
    if not unless:
        with suppress(OSError):
            click.echo(printed(message, names_typed()), err=True)


def names_typed() -> list[str]:
    """Return the names of files that the user gave, as they may stand in a message."""
    words = [part for word in sys.argv[1:] for part in (word, word.partition("=")[2])]
    words.append(os.environ.get("NNFS_RUNS_DIR", ""))
    with suppress(OSError):  # the working directory may be gone
        words.append(str(Path.cwd()))
    return [name for word in words for name in (word, str(Path(word)))]


def typed() -> str:
    """Return the command line as it could be typed again."""
    words = shlex.join(["nnfs", *sys.argv[1:]])
    return words.encode(errors="backslashreplace").decode()


def count(number: int, what: str) -> str:
    """Return "1 epoch", "2 epochs", ..."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def print_json(value: object) -> None:
    """Print a value as one JSON text on stdout; what is not finite becomes null."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(printable(value)), indent=2).decode()
    text = UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)
    click.echo(text.encode())  # JSON is UTF-8, whatever the terminal is


def printable(value: Any) -> Any:
    """Return a value with what is not Unicode in its texts, such as bytes of a path, escaped."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {key: printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list) else value


def cell(value: Any) -> str:
    """Return a value as it stands in a table."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else one_line(str(value))


def aligned(row: list[str], rows: list[list[str]]) -> str:
    """Return a row of a table in columns wide enough for all its rows."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "  ".join(map(str.ljust, row, widths)).rstrip()


picture_style = click.option(
    "--style",
    type=click.Choice(["light", "dark"]),
    default="light",
    show_default=True,
    help="The ground that a picture is for.",
)
by = click.option(
    "--by",
    default="cost",
    show_default=True,
    metavar="FIGURE",
    help="What SWEEP/best is the best by: the smallest cost, or the largest of anything else.",
)


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
