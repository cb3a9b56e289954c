"""The axes of a sweep: specifications such as `seed=0..99` -> the values of a key.

No specification needs quoting in a shell:

    0.1,0.5,1       these values
    2..8, 0..100..10    integers, both ends included, with a step
    lin:0..1:5      5 values, evenly spaced, both ends included
    log:1e-3..1:7   7 values, evenly spaced on a logarithmic scale
    lin:0..1, log:1e-4..1    any value between, for random search
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import exp, isfinite, log, prod
from random import Random
from typing import TypeAlias

from nnfs_cli.config.nodes import Place

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
MAX_DIGITS = 30  # of an integer in a range
Point: TypeAlias = tuple[tuple[str, str], ...]  # key and value, as they would be typed


@dataclass(frozen=True)
class Axis:
    """A key with its values: a list, or a range to draw from."""

    key: str
    place: Place
    values: Sequence[str] = ()
    low: float = 0
    high: float = 0
    scale: str = ""  # lin or log for a range without a number of values

    def draw(self, random: Random) -> str:
        """Return one of the values, or a number in the range, at random."""
        if not self.scale:
            return self.values[random.randrange(len(self.values))]
        if self.scale == "lin":
            return repr(random.uniform(self.low, self.high))
        return repr(exp(random.uniform(log(self.low), log(self.high))))


class _Integers(Sequence[str]):
    """The integers of a range as text, made one at a time."""

    def __init__(self, numbers: range) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: int) -> str:  # type: ignore[override]
        return str(self.numbers[i])


def axis(key: str, spec: str, place: Place) -> Axis:
    """Return the axis of a specification; ValueError explains a mistake."""
    if match := re.fullmatch(r"(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?", spec):
        if max(map(len, match.groups(""))) > MAX_DIGITS:
            raise ValueError("must have fewer digits")
        low, high, step = int(match[1]), int(match[2]), int(match[3] or 1)
        if step <= 0 or high < low:
            raise ValueError("a range goes up: lo..hi or lo..hi..step")
        if (high - low) // step >= 10**12:
            raise ValueError("a range has fewer than 10^12 values")
        return Axis(key, place, _Integers(range(low, high + 1, step)))
    if match := re.fullmatch(rf"(lin|log):({NUMBER})\.\.({NUMBER})(?::(\d+))?", spec):
        scale, low_, high_ = match[1], float(match[2]), float(match[3])
        if not low_ < high_ or (scale == "log" and low_ <= 0):
            raise ValueError(
                "a range goes up"
                + (", and starts above 0 on a log scale" if scale == "log" else "")
            )
        if not isfinite(high_ - low_):
            raise ValueError("a range is of finite numbers, and not too far apart")
        if match[4] is None:
            return Axis(key, place, low=low_, high=high_, scale=scale)
        if len(match[4]) > MAX_DIGITS or not 2 <= int(match[4]) <= 10**6:
            raise ValueError("the number of values must be 2 or more, and at most 1,000,000")
        return Axis(key, place, [*_spaced(scale, low_, high_, int(match[4]))])
    if re.match(r"(lin|log):|.*\.\.", spec) and not re.search(r"[a-zA-Z/]\.\.|\.\.[/a-zA-Z]", spec):
        raise ValueError("a range is written 2..8, 0..100..10, lin:0..1:5 or log:1e-3..1:7")
    values = _split(spec)
    if not all(values):
        raise ValueError("a value is missing between commas")
    return Axis(key, place, values)


def _spaced(scale: str, low: float, high: float, count: int) -> Iterator[str]:
    for i in range(count):
        share = i / (count - 1)
        if i == 0:
            value = low
        elif i == count - 1:
            value = high
        elif scale == "lin":
            value = low + share * (high - low)
        else:
            value = exp(log(low) + share * (log(high) - log(low)))
        yield f"{value:.12g}"  # 0.3, not 0.30000000000000004


def _split(text: str) -> list[str]:
    """Return the parts between commas outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def count(axes: Sequence[Axis], zipped: Sequence[str]) -> int:
    """Return the number of points of a grid."""
    lengths = [len(a.values) for a in axes if a.key not in zipped]
    return prod(lengths) * max((len(a.values) for a in axes if a.key in zipped), default=1)


def grid(axes: Sequence[Axis], zipped: Sequence[str] = ()) -> Iterator[Point]:
    """Yield the Cartesian product of the axes, the last one fastest; `zipped` keys go in step.

    The zipped axes have one length; they vary together, in the place of the first.
    """
    together = [a for a in axes if a.key in zipped]
    columns: list[Sequence[Point]] = []
    for a in axes:
        if a.key not in zipped:
            columns.append([((a.key, value),) for value in a.values])
        elif a is together[0]:
            rows = zip(*(t.values for t in together), strict=True)
            keys = [t.key for t in together]
            columns.append([tuple(zip(keys, row, strict=True)) for row in rows])
    for parts in product(*columns):
        yield tuple(pair for part in parts for pair in part)


def sample(axes: Sequence[Axis], number: int, seed: int) -> Iterator[Point]:
    """Yield `number` points drawn at random; a larger number begins with the same points."""
    random = Random(seed)
    for _ in range(number):
        yield tuple((a.key, a.draw(random)) for a in axes)
