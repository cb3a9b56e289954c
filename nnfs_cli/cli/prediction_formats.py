"""Predictions as CSV, JSON Lines and .npz: input columns, then the network's outputs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from nnfs_cli.cli.output import quoted

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array
    from nnfs_cli.runs.model import Model


class Columns(NamedTuple):
    """The names of a table's columns, and the indices of the network's inputs."""

    names: list[str]
    inputs: frozenset[int]


class Rows(NamedTuple):
    """Some samples: their fields as CSV lines, and the network's inputs (samples, columns)."""

    lines: list[str]
    X: Array


def as_csv(
    model: Model, columns: Columns, answers: list[str], blocks: Iterable[Rows], *, header: bool
) -> Iterator[bytes]:
    """Yield each block's lines with the predictions appended."""
    from nnfs_cli.runs.model import predict

    names = [*quoted(model.known.classes or ()), ""]  # class -1, the last, means no class
    if header:
        yield (",".join(quoted([*columns.names, *answers])) + "\n").encode()
    for block in blocks:
        predictions = predict(model, block.X)
        values: list[Iterable[str]] = [map(repr, unit) for unit in predictions.y_hat.T.tolist()]
        if predictions.classes is not None:
            values.append([names[number] for number in predictions.classes.tolist()])
        rows = zip(block.lines, *values, strict=True)
        yield ("\n".join(map(",".join, rows)) + "\n").encode()


def as_jsonl(
    model: Model, columns: Columns, answers: list[str], blocks: Iterable[Rows]
) -> Iterator[bytes]:
    """Yield each block's rows as JSON objects, one per line."""
    import msgspec

    from nnfs_cli.data.csv_table import number_of
    from nnfs_cli.runs.model import answered_names, predict

    def values(fields: list[str]) -> list[Any]:
        return [number_of(f) if i in columns.inputs else f for i, f in enumerate(fields)]

    encoder = msgspec.json.Encoder()
    keys = [*columns.names, *answers]
    for block in blocks:
        predictions = predict(model, block.X)
        outputs = predictions.y_hat.tolist()
        if predictions.classes is not None:
            for output, name in zip(outputs, answered_names(model, predictions), strict=True):
                output.append(name or None)
        rows = zip(csv.reader(block.lines), outputs, strict=True)
        yield encoder.encode_lines(
            dict(zip(keys, [*values(fields), *output], strict=True)) for fields, output in rows
        )


def as_npz(
    model: Model, columns: Columns, answers: list[str], blocks: Iterable[Rows]
) -> Iterator[bytes]:
    """Yield all predictions as one file: y_hat (samples, outputs) and, for a classifier, class
    (samples,), the names of the predicted classes."""
    import numpy as np

    from nnfs_cli.runs.model import answered_names, predict
    from nnfs_cli.storage.arrays import save_arrays

    parts = [predict(model, block.X) for block in blocks]
    none = np.empty((0, model.network.layers[-1].units))
    arrays = {"y_hat": np.concatenate([none, *(part.y_hat for part in parts)])}
    if model.known.classes is not None:
        found = [answered_names(model, part) for part in parts]
        arrays["class"] = np.array([name for names in found for name in names], str)
    file = io.BytesIO()
    save_arrays(file, arrays)
    yield file.getvalue()


FORMATS: dict[str, Callable[..., Iterator[bytes]]] = {
    "csv": as_csv,
    "jsonl": as_jsonl,
    "npz": as_npz,
}
