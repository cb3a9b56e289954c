"""Train, pausing at the epochs that are logged and wherever the caller may want to look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from time import monotonic

import numpy as np

from nnfs_cli.config.schema import Config
from nnfs_cli.core.activations import Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.descent import descend
from nnfs_cli.errors import Diverged
from nnfs_cli.training.setup import Training

BREATH = 0.05  # seconds of training after which whoever watches may look, at most about


def measure(train: Backprop, test: Backprop | None) -> dict[str, Array]:
    """Return cost and, for classes, accuracy at the present parameters; those of the test part.

    Each is (networks...).
    """
    measured = {}
    for prefix, backprop in (("", train), ("test_", test)):
        if backprop:
            cost, accuracy = backprop.evaluate()
            measured[f"{prefix}cost"] = cost
            if accuracy is not None:
                measured[f"{prefix}accuracy"] = accuracy
    return measured


def train(training: Training, until: int | None = None) -> Iterator[int]:
    """Train to the last epoch, or one before it, yielding the epoch reached every now and then.

    At the logged epochs, and whenever the caller might want to look or to stop; each yield leaves
    `training` whole. Raises Diverged as soon as a logged cost, or a parameter, is not finite.
    """
    config = training.config
    stops = pauses(training.epoch, config.epochs if until is None else until, config.log_every)
    for epoch in descend(
        training.backprop,
        config.learning_rate,
        stops,
        gradient_clip=config.gradient_clip,
        start=training.epoch,
    ):
        training.epoch = epoch
        if epoch % config.log_every == 0 or epoch == config.epochs:
            log(training)
            if not (isfinite(training.figures["cost"]) and np.isfinite(training.params).all()):
                raise Diverged(advice(training.log, config))
        yield epoch


def log(training: Training) -> None:
    """Add the present state to the training's log, unless it is there."""
    if training.log and training.log["epoch"][-1] == training.epoch:
        return
    training.log.setdefault("epoch", []).append(training.epoch)
    for key, value in measure(training.backprop, training.test).items():
        training.log.setdefault(key, []).append(float(value))


def logged_epochs(start: int, epochs: int, log_every: int) -> Iterator[int]:
    """Yield the epochs that are logged, from `start` on: every log_every, and the last."""
    yield from range(-(-start // log_every) * log_every, epochs, log_every)
    yield epochs


def pauses(start: int, epochs: int, log_every: int) -> Iterator[int]:
    """Yield the epochs to pause at: all that are logged, and so many between that a pause is
    never much further away than BREATH."""
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
    """Return what a user should know of a training that diverged."""
    if len(log["cost"]) == 1:
        return "the cost is not finite before the first update: look at the data and at W"
    text = f"diverged by epoch {log['epoch'][-1]}: cost {log['cost'][-1]:.6g}"
    text += f"; the last finite cost was {log['cost'][-2]:.6g} at epoch {log['epoch'][-2]}"
    text += f". Try learning_rate={config.learning_rate / 10:g}"
    return text + ("" if config.gradient_clip else ", or gradient_clip=1")
