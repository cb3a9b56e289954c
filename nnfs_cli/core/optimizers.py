"""Optimizers: how parameters change, given a gradient.

A step takes the gradient of the loss summed over samples, like params, and changes the parameters
in place; the gradient is its scratch space. An entry of OPTIMIZERS is a function that returns an
Optimizer. Its signature is the configuration's schema.

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
    each gradient is a sum over so many samples. `memory` (slots, *params.shape) is what the rule
    remembers from one update to the next, zeros before the first; `update` is the number of
    updates that memory has seen.
    """

    bind: Callable[[Array, float | Array, int, Array, int], Step]
    slots: int = 0


def gradient_descent() -> Optimizer:
    """Subtract the learning rate times the mean gradient. Cauchy 1847."""

    def bind(params: Array, rate: float | Array, samples: int, memory: Array, update: int) -> Step:
        # Dividing the rate instead of the gradient costs nothing per update. As an array of the
        # parameters' dtype it spares each product a conversion.
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
    """Return a step that takes each of the steps in turn, on the same gradient."""
    if len(steps) == 1:
        return steps[0]

    def step(grad: Array) -> None:
        for each in steps:
            each(grad)

    return step


def _constant(value: float | Array, params: Array) -> Array:
    """Return a value in the dtype of params; float32 may not hold it, which the cost shows."""
    with np.errstate(all="ignore"):
        return np.asarray(value, params.dtype)
