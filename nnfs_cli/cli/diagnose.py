"""nnfs diagnose"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnfs_cli.cli import options
from nnfs_cli.errors import one_line

if TYPE_CHECKING:
    from nnfs_cli.evidence import Evidence, LayerState


@click.command()
@options.run
@options.by
@options.runs_dir
@options.as_json
def command(run: str, by: str, runs_dir: Path, as_json: bool) -> None:
    """Say how healthy a run is, and what to change if it is not.

    RUN may be a run of a sweep, SWEEP/17 or SWEEP/best. Each finding has a name that does not
    change, what was seen, and overrides to try, as they can be pasted after 'nnfs train CONFIG'.
    """
    from nnfs_cli import diagnosis, evidence, runs

    opened = options.open_run(run, runs_dir, by)
    gathered = evidence.gather(opened, runs.cache_dir(runs_dir))
    found = diagnosis.findings(gathered)
    if as_json:
        options.print_json(
            {
                "run": str(opened.path),
                "status": gathered.status,
                "healthy": not found,
                **figures(gathered),
                "layers": layers(gathered),
                "findings": [asdict(finding) for finding in found],
            }
        )
        return
    verdict = options.count(len(found), "finding") if found else "healthy"
    click.echo(f"{one_line(str(opened.path))}: {gathered.status}, {verdict}")
    click.echo(told(gathered))
    rows = [[key.replace("_", " ") for key in layers(gathered)[0]]]
    rows += [[options.cell(value) for value in row.values()] for row in layers(gathered)]
    click.echo("\n" + "\n".join(options.aligned(row, rows) for row in rows))
    for finding in found:
        click.echo(f"\n{finding.code}: {finding.seen}")
        if finding.change:
            click.echo(f"  try: {shlex.join(finding.change)}")


def figures(gathered: Evidence) -> dict[str, Any]:
    """Return what the log says."""
    cost, epoch = gathered.log["cost"], gathered.log["epoch"]
    return {
        "epochs": int(epoch[-1]),
        "initial_cost": float(cost[0]),
        "chance": gathered.chance,
        "cost": float(cost[-1]),
        "rises": gathered.rises,
        "steps": gathered.steps,
        "last_tenth": gathered.last_tenth,
    }


def told(gathered: Evidence) -> str:
    """Return what the log says, in words."""
    seen = figures(gathered)
    text = "cost {initial_cost:.4g} at the start (chance: {chance:.4g}), {cost:.4g} at epoch "
    text += "{epochs}; it went up in {rises} of {steps} logged steps, "
    text += "and the last tenth of the epochs brought {last_tenth:.2%} of its fall"
    return text.format(**seen)


def layers(gathered: Evidence) -> list[dict[str, Any]]:
    """Return what is told of each layer, after training; None where numbers are no longer so."""
    ends: Sequence[LayerState | None] = gathered.end or [None] * len(gathered.start)
    return [
        {
            "layer": number,
            "activation": given.activation.name,
            "units": given.units,
            "dead": end and end.dead,
            "saturated": end and end.saturated,
            "copies": end and end.copies,
            "gradient_at_start": start.gradient,
            "gradient_at_end": end and end.gradient,
        }
        for number, (given, start, end) in enumerate(
            zip(gathered.config.layers, gathered.start, ends, strict=True), 1
        )
    ]
