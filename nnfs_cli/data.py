"""From a configuration to arrays: the data set is read, split, scaled and encoded for the network,
and the network's answers are put back into the data's own terms. The only transpose is here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct

from nnfs_cli import datasets, features, files
from nnfs_cli.core.activations import Array
from nnfs_cli.datasets import DATASETS, Facts, Table
from nnfs_cli.digest import digest
from nnfs_cli.errors import FileError, listed, short
from nnfs_cli.files import RawTable, Watcher
from nnfs_cli.schema import COMMON, FILE, Config
from nnfs_cli.tables import is_number


class Scaling(Struct, frozen=True):
    """v -> (v - shift) / factor, for each column."""

    shift: list[float]
    factor: list[float]


class Encoding(Struct, frozen=True):
    """All that turns raw columns into a network's inputs, and its outputs into answers."""

    facts: Facts
    inputs: Scaling | None = None
    targets: Scaling | None = None

    def __post_init__(self) -> None:
        for scaling, names in (
            (self.inputs, self.facts.columns),
            (self.targets, self.facts.targets),
        ):
            if scaling and {len(scaling.shift), len(scaling.factor)} != {len(names)}:
                raise ValueError("a scaling needs a number for each column")


class Samples(NamedTuple):
    """Samples for a network: x (features + 1, samples), as `inputs` says, y (outputs, samples)."""

    x: Array
    y: Array


class Parts(NamedTuple):
    """The training part and the test part of a data set, if it has one."""

    train: Table
    test: Table | None


# --- what there is ---------------------------------------------------------------------------


def own_parameters(config: Config) -> dict[str, Any]:
    """Return the data set's own parameters, without those that all data sets have."""
    return {key: v for key, v in config.dataset.parameters.items() if key not in COMMON}


@dataclass(frozen=True)
class _Read:
    facts: Facts
    train: Table
    test: Table | None
    stamps: dict[str, tuple[int, ...]]

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


def facts(config: Config, watch: Watcher | None = None) -> Facts:
    """Return what is known of the configuration's data; a file is read for it."""
    if config.dataset.name != FILE:
        return DATASETS[config.dataset.name].facts(**own_parameters(config))
    return _read_once(config, watch).facts


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
        table = datasets.load(config.dataset.name, own_parameters(config), cache_dir)
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


# --- files -----------------------------------------------------------------------------------


def _read_file(config: Config, watch: Watcher | None) -> _Read:
    given = own_parameters(config)
    stamps = {path: _stamp(path) for path in (given["path"], given["test_path"]) if path}
    how = {key: given[key] for key in ("delimiter", "header")}
    raw = files.read(
        given["path"],
        target=given["target"] or (),
        inputs=given["inputs"] or (),
        watch=watch,
        **how,
    )
    test = None
    if given["test_path"]:
        test = files.read(
            given["test_path"], target=raw.targets, inputs=raw.columns, watch=watch, **how
        )
    classes = _classes(config, raw)
    known = Facts(raw.columns, raw.targets, classes, len(raw.y))
    return _Read(
        known,
        Table(raw.X, class_numbers(raw, known)),
        test and Table(test.X, class_numbers(test, known)),
        stamps,
    )


def _classes(config: Config, raw: RawTable) -> tuple[str, ...] | None:
    """Return the names of the target's classes, in order, or None if it is numbers.

    Text is classes, and so is all that goes into a cross-entropy or a softmax. Two different
    numbers are classes if the output is sigmoid; any others are numbers.
    """
    output = config.layers[-1].activation.name
    must = config.loss != "squared_error" or output == "softmax"
    text, target = raw.y.dtype.kind == "U", short(raw.targets[0])
    if text and not (must or output == "sigmoid"):
        wants = f"{config.loss} with {output} wants numbers"
        raise _no_number(raw, f"; {wants}; for classes, take softmax and cross_entropy")
    if len(raw.targets) > 1:
        if must:
            raise FileError(
                f"{raw.path}: {config.loss} with {output} wants one target, of classes, "
                f"not {len(raw.targets)}"
            )
        return None
    distinct = np.unique(raw.y)
    if not (must or text or (len(distinct) == 2 and output == "sigmoid")):
        return None
    if len(distinct) == 1:
        raise FileError(
            f"{raw.path}: every target in {target!r} is {short(_name(distinct[0]))!r}; "
            "there is nothing to tell apart"
        )
    if must and not text and len(wrong := np.flatnonzero(raw.y[:, 0] % 1)):
        raise raw.error(
            f"{float(raw.y[wrong[0], 0])!r} in {target!r} is no class, which is an integer or a "
            "name; for a regression, take identity and squared_error",
            int(wrong[0]),
        )
    return tuple(map(_name, distinct.tolist()))


