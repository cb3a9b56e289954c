"""Losses, their gradients, and the facts about them.

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
from math import log
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from nnfs_cli.core.activations import Formula

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Activation, Array


class ShortForm(NamedTuple):
    """A loss as a function of z with the derivative y_hat - y, and the reason in words."""

    loss: Callable[[Array, Array], Array]
    reason: str


@dataclass(frozen=True)
class Loss:
    """A loss, its gradient, and the facts that other modules ask for.

    - `formula` is the loss of a sample, `derivative` its derivative with respect to y_hat.
    - `chance(y, classes)` is the cost of guessing on targets y (outputs, samples): even odds if
      they are classes, otherwise the best constant.
    - `best_constant` names the constant answer that costs least, the mean or the median of y.
    - `short_forms` are keyed by the name of the output activation.
    - `outputs` are the names of the output activations it is defined for; None: any.
    - `classes`: the targets must be classes.
    - `kinked`: the slope jumps at y_hat = y.
    """

    loss: Callable[[Array, Array], Array]
    grad: Callable[[Array, Array, Array], None]
    formula: Formula
    derivative: Formula
    chance: Callable[[Array, bool], float]
    best_constant: Literal["mean", "median"] = "mean"
    short_forms: Mapping[str, ShortForm] = field(default_factory=dict)
    outputs: frozenset[str] | None = None
    classes: bool = False
    kinked: bool = False


def constant(y: Array, kind: Literal["mean", "median"]) -> Array:
    """Return the mean or the median of each output's targets, (outputs, 1), float64."""
    if kind == "mean":
        return np.asarray(y.mean(axis=-1, keepdims=True, dtype=np.float64))
    return np.asarray(np.median(y.astype(np.float64), axis=-1, keepdims=True))


def chance_by_median(loss: Callable[[Array, Array], Array]) -> Callable[[Array, bool], float]:
    """Return the `chance` of a loss with the median as its best constant."""

    def chance(y: Array, classes: bool) -> float:
        guess = np.asarray(1 / max(len(y), 2)) if classes else constant(y, "median")
        total = loss(guess, y).sum(dtype=np.float64)
        return float(total) / int(y.shape[-1])

    return chance


def squared_error(y_hat: Array, y: Array) -> Array:
    """Return (y_hat - y)^2 / 2."""
    loss: Array = (y_hat - y) ** 2 / 2
    return loss


def squared_error_grad(y_hat: Array, y: Array, out: Array) -> None:
    """Write y_hat - y."""
    np.subtract(y_hat, y, out)


def squared_error_chance(y: Array, classes: bool) -> float:
    """Return the cost of even odds for classes, otherwise half the variance of y."""
    if classes:
        return 1 / 8 if len(y) == 1 else (1 - 1 / len(y)) / 2
    with np.errstate(over="ignore"):
        return float(np.var(y, axis=-1, dtype=np.float64).sum()) / 2


def absolute_error(y_hat: Array, y: Array) -> Array:
    """Return |y_hat - y|."""
    loss: Array = np.abs(y_hat - y)
    return loss


def absolute_error_grad(y_hat: Array, y: Array, out: Array) -> None:
    """Write the sign of y_hat - y."""
    np.subtract(y_hat, y, out)
    np.sign(out, out)


def huber(y_hat: Array, y: Array) -> Array:
    """Return e^2 / 2 where |e| <= 1, else |e| - 1/2, for e = y_hat - y. Huber 1964, delta = 1."""
    size = np.abs(y_hat - y)
    near = np.minimum(size, 1)
    loss: Array = near * (size - near / 2)
    return loss


