"""A network's shape, its parameters as one array, and its outputs."""

from itertools import pairwise

import numpy as np
import pytest

from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.metrics import count_correct, predicted_class
from nnfs_cli.core.network import answers, outputs

each_stack = pytest.mark.parametrize("stack", [(), (1,), (3,)])


@each_stack
@pytest.mark.parametrize("shape", [(2, 1), (3, 5, 4, 2)])
def test_views_are_the_parameters_themselves_in_order(make, shape, stack):
    network = make("squared_error", "tanh", "tanh", shape, 1).network
    params = np.arange(np.prod((*stack, network.n_params)), dtype=float)
    params = params.reshape((*stack, network.n_params))
    views = network.views(params)
    assert [Wb.shape for Wb in views] == [
        (*stack, units, fan_in + 1) for fan_in, units in pairwise(shape)
    ]
    flat = np.concatenate([Wb.reshape((*stack, -1)) for Wb in views], axis=-1)
    np.testing.assert_array_equal(flat, params)
    for Wb in views:
        assert np.shares_memory(Wb, params)
        Wb[...] = -1
    assert (params == -1).all()


@each_stack
@pytest.mark.parametrize("output", ACTIVATIONS)
def test_outputs_are_f_of_W_x_plus_b_layer_by_layer(make, output, stack):
    setup = make("squared_error", output, "sin", (3, 5, 2), 7, stack=stack)
    y_hat = outputs(setup.network, setup.params, setup.x)
    assert y_hat.shape == (*stack, 2, 7)
    for i in np.ndindex(stack):
        a = setup.x[:-1]
        for layer, Wb in zip(
            setup.network.layers, setup.network.views(setup.params[i]), strict=True
        ):
            W, b = Wb[:, :-1], Wb[:, -1:]
            z = np.einsum("ij,jk->ik", W, a) + b
            a = np.empty_like(z)
            layer.activation.forward(z, a)
        np.testing.assert_allclose(y_hat[i], a, rtol=1e-12, atol=1e-14)


@each_stack
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_outputs_give_the_cost_and_accuracy_that_evaluate_does(make, dtype, stack):
    setup = make("squared_error", "identity", "relu", (2, 6, 3), 50, stack=stack, dtype=dtype)
    y_hat = outputs(setup.network, setup.params, setup.x)
    assert y_hat.dtype == dtype
    cost, accuracy = Backprop(*setup).evaluate()
    wanted = np.square(y_hat.astype(float) - setup.y).sum(axis=(-2, -1)) / (2 * 50)
    np.testing.assert_allclose(cost, wanted, rtol=10 * np.finfo(dtype).eps)
    same = y_hat.argmax(axis=-2) == setup.y.argmax(axis=-2)
    np.testing.assert_array_equal(accuracy, same.mean(axis=-1))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3, 1), (3, 50, 33, 4), (64, 30, 10), (300, 7, 2)])
def test_a_sample_is_answered_with_the_same_bits_in_any_company(make, shape, output, dtype):
    setup = make("squared_error", output, "tanh", shape, 1100, dtype=dtype)
    together = answers(setup.network, setup.params, setup.x)
    assert (together.dtype, together.shape) == (dtype, (setup.y.shape[0], 1100))
    rng = np.random.RandomState(0)
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    wanted = outputs(setup.network, setup.params, setup.x)
    np.testing.assert_allclose(together, wanted, rtol=tolerance, atol=tolerance)
    for count in (0, 1, 2, 15, 16, 17, 64, 90, 512, 600, 1099):
        some = rng.permutation(1100)[:count]
        found = answers(setup.network, setup.params, setup.x[:, some])
        np.testing.assert_array_equal(found, together[:, some])


def test_one_output_says_class_1_from_a_half_upwards():
    y_hat = np.array([[0, 0.49, 0.5, 0.51, 1]])
    assert predicted_class(y_hat).tolist() == [0, 0, 1, 1, 1]
    assert count_correct(y_hat, np.array([[0.0, 1, 1, 0, 1]])) == 3


def test_the_largest_of_several_outputs_says_the_class():
    y_hat = np.array([[0.2, 0.5, 0.1], [0.7, 0.3, 0.1], [0.1, 0.2, 0.8]])
    assert predicted_class(y_hat).tolist() == [1, 0, 2]
    assert predicted_class(np.stack([y_hat, -y_hat])).tolist() == [[1, 0, 2], [2, 2, 0]]
    assert count_correct(y_hat, np.eye(3)) == 1
