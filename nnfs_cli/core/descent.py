"""Descent: a method changes the parameters epoch by epoch, with pauses for its caller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nnfs_cli.core.optimizers import chain, clipped

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array
    from nnfs_cli.core.backprop import Backprop
    from nnfs_cli.core.optimizers import Optimizer, Step


class Method(Protocol):
    """A way to train: `run` changes the parameters in place, from `epoch` to `stop`."""

    def run(self, epoch: int, stop: int) -> None: ...


def descend(method: Method, stops: Iterable[int], *, start: int = 0) -> Iterator[int]:
    """Run a method, and yield each epoch of `stops` on reaching it.

    `stops` are increasing epochs, none before `start`; between two of them the caller may evaluate
    the parameters, save them, or stop.
    """
    epoch = start
    for stop in stops:
        with np.errstate(all="ignore"):  # overflow is allowed; the caller checks at each stop
            method.run(epoch, stop)
        epoch = stop
        yield epoch


@dataclass(slots=True)
class FullBatch:
    """One update per epoch, with the gradient over all samples."""

    gradient: Callable[[], Array]
    step: Step

    def run(self, epoch: int, stop: int) -> None:
        gradient, step = self.gradient, self.step
        for _ in range(stop - epoch):
            step(gradient())


def full_batch(
    backprop: Backprop,
    optimizer: Optimizer,
    learning_rate: float | Array,
    *,
    clip: float | Array | None = None,
) -> FullBatch:
    """Return the method that updates `backprop.params` in place.

    In a stack, learning_rate and clip may be arrays (networks, 1), with infinity for no clip.
    """
    params, samples = backprop.params, backprop.samples
    memory = np.zeros((optimizer.slots, *params.shape), params.dtype)
    step = optimizer.bind(params, learning_rate, samples, memory, 0)
    steps = [step] if clip is None else [clipped(clip, samples, params), step]
    return FullBatch(backprop.gradient, chain(*steps))
