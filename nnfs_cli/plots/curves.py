"""Learning curves: of one run or several, and of all the runs of a sweep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nnfs_cli import config as configuration
from nnfs_cli import runs, stackfiles, sweeps
from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError
from nnfs_cli.plots import style
from nnfs_cli.plots.style import Figure, Look
from nnfs_cli.runs import Run
from nnfs_cli.schema import Config

LABEL = 48  # letters
MANY = 300  # curves that make a vector file large


class Curve(NamedTuple):
    """A cost over the epochs, both (n,)."""

    label: str
    epoch: Array
    cost: Array


# --- of runs -------------------------------------------------------------------------------


def learning_curves(found: Sequence[Run]) -> list[list[Curve]]:
    """Return the curves of each run: training, and test where there is a test part."""
    names = labels(found)
    if len(found) == 1:
        return [of_log(runs.read_log(found[0]))]
    return [
        of_log(runs.read_log(run), name, f"{name}, test")
        for run, name in zip(found, names, strict=True)
    ]


def of_log(log: Mapping[str, Any], train: str = "train", test: str = "test") -> list[Curve]:
    """Return the curves of what was logged, called as is said."""
    return [
        Curve(label, np.asarray(log["epoch"]), style.drawable(log[key]))
        for label, key in ((train, "cost"), (test, "test_cost"))
        if key in log
    ]


def labels(found: Sequence[Run]) -> list[str]:
    """Return what tells runs apart: the keys in which their configurations differ."""
    flat = [dict(flatten(configuration.to_plain(run.config))) for run in found]
    keys = {key: None for plain in flat for key in plain}
    differ = [key for key in keys if len({repr(plain.get(key)) for plain in flat}) > 1]
    if differ != ["name"]:
        differ = [key for key in differ if key != "name"]
    told = [", ".join(f"{key}={plain[key]}" for key in differ if key in plain) for plain in flat]
    if len(set(told)) < len(told):  # the same training twice, or nothing but missing keys
        told = [
            f"{style.name_of(run)}: {text}" if text else style.name_of(run)
            for run, text in zip(found, told, strict=True)
        ]
    if max(map(len, told)) > LABEL:  # so much differs that it explains nothing
        return [style.name_of(run) for run in found]
    return told


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the scalars of nested mappings and lists, each with its dotted key."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flatten(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from flatten(item, f"{path}.{i}")
    elif value is not None:
        yield path, value


def cost(found: Sequence[Run], look: Look) -> Figure:
    """Return the learning curves of runs: training lines whole, test lines dashed."""
    made, (axes,) = style.figure()
    groups = learning_curves(found)
    hues = style.colours(look.palette, 2 if len(groups) == 1 else len(groups))
    for number, group in enumerate(groups):
        for is_test, curve in enumerate(group):
            axes.plot(
                curve.epoch,
                curve.cost,
                color=hues[is_test if len(groups) == 1 else number],
                linestyle="--" if is_test else "-",
                linewidth=1.8,
                marker="o" if len(curve.epoch) == 1 else None,
                label=curve.label,
            )
    every = np.concatenate([curve.cost for group in groups for curve in group])
    style.set_scale(axes, look.scale, every)
    axes.set(xlabel="epoch", ylabel=cost_label([run.config for run in found]))
    if len(groups) == 1:
        axes.set_title(style.name_of(found[0]))
        axes.legend()
    else:
        style.legend_below(made)
    return made


def cost_label(configs: Sequence[Config]) -> str:
    """Return what a cost is, with its loss where that is one."""
    losses = {config.loss for config in configs}
    return f"cost ({losses.pop().replace('_', ' ')})" if len(losses) == 1 else "cost"


# --- of a sweep ------------------------------------------------------------------------------


def sweep_curves(path: Path) -> dict[int, Curve]:
    """Return the curve of each run of a sweep that is done, by its number."""
    found = {}
    for file in stackfiles.stack_files(path):
        for trained in stackfiles.load(file):
            for i, number in enumerate(trained.numbers.tolist()):
                n = int(trained.entries[i])
                epoch, values = trained.log["epoch"][:n], trained.log["cost"][i, :n]
                found[number] = Curve(str(number), epoch, style.drawable(values))
    if not found:
        raise FileError(f"{path}: no run of it is done yet")
    return found


def median(found: Sequence[Curve]) -> Curve:
    """Return the median cost at each epoch that half of the curves have."""
    epoch = np.concatenate([curve.epoch for curve in found])
    values = np.concatenate([curve.cost for curve in found])
    known, where, count = np.unique(epoch, return_inverse=True, return_counts=True)
    common = np.flatnonzero(2 * count >= len(found))
    with np.errstate(invalid="ignore"):
        middle = np.array([np.median(values[where == i]) for i in common])
    return Curve("median", known[common], middle)


def curves(path: Path, look: Look) -> Figure:
    """Return all cost curves of a sweep, faint, with the median and the best in front."""
    from matplotlib.collections import LineCollection

    found = sweep_curves(path)
    best = sweeps.best(path, look.by)
    made, (axes,) = style.figure()
    faint = LineCollection(
        [np.column_stack([curve.epoch, curve.cost]) for curve in found.values()],
        colors=look.palette.soft,
        alpha=float(np.clip(30 / len(found), 0.12, 0.5)),
        linewidths=0.8,
        label=f"{len(found):,} runs",
        rasterized=len(found) > MANY,
    )
    axes.add_collection(faint)
    middle, front = median(list(found.values())), found[best]
    for curve, hue, label in (
        (middle, look.palette.series[0], "median"),
        (front, look.palette.series[1], f"best: {path.name}/{best}"),
    ):
        axes.plot(curve.epoch, curve.cost, color=hue, linewidth=2.2, label=label)
    every = np.concatenate([curve.cost for curve in found.values()])
    style.set_scale(axes, look.scale, every)
    axes.autoscale_view()
    config = sweeps.read_run(path, best).config
    axes.set(xlabel="epoch", ylabel=cost_label([config]), title=path.name)
    style.legend_below(made)
    return made
