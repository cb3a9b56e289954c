"""What a network says over a plane of two input columns: the boundary between its classes.

A function that draws returns one that draws again for other parameters of the same network: the
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
SHOWN = 4000  # samples of a part: more hide each other
SHADE = 0.45  # of a class that is certain
STEPS = 6  # of a shade in an animation: few colours, which a GIF packs well
FLAT = 1e-3  # range of an output that is as good as constant


def own_tables(model: Model, look: Look, most: int | None = SHOWN) -> dict[str, Table]:
    """Return the run's own data by part, at most so many samples of each; FileError without it."""
    try:
        found = models.own_tables(model, look.cache_dir)
    except FileError as error:
        message = f"{model.run.path}: this needs the data that it was trained on: {error}"
        raise FileError(message) from None
    for part, table in found.items():
        if most and len(table.y) > most:
            look.note(f"{most:,} of the {len(table.y):,} samples of the {part} part are shown")
            rows = np.random.RandomState(0).permutation(len(table.y))[:most]
            found[part] = Table(table.X[rows], table.y[rows])
    return found


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
    """Return what the network gives to each class, (classes, samples), nan where an output is not
    a number; of one unit, two classes."""
    given = models.predict(model, X).y_hat.T.astype(np.float64)
    given = np.where(np.isnan(given).any(axis=0), np.nan, np.clip(given, 0.0, 1.0))
    return np.concatenate([1 - given, given]) if len(given) == 1 else given


def margins(given: Array) -> Array:
    """Return by how much each class is ahead of all others, (classes, samples), from shares."""
    order = np.sort(given, axis=0)
    rival = np.where(given == order[-1], order[-2], order[-1])
    ahead: Array = given - rival
    return ahead


def is_lost(model: Model, table: Table) -> Array:
    """Return which samples get an output that is not a number, and so no class, (samples,)."""
    return np.asarray(np.isnan(models.predict(model, table.X).y_hat).any(axis=1))


def is_wrong(model: Model, table: Table) -> Array:
    """Return which samples get another class than their own, (samples,)."""
    classes = models.predict(model, table.X).classes
    assert classes is not None
    wrong: Array = np.not_equal(classes, table.y) & ~is_lost(model, table)
    return wrong


def everywhere(given: Array, names: Sequence[str]) -> str:
    """Return what a plane without a boundary shows, from its shares; nothing if it has one."""
    known = given[:, ~np.isnan(given).any(axis=0)]
    if not known.size:
        return "no output is a number"
    if (np.ptp(known, axis=1) < FLAT).all():
        middle = known.mean(axis=1)
        if len(names) == 2:
            return f"output {middle[1]:.3g} everywhere: it does not depend on these columns"
        if np.ptp(middle) < FLAT:
            return f"every class gets {middle[0]:.3g} everywhere"
    first = names[int(known[:, 0].argmax())]
    if (known.argmax(axis=0) == known[:, 0].argmax()).all():
        return f"class “{short(lettering.plain(first))}” everywhere"
    return ""


def paint_boundary(
    axes: Axes, model: Model, tables: Tables, grid: Plane, palette: Palette, *, moves: bool = False
) -> Redraw:
    """Draw shaded classes, their boundary, and the samples; return what draws them again.

    What moves has its shade in few steps, which packs well, and says on the axes what other
    pictures have in their heading: that the output is the same everywhere.
    """
    from matplotlib.colors import to_rgba

    known = model.known
    assert known.classes is not None
    classes = known.classes
    hues = style.colours(palette, len(classes))
    steps = STEPS if moves else 24
    shape = (len(grid.y), len(grid.x))
    rgba = np.array([to_rgba(hue) for hue in hues])
    image = axes.imshow(
        np.zeros((*shape, 4)),
        extent=grid.extent,
        origin="lower",
        aspect="auto",
        interpolation="nearest" if moves else "bilinear",
        zorder=0,
    )
    _draw_samples(axes, tables, grid, hues, palette)
    ring = {"marker": "o", "facecolors": "none", "edgecolors": palette.ink, "linewidths": 1.0}
    rings = axes.scatter([], [], s=3 * size(tables), zorder=4, gid="wrong", **ring)
    for name, label, column in zip("xy", ("xlabel", "ylabel"), grid.columns, strict=True):
        room = 4.5 if name == "x" else 3.0
        axes.set(**{label: lettering.shortened(lettering.plain(known.columns[column]), room, 10)})
    axes.set(xlim=grid.extent[:2], ylim=grid.extent[2:])
    changing: list[Any] = []

    def redraw(model: Model) -> None:
        given = shares(model, grid.X)
        ahead = np.nan_to_num(margins(given))
        pixels = rgba[ahead.argmax(axis=0)]
        pixels[:, 3] = SHADE * np.ceil(steps * ahead.max(axis=0)) / steps
        image.set_data(pixels.reshape(*shape, 4))
        while changing:
            changing.pop().remove()
        unknown = np.isnan(given).any(axis=0)
        for each in ahead[1:] if len(ahead) == 2 else ahead:
            if each.min() < 0 < each.max():
                level = np.where(unknown, np.nan, each).reshape(shape)
                line = axes.contour(
                    grid.x, grid.y, level, [0.0], colors=palette.ink, linewidths=1.5
                )
                line.set_gid("boundary")
                changing.append(line)
        if unknown.any():
            changing.append(_hatched(axes, grid, unknown.reshape(shape), palette))
        text = everywhere(given, classes)
        if text and moves:
            hue = palette.fault if unknown.any() else palette.ink
            changing.append(style.aside(axes, text.replace(": ", ":\n"), hue, palette, 0.1))
        wrong = [t.X[is_wrong(model, t)][:, grid.columns] for t in tables.values()]
        rings.set_offsets(np.concatenate(wrong))

    redraw(model)
    return redraw


def _draw_samples(
    axes: Axes, tables: Tables, grid: Plane, hues: list[str], palette: Palette
) -> None:
    """Draw samples in the colours of their classes, each part with marks of its own."""
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
    """Hatch where no output is a number."""
    hatched = axes.contourf(
        grid.x, grid.y, unknown, [0.5, 1.5], colors="none", hatches=["////"], zorder=1
    )
    hatched.set(edgecolor=palette.fault, linewidth=0, gid="unknown")
    return hatched


def size(tables: Tables) -> float:
    """Return the area of a sample's mark: many are small."""
    count = sum(len(table.y) for table in tables.values())
    return float(np.clip(12000 / count, 12, 50))
