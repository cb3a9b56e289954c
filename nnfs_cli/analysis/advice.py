"""A trial of what findings advise: short trainings of each change, compared at the same epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, log, nan
from pathlib import Path
from time import monotonic

import numpy as np

from nnfs_cli.analysis.findings import Finding
from nnfs_cli.analysis.symptoms import Evidence
from nnfs_cli.config import loading
from nnfs_cli.config.schema import Config
from nnfs_cli.config.writing import dump
from nnfs_cli.core.activations import Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.core.network import outputs
from nnfs_cli.data.encoding import Encoding, Samples
from nnfs_cli.errors import NnfsError
from nnfs_cli.runs.record import Run
from nnfs_cli.training import loop, setup
from nnfs_cli.training.endings import diverged
from nnfs_cli.training.loop import Course

SECONDS = 9.0  # after which a trial ends, however far it is
WORK = 4e9  # of all trainings together, nanoseconds about: it does not depend on the machine
MOST = 12  # changes that are tried
HELPS = 0.9  # times the cost without the change: from there down, a change helps
FOLDS = 4  # parts of the training samples that are kept out in turn, if the run overfits
# What stands first mends a cause; a later one is preferred only if it lowers the cost much further.
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
    """A change, the epoch that it was trained to, and its cost there; NaN if it diverged.

    `instead` is the cost without the change, and `first` that of the run before training: a change
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
    """What became of the changes, in the order in which they are preferred.

    `epoch` is where they were compared with the run as it is, which cost `cost` there; with more
    epochs, the run goes on from its end. `by` is "cost", on the training samples, or, if the run
    overfits, "kept_out_cost", on each fold of them after training on the others; it is never a
    figure of the test part. `left_out` were not tried. `best` is the change to make, None if
    nothing tried helped.
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


@dataclass
class _Group:
    """Trainings of one shape on the same data; `judge` measures them on the samples `judged`."""

    numbers: list[int]
    encoding: Encoding
    backprop: Backprop
    judged: Samples
    judge: Backprop
    course: Course
    loss: str
    work: float  # of an epoch
    epoch: int = 0


class _OutOfTime(Exception):
    """The trial has taken as long as it may."""


def try_changes(run: Run, evidence: Evidence, found: Sequence[Finding], cache_dir: Path) -> Trial:
    """Return what became of the changes that findings propose, after SECONDS at most."""
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
        groups = list(_groups([run.config, *(c for _, c in others)], cache_dir, overfits))
        epoch, costs = _train(groups, epochs, WORK / 2, deadline)
    if epoch:
        cost, *rest = costs.tolist()
        instead = cost if isfinite(cost) else inf
        tried = [
            Tried(change, epoch, value, instead, first)
            for (change, _), value in zip(others, rest, strict=True)
        ]
    for change, config in made:
        if not _only_epochs(change) or config.epochs in range(epoch, epochs + 1):
            continue  # it is no change of epochs, or one too small to compare
        groups = list(_groups([run.config], cache_dir, overfits))
        instead = cost
        if config.epochs > epochs:
            groups[0].backprop.params[:] = evidence.params
            groups[0].epoch, instead = int(evidence.log["epoch"][-1]), evidence.last
        reached, costs = _train(groups, config.epochs, WORK / 4, deadline)
        if reached == config.epochs or reached > epochs:
            tried.append(Tried(change, reached, float(costs[0]), instead, first))
    tried.sort(key=_preference)
    return Trial(epoch, cost, tried, len(changes) - len(tried), by)


def proposed(found: Sequence[Finding]) -> list[list[str]]:
    """Return the changes to try, each once: those of causes first, and smaller ones first."""
    changes: dict[tuple[str, ...], list[str]] = {}
    for finding in found:
        for change in (finding.change, *finding.others):
            if change:
                changes.setdefault(tuple(sorted(change)), change)
    return sorted(changes.values(), key=lambda change: (_rank(change), len(change)))


def _preference(tried: Tried) -> tuple[int, int]:
    """Return what sorts changes as `proposed` does."""
    return _rank(tried.change), len(tried.change)


def _rank(change: Sequence[str]) -> int:
    """Return the place in ORDER of the last thing that a change changes."""
    ranks = []
    for override in change:
        key = override.partition("=")[0] + "="
        ranks.append(next((i for i, parts in enumerate(ORDER) if any(p in key for p in parts)), 0))
    return max(ranks)


def _only_epochs(change: Sequence[str]) -> bool:
    return all(override.startswith("epochs=") for override in change)


def _changed(run: Run, change: Sequence[str]) -> Config | None:
    """Return a run's configuration with overrides, or None if they do not fit it."""
    text = dump(run.config)
    try:
        changed = loading.parse(text, run.config.name, change, known=run.encoding.facts)
    except NnfsError:
        return None
    return None if changed == run.config else changed


