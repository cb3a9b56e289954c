"""Matrix products: the fastest of several methods that give the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array

Product: TypeAlias = Callable[..., Any]  # (a, b, out): writes a @ b to out

SMALL = 1 << 10  # most multiplications of a product that is cheaper than its call
TRIALS = 16  # random stacks that a joined product is compared on
NARROW = 16, 8, 4, 1  # widths, in columns, that a few samples are padded to
WIDE = 512, 64  # widths, in columns, that cost less per column
ROWS = 1 << 8  # rows compared: one may agree by chance, hundreds will not
SPACE = 1 << 18  # most random numbers of a comparison, unless one product needs more


def joined(a: Array, b: Array, out: Array) -> Product:
    """Return a product that writes a @ b to `out`, for a stack a (networks, m, k) and one b (k, n).

    Stacked into one matrix, all of a are multiplied by b in a single call, which saves the overhead
    of many small ones. BLAS may then sum in another order, depending on its kernels. So both are
    compared on random numbers, and if a single bit differs, the product is matmul.
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
    """Return the array if it is contiguous, else a new one of its shape."""
    return array if array.flags.c_contiguous else np.empty(array.shape, array.dtype)


@lru_cache
def _same_bits(networks: int, m: int, k: int, n: int, dtype: Any, order: Any) -> bool:
    """Return whether a joined product has the bits of separate ones.

    One product may agree by chance; thousands will not.
    """
    rng = np.random.RandomState(0)
    for _ in range(TRIALS):
        a = rng.standard_normal((networks, m, k)).astype(dtype)
        b = np.asarray(rng.standard_normal((k, n)), dtype, order=order)
        if not np.array_equal(np.matmul(a, b), np.matmul(a.reshape(-1, k), b).reshape(-1, m, n)):
            return False
    return True


def widths(shapes: Iterable[tuple[int, int]], columns: int, dtype: Any) -> Iterator[int]:
    """Yield widths, widest first, at which the bits of a column do not depend on the other columns.

    This holds for products of all given shapes (m, k) with that many columns. Only the last width
    may exceed `columns`. BLAS multiplies tiles of columns, and tiles may sum in different orders,
    depending on shape, dtype and processor; so the widths are tested on random numbers.
    """
    shapes = set(shapes)
    narrow = next(n for n in NARROW if all(_same_anywhere(*shape, n, dtype) for shape in shapes))
    for wide in WIDE:
        if wide <= columns and all(_as_narrow(*shape, narrow, wide, dtype) for shape in shapes):
            yield wide
    yield narrow


@lru_cache
def _same_anywhere(m: int, k: int, width: int, dtype: Any) -> bool:
    """Return whether equal columns of b give equal columns of (m, k) @ (k, width)."""
    trials = min(-(-ROWS // m), 1 + SPACE // (k * width))
    b = np.repeat(_random((trials, k, 1), dtype), width, axis=-1)
    products = np.matmul(_random((m, k), dtype), b)
    return bool((products == products[..., :1]).all())


@lru_cache
def _as_narrow(m: int, k: int, narrow: int, wide: int, dtype: Any) -> bool:
    """Return whether (m, k) @ (k, wide) has the bits of products with `narrow` columns."""
    blocks = min(-(-ROWS // m), 1 + SPACE // (k * wide))
    a, b = _random((m, k), dtype), _random((k, blocks * wide), dtype)
    one, other = (from_blocks(np.matmul(a, in_blocks(b, n))) for n in (narrow, wide))
    return np.array_equal(one, other)


def _random(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return random numbers; large arrays repeat 4093 of them, as drawing is slow."""
    return np.resize(np.random.RandomState(0).standard_normal(4093), shape).astype(dtype)


def in_blocks(x: Array, width: int) -> Array:
    """Return x (rows, columns) as blocks (blocks, rows, width); the last is padded with zeros."""
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
    """Return blocks (blocks, rows, width) side by side, (rows, blocks x width)."""
    return blocks.transpose(1, 0, 2).reshape(blocks.shape[1], -1)
