"""Paths of data files, relative to the run directory so that a project can be moved."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from nnfs_cli.config.schema import Config

KEYS = ("path", "test_path")  # keys of a data set with paths


def relative(path: str, directory: Path) -> str:
    """Return an absolute path relative to a directory.

    Links in the directory's own path are resolved, so that the result holds through any of them.
    """
    folder, name = os.path.split(path)
    folders = (folder, os.path.realpath(folder))  # keep links within the project, resolve others
    candidates = [
        os.path.relpath(os.path.join(f, name), os.path.realpath(directory))  # noqa: PTH118
        for f in folders
    ]
    return min(candidates, key=lambda path: path.count("../"))


def real(directory: Path) -> Path:
    """Return a directory's path with links resolved; unchanged if there are none."""
    resolved = os.path.realpath(directory)
    return directory if resolved == os.path.abspath(directory) else Path(resolved)  # noqa: PTH100


def movable(config: Config, directory: Path) -> Config:
    """Return a configuration for a file in a directory: relative paths of data are made relative
    to that directory."""
    dataset = config.dataset
    if not dataset.relative:
        return config
    written = {key: relative(dataset.parameters[key], directory) for key in dataset.relative}
    parameters = {**dataset.parameters, **written}
    return replace(config, dataset=replace(dataset, parameters=parameters))


def movable_plain(plain: Mapping[str, Any], written: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a configuration's mappings with its data paths replaced as in `written`."""
    dataset = plain.get("dataset")
    if not written or not isinstance(dataset, dict):
        return plain
    paths = {key: written[dataset[key]] for key in KEYS if dataset.get(key) in written}
    return {**plain, "dataset": {**dataset, **paths}}