def _groups(configs: Sequence[Config], cache_dir: Path, folds: bool) -> Iterator[_Group]:
    """Yield the trainings of configurations, those of one shape and data together.

    With folds, each comes once for each of them, and is judged by the samples of that fold.
    """
    together: dict[str, list[int]] = {}
    for number, config in enumerate(configs):
        layers = [(layer.units, layer.activation) for layer in config.layers]
        key = repr((layers, config.dataset, config.features, config.dtype, config.loss))
        together.setdefault(key, []).append(number)
    read: dict[str, tuple[Encoding, Samples]] = {}
    for numbers in together.values():
        first = configs[numbers[0]]
        key = repr((first.dataset, first.features, first.dtype))
        if key not in read:
            read[key] = setup.encode(first, cache_dir, keep=True)[:2]
        encoding, samples = read[key]
        for part, judged in _folded(samples) if folds else [(samples, samples)]:
            members = [configs[number] for number in numbers]
            yield _group(numbers, members, encoding, part, judged)


def _folded(samples: Samples) -> Iterator[tuple[Samples, Samples]]:
    """Yield, for each fold, the other samples and its own."""
    n_samples = samples.y.shape[-1]
    fold = np.random.RandomState(0).permutation(n_samples) % FOLDS
    for i in range(FOLDS):
        rest, own = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
        yield (
            Samples(samples.x[:, rest], samples.y[:, rest]),
            Samples(samples.x[:, own], samples.y[:, own]),
        )


def _group(
    numbers: list[int],
    members: Sequence[Config],
    encoding: Encoding,
    samples: Samples,
    judged: Samples,
) -> _Group:
    """Return trainings of one shape, before their first update."""
    first = members[0]
    network = setup.network_of(first, encoding.facts)
    params = np.stack([setup.initial_params(member, network) for member in members])
    backprop = setup.evaluator(first, encoding, network, params, samples)
    judge = backprop
    if judged is not samples:
        judge = setup.evaluator(first, encoding, network, params, judged)
    units = sum(layer.units for layer in network.layers)
    of_samples = backprop.samples * (network.n_params / 6 + 8 * units)
    return _Group(
        numbers,
        encoding,
        backprop,
        judged,
        judge,
        Course(loop.method_of(backprop, *members), backprop),
        first.loss,
        len(members) * (3000 + of_samples),
    )


def _train(groups: Sequence[_Group], until: int, work: float, deadline: float) -> tuple[int, Array]:
    """Train all groups towards an epoch, and return the last one that all came to, with the costs.

    That is `until`, or as far as the work and the time allow: 0 if that is no epoch at all.
    """
    start = groups[0].epoch
    far = int(min(until - start, work / sum(group.work for group in groups)))
    reached, costs = 0, np.zeros(0)
    for milestone in sorted({start + far // part for part in (8, 4, 2, 1)} - {start}):
        try:
            for group in groups:
                _advance(group, milestone, deadline)
        except _OutOfTime:
            break
        reached, costs = milestone, _costs(groups)
    return reached, costs


def _advance(group: _Group, until: int, deadline: float) -> None:
    """Train a group to an epoch; _OutOfTime if the deadline passes before."""
    for epoch in loop.run(group.course, group.epoch, until, until):
        group.epoch = epoch
        if epoch < until and monotonic() > deadline:
            raise _OutOfTime


def _costs(groups: Sequence[_Group]) -> Array:
    """Return the cost of each training, in the order of their numbers, NaN where it diverged.

    It is the mean over folds. Where targets are scaled in different ways, costs are put into the
    scale of the first one.
    """
    numbers = [number for group in groups for number in group.numbers]
    costs, times = np.zeros(max(numbers) + 1), np.bincount(numbers)
    has_diverged = diverged()
    scaling = next(group.encoding.targets for group in groups if 0 in group.numbers)
    scale = np.array(scaling.factor if scaling else [1.0])
    for group in groups:
        cost, params = group.judge.evaluate().cost, group.backprop.params
        own = group.encoding.targets
        if own != scaling:
            ratio = (np.array(own.factor if own else [1.0]) / scale)[:, np.newaxis]
            y_hat = outputs(group.backprop.network, params, group.judged.x)
            with np.errstate(all="ignore"):
                losses = LOSSES[group.loss].loss(y_hat * ratio, group.judged.y * ratio)
                cost = losses.sum(axis=-2).mean(axis=-1)
        lost = has_diverged({"cost": [cost]}, 0, params)
        costs[group.numbers] += np.where(lost, np.nan, cost)
    return costs / times


def plain(trial: Trial) -> dict[str, object]:
    """Return a trial as what JSON has."""
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
