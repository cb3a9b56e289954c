"""Classes: their names, made of a target's labels, and the class of each sample."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import nan

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.data.csv_table import is_number
from nnfs_cli.data.raw import Labels, RawTable
from nnfs_cli.data.request import TargetKind
from nnfs_cli.data.table import DataInfo
from nnfs_cli.errors import FileError, listed, short

DIGITS = 15  # digits of a decimal number that float64 always keeps
PLAIN = re.compile(r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]*)?")
EXPONENT = re.compile("[eE][+-]?[0-9]+$")
MISSING = {"", "na", "n/a", "#n/a", "<na>", "nan", "null", "?"}  # common marks, in lower case
FORMULA = tuple("=+-@")  # first characters of a spreadsheet's formulas


def only_numbers(target: TargetKind) -> str | None:
    """Return why a target cannot be classes, or None if it can."""
    if target.kind != "numbers":
        return None
    return f"; {target.network} requires numbers; for classes, use softmax and cross_entropy"


def classes(kind: TargetKind, raw: RawTable) -> tuple[str, ...] | None:
    """Return the names of the target's classes, in order, or None if it is numbers.

    Text is classes, and so is every target of a cross-entropy or a softmax. Two different numbers
    are classes if the output is sigmoid; other numbers are numbers.
    """
    needed, target = kind.kind == "classes", short(raw.targets[0])
    if len(raw.targets) > 1:
        if needed:
            raise FileError(
                f"{raw.path}: {kind.network} requires one target, of classes, "
                f"not {len(raw.targets)}"
            )
        return None
    if kind.kind == "numbers":
        return None
    if not (needed or isinstance(raw.y, Labels) or len(np.unique(raw.y)) == 2):
        return None
    labels = as_labels(raw)
    values = _values(labels)
    text = bool(np.isnan(values).any())
    if not (needed or text) and len(np.unique(values)) > 2:
        return None
    names = set(_names(labels))
    if len(names) == 1:
        if not (needed or text):
            return None
        raise FileError(
            f"{raw.path}: every target in {target!r} is {short(names.pop())!r}; "
            "a classifier needs two classes or more"
        )
    fractions = np.isfinite(values) & (values != np.floor(values))
    if needed and not text and fractions.any():
        row = _first(labels, np.flatnonzero(fractions))
        raise raw.error(
            f"{values[labels.places[row]].item()!r} in {target!r} is not a class label (an "
            "integer or text); for a regression, use identity and squared_error",
            row,
        )
    numbers = not text and all(map(_is_plain, labels.words))
    return tuple(sorted(names, key=float if numbers else None))


def as_labels(raw: RawTable) -> Labels:
    """Return a table's only target as labels; numbers of an array keep all their digits."""
    if isinstance(raw.y, Labels):
        return raw.y
    values, places = np.unique(raw.y[:, 0], return_inverse=True)
    return Labels(tuple(map(_digits, values.tolist())), places)


def class_numbers(raw: RawTable, info: DataInfo) -> Array:
    """Return the targets as class numbers (samples,), or as they are if they have no classes.

    A word is the class of that name. Where the classes are numbers, another spelling is accepted,
    1.0 or 1e0 for 1, but no leading zeros.
    """
    if info.classes is None:
        return _numbers(raw)
    labels = as_labels(raw)
    places = {name: i for i, name in enumerate(info.classes)}
    # Names that are numbers, but not as _name spells them, were read as text.
    as_text = labels.text or any(is_number(name) and _name(name) != name for name in places)
    found: list[int] = []
    for word in labels.words:
        if word not in places and not as_text and _is_plain(EXPONENT.sub("", word)):
            name = _name(word) if _is_held(word) else word
        else:
            name = word
        if name not in places:
            message = f"{short(word)!r} is not one of the classes of the network: "
            message += listed(info.classes)
            if is_number(word) and _name(word) in places:
                message += f"; write it as {short(_name(word))}, if that is meant"
            raise raw.error(message, _first(labels, [len(found)]))
        found.append(places[name])
    numbers: Array = np.array(found)[labels.places]
    return numbers


