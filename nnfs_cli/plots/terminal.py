"""Pictures in letters: cost, boundary and sweep, as large as the terminal.

Colour is never needed to read them. plotille draws curves in braille dots; it is loaded here alone.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from math import log10
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from nnfs_cli import prediction
from nnfs_cli.core.activations import Array
from nnfs_cli.plots import curves, planes, points, style
from nnfs_cli.plots.curves import Curve
from nnfs_cli.plots.planes import Plane, Tables
from nnfs_cli.plots.style import Look
from nnfs_cli.prediction import Model
from nnfs_cli.runs import Run

MARKS = "ox+*#@%&"  # of the classes' samples
GROUNDS = " .:-=~^,"  # of the classes' regions
WRONG = "!"
SHADES = " ░▒▓█"  # of cells, by rank
MARGIN = 10  # letters before the axis
# Of the 256 colours that terminals have, those nearest to the palette; and a dim one of each.
HUES = (39, 214, 36, 175, 227, 166, 25, 250)
DIM = (24, 94, 22, 96, 100, 88, 17, 240)


class Screen(NamedTuple):
    """Letters across and down, and whether they may be coloured."""

    width: int
    height: int
    colour: bool


def screen(stream: TextIO) -> Screen:
    """Return the size of the terminal behind a stream, and whether it shows colour."""
    columns, lines = shutil.get_terminal_size((80, 24))
    wanted = stream.isatty() and os.environ.get("TERM") != "dumb"
    colour = "NO_COLOR" not in os.environ and (wanted or "FORCE_COLOR" in os.environ)
    return Screen(max(columns, 40), max(lines, 12), colour)


def painted(text: str, hue: int | None, shown: Screen, ground: int | None = None) -> str:
    """Return text in one of 256 colours, on another, if colours are shown."""
    codes = [f"38;5;{hue}"] * (hue is not None) + [f"48;5;{ground}"] * (ground is not None)
    return f"\033[{';'.join(codes)}m{text}\033[0m" if shown.colour and codes else text


# --- cost ------------------------------------------------------------------------------------


def cost(found: Sequence[Run], look: Look, shown: Screen) -> str:
    """Return the learning curves of runs."""
    drawn = [curve for group in curves.learning_curves(found) for curve in group]
    title = curves.cost_label([run.config for run in found])
    return "\n".join(chart(drawn, title, look.scale, shown._replace(height=shown.height - 2)))


def chart(found: Sequence[Curve], title: str, scale: str, shown: Screen) -> list[str]:
    """Return curves on axes, as lines that together fill the screen."""
    costs = np.concatenate([curve.cost for curve in found])
    costs = costs[np.isfinite(costs)]
    last = max(float(curve.epoch[-1]) for curve in found)
    logarithmic = style.is_log(scale, costs)
    scaled: Callable[[Array], Array] = np.log10 if logarithmic else np.asarray
    ends = scaled(np.array([costs.min(), costs.max()])).tolist() if costs.size else [0.0, 1.0]
    low, high = ends if ends[1] > ends[0] else (ends[0] - 0.5, ends[0] + 0.5)
    legend = _legend(found, shown)
    width, height = shown.width - MARGIN - 2, max(shown.height - 3 - len(legend), 4)
    # plotille leaves out what lies on the far edges themselves
    canvas = style.need("plotille").Canvas(
        width, height, 0, low, (last or 1) * 1.0001, high + 0.001 * (high - low), mode="byte"
    )
    for number, curve in enumerate(found):
        hue = HUES[number % len(HUES)] if shown.colour else None
        with np.errstate(divide="ignore", invalid="ignore"):
            points = np.column_stack([curve.epoch, scaled(curve.cost)])
        points = points[np.isfinite(points).all(axis=1)]
        _draw(canvas, points, hue, number)
    rows = canvas.plot("\n").replace("⠀", " ").split("\n")
    labels = {0: high, height // 2: (low + high) / 2, height - 1: low}
    axis = [
        _tick(10 ** labels[i] if logarithmic else labels[i]) if i in labels else ""
        for i in range(height)
    ]
    drawn = [f"{label:>{MARGIN}} │{row}".rstrip() for label, row in zip(axis, rows, strict=True)]
    foot = f"{'0':<{width // 2}}{'epoch':^5}{f'{last:,.0f}':>{width - width // 2 - 5}}"
    line = f"{'':>{MARGIN}} └{'─' * width}"
    return [f"{'':>{MARGIN}}  {title}", *drawn, line, f"{'':>{MARGIN}}  {foot}", *legend]


def _draw(canvas: Any, points: Array, hue: int | None, number: int) -> None:
    """Draw a curve; from the second on with gaps, so that they differ without colour too."""
    for i, ((x0, y0), (x1, y1)) in enumerate(
        zip(points[:-1].tolist(), points[1:].tolist(), strict=True)
    ):
        if not number or i % (2 + number) < 1 + number // 2:
            canvas.line(x0, y0, x1, y1, color=hue)
    if len(points):
        canvas.point(*points[-1].tolist(), color=hue)
        if number or len(points) == 1:
            canvas.text(*points[len(points) // 2].tolist(), MARKS[number % len(MARKS)], color=hue)


def _legend(found: Sequence[Curve], shown: Screen) -> list[str]:
    """Return a line for each curve with what it came to."""
    told = []
    for number, curve in enumerate(found):
        mark = painted(MARKS[number % len(MARKS)] if number else "─", HUES[number % 8], shown)
        text = f"{curve.label}: {curve.cost[-1]:.6g}"[: shown.width - MARGIN - 5]
        told.append(f"{'':>{MARGIN}}  {mark} {text}")
    most = max(shown.height // 3, 1)
    return told if len(told) <= most else [*told[: most - 1], f"{'':>{MARGIN}}  ..."]


def _tick(value: float) -> str:
    return f"{value:.3g}"


# --- boundary --------------------------------------------------------------------------------


def boundary(run: Run, look: Look, shown: Screen) -> str:
    """Return the classes' regions over two columns, and the samples."""
    model = prediction.load(run)
    planes.chosen_columns(model, look.columns)
    tables = planes.own_tables(model, look)
    shown = shown._replace(height=shown.height - 2)
    grid = plane(model, tables, look.columns, shown)
    return "\n".join(field(model, tables, grid, shown))


