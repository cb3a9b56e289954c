"""A run at work: predictions for new samples, and what its network is worth on a table."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnfs_cli import experiment, runs, tables
from nnfs_cli.config import facts
from nnfs_cli.core.activations import Array
from nnfs_cli.core.metrics import predicted_class
from nnfs_cli.core.network import Network, outputs
from nnfs_cli.datasets import Table
from nnfs_cli.errors import FileError
from nnfs_cli.runs import Run

TARGET = "y"


class Model(NamedTuple):
    """A run's network, with what is needed to feed it."""

    run: Run
    network: Network
    params: Array

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns it was trained on."""
        return facts(self.run.config).columns

    @property
    def output_names(self) -> list[str]:
        """What its predictions are called: each output, then the class."""
        units = self.run.config.layers[-1].units
        names = ["y_hat"] if units == 1 else [f"y_hat{i}" for i in range(units)]
        return [*names, "class"]


def load(run: Run) -> Model:
    """Return the model that a run left."""
    network = experiment.network_of(run.config)
    return Model(run, network, runs.read_weights(run, network))


def predict(model: Model, X: Array) -> tuple[Array, Array]:
    """Return outputs (samples, outputs) and classes (samples,) for raw columns X."""
    y_hat = outputs(model.network, model.params, experiment.to_inputs(model.run.config, X))
    return y_hat.T, predicted_class(y_hat)


def own_tables(model: Model, cache_dir: Path) -> dict[str, Table]:
    """Return the run's own samples, by part."""
    train, test = experiment.load_tables(model.run.config, cache_dir)
    return {"train": train, "test": test} if test else {"train": train}


def read_labelled(model: Model, descriptor: int, name: str) -> Table:
    """Return a CSV table's samples with their targets, in the column `y` or, unnamed, the last."""
    columns = [*model.columns, TARGET]
    _, blocks = tables.read(descriptor, name, columns)
    values = np.concatenate([np.empty((0, len(columns))), *(block.values for block in blocks)])
    if not len(values):
        raise FileError(f"{name}: has no rows")
    classes = facts(model.run.config).classes
    y = values[:, -1]
    if wrong := set(y.tolist()) - set(range(classes)):
        raise FileError(
            f"{name}: {TARGET} must be a class from 0 to {classes - 1}, not {min(wrong):g}"
        )
    return Table(values[:, :-1], y.astype(np.intp))


def evaluate(model: Model, table: Table) -> dict[str, float]:
    """Return cost and accuracy of the model on a table's rows."""
    config = model.run.config
    data = experiment.to_data(config, table)
    return experiment.measure(experiment.evaluator(config, model.network, model.params, data), None)


def evaluate_own(model: Model, cache_dir: Path) -> dict[str, float]:
    """Return cost and accuracy on the run's own data, and on its test part, named test_*."""
    figures: dict[str, float] = {}
    for part, table in own_tables(model, cache_dir).items():
        prefix = "test_" if part == "test" else ""
        figures |= {prefix + key: value for key, value in evaluate(model, table).items()}
    return figures
