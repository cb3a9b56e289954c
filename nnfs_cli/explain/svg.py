"""The graph of an iteration as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nnfs_cli.explain.graph import Gap, Graph, Node, Row, graph
from nnfs_cli.explain.iteration import Report
from nnfs_cli.explain.numbers import BLANK, is_scientific, number
from nnfs_cli.explain.records import escaped, hidden_phases
from nnfs_cli.explain.steps import title_of

LETTER, LINE = 6.7, 16  # width of a letter and height of a line, pixels
PAD, GAP, BESIDE, MARGIN = 9, 14, 44, 16
VALUES = 4  # numbers per row; the middle of more is left out
STYLE = """
.graph { --ink: #1f2328; --faint: #8c959f; --paper: #ffffff; --box: #f6f8fa; --line: #d0d7de;
  --forward: #116329; --backward: #cf222e; --update: #0550ae; }
@media (prefers-color-scheme: dark) { .graph { --ink: #e6edf3; --faint: #848d97; --paper: #0d1117;
  --box: #161b22; --line: #3d444d; --forward: #56d364; --backward: #ff7b72; --update: #79c0ff; } }
.graph { background: var(--paper); font: 11px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas,
  monospace; }
.graph text { fill: var(--ink); white-space: pre; }
.graph .paper { fill: var(--paper); }
.graph .node rect { fill: var(--box); stroke: var(--line); }
.graph .node .name { font-weight: bold; }
.graph .edge { fill: none; stroke: var(--line); }
.graph .gap, .graph .label { fill: var(--faint); }
.graph .forward { fill: var(--forward); }
.graph .backward { fill: var(--backward); }
.graph .update { fill: var(--update); }
"""


class Box(NamedTuple):
    """Position and size of a node, pixels."""

    x: float
    y: float
    width: float
    height: float


def svg(
    report: Report,
    digits: int,
    *,
    quiz: str | None = None,
    steps: Mapping[tuple[str, str], int] | None = None,
) -> str:
    """Return the graph of the report's first iteration as SVG.

    `steps` are the step numbers by source and phase; with them, each row names its step.
    """
    drawn, hidden = graph(report), hidden_phases(quiz)
    lines = {node.id: _lines(node, digits, hidden) for node in drawn.nodes}
    boxes, gaps, width, height = _layout(drawn, lines)
    title = escaped(title_of(report))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" width="{width:.0f}"'
        f' height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="group"'
        f' aria-label="{title}">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
        *(_edge(boxes[source], boxes[target]) for source, target in drawn.edges),
        *gaps,
        *(_node(node, boxes[node.id], lines[node.id], steps or {}) for node in drawn.nodes),
        _legend(height),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _lines(node: Node, digits: int, hidden: frozenset[str]) -> list[tuple[str, str]]:
    """Return the label and the numbers of each row, aligned, with blanks for `hidden` phases."""
    rows = [_cells(row, digits, hidden=row.phase in hidden) for row in node.rows]
    width = max(len(cell) for cells in rows for cell in cells if cell != "...")
    return [
        (
            f"{row.label:<8} ",
            " ".join(cell if cell == "..." else cell.rjust(width) for cell in cells),
        )
        for row, cells in zip(node.rows, rows, strict=True)
    ]


def _cells(row: Row, digits: int, *, hidden: bool) -> list[str]:
    values, scientific = row.values.tolist(), is_scientific(row.values, digits)
    if len(values) > VALUES:
        values = [*values[: VALUES - 2], None, values[-1]]
    return [
        "..." if v is None else BLANK if hidden else number(v, digits, scientific) for v in values
    ]


def _layout(
    drawn: Graph, lines: Mapping[str, Sequence[tuple[str, str]]]
) -> tuple[dict[str, Box], list[str], float, float]:
    """Return the nodes' boxes, the marks of what is left out, and the size of all."""
    heights = {node.id: 2 * PAD + LINE * (1 + len(lines[node.id])) - 4 for node in drawn.nodes}
    tall = [
        sum(LINE if isinstance(node, Gap) else heights[node.id] for node in column)
        + GAP * (len(column) - 1)
        for column in drawn.columns
    ]
    height = max(tall) + 2 * MARGIN + 2 * LINE
    boxes, gaps, x = {}, [], float(MARGIN)
    for column, used in zip(drawn.columns, tall, strict=True):
        letters = max(
            max([len(node.title), *(len(a) + len(b) for a, b in lines[node.id])])
            for node in column
            if isinstance(node, Node)
        )
        width, y = letters * LETTER + 2 * PAD, MARGIN + (max(tall) - used) / 2
        for node in column:
            if isinstance(node, Gap):
                middle = x + width / 2
                gaps.append(
                    f'<text class="gap" x="{middle:.1f}" y="{y + 12:.1f}" text-anchor="middle">'
                    f"... {node.left_out} more</text>"
                )
                y += LINE + GAP
            else:
                boxes[node.id] = Box(x, y, width, heights[node.id])
                y += heights[node.id] + GAP
        x += width + BESIDE
    return boxes, gaps, x - BESIDE + MARGIN, height


def _edge(source: Box, target: Box) -> str:
    x1, y1 = source.x + source.width, source.y + source.height / 2
    x2, y2 = target.x, target.y + target.height / 2
    middle = (x1 + x2) / 2
    path = f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return f'<path class="edge" d="{path}"/>'


def _node(
    node: Node,
    box: Box,
    lines: Sequence[tuple[str, str]],
    steps: Mapping[tuple[str, str], int],
) -> str:
    x, y = box.x + PAD, box.y + PAD + 9
    parts = [
        f'<g class="node" id="{node.id}" data-group="{node.group}" tabindex="0" role="img"'
        f' aria-label="{escaped(node.formula)}">',
        f"<title>{escaped(node.formula)}</title>",
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}"'
        f' height="{box.height:.1f}" rx="6"/>',
        f'<text class="name" x="{x:.1f}" y="{y:.1f}">{escaped(node.title)}</text>',
    ]
    for i, (row, (label, numbers)) in enumerate(zip(node.rows, lines, strict=True), 1):
        step = steps.get((row.source, row.phase))
        data = "" if step is None else f' data-step="{step}"'
        parts.append(
            f'<text class="row" x="{x:.1f}" y="{y + i * LINE:.1f}"{data}>'
            f'<tspan class="label">{escaped(label)}</tspan>'
            f'<tspan class="{row.phase or "given"}">{escaped(numbers)}</tspan></text>'
        )
    return "".join([*parts, "</g>"])


def _legend(height: float) -> str:
    words = ("forward", "backward", "update")
    spans = "  ".join(f'<tspan class="{word}">{word}</tspan>' for word in words)
    return f'<text x="{MARGIN}" y="{height - MARGIN:.1f}">{spans}</text>'
