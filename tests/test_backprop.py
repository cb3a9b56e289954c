"""The gradient of whole networks, alone, in stacks and in blocks."""

import tracemalloc

import numpy as np
import pytest

from nnfs_cli.core import backprop
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.losses import LOSSES

PAIRS = [
    (loss, output)
    for loss in LOSSES
    for output in ACTIVATIONS
    if LOSSES[loss].outputs is None or output in LOSSES[loss].outputs
]
each_pair = pytest.mark.parametrize(("loss", "output"), PAIRS)
each_hidden = pytest.mark.parametrize("hidden", [a for a in ACTIVATIONS if a != "softmax"])
each_stack = pytest.mark.parametrize(("stack", "own_x"), [((), False), ((3,), False), ((3,), True)])
each_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])


def is_smooth(setup, margin):
    """Return whether no z is near 0, where relu and its like bend, and no network is dead."""
    x = setup.x
    for layer, Wb in zip(setup.network.layers, setup.network.views(setup.params), strict=True):
        z = Wb @ x
        if abs(z).min() < margin:
            return False
        x = np.ones((*z.shape[:-2], layer.units + 1, z.shape[-1]))
        layer.activation.forward(z, x[..., :-1, :])
    return np.all(abs(Backprop(*setup).gradient()).max(axis=-1) > 0.01)


@each_hidden
@each_pair
@each_stack
def test_the_gradient_agrees_with_central_differences(make, loss, output, hidden, stack, own_x):
    h, shape = 1e-5, (2, 4, 3, 2)
    setups = (
        make(loss, output, hidden, shape, 5, stack=stack, own_x=own_x, seed=10 * i)
        for i in range(100)
    )
    setup = next(setup for setup in setups if is_smooth(setup, 100 * h))
    network = Backprop(*setup)
    gradient = network.gradient() / 5
    differences = np.empty_like(gradient)
    for i in range(setup.network.n_params):
        initial = setup.params[..., i].copy()
        setup.params[..., i] = initial + h
        above = network.evaluate().cost
        setup.params[..., i] = initial - h
        differences[..., i] = (above - network.evaluate().cost) / (2 * h)
        setup.params[..., i] = initial
    worst = abs(gradient - differences).max(axis=-1) / abs(differences).max(axis=-1)
    assert np.all(worst < 1e-7)


@each_pair
@pytest.mark.parametrize(("samples", "block"), [(50, 1), (50, 7), (50, 49), (3000, 1024)])
@pytest.mark.parametrize("stack", [(), (2,)])
def test_many_blocks_give_what_one_does(make, monkeypatch, loss, output, samples, block, stack):
    setup = make(loss, output, "tanh", (3, 6, 2), samples, stack=stack)
    found = []
    for size in (block, samples):
        monkeypatch.setattr(backprop, "BLOCK", size)
        network = Backprop(*setup)
        assert len(network._blocks) == -(-samples // size)
        network.gradient()[...] = np.nan  # the caller may alter it
        found.append((network.gradient(), *network.evaluate()))
    (gradient, cost, accuracy), (whole, whole_cost, whole_accuracy) = found
    assert abs(gradient - whole).max() <= 1e-12 * abs(whole).max()
    np.testing.assert_allclose(cost, whole_cost, rtol=1e-12)
    np.testing.assert_array_equal(accuracy, whole_accuracy)


@each_pair
@each_dtype
@pytest.mark.parametrize("stack", [(), (3,)])
def test_the_gradient_allocates_no_array(make, loss, output, dtype, stack):
    setup = make(loss, output, "elu", (40, 64, 48), 2000, stack=stack, dtype=dtype)
    network = Backprop(*setup)
    with np.errstate(all="ignore"):
        network.gradient()
        tracemalloc.start()
        network.gradient()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    row = 1000 * setup.x.itemsize * (stack or (1,))[0]  # one unit of a block; x has 41 of them
    buffers = 3 * np.getbufsize() * setup.x.itemsize  # NumPy's, whatever the arrays' size
    assert peak < 2 * row + buffers + 8192 < 40 * row


@each_dtype
def test_parameters_are_read_anew_at_each_call(make, dtype):
    setup = make("squared_error", "identity", "tanh", (2, 3, 1), 4, dtype=dtype)
    network = Backprop(*setup)
    before, cost = network.gradient().copy(), network.evaluate().cost
    setup.params[...] *= 2
    assert network.evaluate().cost != cost
    assert not np.array_equal(network.gradient(), before)
    setup.params[...] /= 2
    assert network.evaluate().cost == cost
    np.testing.assert_array_equal(network.gradient(), before)


@each_dtype
@pytest.mark.parametrize("stack", [(), (3,)])
def test_figures_are_float64_and_the_gradient_has_the_parameters_dtype(make, dtype, stack):
    setup = make("cross_entropy", "softmax", "relu", (2, 3, 3), 4, stack=stack, dtype=dtype)
    network = Backprop(*setup)
    cost, accuracy = network.evaluate()
    gradient = network.gradient()
    assert cost.dtype == accuracy.dtype == np.float64
    assert np.shape(cost) == np.shape(accuracy) == stack
    assert (gradient.dtype, gradient.shape) == (setup.params.dtype, setup.params.shape)


def test_costs_are_summed_in_float64(make):
    setup = make("squared_error", "identity", "tanh", (2, 1), 1000, dtype="float32")
    setup.params[...] = [0, 0, 0.1]
    losses = np.square(np.float32(0.1) - setup.y) / 2
    mean = losses.astype(float).sum() / 1000
    assert Backprop(*setup).evaluate().cost == pytest.approx(mean, rel=1e-13)
