"""A sweep's figure at each point of its swept keys: the runs that finished, their median and
quartiles, and how many did not finish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnfs_cli.errors import FileError, did_you_mean, one_line, short
from nnfs_cli.plots.style import Look
from nnfs_cli.sweeps import summary
from nnfs_cli.sweeps.store import FIGURES
from nnfs_cli.sweeps.summary import Record

OTHERS = ("index", "status", "epochs", *FIGURES)
NOT_FINITE = "not finite"  # what became of a finished run whose figure overflowed

Point = tuple[Any, ...]


class Results(NamedTuple):
    """A figure of a sweep's runs, grouped by the values of one swept key or two."""

    keys: tuple[str, ...]
    figure: str
    values: tuple[list[Any], ...]  # of each key, in order
    groups: dict[Point, dict[int, float]]  # the figure of each run that finished, by its number
    lost: dict[Point, Counter[str]]  # how many others: diverged, failed, missing or not finite
    first: int | None  # the number of a run that was trained, if there is one

    def quartiles(self, *point: Any) -> tuple[float, float, float]:
        """Return lower quartile, median and upper quartile of the finished runs, nan without."""
        found = list(self.groups.get(point, {}).values())
        with np.errstate(over="ignore"):
            low, middle, high = np.quantile(found, [0.25, 0.5, 0.75]) if found else [np.nan] * 3
        return float(low), float(middle), float(high)

    def median(self, *point: Any) -> float:
        return self.quartiles(*point)[1]

    def runs(self, *point: Any) -> int:
        """Return how many runs a point has, finished or not."""
        return len(self.groups.get(point, ())) + self.lost.get(point, Counter()).total()

    @property
    def has_several(self) -> bool:
        """Whether any point has more than one run."""
        return any(self.runs(*point) > 1 for point in {**self.groups, **self.lost})

    @property
    def all_lost(self) -> Counter[str]:
        """How many runs of the whole sweep did not finish, by what became of them."""
        return sum(self.lost.values(), Counter())

    @property
    def total(self) -> int:
        return sum(self.runs(*point) for point in {**self.groups, **self.lost})

    def best_points(self) -> list[Point]:
        """Return the points with the best median, of those where most of the runs finished.

        There are several where they are equal, and none where all are.
        """
        choose = min if summary.smaller_is_better(self.figure) else max
        points = [p for p in self.groups if 2 * len(self.groups[p]) > self.runs(*p)]
        medians = {point: self.median(*point) for point in points}
        best = [p for p in points if medians[p] == choose(medians.values())]
        return best if len(best) < len({**self.groups, **self.lost}) else []

    def best_text(self) -> str:
        """Return the best median and where it is, nothing where there is none."""
        if not (best := self.best_points()):
            return ""
        settings = ", ".join(f"{k}={show(v)}" for k, v in zip(self.keys, best[0], strict=True))
        more = f" and {len(best) - 1} more" if len(best) > 1 else ""
        name = "median" if self.has_several else worded(self.figure)
        text = f"best {name} {self.median(*best[0]):.3g} at {short(settings, 60)}{more}"
        left_out = any(2 * len(self.groups[p]) <= self.runs(*p) for p in self.groups)
        return f"{text}, of those where most runs finished" if left_out else text

    def best_run(self) -> tuple[Point, int] | None:
        """Return point and number of the best of all runs, SWEEP/best."""
        sign = 1 if summary.smaller_is_better(self.figure) else -1
        every = [(sign * v, n, p) for p, runs in self.groups.items() for n, v in runs.items()]
        _, number, point = min(every, key=lambda run: run[:2], default=(0.0, 0, None))
        return None if point is None else (point, number)


def results(path: Path, look: Look) -> Results:
    """Return a sweep's figure over the keys in look.against, by default over all but the seed."""
    records = summary.records(path)
    keys = _chosen_keys(path, records, look)
    if look.by not in records[0] or look.by not in FIGURES:
        known = [key for key in FIGURES if key in records[0]]
        names = f"there are {', '.join(known)}" if known else "no run of it has any"
        raise FileError(f"{path}: no run has a figure {look.by!r}; {names}")
    groups: dict[Point, dict[int, float]] = {}
    lost: dict[Point, Counter[str]] = {}
    for record in records:
        point, value = tuple(record[key] for key in keys), record[look.by]
        status = record["status"]
        if status == "finished" and (value is None or not isfinite(value)):
            status = NOT_FINITE
        if status == "finished":
            groups.setdefault(point, {})[record["index"]] = value
        else:
            lost.setdefault(point, Counter())[status] += 1
    values = tuple(_values(records, key) for key in keys)
    trained = (r["index"] for r in records if r["status"] in {"finished", "diverged"})
    return Results(tuple(keys), look.by, values, groups, lost, next(trained, None))


def _chosen_keys(path: Path, records: Sequence[Record], look: Look) -> list[str]:
    swept = [key for key in records[0] if key not in OTHERS]
    keys = list(look.against) or [k for k in swept if k != "seed"] or swept
    for key in keys:
        if key not in swept:
            known = ", ".join(swept)
            hint = did_you_mean(key, swept)
            raise FileError(f"{path}: {key!r} was not swept{hint}; {known} were")
    if len(keys) > 2:
        two = ",".join(keys[:2])
        raise FileError(
            f"{path}: {len(keys)} keys were swept; choose one or two, as in --against {two}"
        )
    return keys


def _values(records: Sequence[Record], key: str) -> list[Any]:
    """Return the values of a key: numbers in order, words as they come."""
    found = list({record[key]: None for record in records})
    return sorted(found) if are_numbers(found) else found


def are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) and isfinite(value) for value in values)


def worded(figure: str) -> str:
    """Return a figure's name in words."""
    return figure.replace("_", " ")


def show(value: Any) -> str:
    """Return a swept value as it stands in a picture."""
    return f"{value:.4g}" if isinstance(value, float) else short(one_line(str(value)), 16)
