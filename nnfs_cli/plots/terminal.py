"""Cost and boundary drawn in the terminal, at its size.

They can be read without colour. plotille, imported only here, draws curves in braille dots.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import Any, NamedTuple, TextIO

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.plots import boundary as boundary_plot
from nnfs_cli.plots import curves, lettering, style, titles
from nnfs_cli.plots.boundary import Plane, Tables
from nnfs_cli.plots.curves import Curve
from nnfs_cli.plots.style import Look
from nnfs_cli.runs import model as models
from nnfs_cli.runs.model import Model
from nnfs_cli.runs.record import Run

MARKS = "ox+*#@%&"  # samples, by class
GROUNDS = " .:-=~^,"  # regions, by class
WRONG, UNKNOWN, LOST = "!", "/", "X"  # a mistake; not a number; the last finite cost
MARGIN = 10  # width left of the axis, characters
# Of a terminal's 256 colours, those nearest to the palette, and a dim version of each.
HUES = (39, 214, 36, 175, 227, 166, 25, 250)
DIM = (24, 94, 22, 96, 100, 88, 17, 240)
PARTS: dict[str, int | None] = {"train": None, "test": 169}
FAULT = 196


class Screen(NamedTuple):
    """The width and height in characters, and whether colour is allowed."""

    width: int
    height: int
    colour: bool


def screen(stream: TextIO) -> Screen:
    """Return the size of the terminal behind a stream, and whether it shows colour."""
    columns, lines = shutil.get_terminal_size((80, 24))
    is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    colour = "NO_COLOR" not in os.environ and (is_terminal or "FORCE_COLOR" in os.environ)
    return Screen(max(columns, 40), max(lines, 12), colour)


def painted(text: str, hue: int | None, shown: Screen, ground: int | None = None) -> str:
    """Return text in one of 256 colours, on another, if colours are shown."""
    codes = [f"38;5;{hue}"] * (hue is not None) + [f"48;5;{ground}"] * (ground is not None)
    return f"\033[{';'.join(codes)}m{text}\033[0m" if shown.colour and codes else text


# --- cost ------------------------------------------------------------------------------------


def cost(runs: Sequence[Run], look: Look, shown: Screen) -> str:
    """Return the learning curves of runs as text."""
    groups = curves.learning_curves(runs)
    drawn, hues = [], []
    for number, (run, group) in enumerate(zip(runs, groups, strict=True)):
        lost = titles.failure_of(run) if len(runs) > 1 else None
        for part, curve in zip(PARTS, group, strict=False):
            drawn.append(curve._replace(label=f"{curve.label} (diverged)") if lost else curve)
            hues.append(HUES[number % len(HUES)] if len(runs) > 1 else PARTS[part])
    title = curves.cost_label([run.config for run in runs])
    fault = titles.fault_of(runs[0]) if len(runs) == 1 else ""
    shown = shown._replace(height=shown.height - 2)
    return "\n".join(chart(drawn, title, look.scale, shown, hues=hues, fault=fault))


def chart(
    plotted: Sequence[Curve],
    title: str,
    scale: str,
    shown: Screen,
    *,
    hues: Sequence[int | None],
    fault: str = "",
) -> list[str]:
    """Return curves on axes as lines that fill the screen, with `fault` below them.

    An X marks the last finite cost of a curve that diverges.
    """
    costs = style.drawable(np.concatenate([curve.cost for curve in plotted]))
    costs = costs[np.isfinite(costs)]
    last = max(float(curve.epoch[-1]) for curve in plotted) or 1.0
    logarithmic = style.is_log(scale, costs)
    scaled: Callable[[Array], Array] = np.log10 if logarithmic else np.asarray
    ends = scaled(np.array([costs.min(), costs.max()])).tolist() if costs.size else [0.0, 1.0]
    low, high = ends if ends[1] > ends[0] else (ends[0] - 0.5, ends[0] + 0.5)
    legend = _legend(plotted, shown, hues)
    if fault:
        room = shown.width - MARGIN - 2
        legend += [f"{'':>{MARGIN}}  {painted(line, FAULT, shown)}" for line in wrap(fault, room)]
    width, height = shown.width - MARGIN - 2, max(shown.height - 3 - len(legend), 4)
    # The canvas is measured in dots: plotille drops, or fails on, points on its far edges.
    dots = np.array([2 * width, 4 * height])
    canvas = style.need("plotille").Canvas(width, height, 0, 0, *dots.tolist(), mode="byte")
    for number, (curve, hue) in enumerate(zip(plotted, hues, strict=True)):
        with np.errstate(divide="ignore", invalid="ignore"):
            y = (scaled(style.drawable(curve.cost)) - low) / (high - low)
        points = np.column_stack([curve.epoch / last, y])
        points = points[np.isfinite(points).all(axis=1)] * (dots - 1)
        lost = not np.isfinite(curve.cost).all()
        _draw(canvas, points, hue if shown.colour else None, number, lost)
    rows = canvas.plot("\n").replace("⠀", " ").split("\n")
    labels = {0: high, height // 2: (low + high) / 2, height - 1: low} if costs.size else {}
    axis = [
        _tick(10 ** labels[i] if logarithmic else labels[i]) if i in labels else ""
        for i in range(height)
    ]
    drawn = [f"{label:>{MARGIN}} │{row}".rstrip() for label, row in zip(axis, rows, strict=True)]
    foot = f"{'0':<{width // 2}}{'epoch':^5}{f'{last:,.0f}':>{width - width // 2 - 5}}"
    line = f"{'':>{MARGIN}} └{'─' * width}"
    return [f"{'':>{MARGIN}}  {title}", *drawn, line, f"{'':>{MARGIN}}  {foot}", *legend]


def _draw(canvas: Any, points: Array, hue: int | None, number: int, lost: bool) -> None:
    """Draw a curve; all but the first have gaps, so that they differ without colour, too."""
    for i, ((x0, y0), (x1, y1)) in enumerate(itertools.pairwise(points.tolist())):
        if not number or i % (2 + number) < 1 + number // 2:
            canvas.line(x0, y0, x1, y1, color=hue)
    if len(points):
        canvas.point(*points[-1].tolist(), color=hue)
        if number or len(points) == 1:
            canvas.text(*points[len(points) // 2].tolist(), MARKS[number % len(MARKS)], color=hue)
        if lost:
            canvas.text(*points[-1].tolist(), LOST, color=hue and FAULT)


def _legend(plotted: Sequence[Curve], shown: Screen, hues: Sequence[int | None]) -> list[str]:
    """Return a line for each curve with its last cost."""
    entries = []
    for number, (curve, hue) in enumerate(zip(plotted, hues, strict=True)):
        mark = painted(MARKS[number % len(MARKS)] if number else "─", hue, shown)
        end = f"{curve.cost[-1]:.6g}"
        if not np.isfinite(curve.cost[-1]):
            last = curve.last_finite
            end = f"{LOST} {last[1]:.3g} at epoch {last[0]:,.0f}, then " if last else ""
            end += "not finite"
        text = f"{curve.label}: {end}"[: shown.width - MARGIN - 5]
        entries.append(f"{'':>{MARGIN}}  {mark} {text}")
    most = max(shown.height // 3, 1)
    return entries if len(entries) <= most else [*entries[: most - 1], f"{'':>{MARGIN}}  ..."]


def _tick(value: float) -> str:
    return f"{value:.3g}"


# --- boundary --------------------------------------------------------------------------------


def boundary(run: Run, look: Look, shown: Screen) -> str:
    """Return the classes' regions over two columns, and the samples, as text."""
    model = models.load(run)
    boundary_plot.chosen_columns(model, look.columns)
    tables = boundary_plot.own_tables(model, look)
    shown = shown._replace(height=shown.height - 2)
    grid = plane(model, tables, look.columns, shown)
    return "\n".join(field(model, tables, grid, shown))


