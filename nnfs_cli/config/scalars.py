"""Text of a configuration -> integers, numbers, booleans and strings."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeVar

from nnfs_cli.config.nodes import Scalar
from nnfs_cli.config.schema import NAME, Kind
from nnfs_cli.errors import short

# Digits of an integer written in full, as config.yaml writes it.
MAX_DIGITS = 30

Number = TypeVar("Number", int, float)


def _integer(node: Scalar, kind: Kind) -> int:
    # People read 1e4 as an integer; YAML 1.1 reads 010 as octal and 1:30 as base 60.
    exact = re.fullmatch(r"([-+]?)(0|[1-9][0-9]*(?:_[0-9]+)*)(?:[eE]\+?([0-9]{1,2}))?", node.text)
    if not node.plain or not exact:
        raise ValueError(f"must be an integer, not {show(node)}")
    sign, digits, power = exact.groups()
    if len(digits) + int(power or 0) > MAX_DIGITS:
        raise ValueError(f"must have at most {MAX_DIGITS} digits")
    number: int = int(sign + digits) * 10 ** int(power or 0)
    return _in_range(number, kind)


def _float(node: Scalar, kind: Kind) -> float:
    digits = r"[0-9]+(?:_[0-9]+)*"
    decimal = re.fullmatch(rf"[-+]?({digits}(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", node.text)
    if node.plain and (
        re.fullmatch(r"[-+]?\.?(inf|nan)(inity)?", node.text.lower())
        or (decimal and not isfinite(float(node.text)))
    ):
        raise ValueError(f"must be a finite number, not {show(node)}")
    if not node.plain or not decimal:
        raise ValueError(f"must be a number, not {show(node)}")
    return _in_range(float(node.text), kind)


def _boolean(node: Scalar, kind: Kind) -> bool:
    if not node.plain or node.text.lower() not in ("true", "false"):
        raise ValueError(f"must be true or false, not {show(node)}")
    return node.text.lower() == "true"


def _string(node: Scalar, kind: Kind) -> str:
    if not re.fullmatch(kind.limits.get("pattern", ".*"), node.text, re.DOTALL):
        shown = show(node) if node.plain else repr(short(node.text))
        if kind.limits["pattern"] != f"^{NAME}$":
            raise ValueError(f"must be one character other than a quote, not {shown}")
        raise ValueError(
            "must start with a letter, a digit or _ and contain only these and . + = , @ - "
            f"(60 characters at most), not {shown}"
        )
    return node.text


SCALARS: dict[type, Callable[[Scalar, Kind], Any]] = {
    int: _integer,
    float: _float,
    bool: _boolean,
    str: _string,
}


def show(node: Scalar) -> str:
    """Return a scalar for a message that ends with "not ..."."""
    if node.plain and not node.text:
        return "empty"
    text = short(node.text)
    return repr(text) if node.plain else f"the text {text!r}; remove the quotes"


def _in_range(number: Number, kind: Kind) -> Number:
    upper = {"le", "lt"} & kind.limits.keys()
    words = {
        "ge": "at least {}" if upper else "{} or more",
        "gt": "more than {}",
        "le": "at most {}",
        "lt": "less than {}",
    }
    if not all(
        getattr(operator, name)(number, kind.limits[name]) for name in words & kind.limits.keys()
    ):
        limits = [
            text.format(kind.limits[name]) for name, text in words.items() if name in kind.limits
        ]
        raise ValueError(f"must be {' and '.join(limits)}")
    return number
