"""A configuration as the YAML that a run keeps: every default filled in."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from nnfs_cli.config.schema import FILE, Config, Part
from nnfs_cli.config.yaml_reader import MAX_NODES
from nnfs_cli.errors import ConfigError


def too_large(config: Config) -> str | None:
    """Return why a configuration with every default filled in could not be read again, if so."""
    if (size := _size(to_plain(config))) <= MAX_NODES:
        return None
    most = f"a configuration can have {MAX_NODES:,}"
    return f"{size:,} values, with every default filled in; {most}: take fewer layers"


def _size(plain: Any) -> int:
    """Return the number of values in a document, as `document` counts them."""
    if isinstance(plain, dict):
        return 1 + len(plain) + sum(map(_size, plain.values()))
    return 1 + sum(map(_size, plain)) if isinstance(plain, list) else 1


def check_names(config: Config) -> None:
    """Raise ConfigError if a configuration has a path that is not UTF-8, as all that is written."""
    for key in ("path", "test_path"):
        path = str(config.dataset.parameters.get(key))
        if any("\udc80" <= letter <= "\udcff" for letter in path):
            problem = "the name is not UTF-8, and config.yaml could not hold it"
            raise ConfigError(f"{path}: {problem}; rename the file or its directory")


def dump(config: Config) -> str:
    """Return the configuration as YAML with every default filled in; ConfigError as check_names."""
    check_names(config)
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(
        to_plain(config), Dumper=dumper, sort_keys=False, default_flow_style=None, width=100
    )


def to_plain(value: Any) -> Any:
    """Return a configuration as the mappings, lists and scalars that YAML and JSON have."""
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
