"""Arguments and options shared by several commands."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

import click


class Finite(click.FloatRange):
    """A finite number within limits; FloatRange accepts nan."""

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
    help="Directory of all runs.",
)
checkpoint_every = click.option(
    "--checkpoint-every",
    type=Finite(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Save the state of a training this often.",
)
quiet = click.option("-q", "--quiet", is_flag=True, help="Print only the result and errors.")
verbose = click.option("-v", "--verbose", is_flag=True, help="Print every logged cost.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


picture_style = click.option(
    "--style",
    type=click.Choice(["light", "dark"]),
    default="light",
    show_default=True,
    help="Light or dark background.",
)
by = click.option(
    "--by",
    default="cost",
    show_default=True,
    metavar="FIGURE",
    help="How SWEEP/best is chosen: smallest if FIGURE is a cost, otherwise largest.",
)
columns = click.option(
    "--columns", metavar="A,B", help="Two input columns, the axes of a boundary."
)
against = click.option(
    "--against", metavar="KEY[,KEY]", help="One or two swept keys, the axes of a sweep."
)


def names_in(text: str | None, option: str, least: int, most: int) -> tuple[str, ...]:
    """Return the names in A,B; a name that contains a comma is quoted as in CSV."""
    import csv

    if text is None:
        return ()
    try:
        names = tuple(name.strip() for name in next(csv.reader([text]), []))
    except csv.Error:  # for example, a line break without quotes
        names = ()
    if not (least <= len(names) <= most) or len(set(names)) < len(names) or not all(names):
        expected = "two different columns" if least == 2 else "one key, or two different ones"
        raise click.BadParameter(f"{text!r} should be {expected}, with a comma", param_hint=option)
    return names
