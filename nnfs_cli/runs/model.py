"""A run as a model: predictions for new samples, and tables of raw columns and targets for it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfs_cli.config.request import request_of
from nnfs_cli.core.activations import Array
from nnfs_cli.core.metrics import predicted_class
from nnfs_cli.core.network import Network, answers
from nnfs_cli.core.products import WIDE
from nnfs_cli.data import encoding as data_encoding
from nnfs_cli.data import files, headers, labels
from nnfs_cli.data.csv_table import Dialect
from nnfs_cli.data.encoding import Encoding
from nnfs_cli.data.raw import Labels, RawTable
from nnfs_cli.data.source import Sources
from nnfs_cli.data.table import DataInfo, Table
from nnfs_cli.errors import FileError
from nnfs_cli.runs import record
from nnfs_cli.runs.record import Run
from nnfs_cli.storage.digest import digest
from nnfs_cli.training import setup

ROWS = max(WIDE)  # samples per call of the network


class Model(NamedTuple):
    """A run's network, with the encodings of its inputs and outputs."""

    run: Run
    network: Network
    params: Array

    @property
    def encoding(self) -> Encoding:
        return self.run.encoding

    @property
    def known(self) -> DataInfo:
        """Names of the raw columns, the targets and the classes of the training data."""
        return self.run.encoding.facts

    @property
    def output_names(self) -> list[str]:
        """Names of the predictions: each output, then "class" if there are classes."""
        names = data_encoding.output_names(self.encoding, self.run.config.layers[-1].units)
        return names if self.known.classes is None else [*names, "class"]


class Predictions(NamedTuple):
    """Outputs in the targets' units, (samples, outputs), and class numbers (samples,)."""

    y_hat: Array
    classes: Array | None


def load(run: Run) -> Model:
    """Return the model of a run."""
    network = setup.network_of(run.config, run.encoding.facts)
    params = record.read_weights(run, network) if run.params is None else run.params
    return Model(run, network, params)


def predict(model: Model, X: Array) -> Predictions:
    """Return predictions for raw columns X (samples, columns).

    A row gets exactly the same result whatever rows come with it.
    """
    parts, request = [], request_of(model.run.config)
    for start in range(0, max(1, len(X)), ROWS):
        rows = np.asarray(X[start : start + ROWS])  # copies to memory if X is a mapped file
        x = data_encoding.inputs(request, model.encoding, rows)
        parts.append(answers(model.network, model.params, x))
    y_hat = np.concatenate(parts, axis=1)
    classes = None if model.known.classes is None else predicted_class(y_hat)
    return Predictions(data_encoding.answers(model.encoding, y_hat), classes)


def class_names(model: Model, numbers: Array) -> list[str]:
    """Return the names of class numbers, "" for -1."""
    assert model.known.classes is not None
    names = (*model.known.classes, "")
    return [names[number] for number in numbers.tolist()]


def answered_names(model: Model, predictions: Predictions) -> list[str]:
    """Return the name of each sample's class, "" where an output is nan."""
    assert predictions.classes is not None
    return class_names(model, predictions.classes)


def own_tables(model: Model, cache_dir: Path, sources: Sources | None = None) -> dict[str, Table]:
    """Return the run's own samples by part; FileError if its data set has changed."""
    config, sources = model.run.config, sources or Sources()
    request = request_of(config)
    setup.check_facts(config, model.known, model.run.path, sources)
    train, test = sources.open(request).parts(cache_dir)
    sources.close(request)
    tables_ = {"train": train, "test": test} if test else {"train": train}
    samples = [data_encoding.samples(request, model.encoding, table) for table in tables_.values()]
    arrays = setup.arrays(samples[0], samples[1] if test else None)
    if model.run.facts.get("data_digest", digest(arrays)) != digest(arrays):
        raise FileError(f"{model.run.path}: its data set has changed since it was trained")
    return tables_


def read_labelled(
    model: Model,
    source: int | bytes,
    name: str,
    *,
    header: bool | None = None,
    by_position: bool = False,
    notices: list[str] | None = None,
) -> Table:
    """Return a CSV table's samples and targets, matched by the run's names or by position.

    Remarks on the table are added to `notices`.
    """
    columns, names = model.known.columns, model.known.targets
    wanted, cures = [*columns, *names], headers.TABLE
    dialect = Dialect(header=header)
    reader = headers.read(source, name, dialect, known=wanted, cures=cures, notices=notices)
    chosen = headers.choose(reader, wanted, by_position=by_position)
    X, y, lines = [], [], []
    known: dict[str, int] = {}
    for block in reader.blocks:
        lines.append(block.numbers)
        X.append(reader.floats(block, chosen[: len(columns)]))
        if model.known.classes is None:
            y.append(reader.floats(block, chosen[len(columns) :]))
        else:
            y.append(files.code(files.labels(reader, block, chosen[-1]), known))
    if not X:
        raise FileError(f"{name}: has no rows")
    column, found = chosen[len(columns)] + 1, np.concatenate(y)
    targets = found if model.known.classes is None else Labels(tuple(known), found)
    raw = RawTable(name, columns, names, np.concatenate(X), targets, lines, column)
    return Table(raw.X, labels.class_numbers(raw, model.known))
