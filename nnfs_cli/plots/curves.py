"""Learning curves of one or several runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnfs_cli.config.schema import Config
from nnfs_cli.config.writing import to_plain
from nnfs_cli.core.activations import Array
from nnfs_cli.plots import lettering, style, titles
from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.style import Axes, Figure, Look
from nnfs_cli.plots.titles import Failure
from nnfs_cli.runs import record
from nnfs_cli.runs.record import Run

LABEL = 48  # greatest length of a run's label, characters
HEADROOM = 30  # top of the axis, in multiples of the largest cost of a run that did not fail
FEW = 20  # entries at most for a marker at each
MANY = 300  # curves from which on they are drawn as pixels: vector files would be large


class Curve(NamedTuple):
    """A cost over the epochs, both (n,)."""

    label: str
    epoch: Array
    cost: Array
    diverged: bool = False

    @property
    def last_finite(self) -> tuple[float, float] | None:
        """The last epoch before the first cost that is not finite, and the cost there."""
        finite = np.isfinite(self.cost)
        stop = len(finite) if finite.all() else int((~finite).argmax())
        return (float(self.epoch[stop - 1]), float(self.cost[stop - 1])) if stop else None


# --- of runs -------------------------------------------------------------------------------


def learning_curves(runs: Sequence[Run]) -> list[list[Curve]]:
    """Return the curves of each run: training cost and, with a test part, test cost."""
    names = labels(runs)
    if len(runs) == 1:
        return [of_log(record.read_log(runs[0]))]
    return [
        of_log(record.read_log(run), name, f"{name}, test")
        for run, name in zip(runs, names, strict=True)
    ]


def of_log(log: Mapping[str, Any], train: str = "train", test: str = "test") -> list[Curve]:
    """Return the curves of a log, labelled `train` and `test`."""
    return [
        Curve(label, np.asarray(log["epoch"]), _finite(log[key]))
        for label, key in ((train, "cost"), (test, "test_cost"))
        if key in log
    ]


def _finite(values: Any) -> Array:
    """Return values as float64, with nan in place of infinities."""
    numbers = np.asarray(values, np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def labels(runs: Sequence[Run]) -> list[str]:
    """Return a label for each run: the keys, with values, in which their configurations differ."""
    flat = [dict(flatten(to_plain(run.config))) for run in runs]
    keys = {key: None for plain in flat for key in plain}
    differ = [key for key in keys if len({repr(plain.get(key)) for plain in flat}) > 1]
    if differ != ["name"]:
        differ = [key for key in differ if key != "name"]
    texts = [", ".join(f"{key}={plain[key]}" for key in differ if key in plain) for plain in flat]
    if len(set(texts)) < len(texts):  # equal configurations, or a key that only some have
        texts = [
            f"{style.name_of(run)}: {text}" if text else style.name_of(run)
            for run, text in zip(runs, texts, strict=True)
        ]
    if max(map(len, texts)) > LABEL:  # too many differences to be read
        return [style.name_of(run) for run in runs]
    return texts


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


def cost(runs: Sequence[Run], look: Look) -> Figure:
    """Return a figure of learning curves: solid for the training part, dashed for the test part."""
    groups = learning_curves(runs)
    made, (axes,) = style.figure()
    hues = style.colours(look.palette, len(groups))
    for number, group in enumerate(groups):
        for part, curve in zip(("train", "test"), group, strict=False):
            hue = style.of_part(look.palette, part) if len(groups) == 1 else hues[number]
            draw_curve(axes, curve, hue, part)
    drawn = [curve for group in groups for curve in group]
    every = np.concatenate([curve.cost for curve in drawn])
    top = _top(groups, runs)
    scale, is_cut = look.scale, bool((every > top).any())
    if is_cut:
        axes.set_ylim(0.8 * float(np.nanmin(every)), top)
        scale = "log" if scale == "auto" and np.nanmin(every) > 0 else scale
    style.set_scale(axes, scale, every[~(every > top)])
    crosses = _mark_ends(axes, drawn, look.palette, top)
    axes.set(xlabel="epoch", ylabel=cost_label([run.config for run in runs]))
    style.whole_numbers(axes.xaxis)
    if len(groups) == 1:
        if failure := titles.failure_of(runs[0]):
            mark_failure(axes, failure, look.palette)
        style.legend_below(made)
        titles.of_run(made, runs[0], look.palette, "cost over the epochs")
    else:
        style.legend_below(made, _legend(groups, runs, look.palette) + crosses)
        _head_runs(made, runs, look.palette, "above the axis" if is_cut else "")
    return made


def _top(groups: Sequence[Sequence[Curve]], runs: Sequence[Run]) -> float:
    """Return the highest cost to draw, so that runs that rise do not flatten the others."""
    others = [
        style.drawable(curve.cost)
        for run, group in zip(runs, groups, strict=True)
        for curve in group
        if not titles.fault_of(run)
    ]
    return HEADROOM * float(np.nanmax(np.concatenate(others))) if others else np.inf


def _legend(groups: Sequence[Sequence[Curve]], runs: Sequence[Run], palette: Palette) -> list[Any]:
    """Return the legend's handles: a line for each run and, with a test part, one for each part."""
    from matplotlib.lines import Line2D

    handles = []
    for group, run, hue in zip(groups, runs, style.colours(palette, len(runs)), strict=True):
        failed = " (diverged)" if titles.failure_of(run) else ""
        handles.append(Line2D([], [], color=hue, linewidth=1.8, label=group[0].label + failed))
    if max(map(len, groups)) > 1:
        for part, dash in (("train", "-"), ("test", "--")):
            handles.append(Line2D([], [], color=palette.ink, linestyle=dash, label=part))
    return handles


