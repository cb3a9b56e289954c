"""Features: products of columns and powers, such as `x1*x2` and `x1^2`; parsed, never evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import did_you_mean, listed, short

Term: TypeAlias = tuple[tuple[int, int], ...]  # (column, power) of each factor
MAX_POWER = 20
AT_ONCE = 1 << 20  # numbers in a call of `columns`


def places(columns: Sequence[str]) -> dict[str, int]:
    """Return the place of each column, from 0, by its name."""
    return {name: i for i, name in enumerate(columns)}


@lru_cache(maxsize=8)
def terms(expressions: tuple[str, ...], columns: tuple[str, ...]) -> list[Term]:
    """Return the factors of each expression, as `parse` does."""
    known = places(columns)
    return [parse(expression, known) for expression in expressions]


def parse(expression: str, columns: Mapping[str, int]) -> Term:
    """Return the factors of `expression`, given the columns' places; ValueError explains a mistake.

    A column's name is an expression, whatever characters it has; otherwise `*` joins factors, and
    `^` raises one to an integer power.
    """
    if expression in columns:
        return ((columns[expression], 1),)
    factors, shown = [], short(expression)
    for factor in expression.split("*"):
        name, caret, power = (word.strip() for word in factor.partition("^"))
        if name not in columns:
            what = f"{short(name)!r} is not a column" if name else "a factor is missing"
            known = f"the columns are {listed(list(columns))}{did_you_mean(name, columns)}"
            raise ValueError(f"{shown!r}: {what}; {known}")
        if caret and not (power.isdecimal() and len(power) < 3 and 1 <= int(power) <= MAX_POWER):
            raise ValueError(f"{shown!r}: a power must be an integer from 1 to {MAX_POWER}")
        factors.append((columns[name], int(power or 1)))
    return tuple(factors)


def product(term: Term, column: Callable[[int], Array]) -> Array:
    """Return the values of a term, where column(i) returns those of the i-th column."""
    (first, power), *others = term
    values = column(first) ** power
    for other, power in others:
        values = values * column(other) ** power
    return values


def write(
    expressions: Sequence[str] | None,
    names: tuple[str, ...],
    columns: Callable[[slice], Array],
    out: Array,
) -> None:
    """Write each expression's values, or all columns if there are none, to the rows of `out`.

    `columns` returns the values of a slice of the columns, one row per column.
    """
    if expressions:
        for row, term in zip(out, terms(tuple(expressions), names), strict=True):
            row[:] = product(term, lambda i: columns(slice(i, i + 1))[0])
        return
    step = max(1, AT_ONCE // max(1, out.shape[1]))
    for start in range(0, len(names), step):
        some = slice(start, start + step)
        out[some] = columns(some)
