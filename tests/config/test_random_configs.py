"""Configurations drawn at random: a valid one can be written and read again, a damaged one is
either valid or reported with its place."""

import json
import re

import numpy as np
import pytest
from shell import CONFIG_FILES
from test_config import initial_params, survives

from nnfs_cli.config import loading, schema
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.errors import ConfigError, FileError

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
given, settings, st = hypothesis.given, hypothesis.settings, hypothesis.strategies
CONFIG_TEXTS = [path.read_text() for path in CONFIG_FILES]

floats = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
spread = st.floats(min_value=0, allow_infinity=False)
seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from(["none", "standard", "minmax"])
common = {"test_size": st.floats(0, 0.5), "split_seed": seeds, "scale": scales}
points = {"samples": st.integers(2, 10**6), "seed": seeds}


def part(name, _required=(), **parameters):
    """Return the ways to write a part: a mapping, and its name alone if it needs no parameter."""
    required = {key: parameters.pop(key) for key in _required}
    mapping = st.fixed_dictionaries({"name": st.just(name), **required}, optional=parameters)
    return mapping if required else mapping | st.just(name)


datasets = st.one_of(
    *(part(gate, **common) for gate in ("or", "and", "nand", "xor")),
    part("moons", noise=spread, shuffle=st.booleans(), **points, **common),
    part("circles", noise=spread, factor=st.floats(0, 1, exclude_max=True), **points, **common),
    part("blobs", std=spread, centers=st.integers(2, 9), **points, **common),
    part("spirals", noise=spread, arms=st.integers(2, 9), **points, **common),
)
initializers = st.one_of(
    *map(part, ("plain", "xavier", "he", "glorot_uniform", "zeros")),
    part("normal", ("mean", "std"), mean=floats, std=spread),
    st.lists(floats, min_size=2, max_size=2).map(
        lambda ends: {"name": "uniform", "low": min(ends), "high": max(ends)}
    ),
)
activations = st.one_of(
    part("leaky_relu", slope=st.floats(0, 1, exclude_max=True)),
    *(part(name) for name in ACTIVATIONS if name not in ("softmax", "leaky_relu")),
)
factors = st.builds(
    "{}{}{}".format, st.sampled_from(["x1", "x2", " x1 "]), st.just("^"), st.integers(1, 20)
) | st.sampled_from(["x1", "x2"])
names = st.from_regex(schema.NAME, fullmatch=True)


@st.composite
def configurations(draw):
    """Return the plain form of a valid configuration."""
    dataset = draw(datasets)
    given = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "name": names,
                "features": st.lists(
                    st.lists(factors, min_size=1, max_size=30).map("*".join), min_size=1, max_size=9
                ),
                "learning_rate": positive,
                "epochs": st.integers(0, 10**30 - 1),
                "gradient_clip": positive | st.none(),
                "seed": seeds,
                "dtype": st.sampled_from(["float64", "float32"]),
                "log_every": st.integers(1, 10**29),
            },
        )
    )
    classes = 2
    if isinstance(dataset, dict):
        classes = dataset.get("centers", dataset.get("arms", 2))
    loss = draw(st.sampled_from(["squared_error", "binary_cross_entropy", "cross_entropy"]))
    units = classes if classes > 2 or loss == "cross_entropy" else draw(st.sampled_from([1, 2]))
    output = {
        "squared_error": activations,
        "binary_cross_entropy": part("sigmoid"),
        "cross_entropy": part("softmax"),
    }[loss]
    widths = [*draw(st.lists(st.integers(1, 6), max_size=3)), units]
    fan_in, layers = len(given.get("features", ["x1", "x2"])), []
    for number, width in enumerate(widths, 1):
        layer = {
            "units": width,
            "activation": draw(output if number == len(widths) else activations),
        }
        if draw(st.booleans()):
            layer["initializer"] = draw(initializers)
        if draw(st.booleans()):
            layer["bias_initializer"] = draw(initializers)
        if draw(st.booleans()):
            row = st.lists(floats, min_size=fan_in, max_size=fan_in)
            layer["weights"] = draw(st.lists(row, min_size=width, max_size=width))
        if draw(st.booleans()):
            layer["biases"] = draw(st.lists(floats, min_size=width, max_size=width))
        layers.append(layer)
        fan_in = width
    return {"dataset": dataset, "layers": layers, "loss": loss, **given}


def effort(request, few, many):
    """Return settings for few examples, the same each time, or with --full for many."""
    full = request.config.getoption("--full", default=False)
    return settings(max_examples=many if full else few, derandomize=not full, deadline=None)


def test_a_random_configuration_survives_to_be_written(request):
    @effort(request, 100, 5000)
    @given(configurations())
    def check(given):
        read = loading.parse(json.dumps(given, ensure_ascii=False), "f")
        again = survives(read)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(initial_params(again), initial_params(read))

    check()


PIECES = [
    *"-:,[]{}#&*!|>'\"%@`?<=~^._+\\/ \t\n\r0159aenxXé\ufeff",
    *("\n  ", ": ", "- ", "? ", "---\n", "...\n", "*init", "&init ", "<<: *init", "!!int ", "!x "),
    *("true", "null", "no", ".nan", ".inf", "1e999", "1e-3", "010", "1:30", "-1", "99999999999"),
    *("units", "name", "layers", "weights: [[1, 2]]", "softmax", "leaky_relu", "features: [x1]\n"),
]


@st.composite
def mutations(draw):
    """Return a text that was a configuration before something happened to it."""
    text = draw(st.sampled_from(CONFIG_TEXTS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 1, 2, 5, 20, 100])))
        piece = draw(st.sampled_from(["", *PIECES]) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


def test_a_mutated_configuration_is_valid_or_told_where_it_is_not(request):
    @effort(request, 200, 20_000)
    @given(mutations())
    def check(text):
        try:
            survives(loading.parse(text, "f"))
        except ConfigError as error:
            first, *_, last = str(error).split("\n")
            assert re.match(r"f:[1-9]\d*:[1-9]\d*: .", first) or "f: is empty" in first
            assert re.fullmatch(r"(1 error|\d+ errors); nothing was trained", last)
        except FileError as error:  # of a data file, which is looked for beside the configuration
            first = str(error)
        else:
            return
        assert first.startswith(("f:", "/")) or "f: is empty" in first

    check()
