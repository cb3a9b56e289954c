"""nnfs show"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.inputs import open_run
from nnfs_cli.cli.output import aligned, cell, print_json, quoted
from nnfs_cli.errors import harmless, one_line

if TYPE_CHECKING:
    from nnfs_cli.runs.record import Run

RARE = ("failed", "missing")  # columns of statistics, left out of a table if all are 0


@click.command()
@options.run
@click.option(
    "--top", type=click.IntRange(min=1), metavar="N", help="Sweep: show only the first N rows."
)
@click.option("--sort", metavar="COLUMN", help="Sweep: sort by a column; -COLUMN: descending.")
@click.option("--over", metavar="KEY", help="Sweep: statistics over one key, such as --over seed.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "md"]),
    default="table",
    show_default=True,
    help="Sweep: output format.",
)
@options.by
@options.runs_dir
@options.as_json
def command(
    run: str,
    top: int | None,
    sort: str | None,
    over: str | None,
    form: str,
    by: str,
    runs_dir: Path,
    as_json: bool,
) -> None:
    """Show the details of a run or a sweep.

    A run is shown with its final figures, its layers and their numbers of parameters, and its
    configuration. A sweep is shown with one row per run, or with --over, one row per group of runs
    that differ only in that key: the numbers of runs that finished, diverged, failed or are
    missing, the number solved (accuracy 1), and mean, standard deviation, median and best of the
    figures of finished runs.
    """
    from nnfs_cli.runs import directory

    path = directory.find(run, runs_dir)
    if (directory.peek(path) or {}).get("kind") == "sweep":
        show_sweep(path, top, sort, over, "json" if as_json else form)
        return
    found = open_run(run, runs_dir, by)
    if top or sort or over or form != "table":
        raise click.UsageError("--top, --sort, --over and --format are for sweeps")
    show_run(found, as_json)


def show_run(run: Run, as_json: bool) -> None:
    """Print the details of a run."""
    from nnfs_cli.config.writing import dump, to_plain
    from nnfs_cli.training import setup

    network = setup.network_of(run.config, run.encoding.facts)
    layers = [
        {
            "layer": number,
            "inputs": layer.fan_in,
            "units": layer.units,
            "activation": settings.activation.name,
            "parameters": layer.n_params,
        }
        for number, (layer, settings) in enumerate(
            zip(network.layers, run.config.layers, strict=True), 1
        )
    ]
    if as_json:
        config = to_plain(run.config)
        print_json({"run": str(run.path), **run.facts, "layers": layers, "config": config})
        return
    for key, value in {"run": run.path, **run.facts}.items():
        if key == "encoding":
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{name} {version}" for name, version in value.items())
        click.echo(one_line(f"{key.replace('_', ' '):<15}  {value}"))
    click.echo()
    rows = [list(layers[0]), *([str(value) for value in layer.values()] for layer in layers)]
    rows.append(["", "", "", "total", str(network.n_params)])
    click.echo("\n".join(aligned(row, rows) for row in rows))
    click.echo()
    click.echo(harmless(dump(run.config)), nl=False)


def show_sweep(path: Path, top: int | None, sort: str | None, over: str | None, form: str) -> None:
    """Print a sweep's results, or statistics over them."""
    from nnfs_cli.sweeps import summary

    records = summary.grouped(path, over) if over else summary.records(path)
    if sort:
        records = summary.ordered(records, sort)
    records = records[:top]
    if form == "json":
        print_json(records)
        return
    if form == "csv":
        rows = [list(records[0]), *([_plain(v) for v in r.values()] for r in records)]
        text = "\n".join(",".join(quoted(row)) for row in rows)
        # Other programs get unescaped UTF-8, as in results.csv.
        click.echo(harmless(text) if sys.stdout.isatty() else text.encode())
        return
    keys = [key for key in records[0] if key not in RARE or any(r[key] for r in records)]
    rows = [keys, *([cell(record[key]) for key in keys] for record in records)]
    if form == "md":
        rows = [[escaped(value) for value in row] for row in rows]
        rows.insert(1, ["---"] * len(keys))
        lines = ["| " + " | ".join(row) + " |" for row in rows]
    else:
        rows[0] = [cell(name.replace("_", " ")) for name in keys]
        lines = [aligned(row, rows) for row in rows]
    click.echo(harmless("\n".join(lines)))


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def escaped(text: str) -> str:
    """Return text escaped for a cell of a Markdown table."""
    text = re.sub(r"[\\`*~|\[\]]", r"\\\g<0>", text)
    # Between letters or digits, as in learning_rate, an underscore has no special meaning.
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
