"""Gradient descent: its steps, its stops, and that company changes no bit of a run."""

import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from nnfs_cli.core import activations, backprop, blocks, descent, losses, optimizers, products
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.descent import descend, full_batch
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.core.optimizers import gradient_descent

# Inputs and units of each layer, samples, networks: the least of each, and several blocks.
SHAPES = [
    ((1, 1), 1, 1),
    ((1, 1), 1, 3),
    ((1, 1, 1, 1), 5, 3),
    ((2, 1), 4, 256),
    ((2, 3, 1), 4, 33),
    ((2, 16, 1), 1, 5),
    ((3, 8, 12), 1, 4),
    ((3, 1, 12), 2, 4),
    ((2, 16, 16, 1), 150, 7),
    ((4, 1, 5, 3), 8, 3),
    ((2, 25, 10), 1025, 3),
    ((7, 9), 3000, 5),
    ((2, 5, 1), 3000, 5),
]
COMBINATIONS = [
    (loss, output, "tanh" if output == "softmax" else output)
    for loss in LOSSES
    for output in ACTIVATIONS
    if LOSSES[loss].outputs is None or output in LOSSES[loss].outputs
]
ANY_SHAPE = "test_a_run_of_any_shape_is_the_same_alone_or_in_company"
CPU = Path("/proc/cpuinfo")
each_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])


def updates(network, learning_rate, *, clip=None):
    return full_batch(network, gradient_descent(), learning_rate, clip=clip)


def trained(setup, rates, clips, stops=(0, 1, 8)):
    """Return the bytes of parameters, costs and accuracies at each stop."""
    network, found = Backprop(*setup), []
    for _ in descend(updates(network, rates, clip=clips), stops):
        cost, accuracy = network.evaluate()
        found.append((setup.params.copy(), np.asarray(cost), np.asarray(accuracy)))
    return found


def assert_the_same_alone_or_in_company(setup, rng, *, clip):
    networks = len(setup.params)
    rates = rng.uniform(0.01, 1, networks)
    clips = np.where(rng.uniform(size=networks) < 0.5, rng.uniform(1e-3, 0.1, networks), np.inf)
    singles = [setup.alone(i) for i in range(networks)]
    company = trained(setup, rates[:, np.newaxis], clips[:, np.newaxis] if clip else None)
    for i, single in enumerate(singles):
        alone_clip = float(clips[i]) if clip and np.isfinite(clips[i]) else None
        alone = trained(single, float(rates[i]), alone_clip)
        for together, apart in zip(company, alone, strict=True):
            for ours, its in zip(together, apart, strict=True):
                assert ours[i].tobytes() == its.tobytes()


@pytest.mark.parametrize(("shape", "samples", "networks"), SHAPES)
@pytest.mark.parametrize(("loss", "output", "hidden"), COMBINATIONS)
@each_dtype
def test_a_run_is_the_same_alone_or_in_company(
    make, loss, output, hidden, shape, samples, networks, dtype
):
    rng = np.random.RandomState(samples)
    for own_x in (False, True):
        setup = make(
            loss, output, hidden, shape, samples, stack=(networks,), dtype=dtype, own_x=own_x
        )
        assert_the_same_alone_or_in_company(setup, rng, clip=own_x)


def test_a_run_of_any_shape_is_the_same_alone_or_in_company(make, cases):
    for rng in cases(20, 1000):
        loss, output, hidden = COMBINATIONS[rng.randint(len(COMBINATIONS))]
        setup = make(
            loss,
            output,
            hidden,
            rng.randint(1, 40, size=rng.randint(2, 5)),
            rng.choice([rng.randint(1, 20), rng.randint(1, 300), rng.randint(1025, 2500)]),
            stack=(rng.choice([1, 2, rng.randint(3, 20)]),),
            dtype=rng.choice(["float64", "float32"]),
            own_x=rng.uniform() < 0.5,
        )
        assert_the_same_alone_or_in_company(setup, rng, clip=rng.uniform() < 0.5)


@pytest.mark.parametrize(
    ("kernels", "instruction"), [("Haswell", "avx2"), ("Zen", "avx2"), ("SkylakeX", "avx512vl")]
)
def test_other_kernels_of_openblas_hold_to_that_too(kernels, instruction):
    if not (CPU.exists() and instruction in CPU.read_text()):
        pytest.skip(f"a machine without {instruction}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", ANY_SHAPE],
        env={**os.environ, "OPENBLAS_CORETYPE": kernels},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@each_dtype
@pytest.mark.parametrize("clip", [None, 0.02])
@pytest.mark.parametrize("stack", [(), (3,)])
def test_an_update_subtracts_the_rate_times_the_clipped_mean_gradient(make, dtype, clip, stack):
    setup = make("squared_error", "sigmoid", "tanh", (2, 4, 1), 10, stack=stack, dtype=dtype)
    twin = setup._replace(params=setup.params.copy())
    network = Backprop(*twin)
    for _ in descend(updates(Backprop(*setup), 0.3, clip=clip), [5]):
        pass
    for _ in range(5):
        mean = network.gradient() / 10
        if clip:
            assert abs(mean).max() > clip
            mean = np.clip(mean, -clip, clip)
        twin.params[...] = twin.params - 0.3 * mean
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(setup.params, twin.params, rtol=10 * eps, atol=10 * eps)