def plane(model: Model, tables: Tables, names: Sequence[str], shown: Screen) -> Plane:
    """Return a plane with a point for each character."""
    return boundary_plot.plane(model, tables, names, shown.width - MARGIN - 2, shown.height - 4)


def field(model: Model, tables: Tables, grid: Plane, shown: Screen) -> list[str]:
    """Return regions and samples on axes as lines that fill the screen."""
    known = model.known
    assert known.classes is not None
    outputs = boundary_plot.shares(model, grid.X)
    unknown = np.isnan(outputs).any(axis=0).reshape(len(grid.y), len(grid.x))
    regions = np.nan_to_num(outputs).argmax(axis=0).reshape(unknown.shape)
    grounds = np.array([GROUNDS[k % len(GROUNDS)] for k in range(len(known.classes))])
    letters, inks = np.where(unknown, UNKNOWN, grounds[regions]), np.full(regions.shape, -1)
    regions = np.where(unknown, -1, regions)
    for table in tables.values():
        wrong = boundary_plot.is_wrong(model, table)
        marks = np.array([MARKS[k % len(MARKS)] for k in range(len(known.classes))])[table.y]
        j, i = (
            _cells(table.X[:, column], axis)
            for column, axis in zip(grid.columns, (grid.x, grid.y), strict=True)
        )
        order = np.argsort(wrong, kind="stable")  # mistakes last, on top
        letters[i[order], j[order]] = np.where(wrong, WRONG, marks)[order]
        inks[i[order], j[order]] = table.y[order]
    rows = [
        _painted_row(*row, shown)
        for row in zip(letters[::-1], inks[::-1], regions[::-1], strict=True)
    ]
    top, bottom = _tick(float(grid.y[-1])), _tick(float(grid.y[0]))
    axis = [top, *[""] * (len(rows) - 2), bottom]
    left, right = _tick(float(grid.x[0])), _tick(float(grid.x[-1]))
    x, y = (lettering.plain(known.columns[column]) for column in grid.columns)
    same = boundary_plot.everywhere(outputs, known.classes)
    width, space = len(grid.x), f"{'':>{MARGIN}}  "
    return [
        f"{y:>{MARGIN}}{f'   {same}' if same else ''}"[: shown.width - 2],
        *(f"{label:>{MARGIN}} │{row}" for label, row in zip(axis, rows, strict=True)),
        f"{'':>{MARGIN}} └{'─' * width}",
        f"{space}{left}{x[: width - 20]:^{width - len(left) - len(right)}}{right}",
        space + _classes(known.classes, shown, f"{UNKNOWN} not a number" if unknown.any() else ""),
    ]


