"""nnfs report"""

from __future__ import annotations

from pathlib import Path

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.inputs import open_run
from nnfs_cli.cli.output import check_target, write


@click.command()
@options.run
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to FILE."
)
@options.columns
@options.against
@options.by
@options.runs_dir
def command(
    run: str,
    output: Path | None,
    columns: str | None,
    against: str | None,
    by: str,
    runs_dir: Path,
) -> None:
    """Write a run or a sweep as one HTML file.

    The page lists what is wrong with the run, then its figures, pictures and configuration. A
    sweep's page has a table of its runs, best first; click a column to sort by it. The file is
    self-contained and follows the reader's light or dark setting. By default it is written into
    the run's directory. Prints its path.
    """
    from nnfs_cli import plots
    from nnfs_cli.plots.style import Look
    from nnfs_cli.report import run as report_run
    from nnfs_cli.report import sweep
    from nnfs_cli.runs import directory
    from nnfs_cli.sweeps import directory as sweep_directory

    look = Look(
        columns=options.names_in(columns, "--columns", 2, 2),
        against=options.names_in(against, "--against", 1, 2),
        by=by,
        cache_dir=directory.cache_dir(runs_dir),
    )
    path = directory.find(run, runs_dir)
    opened = None if sweep_directory.is_sweep(path) else open_run(run, runs_dir, by)
    target = output or plots.default_path(opened.path if opened else path, "report", "html")
    check_target(target)
    text = report_run.of_run(opened, look) if opened else sweep.of_sweep(path, look)
    write(target, iter([text.encode(errors="replace")]), typed=output is not None)
    click.echo(str(target))
