"""The training loop: for one network or a stack, it pauses, logs, and ends runs.

Every training goes through `run`: train, resume, sweep, explain, animate, reproduce and the trials
of diagnose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeAlias

import numpy as np

from nnfs_cli.config.schema import Config
from nnfs_cli.core.activations import Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.descent import Method, descend, full_batch
from nnfs_cli.core.optimizers import OPTIMIZERS
from nnfs_cli.errors import Diverged
from nnfs_cli.training.endings import Ending, Log, diverged
from nnfs_cli.training.setup import Training

BREATH = 0.05  # longest time between yields, seconds, approximate
DEFAULT_ENDINGS = (diverged(),)

Figures: TypeAlias = dict[str, Array]  # cost, accuracy, test_cost, ...: each (networks...)


@dataclass(frozen=True)
class Course:
    """A method at work on one network or a stack; the leading axes of all arrays are networks.

    At each logged epoch, `record(epoch, figures)` adds an entry to a log and returns the log and
    the entry's number. Without it nothing is measured, and no run ends early. `ended` marks the
    networks whose run is over, and is changed in place.
    """

    method: Method
    train: Backprop
    test: Backprop | None = None
    record: Callable[[int, Figures], tuple[Log, int]] | None = None
    endings: Sequence[Ending] = DEFAULT_ENDINGS
    ended: Array = field(default_factory=lambda: np.zeros((), bool))


def run(
    course: Course, start: int, last: int, log_every: int, *, at: Iterable[int] | None = None
) -> Iterator[int]:
    """Train in place, and yield the epochs of `pauses`, or those of `at`, until all runs are over.

    Every log_every-th epoch and the last are logged; `ended` is up to date when they are yielded.
    """
    stops = pauses(start, last, log_every) if at is None else at
    for epoch in descend(course.method, stops, start=start):
        if course.record and (epoch % log_every == 0 or epoch == last):
            log, entry = course.record(epoch, measure(course.train, course.test))
            for ending in course.endings:
                np.logical_or(course.ended, ending(log, entry, course.train.params), course.ended)
        yield epoch
        if course.ended.all():
            return


def method_of(backprop: Backprop, *configs: Config) -> Method:
    """Return the method that trains a network as its configuration says, or a stack of networks,
    each as its own does."""
    optimizer = OPTIMIZERS["gradient_descent"]()
    if backprop.params.ndim == 1:
        (config,) = configs
        return full_batch(backprop, optimizer, config.learning_rate, clip=config.gradient_clip)
    rates = np.array([[config.learning_rate] for config in configs])
    clips = np.array([[config.gradient_clip or np.inf] for config in configs])
    clip = clips if np.isfinite(clips).any() else None
    return full_batch(backprop, optimizer, rates, clip=clip)


def train(
    training: Training,
    until: int | None = None,
    *,
    at: Iterable[int] | None = None,
    endings: Sequence[Ending] = DEFAULT_ENDINGS,
) -> Iterator[int]:
    """Train to the last epoch, or to `until`, and yield the epoch reached every now and then.

    It yields at the logged epochs, and often enough between them to look or to stop; `at` replaces
    all of these, and each is logged. At each yield `training` is complete. Raises Diverged as soon
    as a logged cost, or a parameter, is not finite.
    """
    config = training.config
    last = config.epochs if until is None else until
    log_every = config.log_every if at is None else 1

    def record(epoch: int, figures: Figures) -> tuple[Log, int]:
        training.epoch = epoch
        _add(training, figures)
        return training.log, len(training.log["epoch"]) - 1

    method = method_of(training.backprop, config)
    course = Course(method, training.backprop, training.test, record, endings)
    for epoch in run(course, training.epoch, last, log_every, at=at):
        training.epoch = epoch
        if course.ended:
            raise Diverged(advice(training.log, config))
        yield epoch


def measure(train: Backprop, test: Backprop | None) -> Figures:
    """Return cost and, for classes, accuracy at the present parameters; likewise of the test part.

    Each is (networks...).
    """
    figures = {}
    for prefix, backprop in (("", train), ("test_", test)):
        if backprop:
            cost, accuracy = backprop.evaluate()
            figures[f"{prefix}cost"] = cost
            if accuracy is not None:
                figures[f"{prefix}accuracy"] = accuracy
    return figures


def has_diverged(training: Training) -> bool:
    """Return whether a training has diverged at the last entry of its log."""
    return bool(diverged()(training.log, -1, training.params))


def log(training: Training) -> None:
    """Add an entry for the present epoch to the training's log, unless it has one."""
    _add(training, measure(training.backprop, training.test))


def _add(training: Training, figures: Figures) -> None:
    """Add figures to the training's log, unless the present epoch has an entry."""
    if training.log and training.log["epoch"][-1] == training.epoch:
        return
    training.log.setdefault("epoch", []).append(training.epoch)
    for key, value in figures.items():
        training.log.setdefault(key, []).append(float(value))


def logged_epochs(start: int, epochs: int, log_every: int) -> Iterator[int]:
    """Yield the epochs that are logged, from `start` on: every log_every, and the last."""
    yield from range(-(-start // log_every) * log_every, epochs, log_every)
    yield epochs


def pauses(start: int, epochs: int, log_every: int) -> Iterator[int]:
    """Yield the epochs to pause at: those that are logged, and enough between them that one pause
    follows another after about BREATH at most."""
    epoch, stride, then = start, 1, monotonic()
    yield epoch
    while epoch < epochs:
        before = epoch
        epoch = min(epoch + stride, epoch - epoch % log_every + log_every, epochs)
        yield epoch
        now = monotonic()
        if now - then > BREATH:
            stride = max(1, stride // 2)
        elif epoch - before == stride:
            stride *= 2
        then = now


def advice(log: Mapping[str, list[float]], config: Config) -> str:
    """Return where a training diverged, and what to change."""
    if len(log["cost"]) == 1:
        return "the cost is not finite before the first update: look at the data and at W"
    text = f"diverged by epoch {log['epoch'][-1]}: cost {log['cost'][-1]:.6g}"
    text += f"; the last finite cost was {log['cost'][-2]:.6g} at epoch {log['epoch'][-2]}"
    text += f". Try learning_rate={config.learning_rate / 10:g}"
    return text + ("" if config.gradient_clip else ", or gradient_clip=1")
