"""nnfs reproduce"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.watching import progress, reading
from nnfs_cli.errors import harmless


@click.command()
@options.run
@options.by
@click.option(
    "--tolerance",
    type=options.Finite(min=0),
    default=0.0,
    metavar="T",
    help="Accept numbers within T * (1 + |number|).  [default: only the same bits]",
)
@options.runs_dir
@options.as_json
@options.quiet
def command(
    run: str, by: str, tolerance: float, runs_dir: Path, as_json: bool, quiet: bool
) -> None:
    """Train a run again and compare it bit for bit.

    Exits 0 if weights and costs are identical, or within --tolerance; else 1, saying from which
    logged epoch on they part, by how much, and what of data, versions, processor, BLAS kernels and
    threads is different. The bits are the same on one kind of processor and NumPy build only;
    another rounds the last digits in its own way, and many epochs may magnify that.
    """
    from nnfs_cli import experiment, machine, reproduction, runs

    found = options.open_run(run, runs_dir, by)
    reproduction.check(found)
    with reading(quiet):
        training = experiment.prepare(found.config, runs.cache_dir(runs_dir), machine.cores())
    with progress(training, quiet, verbose=False) as report:
        again = reproduction.train(training, found, report)
    compared = reproduction.compare(found, training, again, tolerance)
    accepted = compared.identical or (tolerance > 0 and compared.within)
    if as_json:
        options.print_json({"run": str(found.path), **compared._asdict(), "tolerance": tolerance})
    elif compared.identical:
        click.echo(f"{found.path}: identical: weights, and {compared.entries} logged epochs")
    else:
        verdict = f"the same within {tolerance:g}, but for bits" if accepted else "not the same"
        click.echo(f"{found.path}: {verdict}")
        for line in compared.differences():
            click.echo(f"  {harmless(line)}")
    if accepted:
        return
    if compared.data and compared.versions and not tolerance and not quiet:
        again_with = shlex.join(["nnfs", "reproduce", str(found.path), "--tolerance", "1e-6"])
        options.note(
            f"other versions or processors round in other ways; to allow for that: {again_with}"
        )
    sys.exit(1)
