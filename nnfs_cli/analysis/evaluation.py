"""The cost and scores of a model on a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnfs_cli.config.request import request_of
from nnfs_cli.core.metrics import class_scores, number_scores
from nnfs_cli.data import encoding
from nnfs_cli.data.source import Sources
from nnfs_cli.data.table import Table
from nnfs_cli.runs.model import Model, own_tables, predict
from nnfs_cli.training import loop, setup


def evaluate(model: Model, table: Table) -> dict[str, Any]:
    """Return cost and scores of the model on a table's rows.

    For classes: accuracy; precision, recall and F1 averaged over the classes that occur or are
    predicted, and under `classes` those of each; the confusion matrix, one row per true class. For
    numbers: R^2, RMSE and MAE, in the target's own units.
    """
    config, info = model.run.config, model.known
    samples = encoding.samples(request_of(config), model.encoding, table)
    evaluator = setup.evaluator(config, model.encoding, model.network, model.params, samples)
    figures: dict[str, Any] = {k: float(v) for k, v in loop.measure(evaluator, None).items()}
    y_hat, predicted = predict(model, table.X)
    if info.classes is None or predicted is None:
        return {**figures, **number_scores(y_hat, table.y)._asdict()}
    *scores, confusion = class_scores(predicted, table.y, len(info.classes))
    named = dict(zip(("precision", "recall", "f1"), scores, strict=True))
    occurring = confusion.sum(axis=0) + np.bincount(table.y, minlength=len(info.classes)) > 0
    return {
        **figures,
        **{key: float(values[occurring].mean()) for key, values in named.items()},
        "classes": {
            name: {key: float(values[i]) for key, values in named.items()}
            for i, name in enumerate(info.classes)
        },
        "confusion": confusion.tolist(),
    }


def evaluate_own(model: Model, cache_dir: Path, sources: Sources | None = None) -> dict[str, Any]:
    """Return cost and scores on the run's training data and, named test_*, on its test part."""
    figures: dict[str, Any] = {}
    for part, table in own_tables(model, cache_dir, sources).items():
        prefix = "test_" if part == "test" else ""
        figures |= {prefix + key: value for key, value in evaluate(model, table).items()}
    return figures
