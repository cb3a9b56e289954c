"""Histograms of a network's weights and of its activations on the training data."""

from __future__ import annotations

from math import floor, log10

import numpy as np

from nnfs_cli.analysis.symptoms import SATURATED, near_limits
from nnfs_cli.config.request import request_of
from nnfs_cli.core.activations import Activation, Array
from nnfs_cli.core.network import activations
from nnfs_cli.data import encoding
from nnfs_cli.errors import FileError
from nnfs_cli.plots import style, titles
from nnfs_cli.plots.boundary import own_tables
from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.style import Axes, Look
from nnfs_cli.runs import model as models
from nnfs_cli.runs.record import Run

COUNTED = 100_000  # most samples whose activations are counted
LARGE = 1e5  # smallest value that is drawn in multiples of a power of ten


def idle(activation: Activation, a: Array) -> str:
    """Return how many units are dead or saturated, as `nnfs diagnose` counts them, or ""."""
    lost = int((~np.isfinite(a)).any(axis=1).sum())
    if lost:
        return f"{lost} of {len(a)} units not finite"
    if activation.dies:
        return f"{int((a <= 0).all(axis=1).sum())} of {len(a)} units dead"
    if activation.limits:
        units = int((near_limits(activation, a).mean(axis=1) > SATURATED).sum())
        return f"{units} of {len(a)} units saturated"
    return ""


def weights(run: Run, look: Look) -> style.Figure:
    """Return histograms of each layer's weights and of its activations on the training data."""
    model = models.load(run)
    try:
        X = own_tables(model, look, most=COUNTED)["train"].X
        x = encoding.inputs(request_of(run.config), model.encoding, X)
        with np.errstate(all="ignore"):  # weights that diverged may overflow
            acts = list(activations(model.network, model.params, x))
    except FileError as error:
        look.note(f"{error}; activations are left out")
        acts = []
    views = model.network.views(model.params)
    made, axes = style.figure(len(views), 2 if acts else 1, height=0.3 + 1.5 * len(views))
    for i, (Wb, layer) in enumerate(zip(views, run.config.layers, strict=True)):
        row = axes[i * len(axes) // len(views) :]
        W, name = Wb[:, :-1], layer.activation.name
        lost = int((~np.isfinite(W)).sum())
        unit = _histogram(row[0], W, look.palette, f"W{i + 1}", is_signed=True)
        count = f"{lost:,} of {W.size:,} weights not finite" if lost else f"{W.size:,} weights"
        _say(row[0], f"W{i + 1}: {count}{unit}", bool(lost), look.palette)
        row[0].set_ylabel("count", fontsize=8)
        if acts:
            unit = _histogram(row[1], acts[i], look.palette, f"a{i + 1}")
            activation = model.network.layers[i].activation
            units, is_fault = idle(activation, acts[i]), not np.isfinite(acts[i]).all()
            title = f"a{i + 1}, {name}: {units}" if units else f"a{i + 1}, {name}"
            _say(row[1], title + unit, is_fault, look.palette)
    axes[-len(axes) // len(views)].set_xlabel("weight")
    if acts:
        axes[-1].set_xlabel("activation on the training data")
        axes[-2].set_xlabel("weight")
    titles.of_run(made, run, look.palette, "weights and activations" if acts else "weights")
    return made


def _say(axes: Axes, text: str, is_fault: bool, palette: Palette) -> None:
    """Set the title over a histogram."""
    axes.set_title(text, fontsize=9, color=palette.fault if is_fault else palette.ink)


def _histogram(
    axes: Axes, values: Array, palette: Palette, gid: str, *, is_signed: bool = False
) -> str:
    """Draw a histogram of the finite values, coloured by sign if signed; return the unit."""
    finite = style.drawable(values)
    finite = finite[np.isfinite(finite)]
    style.whole_numbers(axes.yaxis, 3)
    axes.tick_params(labelsize=8)
    if not finite.size:
        axes.set(xticks=[], yticks=[])
        style.aside(axes, "nothing finite to count", palette.fault, palette)
        return ""
    power = _power(float(np.abs(finite).max()))
    finite = finite / 10.0**power
    edges = _edges(finite, is_signed)
    count, _ = np.histogram(finite, edges)
    middle = (edges[:-1] + edges[1:]) / 2
    hues = [palette.train] * len(count)
    if is_signed:
        hues = [palette.positive if at > 0 else palette.negative for at in middle.tolist()]
    axes.bar(edges[:-1], count, np.diff(edges), align="edge", color=hues, gid=gid)
    return f", × 1e{power}" if power else ""


def _power(largest: float) -> int:
    """Return the power of ten to divide by; 0 for values that are easy to read on an axis."""
    return floor(log10(largest)) if largest >= LARGE or 0 < largest < 1 / LARGE else 0


def _edges(values: Array, is_signed: bool) -> Array:
    """Return the edges of the bins; if signed, one of them is 0."""
    low, high = float(values.min()), float(values.max())
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # too narrow for bins of their own
        low, high = low - 0.5, high + 0.5
    bins = int(np.clip(2 * np.sqrt(values.size), 8, 40))
    if not is_signed or not low < 0 < high:
        return np.linspace(low, high, bins + 1)
    width = (high - low) / bins
    return width * np.arange(floor(low / width), floor(high / width) + 2)
