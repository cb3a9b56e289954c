"""A sweep in the terminal: bars over one key, or a table over two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log10
from pathlib import Path
from typing import Any

import numpy as np

from nnfs_cli.plots import points, style
from nnfs_cli.plots.style import Look
from nnfs_cli.plots.terminal import HUES, Screen, painted

SHADES = " ░▒▓█"  # of a table's cells, by rank


def sweep(path: Path, look: Look, shown: Screen) -> str:
    """Return bars of a figure over one swept key, or a shaded table over two."""
    outcome = points.results(path, look)
    lines = _shades(outcome, shown) if len(outcome.keys) == 2 else _bars(outcome, look, shown)
    if text := outcome.best_text():
        lines.append(f"* {text}")
    return "\n".join(lines)


def _bars(outcome: points.Results, look: Look, shown: Screen) -> list[str]:
    """Return a bar for each value: its median, with quartiles and counts of unfinished runs."""
    (values,) = outcome.values
    best = outcome.best_points()
    medians = np.array([outcome.median(value) for value in values])
    finite = medians[np.isfinite(medians)]
    texts = [_quartiles(outcome, value) for value in values]
    names = [points.show(v) + ("*" if (v,) in best else " ") for v in values]
    left = max(map(len, [*names, outcome.keys[0] + " "]))
    room = max(shown.width - left - max(map(len, texts)) - 3, 8)
    lengths = dict(zip(finite.tolist(), _lengths(finite.tolist(), room, look.scale), strict=True))
    several = "median (quartiles) of finished runs" if outcome.has_several else ""
    note = "logarithmic" if style.is_log(look.scale, finite) else ""
    head = ", ".join(filter(None, [several, note]))
    figure = points.worded(outcome.figure)
    lines = [f"{outcome.keys[0] + ' ':>{left}} {figure}{': ' if head else ''}{head}"]
    for name, median, text in zip(names, medians.tolist(), texts, strict=True):
        bar = painted("█" * lengths[median], HUES[0], shown) + " " if median in lengths else ""
        lines.append(f"{name:>{left}} {bar}{text}")
    return lines


def _quartiles(outcome: points.Results, value: Any) -> str:
    """Return a point's median and quartiles, and the numbers of runs that did not finish."""
    low, median, high = outcome.quartiles(value)
    lost, total = sorted(outcome.lost.get((value,), Counter[str]()).items()), outcome.runs(value)
    parts = [f"{number} of {total} {status}" if total > 1 else status for status, number in lost]
    if median == median:
        between = f" ({low:.3g} to {high:.3g})" if len(outcome.groups[value,]) > 1 else ""
        parts.insert(0, f"{median:.4g}{between}")
    return ", ".join(parts) or "-"


def _lengths(values: Sequence[float], room: int, scale: str) -> list[int]:
    """Return the lengths of bars; a logarithmic scale starts half a decade below the smallest."""
    if not style.is_log(scale, np.array(values)):
        largest = max([*values, 1e-300])
        return [max(round(room * (max(value, 0) / largest)), 1) for value in values]
    low, high = log10(min(values)) - 0.5, log10(max(values))
    return [max(round(room * (log10(value) - low) / (high - low)), 1) for value in values]


def _shades(outcome: points.Results, shown: Screen) -> list[str]:
    """Return a table of medians, shaded by rank, with the numbers of finished runs."""
    across, down = outcome.values
    medians = {(a, d): outcome.median(a, d) for a in across for d in down}
    ranks = sorted(value for value in medians.values() if value == value)
    best = outcome.best_points()

    def cell(point: tuple[Any, Any]) -> tuple[str, str]:
        """Return the shade and the text of a cell."""
        value, lost = medians[point], sorted(outcome.lost.get(point, ()))
        if value != value:
            return " ", ", ".join(lost) or "-"
        rank = ranks.index(value) * (len(SHADES) - 1) // max(len(ranks) - 1, 1)
        finished = f" {len(outcome.groups[point])}/{outcome.runs(*point)}" if lost else ""
        return SHADES[rank], f"{value:.3g}{'*' if point in best else ' '}{finished}"

    cells = {point: cell(point) for point in medians}
    names = [points.show(value)[:12] for value in down]
    heads = [points.show(value) for value in across]
    wide = max(map(len, [*heads, *(text for _, text in cells.values())])) + 2
    left = max(map(len, names))
    most = max((shown.width - left - 2) // (wide + 1), 1)
    figure = points.worded(outcome.figure) + (": median" if outcome.has_several else "")
    lines = [f"{figure}; {outcome.keys[0]} across, {outcome.keys[1]} down"]
    if any(outcome.lost.get(point) for point in outcome.groups):
        lines.append("2/5: two runs of five finished")
    lines.append(" ".join([f"{'':>{left}} ", *(f"{head:>{wide}}" for head in heads[:most])]))
    for name, d in zip(names, down, strict=True):
        row = [cells[a, d] for a in across[:most]]
        row_cells = (painted(shade, HUES[0], shown) + f"{text:>{wide - 1}}" for shade, text in row)
        lines.append(" ".join([f"{name:>{left}} ", *row_cells]))
    if len(across) > most:
        lines.append(f"{len(across) - most} more columns need a wider terminal")
    return lines
