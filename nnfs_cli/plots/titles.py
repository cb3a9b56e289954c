"""Words about a run: data set, architecture and score, and the epoch at which it diverged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import isfinite
from pathlib import PurePath
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from nnfs_cli.config.consistency import n_inputs
from nnfs_cli.config.schema import FILE
from nnfs_cli.errors import FileError, short
from nnfs_cli.plots import lettering, style
from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.style import Figure
from nnfs_cli.runs import record
from nnfs_cli.runs.record import Run

RISE = 1e-4  # relative increase from which on a cost counts as risen; less is rounding
LAYERS = 8  # layers at most to be listed one by one


class Failure(NamedTuple):
    """Where a training diverged: the last logged epoch that was finite, if any, and its cost.

    `epoch` is the logged epoch at which divergence was noticed; `weights` is true if the cost there
    is finite and only the weights are not.
    """

    last: int | None
    cost: float
    epoch: int
    weights: bool = False

    def __str__(self) -> str:
        if self.last is None:
            return "Diverged before the first update: the cost is not finite."
        where = "at" if self.epoch - self.last <= 1 else "by"
        what = "weights are" if self.weights else "the cost is"
        text = f"Diverged {where} epoch {self.epoch:,}: {what} not finite"
        return f"{text} (cost {self.cost:.3g} at epoch {self.last:,})."


def failure_in(log: Mapping[str, Sequence[float] | np.ndarray], status: str = "") -> Failure | None:
    """Return where a log stops being finite, or its end if `status` is diverged; else None."""
    epoch, cost = np.asarray(log["epoch"]), np.asarray(log["cost"], np.float64)
    lost = np.flatnonzero(~np.isfinite(cost))
    if not lost.size and status != "diverged":
        return None
    at = int(lost[0]) if lost.size else len(cost) - 1
    if not at:
        return Failure(None, float("nan"), int(epoch[0]))
    return Failure(int(epoch[at - 1]), float(cost[at - 1]), int(epoch[at]), not lost.size)


def failure_of(run: Run) -> Failure | None:
    """Return where a run diverged, or None."""
    return failure_in(record.read_log(run), str(run.facts.get("status")))


def fault_of(run: Run) -> str:
    """Return a sentence on a cost that diverged or rose, "" for any other run."""
    try:
        log = record.read_log(run)
    except FileError:  # only run.json is left
        return "Diverged." if run.facts.get("status") == "diverged" else ""
    return fault_in(log, str(run.facts.get("status")))


def fault_in(log: Mapping[str, Sequence[float] | np.ndarray], status: str = "") -> str:
    """Return a sentence on a logged cost that diverged or rose, "" for any other."""
    failure = failure_in(log, status)
    if failure:
        return str(failure)
    first, last = float(log["cost"][0]), float(log["cost"][-1])
    if last > first + RISE * abs(first):
        return f"The cost rose from {first:.3g} to {last:.3g}: training made the network worse."
    return ""


# --- words -------------------------------------------------------------------------------------


def dataset(run: Run) -> str:
    """Return the name of a run's data set or file, and its number of samples."""
    part = run.config.dataset
    name = part.name
    if name == FILE:
        name = PurePath(str(part.parameters.get("path", FILE))).name or FILE
    count = run.encoding.facts.samples
    return f"{short(lettering.plain(name))}, {count:,} sample{'s' * (count != 1)}"


def architecture(run: Run) -> str:
    """Return a run's architecture: units of each layer, and activations."""
    layers = run.config.layers
    units = [n_inputs(run.config, run.encoding.facts), *(layer.units for layer in layers)]
    sizes = [str(n) for n in units]
    names = [name for name, _ in groupby(layer.activation.name for layer in layers)]
    deep = f", {len(layers):,} layers" if len(sizes) > LAYERS else ""
    if len(sizes) > LAYERS:
        sizes = [*sizes[:3], "…", *sizes[-2:]]
    if len(names) > 4:
        names = [*names[:3], "…", names[-1]]
    return f"{'-'.join(sizes)}{deep} ({', '.join(names)})"


def score(facts: Mapping[str, Any]) -> str:
    """Return a run's figures, those of the test part in brackets; "" if it diverged."""
    figures: list[str] = []
    if not _is_finite(facts.get("cost")):
        return ""
    for key, form in (("cost", "{:.3g}"), ("accuracy", "{:.1f} %")):
        scale = 100 if key == "accuracy" else 1
        parts: list[Any] = [facts.get(key), facts.get(f"test_{key}")]
        train, test = (form.format(scale * v) if _is_finite(v) else "" for v in parts)
        if train:
            figures.append(f"{key} {train}{f' (test {test})' if test else ''}")
    return ", ".join(figures)


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, float | int) and isfinite(value)


def lost(ends: Mapping[str, int], total: int) -> str:
    """Return the numbers of a sweep's runs that did not finish, by status; "" if all did."""
    others = [(end, number) for end, number in sorted(ends.items()) if number and end != "finished"]
    counts = [f"{number:,} {end}" for end, number in others]
    if counts:
        end, number = others[0]
        counts[0] = f"{number:,} of {total:,} run{'s' * (total != 1)} {end}"
    return f"{', '.join(counts)}." if counts else ""


def details(run: Run) -> list[str]:
    """Return the lines about a run below a picture's title."""
    ended = score(run.facts)
    status, epochs = run.facts.get("status"), run.facts.get("epochs", run.config.epochs)
    at = f"{status} at" if status in {"interrupted", "running"} else "after"
    count = f"{epochs:,} epoch{'s' * (epochs != 1)}"
    ended = f"{at} {count}: {ended}" if ended else f"{at} {count}"
    return [f"{dataset(run)}; {architecture(run)}", ended]


def of_run(made: Figure, run: Run, palette: Palette, what: str, *more: str) -> list[Any]:
    """Add a heading about a run to a figure; return its texts, the title first."""
    lines = [*details(run), *filter(None, more)]
    title = f"{lettering.plain(style.name_of(run))}: {what}"
    return lettering.heading(made, palette, title, lines, fault_of(run))
