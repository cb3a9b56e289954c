"""Short trainings of several configurations, compared at the same epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np

from nnfs_cli.config.schema import Config
from nnfs_cli.core.activations import Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.core.network import outputs
from nnfs_cli.data.encoding import Encoding, Samples
from nnfs_cli.data.source import Sources
from nnfs_cli.training import loop, setup
from nnfs_cli.training.endings import diverged
from nnfs_cli.training.loop import Course

FOLDS = 4  # parts of the training samples, each held out in turn


@dataclass
class Group:
    """Trainings of one shape on the same data; `judge` measures their cost on `judged`."""

    numbers: list[int]
    encoding: Encoding
    backprop: Backprop
    judged: Samples
    judge: Backprop
    course: Course
    loss: str
    work: float  # estimated nanoseconds per epoch
    epoch: int = 0


class _OutOfTime(Exception):
    """The deadline has passed."""


def groups_of(configs: Sequence[Config], cache_dir: Path, folds: bool) -> Iterator[Group]:
    """Yield the trainings of configurations, grouped by shape and data.

    With folds, each group comes once per fold, and is judged by the samples of that fold.
    """
    together: dict[str, list[int]] = {}
    for number, config in enumerate(configs):
        layers = [(layer.units, layer.activation) for layer in config.layers]
        key = repr((layers, config.dataset, config.features, config.dtype, config.loss))
        together.setdefault(key, []).append(number)
    read: dict[str, tuple[Encoding, Samples]] = {}
    sources = Sources()
    for numbers in together.values():
        first = configs[numbers[0]]
        key = repr((first.dataset, first.features, first.dtype))
        if key not in read:
            read[key] = setup.encode(first, cache_dir, sources, keep=True)[:2]
        encoding, samples = read[key]
        for part, judged in _folded(samples) if folds else [(samples, samples)]:
            members = [configs[number] for number in numbers]
            yield _group(numbers, members, encoding, part, judged)


def _folded(samples: Samples) -> Iterator[tuple[Samples, Samples]]:
    """Yield, for each fold, the other samples and the fold's own."""
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
) -> Group:
    """Return trainings of one shape before their first update."""
    first = members[0]
    network = setup.network_of(first, encoding.facts)
    params = np.stack([setup.initial_params(member, network) for member in members])
    backprop = setup.evaluator(first, encoding, network, params, samples)
    judge = backprop
    if judged is not samples:
        judge = setup.evaluator(first, encoding, network, params, judged)
    units = sum(layer.units for layer in network.layers)
    of_samples = backprop.samples * (network.n_params / 6 + 8 * units)
    return Group(
        numbers,
        encoding,
        backprop,
        judged,
        judge,
        Course(loop.method_of(backprop, *members), backprop),
        first.loss,
        len(members) * (3000 + of_samples),
    )


def train(groups: Sequence[Group], until: int, work: float, deadline: float) -> tuple[int, Array]:
    """Train all groups towards an epoch; return the last epoch that all reached, and the costs.

    The epoch is `until`, or as far as work and deadline allow, 0 if they allow nothing.
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


def _advance(group: Group, until: int, deadline: float) -> None:
    """Train a group to an epoch; _OutOfTime if the deadline passes before."""
    for epoch in loop.run(group.course, group.epoch, until, until):
        group.epoch = epoch
        if epoch < until and monotonic() > deadline:
            raise _OutOfTime


def _costs(groups: Sequence[Group]) -> Array:
    """Return the cost of each training, in the order of their numbers, NaN where it diverged.

    It is the mean over folds. Where targets are scaled differently, costs are converted to the
    scale of training 0.
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
