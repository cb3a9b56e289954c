"""Arguments and options that several commands have."""

from __future__ import annotations

import csv
from math import isfinite
from pathlib import Path
from typing import Any

import click


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
columns = click.option("--columns", metavar="A,B", help="The two input columns of a boundary.")
against = click.option(
    "--against", metavar="KEY[,KEY]", help="The swept keys that a sweep is drawn over."
)


def names_in(text: str | None, option: str, least: int, most: int) -> tuple[str, ...]:
    """Return the names in A,B; quotes, as in CSV, let a name have a comma."""
    if text is None:
        return ()
    try:
        names = tuple(name.strip() for name in next(csv.reader([text]), []))
    except csv.Error:  # a line break without quotes, say
        names = ()
    if not (least <= len(names) <= most) or len(set(names)) < len(names) or not all(names):
        wanted = "two different columns" if least == 2 else "one key, or two different ones"
        raise click.BadParameter(f"{text!r} should be {wanted}, with a comma", param_hint=option)
    return names
