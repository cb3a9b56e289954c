"""nnfs runs"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.output import aligned, cell, note, print_json

FIGURES = ("cost", "accuracy", "test_cost", "test_accuracy")


@click.command()
@options.runs_dir
@options.as_json
def command(runs_dir: Path, as_json: bool) -> None:
    """List all runs.

    Runs are listed in the order in which they were started, with status and final figures.
    """
    from nnfs_cli.runs import listing

    listed = [summary(path, facts) for path, facts in listing.directories(runs_dir).items()]
    if as_json:
        print_json(listed)
        return
    if not listed:
        note(f"{runs_dir}: no runs yet; to train one: nnfs train CONFIG")
        return
    keys = ["run", "status", *(k for k in FIGURES if any(k in row for row in listed)), "started"]
    rows = [[key.replace("_", " ") for key in keys]]
    rows += [[cell(row.get(key)) for key in keys] for row in listed]
    for row in rows:
        click.echo(aligned(row, rows))


def summary(path: Path, facts: dict[str, Any] | None) -> dict[str, Any]:
    """Return a directory's row of the list; `facts` is its run.json."""
    if facts is None:
        return {"run": str(path), "status": "unfinished"}
    keys = ("status", *FIGURES, "started", "seconds")
    row = {"run": str(path), **{key: facts[key] for key in keys if key in facts}}
    if facts.get("kind") == "sweep":
        counts = [facts.get(status, 0) for status in ("finished", "diverged", "failed")]
        done = sum(count for count in counts if isinstance(count, int))
        row["status"] = f"{row.get('status')} {done}/{facts.get('runs')}"
    return row
