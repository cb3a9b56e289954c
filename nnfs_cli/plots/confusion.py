"""Confusion matrices: true classes against predicted ones."""

from __future__ import annotations

from math import ceil

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.core.metrics import class_scores
from nnfs_cli.errors import FileError
from nnfs_cli.plots import lettering, style, titles
from nnfs_cli.plots.boundary import own_tables
from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.style import Axes, Figure, Look
from nnfs_cli.runs import model as models
from nnfs_cli.runs.model import Model
from nnfs_cli.runs.record import Run

NUMBERED = 15  # classes at most for counts to be legible
LINE = 0.15  # inches that a name needs; with smaller cells, only some classes are named
NAME = 1.5  # greatest width of a class's name, inches
NO_CLASS = "none: not a number"


def confusion(run: Run, look: Look) -> Figure:
    """Return a figure with a confusion matrix for each part of the run's data."""
    from matplotlib import rcParams

    model = models.load(run)
    if model.known.classes is None:
        raise FileError(f"{run.path}: is a regression and has no classes; draw it with --kind fit")
    tables = counts(model, look)
    names = [lettering.plain(name) for name in model.known.classes]
    down = [lettering.lines_of(name, NAME, 8, 3) for name in names]
    parts, most = len(tables), len(names) + any(m.shape[1] > len(names) for m in tables.values())
    room = rcParams["figure.figsize"][0] - 1.4
    cell = float(np.clip(room / (most * parts), 0.45 if most <= NUMBERED else 0, 1.3))
    across, turned = _across([*names, NO_CLASS][:most], cell)
    side = max(cell * most, 1.2)
    below = _widest(across) if turned else 0.12 * max(map(len, across))
    width = max(_widest(down) + 0.7 + parts * (side + 0.3), rcParams["figure.figsize"][0])
    made, axes = style.figure(1, parts, height=side * len(names) / most + below + 0.85, width=width)
    for ax, (part, matrix) in zip(axes, tables.items(), strict=True):
        _draw(ax, matrix, across, turned, side / most, look.palette)
        correct = f"{matrix.trace():,} of {matrix.sum():,} correct"
        ax.set_title(f"{part}: {correct}", fontsize=9)
        ax.set_yticks([])
    shown = range(0, len(names), _step(side / most))
    axes[0].set_yticks(shown, ["\n".join(down[i]) for i in shown], fontsize=8)
    target = lettering.plain(model.known.targets[0])
    axes[0].set_ylabel(f"true {lettering.shortened(target, side, 10)}")
    key = "rows are true classes; shade is the share of the row"
    titles.of_run(made, run, look.palette, f"true and predicted {target}", key)
    if turned:
        made.draw_without_rendering()  # rotated labels are laid out on the second pass
    return made


def _across(names: list[str], cell: float) -> tuple[list[list[str]], bool]:
    """Return the lines of each name under cells `cell` inches wide, and whether to rotate them."""
    lines = [lettering.lines_of(name, cell - 0.08, 8, 3) for name in names]
    if not any("…" in line for name in lines for line in name):
        return lines, False
    return [lettering.lines_of(name, NAME, 8, 1 + int(cell > 0.3)) for name in names], True


def _step(cell: float) -> int:
    """Return the distance, in cells, from one named class to the next."""
    return max(1, ceil(LINE / cell))


def _widest(names: list[list[str]]) -> float:
    return max(lettering.width_of(line, 8) for lines in names for line in lines)


def counts(model: Model, look: Look) -> dict[str, Array]:
    """Return each part's confusion matrix: true class down, predicted class across.

    If any output is not a number, a last column counts the samples without a predicted class.
    """
    assert model.known.classes is not None
    n = len(model.known.classes)
    matrices, lost = {}, {}
    for part, table in own_tables(model, look, most=None).items():
        y_hat, predicted = models.predict(model, table.X)
        assert predicted is not None
        is_lost = np.isnan(y_hat).any(axis=1)
        matrices[part] = class_scores(predicted[~is_lost], table.y[~is_lost], n).confusion
        lost[part] = np.bincount(np.asarray(table.y[is_lost], int), minlength=n)
    if any(column.any() for column in lost.values()):
        return {part: np.column_stack([matrices[part], lost[part]]) for part in matrices}
    return matrices


def _draw(
    ax: Axes, matrix: Array, across: list[list[str]], turned: bool, cell: float, palette: Palette
) -> None:
    """Draw a matrix of counts with cells `cell` inches wide, and the names of classes below."""
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap=style.shades(palette), vmin=0, vmax=1)
    count = len(matrix)
    for i in range(1, count if count <= NUMBERED else 0):
        ax.axhline(i - 0.5, color=palette.ground, linewidth=1.5)
        ax.axvline(i - 0.5, color=palette.ground, linewidth=1.5)
    shown = range(0, len(across), _step(cell))
    ax.set_xticks(shown, ["\n".join(across[i]) for i in shown], fontsize=8)
    ax.tick_params("x", length=0, rotation=90 if turned else 0)
    ax.tick_params("y", length=0)
    for label, i in zip(ax.get_xticklabels(), shown, strict=True):
        label.set_color(palette.ink if i < count else palette.fault)
    if len(across) > count:
        ax.axvline(count - 0.5, color=palette.fault, linewidth=1)
    ax.set_xlabel("predicted")
    if count <= NUMBERED:
        longest = f"{matrix.max():,}"
        size = next((s for s in (10, 8, 6.5) if lettering.width_of(longest, s) < cell - 0.05), 5)
        for (i, j), number in np.ndenumerate(matrix):
            if number:
                ax.text(j, i, f"{number:,}", ha="center", va="center", fontsize=size)
