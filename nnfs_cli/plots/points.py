"""A sweep's figure at each point of its swept keys: finished runs, their median and quartiles, and
the number that did not finish."""

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
NOT_FINITE = "not finite"  # status of a finished run whose figure overflowed

Point = tuple[Any, ...]


class Results(NamedTuple):
    """A figure of a sweep's runs, grouped by the values of one swept key or two."""

    keys: tuple[str, ...]
    figure: str
    values: tuple[list[Any], ...]  # of each key, in order
    groups: dict[Point, dict[int, float]]  # the figure of each finished run, by run number
    lost: dict[Point, Counter[str]]  # the number of others by status
    first: int | None  # the number of a trained run, if there is one

    def quartiles(self, *point: Any) -> tuple[float, float, float]:
        """Return lower quartile, median and upper quartile of the finished runs, nan if none."""
        values = list(self.groups.get(point, {}).values())
        with np.errstate(over="ignore"):
            low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]) if values else [np.nan] * 3
        return float(low), float(middle), float(high)

    def median(self, *point: Any) -> float:
        return self.quartiles(*point)[1]

    def runs(self, *point: Any) -> int:
        """Return the number of runs at a point, finished or not."""
        return len(self.groups.get(point, ())) + self.lost.get(point, Counter()).total()

    @property
    def has_several(self) -> bool:
        """Whether any point has more than one run."""
        return any(self.runs(*point) > 1 for point in {**self.groups, **self.lost})

    @property
    def all_lost(self) -> Counter[str]:
        """The number of runs of the whole sweep that did not finish, by status."""
        return sum(self.lost.values(), Counter())

    @property
    def total(self) -> int:
        return sum(self.runs(*point) for point in {**self.groups, **self.lost})

    def best_points(self) -> list[Point]:
        """Return the points with the best median among those where most runs finished.

        Ties give several points; if all points tie, there is no best one.
        """
        choose = min if summary.smaller_is_better(self.figure) else max
        points = [p for p in self.groups if 2 * len(self.groups[p]) > self.runs(*p)]
        medians = {point: self.median(*point) for point in points}
        best = [p for p in points if medians[p] == choose(medians.values())]
        return best if len(best) < len({**self.groups, **self.lost}) else []

    def best_text(self) -> str:
        """Return the best median and its point as text, "" if there is none."""
        if not (best := self.best_points()):
            return ""
        settings = ", ".join(f"{k}={show(v)}" for k, v in zip(self.keys, best[0], strict=True))
        more = f" and {len(best) - 1} more" if len(best) > 1 else ""
        name = "median" if self.has_several else worded(self.figure)
        text = f"best {name} {self.median(*best[0]):.3g} at {short(settings, 60)}{more}"
        left_out = any(2 * len(self.groups[p]) <= self.runs(*p) for p in self.groups)
        return f"{text}, among points where most runs finished" if left_out else text

    def best_run(self) -> tuple[Point, int] | None:
        """Return the point and the number of the best run, SWEEP/best."""
        sign = 1 if summary.smaller_is_better(self.figure) else -1
        every = [(sign * v, n, p) for p, runs in self.groups.items() for n, v in runs.items()]
        _, number, point = min(every, key=lambda run: run[:2], default=(0.0, 0, None))
        return None if point is None else (point, number)


def results(path: Path, look: Look) -> Results:
    """Return a sweep's figure over the keys in look.against, by default all keys but the seed."""
    records = summary.records(path)
    keys = _chosen_keys(path, records, look)
    if look.by not in records[0] or look.by not in FIGURES:
        logged = [key for key in FIGURES if key in records[0]]
        names = f"the figures are {', '.join(logged)}" if logged else "no run has any figure"
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
            hint = did_you_mean(key, swept)
            raise FileError(
                f"{path}: {key!r} was not swept{hint}; the swept keys are {', '.join(swept)}"
            )
    if len(keys) > 2:
        two = ",".join(keys[:2])
        raise FileError(
            f"{path}: {len(keys)} keys were swept; choose one or two, as in --against {two}"
        )
    return keys


def _values(records: Sequence[Record], key: str) -> list[Any]:
    """Return the values of a key: numbers sorted, text in order of appearance."""
    values = list({record[key]: None for record in records})
    return sorted(values) if are_numbers(values) else values


def are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) and isfinite(value) for value in values)


def worded(figure: str) -> str:
    """Return a figure's name with spaces instead of underscores."""
    return figure.replace("_", " ")


def show(value: Any) -> str:
    """Return a swept value as pictures show it."""
    return f"{value:.4g}" if isinstance(value, float) else short(one_line(str(value)), 16)
