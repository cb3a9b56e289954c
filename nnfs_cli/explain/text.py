"""A worked iteration as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap

from nnfs_cli.core.activations import Formula
from nnfs_cli.explain.iteration import Report
from nnfs_cli.explain.numbers import Shown, blank, show
from nnfs_cli.explain.records import Matrix, Step
from nnfs_cli.explain.steps import title_of

WIDTH, INDENT = 100, 4
COLOURS = {"data": "36", "forward": "32", "backward": "31", "update": "34"}  # as in the graph


def text(report: Report, steps: Sequence[Step], digits: int, *, colour: bool = False) -> str:
    """Return the steps as lines of text."""
    lines = [title_of(report)]
    # The steps of a large network get no empty lines, so that they fit on two screens.
    large = any(show(m.values, digits).shape for step in steps for m in step.matrices)
    if large:
        lines.append("Large arrays are shortened to corner values, shape and |norm|.")
    for step in steps:
        lines += [""] * (not large) + list(_step(step, digits, colour))
    return "\n".join(lines) + "\n"


def _step(step: Step, digits: int, colour: bool) -> Iterator[str]:
    heading = f"{step.number:>2}. {step.phase:<8}  {step.title}"
    formulas = ",  ".join(formula.text for formula in step.formulas)
    first = f"{heading}:  {formulas}" if formulas else heading
    if len(first) > WIDTH:
        first, rest = heading, _wrapped(step.formulas)
    else:
        rest = []
    paint = f"\033[{COLOURS[step.phase]}m" if colour else ""
    yield f"{paint}{first}\033[0m" if colour else first
    yield from rest
    yield from _matrices(step.matrices, digits, colour)
    for remark in step.remarks:
        yield from wrap(
            remark.text, WIDTH, initial_indent=" " * INDENT, subsequent_indent=" " * INDENT
        )


def _wrapped(formulas: Sequence[Formula]) -> list[str]:
    """Return formulas as lines, broken only between formulas."""
    lines = [""]
    for formula in formulas:
        longer = f"{lines[-1]},  {formula.text}" if lines[-1] else formula.text
        if len(longer) > WIDTH - INDENT:
            lines.append(formula.text)
        else:
            lines[-1] = longer
    return [" " * INDENT + line for line in lines if line]


def _matrices(matrices: Sequence[Matrix], digits: int, colour: bool) -> Iterator[str]:
    """Yield lines with as many matrices side by side as fit."""
    row: list[list[str]] = []
    width = INDENT
    for matrix in matrices:
        block = _block(matrix, digits)
        if row and width + len(block[0]) > WIDTH:
            yield from _beside(row)
            row, width = [], INDENT
        row.append(block)
        width += len(block[0]) + 3
    if row:
        yield from _beside(row)


def _beside(blocks: Sequence[list[str]]) -> Iterator[str]:
    widths = [len(block[0]) for block in blocks]
    for lines in zip_longest(*blocks):
        cells = (line or " " * width for line, width in zip(lines, widths, strict=True))
        yield (" " * INDENT + "   ".join(cells)).rstrip()


def _block(matrix: Matrix, digits: int) -> list[str]:
    """Return `name = [ ... ]` as lines of equal width."""
    shown = show(matrix.values, digits, edge=2 if len(matrix.values) == 1 else 1)
    if matrix.hidden:
        shown = blank(shown)
    name = f"({matrix.asked}) " * bool(matrix.asked) + f"{matrix.name.text} = "
    if shown.shape:
        ends = [" ".join(row) for row in shown.cells if set(row) != {"..."}]
        between = " ... " if len(shown.cells[0]) == 1 else "; "
        return [f"{name}[{between.join(ends)}] {shown.shape} |{shown.norm}|"]
    rows = _rows(shown)
    return [(name if i == 0 else " " * len(name)) + row for i, row in enumerate(rows)]


def _rows(shown: Shown) -> list[str]:
    """Return the rows of a matrix in brackets, columns aligned; a single number has no brackets."""
    if len(shown.cells) == len(shown.cells[0]) == 1:
        return [shown.cells[0][0]]
    width = max(len(cell) for row in shown.cells for cell in row)
    return [f"[{', '.join(cell.rjust(width) for cell in row)}]" for row in shown.cells]
