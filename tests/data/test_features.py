"""Features: products of columns and powers, by their expressions."""

import re

import numpy as np
import pytest

from nnfs_cli.data import features

COLUMNS = features.places(["x1", "x2", "a*b", "petal width"])
X = np.random.RandomState(0).uniform(-3, 3, (6, 4))
x1, x2, ab, width = X.T


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("x1", x1),
        ("x1*x2", x1 * x2),
        (" x2 * x1 ", x2 * x1),
        ("x1^2", x1 * x1),
        ("x1 ^ 1", x1),
        ("x1^2*x2^3", x1**2 * x2**3),
        ("x1*x1*x1", x1 * x1 * x1),
        ("x1^20", x1**20),
        ("a*b", ab),
        ("petal width", width),
        ("petal width^2*x1", width**2 * x1),
    ],
)
def test_a_feature_is_the_product_it_says(expression, expected):
    found = features.product(features.parse(expression, COLUMNS), lambda i: X[:, i])
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("x3", "'x3': 'x3' is not a column; the columns are x1, x2, a*b, petal width"),
        ("X1", "did you mean 'x1'?"),
        ("x1*", "a factor is missing"),
        ("*x1", "a factor is missing"),
        ("", "a factor is missing"),
        ("^2", "a factor is missing"),
        ("x1+x2", "'x1+x2' is not a column"),
        ("2*x1", "'2' is not a column"),
        ("a*b^2", "'a' is not a column"),
        ("__import__('os')", "is not a column"),
        *(
            (f"x1^{power}", f"'x1^{power}': a power must be an integer from 1 to 20")
            for power in ("", "0", "21", "-1", "1.5", "x2", "2^2", "²", "1_0", "9" * 30)
        ),
    ],
)
def test_an_expression_that_is_none_is_refused_by_name(expression, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        features.parse(expression, COLUMNS)
