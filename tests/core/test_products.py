"""A stack's products by one call: never other bits than by one for each network."""

import numpy as np
import pytest

from nnfs_cli.core import products


def operands(rng, networks, m, k, n, dtype, transposed):
    """Return a with gaps between the networks, as in their parameters; b; out with gaps."""
    a, out = (
        rng.standard_normal((networks, size + 5)).astype(dtype)[:, :size].reshape(networks, m, -1)
        for size in (m * k, m * n)
    )
    b = rng.standard_normal((n, k) if transposed else (k, n)).astype(dtype)
    return a, b.T if transposed else b, out


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_joined_product_has_the_bits_of_single_ones(cases, dtype, transposed):
    joined = 0
    for rng in cases(40, 2000):
        networks, m, k, n = (1 + int(rng.exponential(mean)) for mean in (40, 4, 4, 6))
        a, b, out = operands(rng, networks, m, k, n, dtype, transposed)
        product = products.joined(a, b, out)
        for _ in range(3):  # it reads anew what it is given
            a[...] = rng.standard_normal(a.shape)
            product(a, b, out)
            each = [np.matmul(np.ascontiguousarray(one), b) for one in a]
            assert out.tobytes() == np.array(each).tobytes()
        joined += product is not np.matmul
    assert joined > 10


@pytest.mark.parametrize(
    ("spoil", "m"),
    [
        (lambda a, b: a @ b + (a.ndim == 2) * 1e-16, 3),  # the kernel has another order of sums
        (np.matmul, products.SMALL),  # there is nothing to gain
    ],
)
def test_a_product_is_not_joined_where(monkeypatch, spoil, m):
    a, b, out = operands(np.random.RandomState(0), 20, m, 3, 4, "float64", False)
    monkeypatch.setattr(products.np, "matmul", spoil)
    products._same_bits.cache_clear()
    assert products.joined(a, b, out) is spoil
    products._same_bits.cache_clear()


def test_a_part_of_b_is_not_joined():
    a, b, out = operands(np.random.RandomState(0), 20, 3, 3, 8, "float64", False)
    assert products.joined(a, b[:, :4], out[..., :4]) is np.matmul


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1, 2), (1, 301), (3, 3), (16, 21), (25, 51), (100, 101)])
def test_widths_give_a_column_the_same_bits_wherever_it_stands(shape, dtype):
    (m, k), rng = shape, np.random.RandomState(1)
    dtype = np.dtype(dtype)
    found = [*products.widths([shape], 10_000, dtype)]
    assert found == sorted(set(found), reverse=True)
    a, column = (rng.standard_normal(size).astype(dtype) for size in ((m, k), k))
    columns = set()
    for width in found:
        for place in {0, 1, width // 2, width - 1} & {*range(width)}:
            b = rng.standard_normal((k, width)).astype(dtype)
            b[:, place] = column
            columns.add(np.matmul(a, b)[:, place].tobytes())
    assert len(columns) == 1


def test_widths_are_of_columns_that_there_are_but_for_the_last():
    for columns, wide in {0: 0, 16: 0, 63: 0, 64: 64, 511: 64, 512: 512}.items():
        *others, last = products.widths([(3, 3), (1, 4)], columns, np.dtype(float))
        assert max([*others, 0]) <= wide
        assert last in products.NARROW


@pytest.mark.parametrize("lie", [(16,), (16, 8, 4)])
def test_a_width_that_gives_other_bits_is_not_used(lie, monkeypatch):
    """A product that is another at the second place, as at the edge of a tile."""

    def matmul(a, b):
        out = a @ b
        if b.shape[-1] in (*lie, *products.WIDE):
            out[..., 1] += 1
        return out

    monkeypatch.setattr(products.np, "matmul", matmul)
    products._same_anywhere.cache_clear()
    products._as_narrow.cache_clear()
    found = [*products.widths([(2, 3)], 10_000, np.dtype(float))]
    products._same_anywhere.cache_clear()
    products._as_narrow.cache_clear()
    assert found == [next(n for n in products.NARROW if n not in lie)]


@pytest.mark.parametrize(("columns", "width"), [(1, 4), (4, 4), (7, 4), (12, 4), (3, 1)])
def test_blocks_are_the_columns_side_by_side(columns, width):
    x = np.arange(2.0 * columns).reshape(2, columns)
    blocks = products.in_blocks(x, width)
    assert blocks.shape == (-(-columns // width), 2, width)
    together = products.from_blocks(blocks)
    np.testing.assert_array_equal(together[:, :columns], x)
    assert not together[:, columns:].any()
