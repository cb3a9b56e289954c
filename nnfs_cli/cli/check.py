"""nnfs check"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.output import aligned, cell, count, note, print_json
from nnfs_cli.cli.progress import noting, warn_of
from nnfs_cli.errors import NnfsError

if TYPE_CHECKING:
    from nnfs_cli.analysis.gradient_check import Comparison, Report


@click.command()
@options.config
@options.overrides
@click.option(
    "--gradients",
    is_flag=True,
    help="Compare backpropagation with central differences; exit 1 if they disagree.",
)
@options.runs_dir
@options.as_json
def command(
    config: str, overrides: tuple[str, ...], gradients: bool, runs_dir: Path, as_json: bool
) -> None:
    """Check CONFIG and print it with every default filled in.

    CONFIG is a YAML file, or - for standard input. KEY=VALUE overrides one of its keys; nested keys
    are dotted: layers.0.units=8 dataset.noise=0.3. The output is a valid configuration.

    With --gradients, prints a table with the worst component of each array of the network
    instead. Nothing is trained.
    """
    from nnfs_cli.config import loading
    from nnfs_cli.config.writing import dump, to_plain
    from nnfs_cli.data.source import Sources

    sources = Sources()
    with noting(sources.notices):
        unusable = "the configuration cannot be used"
        checked = loading.load(config, overrides, consequence=unusable, sources=sources)
    warn_of([checked], sources)
    if gradients:
        from nnfs_cli.analysis import gradient_check
        from nnfs_cli.runs import directory

        cache_dir = directory.cache_dir(runs_dir)
        print_gradients(gradient_check.check(checked, cache_dir, sources), as_json)
    elif as_json:
        print_json(to_plain(checked))
    else:
        click.echo(dump(checked), nl=False)


def print_gradients(report: Report, as_json: bool) -> None:
    """Print the worst component of each array; NnfsError if any array disagrees."""
    from nnfs_cli.analysis.gradient_check import TOLERANCE

    rows = [row_of(comparison) for comparison in report.comparisons]
    if as_json:
        print_json(
            {
                "agrees": report.agrees,
                "tolerance": TOLERANCE,
                "samples": report.samples,
                "samples_used": report.used,
                "arrays": rows,
            }
        )
    else:
        shown = ["layer", "array", "worst", "backpropagation", "difference", "relative error"]
        table = [
            shown,
            *([cell(row[key.replace(" ", "_")]) for key in shown] for row in rows),
        ]
        click.echo("\n".join(aligned(row, table) for row in table))
        for line in remarks(report):
            note(line)
    wrong = [f"{c.array}{c.layer}" for c in report.comparisons if not c.agrees]
    if wrong:
        raise NnfsError(f"backpropagation is wrong in {', '.join(wrong)}: see the relative error")
    kinks = any(c.kinks for c in report.comparisons)
    compared = "all that were compared" if kinks else "all"
    note(f"{compared} agree to {TOLERANCE:g}", unless=as_json)


def row_of(comparison: Comparison) -> dict[str, object]:
    """Return an array's row of the table, as printed with --json."""
    worst = comparison.worst
    return {
        "layer": comparison.layer,
        "array": comparison.array,
        "worst": worst and f"[{','.join(map(str, worst.place))}]",
        "backpropagation": worst and worst.backpropagation,
        "difference": worst and worst.difference,
        "relative_error": worst and float(f"{worst.error:.3g}"),
        "components": comparison.components,
        "compared": comparison.compared,
        "kinks": comparison.kinks,
    }


def remarks(report: Report) -> list[str]:
    """Return notes about samples and components that were not compared."""
    lines = []
    if report.used < report.samples:
        lines.append(f"on {report.used} of {report.samples} samples, chosen at random")
    for c in report.comparisons:
        name = f"{c.array}{c.layer}"
        tried = c.compared + c.kinks
        if tried < c.components:
            lines.append(f"{name}: {tried} of {c.components} components, chosen at random")
        if c.kinks:
            lines.append(f"{name}: {count(c.kinks, 'component')} on a kink, skipped")
    return lines
