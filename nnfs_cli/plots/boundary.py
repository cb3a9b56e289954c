"""A network's outputs over a plane of two input columns, and the boundary between its classes.

`paint_boundary` returns a function that redraws with other parameters of the same network, for the
frames of an animation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.data.table import Table
from nnfs_cli.errors import FileError, did_you_mean, short
from nnfs_cli.plots import lettering, style
from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.style import Axes, Look
from nnfs_cli.runs import model as models
from nnfs_cli.runs.model import Model

Tables: TypeAlias = Mapping[str, Table]
Redraw: TypeAlias = Callable[[Model], None]
SHOWN = 4000  # samples drawn of a part; more would hide each other
SHADE = 0.45  # opacity of a class with output 1
STEPS = 6  # opacities in an animation: a GIF with few colours is small
FLAT = 1e-3  # range of an output that counts as constant


def own_tables(model: Model, look: Look, most: int | None = SHOWN) -> dict[str, Table]:
    """Return the run's own data by part, at most `most` samples of each; FileError without it."""
    try:
        tables = models.own_tables(model, look.cache_dir)
    except FileError as error:
        message = f"{model.run.path}: this picture needs the training data: {error}"
        raise FileError(message) from None
    for part, table in tables.items():
        if most and len(table.y) > most:
            look.note(f"{most:,} of the {len(table.y):,} samples of the {part} part are shown")
            rows = np.random.RandomState(0).permutation(len(table.y))[:most]
            tables[part] = Table(table.X[rows], table.y[rows])
    return tables


@dataclass(frozen=True)
class Plane:
    """A grid over two columns.

    `x` and `y` are the values of the two columns; X (y * x, all columns) are the grid's points;
    `others` is whether there are more than two columns.
    """

    columns: tuple[int, int]
    x: Array
    y: Array
    X: Array
    others: bool

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        return float(self.x[0]), float(self.x[-1]), float(self.y[0]), float(self.y[-1])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return len(self.y), len(self.x)


def chosen_columns(model: Model, names: Sequence[str]) -> tuple[int, int]:
    """Return the numbers of the named columns; FileError unless they span a plane of classes."""
    known, path = model.known, model.run.path
    if known.classes is None:
        raise FileError(f"{path}: is a regression and has no classes; draw it with --kind fit")
    if len(known.columns) == 1:
        raise FileError(f"{path}: has one input column, but a boundary needs two")
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
    """Return a grid over two columns with a margin; other columns have their training mean."""
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
    """Return the output for each class, (classes, samples); one unit gives two classes.

    A sample with an output that is not a number is nan for every class.
    """
    y_hat = models.predict(model, X).y_hat.T.astype(np.float64)
    y_hat = np.where(np.isnan(y_hat).any(axis=0), np.nan, np.clip(y_hat, 0.0, 1.0))
    return np.concatenate([1 - y_hat, y_hat]) if len(y_hat) == 1 else y_hat


def margins(outputs: Array) -> Array:
    """Return each class's lead over its strongest rival, (classes, samples); negative if behind."""
    order = np.sort(outputs, axis=0)
    rival = np.where(outputs == order[-1], order[-2], order[-1])
    ahead: Array = outputs - rival
    return ahead


def is_lost(model: Model, table: Table) -> Array:
    """Return a mask (samples,) of samples without a class: an output is not a number."""
    return np.asarray(np.isnan(models.predict(model, table.X).y_hat).any(axis=1))


def is_wrong(model: Model, table: Table) -> Array:
    """Return a mask (samples,) of samples whose predicted class is not their own."""
    classes = models.predict(model, table.X).classes
    assert classes is not None
    wrong: Array = np.not_equal(classes, table.y) & ~is_lost(model, table)
    return wrong


def everywhere(outputs: Array, names: Sequence[str]) -> str:
    """Return a description of a plane without a boundary, "" if there is a boundary."""
    numbers = outputs[:, ~np.isnan(outputs).any(axis=0)]
    if not numbers.size:
        return "no output is a number"
    if (np.ptp(numbers, axis=1) < FLAT).all():
        middle = numbers.mean(axis=1)
        if len(names) == 2:
            return f"output {middle[1]:.3g} everywhere: it does not depend on these columns"
        if np.ptp(middle) < FLAT:
            return f"every class gets {middle[0]:.3g} everywhere"
    first = names[int(numbers[:, 0].argmax())]
    if (numbers.argmax(axis=0) == numbers[:, 0].argmax()).all():
        return f"class “{short(lettering.plain(first))}” everywhere"
    return ""


