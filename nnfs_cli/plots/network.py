"""A network drawn with its units, weights and biases. Coordinates are inches."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.plots import lettering, style, titles
from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.style import Axes, Figure, Look
from nnfs_cli.plots.weight_labels import RADIUS, label, number, places
from nnfs_cli.runs import model as models
from nnfs_cli.runs.model import Model
from nnfs_cli.runs.record import Run

WIDE = 16  # units at most of a layer that is drawn unit by unit
NUMBERS = 12  # weights at most of a layer whose values are written
COLUMNS = 10  # columns drawn, including the inputs; in deeper networks the first and last ones
ROW, COLUMN = 0.42, 0.9  # least distances of units and of layers, inches
NAME = 1.7  # greatest width of an input's or output's name, inches


class Column(NamedTuple):
    """A layer as drawn: its groups of units, one circle per unit or one bar for all of them."""

    layer: int  # 0 is the inputs
    groups: list[Array]
    title: list[str]
    x: float
    y: Array  # of each group

    @property
    def is_bar(self) -> bool:
        return len(self.groups[0]) > 1


class Scale(NamedTuple):
    """The scale of a drawing: the largest finite weight or bias, and a circle's radius."""

    largest: float
    radius: float
    palette: Palette

    def width(self, size: float) -> float:
        """Return the width of a line in points."""
        return 0.4 + 5 * min(size / self.largest, 1)

    def hue(self, value: float) -> str:
        if not np.isfinite(value):
            return self.palette.fault
        return self.palette.positive if value >= 0 else self.palette.negative


def network(run: Run, look: Look) -> Figure:
    """Return a figure of the network: a line's width is a weight's size, its colour the sign."""
    from matplotlib import rcParams

    model = models.load(run)
    names = input_names(model), output_names(model)
    counts = [model.network.layers[0].fan_in, *(layer.units for layer in model.network.layers)]
    tallest = max(count if count <= WIDE else 4 for count in _shown(counts))
    height = max(ROW * tallest, 2.2)
    rooms = [
        max((lettering.width_of(line, 9) for name in side for line in name), default=0.0)
        for side in names
    ]
    usual = rcParams["figure.figsize"][0] - 0.8 - sum(rooms)
    inner = max(sum(map(_gap, _shown(counts)[:-1], _shown(counts)[1:])), usual)
    left = rooms[0] + 0.3
    drawn = columns(model, height, left, left + inner)
    made, (axes,) = style.figure(height=height + 0.75, width=left + inner + rooms[1] + 0.6)
    axes.set_axis_off()
    axes.set(xlim=(0, left + inner + rooms[1] + 0.4), ylim=(-0.1, height + 0.55))
    views = model.network.views(model.params)
    finite = [np.abs(Wb[np.isfinite(Wb)]).astype(np.float64) for Wb in views]
    largest = max((float(size.max()) for size in finite if size.size), default=0.0) or 1.0
    scale = Scale(largest, min(0.4 * height / tallest, RADIUS * 1.15), look.palette)
    for before, after in pairwise(drawn):
        if after.layer == before.layer + 1:
            _draw_weights(axes, before, after, views[before.layer], scale)
        else:
            text = f"… {after.layer - before.layer - 1:,} layers …"
            label(axes, (before.x + after.x) / 2, height / 2, text, look.palette, rotation=90)
    for column in drawn:
        biases = views[column.layer - 1][:, -1] if column.layer else None
        _draw_units(axes, column, biases, height, scale)
    for column, side, words in zip((drawn[0], drawn[-1]), ("right", "left"), names, strict=True):
        shift = -0.1 - scale.radius if side == "right" else 0.1 + scale.radius
        for name, y in zip(words, column.y.tolist(), strict=False):
            place = {"ha": side, "va": "center", "fontsize": 9, "linespacing": 1.0}
            axes.annotate("\n".join(name), (column.x + shift, y), **place)
    lost = sum(int((~np.isfinite(Wb)).sum()) for Wb in views)
    _network_legend(made, lost, model.network.n_params, scale)
    bar = f"a bar is more than {WIDE} units; its lines: root mean square, with the sign of the mean"
    bars = any(column.is_bar for column in drawn)
    count = f"{model.network.n_params:,} weights and biases"
    titles.of_run(made, run, look.palette, count, bar if bars else "")
    return made


def _shown(counts: list[int]) -> list[int]:
    """Return the items to draw of a list with one per layer: all, or the two ends."""
    half = COLUMNS // 2
    return counts if len(counts) <= COLUMNS else [*counts[:half], *counts[-half:]]


def _gap(before: int, after: int) -> float:
    """Return the distance of two layers, wider if weights are written between them."""
    return 1.6 if before * after <= NUMBERS else COLUMN


def columns(
    model: Model, height: float = 1.0, left: float = 0.0, right: float = 1.0
) -> list[Column]:
    """Return the columns of inputs and layers, from x = `left` to x = `right`."""
    counts = [model.network.layers[0].fan_in, *(layer.units for layer in model.network.layers)]
    words = ["inputs" if counts[0] > 1 else "input"]
    words += [layer.activation.name for layer in model.run.config.layers]
    chosen = _shown(list(range(len(counts))))
    places = np.linspace(left, right, len(chosen)).tolist()
    placed = []
    for layer, x in zip(chosen, places, strict=True):
        n, groups, y = counts[layer], [np.arange(counts[layer])], np.array([height / 2])
        if n <= WIDE:
            step = min(height / n, 1.2)
            groups = [np.array([i]) for i in range(n)]
            y = height / 2 + step * ((n - 1) / 2 - np.arange(n))
        units = f"{n:,}" if not layer else f"{n:,} unit{'s' * (n > 1)}"
        placed.append(Column(layer, groups, [units, words[layer]], x, y))
    return placed