def plane(model: Model, tables: Tables, names: Sequence[str], shown: Screen) -> Plane:
    """Return a plane with a point for each letter."""
    return planes.plane(model, tables, names, shown.width - MARGIN - 2, shown.height - 4)


def field(model: Model, tables: Tables, grid: Plane, shown: Screen) -> list[str]:
    """Return regions and samples on axes, as lines that together fill the screen."""
    known = model.known
    assert known.classes is not None
    regions = planes.shares(model, grid.X).argmax(axis=0).reshape(len(grid.y), len(grid.x))
    grounds = np.array([GROUNDS[k % len(GROUNDS)] for k in range(len(known.classes))])
    letters, inks = grounds[regions], np.full(regions.shape, -1)
    for table in tables.values():
        wrong = planes.is_wrong(model, table)
        marks = np.array([MARKS[k % len(MARKS)] for k in range(len(known.classes))])[table.y]
        j, i = (
            _cells(table.X[:, column], axis)
            for column, axis in zip(grid.columns, (grid.x, grid.y), strict=True)
        )
        order = np.argsort(wrong, kind="stable")  # what is wrong comes last, on top
        letters[i[order], j[order]] = np.where(wrong, WRONG, marks)[order]
        inks[i[order], j[order]] = table.y[order]
    rows = [
        _painted_row(*row, shown)
        for row in zip(letters[::-1], inks[::-1], regions[::-1], strict=True)
    ]
    top, bottom = _tick(float(grid.y[-1])), _tick(float(grid.y[0]))
    axis = [top, *[""] * (len(rows) - 2), bottom]
    left, right = _tick(float(grid.x[0])), _tick(float(grid.x[-1]))
    x, y = (known.columns[column] for column in grid.columns)
    width, space = len(grid.x), f"{'':>{MARGIN}}  "
    return [
        f"{y[: shown.width - 2]:>{MARGIN}}",
        *(f"{label:>{MARGIN}} │{row}" for label, row in zip(axis, rows, strict=True)),
        f"{'':>{MARGIN}} └{'─' * width}",
        f"{space}{left}{x[: width - 20]:^{width - len(left) - len(right)}}{right}",
        space + _classes(known.classes, shown),
    ]


def _cells(values: Array, axis: Array) -> Array:
    """Return in which cell of an even axis each value lies."""
    step = axis[1] - axis[0]
    cells: Array = np.clip(np.round((values - axis[0]) / step), 0, len(axis) - 1).astype(int)
    return cells


def _painted_row(letters: Array, inks: Array, regions: Array, shown: Screen) -> str:
    """Return a row of letters; in colour, on their regions' ground."""
    if not shown.colour:
        return "".join(letters.tolist()).rstrip()
    keys = inks * 100 + regions
    starts = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), len(keys)]
    told = []
    for start, stop in itertools.pairwise(starts):
        hue = HUES[inks[start] % 8] if inks[start] >= 0 else DIM[regions[start] % 8]
        text = "".join(letters[start:stop].tolist())
        told.append(painted(text, hue, shown, DIM[regions[start] % 8]))
    return "".join(told)


def _classes(names: Sequence[str], shown: Screen) -> str:
    """Return the legend of a field, as much of it as a line has room for."""
    room = shown.width - MARGIN - 12
    told, used = [], 0
    for k, name in enumerate(names):
        used += len(name) + 5
        if used > room:
            told.append("...")
            break
        told.append(painted(MARKS[k % len(MARKS)], HUES[k % 8], shown) + f" {name}")
    return "   ".join([*told, f"{WRONG} wrong"])


