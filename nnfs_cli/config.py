"""Configurations: read from YAML with overrides, checked as a whole, written with every default."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from nnfs_cli import data, document, features, footprint
from nnfs_cli.checker import Checker
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.datasets import Facts
from nnfs_cli.document import Mapping, Node, NotADocument, Place, Scalar, Setting
from nnfs_cli.errors import ConfigError, Problem, config_error
from nnfs_cli.schema import PART_KEYS, Config, LayerConfig, Part, keys_of, kind_of
from nnfs_cli.writing import dump as dump
from nnfs_cli.writing import to_plain as to_plain
from nnfs_cli.writing import too_large as too_large

if TYPE_CHECKING:
    from nnfs_cli.files import Watcher


def load(
    path: str,
    overrides: Sequence[str] = (),
    *,
    consequence: str = "nothing was trained",
    known: Facts | None = None,
    watch: Watcher | None = None,
    limit: int = document.MAX_BYTES,
) -> Config:
    """Return the configuration in a file with overrides applied; ConfigError lists all that is
    wrong.

    The facts of its data are `known`, or looked up: then a data file is read, and `watch` told.
    """
    text = read_text(path, consequence=consequence, limit=limit)
    source = name_of(path)
    return parse(text, source, overrides, consequence=consequence, known=known, watch=watch)


def parse(
    text: str,
    source: str,
    overrides: Sequence[str] = (),
    *,
    consequence: str = "nothing was trained",
    known: Facts | None = None,
    watch: Watcher | None = None,
) -> Config:
    """Return the configuration that `text` holds; `source` names it in messages."""
    try:
        root, problems = document.compose(text, source)
    except NotADocument as error:
        raise config_error([error.problem], consequence) from None
    if isinstance(root, Scalar) and not root.text:
        empty = "the file is empty; a configuration is needed"
        raise config_error([root.place.problem(empty)], consequence)
    settings = []
    for number, argument in enumerate(overrides):
        try:
            settings.append(document.setting(argument, number))
        except NotADocument as error:
            problems.append(error.problem)
    if isinstance(root, Mapping):
        root = replace(root, items={k: v for k, v in root.items.items() if k != BLOCK})
    return build(
        root, source, settings, problems, consequence=consequence, known=known, watch=watch
    )


def build(
    root: Node,
    source: str,
    settings: Sequence[Setting] = (),
    problems: Sequence[Problem] = (),
    *,
    consequence: str = "nothing was trained",
    known: Facts | None = None,
    watch: Watcher | None = None,
) -> Config:
    """Return the configuration of a tree of nodes with settings applied.

    ConfigError lists all that is wrong, beginning with the `problems` that are known already.
    """
    checker = Checker()
    checker.problems += problems
    if isinstance(root, Mapping):
        for given in settings:
            try:
                root = document.override(root, given, PART_KEYS)
            except NotADocument as error:
                checker.problems.append(error.problem)
    config = checker.config(root, default_name(source))
    if checker.problems:
        raise config_error(checker.problems, consequence)
    assert isinstance(config, Config)
    config = fill_in(config)
    facts = known or data.facts(config, watch)
    for path, message in contradictions(config, facts, to_train=known is None):
        key = next(step for step in reversed(path) if isinstance(step, str))
        checker.problem(place_of(root, path), key, message)
    if checker.problems:
        raise config_error(checker.problems, consequence)
    return config


def value(given: Setting, consequence: str) -> Any:
    """Return the value of one key at the top, checked alone."""
    checker = Checker()
    try:
        node, checker.problems = document.compose(given.text, "", override=given.place)
        annotation, _ = keys_of(Config)[given.key]
        found = checker.value(node, kind_of(annotation), given.key)
    except NotADocument as error:
        checker.problems.append(error.problem)
    if checker.problems:
        raise config_error(checker.problems, consequence)
    return found


def read_text(
    path: str, *, consequence: str = "nothing was trained", limit: int = document.MAX_BYTES
) -> str:
    """Return a configuration file's text; `-` is standard input."""

    def refuse(message: str, before: bytes | None = None) -> ConfigError:
        where = name_of(path)
        if before is not None:
            line, column = document.end_of(before.decode("utf-8-sig", "replace"))
            where += f":{line + 1}:{column + 1}"
        return config_error([Problem(where, message)], consequence)

    try:
        if path != "-" and not _is_readable(path):
            raise refuse("is not a file")
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise refuse("is no path") from None
    if len(content) > limit:
        message = f"the file is larger than {limit >> 20} MiB; a configuration is not that long"
        raise refuse(message, content[:limit])
    if b"\0" in content:
        message = "a NUL: this is a binary file; a configuration is YAML text"
        raise refuse(message, content.partition(b"\0")[0])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        content = error.object  # which begins behind the byte order mark
        message = f"byte 0x{content[error.start]:02x} is not UTF-8 text"
        raise refuse(message, content[: error.start]) from None


