"""An activation or a loss is added by one function and one line of a table.

The two here are added to the tables of the running program; no other module knows their names.
"""

import json
import math

import numpy as np
import pytest
from shell import XOR, call, trained

from nnfs_cli.config.schema import Config, keys_of, kind_of
from nnfs_cli.core.activations import ACTIVATIONS, Activation, Formula
from nnfs_cli.core.losses import LOSSES, Loss

FORMATS = ["text", "md", "json", "html", "svg"]


def mish():
    """z tanh(log(1 + e^z)). Misra 2019."""

    def forward(z, out):
        np.multiply(z, np.tanh(np.logaddexp(0, z)), out)

    def vjp(z, a, grad):
        t = np.tanh(np.logaddexp(0, z))
        grad *= t + z * (1 - t * t) / (1 + np.exp(-z))

    return Activation(
        forward,
        vjp,
        Formula("z tanh(log(1 + e^z))", r"z \tanh(\log(1 + e^z))"),
        Formula("mish'(z)", r"\text{mish}'(z)"),
        initializer="he",
    )


def log_cosh_grad(y_hat, y, out):
    np.subtract(y_hat, y, out)
    np.tanh(out, out)


LOG_COSH = Loss(
    lambda y_hat, y: np.log(np.cosh(y_hat - y)),
    log_cosh_grad,
    Formula("log cosh(y_hat - y)", r"\log \cosh(\hat y - y)"),
    Formula("tanh(y_hat - y)", r"\tanh(\hat y - y)"),
    lambda y, classes: math.log(math.cosh(0.5)),
)
ADDED = {
    "activation": (("layers.0.activation=mish",), "z tanh(log(1 + e^z))"),
    "output": (("layers.1.activation=mish",), "z tanh(log(1 + e^z))"),
    "loss": (("loss=log_cosh",), "log cosh(y_hat - y)"),
    "both": (("layers.0.activation=mish", "loss=log_cosh"), "tanh(y_hat - y)"),
    "absolute_error": (("loss=absolute_error",), "|y_hat - y|"),
    "huber": (("loss=huber",), "clip(y_hat - y, -1, 1)"),
}
each_addition = pytest.mark.parametrize(("overrides", "formula"), ADDED.values(), ids=ADDED)


@pytest.fixture(autouse=True)
def _tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNFS_RUNS_DIR", raising=False)
    monkeypatch.setitem(ACTIVATIONS, "mish", mish)
    monkeypatch.setitem(LOSSES, "log_cosh", LOG_COSH)
    names = kind_of(keys_of(Config)["loss"][0]).extra["names"]  # listed when schema was imported
    names.append("log_cosh")
    yield
    names.remove("log_cosh")


def printed(*args):
    """Return what a command prints to stdout."""
    done = call(*args)
    assert (done.code, done.stderr) == (0, "")
    return done.stdout


@each_addition
def test_an_added_part_trains_is_diagnosed_and_evaluated(overrides, formula):
    run = str(trained(XOR, *overrides, "epochs=300", "learning_rate=0.3"))
    report = json.loads(printed("diagnose", run, "--json"))
    assert report["cost"] < report["initial_cost"]
    assert report["chance"] > 0
    assert json.loads(printed("evaluate", run))["cost"] == pytest.approx(report["cost"])
    assert printed("predict", run)
    assert "identical" in printed("reproduce", run)


@each_addition
def test_an_added_part_is_swept_as_it_is_trained(overrides, formula):
    sweep = printed("sweep", "-q", XOR, *overrides, "epochs=30", "seed=0..3").strip()
    alone = trained(XOR, *overrides, "epochs=30", "seed=2")
    assert printed("predict", f"{sweep}/2") == printed("predict", str(alone))


@each_addition
def test_an_added_part_has_an_exact_gradient(overrides, formula):
    assert call("check", XOR, *overrides, "--gradients").code == 0


@each_addition
@pytest.mark.parametrize("form", FORMATS)
def test_an_added_part_is_explained_in_every_format(overrides, formula, form):
    page = printed("explain", XOR, *overrides, "--format", form)
    name = overrides[0].partition("=")[2]
    assert name in page.replace("\\", "")
    if form in ("text", "html"):
        assert formula in page


@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if not loss.classes])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_loss_of_numbers_trains_on_a_file_of_numbers(tmp_path, loss, dtype):
    x = np.random.RandomState(0).uniform(-1, 1, 60)
    rows = "".join(f"{a:.3f},{2.5 * a + abs(a):.3f}\n" for a in x)
    (tmp_path / "numbers.csv").write_text(f"x,y\n{rows}")
    (tmp_path / "numbers.yaml").write_text(
        "dataset: {path: numbers.csv, test_size: 0.2, scale_target: standard}\n"
        "layers: [{units: 4, activation: relu}, {units: 1, activation: identity}]\n"
        f"loss: {loss}\ndtype: {dtype}\nepochs: 300\n"
    )
    assert call("check", "numbers.yaml", "--gradients").code == 0
    run = str(trained("numbers.yaml"))
    figures = json.loads(printed("evaluate", run))
    assert figures["r2"] > 0.9
    report = json.loads(printed("diagnose", run, "--json", "--no-trial"))
    assert report["cost"] < 0.3 * report["chance"]
    assert report["chance"] == pytest.approx(report["constant"], rel=1e-6)
