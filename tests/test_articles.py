"""The three founding articles' figures come out of configs/ to the digits that they print."""

import json

import msgspec
import numpy as np
import pytest
from shell import CONFIGS, TESTS

from nnfs_cli.config import loading
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.descent import descend, full_batch
from nnfs_cli.core.network import Layer, Network, outputs
from nnfs_cli.core.optimizers import gradient_descent
from nnfs_cli.data.encoding import Samples
from nnfs_cli.training import loop, setup

ARTICLES = json.loads((TESTS / "data" / "articles.json").read_text())
FILES = {
    "or_by_hand": "or-by-hand",
    "xor_feature_cross": "xor-cross",
    "xor_two_layers": "xor",
    "moons_five_layers": "moons-skalski",
}
PRINTED = {"y_hat": 5e-9, "final_train_accuracy": 5e-7}  # rounded: absolute tolerances


def prepared(file, *overrides):
    return setup.prepare(loading.load(str(CONFIGS / f"{file}.yaml"), overrides), None)


def data_of(training):
    """Return x and y of the training part."""
    _, train, _ = setup.encode(training.config, None)
    return train


def weights(training):
    """Return [W b] of each layer."""
    return training.network.views(training.params)


def mean_gradient(training):
    """Return dW and db of a network of one unit."""
    gradient = training.backprop.gradient() / training.backprop.samples
    return gradient[:-1], gradient[-1]


def y_hat(training):
    return outputs(training.network, training.params, data_of(training)[0])[0]


def assert_figures(article, found, keys=None):
    """Compare each figure found with the article's of the same name (of `keys`: the path to it)."""
    expected = ARTICLES[article]
    for key in keys or ():
        expected = expected[key]
    for name, value in found.items():
        atol = PRINTED.get(name, 0) if not keys else 0
        rtol = 0 if atol else ARTICLES[article]["rtol"]
        np.testing.assert_allclose(value, expected[name], rtol=rtol, atol=atol, err_msg=name)


# What is checked after the last epoch, beside the costs on the way.
FINAL = {
    "or_by_hand": {
        "final_after_5000": lambda t: t.figures["cost"],
        "W_after_5000": lambda t: weights(t)[0][0, :-1],
        "b_after_5000": lambda t: weights(t)[0][0, -1],
    },
    "xor_feature_cross": {
        "final": lambda t: t.figures["cost"],
        "W_final": lambda t: weights(t)[0][0, :-1],
        "b_final": lambda t: weights(t)[0][0, -1],
        "y_hat": y_hat,
    },
    "xor_two_layers": {
        "final": lambda t: t.figures["cost"],
        "y_hat": y_hat,
        "accuracy": lambda t: t.figures["accuracy"],
    },
    "moons_five_layers": {
        "final_train_cost": lambda t: t.figures["cost"],
        "final_train_accuracy": lambda t: t.figures["accuracy"],
        "final_test_cost": lambda t: t.figures["test_cost"],
        "final_test_accuracy": lambda t: t.figures["test_accuracy"],
    },
}


@pytest.mark.parametrize("article", FILES)
def test_training_gives_the_article_s_figures(article):
    training = prepared(FILES[article])
    whole, expected = training.config, ARTICLES[article]
    # The last listed epoch is not a multiple of log_every everywhere, but the end is logged.
    for epochs in (max(map(int, expected["cost"])), whole.epochs):
        training.config = msgspec.structs.replace(whole, epochs=epochs)
        for _ in loop.train(training):
            pass
    costs = dict(zip(training.log["epoch"], training.log["cost"], strict=True))
    assert_figures(article, {epoch: costs[int(epoch)] for epoch in expected["cost"]}, ["cost"])
    assert_figures(article, {name: figure(training) for name, figure in FINAL[article].items()})


