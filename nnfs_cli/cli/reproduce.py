"""nnfs reproduce"""

from __future__ import annotations

import shlex
import sys
from math import isfinite
from pathlib import Path

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.inputs import open_run
from nnfs_cli.cli.output import note, print_json
from nnfs_cli.cli.progress import progress
from nnfs_cli.errors import harmless, one_line


@click.command()
@options.run
@options.by
@click.option(
    "--tolerance",
    type=options.Finite(min=0),
    default=0.0,
    metavar="T",
    help="Accept numbers within T * (1 + |number|).  [default: the same bits]",
)
@options.runs_dir
@options.as_json
@options.quiet
def command(
    run: str, by: str, tolerance: float, runs_dir: Path, as_json: bool, quiet: bool
) -> None:
    """Train a run again and compare it bit for bit.

    Exits 0 if weights and costs are identical, or within --tolerance. Otherwise exits 1 and prints
    the first logged epoch that differs, by how much, and any difference in data, versions,
    processor, BLAS kernels and threads. Identical bits require the same kind of processor and
    NumPy build; others round the last digits differently, and many epochs may amplify that.
    """
    from nnfs_cli import machine
    from nnfs_cli.analysis import reproduction
    from nnfs_cli.data.source import Sources
    from nnfs_cli.runs import directory
    from nnfs_cli.training import setup

    found = open_run(run, runs_dir, by, quiet=quiet)
    sources = Sources()
    reproduction.check(found, sources)
    cache_dir = directory.cache_dir(runs_dir)
    training = setup.prepare(found.config, cache_dir, machine.cores(), sources)
    with progress(training, quiet, verbose=False) as report:
        again = reproduction.train(training, found, report)
    compared = reproduction.compare(found, training, again)
    within = compared.data and compared.difference <= tolerance
    if as_json:
        answer = {"run": str(found.path), **compared._asdict()}
        print_json({**answer, "tolerance": tolerance, "within": within})
    elif compared.identical:
        logged = f"{compared.entries} logged epochs"
        click.echo(f"{one_line(str(found.path))}: identical: weights, and {logged}")
    else:
        verdict = f"not identical, but within {tolerance:g}" if within else "not the same"
        click.echo(f"{one_line(str(found.path))}: {verdict}")
        for line in compared.differences():
            click.echo(f"  {harmless(line)}")
    if within:
        return
    if compared.data and compared.versions and isfinite(compared.difference) and not quiet:
        enough = f"{reproduction.rounded_up(compared.difference):g}"
        again_with = shlex.join(["nnfs", "reproduce", str(found.path), "--tolerance", enough])
        reason = "other versions, processors and threads round differently"
        note(f"{reason}; to accept this difference: {again_with}")
    sys.exit(1)
