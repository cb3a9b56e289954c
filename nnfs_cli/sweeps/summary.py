"""A sweep's results, sorted, or grouped with statistics over one key."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from math import isfinite, isnan, nan
from pathlib import Path
from statistics import fmean, median_high, median_low, stdev
from typing import Any

from nnfs_cli.errors import FileError, did_you_mean
from nnfs_cli.sweeps import directory, results
from nnfs_cli.sweeps.store import FIGURES

Record = dict[str, Any]
STATUSES = ("finished", "diverged", "failed", "missing")
SUMMABLE = 1e290  # bound below which a sum of values cannot overflow


def records(path: Path) -> list[Record]:
    """Return a sweep's results with numbers converted; empty fields are None."""
    converted = [
        {key: _number(key, text) for key, text in record.items()}
        for record in results.read_results(path)
    ]
    if not converted:
        raise FileError(f"{path / directory.RESULTS}: has no rows")
    for record in converted:
        figures = {key: record[key] for key in FIGURES if record.get(key) is not None}
        for key, value in figures.items():
            # A finished run's test cost may overflow; its training cost is always finite.
            lost = key == "cost" and record["status"] == "finished" and not isfinite(value)
            if isinstance(value, str) or lost:
                raise FileError(f"{path / directory.RESULTS}: {value!r} is not a valid {key}")
    return converted


def _number(key: str, text: str) -> Any:
    if text == "":
        return None
    for kind in (float,) if key in FIGURES else (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def ordered(records: Sequence[Record], column: str) -> list[Record]:
    """Return records sorted by a column, descending for -COLUMN; those without a value come last.

    Runs that did not finish have no value in a column of figures: their last cost is not a result.
    """
    name = column.removeprefix("-")
    if name not in records[0]:
        names = f"{', '.join(records[0])}{did_you_mean(name, records[0])}"
        raise FileError(f"no column {name!r}; choose from {names}")

    def has_place(record: Record) -> bool:
        value = record[name]
        if name in FIGURES and record.get("status", "finished") != "finished":
            return False
        return value is not None and not (isinstance(value, float) and isnan(value))

    placed = [record for record in records if has_place(record)]
    placed.sort(key=lambda r: (isinstance(r[name], str), r[name]), reverse=column.startswith("-"))
    return placed + [record for record in records if not has_place(record)]


def grouped(path: Path, key: str) -> list[Record]:
    """Return statistics over one swept key: one record per combination of the other keys."""
    all_records = records(path)
    keys = directory.read_facts(path).keys
    if key not in keys:
        swept = f"{', '.join(keys)} were{did_you_mean(key, keys)}" if keys else "nothing was"
        raise FileError(f"{path}: {key!r} was not swept; {swept}")
    others = [name for name in keys if name != key]
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in all_records:
        groups.setdefault(tuple(record[name] for name in others), []).append(record)
    figures = [name for name in FIGURES if name in all_records[0]]
    return [
        dict(zip(others, values, strict=True)) | _statistics(group, figures)
        for values, group in groups.items()
    ]


def _statistics(group: Sequence[Record], figures: Sequence[str]) -> Record:
    """Return the number of runs of each status, and statistics over those that finished."""
    done = [record for record in group if record["status"] == "finished"]
    summary: Record = {"runs": len(group), **count(group)}
    if "accuracy" in figures:
        solved = sum(record["accuracy"] == 1 for record in done)
        summary["solved"] = f"{solved}/{len(group)}"
    for figure in figures:
        values = [record[figure] for record in done if record[figure] is not None]
        finite = all(map(isfinite, values))
        summary |= {
            f"{figure}_mean": mean(values) if values else None,
            f"{figure}_sd": stdev(values) if len(values) > 1 and finite else None,
            f"{figure}_median": middle(values) if values else None,
            f"{figure}_best": best(values, figure),
        }
    return summary


def count(records: Sequence[Record]) -> dict[str, int]:
    """Return the number of runs with each status of STATUSES."""
    statuses = [record["status"] for record in records]
    return {status: statuses.count(status) for status in STATUSES}


def mean(values: Sequence[float]) -> float:
    """Return the mean of numbers, even if their sum exceeds float64; inf or nan if one is."""
    if not all(map(isfinite, values)):
        return sum(values)  # fmean raises an error for inf and -inf
    largest = max(map(abs, values))
    if largest < SUMMABLE:
        return fmean(values)
    return largest * fmean(value / largest for value in values)


def middle(values: Sequence[float]) -> float:
    """Return the median, nan if any value is nan."""
    if any(map(isnan, values)):
        return nan
    low, high = median_low(values), median_high(values)
    return (low + high) / 2 if max(abs(low), abs(high)) < SUMMABLE else low / 2 + high / 2


def best(values: Sequence[float], figure: str) -> float | None:
    """Return the smallest cost, or the largest value of another figure; None if all are nan."""
    numbers = [value for value in values if not isnan(value)]
    choose = min if smaller_is_better(figure) else max
    return choose(numbers) if numbers else None


def smaller_is_better(figure: str) -> bool:
    """Return whether smaller values of a figure are better."""
    return figure.endswith("cost")