def _cells(values: Array, axis: Array) -> Array:
    """Return the index of the cell of an even axis that holds each value."""
    step = axis[1] - axis[0]
    cells: Array = np.clip(np.round((values - axis[0]) / step), 0, len(axis) - 1).astype(int)
    return cells


def _painted_row(letters: Array, inks: Array, regions: Array, shown: Screen) -> str:
    """Return a row of characters; in colour, with their regions as background."""
    if not shown.colour:
        return "".join(letters.tolist()).rstrip()
    keys = inks * 100 + regions
    starts = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
    spans = []
    for start, stop in itertools.pairwise(starts):
        ground = DIM[regions[start] % 8] if regions[start] >= 0 else None
        hue = HUES[inks[start] % 8] if inks[start] >= 0 else FAULT if ground is None else ground
        spans.append(painted("".join(letters[start:stop].tolist()), hue, shown, ground))
    return "".join(spans)


def _classes(names: Sequence[str], shown: Screen, more: str) -> str:
    """Return the legend of a field, cut to one line."""
    room = shown.width - MARGIN - 12 - len(more)
    entries, used = [], 0
    for k, name in enumerate(names):
        used += len(name) + 5
        if used > room:
            entries.append("...")
            break
        entries.append(painted(MARKS[k % len(MARKS)], HUES[k % 8], shown) + f" {name}")
    return "   ".join([*entries, f"{WRONG} wrong", *filter(None, [more])])
