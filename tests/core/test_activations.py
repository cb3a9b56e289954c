"""Each activation against an independent formula, and its derivative against differences."""

import numpy as np
import pytest
from scipy import special

from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.initializers import INITIALIZERS

FORMULAS = {
    "identity": lambda z: z,
    "sigmoid": special.expit,
    "tanh": lambda z: np.sign(z) * special.expm1(2 * -abs(z)) / -(special.expm1(2 * -abs(z)) + 2),
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.05 * z),
    "elu": lambda z: np.where(z > 0, z, special.expm1(np.minimum(z, 0))),
    "softplus": lambda z: -special.log_expit(-z),
    "sin": lambda z: np.exp(1j * z).imag,
    "cos": lambda z: np.exp(1j * z).real,
    "softmax": lambda z: special.softmax(z, axis=-2),
}
each_activation = pytest.mark.parametrize("name", ACTIVATIONS)
each_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])
VARIANTS = [
    *((name, {}) for name in ACTIVATIONS),
    ("leaky_relu", {"slope": 0.0}),
    ("leaky_relu", {"slope": 0.5}),
]


def points(dtype="float64"):
    """Return z (2, 3, samples): two networks of three units, from 0 to the extremes."""
    z = np.concatenate([np.linspace(-30, 30, 61), [1e-9, -1e-9, 88, -88, 710, -710, 1e3, -1e3]])
    return np.stack([[z, -z, z / 3], [z / 7, z[::-1], z]]).astype(dtype)


def both(activation, z, grad):
    """Return forward(z), and vjp at z of `grad`."""
    a, out = np.empty_like(z), grad.copy()
    with np.errstate(all="ignore"):
        activation.forward(z, a)
        activation.vjp(z.copy(), a.copy(), out)
    return a, out


@each_activation
@each_dtype
def test_forward_agrees_with_an_independent_formula(name, dtype):
    z = points(dtype)
    a, _ = both(ACTIVATIONS[name](), z, np.ones_like(z))
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny
    expected = FORMULAS[name](z.astype("float64"))
    atol = eps if name == "softmax" else tiny  # where z is far below the largest, it is rounded
    np.testing.assert_allclose(a, expected, rtol=4 * eps, atol=atol)


@pytest.mark.parametrize(("name", "parameters"), VARIANTS)
def test_vjp_agrees_with_central_differences(name, parameters):
    activation, h = ACTIVATIONS[name](**parameters), 1e-5
    rng = np.random.RandomState(1)
    z = rng.uniform(0.1, 3, (2, 4, 9)) * rng.choice([-1, 1], (2, 4, 9))  # off the kinks at 0
    grad = rng.standard_normal(z.shape)
    expected = np.empty_like(z)
    for unit in range(4):
        step = np.zeros((4, 1))
        step[unit] = h
        above, below = (both(activation, z + s, grad)[0] for s in (step, -step))
        expected[:, unit] = (grad * (above - below) / (2 * h)).sum(axis=1)
    np.testing.assert_allclose(both(activation, z, grad)[1], expected, rtol=1e-8, atol=1e-9)


@each_activation
@each_dtype
def test_extremes_are_finite(name, dtype):
    z = points(dtype)
    a, grad = both(ACTIVATIONS[name](), z, np.ones_like(z))
    assert np.isfinite(a).all()
    assert np.isfinite(grad).all()


@each_activation
def test_not_a_number_stays_visible(name):
    z = np.full((2, 1), np.nan)
    assert np.isnan(both(ACTIVATIONS[name](), z, np.ones_like(z))[0]).all()


@each_activation
def test_forward_leaves_z(name):
    z = points()
    with np.errstate(all="ignore"):
        ACTIVATIONS[name]().forward(z, np.empty_like(z))
    np.testing.assert_array_equal(z, points())


@pytest.mark.parametrize("slope", [-0.1, 1.0, np.nan])
def test_a_slope_outside_0_to_1_is_refused(slope):
    with pytest.raises(ValueError, match="slope: must be at least 0 and less than 1"):
        ACTIVATIONS["leaky_relu"](slope=slope)


@each_activation
def test_the_relu_family_starts_with_he_and_others_with_xavier(name):
    family = ("relu", "leaky_relu", "elu", "softplus")
    assert ACTIVATIONS[name]().initializer == ("he" if name in family else "xavier")
    assert ACTIVATIONS[name]().initializer in INITIALIZERS


@pytest.mark.parametrize(("name", "parameters"), VARIANTS)
def test_the_facts_about_an_activation_are_true(name, parameters):
    activation = ACTIVATIONS[name](**parameters)
    z = np.concatenate([np.linspace(-40, 40, 4001), [-1e-9, 1e-9]])
    a, slope = both(activation, np.array([z, z / 2]), np.ones((2, len(z))))
    assert activation.linear == np.array_equal(a, [z, z / 2])
    assert activation.dies == bool((slope[0, z < 0] == 0).all() and (a[0, z < 0] == 0).all())
    if activation.probability:
        assert (a >= 0).all()
        assert (a <= 1).all()
    if activation.elementwise:
        assert activation.kinked == bool(abs(slope[0, -1] - slope[0, -2]) > 0.1)
        flat = bool(
            (slope[0, abs(z) > 35] < 1e-9).all() and (abs(np.diff(a[0, :4001])) < 0.1).all()
        )
        assert (activation.limits is not None) == flat
    if activation.limits:
        assert (a[0, 0], a[0, 4000]) == pytest.approx(activation.limits, abs=1e-9)


@pytest.mark.parametrize("slope", [0.0, 0.05, 0.5])
def test_a_formula_has_the_parameters_of_its_activation(slope):
    activation = ACTIVATIONS["leaky_relu"](slope=slope)
    for formula in (activation.formula, activation.derivative):
        assert f"{slope:g}" in formula.text
        assert f"{slope:g}" in formula.latex
