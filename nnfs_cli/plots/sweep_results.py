"""The results of a sweep: a figure of its runs over one or two swept keys.

Medians and quartiles are of the runs that finished; the others are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import one_line
from nnfs_cli.plots import lettering, style, titles
from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.points import Results, are_numbers, results, show, worded
from nnfs_cli.plots.style import Axes, Figure, Look
from nnfs_cli.sweeps import directory, members

NUMBERED = (8, 14)  # cells at most, across and down, for numbers in them
NAMED = 12  # points at most of an axis on which each has a label


def sweep(path: Path, look: Look) -> Figure:
    """Return a figure of median and quartiles over one swept key, or a heat map over two."""
    outcome = results(path, look)
    if len(outcome.keys) == 1:
        made = _line(path, outcome, look)
    else:
        made, (axes,) = style.figure(height=4.2)
        _map(made, axes, outcome, look)
    over = " and ".join(outcome.keys)
    title = f"{lettering.plain(path.name)}: {worded(outcome.figure)} over {over}"
    lettering.heading(
        made,
        look.palette,
        title,
        details(path, outcome),
        titles.lost(outcome.all_lost, outcome.total),
    )
    return made


def details(path: Path, outcome: Results) -> list[str]:
    """Return lines about a sweep: data and architecture, unless swept, and the best point."""
    fixed = [] if outcome.first is None else shared(path, outcome.first)
    return list(filter(None, ["; ".join(fixed), outcome.best_text()]))


def shared(path: Path, number: int) -> list[str]:
    """Return a sweep's data set and architecture, unless swept, taken from run `number`."""
    keys = directory.read_facts(path).keys
    run = members.read_run(path, number)
    fixed = [] if any(key.startswith("dataset") for key in keys) else [titles.dataset(run)]
    swept = any(key.startswith(("dataset", "features", "layers")) for key in keys)
    return fixed if swept else [*fixed, titles.architecture(run)]


def _line(path: Path, outcome: Results, look: Look) -> Figure:
    """Draw finished runs as dots, their median and quartiles, and above them how all runs ended."""
    if not outcome.groups:
        made, (strip,) = style.figure(height=2.6)
        axes = strip
    elif outcome.lost:
        made, (strip, axes) = style.figure(2, 1, height=4.8)
        axes.get_gridspec().set_height_ratios([1, 5])
        strip.sharex(axes)
    else:
        made, (axes,) = style.figure(height=4.2)
    (values,) = outcome.values
    numbers = are_numbers(values)
    x = np.array(values, dtype=float) if numbers else np.arange(float(len(values)))
    if outcome.lost:
        _endings(strip, outcome, x, look.palette)
    if outcome.groups:
        _runs(path, axes, outcome, x, look)
    _ticks(axes, values, x, numbers)
    axes.set_xlabel(outcome.keys[0])
    if strip_above := outcome.lost and outcome.groups:
        strip.tick_params(bottom=False, labelbottom=False, which="both")
    handles = [h for ax in made.axes for h in ax.get_legend_handles_labels()[0]]
    if any(" of " in text.get_text() for ax in made.axes for text in ax.texts):
        handles.insert(0, _counted())
    style.legend_below(made, handles[::-1] if strip_above else handles)
    return made