def same(was: Sequence[str] | None, now: Sequence[str] | None) -> bool:
    """Return whether classes are the same, also as nnfs 0.1 named them: 1 for 01."""
    if was is None or now is None:
        return was is now
    before = [_name(word) if is_number(word) else word for word in now]
    return list(was) in (list(now), before)


def warnings(raw: RawTable, info: DataInfo) -> list[str]:
    """Return warnings about the names of classes and columns in a file."""
    lines = []
    if info.classes is not None:
        labels = as_labels(raw)
        for place, word in enumerate(labels.words):
            if word.strip().lower() in MISSING:
                count = int((labels.places == place).sum())
                text = f"warning: {word!r} in {short(raw.targets[0])!r} is a class like any other"
                text += f", of {count:,} {'sample' if count == 1 else 'samples'}"
                text += "; if it means missing, remove those rows"
                lines.append(str(raw.error(text, _first(labels, [place]))))
    named = {"column": [*info.columns, *info.targets], "class": info.classes or ()}
    for what, names in named.items():
        risky = [n for n in names if n.startswith(FORMULA) and len(n) > 1 and not is_number(n)]
        if risky:
            lines.append(
                f"{raw.path}: warning: {what} {listed([repr(short(n)) for n in risky])}: a "
                "spreadsheet runs names that begin with =, +, - or @ as formulas when it opens "
                "predictions; rename them in the file"
            )
    return lines


def _digits(number: float) -> str:
    """Return a number as text without an exponent."""
    whole = number == int(number)
    return str(int(number)) if whole else np.format_float_positional(number, trim="-")


def _names(labels: Labels) -> list[str]:
    """Return the name of each word's class.

    All spellings of a number have one name, unless a number among the words has leading zeros, an
    exponent, or more digits than float64 holds: then each word is its own name.
    """
    if labels.text or not all(_is_plain(word) for word in labels.words if is_number(word)):
        return list(labels.words)
    return [_name(word) if is_number(word) else word for word in labels.words]


def _name(number: str) -> str:
    """Return the name of a number's class: 1, not 1.0."""
    value = float(number)
    return str(int(value)) if value.is_integer() else repr(value)


def _is_plain(word: str) -> bool:
    """Return whether a word is a number without leading zeros or exponent that float64 holds."""
    return bool(PLAIN.fullmatch(word)) and is_number(word) and _is_held(word)


def _is_held(number: str) -> bool:
    """Return whether float64 holds a number in all its digits."""
    if len(number) <= DIGITS and PLAIN.fullmatch(number):
        return True
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(_name(number)) == Decimal(number)
    except InvalidOperation:  # an exponent that even Decimal cannot hold
        return False


def _values(labels: Labels) -> Array:
    """Return each word as a number; NaN for text."""
    if labels.text:
        return np.full(len(labels.words), np.nan)
    return np.array([_value(word) for word in labels.words])


def _value(word: str) -> float:
    """Return a word as a number, or NaN."""
    try:
        return float(word) if "_" not in word else nan
    except ValueError:
        return nan


def _numbers(raw: RawTable) -> Array:
    """Return targets as numbers, float64 (samples, targets)."""
    if not isinstance(raw.y, Labels):
        return raw.y.astype(np.float64, copy=False)
    values = _values(raw.y)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row = _first(raw.y, wrong)
        word = raw.y.words[raw.y.places[row]]
        what = "a finite number" if is_number(word) else "a number"
        raise raw.error(f"{short(word)!r} in {short(raw.targets[0])!r} is not {what}", row)
    return values[raw.y.places][:, np.newaxis]


def _first(labels: Labels, places: Sequence[int] | Array) -> int:
    """Return the first row with a label at one of `places`."""
    return int(np.argmax(np.isin(labels.places, places)))
