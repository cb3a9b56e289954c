"""Each loss against an independent formula; its short forms against its general form."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.losses import LOSSES, objective

FORMULAS = {
    "squared_error": lambda y_hat, y: np.square(y_hat - y) / 2,
    "binary_cross_entropy": lambda y_hat, y: (
        -special.xlogy(y, y_hat) - special.xlog1py(1 - y, -y_hat)
    ),
    "cross_entropy": lambda y_hat, y: -special.xlogy(y, y_hat),
}
OF_Z = {
    ("squared_error", "identity"): lambda z, y: np.square(z - y) / 2,
    ("binary_cross_entropy", "sigmoid"): lambda z, y: (
        -y * special.log_expit(z) - (1 - y) * special.log_expit(-z)
    ),
    ("cross_entropy", "softmax"): lambda z, y: -y * special.log_softmax(z, axis=-2),
}
SHORT_FORMS = [(name, output) for name, loss in LOSSES.items() for output in loss.short_forms]
each_loss = pytest.mark.parametrize("name", LOSSES)
each_short_form = pytest.mark.parametrize(("name", "output"), SHORT_FORMS)


def samples(rng):
    """Return z (2, 3, 40), and targets between 0 and 1 that sum to 1 over units."""
    y = rng.uniform(size=(2, 3, 40))
    return rng.uniform(-5, 5, y.shape), y / y.sum(axis=1, keepdims=True)


@each_loss
def test_the_loss_agrees_with_an_independent_formula(name):
    z, y = samples(np.random.RandomState(0))
    y_hat, y[:, 0] = special.expit(4 * z), 0
    np.testing.assert_allclose(LOSSES[name].loss(y_hat, y), FORMULAS[name](y_hat, y), rtol=1e-13)


@each_loss
def test_the_gradient_agrees_with_central_differences(name):
    z, y = samples(np.random.RandomState(1))
    y_hat, h, grad = special.expit(z) * 0.9 + 0.05, 1e-6, np.empty_like(z)
    LOSSES[name].grad(y_hat, y, grad)
    differences = (LOSSES[name].loss(y_hat + h, y) - LOSSES[name].loss(y_hat - h, y)) / (2 * h)
    np.testing.assert_allclose(grad, differences, rtol=1e-7, atol=1e-8)


@each_short_form
def test_a_short_form_agrees_with_the_general_form(name, output):
    z, y = samples(np.random.RandomState(2))
    activation, y_hat = ACTIVATIONS[output](), np.empty_like(z)
    activation.forward(z, y_hat)
    found = []
    for loss in (LOSSES[name], replace(LOSSES[name], short_forms={})):
        joined, grad = objective(loss, output, activation), np.empty_like(z)
        joined.grad(z.copy(), y_hat, y, grad)
        found.append((joined.loss(z, y_hat, y).sum(axis=-2), grad))
    (short_loss, short_grad), (general_loss, general_grad) = found
    np.testing.assert_allclose(short_loss, general_loss, rtol=1e-12)
    np.testing.assert_allclose(short_grad, general_grad, rtol=1e-10, atol=1e-14)


@each_short_form
def test_the_loss_of_z_stays_exact_where_y_hat_rounds_to_0_or_1(name, output):
    z = np.array([[1e3, -1e3, 40, -40, 20, 750], [-1e3, 1e3, -40, 40, -20, 0]])
    y_hat = np.empty_like(z)
    activation = ACTIVATIONS[output]()
    with np.errstate(all="ignore"):
        activation.forward(z, y_hat)
    atol = 3e-16 if output == "softmax" else 0  # of a sum over units, the largest being 1
    for y in (1.0 * (z > 0), 1.0 * (z <= 0)):
        loss = objective(LOSSES[name], output, activation).loss(z, y_hat, y)
        expected = OF_Z[name, output](z, y)
        np.testing.assert_allclose(loss.sum(axis=0), expected.sum(axis=0), rtol=1e-14, atol=atol)


@each_short_form
def test_the_loss_of_z_keeps_its_dtype(name, output):
    z = np.float32([[1e3, -1e3, 0], [0, 1, -1]])
    y = np.float32([[0, 1, 1], [1, 0, 0]])
    loss = objective(LOSSES[name], output, ACTIVATIONS[output]()).loss(z, z, y)
    assert loss.dtype == np.float32
    assert np.isfinite(loss).all()


@each_loss
def test_a_loss_has_its_short_forms_among_the_outputs_that_it_is_defined_for(name):
    loss = LOSSES[name]
    assert loss.short_forms.keys() <= (loss.outputs or ACTIVATIONS.keys()) <= ACTIVATIONS.keys()
