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
@click.option(
    "--no-trial", is_flag=True, help="Do not train to see which change helps; list them untried."
)
@click.option(
    "--require",
    type=click.Choice(["healthy"]),
    help="Exit with 5 if there is any finding.",
)
@options.by
@options.runs_dir
@options.as_json
def command(
    run: str, no_trial: bool, require: str | None, by: str, runs_dir: Path, as_json: bool
) -> None:
    """Find out what is wrong with a run and how to fix it.

    RUN may be a run of a sweep, SWEEP/17 or SWEEP/best. Each finding has a name that does not
    change and what was seen. The changes that may help are tried in short trainings, ten seconds
    at most in all, and compared by the training cost at the same epoch (by that of samples kept
    out in turn, if the run overfits); the one that helps is printed with what it gave, to be
    pasted after 'nnfs train CONFIG'.
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
        told = ", ".join(finding.code for finding in found)
        raise RequirementUnmet(f"{opened.path}: is not healthy: {told}")


def print_text(
    path: Path, gathered: Evidence, found: Sequence[Finding], trial: Trial | None
) -> None:
    """Print the state of a run, its findings, and what the trial showed."""
    verdict = count(len(found), "finding") if found else "healthy"
    click.echo(f"{one_line(str(path))}: {gathered.status}, {verdict}")
    click.echo(told(gathered))
    rows = [[key.replace("_", " ") for key in layers(gathered)[0]]]
    rows += [[cell(value) for value in row.values()] for row in layers(gathered)]
    click.echo("\n" + "\n".join(aligned(row, rows) for row in rows))
    for finding in found:
        click.echo(f"\n{finding.code}: {finding.seen}")
        sets = (finding.change, *finding.others)
        untried = [shlex.join(change) for change in sets if change]
        if untried and trial is None:
            click.echo(f"  could be tried: {'; '.join(untried)}")
    if trial:
        click.echo("\n" + advised(trial, gathered.config.epochs))


KEPT_OUT = ", on training samples that were kept out in turn"


def advised(trial: Trial, epochs: int) -> str:
    """Return what the trial showed, in words."""
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
        return "nothing could be tried: that takes more than ten seconds, or more samples"
    far = trial.epoch or max(tried.epoch for tried in trial.tried)
    text = f"nothing tried here helped: {count(number, 'change')}, trained to epoch {far}"
    return text + (f"; {trial.left_out} left out" if trial.left_out else "")


def figures(gathered: Evidence) -> dict[str, Any]:
    """Return what the log says."""
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
