"""Paths of data files as they are written into a directory that may be moved with its project."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from nnfs_cli.config.schema import Config

KEYS = ("path", "test_path")  # of a data set


def relative(path: str, directory: Path) -> str:
    """Return an absolute path as it is written in a file of a directory.

    Links in the directory's own path are resolved, so that the file can be read through any.
    """
    folder, name = os.path.split(path)
    folders = (folder, os.path.realpath(folder))  # a link within the project stays, one to it not
    found = [
        os.path.relpath(os.path.join(f, name), os.path.realpath(directory))  # noqa: PTH118
        for f in folders
    ]
    return min(found, key=lambda path: path.count("../"))


def real(directory: Path) -> Path:
    """Return a directory itself if its path goes through links, otherwise the path as it is."""
    found = os.path.realpath(directory)
    return directory if found == os.path.abspath(directory) else Path(found)  # noqa: PTH100


def movable(config: Config, directory: Path) -> Config:
    """Return a configuration as it is written into a directory: paths of data that were given
    relative to some file are relative to that directory."""
    dataset = config.dataset
    if not dataset.relative:
        return config
    written = {key: relative(dataset.parameters[key], directory) for key in dataset.relative}
    parameters = {**dataset.parameters, **written}
    return replace(config, dataset=replace(dataset, parameters=parameters))


def movable_plain(plain: Mapping[str, Any], written: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the mappings of a configuration with the paths of its data as `written` has them."""
    dataset = plain.get("dataset")
    if not written or not isinstance(dataset, dict):
        return plain
    paths = {key: written[dataset[key]] for key in KEYS if dataset.get(key) in written}
    return {**plain, "dataset": {**dataset, **paths}}
