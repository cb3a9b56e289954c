"""YAML text and command-line overrides -> a tree of nodes, each with its source position.

PyYAML's events are composed here, not by PyYAML: its composer follows nesting and aliases without
limit, and its resolver reads `no` as a boolean and `1e-3` as a string. A scalar stays text until
the schema gives its type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct

from nnfs_cli.config.nodes import (
    KINDS,
    UNWRITABLE,
    Mapping,
    Node,
    NotADocument,
    Place,
    Scalar,
    Sequence,
)
from nnfs_cli.errors import Problem, short

MAX_BYTES = 1 << 20  # of a configuration file
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # YAML 1.1 line breaks
# libyaml's messages -> ours. For those in BEGUN, libyaml reports where parsing failed; we report
# where the construct began.
BEGUN = {
    "could not find expected ':'": "a key without ':' after it",
    "did not find expected ',' or ']'": "this bracket is not closed, or a comma is missing",
    "did not find expected ',' or '}'": "this brace is not closed, or a comma is missing",
}
PLAIN = {
    "mapping values are not allowed in this context": "a ':' inside a value; quote the value, or "
    "indent the line like its neighbours",
    "did not find expected key": "a key was expected; indent the line like its neighbours",
    "did not find expected '-' indicator": "a list item was expected; start the line with '-', or "
    "indent it like its neighbours",
    "found character that cannot start any token": "text that starts with this character must be "
    "quoted",
    "found undefined tag handle": "an undefined tag; remove it, or quote the text",
    "while scanning a quoted scalar: found unexpected end of stream": "this quote is not closed",
}
MAX_DEPTH = 24  # levels of nesting
MAX_NODES = 1 << 18  # nodes of a document; an alias counts each time it is used


def end_of(text: str) -> tuple[int, int]:
    """Return the line and column, from 0, where a text ends."""
    line = start = 0
    for line, end in enumerate(LINE_END.finditer(text), 1):  # noqa: B007
        start = end.end()
    return line, len(text) - start


def compose(text: str, source: str, *, override: Place | None = None) -> tuple[Node, list[Problem]]:
    """Return the root node of `text` and the problems found while composing it.

    `override` is the place of `text` if it comes from the command line. Raises NotADocument.
    """
    lines = LINE_END.split(text)
    last = Place(source, len(lines) - 1, len(lines[-1]), 1, lines[-1])

    def place(event: Any) -> Place:
        if override:
            return override
        start, end = event.start_mark, event.end_mark
        if start.line >= len(lines):  # PyYAML places missing values after the end
            return last
        line = lines[start.line]
        width = end.column - start.column if end.line == start.line else len(line) - start.column
        return Place(source, start.line, start.column, max(width, 1), line)

    def refuse(message: str, line: int, column: int) -> NotADocument:
        at = Place(source, line, column, 1, lines[line]) if line < len(lines) else last
        return NotADocument((override or at).problem(message))

    if forbidden := UNWRITABLE.search(text):
        message = f"the character {forbidden[0]!a} is not allowed in YAML"
        raise refuse(message, *end_of(text[: forbidden.start()]))
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _compose(yaml.parse(text, Loader=loader), place, override or last)
    except yaml.MarkedYAMLError as error:
        raise refuse(*_explained(error, lines)) from None


def _explained(error: yaml.MarkedYAMLError, lines: list[str]) -> tuple[str, int, int]:
    """Return the message for a syntax error, and its line and column."""
    mark, begun, message = error.problem_mark, error.context_mark, str(error.problem)
    if begun and mark and message in BEGUN and mark.line > begun.line:
        mark, message = begun, BEGUN[message]
    elif begun and (not mark or mark.line >= len(lines) - 1):
        mark, message = begun, f"{error.context}: {message}"
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if line < len(lines) and lines[line][column : column + 1] == "\t":
        message = "a tab; indent YAML with spaces"
    return f"not valid YAML: {PLAIN.get(message, message)}", line, column


def _compose(events: Iterator[Any], place: Any, last: Place) -> tuple[Node, list[Problem]]:
    problems: list[Problem] = []
    root: list[Node] = []
    # Open collections, each with its anchor, the key that awaits its value, and its size so far.
    stack: list[_Open] = []
    anchors: dict[str, tuple[Node, int]] = {}

    def add(node: Node, size: int) -> None:
        if not stack:
            root.append(node)
            return
        top = stack[-1]
        top.size += size
        if top.size > MAX_NODES:
            counting = ", counting aliases" if anchors else ""
            raise NotADocument(
                node.place.problem(f"there are more than {MAX_NODES:,} values{counting}")
            )
        if isinstance(top.node, Sequence):
            top.node.items.append(node)
        elif top.key is None:
            top.key = node
        else:
            problem = _add_pair(top.node, top.key, node)
            top.key = None
            if problem:
                problems.append(problem)

    for event in events:
        if getattr(event, "tag", None) not in (None, "!"):
            problems.append(
                place(event).problem(
                    f"the tag {short(event.tag, 80)!r} is not supported; remove it"
                )
            )
        if isinstance(event, yaml.DocumentStartEvent) and root:
            raise NotADocument(place(event).problem("a second YAML document; only one is allowed"))
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                message = f"no anchor &{short(str(event.anchor))} before this alias"
                raise NotADocument(place(event).problem(message))
            node, size = anchors[event.anchor]
            add(node, size)
        elif isinstance(event, yaml.ScalarEvent):
            scalar = Scalar(place(event), event.value, plain=not event.style)
            if event.anchor:
                anchors[event.anchor] = (scalar, 1)
            add(scalar, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(stack) >= MAX_DEPTH:
                raise NotADocument(
                    place(event).problem(f"nested more than {MAX_DEPTH} levels deep")
                )
            kind = Sequence if isinstance(event, yaml.SequenceStartEvent) else Mapping
            stack.append(_Open(kind(place(event)), event.anchor))
        elif isinstance(event, yaml.CollectionEndEvent):
            done = stack.pop()
            if done.anchor:
                anchors[done.anchor] = (done.node, done.size)
            add(done.node, done.size)
    return (root[0] if root else Scalar(last, "")), problems


class _Open(Struct):
    node: Sequence | Mapping
    anchor: str | None
    key: Node | None = None
    size: int = 1


def _add_pair(mapping: Mapping, key: Node, value: Node) -> Problem | None:
    if not isinstance(key, Scalar):
        return key.place.problem(f"a key must be a word, not {KINDS[type(key)]}")
    if key.text in mapping.items:
        first = mapping.items[key.text][0].place
        before = f"; first used at line {first.line + 1}" if first.line >= 0 else ""
        return key.place.problem(f"duplicate key {short(key.text)!r}{before}")
    mapping.items[key.text] = (key, value)
    return None
