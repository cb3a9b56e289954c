"""KEY=VALUE overrides from the command line, applied to a tree of nodes."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from nnfs_cli.config.nodes import Mapping, Node, NotADocument, Place, Scalar, Sequence
from nnfs_cli.config.yaml_reader import MAX_DEPTH, compose
from nnfs_cli.errors import short


class Setting(NamedTuple):
    """An override: a dotted key, the text of its value, and its place."""

    key: str
    text: str
    place: Place


def setting(argument: str, number: int) -> Setting:
    """Return the `number`-th KEY=VALUE override; NotADocument if it is not written so."""
    key, equals, text = argument.partition("=")
    place = Place(argument, column=number)
    if not equals or not key:
        raise NotADocument(place.problem("an override is written KEY=VALUE"))
    return Setting(key, text, place)


def override(root: Node, given: Setting, parts: frozenset[str]) -> Node:
    """Return `root` with a setting applied; NotADocument if that is impossible.

    `parts` are the keys whose value may be only a name; overriding a parameter of such a part turns
    the name into a mapping.
    """
    value, problems = compose(given.text, "", override=given.place)
    path = given.key.split(".")
    if len(path) > MAX_DEPTH:
        problems.append(given.place.problem(f"nested more than {MAX_DEPTH} levels deep"))
    if problems:
        raise NotADocument(problems[0])
    return _set(root, path, 0, value, given.place, parts)


def _set(
    node: Node, path: list[str], depth: int, value: Node, place: Place, parts: frozenset[str]
) -> Node:
    """Return a copy of `node` in which path[depth:] leads to `value`."""
    if depth == len(path):
        return value
    key, so_far = path[depth], short(".".join(path[:depth]), 60)
    if isinstance(node, Scalar) and path[depth - 1] in parts and depth > 0:
        name = Scalar(node.place, "name")
        node = Mapping(node.place, {"name": (name, node)})
    if isinstance(node, Mapping):
        old = node.items.get(key, (Scalar(place, key), Mapping(place)))
        if key not in node.items and depth + 1 < len(path) and key in parts:
            message = f"{so_far + '.' if so_far else ''}{key} is not set, so it has no parameters"
            raise NotADocument(place.problem(message))
        new = _set(old[1], path, depth + 1, value, place, parts)
        # Errors about this key now point to the override.
        key_node = Scalar(place, key) if depth + 1 == len(path) else old[0]
        return replace(node, items={**node.items, key: (key_node, new)})
    if isinstance(node, Sequence):
        count = len(node.items)
        if not key.isdecimal() or len(key) > 9 or int(key) >= count:
            items = f"its items are 0 to {count - 1}" if count else "it is empty"
            message = f"{so_far} has no item {key[:20]!r}; {items}"
            raise NotADocument(place.problem(message))
        nodes = list(node.items)
        nodes[int(key)] = _set(nodes[int(key)], path, depth + 1, value, place, parts)
        return replace(node, items=nodes)
    raise NotADocument(place.problem(f"{so_far} is a single value, so it has no {short(key)!r}"))
