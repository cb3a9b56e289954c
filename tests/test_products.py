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
