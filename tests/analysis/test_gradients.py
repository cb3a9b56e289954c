"""check --gradients: backpropagation against central differences on a user's network."""

import json
from dataclasses import replace

import numpy as np
import pytest
import shell

from nnfs_cli.analysis import gradient_check
from nnfs_cli.config import loading
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.blocks import Block
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.errors import NnfsError

MOONS = str(shell.CONFIGS / "moons.yaml")
SMALL = ("dataset.samples=50", "layers.0.units=4", "layers.1.units=4")
RELU = ("layers.0.activation=relu", "layers.0.initializer=xavier")
HUGE = ("layers.1.activation=identity", "layers.1.initializer={name: normal, mean: 1e200, std: 0}")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def check(path, *overrides):
    return gradient_check.check(loading.load(str(path), overrides), None)


def broken(name, factor):
    """Return an activation whose derivative is `factor` times what it should be."""
    right = ACTIVATIONS[name]()

    def vjp(z, a, grad):
        right.vjp(z, a, grad)
        grad *= factor

    return lambda: replace(right, vjp=vjp)


@pytest.mark.parametrize("path", shell.CONFIG_FILES, ids=lambda path: path.stem)
def test_every_configuration_passes(path, monkeypatch):
    monkeypatch.setattr(gradient_check, "COMPONENTS", 20)
    monkeypatch.setattr(gradient_check, "SAMPLES", 300)
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
    monkeypatch.setitem(ACTIVATIONS, "tanh", broken("tanh", factor))
    overrides = (*SMALL, "layers.0.activation=sigmoid", f"dtype={dtype}")
    agree = [c.agrees for c in check(MOONS, *overrides).comparisons]
    assert agree == [False, False, False, False, True, True]


def test_a_wrong_derivative_is_found_however_small_the_gradient(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "tanh", broken("tanh", 2))
    report = check(MOONS, *SMALL, "layers.2.initializer={name: normal, mean: 0, std: 1e-6}")
    assert [c.agrees for c in report.comparisons] == [False] * 4 + [True] * 2


def test_a_component_on_a_kink_is_skipped_and_said_to_be():
    report = check(shell.XOR, *RELU)  # the sample 0, 0 lies on the kink of every unit
    assert [(c.compared, c.kinks) for c in report.comparisons] == [(6, 0), (0, 3), (3, 0), (1, 0)]
    assert report.agrees
    done = shell.call("check", "--gradients", shell.XOR, *RELU)
    assert done.code == 0
    assert (
        done.stderr
        == "b1: 3 components on a kink, skipped\nall that were compared agree to 1e-06\n"
    )


def test_a_component_on_the_kink_of_a_loss_is_skipped():
    """With zero parameters y_hat = y = 0 on three of AND's samples."""
    zeros = ["layers.0.initializer=zeros", "layers.0.activation=identity"]
    report = check(shell.CONFIGS / "and.yaml", *zeros, "loss=absolute_error")
    assert sum(comparison.kinks for comparison in report.comparisons) > 0
    assert report.agrees


def test_a_wrong_derivative_of_a_kinked_loss_is_found(monkeypatch):
    wrong = replace(LOSSES["absolute_error"], grad=lambda y_hat, y, out: np.subtract(y_hat, y, out))
    monkeypatch.setitem(LOSSES, "absolute_error", wrong)
    assert not check(shell.XOR, "loss=absolute_error").agrees


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
    monkeypatch.setitem(ACTIVATIONS, "tanh", broken("tanh", 2))
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
    monkeypatch.setitem(ACTIVATIONS, "tanh", broken("tanh", float("nan")))
    with pytest.raises(NnfsError, match="not finite"):
        check(MOONS, *SMALL)


def test_a_cost_that_is_not_finite_is_an_error():
    done = shell.call("check", "--gradients", shell.XOR, *HUGE)
    assert (done.code, done.stdout) == (1, "")
    assert "not finite" in done.stderr


