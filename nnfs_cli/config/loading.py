"""Configurations: read from YAML, with overrides applied and everything checked together."""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from nnfs_cli.config import overrides as config_overrides
from nnfs_cli.config import yaml_reader
from nnfs_cli.config.consistency import contradictions, place_of
from nnfs_cli.config.nodes import Mapping, Node, NotADocument, Scalar
from nnfs_cli.config.overrides import Setting
from nnfs_cli.config.request import request_of
from nnfs_cli.config.schema import PART_KEYS, Config, LayerConfig, Part, keys_of, kind_of
from nnfs_cli.config.values import Checker
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.data.source import Sources
from nnfs_cli.data.table import DataInfo
from nnfs_cli.errors import ConfigError, Problem, config_error


def load(
    path: str,
    overrides: Sequence[str] = (),
    *,
    consequence: str = "nothing was trained",
    known: DataInfo | None = None,
    sources: Sources | None = None,
    limit: int = yaml_reader.MAX_BYTES,
) -> Config:
    """Return the configuration in a file with overrides applied; ConfigError lists all mistakes.

    The names and length of its data are `known`, or those of the source that `sources` opens.
    """
    text = read_text(path, consequence=consequence, limit=limit)
    source = name_of(path)
    return parse(text, source, overrides, consequence=consequence, known=known, sources=sources)


def parse(
    text: str,
    source: str,
    overrides: Sequence[str] = (),
    *,
    consequence: str = "nothing was trained",
    known: DataInfo | None = None,
    sources: Sources | None = None,
) -> Config:
    """Return the configuration in `text`; `source` names it in messages."""
    try:
        root, problems = yaml_reader.compose(text, source)
    except NotADocument as error:
        raise config_error([error.problem], consequence) from None
    if isinstance(root, Scalar) and not root.text:
        empty = "the file is empty; a configuration is needed"
        raise config_error([root.place.problem(empty)], consequence)
    settings = []
    for number, argument in enumerate(overrides):
        try:
            settings.append(config_overrides.setting(argument, number))
        except NotADocument as error:
            problems.append(error.problem)
    if isinstance(root, Mapping):
        root = replace(root, items={k: v for k, v in root.items.items() if k != BLOCK})
    return build(
        root, source, settings, problems, consequence=consequence, known=known, sources=sources
    )


def build(
    root: Node,
    source: str,
    settings: Sequence[Setting] = (),
    problems: Sequence[Problem] = (),
    *,
    consequence: str = "nothing was trained",
    known: DataInfo | None = None,
    sources: Sources | None = None,
) -> Config:
    """Return the configuration of a tree of nodes with settings applied.

    ConfigError lists all mistakes, starting with `problems`.
    """
    checker = Checker()
    checker.problems += problems
    if isinstance(root, Mapping):
        for setting in settings:
            try:
                root = config_overrides.override(root, setting, PART_KEYS)
            except NotADocument as error:
                checker.problems.append(error.problem)
    config = checker.config(root, default_name(source))
    if checker.problems:
        raise config_error(checker.problems, consequence)
    assert isinstance(config, Config)
    config = fill_in(config)
    info = known or (sources or Sources()).open(request_of(config)).info
    for path, message in contradictions(config, info, to_train=known is None):
        key = next(step for step in reversed(path) if isinstance(step, str))
        checker.problem(place_of(root, path), key, message)
    if checker.problems:
        raise config_error(checker.problems, consequence)
    return config


def value(given: Setting, consequence: str) -> Any:
    """Return the value of one top-level key, with only its own checks."""
    checker = Checker()
    try:
        node, checker.problems = yaml_reader.compose(given.text, "", override=given.place)
        annotation, _ = keys_of(Config)[given.key]
        found = checker.value(node, kind_of(annotation), given.key)
    except NotADocument as error:
        checker.problems.append(error.problem)
    if checker.problems:
        raise config_error(checker.problems, consequence)
    return found


def read_text(
    path: str, *, consequence: str = "nothing was trained", limit: int = yaml_reader.MAX_BYTES
) -> str:
    """Return a configuration file's text; `-` is standard input."""

    def refuse(message: str, before: bytes | None = None) -> ConfigError:
        where = name_of(path)
        if before is not None:
            line, column = yaml_reader.end_of(before.decode("utf-8-sig", "replace"))
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
        raise refuse("is not a valid path") from None
    if len(content) > limit:
        message = f"the file is larger than {limit >> 20} MiB; a configuration is not that long"
        raise refuse(message, content[:limit])
    if b"\0" in content:
        message = "a NUL: this is a binary file; a configuration is YAML text"
        raise refuse(message, content.partition(b"\0")[0])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        content = error.object  # starts after the byte order mark
        message = f"byte 0x{content[error.start]:02x} is not UTF-8 text"
        raise refuse(message, content[: error.start]) from None


def _is_readable(path: str) -> bool:
    """Return whether a path is a file, or a pipe opened by the shell, as in <(command)."""
    mode = Path(path).stat().st_mode  # opening a pipe would wait for its writer
    piped = path.startswith(("/dev/fd/", "/proc/self/fd/")) and stat.S_ISFIFO(mode)
    return piped or stat.S_ISREG(mode)


def name_of(path: str) -> str:
    """Return the name of a configuration file in messages."""
    return STDIN if path == "-" else path


def default_name(source: str) -> str:
    """Return the name of a configuration file's runs: its stem, with safe characters only."""
    stem = "" if source == STDIN else Path(source).stem
    return re.sub(r"[^\w.+=,@-]+", "-", stem).strip("-.+=,@")[:40] or "run"


def fill_in(config: Config) -> Config:
    """Return the configuration with those defaults filled in that depend on other values."""
    return msgspec.structs.replace(
        config, layers=[_fill_in_layer(layer) for layer in config.layers]
    )


def _fill_in_layer(layer: LayerConfig) -> LayerConfig:
    if layer.initializer or layer.weights is not None:
        return layer
    activation = ACTIVATIONS[layer.activation.name](**layer.activation.parameters)
    return msgspec.structs.replace(layer, initializer=Part(activation.initializer))


BLOCK = "sweep"  # key of a file that only `nnfs sweep` reads
STDIN = "<stdin>"
