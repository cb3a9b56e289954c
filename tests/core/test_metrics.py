"""Scores against scikit-learn's, over random cases."""

import numpy as np
import pytest
from sklearn import metrics

from nnfs_cli.core.metrics import class_scores, count_correct, number_scores, predicted_class


def test_scores_of_classes_are_scikit_learn_s(cases):
    for rng in cases(200, 10_000):
        classes, samples = rng.randint(2, 7), rng.randint(1, 40)
        true, predicted = rng.randint(rng.randint(1, classes + 1), size=(2, samples))
        found = class_scores(predicted, true, classes)
        labels = np.arange(classes)
        expected = metrics.precision_recall_fscore_support(
            true, predicted, labels=labels, zero_division=0
        )
        np.testing.assert_allclose(found[:3], expected[:3], rtol=1e-14)
        confusion = metrics.confusion_matrix(true, predicted, labels=labels)
        np.testing.assert_array_equal(found.confusion, confusion)


def test_scores_of_numbers_are_scikit_learn_s(cases):
    for rng in cases(200, 10_000):
        shape = rng.randint(2, 40), rng.randint(1, 4)
        true = rng.normal(rng.normal(0, 100), 10.0 ** rng.randint(-3, 4), shape)
        predicted = true + rng.normal(0, 10.0 ** rng.randint(-3, 4), shape)
        found = number_scores(predicted, true)
        expected = (
            metrics.r2_score(true, predicted),
            metrics.root_mean_squared_error(true, predicted),
            metrics.mean_absolute_error(true, predicted),
        )
        np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize(("predicted", "r2"), [([3.0, 3.0], 1), ([3.0, 3.5], 0)])
def test_a_constant_target_is_met_or_not(predicted, r2):
    assert metrics.r2_score([3.0, 3.0], predicted) == r2
    assert number_scores(np.array([predicted]).T, np.full((2, 1), 3.0)).r2 == r2


def test_a_perfect_prediction_scores_one():
    y = np.array([0, 1, 2, 1])
    scores = class_scores(y, y, 3)
    np.testing.assert_array_equal(scores[:3], np.ones((3, 3)))
    np.testing.assert_array_equal(scores.confusion, np.diag([1, 2, 1]))
    assert number_scores(y[:, np.newaxis] * 1.5, y[:, np.newaxis] * 1.5) == (1, 0, 0)


@pytest.mark.parametrize("stack", [(), (3,), (2, 3)])
def test_the_largest_output_says_the_class_and_of_one_output_a_half(stack):
    rng = np.random.RandomState(0)
    several = rng.uniform(size=(*stack, 4, 9))
    np.testing.assert_array_equal(predicted_class(several), several.argmax(axis=-2))
    one = np.array([0.0, np.nextafter(0.5, 0), 0.5, 1.0])
    wanted = np.broadcast_to([0, 0, 1, 1], (*stack, 4))
    np.testing.assert_array_equal(predicted_class(np.broadcast_to(one, (*stack, 1, 4))), wanted)


@pytest.mark.parametrize("stack", [(), (3,)])
@pytest.mark.parametrize("units", [1, 4])
def test_correct_samples_are_counted_for_each_network(stack, units):
    rng = np.random.RandomState(units)
    y_hat, kind = rng.uniform(size=(*stack, units, 50)), rng.randint(max(units, 2), size=50)
    y = kind[np.newaxis] if units == 1 else kind == np.arange(units)[:, np.newaxis]
    found = y_hat[..., 0, :] >= 0.5 if units == 1 else y_hat.argmax(axis=-2)
    np.testing.assert_array_equal(count_correct(y_hat, y), (found == kind).sum(axis=-1))


@pytest.mark.parametrize("units", [1, 3])
def test_an_output_that_is_not_a_number_says_no_class_and_is_never_correct(units):
    y_hat = np.random.RandomState(0).uniform(size=(units, 6))
    y_hat[-1, [1, 4]] = np.nan
    classes = predicted_class(y_hat)
    assert np.flatnonzero(classes == -1).tolist() == [1, 4]
    true = np.where(classes < 0, 0, classes)
    y = true[np.newaxis] if units == 1 else true == np.arange(units)[:, np.newaxis]
    assert count_correct(y_hat, y) == 4
    scores = class_scores(classes, true, max(units, 2))
    assert scores.confusion.sum() == 4
    assert scores.recall[0] == (true == 0).sum().clip(1) ** -1.0 * ((true == 0).sum() - 2)
