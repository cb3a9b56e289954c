"""The config.yaml of a sweep: a base configuration and a sweep block as YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml
from msgspec.structs import replace

from nnfs_cli.config import nodes
from nnfs_cli.config.nodes import Node, Scalar
from nnfs_cli.runs.paths import KEYS

BLOCK = "sweep"  # key of a file that only `nnfs sweep` reads


def text(name: str, base: nodes.Mapping, block: Mapping[str, Any]) -> str:
    """Return a base configuration with a name and a sweep block as YAML."""
    items = {key: value for key, value in base.items.items() if key != "name"}
    head = yaml.safe_dump({"name": name}, allow_unicode=True)
    tail = yaml.safe_dump({BLOCK: block}, sort_keys=False, allow_unicode=True)
    return head + _serialize(replace(base, items=items)) + tail


def with_paths(root: nodes.Mapping, written: Callable[[Scalar], str]) -> nodes.Mapping:
    """Return a base with the paths of its data replaced by those that `written` returns."""
    dataset = root.items.get("dataset", (None, None))[1]
    if not isinstance(dataset, nodes.Mapping):
        return root
    for key in KEYS:
        node = dataset.items.get(key, (None, None))[1]
        if isinstance(node, Scalar) and node.text:
            path = replace(node, text=written(node), plain=False)
            items = {**dataset.items, key: (dataset.items[key][0], path)}
            dataset = replace(dataset, items=items)
    return replace(root, items={**root.items, "dataset": (root.items["dataset"][0], dataset)})


def _serialize(node: Node) -> str:
    """Return nodes as YAML text, each scalar as it was written."""
    resolver = yaml.resolver.Resolver()

    def convert(node: Node) -> yaml.Node:
        if isinstance(node, Scalar):
            implicit = (node.plain, not node.plain)
            tag = resolver.resolve(yaml.ScalarNode, node.text, implicit)  # type: ignore[no-untyped-call]
            return yaml.ScalarNode(tag, node.text, style=None if node.plain else '"')
        if isinstance(node, nodes.Sequence):
            items = [convert(item) for item in node.items]
            flow = all(isinstance(item, yaml.ScalarNode) for item in items)
            return yaml.SequenceNode("tag:yaml.org,2002:seq", items, flow_style=flow)
        pairs = [(convert(key), convert(value)) for key, value in node.items.values()]
        flow = all(isinstance(value, yaml.ScalarNode) for _, value in pairs)
        return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=flow)

    return str(yaml.serialize(convert(node), Dumper=yaml.SafeDumper, allow_unicode=True, width=100))
