"""From a configuration to its samples: the data set is read, and split into its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnfs_cli.config.schema import COMMON, FILE, Config
from nnfs_cli.core.activations import Array
from nnfs_cli.data import builtin
from nnfs_cli.data.builtin import DATASETS
from nnfs_cli.data.table import DataInfo, Table
from nnfs_cli.errors import FileError
from nnfs_cli.storage.digest import digest

if TYPE_CHECKING:
    from nnfs_cli.data.files import Watcher


class Parts(NamedTuple):
    """The training part and the test part of a data set, if it has one."""

    train: Table
    test: Table | None


def own_parameters(config: Config) -> dict[str, Any]:
    """Return the data set's own parameters, without those that all data sets have."""
    return {key: v for key, v in config.dataset.parameters.items() if key not in COMMON}


@dataclass(frozen=True)
class _Read:
    facts: DataInfo
    train: Table
    test: Table | None
    stamps: dict[str, tuple[int, ...]]
    warnings: list[str]

    @property
    def is_old(self) -> bool:
        """Whether a file has changed since it was read."""
        return any(_stamp(path) != stamp for path, stamp in self.stamps.items())

    @cached_property
    def digest(self) -> str:
        """The digest of all that was read."""
        tables = {"": self.train} | ({"test_": self.test} if self.test else {})
        arrays = {f"{part}{k}": v for part, t in tables.items() for k, v in t._asdict().items()}
        return digest({"facts": np.array(repr(self.facts)), **arrays})


_files_read: dict[str, _Read] = {}  # between the check of a configuration and its training


def facts(config: Config, watch: Watcher | None = None) -> DataInfo:
    """Return what is known of the configuration's data; a file is read for it."""
    if config.dataset.name != FILE:
        return DATASETS[config.dataset.name].facts(**own_parameters(config))
    return _read_once(config, watch).facts


def warnings(config: Config) -> list[str]:
    """Return what a user should know of the configuration's data before training on it."""
    return _read_once(config).warnings if config.dataset.name == FILE else []


def _file_key(config: Config) -> str:
    return repr((own_parameters(config), config.loss, config.layers[-1].activation.name))


def _stamp(path: str) -> tuple[int, ...]:
    """Return what is another when a file has changed."""
    try:
        found = Path(path).stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def forget_changed() -> None:
    """Forget what was read of files that have changed since: a worker may outlive them."""
    for key, read in list(_files_read.items()):
        if read.is_old:
            del _files_read[key]


def digests(configs: Iterable[Config]) -> dict[str, str]:
    """Return the digests of the data that configurations have in files, for check_unchanged.

    FileError if a file has changed since it was read.
    """
    # Points of a sweep share what they do not set.
    distinct = {(id(c.dataset), id(c.layers), c.loss): c for c in configs}
    found = {}
    for config in distinct.values():
        if config.dataset.name == FILE:
            read = _read_once(config)
            if read.is_old:
                path = config.dataset.parameters["path"]
                raise FileError(f"{path}: changed while it was read; type the same command again")
            found[_file_key(config)] = read.digest
    return found


def check_unchanged(config: Config, digests: Mapping[str, str]) -> None:
    """Raise FileError if a configuration's file has other data now, or here."""
    if config.dataset.name != FILE or (key := _file_key(config)) not in digests:
        return
    if _read_once(config).digest != digests[key]:
        path = config.dataset.parameters["path"]
        raise FileError(
            f"{path}: its data are not those that the sweep began with; put them back and type the "
            "same command with --retry-failed, or type it as it was to sweep over the new data"
        )


def _read_once(config: Config, watch: Watcher | None = None) -> _Read:
    key = _file_key(config)
    if key not in _files_read:
        _files_read[key] = _read_file(config, watch)
    return _files_read[key]


def load(config: Config, cache_dir: Path | None, *, keep: bool = False) -> Parts:
    """Return the configuration's samples, split: the rows of scikit-learn's train_test_split.

    What was read of a file is forgotten, unless it is to be kept for the next time.
    """
    common = config.dataset.parameters
    if config.dataset.name == FILE:
        read = _read_once(config)
        table, test = read.train, read.test
        if not keep:
            del _files_read[_file_key(config)]
        if test is not None:
            return Parts(table, test)
    else:
        table = builtin.load(config.dataset.name, own_parameters(config), cache_dir)
    if not common["test_size"]:
        return Parts(table, None)
    count = n_test(len(table.y), common["test_size"])
    order = np.random.RandomState(common["split_seed"]).permutation(len(table.y))
    return Parts(_rows(table, order[count:]), _rows(table, order[:count]))


def n_test(samples: int, test_size: float) -> int:
    """Return how many of the samples the test part gets."""
    return ceil(samples * test_size)


def _rows(table: Table, rows: Array) -> Table:
    return Table(table.X[rows], table.y[rows])


def check_classes(config: Config, known: DataInfo, parts: Parts) -> None:
    """Raise FileError if there is a class in the test part that training never sees."""
    if known.classes is None or parts.test is None:
        return
    missing = np.setdiff1d(parts.test.y, parts.train.y)
    if len(missing):
        names = ", ".join(repr(known.classes[i]) for i in missing.tolist())
        path = config.dataset.parameters.get("path")
        told = f"the test part has samples of class {names}, and the training part none; "
        told += "take another split_seed, a smaller test_size or more data"
        raise FileError(f"{path}: {told}" if path else told)


def _read_file(config: Config, watch: Watcher | None) -> _Read:
    from nnfs_cli.data import (
        files,
        labels,  # late: most data sets are not in files
    )
    from nnfs_cli.data.files import Wanted

    given = own_parameters(config)
    stamps = {path: _stamp(path) for path in (given["path"], given["test_path"]) if path}
    how = {key: given[key] for key in ("delimiter", "header")}
    numbers = labels.only_numbers(config)
    wanted = Wanted(given["target"] or (), given["inputs"] or (), numbers)
    raw = files.read(given["path"], wanted, watch=watch, **how)
    classes = labels.classes(config, raw)
    if classes:
        raw = raw._replace(y=labels.as_labels(raw))
    known = DataInfo(raw.columns, raw.targets, classes, len(raw.X))
    train, test = Table(raw.X, labels.class_numbers(raw, known)), None
    if given["test_path"]:
        wanted = Wanted(raw.targets, raw.columns, None if classes else "", by_name=True)
        tested = files.read(given["test_path"], wanted, watch=watch, **how)
        test = Table(tested.X, labels.class_numbers(tested, known))
    return _Read(known, train, test, stamps, labels.warnings(raw, known))