def input_names(model: Model) -> list[list[str]]:
    """Return the lines of each input's name; [] if the inputs are a bar."""
    names = list(model.run.config.features or model.known.columns)
    return _names(names) if len(names) <= WIDE else []


def output_names(model: Model) -> list[list[str]]:
    """Return the lines of each output's name, a class or a target; [] if the outputs are a bar."""
    units = model.run.config.layers[-1].units
    if units > WIDE:
        return []
    if units == 1:
        return [["y_hat"]]
    return _names(list(model.known.classes or model.known.targets))


def _names(names: list[str]) -> list[list[str]]:
    return [lettering.lines_of(lettering.plain(name), NAME, 9) for name in names]


def _draw_units(
    axes: Axes, column: Column, biases: Array | None, height: float, scale: Scale
) -> None:
    """Draw a column's circles, or its bar; biases fill the circles and are written if they fit."""
    from matplotlib.colors import to_rgba
    from matplotlib.patches import FancyBboxPatch

    palette = scale.palette
    top = float(column.y.max()) + scale.radius + 0.08 if not column.is_bar else height
    title = "\n".join(column.title)
    axes.annotate(title, (column.x, max(top, height)), ha="center", va="bottom", fontsize=9)
    if column.is_bar:
        box = FancyBboxPatch((column.x - 0.07, 0.1), 0.14, height - 0.2, "round,pad=0.03", zorder=3)
        box.set(facecolor=palette.ground, edgecolor=palette.ink, gid="bar")
        axes.add_patch(box)
        return
    fills: list[Any] = [palette.ground] * len(column.groups)
    if biases is not None:
        sizes = np.minimum(np.abs(np.nan_to_num(biases, posinf=scale.largest)) / scale.largest, 1)
        fills = [
            to_rgba(scale.hue(b), 0.6 * size if np.isfinite(b) else 0.6)
            for b, size in zip(biases.tolist(), sizes.tolist(), strict=True)
        ]
    circle = {"s": (144 * scale.radius) ** 2, "edgecolors": palette.ink, "linewidths": 1.2}
    at = np.full(len(fills), column.x)
    axes.scatter(at, column.y, facecolors=palette.ground, zorder=3, **circle)  # hides the lines
    gid = f"units {column.layer}"
    axes.scatter(at, column.y, facecolors=fills, zorder=4, gid=gid, **circle)
    if biases is not None and scale.radius >= RADIUS:
        for bias, y in zip(biases.tolist(), column.y.tolist(), strict=True):
            place = {"fontsize": 6.5, "ha": "center", "va": "center", "zorder": 5}
            text = f"{bias:.2f}" if 0.01 <= abs(bias) < 10 else number(bias, ".0e")
            axes.annotate(text, (column.x, y), **place)


def _draw_weights(axes: Axes, left: Column, right: Column, Wb: Array, scale: Scale) -> None:
    """Draw lines from one column to the next; a line at a bar stands for several weights."""
    from matplotlib.collections import LineCollection

    segments, widths, hues, dashes = [], [], [], []
    for j, to in enumerate(right.groups):
        for i, source in enumerate(left.groups):
            weights = Wb[np.ix_(to, source)].astype(np.float64)
            size = rms(weights, scale.largest)
            segments.append([(left.x, left.y[i]), (right.x, right.y[j])])
            widths.append(scale.width(size) if np.isfinite(size) else 1.0)
            mean = (weights / scale.largest).mean() if np.isfinite(size) else np.nan
            hues.append(scale.hue(float(mean)))
            dashes.append("-" if np.isfinite(size) else ":")
    gid = f"W{right.layer}"
    lines = LineCollection(segments, linewidths=widths, colors=hues, linestyles=dashes, zorder=1)
    lines.set(alpha=0.75, gid=gid)
    axes.add_collection(lines)
    middle = (left.x + right.x) / 2
    if left.is_bar and right.is_bar:
        text = f"{weights.size:,}\nweights\nrms {number(size)}"
        label(axes, middle, float(left.y[0]), text, scale.palette)
    elif len(segments) <= NUMBERS and not left.is_bar and not right.is_bar:
        values = [float(Wb[to[0], source[0]]) for to in right.groups for source in left.groups]
        for (x, y), value in zip(places(segments), values, strict=True):
            label(axes, x, y, number(value), scale.palette)


def rms(weights: Array, largest: float) -> float:
    """Return the root mean square of weights, without overflow; nan if one is not finite."""
    if not np.isfinite(weights).all():
        return float("nan")
    return float(np.sqrt(np.square(weights / largest).mean()) * largest)


def _network_legend(made: Figure, lost: int, count: int, scale: Scale) -> None:
    from matplotlib.lines import Line2D

    palette = scale.palette
    size = scale.largest
    handles = [
        Line2D([], [], color=palette.positive, linewidth=3, label="above 0"),
        Line2D([], [], color=palette.negative, linewidth=3, label="below 0"),
        Line2D(
            [],
            [],
            color=palette.soft,
            linewidth=scale.width(size),
            label=f"thickest line = {size:.3g}",
        ),
    ]
    if lost == count:
        handles = []
    if lost:
        line = {"color": palette.fault, "linestyle": ":"}
        handles.append(Line2D([], [], label=f"{lost:,} not finite", **line))
    circle = {"marker": "o", "markeredgecolor": palette.ink, "markerfacecolor": palette.ground}
    handles.append(Line2D([], [], linestyle="none", label="unit; fill = bias", **circle))
    style.legend_below(made, handles)
