"""A configuration as YAML with every default filled in, as runs store it."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from nnfs_cli.config.schema import FILE, Config, Part
from nnfs_cli.config.yaml_reader import MAX_NODES
from nnfs_cli.errors import ConfigError


def too_large(config: Config) -> str | None:
    """Return an error message if the configuration has more values than can be read back."""
    if (size := _size(to_plain(config))) <= MAX_NODES:
        return None
    limit = f"a configuration can have at most {MAX_NODES:,}"
    return f"{size:,} values with every default filled in; {limit}: use fewer layers"


def _size(plain: Any) -> int:
    """Return the number of values in a document, counted as `yaml_reader.compose` counts them."""
    if isinstance(plain, dict):
        return 1 + len(plain) + sum(map(_size, plain.values()))
    return 1 + sum(map(_size, plain)) if isinstance(plain, list) else 1


def check_names(config: Config) -> None:
    """Raise ConfigError for a path that is not UTF-8: config.yaml is written as UTF-8."""
    for key in ("path", "test_path"):
        path = str(config.dataset.parameters.get(key))
        if any("\udc80" <= letter <= "\udcff" for letter in path):
            problem = "the name is not UTF-8, so config.yaml cannot hold it"
            raise ConfigError(f"{path}: {problem}; rename the file or its directory")


def dump(config: Config) -> str:
    """Return the configuration as YAML with every default filled in.

    Raises ConfigError as check_names does.
    """
    check_names(config)
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(
        to_plain(config), Dumper=dumper, sort_keys=False, default_flow_style=None, width=100
    )


def to_plain(value: Any) -> Any:
    """Return a configuration as mappings, lists and scalars, ready for YAML or JSON."""
    if isinstance(value, Part):
        name = {} if value.name == FILE else {"name": value.name}
        return {**name, **value.parameters} if value.parameters else value.name
    if isinstance(value, msgspec.Struct):
        return {
            key: to_plain(item)
            for key, item in msgspec.structs.asdict(value).items()
            if item is not None or key in ("features", "gradient_clip")
        }
    return [to_plain(item) for item in value] if isinstance(value, list) else value
