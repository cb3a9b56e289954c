"""Matrix products by the fastest of several ways to the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array

Product: TypeAlias = Callable[..., Any]  # of a, b, and where to write it

SMALL = 1 << 10  # multiplications in a product that takes less time than its call
TRIALS = 16
NARROW = 16, 8, 4, 1  # columns of a product that few samples are filled up to
WIDE = 512, 64  # columns of products that cost less per column
ROWS = 1 << 8  # rows of products to compare: one may agree by chance, hundreds will not
SPACE = 1 << 18  # numbers to try products on, if one takes no more


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


def widths(shapes: Iterable[tuple[int, int]], columns: int, dtype: Any) -> Iterator[int]:
    """Yield numbers of columns, widest first, at which the products of some shapes (m, k) give a
    column the same bits, wherever it stands and whatever the others hold.

    The last one may be more than `columns`, the others are not. BLAS multiplies tiles of columns,
    and its tiles may add in different orders. Shape, dtype and processor decide which, so it is
    tried on random numbers.
    """
    shapes = set(shapes)
    narrow = next(n for n in NARROW if all(_same_anywhere(*shape, n, dtype) for shape in shapes))
    for wide in WIDE:
        if wide <= columns and all(_as_narrow(*shape, narrow, wide, dtype) for shape in shapes):
            yield wide
    yield narrow


@lru_cache
def _same_anywhere(m: int, k: int, width: int, dtype: Any) -> bool:
    """Return whether all columns of (m, k) @ (k, width) are the same if those of b are."""
    trials = min(-(-ROWS // m), 1 + SPACE // (k * width))
    b = np.repeat(_random((trials, k, 1), dtype), width, axis=-1)
    products = np.matmul(_random((m, k), dtype), b)
    return bool((products == products[..., :1]).all())


@lru_cache
def _as_narrow(m: int, k: int, narrow: int, wide: int, dtype: Any) -> bool:
    """Return whether (m, k) @ (k, wide) has the bits of products of `narrow` columns."""
    blocks = min(-(-ROWS // m), 1 + SPACE // (k * wide))
    a, b = _random((m, k), dtype), _random((k, blocks * wide), dtype)
    one, other = (from_blocks(np.matmul(a, in_blocks(b, n))) for n in (narrow, wide))
    return np.array_equal(one, other)


def _random(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array of random numbers; a large one repeats them, for they are slow to draw."""
    return np.resize(np.random.RandomState(0).standard_normal(4093), shape).astype(dtype)


def in_blocks(x: Array, width: int) -> Array:
    """Return x (rows, columns) as blocks (blocks, rows, width); the last is filled with zeros."""
    rows, columns = x.shape
    if columns == width:
        return np.ascontiguousarray(x)[np.newaxis]
    whole, rest = divmod(columns, width)
    blocks = np.zeros((whole + bool(rest), rows, width), x.dtype)
    blocks[:whole] = x[:, : whole * width].reshape(rows, whole, width).transpose(1, 0, 2)
    if rest:
        blocks[whole, :, :rest] = x[:, whole * width :]
    return blocks


def from_blocks(blocks: Array) -> Array:
    """Return blocks (blocks, rows, width) side by side: (rows, columns)."""
    return blocks.transpose(1, 0, 2).reshape(blocks.shape[1], -1)
