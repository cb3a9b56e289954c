"""Learning curves of one run or several."""

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

LABEL = 48  # letters
HEADROOM = 30  # how much above all other costs those of runs that rise are drawn
FEW = 20  # entries, each of which has a mark
MANY = 300  # curves that make a vector file large


class Curve(NamedTuple):
    """A cost over the epochs, both (n,)."""

    label: str
    epoch: Array
    cost: Array
    diverged: bool = False

    @property
    def last_finite(self) -> tuple[float, float] | None:
        """The last epoch that has a finite cost before the first that has none, and this cost."""
        finite = np.isfinite(self.cost)
        stop = len(finite) if finite.all() else int((~finite).argmax())
        return (float(self.epoch[stop - 1]), float(self.cost[stop - 1])) if stop else None


# --- of runs -------------------------------------------------------------------------------


def learning_curves(found: Sequence[Run]) -> list[list[Curve]]:
    """Return the curves of each run: training, and test where there is a test part."""
    names = labels(found)
    if len(found) == 1:
        return [of_log(record.read_log(found[0]))]
    return [
        of_log(record.read_log(run), name, f"{name}, test")
        for run, name in zip(found, names, strict=True)
    ]


def of_log(log: Mapping[str, Any], train: str = "train", test: str = "test") -> list[Curve]:
    """Return the curves of what was logged, called as is said."""
    return [
        Curve(label, np.asarray(log["epoch"]), _finite(log[key]))
        for label, key in ((train, "cost"), (test, "test_cost"))
        if key in log
    ]


def _finite(values: Any) -> Array:
    """Return float64 values, nan for what is not finite."""
    known = np.asarray(values, np.float64)
    return np.where(np.isfinite(known), known, np.nan)


def labels(found: Sequence[Run]) -> list[str]:
    """Return what tells runs apart: the keys in which their configurations differ."""
    flat = [dict(flatten(to_plain(run.config))) for run in found]
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
    groups = learning_curves(found)
    made, (axes,) = style.figure()
    hues = style.colours(look.palette, len(groups))
    for number, group in enumerate(groups):
        for part, curve in zip(("train", "test"), group, strict=False):
            hue = style.of_part(look.palette, part) if len(groups) == 1 else hues[number]
            draw_curve(axes, curve, hue, part)
    drawn = [curve for group in groups for curve in group]
    every = np.concatenate([curve.cost for curve in drawn])
    top = _top(groups, found)
    scale, is_cut = look.scale, bool((every > top).any())
    if is_cut:
        axes.set_ylim(0.8 * float(np.nanmin(every)), top)
        scale = "log" if scale == "auto" and np.nanmin(every) > 0 else scale
    style.set_scale(axes, scale, every[~(every > top)])
    crosses = _mark_ends(axes, drawn, look.palette, top)
    axes.set(xlabel="epoch", ylabel=cost_label([run.config for run in found]))
    style.whole_numbers(axes.xaxis)
    if len(groups) == 1:
        if failure := titles.failure_of(found[0]):
            mark_failure(axes, failure, look.palette)
        style.legend_below(made)
        titles.of_run(made, found[0], look.palette, "cost over the epochs")
    else:
        style.legend_below(made, _legend(groups, found, look.palette) + crosses)
        _head_runs(made, found, look.palette, "beyond the top" if is_cut else "")
    return made


def _top(groups: Sequence[Sequence[Curve]], found: Sequence[Run]) -> float:
    """Return up to where costs are drawn, so that those which rise do not flatten the others."""
    others = [
        style.drawable(curve.cost)
        for run, group in zip(found, groups, strict=True)
        for curve in group
        if not titles.fault_of(run)
    ]
    return HEADROOM * float(np.nanmax(np.concatenate(others))) if others else np.inf


def _legend(groups: Sequence[Sequence[Curve]], found: Sequence[Run], palette: Palette) -> list[Any]:
    """Return a line for each run and, where a run has a test part, what is dashed."""
    from matplotlib.lines import Line2D

    handles = []
    for group, run, hue in zip(groups, found, style.colours(palette, len(found)), strict=True):
        failed = " (diverged)" if titles.failure_of(run) else ""
        handles.append(Line2D([], [], color=hue, linewidth=1.8, label=group[0].label + failed))
    if max(map(len, groups)) > 1:
        for part, dash in (("train", "-"), ("test", "--")):
            handles.append(Line2D([], [], color=palette.ink, linestyle=dash, label=part))
    return handles


def draw_curve(axes: Axes, curve: Curve, hue: str, part: str) -> None:
    """Draw a curve, with a mark at each entry where there are few."""
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
    """Put a cross on the last finite cost of each curve that does not stay finite, or at the top of
    the axes; return them."""
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
    """Shade the epochs in which a run diverged; without any finite cost, say that."""
    if failure.last is None:
        axes.set(xticks=[failure.epoch], yticks=[])
        text = f"no cost to draw: it is not finite at epoch {failure.epoch}"
        style.aside(axes, text, palette.fault, palette)
        return
    axes.axvspan(failure.last, failure.epoch, color=palette.fault, alpha=0.1, linewidth=0)
    line = {"color": palette.fault, "linestyle": ":", "linewidth": 1.5, "gid": "diverged"}
    axes.axvline(failure.epoch, label=f"not finite at epoch {failure.epoch:,}", **line)


def _head_runs(made: Figure, found: Sequence[Run], palette: Palette, where: str) -> None:
    """Head a figure of several runs with what they have in common, and how many failed."""
    shared = [
        told.pop()
        for told in (
            {titles.dataset(run) for run in found},
            {titles.architecture(run) for run in found},
        )
        if len(told) == 1
    ]
    faults = [bool(titles.fault_of(run)) for run in found]
    lost = [bool(titles.failure_of(run)) for run in found]
    told = []
    if any(lost):
        told.append(f"{sum(lost)} of {len(found)} diverged")
    if rising := sum(faults) - sum(lost):
        told.append(f"{rising} of {len(found)} ended above where they began")
    told += [f"some costs are {where}"] if where else []
    fault = f"{'; '.join(told)}." if told else ""
    title = f"Cost of {len(found)} runs over the epochs"
    lettering.heading(made, palette, title, ["; ".join(shared)] if shared else [], fault)


def cost_label(configs: Sequence[Config]) -> str:
    """Return what a cost is, with its loss where that is one."""
    losses = {config.loss for config in configs}
    return f"cost ({losses.pop().replace('_', ' ')})" if len(losses) == 1 else "cost"
