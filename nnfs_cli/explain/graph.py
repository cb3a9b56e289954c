"""The computational graph of an iteration: nodes with their values and gradients, and edges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.explain.iteration import LayerPass, Report
from nnfs_cli.explain.records import Names, activation_of, names_of

MOST = 6  # nodes per column; the middle of a longer column is left out
MOST_TARGETS = 16  # rows of targets at the cost's node; the middle of more is left out


class Row(NamedTuple):
    """Numbers at a node, (n,). `phase` is as in Matrix; `source` is the name of their array.

    Phase and source together identify the step that computes them.
    """

    label: str
    values: Array
    phase: str
    source: str


@dataclass(frozen=True)
class Node:
    """One node; the nodes of a `group` are computed together."""

    id: str
    group: str
    title: str
    formula: str
    rows: tuple[Row, ...]


class Gap(NamedTuple):
    """Nodes of a column that are not drawn."""

    left_out: int


@dataclass(frozen=True)
class Graph:
    """Columns of nodes from left to right, and edges as pairs of node ids."""

    columns: tuple[tuple[Node | Gap, ...], ...]
    edges: tuple[tuple[str, str], ...]

    @property
    def nodes(self) -> Iterator[Node]:
        return (node for column in self.columns for node in column if isinstance(node, Node))


def graph(report: Report) -> Graph:
    """Return the graph of the report's first iteration."""
    names, iteration = names_of(report), report.iterations[0]
    columns: list[list[Node]] = []
    if report.terms:
        columns.append(_columns(report))
    columns.append(_inputs(report))
    for number, layer in enumerate(iteration.layers, 1):
        columns.append([_z(report, names, number, layer, i) for i in range(len(layer.z))])
        columns.append([_a(report, names, number, layer, i) for i in range(len(layer.a))])
    columns.append([_cost(report, names)])
    drawn = [_thinned(column) for column in columns]
    shown = [[node for node in column if isinstance(node, Node)] for column in drawn]
    return Graph(tuple(drawn), tuple(_edges(report, shown)))


def _thinned(column: Sequence[Node]) -> tuple[Node | Gap, ...]:
    if len(column) <= MOST:
        return tuple(column)
    return (*column[: MOST - 2], Gap(len(column) - MOST + 1), column[-1])


def _edges(report: Report, columns: list[list[Node]]) -> Iterator[tuple[str, str]]:
    """Yield edges from each node to all of the next column; z only to its own a if elementwise."""
    for left, right in pairwise(columns):
        for i, target in enumerate(right):
            if target.group == "x":
                term = (report.terms or ())[int(target.id.removeprefix("x"))]
                used = {f"c{column}" for column, _ in term}
                yield from ((node.id, target.id) for node in left if node.id in used)
            elif target.group.startswith("a") and _is_elementwise(report, target):
                yield left[i].id, target.id
            else:
                yield from ((node.id, target.id) for node in left)


def _is_elementwise(report: Report, node: Node) -> bool:
    _, activation = activation_of(report, int(node.group.removeprefix("a")))
    return activation.elementwise


def _columns(report: Report) -> list[Node]:
    used = sorted({column for term in report.terms or () for column, _ in term})
    return [
        Node(
            f"c{i}",
            "columns",
            report.columns[i],
            "a column of the data",
            (Row("value", report.column_values[i], "", "columns"),),
        )
        for i in used
    ]


def _inputs(report: Report) -> list[Node]:
    phase = "forward" if report.terms else ""
    return [
        Node(
            f"x{i}",
            "x",
            name,
            f"row {i + 1} of X = {name}" if phase else f"row {i + 1} of X",
            (Row("value", report.x[i], phase, "X"),),
        )
        for i, name in enumerate(report.inputs)
    ]


def _unit(names: Names, letter: str, number: int, i: int, units: int) -> str:
    """Return the name of a unit's z or a: z, z[2], z1 or z1[2]."""
    return names.of(letter, number).text + (f"[{i + 1}]" if units > 1 else "")


def _z(report: Report, names: Names, number: int, layer: LayerPass, i: int) -> Node:
    W, b, Z, below = (
        names.of(letter, n).text
        for letter, n in (("W", number), ("b", number), ("Z", number), ("A", number - 1))
    )
    dW, db, dZ = (names.grad(letter, number).text for letter in "WbZ")
    title = _unit(names, "z", number, i, len(layer.z))
    row = f"[{i + 1}]" if len(layer.z) > 1 else ""
    return Node(
        f"z{number}-{i}",
        f"z{number}",
        title,
        f"{title} = {W}{row}.{below} + {b}{row}",
        (
            Row("w", layer.W[i], "", W),
            Row("b", layer.b[i], "", b),
            Row("value", layer.z[i], "forward", Z),
            Row(f"d{names.cost}/dz", layer.delta[i], "backward", dZ),
            Row("dw", layer.dW[i], "backward", dW),
            Row("db", layer.db[i], "backward", db),
            Row("new w", layer.new_W[i], "update", W),
            Row("new b", layer.new_b[i], "update", b),
        ),
    )


def _a(report: Report, names: Names, number: int, layer: LayerPass, i: int) -> Node:
    name, activation = activation_of(report, number)
    A, dA = names.of("A", number).text, names.grad("A", number).text
    rows = [Row("value", layer.a[i], "forward", A)]
    if layer.upstream is not None and layer.local is not None:
        rows.append(Row("upstream", layer.upstream[i], "backward", dA))
        if layer.local.ndim == 2:
            source = f"d{A}/d{names.of('Z', number).text}"
            rows.append(Row("local", layer.local[i], "backward", source))
    title = _unit(names, "a", number, i, len(layer.a))
    z = _unit(names, "z", number, i, len(layer.z))
    formula = f"{title} = {name}({z}) = {activation.formula.text}"
    if layer.upstream is not None:
        formula += f"; local gradient {activation.derivative.text}"
    return Node(f"a{number}-{i}", f"a{number}", f"{title} = {name}", formula, tuple(rows))


def _targets(y: Array) -> Iterator[Row]:
    """Yield one row for each output's targets, (samples,); the middle of many is left out."""
    for i, values in enumerate(y):
        if len(y) <= MOST_TARGETS or i < MOST_TARGETS - 1 or i == len(y) - 1:
            yield Row(f"y[{i + 1}]" if len(y) > 1 else "y", values, "", "Y")


def _cost(report: Report, names: Names) -> Node:
    iteration = report.iterations[0]
    rows = list(_targets(report.y))
    rows.append(Row("loss", iteration.losses[0], "forward", "L"))
    if not names.single:
        rows.append(Row("cost", np.array([iteration.cost]), "forward", "C"))
    new = np.array([iteration.new_cost])
    rows.append(Row("new", new, "update", f"new {names.cost}"))
    formula = f"L = {LOSSES[report.config.loss].formula.text}"
    formula += "" if names.single else "; C = sum of L / m"
    return Node("C", "C", names.cost, formula, tuple(rows))
