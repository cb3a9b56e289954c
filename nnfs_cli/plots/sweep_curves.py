"""Learning curves of all the runs of a sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError
from nnfs_cli.plots import lettering, style, titles
from nnfs_cli.plots.curves import FEW, MANY, Curve, cost_label
from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.style import Axes, Figure, Look
from nnfs_cli.sweeps import directory, members, store


def read(path: Path) -> dict[int, Curve]:
    """Return the curve of each trained run of a sweep, by its number."""
    by_number: dict[int, Curve] = {}
    for file in store.stack_files(path):
        for trained in store.load(file):
            for i, number in enumerate(trained.numbers.tolist()):
                n = int(trained.entries[i])
                epoch, values = trained.log["epoch"][:n], trained.log["cost"][i, :n]
                lost = bool(trained.diverged[i])
                if number in by_number and not by_number[number].diverged:
                    continue  # trained again, and finished
                by_number[number] = Curve(str(number), epoch, style.drawable(values), lost)
    if not by_number:
        raise FileError(f"{path}: no run of this sweep has been trained yet")
    return by_number


def median(drawn: Sequence[Curve]) -> Curve:
    """Return the median cost at each epoch that half of the curves reach, nan if infinite.

    The median is over all runs: one that diverged counts as infinite from then on.
    """
    epoch = np.concatenate([curve.epoch for curve in drawn])
    values = np.concatenate([curve.cost for curve in drawn])
    values = np.where(np.isfinite(values), values, np.inf)
    lost = np.sort([int(curve.epoch[-1]) for curve in drawn if curve.diverged])
    epochs, where, count = np.unique(epoch, return_inverse=True, return_counts=True)
    gone = np.searchsorted(lost, epochs)  # diverged at an earlier epoch
    common = np.flatnonzero(2 * (count + gone) >= len(drawn))
    middle = np.array(
        [np.median(np.append(values[where == i], np.full(gone[i], np.inf))) for i in common]
    )
    return Curve("median", epochs[common], np.where(np.isfinite(middle), middle, np.nan))


def curves(path: Path, look: Look) -> Figure:
    """Return a figure of a sweep's cost curves, faint, with the median and the best in front."""
    by_number = read(path)
    lost = [curve for curve in by_number.values() if curve.diverged]
    kept = [curve for curve in by_number.values() if not curve.diverged]
    best = members.best(path, look.by) if kept else None
    run = members.read_run(path, min(by_number) if best is None else best)
    made, (axes,) = style.figure()
    _draw_faint(axes, kept, look.palette.soft, "run" if len(kept) == 1 else "runs")
    _draw_faint(axes, lost, look.palette.fault, "diverged")
    front = [
        (median(list(by_number.values())), look.palette.ink, f"median{' of all' * bool(lost)}")
    ]
    if best is not None:
        front.append((by_number[best], look.palette.best, f"best: {path.name}/{best}"))
    for curve, hue, label in front:
        mark = "o" if len(curve.epoch) <= FEW else None
        line = {"linewidth": 2.2, "marker": mark, "markersize": 4.5}
        axes.plot(curve.epoch, curve.cost, color=hue, label=label, **line)
    # Costs that rise without bound would flatten all others at the bottom.
    in_view = np.concatenate(
        [c.cost for c in kept] + [c.cost[:1] if kept else c.cost for c in lost]
    )
    style.set_scale(axes, look.scale, in_view)
    axes.autoscale_view()
    if kept and lost:
        _view(axes, in_view)
    _mark_lost(axes, lost, look.palette)
    axes.set(xlabel="epoch", ylabel=cost_label([run.config]))
    style.whole_numbers(axes.xaxis)
    style.legend_below(made)
    title = f"{lettering.plain(path.name)}: cost of {len(by_number):,} runs over the epochs"
    details = [titles.dataset(run)]
    if best is not None:
        details.append(f"best run: {titles.architecture(run)}, {titles.score(run.facts)}")
    lettering.heading(made, look.palette, title, details, _lost(path))
    return made


def _draw_faint(axes: Axes, drawn: Sequence[Curve], hue: str, label: str) -> None:
    """Draw curves; the more there are, the fainter."""
    from matplotlib.collections import LineCollection

    if drawn:
        lines = LineCollection(
            [np.column_stack([curve.epoch, curve.cost]) for curve in drawn],
            colors=hue,
            alpha=float(np.clip(30 / len(drawn), 0.12, 0.5)),
            linewidths=0.8,
            label=f"{len(drawn):,} {label}",
            rasterized=len(drawn) > MANY,
        )
        axes.add_collection(lines)


def _view(axes: Axes, values: Array) -> None:
    """Limit the cost's axis to the range of `values`, with a margin."""
    finite = values[np.isfinite(values)]
    logarithmic = axes.get_yscale() == "log"
    low, high = (np.log10(finite) if logarithmic else finite)[[finite.argmin(), finite.argmax()]]
    margin = 0.06 * (high - low) or 0.5
    low, high = low - margin, high + margin
    axes.set_ylim(*(10.0 ** np.clip([low, high], -300, 300) if logarithmic else (low, high)))


def _mark_lost(axes: Axes, lost: Sequence[Curve], palette: Palette) -> None:
    """Mark where curves leave the axes, or their last finite cost."""
    top = axes.get_ylim()[1]
    ends = [Curve("", c.epoch, np.where(c.cost > top, np.nan, c.cost)).last_finite for c in lost]
    if points := list(filter(None, ends)):
        cross = {"marker": "X", "s": 60, "color": palette.fault, "edgecolors": palette.ground}
        label = "diverges from here"
        axes.scatter(*zip(*points, strict=True), zorder=4, label=label, gid="lost", **cross)


def _lost(path: Path) -> str:
    """Return the numbers of a sweep's runs that did not finish, by status; "" if all did."""
    ends = Counter(row.status for row in store.done(path).values())
    total = directory.read_facts(path).runs
    ends["missing"] = total - ends.total()
    return titles.lost(ends, total)