# --- networks with kinks ---------------------------------------------------------------------

SKALSKI = str(shell.CONFIGS / "moons-skalski.yaml")
KINKED = {
    "skalski": (SKALSKI,),
    "float32": (SKALSKI, "dtype=float32"),
    "leaky": (str(shell.CONFIGS / "moons-mongaras.yaml"),),
    "between": (MOONS, "layers.0.activation=relu", "layers.1.activation=leaky_relu"),
}


@pytest.mark.parametrize("net", KINKED)
def test_a_correct_network_with_kinks_is_not_accused(net, monkeypatch, full):
    monkeypatch.setattr(gradient_check, "COMPONENTS", 20 if full else 10)
    for seed in range(200) if full else (3, 4, 7, 45):
        report = check(*KINKED[net], f"seed={seed}")
        assert report.agrees, seed
        assert all(c.compared for c in report.comparisons), seed


def test_all_components_of_an_accused_network_agree(full):
    for seed in (3, 4, 7) if full else (3,):
        report = check(SKALSKI, f"seed={seed}")
        assert report.agrees, seed
        assert sum(c.kinks for c in report.comparisons) < 10


def test_a_network_that_stands_on_kinks_throughout_is_not_called_right():
    zeros = "layers.0.initializer=zeros"
    done = shell.call("check", "--gradients", shell.XOR, "layers.0.activation=relu", zeros)
    assert done.code == 0
    assert "b1: 3 components on a kink, skipped\n" in done.stderr
    assert done.stderr.endswith("all that were compared agree to 1e-06\n")


@pytest.mark.parametrize("size", [1e-6, 1, 1e6])
@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus", "identity"])
def test_a_correct_network_agrees_whatever_the_size_of_its_numbers(tmp_path, size, activation):
    rng = np.random.RandomState(0)
    X = size * rng.standard_normal((60, 2))
    rows = np.c_[X, X @ [1, -2] + size * rng.standard_normal(60)]
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="a,b,y", comments="")
    houses = str(shell.CONFIGS / "diabetes.yaml")
    given = ("dataset={path: t.csv}", f"layers.0.activation={activation}")
    report = check(houses, *given)
    assert report.agrees
    assert sum(c.compared for c in report.comparisons) >= 5


@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_a_wrong_derivative_is_found_whatever_the_size_of_the_numbers(tmp_path, size, monkeypatch):
    X = size * np.random.RandomState(0).standard_normal((60, 2))
    rows = np.c_[X, X @ [1, -2] / size]
    np.savetxt(tmp_path / "t.csv", rows, delimiter=",", header="a,b,y", comments="")
    monkeypatch.setitem(ACTIVATIONS, "softplus", broken("softplus", 1.001))
    houses = str(shell.CONFIGS / "diabetes.yaml")
    scaled = f"layers.0.initializer={{name: normal, mean: 0, std: {1 / size}}}"
    given = ("dataset={path: t.csv}", "layers.0.activation=softplus", scaled)
    assert [c.agrees for c in check(houses, *given).comparisons] == [False, False, True, True]