def draw_curve(axes: Axes, curve: Curve, hue: str, part: str) -> None:
    """Draw a curve, with a marker at each entry if there are few."""
    axes.plot(
        curve.epoch,
        style.drawable(curve.cost),
        color=hue,
        linestyle="--" if part == "test" else "-",
        linewidth=1.8,
        marker=style.MARKERS[part] if len(curve.epoch) <= FEW else None,
        markersize=4.5,
        label=curve.label,
    )


def _mark_ends(
    axes: Axes, drawn: Sequence[Curve], palette: Palette, top: float = np.inf
) -> list[Any]:
    """Mark the last finite cost of each curve that does not stay finite; return the legend handle.

    A cost above the axes is marked at their top.
    """
    ends = [curve.last_finite for curve in drawn if not np.isfinite(curve.cost).all()]
    points = [end for end in ends if end]
    if not points:
        return []
    x, y = np.array(points).T
    y = np.minimum(style.drawable(y), top)
    cross = {"marker": "X", "s": 70, "color": palette.fault, "edgecolors": palette.ground}
    label = "last finite cost"
    return [axes.scatter(x, y, zorder=4, label=label, gid="last finite", clip_on=False, **cross)]


def mark_failure(axes: Axes, failure: Failure, palette: Palette) -> None:
    """Shade the epochs in which a run diverged, or write that no cost is finite."""
    if failure.last is None:
        axes.set(xticks=[failure.epoch], yticks=[])
        text = f"no cost to draw: it is not finite at epoch {failure.epoch}"
        style.aside(axes, text, palette.fault, palette)
        return
    axes.axvspan(failure.last, failure.epoch, color=palette.fault, alpha=0.1, linewidth=0)
    line = {"color": palette.fault, "linestyle": ":", "linewidth": 1.5, "gid": "diverged"}
    axes.axvline(failure.epoch, label=f"not finite at epoch {failure.epoch:,}", **line)


def _head_runs(made: Figure, runs: Sequence[Run], palette: Palette, where: str) -> None:
    """Add a heading: the data set and architecture that all runs share, and counts of failures."""
    shared = [
        names.pop()
        for names in (
            {titles.dataset(run) for run in runs},
            {titles.architecture(run) for run in runs},
        )
        if len(names) == 1
    ]
    faults = [bool(titles.fault_of(run)) for run in runs]
    lost = [bool(titles.failure_of(run)) for run in runs]
    notes = []
    if any(lost):
        notes.append(f"{sum(lost)} of {len(runs)} diverged")
    if rising := sum(faults) - sum(lost):
        notes.append(f"{rising} of {len(runs)} ended with a higher cost than at the start")
    notes += [f"some costs are {where}"] if where else []
    fault = f"{'; '.join(notes)}." if notes else ""
    title = f"Cost of {len(runs)} runs over the epochs"
    lettering.heading(made, palette, title, ["; ".join(shared)] if shared else [], fault)


def cost_label(configs: Sequence[Config]) -> str:
    """Return the label of a cost axis, with the loss if all configurations share it."""
    losses = {config.loss for config in configs}
    return f"cost ({losses.pop().replace('_', ' ')})" if len(losses) == 1 else "cost"
