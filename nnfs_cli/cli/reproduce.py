"""nnfs reproduce"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.watching import progress, reading
from nnfs_cli.errors import harmless


@click.command()
@options.run
@options.by
@options.runs_dir
@options.as_json
@options.quiet
def command(run: str, by: str, runs_dir: Path, as_json: bool, quiet: bool) -> None:
    """Train a run again and compare it bit for bit.

    Exits 0 if weights and costs are identical; else 1, saying from which logged epoch on they
    part, by how much, and what of versions and machine is different.
    """
    from nnfs_cli import experiment, machine, reproduction, runs

    found = options.open_run(run, runs_dir, by)
    reproduction.check(found)
    with reading(quiet):
        training = experiment.prepare(found.config, runs.cache_dir(runs_dir), machine.cores())
    with progress(training, quiet, verbose=False) as report:
        again = reproduction.train(training, found, report)
    compared = reproduction.compare(found, training, again)
    if as_json:
        options.print_json({"run": str(found.path), **compared._asdict()})
    elif compared.identical:
        click.echo(f"{found.path}: identical: weights, and {compared.entries} logged epochs")
    else:
        click.echo(f"{found.path}: not the same")
        for line in compared.told():
            click.echo(f"  {harmless(line)}")
    if not compared.identical:
        sys.exit(1)
