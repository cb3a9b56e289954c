"""A worked iteration as Markdown: formulas in LaTeX, arrays as tables, as GitHub renders them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nnfs_cli.explain.iteration import Report
from nnfs_cli.explain.numbers import blank, show
from nnfs_cli.explain.records import Matrix, Step
from nnfs_cli.explain.steps import title_of


def markdown(report: Report, steps: Sequence[Step], digits: int) -> str:
    """Return the steps as a Markdown page."""
    lines = [f"# {_escape(title_of(report))}"]
    for step in steps:
        lines += ["", f"## {step.number}. {step.phase.capitalize()}: {_escape(step.title)}"]
        for formula in step.formulas:
            lines += ["", "```math", formula.latex, "```"]
        for matrix in step.matrices:
            lines += ["", *_table(matrix, digits)]
        for remark in step.remarks:
            lines += ["", _escape(remark.text)]
    return "\n".join(lines) + "\n"


def _table(matrix: Matrix, digits: int) -> Iterator[str]:
    """Yield a table headed by the array's name; for a large array, shape and norm first."""
    shown = show(matrix.values, digits)
    if matrix.hidden:
        shown = blank(shown)
    if shown.shape:
        yield f"$`{matrix.name.latex}`$ is {shown.shape} with norm {shown.norm}; its corners:"
        yield ""
    number = f"({matrix.asked}) " if matrix.asked else ""
    width = len(shown.cells[0])
    yield _row([f"{number}$`{matrix.name.latex}`$", *[""] * (width - 1)])
    yield _row(["---:"] * width)
    yield from (_row([cell.replace("_", r"\_") for cell in row]) for row in shown.cells)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escape(text: str) -> str:
    """Return text with Markdown's special characters escaped."""
    return re.sub(r"[\\`*_\[\]<>$|#]", lambda match: rf"\{match[0]}", text)
