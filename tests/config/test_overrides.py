"""Overrides: KEY=VALUE on the command line, dotted, read as the schema wants them."""

import pytest
from shell import XOR, call, matches

from nnfs_cli.config import loading
from nnfs_cli.config.writing import to_plain
from nnfs_cli.errors import ConfigError

TEXT = """\
dataset: moons
layers:
  - {units: 4, activation: leaky_relu}
  - units: 3
    activation: {name: leaky_relu, slope: 0.1}
    initializer: {name: normal, mean: 0, std: 1}
    weights: [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    biases: [1, 2, 3]
  - {units: 1, activation: sigmoid}
loss: squared_error
gradient_clip: 1
"""


def parsed(*overrides, text=TEXT):
    return to_plain(loading.parse(text, "o.yaml", overrides))


def refused(*overrides, text=TEXT):
    """Return the lines of the error that overrides cause."""
    with pytest.raises(ConfigError) as raised:
        loading.parse(text, "o.yaml", overrides)
    return str(raised.value).split("\n")


def at(plain, path):
    for step in path.split("."):
        plain = plain[int(step) if step.isdecimal() else step]
    return plain


NOISE_03 = {"name": "moons", "samples": 200, "noise": 0.3, "seed": 0, "shuffle": True}
COMMON = {"test_size": 0.0, "split_seed": 0, "scale": "none", "scale_target": "none"}


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("learning_rate=0.5", "learning_rate", 0.5),
        ("learning_rate=1e-3", "learning_rate", 1e-3),
        ("learning_rate=1E3", "learning_rate", 1000.0),
        ("learning_rate=.5", "learning_rate", 0.5),
        ("learning_rate=5.", "learning_rate", 5.0),
        ("learning_rate=+2", "learning_rate", 2.0),
        ("learning_rate=1", "learning_rate", 1.0),
        ("epochs=7", "epochs", 7),
        ("epochs=1e4", "epochs", 10_000),
        ("epochs=10_000", "epochs", 10_000),
        ("epochs= 7 # comment", "epochs", 7),
        ("seed=0", "seed", 0),
        ("name=no", "name", "no"),
        ("name=123", "name", "123"),
        ("name=1e3", "name", "1e3"),
        ("name=null", "name", "null"),
        ("name='quoted'", "name", "quoted"),
        ("name=lr=0.5,seed=1", "name", "lr=0.5,seed=1"),
        ("name=ÄÖ-日本", "name", "ÄÖ-日本"),
        ("gradient_clip=", "gradient_clip", None),
        ("gradient_clip=null", "gradient_clip", None),
        ("gradient_clip=~", "gradient_clip", None),
        ("features=[x1, x2, x1*x2]", "features", ["x1", "x2", "x1*x2"]),
        ("dtype=float32", "dtype", "float32"),
        ("layers.0.units=4", "layers.0.units", 4),
        ("layers.2.activation=tanh", "layers.2.activation", "tanh"),
        ("layers.1.biases.1=20", "layers.1.biases", [1, 20, 3]),
        ("layers.1.biases=[7, 8, 9]", "layers.1.biases", [7, 8, 9]),
        ("layers.1.biases=", "layers.1", "no biases"),
        ("layers.1.weights.2.3=-1e-2", "layers.1.weights.2", [9, 10, 11, -0.01]),
        ("layers.1.weights.0=[0, 0, 0, 0]", "layers.1.weights.0", [0, 0, 0, 0]),
        ("layers=[{units: 1, activation: tanh}]", "layers.0.activation", "tanh"),
        # A part that is a name alone becomes a mapping; one that is a mapping may become a name.
        ("dataset=xor", "dataset", {"name": "xor", **COMMON}),
        ("dataset.name=xor", "dataset", {"name": "xor", **COMMON}),
        ("dataset.noise=0.3", "dataset", NOISE_03 | COMMON),
        ("dataset={name: moons, noise: 0.3}", "dataset", NOISE_03 | COMMON),
        ("dataset.scale=minmax", "dataset.scale", "minmax"),
        ("dataset.test_size=0.5", "dataset.test_size", 0.5),
        ("dataset.shuffle=False", "dataset.shuffle", False),
        ("layers.0.activation.slope=0.2", "layers.0.activation.slope", 0.2),
        ("layers.1.activation.slope=0.2", "layers.1.activation.slope", 0.2),
        ("layers.1.activation=tanh", "layers.1.activation", "tanh"),
        ("layers.1.initializer.std=2", "layers.1.initializer.std", 2.0),
        ("layers.1.initializer=he", "layers.1.initializer", "he"),
        (
            "layers.0.bias_initializer={name: uniform, low: 0, high: 1}",
            "layers.0.bias_initializer",
            {"name": "uniform", "low": 0.0, "high": 1.0},
        ),
    ],
)
def test_an_override_sets_a_value_and_leaves_the_others(override, path, value):
    before, after = parsed(), parsed(override)
    if value == "no biases":
        assert "biases" not in at(after, path)
    else:
        found = at(after, path)
        assert (found, type(found)) == (value, type(value))
    key = path.split(".")[0]
    assert {**after, key: 0} == {**before, key: 0}
    if key == "layers" and override.partition("=")[0] != "layers":
        changed = int(path.split(".")[1])
        for number, pair in enumerate(zip(before["layers"], after["layers"], strict=True)):
            assert number == changed or pair[0] == pair[1]


