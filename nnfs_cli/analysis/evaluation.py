"""What a model is worth on a table: its cost and scores."""

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

    Of classes: accuracy; precision, recall and F1 averaged over the classes that are met, under
    `classes` those of each, and the confusion matrix, a row for each true class. Of numbers: R^2,
    RMSE and MAE, in the target's own units.
    """
    config, known = model.run.config, model.known
    samples = encoding.samples(request_of(config), model.encoding, table)
    evaluator = setup.evaluator(config, model.encoding, model.network, model.params, samples)
    figures: dict[str, Any] = {k: float(v) for k, v in loop.measure(evaluator, None).items()}
    y_hat, predicted = predict(model, table.X)
    if known.classes is None or predicted is None:
        return {**figures, **number_scores(y_hat, table.y)._asdict()}
    *scores, confusion = class_scores(predicted, table.y, len(known.classes))
    named = dict(zip(("precision", "recall", "f1"), scores, strict=True))
    met = confusion.sum(axis=0) + np.bincount(table.y, minlength=len(known.classes)) > 0
    return {
        **figures,
        **{key: float(values[met].mean()) for key, values in named.items()},
        "classes": {
            name: {key: float(values[i]) for key, values in named.items()}
            for i, name in enumerate(known.classes)
        },
        "confusion": confusion.tolist(),
    }


def evaluate_own(model: Model, cache_dir: Path, sources: Sources | None = None) -> dict[str, Any]:
    """Return cost and scores on the run's own data, and on its test part, named test_*."""
    figures: dict[str, Any] = {}
    for part, table in own_tables(model, cache_dir, sources).items():
        prefix = "test_" if part == "test" else ""
        figures |= {prefix + key: value for key, value in evaluate(model, table).items()}
    return figures