def _no_number(raw: RawTable, consequence: str = "") -> FileError:
    """Return an error at the first target that is text."""
    words = raw.y[:, 0].tolist()
    row = next((i for i, word in enumerate(words) if not is_number(word)), 0)
    word, target = short(words[row]), short(raw.targets[0])
    return raw.error(f"{word!r} in {target!r} is not a number{consequence}", row)


def _name(value: Any) -> str:
    return str(value) if isinstance(value, str) else files.label(value)


def class_numbers(raw: RawTable, known: Facts) -> Array:
    """Return the targets as class numbers (samples,), or as they are if they have no classes."""
    if known.classes is None:
        if raw.y.dtype.kind == "U":
            raise _no_number(raw)
        return raw.y
    values, inverse = np.unique(raw.y[:, 0], return_inverse=True)
    names = [_name(value) for value in values.tolist()]
    if strange := [name for name in names if name not in known.classes]:
        row = int(np.argmax(inverse == names.index(strange[0])))
        known_classes = f"the classes the network knows: {listed(known.classes)}"
        raise raw.error(f"{short(strange[0])!r} is none of {known_classes}", row)
    numbers: Array = np.array([known.classes.index(name) for name in names])[inverse]
    return numbers


# --- encoding --------------------------------------------------------------------------------


def fit(config: Config, known: Facts, train: Table) -> Encoding:
    """Return the encoding of a configuration's data, scaled by its training part alone."""
    given = config.dataset.parameters
    return Encoding(
        known,
        _scaling(given["scale"], train.X),
        _scaling(given["scale_target"], train.y) if known.classes is None else None,
    )


def _scaling(kind: str, values: Array) -> Scaling | None:
    if kind == "none":
        return None
    shift, factor = [], []
    for column in values.T:
        low, high = float(column.min()), float(column.max())
        if low == high:
            shift.append(low)  # a constant column becomes 0
            factor.append(1.0)
        elif kind == "standard":
            shift.append(float(column.mean(dtype=np.float64)))
            factor.append(float(column.std(dtype=np.float64)))
        else:
            shift.append(low)
            factor.append(high - low)
    return Scaling(shift, factor)


def inputs(config: Config, encoding: Encoding, X: Array) -> Array:
    """Return raw columns X (samples, columns) as a network reads them, (features + 1, samples).

    A mapped file that is to be read as it is stays on its disk: (columns, samples), without ones.
    """
    if isinstance(X, np.memmap) and not (config.features or encoding.inputs):
        return X.T
    columns = encoding.facts.columns
    terms = [features.parse(expression, columns) for expression in config.features or columns]
    scaling = encoding.inputs

    def column(i: int) -> Array:
        values = X[:, i].astype(np.float64, copy=False)
        return (values - scaling.shift[i]) / scaling.factor[i] if scaling else values

    x = np.ones((len(terms) + 1, len(X)), config.dtype)
    with np.errstate(all="ignore"):  # float32 may not hold them; the cost will tell
        for row, term in zip(x, terms, strict=False):
            row[:] = features.product(term, column)
    return x


def targets(config: Config, encoding: Encoding, y: Array) -> Array:
    """Return targets as in Table as a network should give them, (outputs, samples)."""
    if encoding.facts.classes is None:
        if encoding.targets:
            y = (y - encoding.targets.shift) / encoding.targets.factor
        return np.ascontiguousarray(y.T, config.dtype)
    if config.layers[-1].units == 1:
        return y[np.newaxis].astype(config.dtype)
    return np.equal(np.arange(len(encoding.facts.classes))[:, np.newaxis], y).astype(config.dtype)


def samples(config: Config, encoding: Encoding, table: Table) -> Samples:
    """Return a table's rows as a network reads them."""
    return Samples(inputs(config, encoding, table.X), targets(config, encoding, table.y))


def check_classes(config: Config, known: Facts, parts: Parts) -> None:
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


def answers(encoding: Encoding, y_hat: Array) -> Array:
    """Return outputs (outputs, samples) in the targets' own units, (samples, outputs)."""
    answer = y_hat.T
    if encoding.targets:
        answer = answer * encoding.targets.factor + encoding.targets.shift
    return answer


def output_names(encoding: Encoding, units: int) -> list[str]:
    """Return what each output is called."""
    known = encoding.facts
    if units == 1:
        return ["y_hat"]
    return [f"y_hat_{name}" for name in known.classes or known.targets]