def huber_grad(y_hat: Array, y: Array, out: Array) -> None:
    """Write y_hat - y, clipped to [-1, 1]."""
    np.subtract(y_hat, y, out)
    np.clip(out, -1, 1, out)


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
    "squared_error": Loss(
        squared_error,
        squared_error_grad,
        Formula("(y_hat - y)^2 / 2", r"\frac{1}{2} (\hat y - y)^2"),
        Formula("y_hat - y", r"\hat y - y"),
        squared_error_chance,
        short_forms={
            "identity": ShortForm(
                squared_error,
                "the identity's derivative is 1, so dC/dZ is the loss's own derivative.",
            )
        },
    ),
    "absolute_error": Loss(
        absolute_error,
        absolute_error_grad,
        Formula("|y_hat - y|", r"|\hat y - y|"),
        Formula("sign(y_hat - y)", r"\operatorname{sign}(\hat y - y)"),
        chance_by_median(absolute_error),
        "median",
        kinked=True,
    ),
    "huber": Loss(
        huber,
        huber_grad,
        Formula(
            "e^2 / 2 where |e| <= 1, else |e| - 1/2 (e = y_hat - y)",
            r"\min(|e|, 1) \left(|e| - \tfrac{1}{2} \min(|e|, 1)\right), \quad e = \hat y - y",
        ),
        Formula("clip(y_hat - y, -1, 1)", r"\max(-1, \min(1, \hat y - y))"),
        chance_by_median(huber),
        "median",  # nearly: the best constant lies between median and mean
    ),
    "binary_cross_entropy": Loss(
        binary_cross_entropy,
        binary_cross_entropy_grad,
        Formula(
            "-y log y_hat - (1 - y) log(1 - y_hat)",
            r"-y \log \hat y - (1 - y) \log(1 - \hat y)",
        ),
        Formula("(y_hat - y) / (y_hat (1 - y_hat))", r"\frac{\hat y - y}{\hat y (1 - \hat y)}"),
        lambda y, classes: log(2),
        short_forms={
            "sigmoid": ShortForm(
                binary_cross_entropy_of_z,
                "the loss's derivative is (y_hat - y) / (y_hat (1 - y_hat)) and the sigmoid's is "
                "y_hat (1 - y_hat): the factor cancels.",
            )
        },
        outputs=frozenset({"sigmoid"}),
        classes=True,
    ),
    "cross_entropy": Loss(
        cross_entropy,
        cross_entropy_grad,
        Formula("-y log y_hat", r"-\sum y \log \hat y"),
        Formula("-y / y_hat", r"-\frac{y}{\hat y}"),
        lambda y, classes: log(len(y)),
        short_forms={
            "softmax": ShortForm(
                cross_entropy_of_z,
                "the loss's derivative is -y / y_hat and softmax's is y_hat_i ([i = j] - y_hat_j): "
                "summed over units, where y sums to 1, only y_hat - y remains.",
            )
        },
        outputs=frozenset({"softmax"}),
        classes=True,
    ),
}


@dataclass(frozen=True)
class Objective:
    """A loss as a function of the output layer: z, y_hat = f(z), and the targets y.

    `loss(z, y_hat, y)` is as in Loss; `grad(z, y_hat, y, out)` writes its derivative with respect
    to z to `out`, and may use z as scratch. `upstream` is Loss.grad if that is its first step, None
    if a short form replaces it. `kinked` is as in Loss.
    """

    loss: Callable[[Array, Array, Array], Array]
    grad: Callable[[Array, Array, Array, Array], None]
    upstream: Callable[[Array, Array, Array], None] | None = None
    kinked: bool = False


def objective(loss: Loss, output: str, activation: Activation) -> Objective:
    """Return `loss` joined to the output activation; `output` is its name in ACTIVATIONS."""

    def short_form_grad(z: Array, y_hat: Array, y: Array, out: Array) -> None:
        np.subtract(y_hat, y, out)

    def general_grad(z: Array, y_hat: Array, y: Array, out: Array) -> None:
        loss.grad(y_hat, y, out)
        activation.vjp(z, y_hat, out)

    if short_form := loss.short_forms.get(output):
        return Objective(lambda z, y_hat, y: short_form.loss(z, y), short_form_grad)
    return Objective(
        lambda z, y_hat, y: loss.loss(y_hat, y), general_grad, loss.grad, kinked=loss.kinked
    )
