"""What a run is worth: the confusion of its classes."""

from __future__ import annotations

import numpy as np

from nnfs_cli import prediction
from nnfs_cli.core.activations import Array
from nnfs_cli.core.metrics import class_scores
from nnfs_cli.errors import FileError
from nnfs_cli.plots import style
from nnfs_cli.plots.planes import own_tables
from nnfs_cli.plots.style import Axes, Figure, Look, Palette
from nnfs_cli.prediction import Model
from nnfs_cli.runs import Run

NUMBERED = 15  # classes whose counts can be read


def confusion(run: Run, look: Look) -> Figure:
    """Return how often each class was taken for each other, of each part of the run's data."""
    model = prediction.load(run)
    if model.known.classes is None:
        raise FileError(f"{run.path}: is a regression, without classes; --kind fit shows it")
    tables = counts(model, look)
    made, axes = style.figure(1, len(tables), height=3.6 if len(tables) > 1 else 4.6)
    for ax, (part, matrix) in zip(axes, tables.items(), strict=True):
        _draw(ax, matrix, model.known.classes, look.palette, len(tables))
        ax.set_title(f"{part}: {matrix.trace():,} of {matrix.sum():,} right", fontsize=9)
    axes[0].set_ylabel(f"true {model.known.targets[0]}")
    made.suptitle(style.name_of(run), fontsize="medium")
    return made


def counts(model: Model, look: Look) -> dict[str, Array]:
    """Return for each part the confusion matrix: true class down, predicted class across."""
    assert model.known.classes is not None
    found = {}
    for part, table in own_tables(model, look, most=None).items():
        predicted = prediction.predict(model, table.X).classes
        assert predicted is not None
        found[part] = class_scores(predicted, table.y, len(model.known.classes)).confusion
    return found


def _draw(ax: Axes, matrix: Array, names: tuple[str, ...], palette: Palette, parts: int) -> None:
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap=style.shades(palette), vmin=0, vmax=1)
    count = len(names)
    short = [name if len(name) <= 12 else name[:10] + "..." for name in names]
    turn = 0 if (sum(map(len, short)) + 2 * count) * parts <= 68 else 60
    ax.set_xticks(range(count), short, rotation=turn, ha="right" if turn else "center", fontsize=8)
    ax.set_yticks(range(count), short, fontsize=8)
    ax.tick_params(length=0)
    ax.set_xlabel("predicted")
    if count <= NUMBERED:
        for (i, j), number in np.ndenumerate(matrix):
            if number:
                size = 8 if count * parts > 8 else 10
                ax.text(j, i, f"{number:,}", ha="center", va="center", fontsize=size)
