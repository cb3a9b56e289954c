"""The inside of a network: its drawing, and histograms of its weights and activations."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nnfs_cli import prediction
from nnfs_cli.core.activations import Array
from nnfs_cli.core.network import activations
from nnfs_cli.encoding import inputs, output_names
from nnfs_cli.errors import FileError
from nnfs_cli.evidence import LIMITS, MARGIN, SATURATED
from nnfs_cli.plots import style
from nnfs_cli.plots.planes import own_tables
from nnfs_cli.plots.style import Axes, Figure, Look, Palette
from nnfs_cli.prediction import Model
from nnfs_cli.runs import Run

WIDE = 16  # units that a layer may have to be drawn one by one
COUNTED = 100_000  # samples whose activations are counted
NUMBERS = 12  # weights of a layer that are few enough to be written


# --- network -----------------------------------------------------------------------------------


class Column(NamedTuple):
    """A layer as it is drawn: groups of its units, each a circle or, of all of them, a bar."""

    groups: list[Array]
    title: str
    y: Array  # of each group, from 0 to 1

    @property
    def is_bar(self) -> bool:
        return len(self.groups[0]) > 1


def columns(model: Model) -> list[Column]:
    """Return the inputs and the layers from left to right."""
    config = model.run.config
    count = model.network.layers[0].fan_in
    found = [_column(count, f"{count} inputs" if count > 1 else "1 input")]
    for layer, given in zip(model.network.layers, config.layers, strict=True):
        units = f"{layer.units} units" if layer.units > 1 else "1 unit"
        found.append(_column(layer.units, f"{units}\n{given.activation.name}"))
    return found


def _column(count: int, title: str) -> Column:
    if count > WIDE:
        return Column([np.arange(count)], title, np.array([0.5]))
    return Column(
        [np.array([i]) for i in range(count)], title, 1 - (np.arange(count) + 0.5) / count
    )


def network(run: Run, look: Look) -> Figure:
    """Return the drawn network: width and colour of a line are a weight's size and sign."""
    model = prediction.load(run)
    found = columns(model)
    tallest = max(len(column.groups) for column in found)
    made, (axes,) = style.figure(height=float(np.clip(0.62 * tallest, 3.2, 6.5)))
    axes.set_axis_off()
    axes.set(xlim=(-0.55, len(found) - 0.45), ylim=(-0.06, 1.2))
    views = [np.nan_to_num(style.drawable(Wb)) for Wb in model.network.views(model.params)]
    largest = max(float(np.abs(Wb).max()) for Wb in views) or 1.0
    for number, Wb in enumerate(views):
        _draw_weights(axes, number, found[number], found[number + 1], Wb, largest, look.palette)
    for number, column in enumerate(found):
        biases = views[number - 1][:, -1] if number else None
        _draw_units(axes, number, column, biases, largest, tallest, look.palette)
    _name_ends(axes, model, found)
    axes.set_title(style.name_of(run))
    _network_legend(made, any(column.is_bar for column in found), largest, look.palette)
    return made


def _draw_weights(
    axes: Axes, x: int, left: Column, right: Column, Wb: Array, largest: float, palette: Palette
) -> None:
    """Draw lines from one column to the next; to or from a bar, a line is several weights."""
    from matplotlib.collections import LineCollection

    segments, widths, hues = [], [], []
    few = (Wb.shape[1] - 1) * len(Wb) <= NUMBERS
    for j, to in enumerate(right.groups):
        for i, source in enumerate(left.groups):
            weights = Wb[np.ix_(to, source)]
            size = float(np.sqrt((weights**2).mean()))
            segments.append([(x, left.y[i]), (x + 1, right.y[j])])
            widths.append(0.4 + 5 * min(size / largest, 1))
            hues.append(palette.positive if weights.mean() >= 0 else palette.negative)
            if few:
                at = 0.3 if (i + j) % 2 else 0.42  # beside its neighbours' numbers
                where = (x + at, left.y[i] + at * (right.y[j] - left.y[i]))
                axes.annotate(f"{weights.item():.2g}", where, **_number(palette))
            elif left.is_bar and right.is_bar:
                told = f"{weights.size:,} weights\nrms {size:.2g}"
                axes.annotate(told, (x + 0.5, 0.55), **_number(palette))
    lines = LineCollection(segments, linewidths=widths, colors=hues, alpha=0.75, zorder=1)
    lines.set_gid(f"W{x + 1}")
    axes.add_collection(lines)


def _number(palette: Palette) -> dict[str, Any]:
    box = {"boxstyle": "round,pad=0.1", "facecolor": palette.ground, "edgecolor": "none"}
    return {"fontsize": 7.5, "ha": "center", "va": "center", "bbox": box, "zorder": 2}


