"""nnfs show"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.predict import quoted
from nnfs_cli.errors import harmless, one_line

if TYPE_CHECKING:
    from nnfs_cli.runs import Run


@click.command()
@options.run
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="Of a sweep, the first N.")
@click.option("--sort", metavar="COLUMN", help="Of a sweep, by which column; -COLUMN: downwards.")
@click.option("--over", metavar="KEY", help="Of a sweep, statistics over one key: --over seed.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "md"]),
    default="table",
    show_default=True,
    help="How a sweep is shown.",
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
    """Show one run or sweep in full.

    Of a run: what it came to, its layers with their numbers of parameters, and its configuration.
    Of a sweep: a row for each run, or with --over for each group of runs that differ in that key
    alone: mean, standard deviation, median and best of its figures, and how many were solved,
    which is to say reached accuracy 1.
    """
    from nnfs_cli import runs

    path = runs.find(run, runs_dir)
    if (runs.peek(path) or {}).get("kind") == "sweep":
        show_sweep(path, top, sort, over, "json" if as_json else form)
        return
    found = options.open_run(run, runs_dir, by)
    if top or sort or over or form != "table":
        raise click.UsageError("--top, --sort, --over and --format are for sweeps")
    show_run(found, as_json)


def show_run(run: Run, as_json: bool) -> None:
    """Print one run in full."""
    from nnfs_cli import config as configuration
    from nnfs_cli import experiment

    network = experiment.network_of(run.config, run.encoding.facts)
    layers = [
        {
            "layer": number,
            "inputs": layer.fan_in,
            "units": layer.units,
            "activation": given.activation.name,
            "parameters": layer.n_params,
        }
        for number, (layer, given) in enumerate(
            zip(network.layers, run.config.layers, strict=True), 1
        )
    ]
    if as_json:
        config = configuration.to_plain(run.config)
        options.print_json({"run": str(run.path), **run.facts, "layers": layers, "config": config})
        return
    for key, value in {"run": run.path, **run.facts}.items():
        if key == "encoding":
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{name} {version}" for name, version in value.items())
        click.echo(one_line(f"{key.replace('_', ' '):<15}  {value}"))
    click.echo()
    rows = [list(layers[0]), *([str(cell) for cell in layer.values()] for layer in layers)]
    rows.append(["", "", "", "total", str(network.n_params)])
    click.echo("\n".join(options.aligned(row, rows) for row in rows))
    click.echo()
    click.echo(harmless(configuration.dump(run.config)), nl=False)


def show_sweep(path: Path, top: int | None, sort: str | None, over: str | None, form: str) -> None:
    """Print a sweep's results, or statistics of them."""
    from nnfs_cli import summaries

    records = summaries.grouped(path, over) if over else summaries.records(path)
    if sort:
        records = summaries.ordered(records, sort)
    records = records[:top]
    if form == "json":
        options.print_json(records)
        return
    rows = [list(records[0]), *([options.cell(v) for v in r.values()] for r in records)]
    if form == "csv":
        rows[1:] = [["" if v is None else str(v) for v in r.values()] for r in records]
        lines = [",".join(quoted(row)) for row in rows]
    elif form == "md":
        rows.insert(1, ["---"] * len(rows[0]))
        lines = ["| " + " | ".join(row) + " |" for row in rows]
    else:
        rows[0] = [name.replace("_", " ") for name in rows[0]]
        lines = [options.aligned(row, rows) for row in rows]
    click.echo(harmless("\n".join(lines)))
