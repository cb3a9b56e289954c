"""The forward and backward pass of a network, or of a stack of them, over fixed samples."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from nnfs_cli.core.metrics import count_correct

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnfs_cli.core.activations import Activation, Array
    from nnfs_cli.core.losses import Objective
    from nnfs_cli.core.network import Network

    Product: TypeAlias = Callable[..., Any]

BLOCK = 1024  # samples at a time: their work space stays in cache


class Evaluation(NamedTuple):
    """Mean loss and, for classes, the share of samples that get their own, of each network."""

    cost: Array
    accuracy: Array | None


class _Step(NamedTuple):
    """One layer at work on one block of samples: every array that it reads and writes.

    Forward: z = Wb x, a = f(z). Backward, from delta = dC/dz: dWb = delta xT, and dC/dx = WT delta.
    """

    activation: Activation
    Wb: Array  # (..., units, fan_in + 1)
    x: Array  # (..., fan_in + 1, samples), the last row ones
    z: Array  # (..., units, samples)
    a: Array  # (..., units, samples): the next layer's x without its ones
    delta: Array  # (..., units, samples)
    dWb: Array  # (..., units, fan_in + 1)
    WT: Array  # (..., fan_in, units)
    xT: Array  # (..., samples, fan_in + 1)


class _Block(NamedTuple):
    """Some of the samples: their steps, first layer first, and their targets.

    `source` is what to copy into the first step's x, if that does not hold the samples already.
    """

    steps: list[_Step]
    y: Array
    source: Array | None

    def forward(self, product: Product) -> None:
        """Fill z and a of each step, first layer first."""
        if self.source is not None:
            np.copyto(self.steps[0].x[..., :-1, :], self.source, casting="same_kind")
        for step in self.steps:
            product(step.Wb, step.x, out=step.z)
            step.activation.forward(step.z, step.a)

    def backward(self, product: Product) -> None:
        """Fill dWb of each step, and delta of all but the last, whose delta is given."""
        steps = self.steps
        for below, step in zip(steps[-2::-1], steps[:0:-1], strict=True):
            product(step.delta, step.xT, out=step.dWb)
            product(step.WT, step.delta, out=below.delta)
            below.activation.vjp(below.z, below.a, below.delta)
        product(steps[0].delta, steps[0].xT, out=steps[0].dWb)


class Backprop:
    """Evaluates a network's cost and its gradient at `params`, which the caller alters in place.

    params is (..., n_params), x (..., inputs + 1, samples) with a last row of ones, and y
    (..., outputs, samples), all of one dtype. The leading axes are networks; x and y without them
    are shared by all. `classes` says whether y is classes, as 0 and 1 or one-hot, or numbers. An x
    without the row of ones is copied a block at a time: it may be of another dtype or layout, or a
    file that is larger than memory.

    Samples pass in blocks of about equal size, and the blocks' sums are added in order, so that
    the work space, all of it owned here, does not grow with their number.
    """

    def __init__(
        self,
        network: Network,
        objective: Objective,
        params: Array,
        x: Array,
        y: Array,
        *,
        classes: bool = True,
    ) -> None:
        self.network, self.objective, self.params = network, objective, params
        self.samples, self.classes = x.shape[-1], classes
        # Both come to the same BLAS calls; dot knows no stacks, but takes half the time to do so.
        self._product: Product = np.dot if params.ndim == 1 else np.matmul
        self._grad, self._part = np.empty_like(params), np.empty_like(params)
        count = -(-self.samples // BLOCK)
        bounds = list(pairwise(i * self.samples // count for i in range(count + 1)))
        spaces = {size: self._work_space(size) for size in {stop - start for start, stop in bounds}}
        *networks, rows, _ = x.shape
        bare = rows == network.layers[0].fan_in
        copies = {
            size: np.ones((*networks, rows + 1, size), params.dtype) for size in spaces if bare
        }
        self._blocks = []
        for start, stop in bounds:
            source, grad = x[..., start:stop], self._part if start else self._grad
            steps = self._steps(copies.get(stop - start, source), grad, spaces[stop - start])
            self._blocks.append(_Block(steps, y[..., start:stop], source if bare else None))

    def _work_space(self, size: int) -> list[tuple[Array, Array, Array]]:
        """Return z, delta and (with a row of ones) a of each layer, for `size` samples."""
        networks, dtype = self.params.shape[:-1], self.params.dtype
        return [
            (
                np.empty((*networks, layer.units, size), dtype),
                np.empty((*networks, layer.units, size), dtype),
                np.ones((*networks, layer.units + 1, size), dtype),
            )
            for layer in self.network.layers
        ]

    def _steps(self, x: Array, grad: Array, space: list[tuple[Array, Array, Array]]) -> list[_Step]:
        steps = []
        for layer, Wb, dWb, (z, delta, a) in zip(
            self.network.layers,
            self.network.views(self.params),
            self.network.views(grad),
            space,
            strict=True,
        ):
            WT, xT = Wb[..., :-1].mT, x.mT
            steps.append(_Step(layer.activation, Wb, x, z, a[..., :-1, :], delta, dWb, WT, xT))
            x = a
        return steps

    def evaluate(self) -> Evaluation:
        """Return cost and accuracy at the present parameters, float64 (networks...)."""
        cost, correct = np.zeros((2, *self.params.shape[:-1]))
        with np.errstate(all="ignore"):
            for block in self._blocks:
                block.forward(self._product)
                z, y_hat, y = block.steps[-1].z, block.steps[-1].a, block.y
                loss = self.objective.loss(z, y_hat, y).sum(axis=-1, dtype=np.float64)
                cost += loss.sum(axis=-1)  # one axis at a time: the same alone and in a stack
                if self.classes:
                    correct += count_correct(y_hat, y)
        accuracy = correct / self.samples if self.classes else None
        return Evaluation(cost / self.samples, accuracy)

    def gradient(self) -> Array:
        """Return the gradient of the loss summed over samples, like params.

        The array is the object's own: the caller may alter it, and the next call overwrites it.
        """
        for i, block in enumerate(self._blocks):
            block.forward(self._product)
            output = block.steps[-1]
            self.objective.grad(output.z, output.a, block.y, output.delta)
            block.backward(self._product)
            if i:
                np.add(self._grad, self._part, out=self._grad)
        return self._grad
