"""What each initializer draws, and in which order a network's parameters are drawn."""

from math import sqrt

import numpy as np
import pytest

from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.initializers import INITIALIZERS
from nnfs_cli.core.network import Layer, Network, initialize

OUT, IN = 250, 400
# Parameters, and what they should give for fan_in 400 and fan_out 250: mean, std, range.
EXPECTED = {
    "plain": ({}, 0, 0.01, None),
    "xavier": ({}, 0, 1 / sqrt(IN), None),
    "he": ({}, 0, sqrt(2 / IN), None),
    "glorot_uniform": ({}, 0, sqrt(2 / (IN + OUT)), sqrt(6 / (IN + OUT)) * np.array([-1, 1])),
    "normal": ({"mean": -1, "std": 2.5}, -1, 2.5, None),
    "uniform": ({"low": -1, "high": 3}, 1, 4 / sqrt(12), (-1, 3)),
    "zeros": ({}, 0, 0, (0, 0)),
}
each_initializer = pytest.mark.parametrize("name", INITIALIZERS)


@each_initializer
@pytest.mark.parametrize("shape", [(OUT, IN), (OUT * IN,)], ids=["W", "b"])
def test_draws_have_the_mean_std_and_range_that_they_promise(name, shape):
    parameters, mean, std, bounds = EXPECTED[name]
    drawn = INITIALIZERS[name](**parameters)(np.random.RandomState(0), shape, IN, OUT)
    assert drawn.shape == shape
    assert drawn.dtype == np.float64
    assert drawn.mean() == pytest.approx(mean, abs=5 * std / sqrt(drawn.size))
    assert drawn.std() == pytest.approx(std, rel=5 / sqrt(drawn.size))
    if bounds is not None:
        low, high = bounds
        margin = 1e-3 * (high - low)
        assert low <= drawn.min() <= low + margin
        assert high - margin <= drawn.max() <= high


@each_initializer
def test_parameters_are_drawn_layer_by_layer_W_row_by_row_and_then_b(name):
    draw = INITIALIZERS[name](**EXPECTED[name][0])
    widths = [(3, 4), (4, 2), (2, 1)]
    network = Network(tuple(Layer(i, units, ACTIVATIONS["tanh"]()) for i, units in widths))
    params = initialize(network, [(draw, draw)] * 3, seed=7)
    rng, expected = np.random.RandomState(7), []
    for fan_in, units in widths:
        W = [draw(rng, (fan_in,), fan_in, units) for _ in range(units)]
        b = draw(rng, (units,), fan_in, units)
        expected += [number for row, bias in zip(W, b, strict=True) for number in (*row, bias)]
    assert params.tobytes() == np.array(expected).tobytes()


def test_a_bias_that_is_not_random_draws_nothing():
    network = Network(tuple(Layer(2, 2, ACTIVATIONS["tanh"]()) for _ in range(2)))
    draws = [(INITIALIZERS["plain"](), INITIALIZERS["zeros"]())] * 2
    numbers = np.random.RandomState(3).standard_normal((2, 2, 2)) * 0.01
    views = network.views(initialize(network, draws, seed=3))
    np.testing.assert_array_equal([Wb[:, :-1] for Wb in views], numbers)
    np.testing.assert_array_equal([Wb[:, -1] for Wb in views], np.zeros((2, 2)))


def test_a_seed_means_the_same_bits_for_ever():
    network = Network((Layer(2, 1, ACTIVATIONS["tanh"]()),))
    draw = INITIALIZERS["normal"](mean=0, std=1)
    numbers = [0.49671415301123267, -0.13826430117118466, 0.6476885381006925]  # NumPy 1.0 to 2.4
    assert initialize(network, [(draw, draw)], seed=42).tolist() == numbers


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("normal", {"mean": 0, "std": -1}, "std: must be 0 or more"),
        ("uniform", {"low": 1, "high": 0}, "low: must not be more than high"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        INITIALIZERS[name](**parameters)