def test_or_by_hand_gives_the_article_s_first_two_iterations():
    training = prepared("or-by-hand")
    (Wb,) = weights(training)
    assert Wb.tolist() == [[0.1, 0.6, 0]]
    x, y = data_of(training)
    assert (x[:-1].tolist(), y.tolist()) == (
        ARTICLES["or_by_hand"]["X"],
        ARTICLES["or_by_hand"]["Y"],
    )
    dW, db = mean_gradient(training)
    found = {
        "y_hat": y_hat(training),
        "cost": training.backprop.evaluate().cost,
        "dW": dW,
        "db": db,
    }
    assert_figures("or_by_hand", found, ["epoch_0"])
    rate = training.config.learning_rate
    list(descend(full_batch(training.backprop, gradient_descent(), rate), [1]))
    dW, db = mean_gradient(training)
    found = {"W": Wb[0, :-1], "b": Wb[0, -1], "cost": training.backprop.evaluate().cost}
    assert_figures("or_by_hand", found | {"dW": dW, "db": db}, ["after_one_update"])


def test_or_by_hand_gives_the_article_s_single_example():
    example, whole = ARTICLES["or_by_hand"]["single_example"], prepared("or-by-hand")
    data = Samples(np.array([[*example["x"], 1.0]]).T, np.array([[example["y"]]], float))
    (Wb,) = weights(whole)
    single = setup.evaluator(whole.config, whole.encoding, whole.network, whole.params, data)
    found = {"y_hat": outputs(whole.network, whole.params, data.x)[0, 0]}
    found |= {"loss": single.evaluate().cost, "dW": single.gradient()[:-1].copy()}
    found |= {"db": single.gradient()[-1]}
    list(descend(full_batch(single, gradient_descent(), whole.config.learning_rate), [1]))
    found |= {"b_after": Wb[0, -1], "loss_after": single.evaluate().cost}
    found |= {"y_hat_after": outputs(whole.network, whole.params, data.x)[0, 0]}
    assert_figures("or_by_hand", found, ["single_example"])


@pytest.mark.parametrize(
    ("article", "figures"),
    [
        ("xor_feature_cross", {"W_initial": lambda views: views[0][0, :-1]}),
        (
            "xor_two_layers",
            {
                "W1_initial": lambda views: views[0][:, :-1],
                "W2_initial": lambda views: views[1][0, :-1],
            },
        ),
        (
            "moons_five_layers",
            {
                "W1_row_0": lambda views: views[0][0, :-1],
                "b1_0": lambda views: views[0][0, -1],
                "b5": lambda views: views[4][0, -1],
            },
        ),
    ],
)
def test_initial_weights_are_the_article_s(article, figures):
    views = weights(prepared(FILES[article]))
    assert_figures(article, {name: figure(views) for name, figure in figures.items()})


def test_the_five_layers_have_the_article_s_data_and_number_of_parameters():
    training = prepared("moons-skalski")
    x, _ = data_of(training)
    assert_figures("moons_five_layers", {"X_train_0": x[:-1, 0]})
    assert (training.backprop.samples, training.test.samples) == (900, 100)
    assert f"({training.network.n_params} parameters)" in ARTICLES["moons_five_layers"]["layers"]


def test_a_leaky_relu_layer_gives_the_article_s_example():
    example = ARTICLES["moons_leaky_relu"]["layer_example"]
    network = Network((Layer(2, 3, ACTIVATIONS["leaky_relu"](slope=0.05)),))
    params = np.column_stack([example["W"], example["b"]]).ravel()
    x = np.array([[*example["x"], 1]]).T
    z = network.views(params)[0] @ x
    np.testing.assert_allclose(z[:, 0], example["z"], rtol=1e-14)
    np.testing.assert_allclose(outputs(network, params, x)[:, 0], example["a"], rtol=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_the_leaky_relu_network_separates_the_moons(seed):
    training = prepared("moons-mongaras", f"seed={seed}")
    for _ in loop.train(training):
        pass
    assert training.figures["test_accuracy"] >= 0.90
