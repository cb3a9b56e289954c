"""Losses: what a network's outputs cost, and the gradient of that.

`loss(y_hat, y)` returns the loss of each output unit and sample, or of each sample with a units
axis of 1; `grad(y_hat, y, out)` writes its derivative with respect to y_hat to `out`. Arrays are
(..., units, samples). The cost is the loss summed over units and averaged over samples.

With some output activations the derivative with respect to z, the activation's input, collapses
to y_hat - y. Such a pair is in `short_forms`, with its loss as a function of z: exact where y_hat
has already been rounded to 0 or 1. An Objective is a loss joined to an output activation, by the
short form where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Activation, Array


@dataclass(frozen=True)
class Loss:
    """A loss, its gradient, its short forms, and the output activations it is defined for."""

    loss: Callable[[Array, Array], Array]
    grad: Callable[[Array, Array, Array], None]
    short_forms: Mapping[str, Callable[[Array, Array], Array]] = field(default_factory=dict)
    outputs: frozenset[str] | None = None  # None: any


def squared_error(y_hat: Array, y: Array) -> Array:
    """Return (y_hat - y)^2 / 2."""
    loss: Array = (y_hat - y) ** 2 / 2
    return loss


def squared_error_grad(y_hat: Array, y: Array, out: Array) -> None:
    """Write y_hat - y."""
    np.subtract(y_hat, y, out)


def binary_cross_entropy(y_hat: Array, y: Array) -> Array:
    """Return -y log y_hat - (1 - y) log(1 - y_hat), for y_hat strictly between 0 and 1."""
    loss: Array = -y * np.log(y_hat) - (1 - y) * np.log1p(-y_hat)
    return loss


def binary_cross_entropy_grad(y_hat: Array, y: Array, out: Array) -> None:
    """Write (y_hat - y) / (y_hat (1 - y_hat))."""
    np.divide(y_hat - y, y_hat * (1 - y_hat), out)


def binary_cross_entropy_of_z(z: Array, y: Array) -> Array:
    """Return the binary cross-entropy of sigmoid(z): max(z, 0) - y z + log(1 + e^-|z|)."""
    loss: Array = np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))
    return loss


def cross_entropy(y_hat: Array, y: Array) -> Array:
    """Return -y log y_hat, for y_hat > 0."""
    loss: Array = -y * np.log(y_hat)
    return loss


def cross_entropy_grad(y_hat: Array, y: Array, out: Array) -> None:
    """Write -y / y_hat."""
    np.divide(-y, y_hat, out)


def cross_entropy_of_z(z: Array, y: Array) -> Array:
    """Return the cross-entropy of softmax(z), (..., 1, samples), for y that sums to 1."""
    z = z - z.max(axis=-2, keepdims=True)
    log_sum = np.log(np.exp(z).sum(axis=-2, keepdims=True))
    loss: Array = log_sum - (y * z).sum(axis=-2, keepdims=True)
    return loss


LOSSES = {
    "squared_error": Loss(squared_error, squared_error_grad, {"identity": squared_error}),
    "binary_cross_entropy": Loss(
        binary_cross_entropy,
        binary_cross_entropy_grad,
        {"sigmoid": binary_cross_entropy_of_z},
        outputs=frozenset({"sigmoid"}),
    ),
    "cross_entropy": Loss(
        cross_entropy,
        cross_entropy_grad,
        {"softmax": cross_entropy_of_z},
        outputs=frozenset({"softmax"}),
    ),
}


@dataclass(frozen=True)
class Objective:
    """A loss as a function of the output layer: z, y_hat = f(z), and the targets y.

    `loss(z, y_hat, y)` is as in Loss; `grad(z, y_hat, y, out)` writes its derivative with respect
    to z to `out`, and may use z as scratch. `upstream` is Loss.grad where that is its first step,
    and None where the short form goes to z at once.
    """

    loss: Callable[[Array, Array, Array], Array]
    grad: Callable[[Array, Array, Array, Array], None]
    upstream: Callable[[Array, Array, Array], None] | None = None


def objective(loss: Loss, output: str, activation: Activation) -> Objective:
    """Return `loss` joined to the output activation, which is called `output` in ACTIVATIONS."""

    def short_form_grad(z: Array, y_hat: Array, y: Array, out: Array) -> None:
        np.subtract(y_hat, y, out)

    def general_grad(z: Array, y_hat: Array, y: Array, out: Array) -> None:
        loss.grad(y_hat, y, out)
        activation.vjp(z, y_hat, out)

    if short_form := loss.short_forms.get(output):
        return Objective(lambda z, y_hat, y: short_form(z, y), short_form_grad)
    return Objective(lambda z, y_hat, y: loss.loss(y_hat, y), general_grad, loss.grad)
