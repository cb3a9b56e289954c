"""Pictures of runs and sweeps, drawn from their directories. KINDS, at the foot, lists them.

Read in this order: style, packing, lettering, titles; curves, planes, fits, insides, histograms,
scores; points, grids, sweep_curves; animation; letters, terminal, sweep_letters, live; page,
report, sweep_report.
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
    """A function that draws, and what of: runs together, a run or a sweep; and what for."""

    draw: Callable[[Any, Look], Figure]
    of: str
    help: str


def draw(kind: str, subject: Any, look: Look) -> Figure:
    """Return a picture of KINDS[kind]: of a list of runs, a run, or a sweep's directory."""
    with style.drawing(look.palette):
        return KINDS[kind].draw(subject, look)


def file_of(kind: str, subject: Any, look: Look, suffix: str) -> bytes:
    """Return a picture as a file of a suffix in style.SUFFIXES."""
    return style.render(draw(kind, subject, look), suffix, look.palette)


def default_path(path: Path, kind: str, suffix: str) -> Path:
    """Return where a picture goes: into the run's directory; of a sweep's run, the sweep's."""
    if path.is_dir():
        return path / f"{kind}.{suffix}"
    return path.with_name(f"{path.name}-{kind}.{suffix}")


KINDS = {
    "cost": Kind(curves.cost, "runs", "learning curves, several runs in one picture"),
    "boundary": Kind(
        boundary_figure.boundary, "run", "shaded classes over two columns, and the samples"
    ),
    "network": Kind(network.network, "run", "units, weights and biases, drawn"),
    "weights": Kind(histograms.weights, "run", "histograms of weights and activations"),
    "confusion": Kind(confusion.confusion, "run", "which class was taken for which"),
    "fit": Kind(regression.fit, "run", "predicted against true numbers"),
    "sweep": Kind(sweep_results.sweep, "sweep", "a figure against one swept key, or over two"),
    "curves": Kind(sweep_curves.curves, "sweep", "all cost curves, the median and the best"),
}
