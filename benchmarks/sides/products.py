"""Only the matrix products of nnfs: a lower bound for any engine on this BLAS.

They are recorded during one epoch of nnfs, then repeated on the same arrays.
"""

from collections.abc import Callable
from typing import Any, TypeAlias
from unittest.mock import patch

import numpy as np

from benchmarks.jobs import Array, Job, Train
from benchmarks.sides import nnfs

Product: TypeAlias = Callable[..., Any]
Call: TypeAlias = tuple[Product, Array, Array, Array]  # a product, its operands and its result

load = nnfs.load


def build(job: Job, data: Any) -> Train:
    calls = record(job._replace(epochs=1), data)

    def train() -> Array:
        for _ in range(job.epochs):
            for product, a, b, out in calls:
                product(a, b, out=out)
        return np.zeros(0)

    return train


def record(job: Job, data: Any) -> list[Call]:
    """Return the products of an epoch: function, operands and result."""
    calls: list[Call] = []

    def recorded(product: Product) -> Product:
        def call(a: Array, b: Array, out: Array | None = None) -> Any:
            if out is not None:  # else it is one of the trials before the first epoch
                calls.append((product, a, b, out))
            return product(a, b, out=out)

        return call

    with patch.multiple(np, dot=recorded(np.dot), matmul=recorded(np.matmul)):
        nnfs.by_core(job, *data)()
    return calls
