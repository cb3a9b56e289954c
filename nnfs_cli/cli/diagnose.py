"""nnfs diagnose"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.inputs import open_run
from nnfs_cli.cli.output import aligned, cell, count, print_json
from nnfs_cli.errors import RequirementUnmet, one_line

if TYPE_CHECKING:
    from nnfs_cli.analysis.advice import Trial
    from nnfs_cli.analysis.findings import Finding
    from nnfs_cli.analysis.symptoms import Evidence, LayerState


@click.command()
@options.run
@click.option("--no-trial", is_flag=True, help="List changes that may help without trying them.")
@click.option(
    "--require",
    type=click.Choice(["healthy"]),
    help="Exit 5 if there is any finding.",
)
@options.by
@options.runs_dir
@options.as_json
def command(
    run: str, no_trial: bool, require: str | None, by: str, runs_dir: Path, as_json: bool
) -> None:
    """Find out what is wrong with a run and how to fix it.

    RUN may be a run of a sweep, SWEEP/17 or SWEEP/best. Each finding has a stable name and the
    evidence for it. Changes that may help are tried in short trainings, at most ten seconds in
    all, and compared by training cost at the same epoch (for a run that overfits, by
    cross-validated cost). The best one is printed with its effect; paste it after
    'nnfs train CONFIG'.
    """
    from nnfs_cli.analysis import advice, findings, symptoms
    from nnfs_cli.runs import directory

    opened = open_run(run, runs_dir, by)
    cache_dir = directory.cache_dir(runs_dir)
    gathered = symptoms.gather(opened, cache_dir)
    found = findings.findings(gathered)
    trial = None
    if advice.proposed(found) and not no_trial:
        trial = advice.try_changes(opened, gathered, found, cache_dir)
    if as_json:
        print_json(
            {
                "run": str(opened.path),
                "status": gathered.status,
                "healthy": not found,
                **figures(gathered),
                "layers": layers(gathered),
                "findings": [asdict(finding) for finding in found],
                "trial": trial and advice.plain(trial),
            }
        )
    else:
        print_text(opened.path, gathered, found, trial)
    if require and found:
        codes = ", ".join(finding.code for finding in found)
        raise RequirementUnmet(f"{opened.path}: is not healthy: {codes}")


def print_text(
    path: Path, gathered: Evidence, findings: Sequence[Finding], trial: Trial | None
) -> None:
    """Print the state of a run, its findings, and the result of the trial."""
    verdict = count(len(findings), "finding") if findings else "healthy"
    click.echo(f"{one_line(str(path))}: {gathered.status}, {verdict}")
    click.echo(cost_line(gathered))
    rows = [[key.replace("_", " ") for key in layers(gathered)[0]]]
    rows += [[cell(value) for value in row.values()] for row in layers(gathered)]
    click.echo("\n" + "\n".join(aligned(row, rows) for row in rows))
    for finding in findings:
        click.echo(f"\n{finding.code}: {finding.seen}")
        sets = (finding.change, *finding.others)
        untried = [shlex.join(change) for change in sets if change]
        if untried and trial is None:
            click.echo(f"  could be tried: {'; '.join(untried)}")
    if trial:
        click.echo("\n" + advised(trial, gathered.config.epochs))


KEPT_OUT = ", cross-validated on the training samples"


def advised(trial: Trial, epochs: int) -> str:
    """Return the result of the trial as a sentence."""
    best, number = trial.best, len(trial.tried)
    if best:
        instead = f"{best.instead:.3g}" if isfinite(best.instead) else "diverging"
        cost = f"cost {best.cost:.3g} instead of {instead}"
        if best.epoch > epochs:
            where = f"by epoch {best.epoch}"
        else:
            where = f"at epoch {best.epoch}" + (f" of {epochs}" if best.epoch < epochs else "")
        where += KEPT_OUT if trial.by != "cost" else ""
        return f"try {shlex.join(best.change)}: {cost} {where}"
    if not number:
        return "no change could be tried: trials need more than ten seconds, or more samples"
    far = trial.epoch or max(tried.epoch for tried in trial.tried)
    text = f"no change helped: tried {count(number, 'change')} up to epoch {far}"
    return text + (f"; {trial.left_out} left out" if trial.left_out else "")


def figures(gathered: Evidence) -> dict[str, Any]:
    """Return figures of the log."""
    cost, epoch = gathered.log["cost"], gathered.log["epoch"]
    return {
        "epochs": int(epoch[-1]),
        "initial_cost": float(cost[0]),
        "chance": gathered.chance,
        "constant": gathered.constant,
        "cost": float(cost[-1]),
        "rises": gathered.rises,
        "steps": gathered.steps,
        "last_tenth": gathered.last_tenth,
    }


def cost_line(gathered: Evidence) -> str:
    """Return a sentence about the course of the cost."""
    values = figures(gathered)
    share = values["last_tenth"]
    change = "fell by" if share >= 0 else "rose again by"
    text = "cost {initial_cost:.4g} at the start (chance: {chance:.4g}), {cost:.4g} at epoch "
    text += "{epochs}; it rose in {rises} of {steps} logged steps; "
    text += f"in the last 10 % of epochs it {change} {100 * abs(share):.2f} % of its total drop"
    return text.format(**values)


def layers(gathered: Evidence) -> list[dict[str, Any]]:
    """Return a record for each layer; None for figures of a network that is no longer finite."""
    ends: Sequence[LayerState | None] = gathered.end or [None] * len(gathered.start)
    return [
        {
            "layer": number,
            "activation": layer.activation.name,
            "units": layer.units,
            "dead": end and end.dead,
            "saturated": end and end.saturated,
            "copies": end and end.copies,
            "gradient_at_start": start.gradient,
            "gradient_at_end": end and end.gradient,
        }
        for number, (layer, start, end) in enumerate(
            zip(gathered.config.layers, gathered.start, ends, strict=True), 1
        )
    ]
