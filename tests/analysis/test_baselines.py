"""Costs to compare a network's with: each is what mathematics says."""

from math import log

import numpy as np
import pytest
import shell

from nnfs_cli.analysis import baselines, symptoms
from nnfs_cli.config import loading
from nnfs_cli.runs import record

HOUSES = loading.load(str(shell.CONFIGS / "diabetes.yaml"))
MOONS = loading.load(str(shell.CONFIGS / "moons.yaml"))
IRIS = loading.load(str(shell.CONFIGS / "iris.yaml"))


@pytest.fixture
def table():
    """Return inputs (3, 200), a noisy linear target and one that bends, (1, 200)."""
    rng = np.random.RandomState(0)
    x = rng.standard_normal((3, 200))
    noise = 0.5 * rng.standard_normal((1, 200))
    return x, x[:1] - 2 * x[2:] + noise, x[:1] ** 2 + 0.1 * noise


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_a_constant_answer_costs_the_entropy_of_classes(share):
    y = (np.arange(1000) < 1000 * share).astype(float)[np.newaxis]
    entropy = -share * log(share) - (1 - share) * log(1 - share)
    assert baselines.constant(MOONS, y) == pytest.approx(entropy)
    assert baselines.constant(IRIS, np.vstack([y, 1 - y])) == pytest.approx(entropy)


def test_a_constant_answer_costs_half_the_variance_of_numbers(table):
    _, y, _ = table
    assert baselines.constant(HOUSES, y) == pytest.approx(y.var() / 2)
    assert baselines.constant(MOONS, np.ones((1, 5))) == 0


@pytest.mark.parametrize("size", [1e-3, 1, 1e6])
def test_the_linear_model_is_least_squares(table, size):
    x, y, _ = table
    design = np.vstack([x, np.ones(200)]).T
    left = y[0] - design @ np.linalg.lstsq(design, y[0])[0]
    assert baselines.baselines(HOUSES, size * x, y).linear == pytest.approx((left**2).mean() / 2)


@pytest.mark.parametrize(("config", "classes"), [(MOONS, 2), (IRIS, 3)])
def test_the_linear_model_of_classes_is_the_maximum_likelihood(table, config, classes):
    sklearn = pytest.importorskip("sklearn.linear_model")
    x, y, _ = table
    numbers = np.digitize(y[0], [-1, 1])[:, np.newaxis] if classes == 3 else y.T > 0
    target = (numbers == np.arange(3)).T if classes == 3 else numbers.T
    model = sklearn.LogisticRegression(C=1e9, solver="newton-cg", max_iter=10000, tol=1e-10).fit(
        x.T, numbers[:, 0]
    )
    own = model.predict_proba(x.T)[np.arange(200), numbers[:, 0].astype(int)]
    known = baselines.baselines(config, x, target.astype(float))
    assert known.linear == pytest.approx(-np.log(own).mean(), rel=1e-4)


def test_what_bends_is_told_from_what_is_only_noisy(table):
    x, straight, bent = table
    assert not baselines.baselines(HOUSES, x, straight).bends
    assert baselines.baselines(HOUSES, x, bent).bends


@pytest.mark.parametrize("size", [1e-200, 1e160, 1e300])
def test_numbers_of_any_size_have_baselines_or_none(table, size):
    x, y, _ = table
    baselines.baselines(HOUSES, size * x, y)
    baselines.baselines(HOUSES, x, size * y)


def test_a_constant_column_changes_nothing(table):
    x, y, _ = table
    more = np.vstack([x, np.full((1, 200), 7.0)])
    linear = baselines.baselines(HOUSES, x, y).linear
    assert baselines.baselines(HOUSES, more, y).linear == pytest.approx(linear)


def test_the_minimum_of_a_long_valley_is_found():
    scale = np.logspace(0, 2, 20)
    end = baselines.minimum(lambda at: (float(scale @ at**2) / 2, scale * at), np.ones(20))
    assert np.abs(end).max() < 1e-6


def test_sharpness_is_the_largest_curvature(tmp_path, monkeypatch, table):
    monkeypatch.chdir(tmp_path)
    x, y, _ = table
    x = x * [[3], [1], [0.5]]
    rows = np.vstack([x, y]).T
    np.savetxt("t.csv", rows, delimiter=",", header="a,b,c,y", comments="")
    linear = "layers=[{units: 1, activation: identity}]"
    path = shell.trained(str(shell.CONFIGS / "diabetes.yaml"), "dataset={path: t.csv}", linear)
    design = np.vstack([x, np.ones(200)])
    largest = np.linalg.eigvalsh(design @ design.T / 200).max()
    gathered = symptoms.gather(record.read(path), tmp_path)
    assert gathered.sharpness == pytest.approx(largest, rel=0.01)
    assert gathered.linearity == pytest.approx(1)
