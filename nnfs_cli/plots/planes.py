"""What a network says over a plane of two input columns: the boundary between its classes.

A function that draws returns one that draws again for other parameters of the same network: the
frames of an animation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnfs_cli import prediction
from nnfs_cli.core.activations import Array
from nnfs_cli.datasets import Table
from nnfs_cli.errors import FileError, did_you_mean
from nnfs_cli.plots import style
from nnfs_cli.plots.style import Axes, Figure, Look, Palette
from nnfs_cli.prediction import Model
from nnfs_cli.runs import Run

Tables: TypeAlias = Mapping[str, Table]
Redraw: TypeAlias = Callable[[Model], None]
SHOWN = 4000  # samples of a part: more hide each other
SHADE = 0.45  # of a class that is certain


def own_tables(model: Model, look: Look, most: int | None = SHOWN) -> dict[str, Table]:
    """Return the run's own data by part, at most so many samples of each; FileError without it."""
    try:
        found = prediction.own_tables(model, look.cache_dir)
    except FileError as error:
        message = f"{model.run.path}: this needs the data that it was trained on: {error}"
        raise FileError(message) from None
    for part, table in found.items():
        if most and len(table.y) > most:
            look.note(f"{most:,} of the {len(table.y):,} samples of the {part} part are shown")
            rows = np.random.RandomState(0).permutation(len(table.y))[:most]
            found[part] = Table(table.X[rows], table.y[rows])
    return found


# --- the plane -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plane:
    """A grid over two columns: `x` and `y` their values, X (y * x, all columns) its points."""

    columns: tuple[int, int]
    x: Array
    y: Array
    X: Array
    others: bool

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        return float(self.x[0]), float(self.x[-1]), float(self.y[0]), float(self.y[-1])


def chosen_columns(model: Model, names: Sequence[str]) -> tuple[int, int]:
    """Return the two columns of a plane; FileError if there is no such plane."""
    known, path = model.known, model.run.path
    if known.classes is None:
        raise FileError(f"{path}: is a regression, without classes to part; --kind fit shows it")
    if len(known.columns) == 1:
        raise FileError(f"{path}: has one input column; a boundary needs two")
    if not names:
        if len(known.columns) == 2:
            return 0, 1
        two = ",".join(known.columns[:2])
        raise FileError(
            f"{path}: has {len(known.columns)} input columns; choose two, as in --columns {two}"
        )
    for name in names:
        if name not in known.columns:
            hint = did_you_mean(name, known.columns)
            raise FileError(f"{path}: there is no input column {name!r}{hint}")
    first, second = (known.columns.index(name) for name in names)
    return first, second


def plane(model: Model, tables: Tables, names: Sequence[str], nx: int, ny: int) -> Plane:
    """Return a grid over two columns and a little more; the others stay at their training mean."""
    columns = chosen_columns(model, names)
    every = np.concatenate([table.X for table in tables.values()])
    axes = []
    for column, n in zip(columns, (nx, ny), strict=True):
        low, high = float(every[:, column].min()), float(every[:, column].max())
        margin = 0.12 * (high - low) or 1.0
        axes.append(np.linspace(low - margin, high + margin, n))
    X = np.tile(tables["train"].X.mean(axis=0, dtype=np.float64), (nx * ny, 1))
    X[:, columns[0]] = np.tile(axes[0], ny)
    X[:, columns[1]] = np.repeat(axes[1], nx)
    return Plane(columns, axes[0], axes[1], X, X.shape[1] > 2)


def shares(model: Model, X: Array) -> Array:
    """Return what the network gives to each class, (classes, samples); of one unit, two classes."""
    given = np.nan_to_num(prediction.predict(model, X).y_hat.T.astype(np.float64), nan=0.5)
    given = np.clip(given, 0.0, 1.0)
    return np.concatenate([1 - given, given]) if len(given) == 1 else given


def margins(given: Array) -> Array:
    """Return by how much each class is ahead of all others, (classes, samples), from shares."""
    order = np.sort(given, axis=0)
    rival = np.where(given == order[-1], order[-2], order[-1])
    ahead: Array = given - rival
    return ahead


def is_wrong(model: Model, table: Table) -> Array:
    """Return which samples get another class than their own, (samples,)."""
    classes = prediction.predict(model, table.X).classes
    assert classes is not None
    wrong: Array = np.not_equal(classes, table.y)
    return wrong


# --- boundary ----------------------------------------------------------------------------------


