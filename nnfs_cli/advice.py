"""A trial of what findings advise: short trainings of each change, compared at the same epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, log, nan
from pathlib import Path
from time import monotonic

import numpy as np

from nnfs_cli import config as configuration
from nnfs_cli import experiment
from nnfs_cli.core.activations import Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.descent import descend
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.core.network import outputs
from nnfs_cli.data import Encoding, Samples
from nnfs_cli.diagnosis import Finding
from nnfs_cli.errors import NnfsError
from nnfs_cli.evidence import Evidence
from nnfs_cli.runs import Run
from nnfs_cli.schema import Config

SECONDS = 9.0  # after which a trial ends, however far it is
WORK = 4e9  # of all trainings together, nanoseconds about: it does not depend on the machine
MOST = 12  # changes that are tried
HELPS = 0.9  # times the cost without the change: from there down, a change helps
BY = "cost"  # what the changes are compared by; never a figure of the test part
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

    `epoch` is where they were compared with the run as it is, which cost `cost` there; changes
    of the epochs alone go on from the end of the run. `left_out` were not tried. `best` is what to
    change, None if nothing tried helped.
    """

    epoch: int
    cost: float
    tried: list[Tried] = field(default_factory=list)
    left_out: int = 0
    by: str = BY

    @property
    def best(self) -> Tried | None:
        helping = [tried for tried in self.tried if tried.helps]
        most = max((tried.gain for tried in helping), default=0.0)
        return next((tried for tried in helping if tried.gain >= most / 2), None)


@dataclass
class _Group:
    """Trainings of one shape on the same data, and the costs that they have, (networks,)."""

    numbers: list[int]
    encoding: Encoding
    samples: Samples
    backprop: Backprop
    rates: Array
    clips: Array | None
    loss: str
    work: float  # of an epoch
    epoch: int = 0


class _OutOfTime(Exception):
    """The trial has taken as long as it may."""


def try_changes(run: Run, evidence: Evidence, found: Sequence[Finding], cache_dir: Path) -> Trial:
    """Return what became of the changes that findings propose, after SECONDS at most."""
    deadline = monotonic() + SECONDS
    changes = proposed(found)
    made = [(change, made) for change in changes[:MOST] if (made := _changed(run, change))]
    longer = [(change, config.epochs) for change, config in made if _only_epochs(change)]
    others = [(change, config) for change, config in made if not _only_epochs(change)]
    first = evidence.first if isfinite(evidence.first) else inf
    epoch, cost, tried = 0, nan, list[Tried]()
    if others and run.config.epochs:
        configs = [run.config, *(config for _, config in others)]
        groups = list(_groups(configs, evidence.params.dtype, cache_dir))
        work = WORK * (2 / 3 if longer else 1)
        epoch, costs = _train(groups, run.config.epochs, work, deadline)
    if epoch:
        cost, *rest = costs.tolist()
        instead = cost if isfinite(cost) else inf
        tried = [
            Tried(change, epoch, value, instead, first)
            for (change, _), value in zip(others, rest, strict=True)
        ]
    for change, until in longer:
        (group,) = _groups([run.config], evidence.params.dtype, cache_dir)
        group.backprop.params[:] = evidence.params
        group.epoch = run.config.epochs
        reached, costs = _train([group], until, WORK / 3, deadline)
        if reached:
            tried.append(Tried(change, reached, float(costs[0]), evidence.last, first))
    tried.sort(key=lambda tried: (_rank(tried.change), len(tried.change)))
    return Trial(epoch, cost, tried, len(changes) - len(tried))


def proposed(found: Sequence[Finding]) -> list[list[str]]:
    """Return the changes to try, each once: those of causes first, and smaller ones first."""
    changes: dict[tuple[str, ...], list[str]] = {}
    for finding in found:
        for change in (finding.change, *finding.others) if finding.triable else ():
            if change:
                changes.setdefault(tuple(sorted(change)), change)
    return sorted(changes.values(), key=lambda change: (_rank(change), len(change)))


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
    text = configuration.dump(run.config)
    try:
        changed = configuration.parse(text, run.config.name, change, known=run.encoding.facts)
    except NnfsError:
        return None
    return None if changed == run.config else changed


def _groups(
    configs: Sequence[Config], dtype: np.dtype[np.generic], cache_dir: Path
) -> Iterator[_Group]:
    """Yield the trainings of configurations, those of one shape and data together."""
    together: dict[str, list[int]] = {}
    for number, config in enumerate(configs):
        layers = [(layer.units, layer.activation) for layer in config.layers]
        key = repr((layers, config.dataset, config.features, config.dtype, config.loss))
        together.setdefault(key, []).append(number)
    read: dict[str, tuple[Encoding, Samples]] = {}
    for numbers in together.values():
        members = [configs[number] for number in numbers]
        first = members[0]
        key = repr((first.dataset, first.features, first.dtype))
        if key not in read:
            read[key] = experiment.encode(first, cache_dir, keep=True)[:2]
        encoding, samples = read[key]
        network = experiment.network_of(first, encoding.facts)
        params = np.stack([experiment.initial_params(member, network) for member in members])
        clips = np.array([[member.gradient_clip or np.inf] for member in members])
        n_samples = samples.y.shape[-1]
        units = sum(layer.units for layer in network.layers)
        yield _Group(
            numbers,
            encoding,
            samples,
            experiment.evaluator(first, encoding, network, params, samples),
            np.array([[member.learning_rate] for member in members]),
            clips if np.isfinite(clips).any() else None,
            first.loss,
            len(members) * (3000 + n_samples * (network.n_params / 6 + 8 * units)),
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
    stops = experiment.pauses(group.epoch, until, until)
    steps = descend(
        group.backprop, group.rates, stops, gradient_clip=group.clips, start=group.epoch
    )
    for epoch in steps:
        group.epoch = epoch
        if epoch < until and monotonic() > deadline:
            raise _OutOfTime


def _costs(groups: Sequence[_Group]) -> Array:
    """Return the cost of each training, in the order of their numbers, NaN where it diverged.

    Where targets are scaled in different ways, costs are put into the scale of the first one.
    """
    costs = np.zeros(sum(len(group.numbers) for group in groups))
    scaling = next(group.encoding.targets for group in groups if 0 in group.numbers)
    scale = np.array(scaling.factor if scaling else [1.0])
    for group in groups:
        cost = group.backprop.evaluate().cost
        own = group.encoding.targets
        if own != scaling:
            ratio = (np.array(own.factor if own else [1.0]) / scale)[:, np.newaxis]
            network, params = group.backprop.network, group.backprop.params
            y_hat = outputs(network, params, group.samples.x)
            with np.errstate(all="ignore"):
                y_hat = y_hat * ratio
                losses = LOSSES[group.loss].loss(y_hat, group.samples.y * ratio)
                cost = losses.sum(axis=-2).mean(axis=-1)
        finite = np.isfinite(cost) & np.isfinite(group.backprop.params).all(axis=-1)
        costs[group.numbers] = np.where(finite, cost, np.nan)
    return costs


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
