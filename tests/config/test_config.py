"""Configurations: what is accepted, what it means, and that writing one loses nothing."""

import json
import re
from typing import get_type_hints

import numpy as np
import pytest
from shell import CONFIG_FILES, CONFIGS

from nnfs_cli.config import loading, schema
from nnfs_cli.config.request import request_of
from nnfs_cli.config.writing import dump, to_plain
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.data.source import Sources
from nnfs_cli.training import setup

XOR = (CONFIGS / "xor.yaml").read_text()
each_config = pytest.mark.parametrize("path", CONFIG_FILES, ids=lambda path: path.stem)


def plain(text, source="test.yaml"):
    return to_plain(loading.parse(text, source))


def flow(**keys):
    """Return a configuration's text, XOR with one unit but for `keys`."""
    base = {
        "dataset": "xor",
        "layers": [{"units": 1, "activation": "sigmoid"}],
        "loss": "squared_error",
    }
    return json.dumps(base | keys, ensure_ascii=False)


def with_line(line):
    return f"dataset: xor\nlayers: [{{units: 1, activation: tanh}}]\nloss: squared_error\n{line}\n"


def initial_params(given):
    info = Sources().open(request_of(given)).info
    return setup.initial_params(given, setup.network_of(given, info))


COMMON = {"test_size": 0.0, "split_seed": 0, "scale": "none", "scale_target": "none"}


def survives(given):
    """Check that a configuration is the same when it has been written and read, twice."""
    text = dump(given)
    again = loading.parse(text, "other.yaml")
    assert again == given
    assert dump(again) == text
    return again


@each_config
def test_each_config_loads_and_is_named_after_its_file(path):
    assert loading.load(str(path)).name == path.stem


@each_config
def test_a_saved_config_reproduces_its_weights(path, tmp_path):
    given = loading.load(str(path))
    (tmp_path / "config.yaml").write_text(dump(given))
    saved = loading.load(str(tmp_path / "config.yaml"))
    assert saved == given
    np.testing.assert_array_equal(initial_params(saved), initial_params(given), strict=True)


@each_config
def test_a_dump_is_dumped_the_same(path):
    survives(loading.load(str(path)))


@each_config
def test_a_dump_has_a_line_for_each_key_in_the_order_of_the_schema(path):
    text = dump(loading.load(str(path)))
    assert re.findall(r"^\w+(?=:)", text, re.MULTILINE) == list(schema.Config.__struct_fields__)


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(hint, id=f"{struct.__name__}.{name}")
        for struct in (schema.Config, schema.LayerConfig)
        for name, hint in get_type_hints(struct, include_extras=True).items()
    ],
)
def test_every_key_has_a_description(field):
    assert [meta.description for meta in field.__metadata__ if meta.description]


def test_defaults_are_those_of_the_design():
    assert plain(flow(), "some/where/my xor.yaml") == {
        "name": "my-xor",
        "dataset": {"name": "xor", **COMMON},
        "features": None,
        "layers": [
            {
                "units": 1,
                "activation": "sigmoid",
                "initializer": "xavier",
                "bias_initializer": "zeros",
            }
        ],
        "loss": "squared_error",
        "learning_rate": 0.1,
        "epochs": 1000,
        "gradient_clip": None,
        "seed": 0,
        "dtype": "float64",
        "log_every": 100,
    }


@pytest.mark.parametrize(
    ("dataset", "defaults"),
    [
        *((gate, {}) for gate in ("or", "and", "nand", "xor")),
        ("moons", {"samples": 200, "noise": 0.2, "seed": 0, "shuffle": True}),
        ("circles", {"samples": 200, "noise": 0.1, "factor": 0.5, "seed": 0}),
        ("blobs", {"samples": 200, "centers": 2, "std": 1.0, "seed": 0}),
        ("spirals", {"samples": 200, "arms": 2, "turns": 1.0, "noise": 0.02, "seed": 0}),
        ("breast_cancer", {}),
    ],
)
def test_a_dataset_has_the_defaults_of_the_design(dataset, defaults):
    for written in dataset, {"name": dataset}:
        assert plain(flow(dataset=written))["dataset"] == {"name": dataset, **defaults, **COMMON}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_layer_is_initialized_as_suits_its_activation(activation):
    he = activation in ("relu", "leaky_relu", "elu", "softplus")
    layer = {"units": 2, "activation": activation}
    (found,) = plain(flow(layers=[layer]))["layers"]
    assert found["initializer"] == ("he" if he else "xavier")
    (found,) = plain(flow(layers=[{**layer, "initializer": "plain"}]))["layers"]
    assert found["initializer"] == "plain"


