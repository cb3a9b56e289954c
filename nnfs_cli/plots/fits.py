"""How a regression fits: its curve over one input column, and predicted against true targets."""

from __future__ import annotations

import numpy as np

from nnfs_cli import prediction
from nnfs_cli.errors import FileError
from nnfs_cli.plots import style
from nnfs_cli.plots.planes import Redraw, Tables, own_tables, size
from nnfs_cli.plots.style import Axes, Figure, Look, Palette
from nnfs_cli.prediction import Model
from nnfs_cli.runs import Run


def paint_curve(axes: Axes, model: Model, tables: Tables, palette: Palette) -> Redraw:
    """Draw each target over the one input column, and the samples; return what draws again."""
    every = np.concatenate([table.X[:, 0] for table in tables.values()])
    margin = 0.05 * float(np.ptp(every)) or 1.0
    x = np.linspace(every.min() - margin, every.max() + margin, 400)
    lines = []
    for k, name in enumerate(model.known.targets):
        for part, hue in zip(tables, style.colours(palette, 2), strict=False):
            table = tables[part]
            faint = {"color": hue, "alpha": 0.5, "s": size(tables), "linewidths": 0}
            marker = style.MARKERS[part]
            axes.scatter(table.X[:, 0], table.y[:, k], marker=marker, label=part, gid=part, **faint)
        lines += axes.plot(x, x, color=palette.ink, linewidth=2, label=f"network, {name}")
    axes.set(xlabel=model.known.columns[0], ylabel=", ".join(model.known.targets))

    def redraw(model: Model) -> None:
        for line, values in zip(lines, prediction.predict(model, x[:, None]).y_hat.T, strict=True):
            line.set_ydata(values)

    redraw(model)
    seen = np.concatenate([table.y for table in tables.values()])
    margin = 0.1 * float(np.ptp(seen)) or 1.0
    axes.set_ylim(seen.min() - margin, seen.max() + margin)
    return redraw


def paint_truth(axes: Axes, model: Model, tables: Tables, palette: Palette) -> Redraw:
    """Draw predicted against true targets and the diagonal; return what draws again."""
    hues = style.colours(palette, 2)
    seen = np.concatenate([table.y for table in tables.values()])
    ends = [float(seen.min()), float(seen.max())]
    margin = 0.08 * (ends[1] - ends[0]) or 1.0
    limits = (ends[0] - margin, ends[1] + margin)
    axes.axline((ends[0], ends[0]), slope=1, color=palette.soft, linewidth=1, label="as it should")
    marks = [
        axes.scatter(
            table.y,
            table.y,
            color=hue,
            s=size(tables),
            marker=style.MARKERS[part],
            alpha=0.7,
            linewidths=0,
            label=part,
            gid=part,
        )
        for hue, (part, table) in zip(hues, tables.items(), strict=False)
    ]
    name = ", ".join(model.known.targets)
    axes.set(xlabel=f"true {name}", ylabel=f"predicted {name}", xlim=limits, ylim=limits)

    def redraw(model: Model) -> None:
        for mark, table in zip(marks, tables.values(), strict=True):
            y_hat = prediction.predict(model, table.X).y_hat
            mark.set_offsets(np.column_stack([table.y.ravel(), y_hat.ravel()]))

    redraw(model)
    return redraw


def fit(run: Run, look: Look) -> Figure:
    """Return predicted against true targets; before it, of one input column, the curve."""
    model = prediction.load(run)
    if model.known.classes is not None:
        raise FileError(f"{run.path}: tells classes apart; --kind confusion shows how well")
    tables = own_tables(model, look)
    alone = len(model.known.columns) == 1
    made, axes = style.figure(1, 2 if alone else 1, height=3.6 if alone else 4.4)
    if alone:
        paint_curve(axes[0], model, tables, look.palette)
    paint_truth(axes[-1], model, tables, look.palette)
    made.suptitle(style.name_of(run), fontsize="medium")
    style.legend_below(made, axes[-1].get_legend_handles_labels()[0])
    return made
