"""Checks of a configuration's values against each other and its data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from nnfs_cli.config import footprint, nodes
from nnfs_cli.config.nodes import Mapping, Node, Place
from nnfs_cli.config.schema import Config
from nnfs_cli.config.writing import too_large
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.data import features
from nnfs_cli.data.source import n_test
from nnfs_cli.data.table import DataInfo

if TYPE_CHECKING:
    pass

KeyPath = tuple[str | int, ...]


def n_inputs(config: Config, known: DataInfo) -> int:
    """Return the number of features, without the row of ones."""
    return len(config.features or known.columns)


def n_params(config: Config, known: DataInfo) -> int:
    """Return the number of the network's parameters."""
    widths = [n_inputs(config, known), *(layer.units for layer in config.layers)]
    return sum((a + 1) * b for a, b in pairwise(widths))


def contradictions(
    config: Config, known: DataInfo, *, to_train: bool
) -> Iterator[tuple[KeyPath, str]]:
    """Yield each contradiction: the path of a value, and the problem."""
    places = features.places(known.columns)
    for i, expression in enumerate(config.features or ()):
        try:
            features.parse(expression, places)
        except ValueError as error:
            yield ("features", i), str(error)
    yield from _layer_contradictions(config, known)
    yield from _output_contradictions(config, known)
    yield from _data_contradictions(config, known)
    for key, message in footprint.excesses(config, known, to_train=to_train):
        yield (key,), message
    if excess := too_large(config):
        yield ("layers",), excess


def _data_contradictions(config: Config, known: DataInfo) -> Iterator[tuple[KeyPath, str]]:
    given = config.dataset.parameters
    test_size, test_path = given["test_size"], given.get("test_path")
    if test_size and test_path:
        yield ("dataset", "test_size"), "cannot be combined with test_path; remove one of them"
    elif n_test(known.samples, test_size) >= known.samples:
        yield (
            ("dataset", "test_size"),
            f"{test_size} of {known.samples} samples leaves none to train on",
        )
    if given["scale_target"] != "none" and known.classes is not None:
        yield ("dataset", "scale_target"), "the target holds classes; only numbers can be scaled"


def _layer_contradictions(config: Config, known: DataInfo) -> Iterator[tuple[KeyPath, str]]:
    fan_in = n_inputs(config, known)
    for i, layer in enumerate(config.layers):
        at: KeyPath = ("layers", i)
        W, b, units = layer.weights, layer.biases, layer.units
        if W is not None and len(W) != units:
            yield (
                (*at, "weights"),
                f"{_count(len(W), 'row')} for {_count(units, 'unit')}; give one row per unit",
            )
        for j, row in enumerate(W or ()):
            if len(row) != fan_in:
                yield (
                    (*at, "weights", j),
                    f"a row of {len(row)} for {_count(fan_in, 'input')}; give one weight per input",
                )
        if b is not None and len(b) != units:
            yield (
                (*at, "biases"),
                f"{_count(len(b), 'value')} for {_count(units, 'unit')}; give one bias per unit",
            )
        name = layer.activation.name
        activation = ACTIVATIONS[name](**layer.activation.parameters)
        if not activation.elementwise and layer is not config.layers[-1]:
            yield (*at, "activation"), f"{name} is for the output layer only"
        fan_in = units


def _output_contradictions(config: Config, known: DataInfo) -> Iterator[tuple[KeyPath, str]]:
    last: KeyPath = ("layers", len(config.layers) - 1)
    output = config.layers[-1]
    name, units = output.activation.name, output.units
    activation = ACTIVATIONS[name](**output.activation.parameters)
    outputs = LOSSES[config.loss].outputs
    if outputs and name not in outputs:
        yield (
            ("loss",),
            f"{config.loss} requires a {' or '.join(sorted(outputs))} output; "
            f"the last layer is {name}",
        )
    if not activation.elementwise and units == 1 and len(known.classes or "") <= 2:
        yield (*last, "units"), f"{name} requires at least 2 units; with 1, use sigmoid"
    elif known.classes is None:
        if units != (count := len(known.targets)):
            there = "is 1 target" if count == 1 else f"are {count} targets"
            yield (
                (*last, "units"),
                f"there {there}: the last layer needs {_count(count, 'unit')}, not {units}",
            )
    elif units != len(known.classes) and not (units == 1 and len(known.classes) == 2):
        fit = f"{len(known.classes)} softmax units"
        fit += " or 1 sigmoid unit" if len(known.classes) == 2 else ""
        yield (
            (*last, "units"),
            f"the target has {len(known.classes)} classes: the last layer needs {fit}, not {units}",
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def place_of(root: Node, path: KeyPath) -> Place:
    """Return the place of the value at `path`, or of the closest enclosing value in the file."""
    node = root
    for step in path:
        if isinstance(node, Mapping) and step in node.items:
            node = node.items[str(step)][1]
        elif isinstance(node, nodes.Sequence) and isinstance(step, int):
            node = node.items[step]
    return node.place