def test_the_last_override_of_a_key_wins():
    assert parsed("epochs=1", "epochs=2")["epochs"] == 2
    assert parsed("dataset.noise=1", "dataset=moons")["dataset"]["noise"] == 0.2
    assert parsed("dataset=moons", "dataset.noise=1")["dataset"]["noise"] == 1.0


def test_an_override_of_a_shared_value_changes_it_in_one_place():
    text = TEXT.replace("activation: leaky_relu}", "activation: &a leaky_relu}").replace(
        "activation: {name: leaky_relu, slope: 0.1}", "activation: *a"
    )
    layers = parsed("layers.1.activation.slope=0.5", text=text)["layers"]
    assert [layer["activation"] for layer in layers[:2]] == [
        {"name": "leaky_relu", "slope": slope} for slope in (0.05, 0.5)
    ]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["epochs"], "epochs: an override is written KEY=VALUE"),
        (["=5"], "=5: an override is written KEY=VALUE"),
        (["="], "=: an override is written KEY=VALUE"),
        ([""], ": an override is written KEY=VALUE"),
        (["learnin_rate=1"], "learnin_rate=1: unknown key...; did you mean 'learning_rate'?"),
        (["layer.0.units=1"], "layer.0.units=1: unknown key 'layer'; did you mean 'layers'?"),
        (["layers.0.unit=1"], "layers.0.unit=1: unknown key 'unit'; did you mean 'units'?"),
        (["dataset.noize=1"], "dataset.noize=1: unknown key 'noize'; did you mean 'noise'?"),
        (["layers.0.activation.slop=0"], "layers.0.activation.slop=0: ...did you mean 'slope'?"),
        (["layers.2.activation.slope=0"], "layers.2.activation.slope=0: unknown key 'slope'"),
        (["Epochs=1"], "Epochs=1: unknown key 'Epochs'; did you mean 'epochs'?"),
        ([" epochs=1"], " epochs=1: unknown key ' epochs'; did you mean 'epochs'?"),
        ([".=1"], ".=1: unknown key ''"),
        (["epochs.=1"], "epochs.=1: ..."),
        (["a.b.c.d=1"], "a.b.c.d=1: unknown key 'a'"),
        (["a." * 5000 + "b=1"], "a.a....: nested more than 24 deep"),
        (["name=" + "x" * 100_000], "name=xxx...: must begin with ..., not 'xxx...'"),
        (["loss.name=squared_error"], "loss.name=squared_error: loss is a single value..."),
        (["seed.x=1"], "seed.x=1: ..."),
        (["layers.3.units=1"], "layers.3.units=1: layers has no item '3'; its items are 0 to 2"),
        (["layers.-1.units=1"], "layers.-1.units=1: layers has no item '-1'; its items..."),
        (["layers.first.units=1"], "layers.first.units=1: layers has no item 'first'; its..."),
        (["layers.units=1"], "layers.units=1: layers has no item 'units'; its items are 0 to 2"),
        (["layers.²=1"], "layers.²=1: layers has no item '²'; its items are 0 to 2"),
        ([f"layers.{'1' * 5000}.units=1"], "layers.111...its items are 0 to 2"),
        (["layers.1.weights.0.4=1"], "layers.1.weights.0.4=1: layers.1.weights.0 has no item..."),
        (["layers.0.initializer.std=1"], "...: layers.0.initializer is not set..."),
        (["epochs=ten"], "epochs=ten: must be an integer, not 'ten'"),
        (["epochs=1e-3"], "epochs=1e-3: must be an integer, not '1e-3'"),
        (["epochs=true"], "epochs=true: must be an integer, not 'true'"),
        (["epochs='7'"], "epochs='7': must be an integer, not the text '7'; leave out the quotes"),
        (["epochs="], "epochs=: must be an integer, not nothing"),
        (["epochs=[1]"], "epochs=[1]: must be a single value, not a list"),
        (["epochs=-5"], "epochs=-5: must be 0 or more"),
        (["learning_rate=nan"], "learning_rate=nan: must be a finite number, not 'nan'"),
        (["learning_rate==1"], "learning_rate==1: must be a number, not '=1'"),
        (["learning_rate=0,5"], "learning_rate=0,5: must be a number, not '0,5'"),
        (["dataset.shuffle=no"], "dataset.shuffle=no: must be true or false, not 'no'"),
        (["layers=3"], "layers=3: must be a list, not '3'"),
        (["layers.0=3"], "layers.0=3: must be a mapping of keys to values, not a value"),
        (["features=x1*x2"], "features=x1*x2: must be a list, not 'x1*x2'"),
        (["features=[x1, x3]"], "features=[x1, x3]: 'x3'... is not a column; ..."),
        (["loss=squared"], "loss=squared: 'squared' is not one of ...; did you mean..."),
        (["dataset.name=moon"], "dataset.name=moon: 'moon' is not one of ...did you mean 'moons'?"),
        (["name=../x"], "name=../x: must begin with a letter, ..., not '../x'"),
        (["name=+"], "name=+: must begin with a letter, ..., not '+'"),
        (["sweep.seed=1"], "sweep.seed=1: unknown key 'sweep'..."),
        (["layers.0.activation.slope=2"], "layers.0.activation.slope=2: ...must be at least 0..."),
        (["layers.1.initializer.std=-1"], "layers.1.initializer.std=-1: ...must be 0 or more"),
        (["loss=cross_entropy"], "loss=cross_entropy: cross_entropy wants softmax in the last..."),
        (["layers.2.units=5"], "layers.2.units=5: the target has 2 classes: ...it has 5"),
        (["dataset.test_size=0.999"], "dataset.test_size=0.999: 0.999 of 200 samples leaves ..."),
        (["layers.1.biases=[1]"], "layers.1.biases=[1]: 1 for 3 units"),
        (["epochs=[1"], "epochs=[1: not YAML: ..."),
        (["epochs=!!int 1"], "epochs=!!int 1: the tag ..."),
        (["epochs=*x"], "epochs=*x: no anchor &x before this"),
        (["dataset={name: or, name: or}"], "dataset={name: or, name: or}: key 'name' is there..."),
        (["epochs=1\n---\n2"], "epochs=1\\n---\\n2: a second document; there must be one"),
        (["seed=\x07"], "seed=\\x07: the character '\\x07' is not allowed in YAML"),
        (["seed=\udcff"], "..."),
        (["\udcff=1"], "...: unknown key ..."),
    ],
    ids=lambda value: ascii(value[0])[:40] if isinstance(value, list) else "",
)
def test_a_wrong_override_is_told_as_it_was_typed(overrides, message):
    *lines, last = refused(*overrides)
    assert last == "1 error; nothing was trained"
    told = "\n".join(lines)
    assert matches(told, f"<command line>: {message}"), told


