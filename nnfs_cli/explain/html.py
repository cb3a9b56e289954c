"""A worked iteration as one self-contained page: the graph, and one step at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from nnfs_cli.explain.iteration import Report
from nnfs_cli.explain.numbers import blank, show
from nnfs_cli.explain.records import Matrix, Step, escaped
from nnfs_cli.explain.steps import title_of
from nnfs_cli.explain.svg import svg

# Nothing is loaded, not even by markup in the column names of a data file.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def html(report: Report, steps: Sequence[Step], digits: int, *, quiz: str | None = None) -> str:
    """Return the steps as an HTML page that contains its style and script."""
    title = escaped(title_of(report))
    drawing = svg(report, digits, quiz=quiz, steps=computed_in(steps))
    page = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<link rel="icon" href="data:,">',
        f"<title>{title}</title>",
        f"<style>{_file('page.css')}</style>",
        "</head>",
        "<body>",
        f"<h1>{title}</h1>",
        '<nav aria-label="steps">',
        '<button type="button" id="back" disabled>&#8592; Back</button>',
        '<span id="place" role="status"></span>',
        '<button type="button" id="next">Next &#8594;</button>',
        "</nav>",
        '<div id="graph" tabindex="0" role="region" aria-label="the computational graph">',
        drawing,
        "</div>",
        '<p id="node" role="status">Point at a node, or select it with Tab, for its formula.</p>',
        '<main id="steps">',
        *(line for step in steps for line in _step(step, digits)),
        "</main>",
        f"<script>{_file('page.js')}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(page) + "\n"


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def computed_in(steps: Sequence[Step]) -> dict[tuple[str, str], int]:
    """Return the number of the step that first computes each array, by its name and phase."""
    numbers: dict[tuple[str, str], int] = {}
    for number, step in enumerate(steps, 1):
        for matrix in step.matrices:
            if matrix.phase:
                numbers.setdefault((matrix.name.text, matrix.phase), number)
    return numbers


def _step(step: Step, digits: int) -> Iterator[str]:
    yield f'<section class="step {step.phase}" data-nodes="{" ".join(step.nodes)}">'
    yield f"<h2>{step.number}. <b>{step.phase}</b> {escaped(step.title)}</h2>"
    for formula in step.formulas:
        yield f'<p class="formula"><code>{escaped(formula.text)}</code></p>'
    yield '<div class="matrices">'
    for matrix in step.matrices:
        yield from _table(matrix, digits)
    yield "</div>"
    for remark in step.remarks:
        yield f"<p>{escaped(remark.text)}</p>"
    yield "</section>"


def _table(matrix: Matrix, digits: int) -> Iterator[str]:
    shown = show(matrix.values, digits)
    if matrix.hidden:
        shown = blank(shown)
    number = f"({matrix.asked}) " if matrix.asked else ""
    about = f" <small>{shown.shape}, norm {shown.norm}</small>" if shown.shape else ""
    yield f'<table class="{matrix.phase or "given"}">'
    yield f"<caption>{number}{escaped(matrix.name.text)}{about}</caption>"
    for row in shown.cells:
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
    yield "</table>"
