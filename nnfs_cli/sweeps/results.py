"""A sweep's results.csv: one row per run."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnfs_cli.errors import FileError
from nnfs_cli.storage import files
from nnfs_cli.sweeps.directory import RESULTS, read_facts
from nnfs_cli.sweeps.plan import Plan
from nnfs_cli.sweeps.store import FIGURES, RunResult

MAX_RESULTS = 1 << 28  # bytes


def results(plan: Plan, rows: Mapping[int, RunResult]) -> list[dict[str, Any]]:
    """Return one record per run of the plan, in order: swept keys, status and figures."""
    names = [key for key in FIGURES if any(key in row.figures for row in rows.values())]
    records = []
    for number, point in enumerate(plan.points):
        row = rows.get(number, RunResult(number, "missing"))
        record: dict[str, Any] = {"index": number, **dict(point)}
        record |= {"status": row.status, "epochs": record.get("epochs", row.epochs)}
        records.append(record | {key: row.figures.get(key) for key in names})
    return records


def write_results(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write results.csv, replaced only when complete."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(records[0])
    for record in records:
        writer.writerow(["" if v is None else v for v in record.values()])
    files.write(path / RESULTS, lambda file: file.write(text.getvalue().encode()))


def read_results(path: Path) -> list[dict[str, str]]:
    """Return the records of results.csv, as text."""
    keys = read_facts(path).keys
    try:
        text = io.StringIO(files.read_text(path / RESULTS, MAX_RESULTS), newline="")
        reader = csv.DictReader(text, strict=True)
        records = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise FileError(f"{path / RESULTS}: cannot be read: {files.reason(error)}") from None
    header = {"index", "status", "epochs", *keys}
    if not header <= set(reader.fieldnames or ()) <= header | set(FIGURES) or any(
        None in record or None in record.values() for record in records
    ):
        raise FileError(f"{path / RESULTS}: was changed: it does not have this sweep's columns")
    return records
