"""Classes: what the labels of a target are called, and which class each sample has."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnfs_cli import files
from nnfs_cli.core.activations import Array
from nnfs_cli.datasets import Facts
from nnfs_cli.errors import FileError, listed, short
from nnfs_cli.files import RawTable
from nnfs_cli.schema import Config
from nnfs_cli.tables import is_number


def classes(config: Config, raw: RawTable) -> tuple[str, ...] | None:
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
