"""The forward and backward pass of a network, or of a stack of them, over fixed samples."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from nnfs_cli.core.blocks import Block, block_size, steps, work_space
from nnfs_cli.core.metrics import count_correct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from nnfs_cli.core.activations import Array
    from nnfs_cli.core.losses import Objective
    from nnfs_cli.core.network import Network
    from nnfs_cli.core.products import Product

Result = TypeVar("Result")

LANE = 400  # samples that a lane has at least, where there are more lanes than one
MAX_LANES = 8
THREAD = 1 << 20  # samples x parameters that are worth a thread


class Evaluation(NamedTuple):
    """Mean loss and, for classes, the share of samples that get their own, of each network."""

    cost: Array
    accuracy: Array | None


class Trace(NamedTuple):
    """What one layer computed on the way of gradient(): copies, of losses summed over samples.

    `upstream` is dC/da, and None where the output's short form goes to dC/dz at once.
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
    grad: Array  # of the first block, and then the sum
    part: Array  # of each other block


class Backprop:
    """Evaluates a network's cost and its gradient at `params`, which the caller alters in place.

    params is (..., n_params), x (..., inputs + 1, samples) with a last row of ones, and y
    (..., outputs, samples), all of one dtype. The leading axes are networks; x and y without them
    are shared by all. `classes` says whether y is classes, as 0 and 1 or one-hot, or numbers. An x
    without the row of ones is copied a block at a time: it may be of another dtype or layout, or a
    file that is larger than memory.

    Samples pass in blocks, so that the work space, all of it owned here, does not grow with their
    number. Blocks stand in lanes, which `threads` share. How the samples are divided, and in which
    order sums are taken, depends on nothing but their number and the network: so do the bits.
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
        lanes = _lanes(self.samples)
        # On whole arrays, transposed or not, both make the same BLAS calls, and dot takes half the
        # time to get there; a part of an array it would copy, to other bits.
        whole = params.ndim == 1 and lanes == 1 and x.flags.c_contiguous
        self._product: Product = np.dot if whole else np.matmul
        self._lanes = [
            self._lane(x[..., start:stop], y[..., start:stop])
            for start, stop in _divide(self.samples, lanes)
        ]
        threads = min(threads, len(self._lanes), self.samples * network.n_params // THREAD)
        self._pool = _pool(threads - 1) if threads > 1 else None

    def _lane(self, x: Array, y: Array) -> _Lane:
        grad, part = np.empty_like(self.params), np.empty_like(self.params)
        *networks, rows, samples = x.shape
        largest = block_size(max(layer.units for layer in self.network.layers))
        bounds = _divide(samples, -(-samples // largest))
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
            layers = steps(self.network, self.params, *where, spaces[size], self._product)
            blocks.append(Block(layers, y[..., start:stop], source if bare else None))
        return _Lane(blocks, grad, part)

    @property
    def targets(self) -> Array:
        """The targets of all samples, (..., outputs, samples), copied."""
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
        """Return the sum of losses and the number of correct samples of a lane."""
        cost, correct = np.zeros((2, *self.params.shape[:-1]))
        for block in lane.blocks:
            block.forward()
            z, y_hat, y = block.steps[-1].z, block.steps[-1].a, block.y
            loss = self.objective.loss(z, y_hat, y).sum(axis=-1, dtype=np.float64)
            cost += loss.sum(axis=-1)  # one axis at a time: the same alone and in a stack
            if self.classes:
                correct += count_correct(y_hat, y)
        return cost, correct

    def gradient(self) -> Array:
        """Return the gradient of the loss summed over samples, like params.

        The array is the object's own: the caller may alter it, and the next call overwrites it.
        """
        if len(self._lanes) == 1:
            return self._gradient_of_lane(self._lanes[0])
        first, *others = self._each_lane(self._gradient_of_lane)
        for grad in others:
            np.add(first, grad, first)
        return first

    def trace(self) -> list[Trace]:
        """Return what gradient() computes at the present parameters, first layer first.

        The same blocks do the same work, one after the other, and are looked at in between.
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
        """Return what each layer computes of a block."""
        block.forward()
        values = [(step.z.copy(), step.a.copy()) for step in block.steps]  # scratch on the way back
        output, upstream = block.steps[-1], None
        if self.objective.upstream:
            upstream = np.empty_like(output.delta)
            self.objective.upstream(output.a, block.y, upstream)
        self.objective.grad(output.z, output.a, block.y, output.delta)
        block.backward()
        # The way back turned dC/da into dC/dz in place; the same product gives it again.
        above = [step.pull(step.WT, step.delta) for step in block.steps[1:]]
        return [
            Trace(z, a, dC_da, step.delta.copy(), step.dWb.copy())
            for (z, a), step, dC_da in zip(values, block.steps, [*above, upstream], strict=True)
        ]

    def _gradient_of_lane(self, lane: _Lane) -> Array:
        for i, block in enumerate(lane.blocks):
            block.forward()
            output = block.steps[-1]
            self.objective.grad(output.z, output.a, block.y, output.delta)
            block.backward()
            if i:
                np.add(lane.grad, lane.part, lane.grad)
        return lane.grad

    def _each_lane(self, work: Callable[[_Lane], Result]) -> list[Result]:
        """Return what `work` returns for each lane. Threads take lanes from the first on, and the
        caller's from the last, until they meet."""
        if self._pool is None:
            return [work(lane) for lane in self._lanes]
        *others, last = self._lanes
        waiting = [self._pool.submit(work, lane) for lane in others]
        mine = [work(last)]
        while waiting and waiting[-1].cancel():
            waiting.pop()
            mine.append(work(others[len(waiting)]))
        return [*(future.result() for future in waiting), *reversed(mine)]


def work_numbers(units: Sequence[int], samples: int) -> int:
    """Return how many numbers of work space Backprop takes for layers of so many units, at least:
    z, delta and a of each unit and each sample of a block, in each lane."""
    lanes = _lanes(samples)
    lane = -(-samples // lanes)
    block = -(-lane // -(-lane // block_size(max(units))))
    return 3 * sum(units) * block * lanes


def _divide(samples: int, parts: int) -> list[tuple[int, int]]:
    """Return where each of so many parts of about equal size starts and stops."""
    return list(pairwise(i * samples // parts for i in range(parts + 1)))


def _joined(parts: list[Array | None]) -> Array | None:
    """Return the samples of all parts, if there are any."""
    there = [part for part in parts if part is not None]
    return np.concatenate(there, axis=-1) if there else None


def _lanes(samples: int) -> int:
    """Return the number of lanes: a power of two, for threads come in powers of two."""
    lanes = 1
    while lanes < MAX_LANES and samples >= 2 * lanes * LANE:
        lanes *= 2
    return lanes


def _pool(threads: int) -> ThreadPoolExecutor | None:
    """Return a pool whose threads have begun: fewer where the system allows no more, None if none.

    An executor would begin them when there is work, keep the work that it could not begin a thread
    for, and do it beside the caller, who does it again.
    """
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    def begin() -> None:
        np.seterr(all="ignore")  # a thread's own; the caller looks for infinities

    while threads:
        pool, all_begun, begun = ThreadPoolExecutor(threads, initializer=begin), Event(), 0
        try:
            for _ in range(threads):
                pool.submit(all_begun.wait)  # keeps its thread, so that the next needs another
                begun += 1
            return pool
        except RuntimeError:  # can't start new thread
            threads = begun
        finally:
            all_begun.set()
        pool.shutdown()
    return None
