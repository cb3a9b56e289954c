"""Features: products of columns and powers, such as `x1*x2` and `x1^2`; parsed, never evaluated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import did_you_mean, listed, short

Term: TypeAlias = tuple[tuple[int, int], ...]  # (column, power) of each factor
MAX_POWER = 20


def parse(expression: str, columns: Sequence[str]) -> Term:
    """Return the factors of `expression`; ValueError says what is wrong with it.

    A column's name, whatever letters it has, is an expression; otherwise `*` joins factors, and
    `^` raises one to an integer power.
    """
    if expression in columns:
        return ((columns.index(expression), 1),)
    factors, shown = [], short(expression)
    for factor in expression.split("*"):
        name, caret, power = (word.strip() for word in factor.partition("^"))
        if name not in columns:
            what = f"{short(name)!r} is no column" if name else "a factor is missing"
            known = f"the columns are {listed(columns)}{did_you_mean(name, columns)}"
            raise ValueError(f"{shown!r}: {what}; {known}")
        if caret and not (power.isdecimal() and len(power) < 3 and 1 <= int(power) <= MAX_POWER):
            raise ValueError(f"{shown!r}: a power must be an integer from 1 to {MAX_POWER}")
        factors.append((columns.index(name), int(power or 1)))
    return tuple(factors)


def product(term: Term, column: Callable[[int], Array]) -> Array:
    """Return the values of a term, where column(i) returns those of the i-th column."""
    (first, power), *others = term
    values = column(first) ** power
    for other, power in others:
        values = values * column(other) ** power
    return values
