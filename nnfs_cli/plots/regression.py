"""The fit of a regression: its curve over one input column, and predicted against true targets."""

from __future__ import annotations

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError
from nnfs_cli.plots import lettering, style, titles
from nnfs_cli.plots.boundary import Redraw, Tables, own_tables, size
from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.style import Axes, Figure, Look
from nnfs_cli.runs import model as models
from nnfs_cli.runs.model import Model
from nnfs_cli.runs.record import Run

REACH = 1.0  # extent of an axis beyond the targets, in multiples of their range


def targets_of(model: Model, room: float) -> str:
    """Return the names of the targets, cut to `room` inches."""
    return lettering.shortened(lettering.plain(", ".join(model.known.targets)), room, 10)


def axis_of(tables: Tables, y_hat: Array) -> tuple[float, float]:
    """Return the ends of an axis for all targets, and for predictions within REACH of them."""
    targets = np.concatenate([table.y.ravel() for table in tables.values()])
    low, high = float(targets.min()), float(targets.max())
    span = high - low or 1.0
    near = y_hat[(y_hat > low - REACH * span) & (y_hat < high + REACH * span)]
    both = np.concatenate([targets, near.ravel()])
    margin = 0.08 * (float(np.ptp(both)) or 1.0)
    return float(both.min()) - margin, float(both.max()) + margin


def beyond(y_hat: Array, limits: tuple[float, float]) -> str:
    """Return the numbers of predictions that an axis does not show, "" if it shows all."""
    lost = int(np.isnan(y_hat).sum())
    out = int(((y_hat < limits[0]) | (y_hat > limits[1])).sum())
    if lost == y_hat.size:
        return "no prediction is a number"
    counts = [f"{out:,} of {y_hat.size:,} beyond the axis"] if out else []
    counts += [f"{lost:,} of {y_hat.size:,} not a number"] if lost else []
    return ", ".join(counts)


def paint_curve(axes: Axes, model: Model, tables: Tables, palette: Palette) -> Redraw:
    """Draw each target over the input column, and the samples; return a function that redraws."""
    every = np.concatenate([table.X[:, 0] for table in tables.values()])
    margin = 0.05 * float(np.ptp(every)) or 1.0
    x = np.linspace(every.min() - margin, every.max() + margin, 400)
    lines = []
    for k, (name, hue) in enumerate(
        zip(model.known.targets, style.colours(palette, len(model.known.targets)), strict=True)
    ):
        for part, table in tables.items():
            faint = {"color": style.of_part(palette, part), "alpha": 0.5, "linewidths": 0}
            marker, area = style.MARKERS[part], size(tables)
            axes.scatter(
                table.X[:, 0], table.y[:, k], s=area, marker=marker, label=part, gid=part, **faint
            )
        label = f"network, {lettering.plain(name)}"
        lines += axes.plot(x, x, color=hue, linewidth=2.2, label=label)
    column = lettering.shortened(lettering.plain(model.known.columns[0]), 2.4, 10)
    axes.set(xlabel=column, ylabel=targets_of(model, 2.4))
    limits = axis_of(tables, style.drawable(models.predict(model, x[:, None]).y_hat))
    axes.set_ylim(*limits)

    def redraw(model: Model) -> None:
        y_hat = style.drawable(models.predict(model, x[:, None]).y_hat)
        for line, values in zip(lines, y_hat.T, strict=True):
            line.set_ydata(_inside(values, limits))
        _note(axes, beyond(y_hat, limits), palette)

    redraw(model)
    return redraw


def paint_truth(axes: Axes, model: Model, tables: Tables, palette: Palette) -> Redraw:
    """Draw predicted against true targets and the diagonal; return a function that redraws."""
    every = [style.drawable(models.predict(model, table.X).y_hat) for table in tables.values()]
    limits = axis_of(tables, np.concatenate(every))
    true = axis_of(tables, np.zeros(0))
    axes.axline(
        (true[0], true[0]), slope=1, color=palette.soft, linewidth=1, label="perfect prediction"
    )
    marks = [
        axes.scatter(
            table.y,
            table.y,
            color=style.of_part(palette, part),
            s=size(tables),
            marker=style.MARKERS[part],
            alpha=0.7,
            linewidths=0,
            label=part,
            gid=part,
        )
        for part, table in tables.items()
    ]
    edge = {"color": palette.fault, "s": 26, "linewidths": 0, "clip_on": False, "zorder": 4}
    above = axes.scatter([], [], marker="^", gid="above", **edge)
    below = axes.scatter([], [], marker="v", gid="below", **edge)
    name = targets_of(model, 2.2)
    axes.set(xlabel=f"true {name}", ylabel=f"predicted {name}", xlim=true, ylim=limits)

    def redraw(model: Model) -> None:
        x, y = [], []
        for mark, table in zip(marks, tables.values(), strict=True):
            y_hat = style.drawable(models.predict(model, table.X).y_hat).ravel()
            mark.set_offsets(np.column_stack([table.y.ravel(), _inside(y_hat, limits)]))
            x.append(table.y.ravel())
            y.append(y_hat)
        true, y_hat = np.concatenate(x), np.concatenate(y)
        for mark, end, out in (
            (above, limits[1], y_hat > limits[1]),
            (below, limits[0], y_hat < limits[0]),
        ):
            mark.set_offsets(np.column_stack([true[out], np.full(int(out.sum()), end)]))
        _note(axes, beyond(y_hat, limits), palette)

    redraw(model)
    return redraw


def _inside(y_hat: Array, limits: tuple[float, float]) -> Array:
    """Return predictions, clipped at 9 heights of the axes beyond them: more would overflow."""
    span = limits[1] - limits[0]
    kept: Array = np.clip(y_hat, limits[0] - 9 * span, limits[1] + 9 * span)
    return kept


def _note(axes: Axes, text: str, palette: Palette) -> None:
    """Write text above the axes; without text, a blank keeps the space."""
    axes.set_title(text or " ", fontsize=8.5, color=palette.fault)


def fit(run: Run, look: Look) -> Figure:
    """Return a figure of predicted against true targets; with one input column, also the curve."""
    model = models.load(run)
    if model.known.classes is not None:
        raise FileError(f"{run.path}: is a classifier; draw it with --kind confusion")
    tables = own_tables(model, look)
    is_curve = len(model.known.columns) == 1
    made, axes = style.figure(1, 2 if is_curve else 1, height=3.4 if is_curve else 4.2)
    if is_curve:
        paint_curve(axes[0], model, tables, look.palette)
    paint_truth(axes[-1], model, tables, look.palette)
    handles = axes[-1].get_legend_handles_labels()[0]
    if is_curve:
        handles += axes[0].lines
    style.legend_below(made, handles)
    name = lettering.plain(", ".join(model.known.targets))
    titles.of_run(made, run, look.palette, f"predicted and true {name}")
    return made
