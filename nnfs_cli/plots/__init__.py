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
    """A drawing function and its subject: runs, a run or a sweep."""

    draw: Callable[[Any, Look], Figure]
    of: str


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


# Their names and descriptions stand in cli/plot, which loads none of these modules for its help.
KINDS = {
    "cost": Kind(curves.cost, "runs"),
    "boundary": Kind(boundary_figure.boundary, "run"),
    "network": Kind(network.network, "run"),
    "weights": Kind(histograms.weights, "run"),
    "confusion": Kind(confusion.confusion, "run"),
    "fit": Kind(regression.fit, "run"),
    "sweep": Kind(sweep_results.sweep, "sweep"),
    "curves": Kind(sweep_curves.curves, "sweep"),
}
