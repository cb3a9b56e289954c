"""A sweep's results put in order: sorted, or grouped with statistics over one key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isfinite, isnan
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from nnfs_cli import sweeps
from nnfs_cli.errors import FileError, did_you_mean
from nnfs_cli.stackfiles import FIGURES

Record = dict[str, Any]


def records(path: Path) -> list[Record]:
    """Return a sweep's results with numbers as numbers; what is missing is None."""
    found = [
        {key: _number(key, text) for key, text in record.items()}
        for record in sweeps.read_results(path)
    ]
    if not found:
        raise FileError(f"{path / sweeps.RESULTS}: has no rows")
    for record in found:
        figures = {key: record[key] for key in FIGURES if record.get(key) is not None}
        for key, value in figures.items():
            if isinstance(value, str) or (record["status"] == "finished" and not isfinite(value)):
                raise FileError(f"{path / sweeps.RESULTS}: {value!r} is no {key}")
    return found


def _number(key: str, text: str) -> Any:
    if text == "":
        return None
    for kind in (float,) if key in FIGURES else (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def ordered(found: Sequence[Record], column: str) -> list[Record]:
    """Return records by a column, -COLUMN downwards; those that have nothing there come last."""
    name = column.removeprefix("-")
    if name not in found[0]:
        known = f"there are {', '.join(found[0])}{did_you_mean(name, found[0])}"
        raise FileError(f"no column {name!r}; {known}")

    def has_place(record: Record) -> bool:
        value = record[name]
        return value is not None and not (isinstance(value, float) and isnan(value))

    there = [record for record in found if has_place(record)]
    there.sort(key=lambda r: (isinstance(r[name], str), r[name]), reverse=column.startswith("-"))
    return there + [record for record in found if not has_place(record)]


def grouped(path: Path, key: str) -> list[Record]:
    """Return statistics over one swept key: a record for each combination of the others."""
    found = records(path)
    keys = sweeps.read_facts(path).keys
    if key not in keys:
        known = f"{', '.join(keys)} were{did_you_mean(key, keys)}" if keys else "nothing was"
        raise FileError(f"{path}: {key!r} was not swept; {known}")
    others = [name for name in keys if name != key]
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in found:
        groups.setdefault(tuple(record[name] for name in others), []).append(record)
    figures = [name for name in FIGURES if name in found[0]]
    return [
        dict(zip(others, values, strict=True)) | _statistics(group, figures)
        for values, group in groups.items()
    ]


def _statistics(group: Sequence[Mapping[str, Any]], figures: Sequence[str]) -> Record:
    done = [record for record in group if record["status"] == "finished"]
    summary: Record = {"runs": len(group)}
    if "accuracy" in figures:
        solved = sum(record["accuracy"] == 1 for record in done)
        summary["solved"] = f"{solved}/{len(group)}"
    for figure in figures:
        values = [record[figure] for record in done if record[figure] is not None]
        best = min if figure.endswith("cost") else max
        summary |= {
            f"{figure}_mean": fmean(values) if values else None,
            f"{figure}_sd": stdev(values) if len(values) > 1 else None,
            f"{figure}_median": median(values) if values else None,
            f"{figure}_best": best(values) if values else None,
        }
    return summary