def _runs(path: Path, axes: Axes, outcome: Results, x: Array, look: Look) -> None:
    """Draw the finished runs' figure, its median and quartiles, and the best run."""
    (values,), hue = outcome.values, _hue(outcome, look.palette)
    low, middle, high = style.drawable(np.array([outcome.quartiles(value) for value in values])).T
    where = dict(zip(values, x.tolist(), strict=True))
    dots = [(where[p], y) for (p,), group in outcome.groups.items() for y in group.values()]
    at, every = np.array(dots).T
    every = style.drawable(every)
    linked = are_numbers(values) and not outcome.keys[0].endswith("seed")
    if outcome.has_several:
        spots = {"color": hue, "s": 10, "alpha": 0.45, "linewidths": 0, "zorder": 3}
        axes.scatter(at, every, label="runs", gid="runs", **spots)
        bars = {"color": hue, "alpha": 0.25, "linewidth": 1.5 if linked else 9}
        axes.vlines(x, low, high, label="" if linked else "middle half", gid="quartiles", **bars)
        if linked:
            axes.fill_between(x, low, high, color=hue, alpha=0.15, linewidth=0, label="middle half")
    dash = outcome.has_several and not linked
    line = {"linestyle": "-" if linked else "none", "marker": "_" if dash else "o", "zorder": 4}
    line |= {"markersize": 14 if dash else 5 if len(x) <= 20 else 3, "markeredgewidth": 1 + dash}
    label = "median" if outcome.has_several else worded(outcome.figure)
    axes.plot(x, middle, color=hue, label=label, gid="median", **line)
    if best := outcome.best_run():
        (point,), number = best
        star = {"color": look.palette.best, "markersize": 13, "zorder": 5, "linestyle": "none"}
        star |= {"markeredgecolor": look.palette.ground, "markeredgewidth": 0.8, "gid": "best"}
        label = f"best: {one_line(path.name)}/{number}"
        axes.plot(where[point], outcome.groups[point,][number], marker="*", label=label, **star)
    axes.set_ylabel(worded(outcome.figure))
    style.set_scale(axes, look.scale, every)


def _hue(outcome: Results, palette: Palette) -> str:
    return style.of_part(palette, "test" if outcome.figure.startswith("test_") else "train")


def _endings(axes: Axes, outcome: Results, x: Array, palette: Palette) -> None:
    """Draw a column at each point: the shares of its runs that finished, diverged, ..."""
    (values,) = outcome.values
    total = np.array([outcome.runs(value) for value in values], dtype=float)
    hues = {"finished": palette.amount, "diverged": palette.fault, "failed": palette.ink}
    counts = {"finished": np.array([len(outcome.groups.get((value,), ())) for value in values])}
    for status in sorted(outcome.all_lost):
        lost = [outcome.lost.get((value,), Counter())[status] for value in values]
        counts[status] = np.array(lost)
    bottom, width = np.zeros(len(values)), float(np.clip(160 / len(values), 1, 14))
    for status, count in counts.items():
        top = bottom + count / total
        column = {"color": hues.get(status, palette.soft), "linewidth": width}
        alpha = 0.35 if status == "finished" else 1
        axes.vlines(x, bottom, top, alpha=alpha, label=status, gid=status, **column)
        bottom = top
    if outcome.has_several and len(values) <= NAMED:
        place = {"ha": "center", "textcoords": "offset points", "fontsize": 8}
        for at, n, finished in zip(x, total, counts["finished"], strict=True):
            if n > finished:
                axes.annotate(f"{finished} of {n:.0f}", (at, 1), (0, 3), **place)
    axes.set(ylim=(0, 1.4), yticks=[0, 1], yticklabels=["0 %", "100 %"], ylabel="of runs")
    axes.tick_params(axis="y", labelsize=8)


def _ticks(axes: Axes, values: Sequence[Any], x: Array, numbers: bool) -> None:
    """Label the points of the axis, as many as fit."""
    if numbers:
        style.set_scale(axes, "auto", x, "x")
    if numbers and len(values) > NAMED:
        if axes.get_xscale() == "linear" and all(isinstance(value, int) for value in values):
            axes.xaxis.get_major_locator().set_params(integer=True)
        return
    place = np.log10(x) if axes.get_xscale() == "log" else x
    room = 0.0 if len(x) < 2 else (place[-1] - place[0]) / NAMED
    kept = [0]
    for i in range(1, len(x)):
        if place[i] - place[kept[-1]] >= 0.95 * room:
            kept.append(i)
    names = [show(values[i]) for i in kept]
    turn = 0 if sum(map(len, names)) + 3 * len(names) <= 68 else 40
    axes.set_xticks(x[kept], names, rotation=turn, ha="right" if turn else "center")
    axes.minorticks_off()
    if not numbers:
        axes.set_xlim(-0.6, len(values) - 0.4)


