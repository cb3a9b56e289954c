"""From a request to its samples: the data set is read once and split into its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.data import builtin
from nnfs_cli.data.builtin import DATASETS, FILE
from nnfs_cli.data.request import DataRequest, OnProgress
from nnfs_cli.data.table import DataInfo, Table
from nnfs_cli.errors import FileError
from nnfs_cli.storage.digest import digest


class Parts(NamedTuple):
    """The training part and the test part of a data set, if it has one."""

    train: Table
    test: Table | None


@dataclass(frozen=True)
class FileContent:
    """The tables in a file, and in its test_path if it has one.

    `stamps` are those of the files when they were read; `warnings` is about training on them.
    """

    info: DataInfo
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
        """The digest of names and samples."""
        tables = {"": self.train} | ({"test_": self.test} if self.test else {})
        arrays = {f"{part}{k}": v for part, t in tables.items() for k, v in t._asdict().items()}
        return digest({"facts": np.array(repr(self.info)), **arrays})


@dataclass(frozen=True)
class Source:
    """A data set whose names and length are known; `content` is that of a file."""

    request: DataRequest
    info: DataInfo
    content: FileContent | None = None

    @property
    def warnings(self) -> list[str]:
        """Doubtful names in a file, which its user should see before training on it."""
        return self.content.warnings if self.content else []

    def parts(self, cache_dir: Path | None) -> Parts:
        """Return the samples, split: the rows of scikit-learn's train_test_split."""
        request = self.request
        if self.content is None:
            table = builtin.load(request.name, request.parameters, cache_dir)
        elif self.content.test is not None:
            return Parts(self.content.train, self.content.test)
        else:
            table = self.content.train
        if not request.test_size:
            return Parts(table, None)
        count = n_test(len(table.y), request.test_size)
        order = np.random.RandomState(request.split_seed).permutation(len(table.y))
        return Parts(_rows(table, order[count:]), _rows(table, order[:count]))


class Sources:
    """Opens sources, and keeps the content of files: each is read once, however often it is opened.

    `notices` collects remarks on the files that were read, also on one that could not be read to
    its end; the owner prints them. A pickled object arrives empty.
    """

    def __init__(self, on_progress: OnProgress | None = None) -> None:
        self.notices: list[str] = []
        self._on_progress = on_progress
        self._files: dict[str, FileContent] = {}

    def __reduce__(self) -> tuple[type[Sources], tuple[()]]:
        return Sources, ()

    def open(self, request: DataRequest) -> Source:
        """Return the source of some data; FileError if its file cannot be read."""
        if request.name != FILE:
            return Source(request, DATASETS[request.name].facts(**request.parameters))
        key = _key(request)
        if key not in self._files:
            self._files[key] = _read(request, self._on_progress, self.notices)
        content = self._files[key]
        return Source(request, content.info, content)

    def close(self, request: DataRequest) -> None:
        """Forget the content of a request's file, so that its memory can be freed."""
        self._files.pop(_key(request), None)

    def forget_changed(self) -> None:
        """Forget the content of files that have changed since; workers live longer than one job."""
        for key, content in list(self._files.items()):
            if content.is_old:
                del self._files[key]

    def digests(self, requests: Iterable[DataRequest]) -> dict[str, str]:
        """Return the digest of each file that is requested, for check_unchanged.

        FileError if a file has changed since it was read.
        """
        digests = {}
        for request in requests:
            if request.name == FILE and (key := _key(request)) not in digests:
                content = self.open(request).content
                assert content is not None
                if content.is_old:
                    raise FileError(
                        f"{request.place}: changed while it was read; type the same command again"
                    )
                digests[key] = content.digest
        return digests

    def check_unchanged(self, request: DataRequest, digests: Mapping[str, str]) -> None:
        """Raise FileError if a request's file has other data now, or on this machine."""
        if request.name != FILE or (key := _key(request)) not in digests:
            return
        content = self.open(request).content
        if content is None or content.digest != digests[key]:
            raise FileError(
                f"{request.place}: its data are not those that the sweep began with; put them back "
                "and type the same command with --retry-failed, or type it as it was to sweep over "
                "the new data"
            )


def _key(request: DataRequest) -> str:
    """Return the text that requests share if the same content of a file answers them."""
    return repr((request.parameters, request.target))


def _stamp(path: str) -> tuple[int, ...]:
    """Return a file's modification time, size and inode, or nothing without a file."""
    try:
        found = Path(path).stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def n_test(samples: int, test_size: float) -> int:
    """Return the number of samples in the test part."""
    return ceil(samples * test_size)


def _rows(table: Table, rows: Array) -> Table:
    return Table(table.X[rows], table.y[rows])


def check_classes(source: Source, parts: Parts) -> None:
    """Raise FileError if the test part has a class that the training part lacks."""
    classes, request = source.info.classes, source.request
    if classes is None or parts.test is None:
        return
    missing = np.setdiff1d(parts.test.y, parts.train.y)
    if len(missing):
        names = ", ".join(repr(classes[i]) for i in missing.tolist())
        message = f"the test part has samples of class {names}, and the training part none; "
        message += "take another split_seed, a smaller test_size or more data"
        raise FileError(f"{request.place}: {message}" if request.name == FILE else message)


def _read(request: DataRequest, on_progress: OnProgress | None, notices: list[str]) -> FileContent:
    """Return the content of a request's file; remarks are added to `notices`."""
    from nnfs_cli.data import files, labels  # late: most data sets are not in files
    from nnfs_cli.data.csv_table import Dialect
    from nnfs_cli.data.raw import Wanted

    own, target = request.parameters, request.target
    stamps = {path: _stamp(path) for path in (own["path"], own["test_path"]) if path}
    dialect = Dialect(own["delimiter"], own["header"])
    wanted = Wanted(own["target"] or (), own["inputs"] or (), labels.only_numbers(target))
    raw = files.read(own["path"], wanted, dialect, on_progress=on_progress, notices=notices)
    classes = labels.classes(target, raw)
    if classes:
        raw = raw._replace(y=labels.as_labels(raw))
    info = DataInfo(raw.columns, raw.targets, classes, len(raw.X))
    train, test = Table(raw.X, labels.class_numbers(raw, info)), None
    if own["test_path"]:
        wanted = Wanted(raw.targets, raw.columns, None if classes else "", by_name=True)
        tested = files.read(
            own["test_path"], wanted, dialect, on_progress=on_progress, notices=notices
        )
        test = Table(tested.X, labels.class_numbers(tested, info))
    return FileContent(info, train, test, stamps, labels.warnings(raw, info))
