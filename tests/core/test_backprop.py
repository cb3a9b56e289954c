"""The gradient of whole networks, alone, in stacks and in blocks."""

import threading
import tracemalloc

import numpy as np
import pytest

from nnfs_cli import core
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
@pytest.mark.parametrize(
    ("samples", "block", "lane", "lanes", "blocks"),
    [
        (50, 1, 100, 1, 50),
        (50, 7, 100, 1, 8),
        (50, 49, 100, 1, 2),
        (50, 3, 10, 4, 18),
        (3000, 300, 400, 4, 12),
    ],
)
@pytest.mark.parametrize("stack", [(), (2,)])
def test_many_blocks_give_what_one_does(
    make, monkeypatch, loss, output, samples, block, lane, lanes, blocks, stack
):
    setup = make(loss, output, "tanh", (3, 6, 2), samples, stack=stack)
    found = []
    for block_size, lane_size, *counts in ((block, lane, lanes, blocks), (samples, samples, 1, 1)):
        monkeypatch.setattr(core.blocks, "BLOCKS", (block_size, block_size))
        monkeypatch.setattr(core.lanes, "LANE", lane_size)
        network = Backprop(*setup)
        assert [len(network._lanes), sum(len(lane.blocks) for lane in network._lanes)] == counts
        network.gradient()[...] = np.nan  # the caller may alter it
        found.append((network.gradient(), *network.evaluate()))
    (gradient, cost, accuracy), (whole, whole_cost, whole_accuracy) = found
    assert abs(gradient - whole).max() <= 1e-12 * abs(whole).max()
    np.testing.assert_allclose(cost, whole_cost, rtol=1e-12)
    np.testing.assert_array_equal(accuracy, whole_accuracy)


@each_dtype
@pytest.mark.parametrize("stack", [(), (3,)])
@pytest.mark.parametrize("samples", [100, 900, 3300, 9001])
def test_threads_change_no_bit(make, monkeypatch, dtype, stack, samples):
    monkeypatch.setattr(backprop, "THREAD", 1)
    setup = make("cross_entropy", "softmax", "tanh", (2, 5, 3), samples, stack=stack, dtype=dtype)
    results = set()
    for threads in (1, 2, 3, 8):
        network = Backprop(*setup, threads=threads)
        assert bool(network._pool) == (threads > 1 and samples > 800)
        figures = (network.gradient(), *network.evaluate())
        results.add(tuple(np.asarray(figure).tobytes() for figure in figures))
    assert len(results) == 1


@pytest.mark.parametrize("allowed", range(8))
def test_threads_that_the_system_does_not_allow_change_no_bit(allowed, make, monkeypatch):
    left, start = [allowed], threading.Thread.start

    def start_if_allowed(thread):
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(thread)
        join = thread.join
        thread.join = lambda *args: (join(*args), left.__setitem__(0, left[0] + 1))

    monkeypatch.setattr(backprop, "THREAD", 1)
    setup = make("cross_entropy", "softmax", "tanh", (2, 5, 3), 9001)
    alone = Backprop(*setup)
    monkeypatch.setattr(threading.Thread, "start", start_if_allowed)
    network = Backprop(*setup, threads=8)
    for _ in range(3):
        assert network.gradient().tobytes() == alone.gradient().tobytes()
        assert network.evaluate().cost.tobytes() == alone.evaluate().cost.tobytes()
    assert (network._pool._max_workers if network._pool else 0) == min(allowed, 7)


@each_dtype
@pytest.mark.parametrize("stack", [(), (3,)])
@pytest.mark.parametrize("samples", [4, 2500])
def test_an_x_without_ones_of_any_type_and_layout_is_the_same_x(make, dtype, stack, samples):
    setup = make("squared_error", "identity", "tanh", (4, 5, 2), samples, stack=stack, dtype=dtype)
    bare = np.asfortranarray(setup.x[:-1], np.float64)
    network, other = Backprop(*setup), Backprop(*setup._replace(x=bare))
    assert network.gradient().tobytes() == other.gradient().tobytes()
    assert network.evaluate().cost.tobytes() == other.evaluate().cost.tobytes()


@each_pair
@each_dtype
@pytest.mark.parametrize("stack", [(), (3,)])
def test_the_gradient_allocates_no_array(make, monkeypatch, loss, output, dtype, stack):
    monkeypatch.setattr(core.lanes, "LANE", 2000)  # two lanes of two blocks
    setup = make(loss, output, "elu", (40, 64, 48), 4000, stack=stack, dtype=dtype)
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


def test_numbers_have_no_accuracy(make):
    setup = make("squared_error", "identity", "tanh", (2, 3, 1), 4)
    assert Backprop(*setup, classes=False).evaluate().accuracy is None


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


@pytest.mark.parametrize("stack", [(), (2,)])
def test_costs_are_summed_in_float64(make, stack):
    setup = make("squared_error", "identity", "tanh", (2, 1), 1000, stack=stack, dtype="float32")
    setup.params[...] = [0, 0, 0.1]
    losses = np.square(np.float32(0.1) - setup.y) / 2
    mean = losses.astype(float).sum() / 1000
    np.testing.assert_allclose(Backprop(*setup).evaluate().cost, mean, rtol=1e-13)
