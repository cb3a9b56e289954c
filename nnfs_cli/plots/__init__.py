"""Pictures of runs and sweeps, drawn from their directories. KINDS, at the end, lists them.

Read in this order: palettes, lettering, packing, style, titles; curves, boundary, boundary_figure,
regression, weight_labels, network, histograms, confusion; points, sweep_results, sweep_curves;
animation; letters, terminal, sweep_letters, live.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from nnfs_cli.plots import (
    boundary_figure,
    confusion,
    curves,
    histograms,
    network,
    regression,
    style,
    sweep_curves,
    sweep_results,
)
from nnfs_cli.plots.style import Figure, Look


class Kind(NamedTuple):
    """A drawing function, its subject (runs, a run or a sweep) and its line in the help."""

    draw: Callable[[Any, Look], Figure]
    of: str
    help: str


def draw(kind: str, subject: Any, look: Look) -> Figure:
    """Return a figure of KINDS[kind]; the subject is a list of runs, a run, or a sweep's path."""
    with style.drawing(look.palette):
        return KINDS[kind].draw(subject, look)


def file_of(kind: str, subject: Any, look: Look, suffix: str) -> bytes:
    """Return a picture as the bytes of a file; `suffix` is one of style.SUFFIXES."""
    return style.render(draw(kind, subject, look), suffix, look.palette)


def default_path(path: Path, kind: str, suffix: str) -> Path:
    """Return the path of a picture: in the run's directory, or the sweep's for a sweep's run."""
    if path.is_dir():
        return path / f"{kind}.{suffix}"
    return path.with_name(f"{path.name}-{kind}.{suffix}")


KINDS = {
    "cost": Kind(curves.cost, "runs", "learning curves, several runs in one picture"),
    "boundary": Kind(
        boundary_figure.boundary, "run", "shaded classes over two columns, and the samples"
    ),
    "network": Kind(network.network, "run", "units, weights and biases"),
    "weights": Kind(histograms.weights, "run", "histograms of weights and activations"),
    "confusion": Kind(confusion.confusion, "run", "true classes against predicted ones"),
    "fit": Kind(regression.fit, "run", "predicted against true numbers"),
    "sweep": Kind(sweep_results.sweep, "sweep", "a figure over one or two swept keys"),
    "curves": Kind(sweep_curves.curves, "sweep", "all cost curves, the median and the best"),
}
