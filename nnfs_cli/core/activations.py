"""Activation functions, each with its vector-Jacobian product and the facts about it.

`forward(z, out)` writes f(z) to `out`. `vjp(z, a, grad)` turns `grad` from dC/da into dC/dz in
place, where a = f(z); it may use `z` and `a` as scratch. All have shape (..., units, samples).
Ufuncs take their output array by position: on a small network a keyword argument costs
measurable time.

An entry of ACTIVATIONS is a function that returns an Activation. Its signature is the
configuration's schema, and a ValueError that it raises is shown to the user.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

# Constants as arrays: a ufunc call with a Python number has twice the overhead.
ONE = {np.dtype(kind): np.ones((), kind) for kind in (np.float32, np.float64)}
ZERO = {np.dtype(kind): np.zeros((), kind) for kind in (np.float32, np.float64)}


class Formula(NamedTuple):
    """A formula as plain text and as LaTeX."""

    text: str
    latex: str


@dataclass(frozen=True)
class Activation:
    """A function of z, its vector-Jacobian product, and the facts that other modules ask for.

    - `formula` is f(z), `derivative` its derivative, where a = f(z).
    - `initializer` is the initializer of W that suits it.
    - `elementwise`: a unit's a depends only on its own z.
    - `kinked`: the slope jumps at z = 0.
    - `linear`: f(z) = z.
    - `dies`: a unit with a = 0 on every sample has no gradient and stays so.
    - `limits`: the values that a approaches as z goes to -infinity and infinity, for a function
      that saturates at both.
    - `probability`: a is between 0 and 1, and sums to 1 over the units if not elementwise.
    """

    forward: Callable[[Array, Array], None]
    vjp: Callable[[Array, Array, Array], None]
    formula: Formula
    derivative: Formula
    initializer: str = "xavier"
    elementwise: bool = True
    kinked: bool = False
    linear: bool = False
    dies: bool = False
    limits: tuple[float, float] | None = None
    probability: bool = False


def identity() -> Activation:
    """z; derivative 1."""

    def forward(z: Array, out: Array) -> None:
        np.copyto(out, z)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        pass

    return Activation(
        forward,
        vjp,
        Formula("z", "z"),
        Formula("1", "1"),
        linear=True,
    )


def sigmoid() -> Activation:
    """1 / (1 + e^-z); derivative a (1 - a)."""

    def forward(z: Array, out: Array) -> None:
        np.negative(z, out)
        np.exp(out, out)
        np.add(out, ONE[out.dtype], out)
        np.reciprocal(out, out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.multiply(a, a, z)
        np.subtract(a, z, z)
        np.multiply(grad, z, grad)

    return Activation(
        forward,
        vjp,
        Formula("1 / (1 + e^-z)", r"\frac{1}{1 + e^{-z}}"),
        Formula("a (1 - a)", "a (1 - a)"),
        limits=(0, 1),
        probability=True,
    )


def tanh() -> Activation:
    """tanh z; derivative 1 - a^2."""

    def forward(z: Array, out: Array) -> None:
        np.tanh(z, out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.multiply(a, a, z)
        np.subtract(ONE[z.dtype], z, z)
        np.multiply(grad, z, grad)

    return Activation(
        forward,
        vjp,
        Formula("tanh z", r"\tanh z"),
        Formula("1 - a^2", "1 - a^2"),
        limits=(-1, 1),
    )


def relu() -> Activation:
    """max(z, 0); derivative 1 where z > 0, else 0. Nair and Hinton 2010."""

    def forward(z: Array, out: Array) -> None:
        out.fill(0)  # maximum of two arrays is twice as fast as of an array and a number
        np.maximum(z, out, out=out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.greater(a, ZERO[a.dtype], z)
        np.multiply(grad, z, grad)

    return Activation(
        forward,
        vjp,
        Formula("max(z, 0)", r"\max(z, 0)"),
        Formula("1 where z > 0, else 0", "[z > 0]"),
        initializer="he",
        kinked=True,
        dies=True,
    )


def leaky_relu(slope: float = 0.05) -> Activation:
    """z where z > 0, else slope z; derivative 1 or slope. Maas et al. 2013."""
    if not 0 <= slope < 1:
        raise ValueError("slope: must be at least 0 and less than 1")
    factor = {kind: np.asarray(slope, kind) for kind in ONE}

    def forward(z: Array, out: Array) -> None:
        np.multiply(z, factor[z.dtype], out)
        np.maximum(z, out, out=out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.sign(z, z)
        a.fill(slope)  # as in relu
        np.maximum(z, a, out=z)
        np.multiply(grad, z, grad)

    return Activation(
        forward,
        vjp,
        Formula(f"z where z > 0, else {slope:g} z", rf"\max(z, {slope:g} z)"),
        Formula(f"1 or {slope:g}", rf"[z > 0] + {slope:g} [z \le 0]"),
        initializer="he",
        kinked=True,
        dies=slope == 0,
    )


def elu() -> Activation:
    """z where z > 0, else e^z - 1; derivative 1 or a + 1. Clevert et al. 2016, alpha = 1."""

    def forward(z: Array, out: Array) -> None:
        np.minimum(z, ZERO[z.dtype], out=out)  # e^z overflows at large z, where it is not used
        np.expm1(out, out)
        np.maximum(z, out, out=out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.minimum(a, ZERO[a.dtype], out=z)
        np.add(z, ONE[z.dtype], z)
        np.multiply(grad, z, grad)

    return Activation(
        forward,
        vjp,
        Formula("z where z > 0, else e^z - 1", r"\max(z, 0) + e^{\min(z, 0)} - 1"),
        Formula("1 or a + 1", r"\min(a, 0) + 1"),
        initializer="he",
    )


def softplus() -> Activation:
    """log(1 + e^z); derivative 1 - e^-a, which is sigmoid(z). Dugas et al. 2001."""

    def forward(z: Array, out: Array) -> None:
        np.logaddexp(ZERO[z.dtype], z, out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.negative(a, z)
        np.expm1(z, z)
        np.negative(z, z)
        np.multiply(grad, z, grad)

    return Activation(
        forward,
        vjp,
        Formula("log(1 + e^z)", r"\log(1 + e^z)"),
        Formula("1 - e^-a", "1 - e^{-a}"),
        initializer="he",
    )


def sin() -> Activation:
    """sin z; derivative cos z."""

    def forward(z: Array, out: Array) -> None:
        np.sin(z, out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.cos(z, z)
        np.multiply(grad, z, grad)

    return Activation(
        forward,
        vjp,
        Formula("sin z", r"\sin z"),
        Formula("cos z", r"\cos z"),
    )


def cos() -> Activation:
    """cos z; derivative -sin z."""

    def forward(z: Array, out: Array) -> None:
        np.cos(z, out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.sin(z, z)
        np.negative(z, z)
        np.multiply(grad, z, grad)

    return Activation(
        forward,
        vjp,
        Formula("cos z", r"\cos z"),
        Formula("-sin z", r"-\sin z"),
    )


def softmax() -> Activation:
    """e^z over its sum across units; dC/dz = a (dC/da - sum of a dC/da). Bridle 1990."""

    def forward(z: Array, out: Array) -> None:
        np.subtract(z, z.max(axis=-2, keepdims=True), out)
        np.exp(out, out)
        np.divide(out, out.sum(axis=-2, keepdims=True), out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.multiply(grad, a, z)
        np.subtract(grad, z.sum(axis=-2, keepdims=True), grad)
        np.multiply(grad, a, grad)

    return Activation(
        forward,
        vjp,
        Formula("e^z over its sum across units", r"\frac{e^{z_i}}{\sum_j e^{z_j}}"),
        Formula("a_i ([i = j] - a_j)", "a_i ([i = j] - a_j)"),
        elementwise=False,
        probability=True,
    )


ACTIVATIONS: dict[str, Callable[..., Activation]] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "softplus": softplus,
    "sin": sin,
    "cos": cos,
    "softmax": softmax,
}


def derivative(activation: Activation, z: Array, a: Array) -> Array:
    """Return da/dz, (..., units, samples), computed by the activation's own vjp.

    If units depend on each other: da_i/dz_j at [..., i, j, sample].
    """
    if activation.elementwise:
        local = np.ones_like(z)
        activation.vjp(z.copy(), a.copy(), local)
        return local
    rows = []
    for i in range(z.shape[-2]):
        row = np.zeros_like(z)
        row[..., i, :] = 1
        activation.vjp(z.copy(), a.copy(), row)
        rows.append(row)
    return np.stack(rows, axis=-3)