def test_a_leaky_relu_has_a_slope_of_a_twentieth():
    (layer,) = plain(flow(layers=[{"units": 1, "activation": "leaky_relu"}]))["layers"]
    assert layer["activation"] == {"name": "leaky_relu", "slope": 0.05}


def test_explicit_weights_need_no_initializer():
    layer = {"units": 1, "activation": "tanh", "weights": [[1, 2]], "biases": [3]}
    given = loading.parse(flow(layers=[layer]), "f")
    np.testing.assert_array_equal(initial_params(given), [1, 2, 3])
    survives(given)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("learning_rate: 1e-3", 0.001),
        ("learning_rate: 1E+3", 1000.0),
        ("learning_rate: 1", 1.0),
        ("learning_rate: .5", 0.5),
        ("learning_rate: 5.", 5.0),
        ("learning_rate: 010.5", 10.5),
        ("learning_rate: 1_000.5", 1000.5),
        ("learning_rate: 5e-324", 5e-324),
        ("epochs: 1e4", 10_000),
        ("epochs: 1e29", 10**29),
        ("epochs: 10_000", 10_000),
        ("epochs: +5", 5),
        ("epochs: 0", 0),
        ("epochs: &n 5", 5),
        ("seed: 4294967295", 2**32 - 1),
        ("log_every: 1", 1),
        ("name: no", "no"),
        ("name: yes", "yes"),
        ("name: on", "on"),
        ("name: null", "null"),
        ("name: 1e3", "1e3"),
        ("name: 0x10", "0x10"),
        ("name: 2026-01-01", "2026-01-01"),
        ("name: 'quoted'", "quoted"),
        ('name: "quo\\u0074ed"', "quoted"),
        ("name: >-\n  folded", "folded"),
        ("name: größe", "größe"),
        ("name: " + "x" * 60, "x" * 60),
        ("name: _.+=,@-", "_.+=,@-"),
        ("gradient_clip: null", None),
        ("gradient_clip: ~", None),
        ("gradient_clip:", None),
        ("features:", None),
        ("features: [x2]", ["x2"]),
        ("features:\n- x1^2\n- x1 * x2 ^ 20", ["x1^2", "x1 * x2 ^ 20"]),
        ("'epochs': 5", 5),
        ("? epochs\n: 5", 5),
        ("epochs: 5 # and a comment", 5),
        ("epochs:     5   ", 5),
        ("epochs:\t5", 5),
        ("epochs: 5\n...", 5),
        ("epochs: 5\n\n\n# the end", 5),
    ],
)
def test_a_value_is_what_a_person_means_by_it(line, value):
    given = loading.parse(with_line(line), "f")
    key = re.search(r"\w+", line)[0]
    assert (getattr(given, key), type(getattr(given, key))) == (value, type(value))
    survives(given)


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "false", "False", "FALSE"])
def test_a_boolean_is_true_or_false(word):
    text = XOR.replace("dataset: xor", f"dataset: {{name: moons, shuffle: {word}}}")
    assert loading.parse(text, "f").dataset.parameters["shuffle"] is (word.lower() == "true")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: "---\n" + text + "...\n",
        lambda text: "%YAML 1.1\n---\n" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n", "  \n\n"),
        lambda text: text + "# 日本語 🙂\n",
        lambda text: json.dumps(plain(text, "xor.yaml")),
        lambda text: json.dumps(plain(text, "xor.yaml"), indent=2),
        lambda text: dump(loading.parse(text, "xor.yaml")),
    ],
)
def test_the_form_of_a_file_does_not_matter(change, tmp_path):
    path = tmp_path / "xor.yaml"
    path.write_bytes(change(XOR).encode())
    assert loading.load(str(path)) == loading.parse(XOR, "xor.yaml")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("configs/xor.yaml", "xor"),
        ("xor", "xor"),
        ("-", "run"),
        ("a.b.yaml", "a.b"),
        ("two words.yaml", "two-words"),
        ("größe.yaml", "größe"),
        (".yaml", "yaml"),
        ("..yaml", "yaml|run"),
        ("-rf.yaml", "rf"),
        ("(1).yaml", "1"),
        ("<stdin>", "run"),
        ("\udcff.yaml", "run"),
        ("\n.yaml", "run"),
        ("x" * 300 + ".yaml", "x" * 40),
    ],
)
def test_any_file_has_a_name_that_a_run_can_have(source, name):
    found = loading.parse(XOR, source)
    assert found.name in name.split("|")
    survives(found)
