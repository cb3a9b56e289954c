"""A tree of nodes -> a Config, or a list of all its problems."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_origin

from msgspec import UNSET

from nnfs_cli.config.nodes import KINDS, Node, Place, Scalar, Sequence
from nnfs_cli.config.nodes import Mapping as MappingNode
from nnfs_cli.config.scalars import SCALARS, show
from nnfs_cli.config.schema import (
    FILE,
    TABLES,
    Config,
    Kind,
    LayerConfig,
    Part,
    keys_of,
    kind_of,
    parameters,
)
from nnfs_cli.errors import Problem, did_you_mean, short

MAX_PATH = 4096  # bytes, with the terminating NUL: PATH_MAX on Linux
NOTHING = ("", "~", "null")


class Checker:
    """Converts nodes to values and collects every problem; a value with a problem is UNSET."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, place: Place, key: str, message: str) -> Any:
        # An override's place already shows its key.
        self.problems.append(place.problem(message if place.line < 0 else f"{key}: {message}"))
        return UNSET

    def config(self, node: Node, name: str) -> Any:
        """Return the Config of a root node, or UNSET; `name` is the default of the key `name`."""
        return self._struct(node, Config, "the configuration", {"name": name})

    def _struct(
        self,
        node: Node,
        struct: type,
        what: str,
        defaults: Mapping[str, Any] = MappingProxyType({}),
    ) -> Any:
        if not isinstance(node, MappingNode):
            return self.problem(
                node.place, what, f"must be a mapping of keys to values, not {KINDS[type(node)]}"
            )
        known = dict(keys_of(struct))
        known |= {key: (known[key][0], default) for key, default in defaults.items()}
        values = self._mapping(node, known, what)
        return UNSET if values is UNSET else struct(**values)

    def _mapping(self, node: MappingNode, known: dict[str, tuple[Any, Any]], what: str) -> Any:
        """Return the values of the known keys, or UNSET if any has a problem."""
        before = len(self.problems)
        values = {}
        for key, (key_node, value) in node.items.items():
            if key in known:
                values[key] = self.value(value, kind_of(known[key][0]), key)
            else:
                self.problems.append(
                    key_node.place.problem(f"unknown key {short(key)!r}{did_you_mean(key, known)}")
                )
        for key, (_, default) in known.items():
            if default is not UNSET:
                values.setdefault(key, default)
            elif key not in node.items:
                self.problems.append(node.place.problem(f"{what} needs {key!r}"))
        if len(self.problems) > before:
            return UNSET
        return {key: values[key] for key in known}

    def value(self, node: Node, kind: Kind, key: str) -> Any:
        """Return the value of `node` as `kind`, or UNSET."""
        if kind.optional and isinstance(node, Scalar) and node.plain and node.text in NOTHING:
            return None
        if kind.type is Part:
            return self._part(node, kind.extra["table"], key)
        if kind.type is LayerConfig:
            return self._struct(node, LayerConfig, "a layer")
        if get_origin(kind.type) is list:
            return self._list(node, kind, key)
        if not isinstance(node, Scalar):
            return self.problem(node.place, key, f"must be a single value, not {KINDS[type(node)]}")
        if "names" in kind.extra and node.text not in kind.extra["names"]:
            return self._unknown_name(node, kind.extra["names"], key)
        try:
            return SCALARS[kind.type](node, kind)
        except ValueError as error:
            return self.problem(node.place, key, str(error))

    def _list(self, node: Node, kind: Kind, key: str) -> Any:
        if isinstance(node, Scalar) and kind.extra.get("or_one"):
            node = Sequence(node.place, [node])
        if not isinstance(node, Sequence):
            shown = show(node) if isinstance(node, Scalar) else KINDS[type(node)]
            return self.problem(node.place, key, f"must be a list, not {shown}")
        if not node.items and kind.limits.get("min_length"):
            return self.problem(node.place, key, "must not be empty")
        item = kind_of(get_args(kind.type)[0])
        values = [self.value(node, item, key) for node in node.items]
        return UNSET if any(value is UNSET for value in values) else values

    def _part(self, node: Node, table: str, key: str) -> Any:
        if isinstance(node, Scalar):
            node = MappingNode(node.place, {"name": (node, node)})
        if not isinstance(node, MappingNode):
            return self.problem(
                node.place, key, f"must be a name or a mapping with 'name', not {KINDS[type(node)]}"
            )
        if table == "dataset" and "path" in node.items and "name" not in node.items:
            return self._file(node)
        if "name" not in node.items:
            return self._nameless(node, ("name", "path")[: 1 + (table == "dataset")], key)
        name = node.items["name"][1]
        names = [name for name in TABLES[table] if name != FILE]
        if not isinstance(name, Scalar) or name.text not in names:
            return self._unknown_name(name, names, key)
        rest = MappingNode(node.place, {k: v for k, v in node.items.items() if k != "name"})
        values = self._mapping(rest, parameters(table, name.text), f"{key} {name.text!r}")
        if values is UNSET:
            return UNSET
        if table != "dataset":
            try:
                TABLES[table][name.text](**values)
            except ValueError as error:
                parameter, _, message = str(error).partition(": ")
                return self.problem(rest.items[parameter][1].place, parameter, message)
        return Part(name.text, values)

    def _nameless(self, node: MappingNode, required: tuple[str, ...], key: str) -> Any:
        for word, (key_node, _) in node.items.items():
            if meant := did_you_mean(word, required):
                self.problems.append(key_node.place.problem(f"unknown key {short(word)!r}{meant}"))
                return UNSET
        return self.problem(node.place, key, f"needs {' or '.join(map(repr, required))}")

    def _file(self, node: MappingNode) -> Any:
        values = self._mapping(node, parameters("dataset", FILE), "dataset")
        if values is UNSET:
            return UNSET
        relative = []
        for key in ("path", "test_path"):
            if (text := values[key]) is not None:
                path = node.items[key][1]
                try:
                    values[key] = absolute_path(path)
                    size = len(os.fsencode(values[key]))
                except UnicodeEncodeError as error:
                    problem = f"cannot be written in {error.encoding}, this locale's encoding"
                    advice = "put PYTHONUTF8=1 before nnfs"
                    return self.problem(path.place, key, f"{problem}; {advice}")
                if size >= MAX_PATH:
                    return self.problem(
                        path.place, key, f"is too long; a path has at most {MAX_PATH - 1} bytes"
                    )
                if not text.isprintable() and re.search(r"[\x00-\x1f\x7f]", text):
                    shown = repr(short(text))
                    return self.problem(
                        path.place, key, f"{shown} contains a control character; remove it"
                    )
                relative += [] if text.startswith("/") else [key]
        return Part(FILE, values, tuple(relative))

    def _unknown_name(self, node: Node, names: Any, key: str) -> Any:
        if not isinstance(node, Scalar):
            return self.problem(node.place, key, f"must be a name, not {KINDS[type(node)]}")
        choices = ", ".join(sorted(names))
        return self.problem(
            node.place,
            key,
            f"{short(node.text)!r} is not one of {choices}{did_you_mean(node.text, names)}",
        )


def absolute_path(node: Node) -> str:
    """Return the absolute path of a scalar, resolved from its file's directory.

    An override is resolved from the working directory.
    """
    assert isinstance(node, Scalar)
    base = Path() if node.place.line < 0 else Path(node.place.source).parent
    path = os.path.normpath(Path.cwd() / base / node.text)
    if not os.path.lexists(path):
        # Behind a link to the file's directory, `..` may lead elsewhere: try the real directory.
        real = os.path.normpath(os.path.realpath(base) + "/" + node.text)
        return real if not node.text.startswith("/") and os.path.lexists(real) else path
    return path
