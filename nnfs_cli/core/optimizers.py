"""Optimizers: how parameters change, given a gradient.

A step takes the gradient of the loss summed over samples, shaped like params, and changes the
parameters in place; it may overwrite the gradient. An entry of OPTIMIZERS is a function of the
optimizer's own parameters that returns an Optimizer.

In a stack the learning rate may be an array (networks, 1), and so may be the bound of a clip, with
infinity for none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array

Step: TypeAlias = "Callable[[Array], None]"


@dataclass(frozen=True)
class Optimizer:
    """An update rule that treats every parameter alike.

    `bind(params, rate, samples, memory, update)` returns a step for params (..., n_params), where
    each gradient is a sum over `samples` samples. `memory` (slots, *params.shape) is the state of
    the rule between updates, zeros before the first; `update` is the number of updates done so far.
    """

    bind: Callable[[Array, float | Array, int, Array, int], Step]
    slots: int = 0


def gradient_descent() -> Optimizer:
    """Subtract the learning rate times the mean gradient. Cauchy 1847."""

    def bind(params: Array, rate: float | Array, samples: int, memory: Array, update: int) -> Step:
        # Dividing the rate instead of the gradient costs nothing per update, and an array of the
        # parameters' dtype needs no conversion in each product.
        factor = _constant(rate / samples, params)

        def step(grad: Array) -> None:
            np.multiply(grad, factor, grad)
            np.subtract(params, grad, params)

        return step

    return Optimizer(bind)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"gradient_descent": gradient_descent}


def clipped(bound: float | Array, samples: int, params: Array) -> Step:
    """Return a step that bounds every component of the mean gradient to [-bound, bound]."""
    most = _constant(bound * samples, params)
    least = -most

    def step(grad: Array) -> None:
        np.minimum(grad, most, out=grad)
        np.maximum(grad, least, out=grad)

    return step


def chain(*steps: Step) -> Step:
    """Return a step that applies steps in order to the same gradient array."""
    if len(steps) == 1:
        return steps[0]

    def step(grad: Array) -> None:
        for each in steps:
            each(grad)

    return step


def _constant(value: float | Array, params: Array) -> Array:
    """Return a value in the dtype of params; it may overflow float32, and the cost shows it."""
    with np.errstate(all="ignore"):
        return np.asarray(value, params.dtype)
