"""What a sweep found: a figure of its runs over one swept key, or two."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import numpy as np

from nnfs_cli import summaries
from nnfs_cli.errors import FileError, did_you_mean
from nnfs_cli.plots import style
from nnfs_cli.plots.style import Axes, Figure, Look, Palette
from nnfs_cli.stackfiles import FIGURES
from nnfs_cli.summaries import Record

OTHERS = ("index", "status", "epochs", *FIGURES)


class Results(NamedTuple):
    """A sweep's finished runs grouped by the values of one key or two, in order."""

    keys: tuple[str, ...]
    figure: str
    values: tuple[list[Any], ...]  # of each key
    groups: dict[tuple[Any, ...], list[float]]
    unfinished: int

    def mean(self, *point: Any) -> float:
        """Return the mean of the runs at a point, nan if there are none."""
        found = self.groups.get(point)
        return fmean(found) if found else float("nan")

    def spread(self, *point: Any) -> float:
        """Return the standard deviation of the runs at a point, 0 of a single one."""
        found = self.groups.get(point, [])
        return stdev(found) if len(found) > 1 else 0.0


def results(path: Path, look: Look) -> Results:
    """Return a sweep's figure over the keys that are wanted: by default all but the seed."""
    records = summaries.records(path)
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
    done = [r for r in records if r["status"] == "finished" and r.get(look.by) is not None]
    if not done:
        known = ", ".join(key for key in FIGURES if key in records[0])
        raise FileError(f"{path}: no finished run has a figure {look.by!r}; there are {known}")
    groups: dict[tuple[Any, ...], list[float]] = {}
    for record in done:
        groups.setdefault(tuple(record[key] for key in keys), []).append(record[look.by])
    values = tuple(_values(done, key) for key in keys)
    return Results(tuple(keys), look.by, values, groups, len(records) - len(done))


def _values(records: list[Record], key: str) -> list[Any]:
    """Return the values of a key: numbers in order, words as they come."""
    found = list({record[key]: None for record in records})
    return found if any(isinstance(v, str) for v in found) else sorted(found)


def sweep(path: Path, look: Look) -> Figure:
    """Return a figure against one swept key, mean and spread; or a heat map over two."""
    found = results(path, look)
    made, (axes,) = style.figure(height=4.2)
    if len(found.keys) == 1:
        _line(axes, found, look)
    else:
        _map(made, axes, found, look.palette)
    left_out = f"; {found.unfinished:,} left out that did not finish" if found.unfinished else ""
    axes.set_title(f"{path.name}{left_out}")
    return made


def _line(axes: Axes, found: Results, look: Look) -> None:
    """Draw every run as a dot, the mean as a line and one standard deviation as a band."""
    (key,), (values,), hue = found.keys, found.values, look.palette.series[0]
    words = any(isinstance(value, str) for value in values)
    x = np.arange(len(values)) if words else np.array(values, dtype=float)
    mean = np.array([found.mean(value) for value in values])
    spread = np.array([found.spread(value) for value in values])
    every = np.concatenate([found.groups[value,] for value in values])
    at = np.concatenate([np.full(len(found.groups[v,]), p) for v, p in zip(values, x, strict=True)])
    several = max(map(len, found.groups.values())) > 1
    if several:
        low = np.maximum(mean - spread, [min(found.groups[value,]) for value in values])
        band = {"color": hue, "alpha": 0.2, "linewidth": 0, "label": "one standard deviation"}
        axes.fill_between(x, low, mean + spread, **band)
    dots = {"color": look.palette.series[1], "s": 12, "alpha": 0.6, "linewidths": 0}
    axes.scatter(at, every, label="runs", gid="runs", zorder=3, **dots)
    line = "none" if words else "-"
    label = "mean" if several else found.figure
    axes.plot(x, mean, color=hue, marker="o", markersize=5, linestyle=line, label=label)
    axes.set(xlabel=key, ylabel=_worded(found.figure))
    style.set_scale(axes, look.scale, every)
    if words:
        axes.set_xticks(x, values)
    else:
        style.set_scale(axes, "auto", x, "x")
        if len(values) <= 8:
            axes.set_xticks(x, [_short(value) for value in values])
            axes.minorticks_off()
    axes.legend(fontsize=9)


def _map(made: Figure, axes: Axes, found: Results, palette: Palette) -> None:
    """Draw the mean at each pair of values as a shaded cell with its number."""
    across, down = found.values
    means = np.array([[found.mean(a, d) for a in across] for d in down])
    shades = style.shades(palette)
    image = axes.pcolormesh(np.ma.masked_invalid(means), cmap=shades, gid="means")
    for ticks, values in ((axes.set_xticks, across), (axes.set_yticks, down)):
        few = range(0, len(values), -(-len(values) // 12))
        ticks([i + 0.5 for i in few], [_short(values[i]) for i in few])
    axes.tick_params(length=0)
    axes.set(xlabel=found.keys[0], ylabel=found.keys[1])
    if len(across) <= 8 and len(down) <= 14:
        for (i, j), value in np.ndenumerate(means):
            if np.isfinite(value):
                place = {"ha": "center", "va": "center", "fontsize": 8}
                axes.text(j + 0.5, i + 0.5, f"{value:.3g}", **place)
    label = f"{_worded(found.figure)}, mean" if max(map(len, found.groups.values())) > 1 else None
    made.colorbar(image, ax=axes, label=label or _worded(found.figure))


def _worded(figure: str) -> str:
    return figure.replace("_", " ")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:16]