def paint_boundary(
    axes: Axes, model: Model, tables: Tables, grid: Plane, palette: Palette, *, moves: bool = False
) -> Redraw:
    """Draw shaded classes, their boundary, and the samples; return a function that redraws them.

    For an animation, `moves`: shades have few steps, and a constant output is reported on the axes
    instead of in the heading.
    """
    from matplotlib.colors import to_rgba

    assert model.known.classes is not None
    classes = model.known.classes
    hues = style.colours(palette, len(classes))
    rgba = np.array([to_rgba(hue) for hue in hues])
    steps = STEPS if moves else 24
    image = _blank_image(axes, grid, "nearest" if moves else "bilinear")
    _draw_samples(axes, tables, grid, hues, palette)
    ring = {"marker": "o", "facecolors": "none", "edgecolors": palette.ink, "linewidths": 1.0}
    rings = axes.scatter([], [], s=3 * size(tables), zorder=4, gid="wrong", **ring)
    _name_axes(axes, grid, model.known.columns)
    changing: list[Any] = []

    def redraw(model: Model) -> None:
        outputs = shares(model, grid.X)
        ahead = np.nan_to_num(margins(outputs))
        unknown = np.asarray(np.isnan(outputs).any(axis=0))
        pixels = rgba[ahead.argmax(axis=0)]
        pixels[:, 3] = SHADE * np.ceil(steps * ahead.max(axis=0)) / steps
        image.set_data(pixels.reshape(*grid.shape, 4))
        while changing:
            changing.pop().remove()
        changing.extend(_draw_lines(axes, grid, ahead, unknown, palette))
        text = everywhere(outputs, classes)
        if text and moves:
            hue = palette.fault if unknown.any() else palette.ink
            changing.append(style.aside(axes, text.replace(": ", ":\n"), hue, palette, 0.1))
        wrong = [t.X[is_wrong(model, t)][:, grid.columns] for t in tables.values()]
        rings.set_offsets(np.concatenate(wrong))

    redraw(model)
    return redraw


def _blank_image(axes: Axes, grid: Plane, interpolation: str) -> Any:
    """Add and return a transparent image that covers the plane."""
    return axes.imshow(
        np.zeros((*grid.shape, 4)),
        extent=grid.extent,
        origin="lower",
        aspect="auto",
        interpolation=interpolation,
        zorder=0,
    )


def _name_axes(axes: Axes, grid: Plane, columns: Sequence[str]) -> None:
    """Label the axes with their columns, and limit them to the plane."""
    for label, column, room in zip(("xlabel", "ylabel"), grid.columns, (4.5, 3.0), strict=True):
        axes.set(**{label: lettering.shortened(lettering.plain(columns[column]), room, 10)})
    axes.set(xlim=grid.extent[:2], ylim=grid.extent[2:])


def _draw_lines(
    axes: Axes, grid: Plane, ahead: Array, unknown: Array, palette: Palette
) -> list[Any]:
    """Draw the boundary of each class, hatch the points without a number; return the artists."""
    drawn = []
    for each in ahead[1:] if len(ahead) == 2 else ahead:
        if each.min() < 0 < each.max():
            level = np.where(unknown, np.nan, each).reshape(grid.shape)
            line = axes.contour(grid.x, grid.y, level, [0.0], colors=palette.ink, linewidths=1.5)
            line.set_gid("boundary")
            drawn.append(line)
    if unknown.any():
        drawn.append(_hatched(axes, grid, unknown.reshape(grid.shape), palette))
    return drawn


def _draw_samples(
    axes: Axes, tables: Tables, grid: Plane, hues: list[str], palette: Palette
) -> None:
    """Draw samples: the colour is the class, the marker the part."""
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


def _hatched(axes: Axes, grid: Plane, unknown: Array, palette: Palette) -> Any:
    """Hatch the points whose output is not a number."""
    hatched = axes.contourf(
        grid.x, grid.y, unknown, [0.5, 1.5], colors="none", hatches=["////"], zorder=1
    )
    hatched.set(edgecolor=palette.fault, linewidth=0, gid="unknown")
    return hatched


def size(tables: Tables) -> float:
    """Return the area of a sample's marker in square points; the more samples, the smaller."""
    count = sum(len(table.y) for table in tables.values())
    return float(np.clip(12000 / count, 12, 50))
