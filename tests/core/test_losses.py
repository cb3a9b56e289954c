"""Each loss against an independent formula; its short forms against its general form."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.losses import LOSSES, constant, objective

FORMULAS = {
    "squared_error": lambda y_hat, y: np.square(y_hat - y) / 2,
    "absolute_error": lambda y_hat, y: np.maximum(y_hat - y, y - y_hat),
    "huber": lambda y_hat, y: special.huber(1, y_hat - y),
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


@each_loss
@pytest.mark.parametrize("outputs", [1, 3])
def test_chance_is_the_cost_of_even_odds_on_classes(name, outputs):
    numbers = np.random.RandomState(3).randint(0, max(outputs, 2), 60)
    y = 1.0 * (numbers == np.arange(outputs)[:, None]) if outputs > 1 else 1.0 * numbers[None]
    if name == "cross_entropy" and outputs == 1:
        y[:] = 1
    odds = np.full_like(
        y, 1 / max(outputs, 2) if LOSSES[name].outputs != {"softmax"} else 1 / outputs
    )
    if name == "binary_cross_entropy":
        odds, y = odds[:1], y[:1]
        odds[:] = 0.5
    expected = FORMULAS[name](odds, y).sum() / y.shape[1]
    assert LOSSES[name].chance(y, True) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", [name for name in LOSSES if not LOSSES[name].classes])
def test_chance_is_the_cost_of_the_best_constant_on_numbers(name):
    loss, y = LOSSES[name], np.random.RandomState(4).standard_exponential((2, 60))
    answer = constant(y, loss.best_constant)
    expected = FORMULAS[name](np.broadcast_to(answer, y.shape), y).sum() / 60
    assert loss.chance(y, False) == pytest.approx(expected, rel=1e-12)
    if name != "huber":  # between median and mean
        for other in (answer - 0.01, answer + 0.01):
            assert FORMULAS[name](np.broadcast_to(other, y.shape), y).sum() / 60 > expected


@each_loss
def test_a_loss_is_kinked_if_its_gradient_jumps_at_the_target(name):
    y, grads = np.array([[0.5]]), []
    for y_hat in (y - 1e-9, y + 1e-9):
        grads.append(np.empty_like(y))
        LOSSES[name].grad(y_hat, y, grads[-1])
    assert LOSSES[name].kinked == bool(abs(grads[1] - grads[0]) > 1e-3)
