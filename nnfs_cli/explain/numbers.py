"""Numbers as text: rounded; large arrays shortened to corner values, shape and norm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnfs_cli.core.activations import Array

ROWS, COLUMNS = 6, 8  # largest array that is shown whole
EDGE = 2  # rows and columns per corner
BLANK = "_____"
MAX_DECIMALS = 15  # above it, digits are significant ones: 17 identify every float64


class Shown(NamedTuple):
    """An array as text: its cells; if large, some cells with "..." between, and shape and norm."""

    cells: list[list[str]]
    shape: str = ""
    norm: str = ""


def show(values: Array, digits: int, *, edge: int = EDGE) -> Shown:
    """Return the cells of an array (rows, columns); for a large one, corners of edge x edge."""
    height, width = values.shape
    scientific = is_scientific(values, digits)
    if height <= ROWS and width <= COLUMNS:
        return Shown([[number(v, digits, scientific) for v in row] for row in values.tolist()])
    down, across = _kept(height, edge), _kept(width, edge)
    cells = [
        [
            "..." if i is None or j is None else number(float(values[i, j]), digits, scientific)
            for j in across
        ]
        for i in down
    ]
    with np.errstate(all="ignore"):
        norm = float(np.linalg.norm(values.astype(np.float64)))
    norm_text = number(norm, digits, is_scientific(np.array(norm), digits))
    return Shown(cells, f"{height}x{width}", norm_text)


def _kept(length: int, edge: int) -> list[int | None]:
    """Return the first and last `edge` indices, with None for those between."""
    if length <= 2 * edge:
        return list(range(length))
    return [*range(edge), None, *range(length - edge, length)]


def is_scientific(values: Array, digits: int) -> bool:
    """Return whether that number of decimals rounds all values to 0, or makes one too long."""
    if digits > MAX_DECIMALS:
        return False
    size = np.abs(values[np.isfinite(values)])
    largest = float(size.max()) if size.size else 0.0
    return largest >= 1e6 or 0 < largest < 0.5 * 10**-digits


def number(value: float, digits: int, scientific: bool = False) -> str:
    """Return a number with `digits` decimals, or significant digits if above MAX_DECIMALS.

    A number that rounds to zero has no sign.
    """
    if digits > MAX_DECIMALS:
        return f"{value + 0.0:#.{digits}g}"
    text = f"{value:.{digits}{'e' if scientific else 'f'}}"
    return text.removeprefix("-") if text.startswith("-0") and float(text) == 0 else text


def blank(shown: Shown) -> Shown:
    """Return the array with blanks in place of its numbers."""
    cells = [["..." if cell == "..." else BLANK for cell in row] for row in shown.cells]
    return Shown(cells, shown.shape, BLANK if shown.norm else "")