def paint_boundary(
    axes: Axes, model: Model, tables: Tables, grid: Plane, palette: Palette, steps: int = 24
) -> Redraw:
    """Draw shaded classes, their boundary, and the samples; return what draws them again.

    The shade comes in so many steps, which packs well.
    """
    from matplotlib.colors import to_rgba

    known = model.known
    assert known.classes is not None
    hues = style.colours(palette, len(known.classes))
    shape = (len(grid.y), len(grid.x))
    rgba = np.array([to_rgba(hue) for hue in hues])
    image = axes.imshow(
        np.zeros((*shape, 4)),
        extent=grid.extent,
        origin="lower",
        aspect="auto",
        interpolation="bilinear" if steps > 8 else "nearest",
        zorder=0,
    )
    for part, table in tables.items():
        x, y = table.X[:, grid.columns].T
        area = size(tables)
        axes.scatter(
            x,
            y,
            s=area,
            c=[hues[k] for k in table.y.tolist()],
            marker=style.MARKERS[part],
            edgecolors=palette.ground if part == "train" else palette.ink,
            linewidths=0.02 * area**0.9 if part == "test" else 0.4,
            zorder=3,
            gid=part,
        )
    ring = {"marker": "o", "facecolors": "none", "edgecolors": palette.ink, "linewidths": 1.0}
    rings = axes.scatter([], [], s=3 * size(tables), zorder=4, gid="wrong", **ring)
    axes.set(xlabel=known.columns[grid.columns[0]], ylabel=known.columns[grid.columns[1]])
    axes.set(xlim=grid.extent[:2], ylim=grid.extent[2:])
    lines: list[Any] = []

    def redraw(model: Model) -> None:
        ahead = margins(shares(model, grid.X))
        pixels = rgba[ahead.argmax(axis=0)]
        pixels[:, 3] = SHADE * np.ceil(steps * ahead.max(axis=0)) / steps
        image.set_data(pixels.reshape(*shape, 4))
        while lines:
            lines.pop().remove()
        for each in ahead[1:] if len(ahead) == 2 else ahead:
            if each.min() < 0 < each.max():
                line = axes.contour(
                    grid.x, grid.y, each.reshape(shape), [0.0], colors=palette.ink, linewidths=1.5
                )
                line.set_gid("boundary")
                lines.append(line)
        wrong = [t.X[is_wrong(model, t)][:, grid.columns] for t in tables.values()]
        rings.set_offsets(np.concatenate(wrong))

    redraw(model)
    return redraw


def size(tables: Tables) -> float:
    """Return the area of a sample's mark: many are small."""
    count = sum(len(table.y) for table in tables.values())
    return float(np.clip(12000 / count, 12, 50))


def boundary_legend(model: Model, tables: Tables, palette: Palette) -> list[Any]:
    """Return what explains a boundary's marks."""
    from matplotlib.lines import Line2D

    known = model.known
    assert known.classes is not None
    hues = style.colours(palette, len(known.classes))
    mark = {"linestyle": "none", "markersize": 6}
    prefix = f"{known.targets[0]} = " if max(map(len, known.classes)) < 3 else ""
    handles = [
        Line2D([], [], marker="s", color=hue, label=f"{prefix}{name}", **mark)
        for hue, name in zip(hues, known.classes, strict=True)
    ]
    if "test" in tables:
        handles += [
            Line2D([], [], marker=style.MARKERS[part], color=palette.soft, label=part, **mark)
            for part in tables
        ]
    line = "0.5" if len(known.classes) == 2 else "even"
    handles.append(Line2D([], [], color=palette.ink, label=line))
    ring = {**mark, "markersize": 9, "markerfacecolor": "none", "markeredgecolor": palette.ink}
    handles.append(Line2D([], [], marker="o", label="wrong", **ring))
    return handles


def boundary(run: Run, look: Look) -> Figure:
    """Return the shaded probability over two columns, its 0.5 contour and the samples."""
    model = prediction.load(run)
    chosen_columns(model, look.columns)  # which may be wrong before any data is read
    tables = own_tables(model, look)
    grid = plane(model, tables, look.columns, 240, 200)
    count = len(model.known.classes or ())
    made, (axes,) = style.figure(height=4.6 + 0.05 * max(count - 2, 0))
    paint_boundary(axes, model, tables, grid, look.palette)
    others = "; other columns at their mean" if grid.others else ""
    axes.set_title(f"{style.name_of(run)}{others}")
    style.legend_below(made, boundary_legend(model, tables, look.palette))
    return made