def _is_readable(path: str) -> bool:
    """Return whether a path is a file, or a pipe that the shell opened, as in <(command)."""
    mode = Path(path).stat().st_mode  # which, unlike opening it, does not wait for a pipe's writer
    piped = path.startswith(("/dev/fd/", "/proc/self/fd/")) and stat.S_ISFIFO(mode)
    return piped or stat.S_ISREG(mode)


def name_of(path: str) -> str:
    """Return what a configuration file is called in messages."""
    return STDIN if path == "-" else path


def default_name(source: str) -> str:
    """Return what the runs of a configuration file are called: its stem, made fit for a path."""
    stem = "" if source == STDIN else Path(source).stem
    return re.sub(r"[^\w.+=,@-]+", "-", stem).strip("-.+=,@")[:40] or "run"


def fill_in(config: Config) -> Config:
    """Return the configuration with the defaults that depend on other values."""
    return msgspec.structs.replace(
        config, layers=[_fill_in_layer(layer) for layer in config.layers]
    )


def _fill_in_layer(layer: LayerConfig) -> LayerConfig:
    if layer.initializer or layer.weights is not None:
        return layer
    activation = ACTIVATIONS[layer.activation.name](**layer.activation.parameters)
    return msgspec.structs.replace(layer, initializer=Part(activation.initializer))


BLOCK = "sweep"  # a key of a file that is for `nnfs sweep` alone
STDIN = "<stdin>"
KeyPath = tuple[str | int, ...]


def n_inputs(config: Config, known: Facts) -> int:
    """Return the number of features, without the row of ones."""
    return len(config.features or known.columns)


def n_params(config: Config, known: Facts) -> int:
    """Return the number of the network's parameters."""
    widths = [n_inputs(config, known), *(layer.units for layer in config.layers)]
    return sum((a + 1) * b for a, b in pairwise(widths))


def contradictions(
    config: Config, known: Facts, *, to_train: bool
) -> Iterator[tuple[KeyPath, str]]:
    """Yield what does not fit together: the path of a value, and what is wrong with it."""
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


def _data_contradictions(config: Config, known: Facts) -> Iterator[tuple[KeyPath, str]]:
    given = config.dataset.parameters
    test_size, test_path = given["test_size"], given.get("test_path")
    if test_size and test_path:
        yield ("dataset", "test_size"), "there is a test_path already"
    elif data.n_test(known.samples, test_size) >= known.samples:
        yield (
            ("dataset", "test_size"),
            f"{test_size} of {known.samples} samples leaves none to train on",
        )
    if given["scale_target"] != "none" and known.classes is not None:
        yield ("dataset", "scale_target"), "the target is classes; only numbers can be scaled"


def _layer_contradictions(config: Config, known: Facts) -> Iterator[tuple[KeyPath, str]]:
    fan_in = n_inputs(config, known)
    for i, layer in enumerate(config.layers):
        at: KeyPath = ("layers", i)
        W, b, units = layer.weights, layer.biases, layer.units
        if W is not None and len(W) != units:
            yield (*at, "weights"), f"{len(W)} rows for {_units(units)}"
        for j, row in enumerate(W or ()):
            if len(row) != fan_in:
                yield (
                    (*at, "weights", j),
                    f"a row of {len(row)} for {fan_in} input{'s' * (fan_in != 1)}",
                )
        if b is not None and len(b) != units:
            yield (*at, "biases"), f"{len(b)} for {_units(units)}"
        if layer.activation.name == "softmax" and layer is not config.layers[-1]:
            yield (*at, "activation"), "softmax is for the output layer only"
        fan_in = units


def _output_contradictions(config: Config, known: Facts) -> Iterator[tuple[KeyPath, str]]:
    last: KeyPath = ("layers", len(config.layers) - 1)
    output = config.layers[-1]
    activation, units = output.activation.name, output.units
    wanted = LOSSES[config.loss].outputs
    if wanted and activation not in wanted:
        yield (
            ("loss",),
            f"{config.loss} wants {' or '.join(wanted)} in the last layer, which has {activation}",
        )
    if activation == "softmax" and units == 1 and len(known.classes or "") <= 2:
        yield (*last, "units"), "softmax wants two units or more; for one, take sigmoid"
    elif known.classes is None:
        if units != (count := len(known.targets)):
            there = "is 1 target" if count == 1 else f"are {count} targets"
            yield (
                (*last, "units"),
                f"there {there}: the last layer needs {_units(count)}, it has {units}",
            )
    elif units != len(known.classes) and not (units == 1 and len(known.classes) == 2):
        fit = f"{len(known.classes)} softmax units"
        fit += " or 1 sigmoid unit" if len(known.classes) == 2 else ""
        yield (
            (*last, "units"),
            f"the target has {len(known.classes)} classes: the last layer needs {fit}, "
            f"it has {units}",
        )


def _units(count: int) -> str:
    return "1 unit" if count == 1 else f"{count} units"


def place_of(root: Node, path: KeyPath) -> Place:
    """Return where the value at `path` was written, or the closest that was."""
    node = root
    for step in path:
        if isinstance(node, Mapping) and step in node.items:
            node = node.items[str(step)][1]
        elif isinstance(node, document.Sequence) and isinstance(step, int):
            node = node.items[step]
    return node.place