@pytest.mark.parametrize(
    ("line", "override"),
    [
        ("epochs: ten", "epochs=10"),
        ("seed: -1", "seed=1"),
        ("dtype: [float64]", "dtype=float64"),
        ("features: x1", "features=[x1, x2]"),
        ("name: ../x", "name=x"),
        ("loss: none", "loss=squared_error"),
        ("dataset: moon", "dataset=moons"),
        ("dataset: moon", "dataset.name=moons"),
        ("dataset: {name: moons, noise: loud}", "dataset.noise=0.1"),
        ("layers: none", "layers=[{units: 1, activation: sigmoid}]"),
    ],
)
def test_an_override_mends_a_wrong_value_in_the_file(line, override):
    key = line.partition(":")[0]
    text = "dataset: moons\nlayers: [{units: 1, activation: tanh}]\nloss: squared_error\n"
    text = "\n".join(old for old in text.split("\n") if not old.startswith(key)) + line + "\n"
    assert refused(text=text)[-1] == "1 error; nothing was trained"
    assert parsed(override, text=text)


def test_an_override_gives_what_the_file_lacks():
    parts = ("dataset=xor", "loss=squared_error", "layers=[{units: 1, activation: sigmoid}]")
    assert parsed(*parts, text="name: x")["dataset"]["name"] == "xor"
    assert refused("dataset.noise=1", text=TEXT.replace("dataset: moons", ""))[:2] == [
        "o.yaml:2:1: configuration needs 'dataset'",
        "    2 | layers:",
    ]


def test_an_override_does_not_hide_an_unknown_key_of_the_file():
    assert (
        "unknown key 'learnin_rate'" in refused("learning_rate=1", text=TEXT + "learnin_rate: 1")[0]
    )


def test_every_command_that_takes_a_configuration_takes_overrides(tmp_path):
    args = (XOR, "epochs=3", "seed=7", "name=other")
    checked = call("check", *args)
    assert "name: other\n" in checked.stdout
    assert "epochs: 3\n" in checked.stdout
    path = call("train", *args, "--runs-dir", str(tmp_path)).stdout.strip()
    assert path == str(tmp_path / "other-1")
    assert (tmp_path / "other-1/config.yaml").read_text() == checked.stdout
