"""Activation functions, each with its vector-Jacobian product.

`forward(z, out)` writes f(z) to `out`. `vjp(z, a, grad)` turns `grad` from dC/da into dC/dz in
place, where a = f(z); it may use `z` and `a` as scratch. All have shape (..., units, samples).
Where to write is a ufunc's last argument, by position: on a small network a keyword shows in the
time.

An entry of ACTIVATIONS is a function that returns the pair. Its signature is the configuration's
schema, and a ValueError from it is shown to the user.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

# Ufuncs take twice as long to begin with a Python number as with an array of their own dtype.
ONE = {np.dtype(kind): np.ones((), kind) for kind in (np.float32, np.float64)}
ZERO = {np.dtype(kind): np.zeros((), kind) for kind in (np.float32, np.float64)}


@dataclass(frozen=True)
class Activation:
    """A function of z, its vector-Jacobian product, and the initializer of W that suits it.

    `elementwise` says that each unit's a depends on its own z alone, `kinked` that its slope jumps
    where z is 0.
    """

    forward: Callable[[Array, Array], None]
    vjp: Callable[[Array, Array, Array], None]
    initializer: str = "xavier"
    elementwise: bool = True
    kinked: bool = False


def identity() -> Activation:
    """z; derivative 1."""

    def forward(z: Array, out: Array) -> None:
        np.copyto(out, z)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        pass

    return Activation(forward, vjp)


def sigmoid() -> Activation:
    """1 / (1 + e^-z); derivative a - a^2."""

    def forward(z: Array, out: Array) -> None:
        np.negative(z, out)
        np.exp(out, out)
        np.add(out, ONE[out.dtype], out)
        np.reciprocal(out, out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.multiply(a, a, z)
        np.subtract(a, z, z)
        np.multiply(grad, z, grad)

    return Activation(forward, vjp)


def tanh() -> Activation:
    """tanh z; derivative 1 - a^2."""

    def forward(z: Array, out: Array) -> None:
        np.tanh(z, out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.multiply(a, a, z)
        np.subtract(ONE[z.dtype], z, z)
        np.multiply(grad, z, grad)

    return Activation(forward, vjp)


def relu() -> Activation:
    """max(z, 0); derivative 1 where z > 0, else 0. Nair and Hinton 2010."""

    def forward(z: Array, out: Array) -> None:
        out.fill(0)  # NumPy's maximum is twice as fast of two arrays as of one and a number
        np.maximum(z, out, out=out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.greater(a, ZERO[a.dtype], z)
        np.multiply(grad, z, grad)

    return Activation(forward, vjp, initializer="he", kinked=True)


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

    return Activation(forward, vjp, initializer="he", kinked=True)


def elu() -> Activation:
    """z where z > 0, else e^z - 1; derivative 1 or a + 1. Clevert et al. 2016, alpha = 1."""

    def forward(z: Array, out: Array) -> None:
        np.minimum(z, ZERO[z.dtype], out=out)  # e^z would overflow where it is not wanted
        np.expm1(out, out)
        np.maximum(z, out, out=out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.minimum(a, ZERO[a.dtype], out=z)
        np.add(z, ONE[z.dtype], z)
        np.multiply(grad, z, grad)

    return Activation(forward, vjp, initializer="he")


def softplus() -> Activation:
    """log(1 + e^z); derivative 1 - e^-a, which is sigmoid(z). Dugas et al. 2001."""

    def forward(z: Array, out: Array) -> None:
        np.logaddexp(ZERO[z.dtype], z, out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.negative(a, z)
        np.expm1(z, z)
        np.negative(z, z)
        np.multiply(grad, z, grad)

    return Activation(forward, vjp, initializer="he")


def sin() -> Activation:
    """sin z; derivative cos z."""

    def forward(z: Array, out: Array) -> None:
        np.sin(z, out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.cos(z, z)
        np.multiply(grad, z, grad)

    return Activation(forward, vjp)


def cos() -> Activation:
    """cos z; derivative -sin z."""

    def forward(z: Array, out: Array) -> None:
        np.cos(z, out)

    def vjp(z: Array, a: Array, grad: Array) -> None:
        np.sin(z, z)
        np.negative(z, z)
        np.multiply(grad, z, grad)

    return Activation(forward, vjp)


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

    return Activation(forward, vjp, elementwise=False)


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
    """Return da/dz, (..., units, samples), by the activation's own vjp.

    Where units depend on each other it is da_i/dz_j at [..., i, j, sample].
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