def test_a_network_that_answers_exactly_is_compared(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n2,4\n3,6\n")
    houses = str(shell.CONFIGS / "diabetes.yaml")
    layer = "layers=[{units: 1, activation: identity, weights: [[2]], biases: [0]}]"
    report = check(houses, "dataset={path: t.csv}", layer)
    assert report.agrees
    assert [c.compared for c in report.comparisons] == [1, 1]


@pytest.mark.parametrize("mean", [1e13, 1e150, 1e200])
@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
def test_what_is_too_large_to_compare_is_not_called_wrong(mean, activation):
    first = f"layers.0.initializer={{name: normal, mean: {mean}, std: 0}}"
    done = shell.call("check", "--gradients", MOONS, first, f"layers.0.activation={activation}")
    assert done.code == 1
    assert "scale the data" in done.stderr or "not finite" in done.stderr
    assert "wrong" not in done.stderr


# --- planted errors --------------------------------------------------------------------------


def wrong_vjp(name, vjp):
    """Return a plant that replaces an activation's vjp."""
    right = ACTIVATIONS[name]()
    return lambda patch: patch.setitem(ACTIVATIONS, name, lambda: replace(right, vjp=vjp))


def wrong_grad(grad):
    """Return a plant that replaces the gradient of the squared error."""
    loss = replace(LOSSES["squared_error"], grad=grad)
    return lambda patch: patch.setitem(LOSSES, "squared_error", loss)


def wrong_blocks(after):
    """Return a plant that alters what a block's way back leaves in its steps."""
    right = Block.backward

    def backward(block):
        right(block)
        after(block.stages)

    return lambda patch: patch.setattr(Block, "backward", backward)


def wrong_delta(change):
    """Return a plant that alters dC/dz of the last layer before it goes back."""
    right = Block.backward

    def backward(block):
        block.stages[-1].delta[:] = change(block.stages[-1].delta)
        right(block)

    return lambda patch: patch.setattr(Block, "backward", backward)


def shifted(axis):
    """Return a change that moves the second layer's dW by one row or column."""

    def after(steps):
        steps[1].dWb[:, :-1] = np.roll(steps[1].dWb[:, :-1], 1, axis)

    return after


def scaled(layer, part, factor):
    """Return a change that multiplies a part of a layer's gradient."""

    def after(steps):
        steps[layer].dWb[part] *= factor

    return after


def transposed(steps):
    steps[1].dWb[:, :-1] = steps[1].dWb[:, :-1].T.copy()


def decayed(steps):
    for step in steps:
        step.dWb += 1e-3 * step.Wb


def biases_as_means(steps):
    for step in steps:
        step.dWb[:, -1] /= step.delta.shape[-1]


W, B = np.s_[:, :-1], np.s_[:, -1]
SQUARE = (MOONS, "dataset.samples=50", "layers.0.units=4", "layers.1.units=4")
MEAN = (*SQUARE, "loss=squared_error")
CLASSES = (
    *("layers.2.units=2", "layers.2.activation=softmax"),
    *("loss=squared_error", "dataset.samples=50"),
)


def times(factor):
    return lambda z, a, grad: np.multiply(grad, factor, grad)


def by(slope):
    """Return a vjp that multiplies by a function of z and a."""
    return lambda z, a, grad: np.multiply(grad, slope(z, a), grad)


def softmax_without_sum(z, a, grad):
    grad *= a


def softmax_over_samples(z, a, grad):
    grad[:] = a * (grad - (grad * a).sum(axis=-1, keepdims=True))


PLANTED = {
    "tanh: no derivative": ("tanh", by(lambda z, a: 1)),
    "tanh: twice": ("tanh", by(lambda z, a: 2 * (1 - a**2))),
    "tanh: a little more": ("tanh", by(lambda z, a: (1 + 1e-4) * (1 - a**2))),
    "tanh: sign": ("tanh", by(lambda z, a: a**2 - 1)),
    "tanh: a, not its square": ("tanh", by(lambda z, a: 1 - a)),
    "tanh: z, not a": ("tanh", by(lambda z, a: 1 - z**2)),
    "sigmoid: no derivative": ("sigmoid", by(lambda z, a: 1)),
    "sigmoid: one factor missing": ("sigmoid", by(lambda z, a: a)),
    "sigmoid: the other missing": ("sigmoid", by(lambda z, a: 1 - a)),
    "relu: no derivative": ("relu", by(lambda z, a: 1)),
    "relu: the wrong side": ("relu", by(lambda z, a: a == 0)),
    "relu: a threshold": ("relu", by(lambda z, a: a > 0.1)),
    "relu: one per cent": ("relu", by(lambda z, a: 1.01 * (a > 0))),
    "leaky_relu: no slope": ("leaky_relu", by(lambda z, a: z > 0)),
    "leaky_relu: another slope": ("leaky_relu", by(lambda z, a: np.where(z > 0, 1, 0.06))),
    "elu: no derivative": ("elu", by(lambda z, a: 1)),
    "elu: a, not a + 1": ("elu", by(lambda z, a: np.where(a > 0, 1, a))),
    "softplus: the other side": ("softplus", by(lambda z, a: np.exp(-a))),
    "sin: itself": ("sin", by(lambda z, a: a)),
    "cos: sign": ("cos", by(lambda z, a: np.sin(z))),
    "softmax: no sum": (CLASSES, wrong_vjp("softmax", softmax_without_sum)),
    "softmax: sum over samples": (CLASSES, wrong_vjp("softmax", softmax_over_samples)),
    "squared error: twice": (MEAN, wrong_grad(lambda p, y, out: np.multiply(2, p - y, out))),
    "squared error: sign": (MEAN, wrong_grad(lambda p, y, out: np.subtract(y, p, out))),
    "squared error: of classes": (
        MEAN,
        wrong_grad(lambda p, y, out: np.subtract(np.round(p), y, out)),
    ),
    "output: its derivative missing": (MEAN, wrong_vjp("sigmoid", times(1))),
    "output: bounded": (SQUARE, wrong_delta(lambda delta: np.clip(delta, -0.4, 0.4))),
    "output: the last sample missing": (
        SQUARE,
        wrong_delta(lambda delta: delta * (np.arange(delta.shape[-1]) < delta.shape[-1] - 1)),
    ),
    "output: the first sample twice": (
        SQUARE,
        wrong_delta(lambda delta: delta * np.where(np.arange(delta.shape[-1]) == 0, 2, 1)),
    ),
    "b: missing": (SQUARE, wrong_blocks(scaled(1, B, 0))),
    "b: a mean, not a sum": (SQUARE, wrong_blocks(biases_as_means)),
    "W: missing in layer 1": (SQUARE, wrong_blocks(scaled(0, W, 0))),
    "W: sign in layer 2": (SQUARE, wrong_blocks(scaled(1, W, -1))),
    "W: one unit": (SQUARE, wrong_blocks(scaled(1, np.s_[2:3], 0.5))),
    "W: one component": (SQUARE, wrong_blocks(scaled(1, np.s_[2:3, 1:2], 1.001))),
    "W: transposed": (SQUARE, wrong_blocks(transposed)),
    "W: a row further": (SQUARE, wrong_blocks(shifted(0))),
    "W: a column further": (SQUARE, wrong_blocks(shifted(1))),
    "W: a term too many": (SQUARE, wrong_blocks(decayed)),
    "everything: a mean of means": (SQUARE, wrong_delta(lambda delta: delta / delta.shape[-1])),
}


def test_thirty_errors_are_planted():
    assert len(PLANTED) >= 30


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_found(name, monkeypatch):
    where, plant = PLANTED[name]
    if isinstance(where, str):
        plant = wrong_vjp(where, plant)
        where = (*SQUARE, f"layers.0.activation={where}", f"layers.1.activation={where}")
    elif where is CLASSES:
        where = (MOONS, *CLASSES)
    assert check(*where).agrees
    plant(monkeypatch)
    assert not check(*where).agrees


@pytest.mark.parametrize("name", [name for name in PLANTED if name.startswith("relu")])
@pytest.mark.parametrize("seed", [3, 4, 7])
def test_a_planted_error_is_found_among_many_kinks(name, seed, monkeypatch):
    monkeypatch.setattr(gradient_check, "COMPONENTS", 10)
    _, vjp = PLANTED[name]
    wrong_vjp("relu", vjp)(monkeypatch)
    assert not check(SKALSKI, f"seed={seed}").agrees
