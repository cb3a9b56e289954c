"""The forward and backward pass of a network, or of a stack of them, over fixed samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from nnfs_cli.core.blocks import Block, block_size, stages, work_space
from nnfs_cli.core.lanes import divide, lane_count, pool
from nnfs_cli.core.metrics import count_correct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nnfs_cli.core.activations import Array
    from nnfs_cli.core.losses import Objective
    from nnfs_cli.core.network import Network
    from nnfs_cli.core.products import Product

Result = TypeVar("Result")

THREAD = 1 << 20  # least work per thread, samples x parameters


class Evaluation(NamedTuple):
    """The mean loss of each network and, for classes, the share of samples it gets right."""

    cost: Array
    accuracy: Array | None


class Trace(NamedTuple):
    """Copies of one layer's arrays during gradient(), where C is the sum of losses over samples.

    `upstream` is dC/da; it is None where the output's short form computes dC/dz directly.
    """

    z: Array  # (..., units, samples)
    a: Array  # (..., units, samples)
    upstream: Array | None  # (..., units, samples)
    delta: Array  # dC/dz, (..., units, samples)
    dWb: Array  # (..., units, fan_in + 1)


@dataclass(slots=True)
class _Lane:
    """Consecutive blocks that share their work space, and the sum of their gradients."""

    blocks: list[Block]
    grad: Array  # the first block's gradient, to which the others are added
    part: Array  # every other block's gradient


class Backprop:
    """Evaluates a network's cost and its gradient at `params`, which the caller changes in place.

    params is (..., n_params), x (..., inputs + 1, samples) with a last row of ones, and y
    (..., outputs, samples), all of one dtype. The leading axes are networks; x and y without them
    are shared by all. `classes` is true if y is classes, as 0 and 1 or one-hot, and false if it is
    numbers. An x without the row of ones is copied a block at a time: it may have another dtype or
    layout, or be a file larger than memory.

    Samples are processed in blocks, so the work space, allocated here, does not grow with their
    number. Blocks are grouped in lanes, which `threads` share. The division of the samples and the
    order of sums depend only on the number of samples and the network; threads change no bit.
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
        threads: int = 1,
    ) -> None:
        self.network, self.objective, self.params = network, objective, params
        self.samples, self.classes = x.shape[-1], classes
        lanes = lane_count(self.samples)
        # On whole arrays both make the same BLAS calls, and dot has half the overhead. On a slice,
        # dot would copy and round differently.
        whole = params.ndim == 1 and lanes == 1 and x.flags.c_contiguous
        self._product: Product = np.dot if whole else np.matmul
        self._lanes = [
            self._lane(x[..., start:stop], y[..., start:stop])
            for start, stop in divide(self.samples, lanes)
        ]
        threads = min(threads, len(self._lanes), self.samples * network.n_params // THREAD)
        self._pool = pool(threads - 1) if threads > 1 else None

    def _lane(self, x: Array, y: Array) -> _Lane:
        grad, part = np.empty_like(self.params), np.empty_like(self.params)
        *networks, rows, samples = x.shape
        largest = block_size(max(layer.units for layer in self.network.layers))
        bounds = divide(samples, -(-samples // largest))
        sizes = {stop - start for start, stop in bounds}
        spaces = {
            size: work_space(self.network, self.params.shape[:-1], size, self.params.dtype)
            for size in sizes
        }
        bare = rows == self.network.layers[0].fan_in
        copies = {
            size: np.ones((*networks, rows + 1, size), self.params.dtype) for size in sizes if bare
        }
        blocks = []
        for start, stop in bounds:
            source, size = x[..., start:stop], stop - start
            where = copies.get(size, source), part if start else grad
            layers = stages(self.network, self.params, *where, spaces[size], self._product)
            blocks.append(Block(layers, y[..., start:stop], source if bare else None))
        return _Lane(blocks, grad, part)

    @property
    def targets(self) -> Array:
        """A copy of the targets of all samples, (..., outputs, samples)."""
        blocks = [block.y for lane in self._lanes for block in lane.blocks]
        return np.concatenate(blocks, axis=-1)

    def evaluate(self) -> Evaluation:
        """Return cost and accuracy at the present parameters, float64 (networks...)."""
        with np.errstate(all="ignore"):
            sums = self._each_lane(self._evaluate_lane)
        cost, correct = np.zeros((2, *self.params.shape[:-1]))
        for lane_cost, lane_correct in sums:
            cost += lane_cost
            correct += lane_correct
        accuracy = correct / self.samples if self.classes else None
        return Evaluation(cost / self.samples, accuracy)

    def _evaluate_lane(self, lane: _Lane) -> tuple[Array, Array]:
        """Return a lane's sum of losses and number of correct samples, each (networks...)."""
        cost, correct = np.zeros((2, *self.params.shape[:-1]))
        for block in lane.blocks:
            block.forward()
            z, y_hat, y = block.stages[-1].z, block.stages[-1].a, block.y
            loss = self.objective.loss(z, y_hat, y).sum(axis=-1, dtype=np.float64)
            cost += loss.sum(axis=-1)  # one axis at a time: same bits in a stack and on its own
            if self.classes:
                correct += count_correct(y_hat, y)
        return cost, correct

    def gradient(self) -> Array:
        """Return the gradient of the loss summed over samples, like params.

        The array is scratch space of this object: the caller may change it, and the next call
        overwrites it.
        """
        if len(self._lanes) == 1:
            return self._gradient_of_lane(self._lanes[0])
        first, *others = self._each_lane(self._gradient_of_lane)
        for grad in others:
            np.add(first, grad, first)
        return first

    def trace(self) -> list[Trace]:
        """Return copies of each layer's arrays during gradient(), first layer first.

        The same blocks run one after the other, and their arrays are copied in between.
        """
        with np.errstate(all="ignore"):
            blocks = [self._trace_block(block) for lane in self._lanes for block in lane.blocks]
            sums = self.network.views(self.gradient().copy())
        return [
            layer[0]._replace(
                z=np.concatenate([part.z for part in layer], axis=-1),
                a=np.concatenate([part.a for part in layer], axis=-1),
                upstream=_joined([part.upstream for part in layer]),
                delta=np.concatenate([part.delta for part in layer], axis=-1),
                dWb=dWb,
            )
            for *layer, dWb in zip(*blocks, sums, strict=True)
        ]

    def _trace_block(self, block: Block) -> list[Trace]:
        """Return the arrays of each layer for one block."""
        block.forward()
        # Copied first, because backward uses z and a as scratch space.
        values = [(stage.z.copy(), stage.a.copy()) for stage in block.stages]
        output, upstream = block.stages[-1], None
        if self.objective.upstream:
            upstream = np.empty_like(output.delta)
            self.objective.upstream(output.a, block.y, upstream)
        self.objective.grad(output.z, output.a, block.y, output.delta)
        block.backward()
        # backward turned dC/da into dC/dz in place; the same product recomputes dC/da.
        above = [stage.pull(stage.WT, stage.delta) for stage in block.stages[1:]]
        return [
            Trace(z, a, dC_da, stage.delta.copy(), stage.dWb.copy())
            for (z, a), stage, dC_da in zip(values, block.stages, [*above, upstream], strict=True)
        ]

    def _gradient_of_lane(self, lane: _Lane) -> Array:
        """Return the gradient summed over a lane's samples, in `lane.grad`."""
        for i, block in enumerate(lane.blocks):
            block.forward()
            output = block.stages[-1]
            self.objective.grad(output.z, output.a, block.y, output.delta)
            block.backward()
            if i:
                np.add(lane.grad, lane.part, lane.grad)
        return lane.grad

    def _each_lane(self, work: Callable[[_Lane], Result]) -> list[Result]:
        """Return the results of `work` for each lane, in order.

        Pool threads work forwards from the first lane, this thread backwards from the last.
        """
        if self._pool is None:
            return [work(lane) for lane in self._lanes]
        *others, last = self._lanes
        waiting = [self._pool.submit(work, lane) for lane in others]
        own = [work(last)]
        while waiting and waiting[-1].cancel():
            waiting.pop()
            own.append(work(others[len(waiting)]))
        return [*(future.result() for future in waiting), *reversed(own)]


def work_numbers(units: Sequence[int], samples: int) -> int:
    """Return how many numbers of work space Backprop needs at least, for layers of these sizes.

    Each lane has z, delta and a of each unit and each sample of a block.
    """
    lanes = lane_count(samples)
    lane = -(-samples // lanes)
    block = -(-lane // -(-lane // block_size(max(units))))
    return 3 * sum(units) * block * lanes


def _joined(parts: list[Array | None]) -> Array | None:
    """Return the samples of all parts side by side, or None if the parts are None."""
    arrays = [part for part in parts if part is not None]
    return np.concatenate(arrays, axis=-1) if arrays else None