@each_dtype
def test_no_parameter_moves_further_than_rate_times_clip(make, dtype):
    setup = make("squared_error", "identity", "relu", (2, 8, 1), 10, dtype=dtype)
    setup.y[...] = 1e6
    before = setup.params.copy()
    for _ in descend(updates(Backprop(*setup), 0.5, clip=0.25), [1]):
        pass
    furthest = abs(setup.params - before).max()
    assert furthest == pytest.approx(0.125, rel=float(10 * np.finfo(dtype).eps))


@pytest.mark.parametrize("stops", [[], [0], [3], [0, 1, 2, 3], [0, 10, 11]])
@pytest.mark.parametrize("start", [0, 20])
def test_descend_yields_the_stops_and_no_others(make, stops, start):
    stops = [start + stop for stop in stops]
    network = Backprop(*make("squared_error", "sigmoid", "tanh", (2, 3, 1), 4))
    assert list(descend(updates(network, 0.1), stops, start=start)) == stops


def test_a_stop_has_had_exactly_as_many_updates_as_it_says(make):
    setup = make("squared_error", "sigmoid", "tanh", (2, 3, 1), 4)
    network, counted = Backprop(*setup), []
    gradient = network.gradient
    network.gradient = lambda: counted.append(None) or gradient()
    for stop in descend(updates(network, 0.1), [20, 23, 30], start=20):
        assert len(counted) == stop - 20


def test_the_stops_change_no_bit(make):
    results = set()
    for stops in ([50], [0, 1, 2, 17, 50], range(51)):
        setup = make("squared_error", "sigmoid", "tanh", (2, 5, 1), 30)
        network = Backprop(*setup)
        for _ in descend(updates(network, 0.7, clip=0.05), stops):
            network.evaluate()
        results.add(setup.params.tobytes())
    assert len(results) == 1


def test_a_run_continued_from_its_parameters_is_the_run_uninterrupted(make):
    whole = make("squared_error", "sigmoid", "tanh", (2, 5, 1), 30)
    first = whole._replace(params=whole.params.copy())
    list(descend(updates(Backprop(*whole), 0.7), [50]))
    list(descend(updates(Backprop(*first), 0.7), [20]))
    second = first._replace(params=first.params.copy())
    list(descend(updates(Backprop(*second), 0.7), [50], start=20))
    assert second.params.tobytes() == whole.params.tobytes()
    assert second.params.tobytes() != first.params.tobytes()


def test_a_network_that_diverges_leaves_its_company_alone(make):
    setup = make("squared_error", "identity", "relu", (2, 8, 1), 10, stack=(3,))
    single = setup.alone(2)
    list(descend(updates(Backprop(*setup), np.array([[0.1], [1e9], [0.1]])), [100]))
    list(descend(updates(Backprop(*single), 0.1), [100]))
    assert not np.isfinite(setup.params[1]).all()
    assert setup.params[2].tobytes() == single.params.tobytes()


class Counted:
    """NumPy, counting the calls of its functions by name."""

    def __init__(self):
        self.calls = Counter()

    def __getattr__(self, name):
        found = getattr(np, name)
        if isinstance(found, type) or not callable(found):
            return found

        def call(*args, **kwargs):
            self.calls[name] += 1
            return found(*args, **kwargs)

        return call


# What an epoch takes, whatever the clock says: a call more shows on every run of small networks.
CALLS = {
    "xor": (
        ("squared_error", "sigmoid", "sigmoid", (2, 3, 1), 4),
        {"dot": 4, "negative": 2, "exp": 2, "add": 2, "reciprocal": 2, "subtract": 4}
        | {"multiply": 6},
    ),
    "moons": (
        ("binary_cross_entropy", "sigmoid", "leaky_relu", (2, 16, 16, 1), 150),
        {"dot": 6, "matmul": 1, "maximum": 4, "sign": 2, "negative": 1, "exp": 1, "add": 1}
        | {"reciprocal": 1, "subtract": 2, "multiply": 6},
    ),
}


@pytest.mark.parametrize("job", CALLS)
def test_an_epoch_calls_numpy_so_often(make, monkeypatch, job):
    arguments, expected = CALLS[job]
    counted = Counted()
    for module in (activations, backprop, blocks, descent, losses, optimizers, products):
        monkeypatch.setattr(module, "np", counted)
    network = Backprop(*make(*arguments))
    counts = []
    for _ in descend(updates(network, 0.5), [1, 11]):
        counts.append(counted.calls.copy())
        counted.calls.clear()
    assert counts[1] - Counter(errstate=1) == Counter({k: 10 * v for k, v in expected.items()})


@pytest.mark.parametrize("job", CALLS)
@pytest.mark.parametrize("stack", [(), (20,)])
def test_an_epoch_allocates_no_array(make, job, stack):
    arguments, _ = CALLS[job]
    network = Backprop(*make(*arguments, stack=stack))
    size = np.setbufsize(16)  # NumPy's own buffers may be as large as these arrays
    try:
        for stop in descend(updates(network, 0.5), [1, 50]):
            if stop == 1:
                tracemalloc.start()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        np.setbufsize(size)
    assert peak < 4096  # of small objects; one hidden layer of moons takes 19,200
