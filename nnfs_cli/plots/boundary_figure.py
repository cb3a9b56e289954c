"""The picture of a boundary: shaded classes and samples, with heading and legend."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnfs_cli.plots import lettering, style, titles
from nnfs_cli.plots.boundary import (
    Plane,
    Tables,
    chosen_columns,
    everywhere,
    is_lost,
    is_wrong,
    own_tables,
    paint_boundary,
    plane,
    shares,
)
from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.style import Figure, Look
from nnfs_cli.runs import model as models
from nnfs_cli.runs.model import Model
from nnfs_cli.runs.record import Run

NAMED = 20  # classes in a legend


def boundary_legend(model: Model, tables: Tables, grid: Plane, palette: Palette) -> list[Any]:
    """Return the legend's handles: classes, parts, boundary, mistakes, and missing numbers."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    known = model.known
    assert known.classes is not None
    hues = style.colours(palette, len(known.classes))
    mark = {"linestyle": "none", "markersize": 6}
    prefix = f"{known.targets[0]} = " if max(map(len, known.classes)) < 3 else ""
    handles: list[Any] = [
        Line2D([], [], marker="s", color=hue, label=lettering.plain(f"{prefix}{name}"), **mark)
        for hue, name in zip(hues, known.classes[:NAMED], strict=False)
    ]
    if len(known.classes) > NAMED:
        more = f"and {len(known.classes) - NAMED:,} more classes"
        handles.append(Line2D([], [], linestyle="none", label=more))
    if "test" in tables:
        handles += [
            Line2D([], [], marker=style.MARKERS[part], color=palette.soft, label=part, **mark)
            for part in tables
        ]
    outputs = shares(model, grid.X)
    if not everywhere(outputs, known.classes):
        line = "output 0.5" if len(known.classes) == 2 else "even odds"
        handles.append(Line2D([], [], color=palette.ink, label=line))
    count = sum(len(table.y) for table in tables.values())
    wrong, lost = (
        sum(int(test(model, table).sum()) for table in tables.values())
        for test in (is_wrong, is_lost)
    )
    ring = {**mark, "markersize": 9, "markerfacecolor": "none", "markeredgecolor": palette.ink}
    if lost < count:
        handles.append(Line2D([], [], marker="o", label=f"wrong: {wrong:,} of {count:,}", **ring))
    if np.isnan(outputs).any():
        hatch = {"facecolor": "none", "edgecolor": palette.fault, "hatch": "////", "linewidth": 0}
        text = f"not a number: no class for {lost:,} of {count:,}"
        handles.append(Patch(label=text, **hatch))
    return handles


def boundary(run: Run, look: Look) -> Figure:
    """Return a figure of shaded classes over two columns, their boundary and the samples."""
    model = models.load(run)
    chosen_columns(model, look.columns)  # raises before any data is read
    tables = own_tables(model, look)
    grid = plane(model, tables, look.columns, 240, 200)
    made, (axes,) = style.figure(height=4.3)
    paint_boundary(axes, model, tables, grid, look.palette)
    style.legend_below(made, boundary_legend(model, tables, grid, look.palette))
    x, y = (lettering.plain(model.known.columns[column]) for column in grid.columns)
    others = "the other columns are fixed at their mean" if grid.others else ""
    same = everywhere(shares(model, grid.X), model.known.classes or ())
    titles.of_run(made, run, look.palette, f"classes over {x} and {y}", others, same)
    return made
