"""The configurations of real data reach what their issue asks for."""

import json

import numpy as np
import pytest
from shell import CONFIGS, call, trained
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

from nnfs_cli.config import loading

ACCURACY = {"iris": 0.95, "wine": 0.95, "breast-cancer": 0.95, "digits": 0.96, "spirals": 0.95}


def figures_of(name, tmp_path):
    """Return what a configuration's run is worth, and check that evaluate agrees."""
    run = trained(str(CONFIGS / f"{name}.yaml"), "--runs-dir", str(tmp_path))
    facts = json.loads((run / "run.json").read_bytes())
    evaluated = json.loads(call("evaluate", str(run), "--runs-dir", str(tmp_path)).stdout)
    for figure in "cost", "test_cost":
        assert evaluated[figure] == facts[figure]
    return evaluated


@pytest.mark.parametrize("name", ACCURACY)
def test_classes_are_told_as_well_as_they_should_be(name, tmp_path):
    assert figures_of(name, tmp_path)["test_accuracy"] >= ACCURACY[name]


def test_diabetes_is_within_5_percent_of_ridge_regression_on_the_same_split(tmp_path):
    given = loading.load(str(CONFIGS / "diabetes.yaml")).dataset.parameters
    X, y = load_diabetes(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=given["test_size"], random_state=given["split_seed"]
    )
    errors = [
        np.sqrt(np.mean((Ridge(alpha=alpha).fit(X, y).predict(X_test) - y_test) ** 2))
        for alpha in (1e-3, 1e-2, 0.1, 1)
    ]
    assert figures_of("diabetes", tmp_path)["test_rmse"] <= 1.05 * min(errors)
