"""Arguments and options that several commands have."""

from __future__ import annotations

import re
import shlex
import sys
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnfs_cli.errors import harmless

if TYPE_CHECKING:
    from nnfs_cli.runs import Run


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


def note(message: str, *, unless: bool = False) -> None:
    """Print a message on stderr, `unless` it is not wanted; if nobody reads it, go on."""
    if not unless:
        with suppress(OSError):
            click.echo(harmless(message), err=True)


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
    text = re.sub("[\x7f-\x9f]", lambda m: f"\\u{ord(m[0]):04x}", text)  # the other controls
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
    return f"{value:.6g}" if isinstance(value, float) else harmless(str(value))


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


def open_run(name: str, runs_dir: Path, by: str = "cost") -> Run:
    """Return the run that is called RUN: a directory or its name, SWEEP/17 or SWEEP/best."""
    from nnfs_cli import runs

    path = runs.find(name, runs_dir)
    one_of_many = path.name == "best" or re.fullmatch("[0-9]{1,9}", path.name)
    if runs.is_there(path) or not one_of_many or len(path.parts) == 1:
        found = runs.read(path)
        epochs = found.facts["epochs"]
        if found.facts["status"] == "finished" and epochs < found.config.epochs:
            state = f"finished at epoch {epochs}, and not yet at epoch {found.config.epochs}"
            resume = shlex.join(["nnfs", "train", "--resume", str(path)])
            note(f"{path}: {state}; to continue: {resume}")
        return found
    from nnfs_cli import sweeps

    sweep = runs.find(str(path.parent), runs_dir)
    if path.name == "best":
        return sweeps.read_run(sweep, sweeps.best(sweep, by))
    return sweeps.read_run(sweep, int(path.name))