def _draw_units(
    axes: Axes,
    x: int,
    column: Column,
    biases: Array | None,
    largest: float,
    tallest: int,
    palette: Palette,
) -> None:
    """Draw a column's circles or its bar, filled by the bias, which is written where it fits."""
    from matplotlib.colors import to_rgba
    from matplotlib.patches import FancyBboxPatch

    axes.annotate(column.title, (x, 1.03), ha="center", va="bottom", fontsize=9)
    if column.is_bar:
        shape = FancyBboxPatch((x - 0.05, 0.08), 0.1, 0.84, boxstyle="round,pad=0.02", zorder=3)
        shape.set(facecolor=palette.ground, edgecolor=palette.ink, gid="bar")
        axes.add_patch(shape)
        return
    fills: list[Any] = [palette.ground] * len(column.groups)
    if biases is not None:
        fills = [
            to_rgba(
                palette.positive if b >= 0 else palette.negative, 0.6 * min(abs(b) / largest, 1)
            )
            for b in biases.tolist()
        ]
    apart = 72 * 0.75 * axes.figure.get_figheight() / tallest  # points
    area = min((0.66 * apart) ** 2, 620.0)
    circle = {"s": area, "edgecolors": palette.ink, "linewidths": 1.2}
    at = np.full(len(fills), x)
    axes.scatter(at, column.y, facecolors=palette.ground, zorder=3, **circle)  # hides the lines
    axes.scatter(at, column.y, facecolors=fills, zorder=4, gid=f"units {x}", **circle)
    if biases is not None and area > 500:
        for bias, y in zip(biases.tolist(), column.y.tolist(), strict=True):
            style_ = {"fontsize": 7, "ha": "center", "va": "center", "zorder": 5}
            axes.annotate(f"{bias:.2g}", (x, y), **style_)


def _name_ends(axes: Axes, model: Model, found: list[Column]) -> None:
    """Write the names of the inputs to their left and those of the outputs to their right."""
    config, known = model.run.config, model.known
    ends = (
        (0, -0.16, "right", list(config.features or known.columns)),
        (len(found) - 1, 0.16, "left", output_names(model.encoding, config.layers[-1].units)),
    )
    for x, shift, side, names in ends:
        if not found[x].is_bar:
            for name, y in zip(names, found[x].y.tolist(), strict=True):
                short = name if len(name) <= 14 else name[:12] + "..."
                axes.annotate(short, (x + shift, y), ha=side, va="center", fontsize=9)


def _network_legend(made: Figure, summed: bool, largest: float, palette: Palette) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=palette.positive, linewidth=3, label="weight > 0"),
        Line2D([], [], color=palette.negative, linewidth=3, label="weight < 0"),
        Line2D([], [], linestyle="none", label=f"largest: {largest:.3g}"),
        Line2D([], [], linestyle="none", label="in a circle: bias"),
    ]
    if summed:
        text = f"bar: more than {WIDE} units; its lines: root mean square, sign of the mean"
        handles = [Line2D([], [], linestyle="none", label=text)]
    style.legend_below(made, handles)


# --- weights -----------------------------------------------------------------------------------


def idle(activation: str, a: Array) -> str:
    """Return how many units are dead (relu) or saturated (sigmoid, tanh), as `diagnose` counts."""
    if activation == "relu":
        return f"{int((a <= 0).all(axis=1).sum())} of {len(a)} units dead"
    if activation in LIMITS:
        low, high = LIMITS[activation]
        close = (a <= low + MARGIN) | (a >= high - MARGIN)
        units = int((close.mean(axis=1) > SATURATED).sum())
        return f"{units} of {len(a)} units saturated"
    return ""


def weights(run: Run, look: Look) -> Figure:
    """Return histograms of each layer's weights and of its activations on the training data."""
    model = prediction.load(run)
    try:
        X = own_tables(model, look, most=COUNTED)["train"].X
        x = inputs(run.config, model.encoding, X)
        acts = list(activations(model.network, model.params, x))
    except FileError as error:
        look.note(f"{error}; activations are left out")
        acts = []
    views = model.network.views(model.params)
    made, axes = style.figure(len(views), 2 if acts else 1, height=0.6 + 1.5 * len(views))
    for i, (Wb, given) in enumerate(zip(views, run.config.layers, strict=True)):
        row = axes[i * len(axes) // len(views) :]
        _histogram(row[0], Wb[:, :-1], look.palette.series[0], f"W{i + 1}")
        row[0].set_title(f"layer {i + 1}: {Wb[:, :-1].size:,} weights", fontsize=9)
        if acts:
            name = given.activation.name
            _histogram(row[1], acts[i], look.palette.series[1], f"a{i + 1}")
            told = idle(name, acts[i])
            row[1].set_title(f"{name}: {told}" if told else name, fontsize=9)
    axes[-len(axes) // len(views)].set_xlabel("weight")
    if acts:
        axes[-1].set_xlabel("activation on the training data")
        axes[-2].set_xlabel("weight")
    made.suptitle(style.name_of(run), fontsize="medium")
    made.supylabel("count", fontsize="medium")
    return made


def _histogram(axes: Axes, values: Array, hue: str, gid: str) -> None:
    """Draw a histogram of what is finite."""
    finite = style.drawable(values)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        finite = np.zeros(1)
    low, high = float(finite.min()), float(finite.max())
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # too narrow for bins of their own
        low, high = low - 0.5, high + 0.5
    bins = int(np.clip(2 * np.sqrt(finite.size), 8, 40))
    count, edges = np.histogram(finite, bins, (low, high))
    axes.bar(edges[:-1], count, np.diff(edges), align="edge", color=hue, gid=gid)
    axes.tick_params(labelsize=8)
