"""check --gradients: backpropagation against central differences on a user's network."""

import json
from dataclasses import replace

import pytest
import shell

from nnfs_cli import config as configuration
from nnfs_cli import gradients
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.errors import NnfsError

MOONS = str(shell.CONFIGS / "moons.yaml")
SMALL = ("dataset.samples=50", "layers.0.units=4", "layers.1.units=4")
RELU = ("layers.0.activation=relu", "layers.0.initializer=xavier")
HUGE = ("layers.1.activation=identity", "layers.1.initializer={name: normal, mean: 1e200, std: 0}")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def check(path, *overrides):
    return gradients.check(configuration.load(str(path), overrides), None)


def broken(factor):
    """Return a tanh whose derivative is `factor` times what it should be."""
    right = ACTIVATIONS["tanh"]()

    def vjp(z, a, grad):
        right.vjp(z, a, grad)
        grad *= factor

    return lambda: replace(right, vjp=vjp)


@pytest.mark.parametrize("path", shell.CONFIG_FILES, ids=lambda path: path.stem)
def test_every_configuration_passes(path, monkeypatch):
    monkeypatch.setattr(gradients, "COMPONENTS", 20)
    monkeypatch.setattr(gradients, "SAMPLES", 300)
    report = check(path)
    assert report.agrees
    assert all(c.compared + c.kinks == min(c.components, 20) for c in report.comparisons)
    assert all(c.compared for c in report.comparisons)


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS if a != "softmax"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_activation_passes(activation, dtype):
    report = check(MOONS, *SMALL, f"layers.1.activation={activation}", f"dtype={dtype}")
    assert report.agrees
    assert sum(c.compared for c in report.comparisons) > 30


@pytest.mark.parametrize("factor", [0, -1, 1.01, 1 + 1e-5])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_derivative_is_found_in_the_layers_below_it(monkeypatch, factor, dtype):
    monkeypatch.setitem(ACTIVATIONS, "tanh", broken(factor))
    overrides = (*SMALL, "layers.0.activation=sigmoid", f"dtype={dtype}")
    agree = [c.agrees for c in check(MOONS, *overrides).comparisons]
    assert agree == [False, False, False, False, True, True]


def test_a_wrong_derivative_is_found_however_small_the_gradient(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "tanh", broken(2))
    report = check(MOONS, *SMALL, "layers.2.initializer={name: normal, mean: 0, std: 1e-6}")
    assert [c.agrees for c in report.comparisons] == [False] * 4 + [True] * 2


def test_a_component_on_a_kink_is_skipped_and_said_to_be():
    report = check(shell.XOR, *RELU)  # the sample 0, 0 lies on the kink of every unit
    assert [(c.compared, c.kinks) for c in report.comparisons] == [(6, 0), (0, 3), (3, 0), (1, 0)]
    assert report.agrees
    done = shell.call("check", "--gradients", shell.XOR, *RELU)
    assert done.code == 0
    assert done.stderr == "b1: 3 components on a kink, skipped\nall agree to 1e-06\n"


def test_many_components_and_samples_are_chosen_from_always_alike():
    overrides = ("layers.0.units=150", "dataset.samples=2000")
    first, again = check(MOONS, *overrides), check(MOONS, *overrides)
    assert first == again
    assert (first.used, first.samples) == (1000, 1600)
    assert [c.compared for c in first.comparisons[:4]] == [200, 150, 200, 16]
    told = shell.call("check", "--gradients", MOONS, *overrides).stderr.splitlines()
    assert told[:2] == [
        "on 1000 of 1600 samples, chosen at random",
        "W1: 200 of 300 components, chosen at random",
    ]


def test_the_parameters_are_put_back_and_nothing_is_trained(tmp_path):
    done = shell.call("check", "--gradients", "--json", shell.XOR, "epochs=1000000000")
    assert (done.code, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["agrees"]
    assert [(row["layer"], row["array"]) for row in told["arrays"]] == [
        (1, "W"), (1, "b"), (2, "W"), (2, "b"),
    ]  # fmt: skip
    assert not (tmp_path / "runs").exists()


def test_the_command_fails_where_they_disagree(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "tanh", broken(2))
    done = shell.call("check", "--gradients", MOONS, *SMALL)
    assert done.code == 1
    assert "backpropagation is wrong in W1, b1, W2, b2" in done.stderr
    assert done.stdout.splitlines()[0].split() == [
        "layer", "array", "worst", "backpropagation", "difference", "relative", "error",
    ]  # fmt: skip
    done = shell.call("check", "--gradients", "--json", MOONS, *SMALL)
    assert done.code == 1
    assert json.loads(done.stdout)["agrees"] is False


def test_a_gradient_that_is_not_finite_is_an_error(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "tanh", broken(float("nan")))
    with pytest.raises(NnfsError, match="not finite"):
        check(MOONS, *SMALL)


def test_a_cost_that_is_not_finite_is_an_error():
    done = shell.call("check", "--gradients", shell.XOR, *HUGE)
    assert (done.code, done.stdout) == (1, "")
    assert "not finite" in done.stderr