# --- sweep -----------------------------------------------------------------------------------


def sweep(path: Path, look: Look, shown: Screen) -> str:
    """Return bars of a figure over one swept key, or a table of shades over two."""
    found = points.results(path, look)
    lines = _shades(found, shown) if len(found.keys) == 2 else _bars(found, look, shown)
    if text := found.best_text():
        lines.append(f"* {text}")
    return "\n".join(lines)


def _bars(found: points.Results, look: Look, shown: Screen) -> list[str]:
    """Return a bar for each value, as long as its median, with quartiles and what was lost."""
    (values,) = found.values
    best = found.best_points()
    medians = np.array([found.median(value) for value in values])
    known = medians[np.isfinite(medians)]
    texts = [_quartiles(found, value) for value in values]
    names = [points.show(v) + ("*" if (v,) in best else " ") for v in values]
    left = max(map(len, [*names, found.keys[0] + " "]))
    room = max(shown.width - left - max(map(len, texts)) - 3, 8)
    lengths = dict(zip(known.tolist(), _lengths(known.tolist(), room, look.scale), strict=True))
    several = "median (quartiles) of the runs that finished" if found.has_several else ""
    note = "logarithmic" if style.is_log(look.scale, known) else ""
    head = ", ".join(filter(None, [several, note]))
    figure = points.worded(found.figure)
    lines = [f"{found.keys[0] + ' ':>{left}} {figure}{': ' if head else ''}{head}"]
    for name, median, text in zip(names, medians.tolist(), texts, strict=True):
        bar = painted("█" * lengths[median], HUES[0], shown) + " " if median in lengths else ""
        lines.append(f"{name:>{left}} {bar}{text}")
    return lines


def _quartiles(found: points.Results, value: Any) -> str:
    """Return a point's median and quartiles, and how many of its runs did not finish."""
    low, median, high = found.quartiles(value)
    lost, total = sorted(found.lost.get((value,), Counter[str]()).items()), found.runs(value)
    told = [f"{number} of {total} {status}" if total > 1 else status for status, number in lost]
    if median == median:
        between = f" ({low:.3g} to {high:.3g})" if len(found.groups[value,]) > 1 else ""
        told.insert(0, f"{median:.4g}{between}")
    return ", ".join(told) or "-"


def _lengths(values: Sequence[float], room: int, scale: str) -> list[int]:
    """Return bars' lengths; on a logarithmic scale, from half a decade below the smallest."""
    if not style.is_log(scale, np.array(values)):
        largest = max([*values, 1e-300])
        return [max(round(room * (max(value, 0) / largest)), 1) for value in values]
    low, high = log10(min(values)) - 0.5, log10(max(values))
    return [max(round(room * (log10(value) - low) / (high - low)), 1) for value in values]


def _shades(found: points.Results, shown: Screen) -> list[str]:
    """Return a table of medians, each shaded by its rank, with how many runs finished."""
    across, down = found.values
    medians = {(a, d): found.median(a, d) for a in across for d in down}
    ranks = sorted(value for value in medians.values() if value == value)
    best = found.best_points()

    def cell(point: tuple[Any, Any]) -> tuple[str, str]:
        """Return the shade and the text of a cell."""
        value, lost = medians[point], sorted(found.lost.get(point, ()))
        if value != value:
            return " ", ", ".join(lost) or "-"
        rank = ranks.index(value) * (len(SHADES) - 1) // max(len(ranks) - 1, 1)
        finished = f" {len(found.groups[point])}/{found.runs(*point)}" if lost else ""
        return SHADES[rank], f"{value:.3g}{'*' if point in best else ' '}{finished}"

    cells = {point: cell(point) for point in medians}
    names = [points.show(value)[:12] for value in down]
    heads = [points.show(value) for value in across]
    wide = max(map(len, [*heads, *(text for _, text in cells.values())])) + 2
    left = max(map(len, names))
    most = max((shown.width - left - 2) // (wide + 1), 1)
    figure = points.worded(found.figure) + (": median" if found.has_several else "")
    lines = [f"{figure}; {found.keys[0]} across, {found.keys[1]} down"]
    if any(found.lost.get(point) for point in found.groups):
        lines.append("2/5: two runs of five finished")
    lines.append(" ".join([f"{'':>{left}} ", *(f"{head:>{wide}}" for head in heads[:most])]))
    for name, d in zip(names, down, strict=True):
        row = [cells[a, d] for a in across[:most]]
        told = (painted(shade, HUES[0], shown) + f"{text:>{wide - 1}}" for shade, text in row)
        lines.append(" ".join([f"{name:>{left}} ", *told]))
    if len(across) > most:
        lines.append(f"{len(across) - most} more columns need a wider terminal")
    return lines
