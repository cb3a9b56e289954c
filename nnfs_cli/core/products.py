"""Matrix products by the fastest of several ways to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array

Product: TypeAlias = Callable[..., Any]  # of a, b, and where to write it

SMALL = 1 << 10  # multiplications in a product that takes less time than its call
TRIALS = 16


def joined(a: Array, b: Array, out: Array) -> Product:
    """Return what writes a @ b to `out`, for a stack of a (networks, m, k) and one b (k, n).

    Written one under the other, all of a take a single product with b, which spares the calls of
    small ones. BLAS may take its sums in another order then: it depends on the kernels. So it is
    tried on random numbers, and where a single bit differs, the product stays matmul.
    """
    networks, m, k = a.shape
    n = b.shape[-1]
    if m * k * n > SMALL or not (b.flags.c_contiguous or b.flags.f_contiguous):
        return np.matmul
    if not _same_bits(networks, m, k, n, b.dtype, "C" if b.flags.c_contiguous else "F"):
        return np.matmul
    stack, products = _whole(a), _whole(out)
    rows, sums = stack.reshape(-1, k), products.reshape(-1, n)

    def product(a: Array, b: Array, out: Array) -> None:
        if stack is not a:
            np.copyto(stack, a)
        np.matmul(rows, b, sums)
        if products is not out:
            np.copyto(out, products)

    return product


def _whole(array: Array) -> Array:
    """Return the array if it has no gaps, else room for what it holds."""
    return array if array.flags.c_contiguous else np.empty(array.shape, array.dtype)


@lru_cache
def _same_bits(networks: int, m: int, k: int, n: int, dtype: Any, order: Any) -> bool:
    """Return whether a joined product has the bits of single ones.

    Whether a sum's order shows is a matter of luck for each number, and of none for some thousand.
    """
    rng = np.random.RandomState(0)
    for _ in range(TRIALS):
        a = rng.standard_normal((networks, m, k)).astype(dtype)
        b = np.asarray(rng.standard_normal((k, n)), dtype, order=order)
        if not np.array_equal(np.matmul(a, b), np.matmul(a.reshape(-1, k), b).reshape(-1, m, n)):
            return False
    return True
