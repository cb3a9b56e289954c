"""A trial of the advice in findings: short trainings with each change, at the same epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, log, nan
from pathlib import Path
from time import monotonic

from nnfs_cli.analysis.findings import Finding
from nnfs_cli.analysis.short_runs import FOLDS, groups_of, train
from nnfs_cli.analysis.symptoms import Evidence
from nnfs_cli.config import loading
from nnfs_cli.config.schema import Config
from nnfs_cli.config.writing import dump
from nnfs_cli.errors import NnfsError
from nnfs_cli.runs.record import Run

SECONDS = 9.0  # longest trial
WORK = 4e9  # estimated nanoseconds of all trainings, the same on every machine
MOST = 12  # largest number of changes tried
HELPS = 0.9  # a change helps below this share of the cost without it
# Changes in order of preference: causes first; a later one must lower the cost much further.
ORDER = (
    ("dataset.",),
    ("weights", "initializer", "biases"),
    ("activation", "layers="),
    ("learning_rate",),
    ("gradient_clip",),
    ("units",),
    ("epochs",),
    ("seed",),
)


@dataclass(frozen=True)
class Tried:
    """A change, the epoch that it was trained to, and the cost there, NaN if it diverged.

    `instead` is the cost without the change, `first` the cost of the run before training; a change
    that helps must beat both.
    """

    change: list[str]
    epoch: int
    cost: float
    instead: float
    first: float

    @property
    def helps(self) -> bool:
        return self.cost < HELPS * min(self.instead, self.first)

    @property
    def gain(self) -> float:
        return log(min(self.instead, self.first, 1e300)) - log(max(self.cost, 1e-300))


@dataclass(frozen=True)
class Trial:
    """The changes tried, in order of preference.

    They were compared with the unchanged run at `epoch`, where its cost is `cost`; a change to more
    epochs continues the run from its end. `by` is "cost", on the training samples, or, if the run
    overfits, "kept_out_cost", on each fold of them after training on the others; it is never a
    figure of the test part. `left_out` counts the changes not tried. `best` is the change to make,
    or None if none helped.
    """

    epoch: int
    cost: float
    tried: list[Tried] = field(default_factory=list)
    left_out: int = 0
    by: str = "cost"

    @property
    def best(self) -> Tried | None:
        helping = [tried for tried in self.tried if tried.helps]
        most = max((tried.gain for tried in helping), default=0.0)
        return next((tried for tried in helping if tried.gain >= most / 2), None)


def try_changes(run: Run, evidence: Evidence, found: Sequence[Finding], cache_dir: Path) -> Trial:
    """Try the changes that findings propose, for SECONDS at most, and return the trial."""
    deadline = monotonic() + SECONDS
    overfits = any(finding.code == "overfitting" for finding in found)
    changes, epochs = proposed(found), run.config.epochs
    made = [(change, made) for change in changes[:MOST] if (made := _changed(run, change))]
    others = [(change, config) for change, config in made if not _only_epochs(change)]
    first = evidence.first if isfinite(evidence.first) else inf
    epoch, cost, tried = 0, nan, list[Tried]()
    by = "kept_out_cost" if overfits else "cost"
    if overfits and evidence.samples < FOLDS:
        return Trial(0, nan, [], len(changes), by)
    if epochs and (others or overfits):
        groups = list(groups_of([run.config, *(c for _, c in others)], cache_dir, overfits))
        epoch, costs = train(groups, epochs, WORK / 2, deadline)
    if epoch:
        cost, *rest = costs.tolist()
        instead = cost if isfinite(cost) else inf
        tried = [
            Tried(change, epoch, value, instead, first)
            for (change, _), value in zip(others, rest, strict=True)
        ]
    for change, config in made:
        if not _only_epochs(change) or config.epochs in range(epoch, epochs + 1):
            continue  # tried above, or too close to the run's epochs to compare
        groups = list(groups_of([run.config], cache_dir, overfits))
        instead = cost
        if config.epochs > epochs:
            groups[0].backprop.params[:] = evidence.params
            groups[0].epoch, instead = int(evidence.log["epoch"][-1]), evidence.last
        reached, costs = train(groups, config.epochs, WORK / 4, deadline)
        if reached == config.epochs or reached > epochs:
            tried.append(Tried(change, reached, float(costs[0]), instead, first))
    tried.sort(key=_preference)
    return Trial(epoch, cost, tried, len(changes) - len(tried), by)


def proposed(found: Sequence[Finding]) -> list[list[str]]:
    """Return the changes to try, without repetition: causes first, and smaller changes first."""
    changes: dict[tuple[str, ...], list[str]] = {}
    for finding in found:
        for change in (finding.change, *finding.others):
            if change:
                changes.setdefault(tuple(sorted(change)), change)
    return sorted(changes.values(), key=lambda change: (_rank(change), len(change)))


def _preference(tried: Tried) -> tuple[int, int]:
    """Return the sort key that `proposed` uses."""
    return _rank(tried.change), len(tried.change)


def _rank(change: Sequence[str]) -> int:
    """Return the position in ORDER of the last key that a change sets."""
    ranks = []
    for override in change:
        key = override.partition("=")[0] + "="
        ranks.append(next((i for i, parts in enumerate(ORDER) if any(p in key for p in parts)), 0))
    return max(ranks)


def _only_epochs(change: Sequence[str]) -> bool:
    return all(override.startswith("epochs=") for override in change)


def _changed(run: Run, change: Sequence[str]) -> Config | None:
    """Return a run's configuration with overrides, or None if invalid or unchanged."""
    text = dump(run.config)
    try:
        changed = loading.parse(text, run.config.name, change, known=run.encoding.facts)
    except NnfsError:
        return None
    return None if changed == run.config else changed


def plain(trial: Trial) -> dict[str, object]:
    """Return a trial as plain values for JSON."""
    return {
        "by": trial.by,
        "epoch": trial.epoch,
        "cost": trial.cost,
        "tried": [
            {
                "change": tried.change,
                "epoch": tried.epoch,
                "cost": tried.cost,
                "instead": tried.instead,
                "helps": tried.helps,
            }
            for tried in trial.tried
        ],
        "left_out": trial.left_out,
        "best": trial.best and trial.best.change,
    }