def _map(made: Figure, axes: Axes, outcome: Results, look: Look) -> None:
    """Draw the median at each pair of values as a shaded cell with its number."""
    across, down = outcome.values
    medians = style.drawable(np.array([[outcome.median(a, d) for a in across] for d in down]))
    known = medians[np.isfinite(medians)]
    if known.size:
        _shade(made, axes, medians, outcome, look)
    for ticks, values in ((axes.set_xticks, across), (axes.set_yticks, down)):
        few = range(0, len(values), -(-len(values) // NAMED))
        ticks([i + 0.5 for i in few], [show(values[i]) for i in few])
    if sum(len(show(a)) + 3 for a in across[:NAMED]) > 60:
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    axes.set(
        xlabel=outcome.keys[0], ylabel=outcome.keys[1], xlim=(0, len(across)), ylim=(0, len(down))
    )
    if len(across) <= NUMBERED[0] and len(down) <= NUMBERED[1]:
        _number(axes, outcome, look.palette)
    _mark(made, axes, outcome, look.palette)


def _shade(made: Figure, axes: Axes, medians: Array, outcome: Results, look: Look) -> None:
    """Shade the cells, on a logarithmic scale if values span decades, and draw a colour bar."""
    from matplotlib.colors import LogNorm, Normalize

    known = medians[np.isfinite(medians)]
    logarithmic = style.is_log(look.scale, known)
    low, high = float(known.min()), float(known.max())
    norm = LogNorm(low, high) if logarithmic and low < high else Normalize(low, high)
    cells = np.ma.masked_invalid(medians)
    image = axes.pcolormesh(cells, cmap=style.shades(look.palette), norm=norm, gid="medians")
    bar = made.colorbar(image, ax=axes)
    bar.set_label(worded(outcome.figure) + (", median" if outcome.has_several else ""))
    if logarithmic:
        style.set_scale(bar.ax, look.scale, known)


def _number(axes: Axes, outcome: Results, palette: Palette) -> None:
    """Write each cell's median into it and, unless all runs finished, the number that did."""
    place = {"ha": "center", "va": "center", "fontsize": 8, "linespacing": 1.3}
    for i, d in enumerate(outcome.values[1]):
        for j, a in enumerate(outcome.values[0]):
            finished, lost = (
                len(outcome.groups.get((a, d), ())),
                outcome.lost.get((a, d), Counter()),
            )
            total = finished + lost.total()
            text = f"{outcome.median(a, d):.3g}" if finished else "\n".join(sorted(lost))
            if finished and lost:
                text += f"\n{finished} of {total}"
            axes.text(j + 0.5, i + 0.5, text, color=None if finished else palette.fault, **place)


def _mark(made: Figure, axes: Axes, outcome: Results, palette: Palette) -> None:
    """Mark the best cell, and cells with unfinished runs; add the legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

    across, down = outcome.values
    handles: list[Any] = []
    crosses = [point for point in outcome.lost if point not in outcome.groups]
    partly = [point for point in outcome.lost if point in outcome.groups]
    label = "best median" if outcome.has_several else f"best {worded(outcome.figure)}"
    frame = {"fill": False, "edgecolor": palette.best, "linewidth": 3, "label": label}
    for a, d in outcome.best_points():
        cell = Rectangle((across.index(a), down.index(d)), 1, 1, gid="best", zorder=4, **frame)
        axes.add_patch(cell)
        handles[:] = [cell]
        cell.set_clip_on(False)
    numbered = len(across) <= NUMBERED[0] and len(down) <= NUMBERED[1]
    for points, marker, label in (
        (crosses, "x", "no run finished"),
        (partly, ".", "some did not finish"),
    ):
        if points and not numbered:
            look = {"marker": marker, "color": palette.fault, "linestyle": "none", "markersize": 4}
            at = [(across.index(a) + 0.5, down.index(d) + 0.5) for a, d in points]
            axes.plot(*zip(*at, strict=True), **look)
            handles.append(Line2D([], [], label=label, **look))
    if partly and numbered:
        handles.append(_counted())
    if handles:
        style.legend_below(made, handles)


def _counted() -> Any:
    """Return a legend entry that explains the counts of runs."""
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", label="2 of 5: two finished")
