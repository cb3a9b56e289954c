"""YAML text and command-line overrides -> a tree of nodes that know where they were written.

PyYAML's events are composed here, not by PyYAML: its own composer follows nesting and aliases
without bound, and its resolver makes `no` a boolean and `1e-3` a string. A scalar stays the text
that was written until the schema says what it should be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple, TypeAlias

import yaml
from msgspec import Struct
from msgspec.structs import replace

from nnfs_cli.errors import UNSAFE, Problem, one_line, short

MAX_BYTES = 1 << 20
UNWRITABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as YAML breaks lines
# libyaml's words, and ours. Those of BEGUN it has at the first line that makes no sense any more,
# not at the one where the mistake is.
BEGUN = {
    "could not find expected ':'": "a key without ':' behind it",
    "did not find expected ',' or ']'": "this bracket is not closed, or a comma is missing",
    "did not find expected ',' or '}'": "this brace is not closed, or a comma is missing",
}
PLAIN = {
    "mapping values are not allowed in this context": "a ':' within a value; put the value in "
    "quotes, or indent the line as those around it",
    "did not find expected key": "no key; is the line indented as those around it?",
    "found character that cannot start any token": "what begins with this character must be in "
    "quotes",
}
MAX_DEPTH = 24
MAX_NODES = 1 << 18  # aliases counted each time they are used


class Place(Struct, frozen=True):
    """Where something was written: a file's line and column, or an override."""

    source: str  # a path, or the override's text
    line: int = -1  # from 0; -1: an override
    column: int = 0  # from 0; of an override, its number
    width: int = 1
    text: str = ""  # the whole line

    def problem(self, message: str) -> Problem:
        if self.line < 0:
            typed = one_line(short(self.source, 100))
            return Problem("<command line>", f"{typed}: {message}", order=(inf, self.column))
        where = f"{self.source}:{self.line + 1}:{self.column + 1}"
        if not self.text.strip():
            return Problem(where, message, order=(self.line, self.column))
        # A line may be longer than a screen: show what lies around the column.
        start = max(0, self.column - 60) if len(self.text) > 100 else 0
        # A control character takes up a column, but must not reach the terminal.
        text = self.text[start : start + 100]
        for unshown in UNWRITABLE, UNSAFE:
            text = unshown.sub("\N{REPLACEMENT CHARACTER}", text)
        text = text.replace("\t", " ")
        width = max(1, min(self.width, len(text) - (self.column - start)))
        number = f"{self.line + 1:>5}"
        caret = " " * (self.column - start) + "^" * width
        snippet = f"\n{number} | {text}\n{' ' * 5} | {caret}"
        return Problem(where, message, snippet, (self.line, self.column))


class Scalar(Struct, frozen=True):
    """Text as written; `plain` if without quotes."""

    place: Place
    text: str
    plain: bool = True


class Sequence(Struct, frozen=True):
    place: Place
    items: list[Any] = []  # of nodes


class Mapping(Struct, frozen=True):
    """Key and value pairs in the order written; the keys differ."""

    place: Place
    items: dict[str, tuple[Scalar, Any]] = {}  # key and node


Node: TypeAlias = Scalar | Sequence | Mapping

KINDS = {Scalar: "a value", Sequence: "a list", Mapping: "a mapping"}


class NotADocument(Exception):
    """The text cannot be read at all; it carries the one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def end_of(text: str) -> tuple[int, int]:
    """Return the line and the column, from 0, at which a text ends."""
    line = start = 0
    for line, end in enumerate(LINE_END.finditer(text), 1):  # noqa: B007
        start = end.end()
    return line, len(text) - start


def compose(text: str, source: str, *, override: Place | None = None) -> tuple[Node, list[Problem]]:
    """Return the one document in `text`, and what is wrong with it short of its meaning.

    `override` is where `text` was written, if it is not a file's. Raises NotADocument.
    """
    lines = LINE_END.split(text)
    last = Place(source, len(lines) - 1, len(lines[-1]), 1, lines[-1])

    def place(event: Any) -> Place:
        if override:
            return override
        start, end = event.start_mark, event.end_mark
        if start.line >= len(lines):  # where PyYAML places what is not there
            return last
        line = lines[start.line]
        width = end.column - start.column if end.line == start.line else len(line) - start.column
        return Place(source, start.line, start.column, max(width, 1), line)

    def refuse(message: str, line: int, column: int) -> NotADocument:
        there = Place(source, line, column, 1, lines[line]) if line < len(lines) else last
        return NotADocument((override or there).problem(message))

    if strange := UNWRITABLE.search(text):
        message = f"the character {strange[0]!a} is not allowed in YAML"
        raise refuse(message, *end_of(text[: strange.start()]))
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _compose(yaml.parse(text, Loader=loader), place, override or last)
    except yaml.MarkedYAMLError as error:
        raise refuse(*_explained(error, lines)) from None


def _explained(error: yaml.MarkedYAMLError, lines: list[str]) -> tuple[str, int, int]:
    """Return what keeps text from being YAML, and the line and column where it begins."""
    mark, begun, message = error.problem_mark, error.context_mark, str(error.problem)
    if begun and mark and message in BEGUN and mark.line > begun.line:
        mark, message = begun, BEGUN[message]
    elif begun and (not mark or mark.line >= len(lines) - 1):
        mark, message = begun, f"{error.context}: {message}"
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if line < len(lines) and lines[line][column : column + 1] == "\t":
        message = "a tab; YAML is indented with spaces"
    return f"not YAML: {PLAIN.get(message, message)}", line, column


def _compose(events: Iterator[Any], place: Any, last: Place) -> tuple[Node, list[Problem]]:
    problems: list[Problem] = []
    root: list[Node] = []
    # The collections that are open, each with its anchor, its key in waiting and its size so far.
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
                place(event).problem(f"the tag {short(event.tag, 80)!r} has no meaning here")
            )
        if isinstance(event, yaml.DocumentStartEvent) and root:
            raise NotADocument(place(event).problem("a second document; there must be one"))
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                message = f"no anchor &{short(str(event.anchor))} before this"
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
                raise NotADocument(place(event).problem(f"nested more than {MAX_DEPTH} deep"))
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
        before = f" at line {first.line + 1}" if first.line >= 0 else ""
        return key.place.problem(f"key {short(key.text)!r} is there already{before}")
    mapping.items[key.text] = (key, value)
    return None


class Setting(NamedTuple):
    """A dotted key, the text of its value, and where it was set."""

    key: str
    text: str
    place: Place


def setting(argument: str, number: int) -> Setting:
    """Return the command line's `number`-th override, KEY=VALUE; NotADocument if it is none."""
    key, equals, text = argument.partition("=")
    place = Place(argument, column=number)
    if not equals or not key:
        raise NotADocument(place.problem("an override is written KEY=VALUE"))
    return Setting(key, text, place)


def override(root: Node, given: Setting, parts: frozenset[str]) -> Node:
    """Return `root` with a setting applied; NotADocument says why it cannot be.

    `parts` names the keys whose value may be a name alone: to override a parameter of such a part
    makes a mapping of it.
    """
    value, problems = compose(given.text, "", override=given.place)
    path = given.key.split(".")
    if len(path) > MAX_DEPTH:
        problems.append(given.place.problem(f"nested more than {MAX_DEPTH} deep"))
    if problems:
        raise NotADocument(problems[0])
    return _set(root, path, 0, value, given.place, parts)


def _set(
    node: Node, path: list[str], depth: int, value: Node, place: Place, parts: frozenset[str]
) -> Node:
    """Return a copy of `node` in which path[depth:] leads to `value`."""
    if depth == len(path):
        return value
    key, so_far = path[depth], short(".".join(path[:depth]), 60)
    if isinstance(node, Scalar) and path[depth - 1] in parts and depth > 0:
        name = Scalar(node.place, "name")
        node = Mapping(node.place, {"name": (name, node)})
    if isinstance(node, Mapping):
        old = node.items.get(key, (Scalar(place, key), Mapping(place)))
        if key not in node.items and depth + 1 < len(path) and key in parts:
            message = f"{so_far + '.' if so_far else ''}{key} is not set, so it has no parameters"
            raise NotADocument(place.problem(message))
        new = _set(old[1], path, depth + 1, value, place, parts)
        # The key is the override's own from now on, as far as errors are concerned.
        key_node = Scalar(place, key) if depth + 1 == len(path) else old[0]
        return replace(node, items={**node.items, key: (key_node, new)})
    if isinstance(node, Sequence):
        count = len(node.items)
        if not key.isdecimal() or len(key) > 9 or int(key) >= count:
            known = f"0 to {count - 1}" if count else "none"
            message = f"{so_far} has no item {key[:20]!r}; its items are {known}"
            raise NotADocument(place.problem(message))
        items = list(node.items)
        items[int(key)] = _set(items[int(key)], path, depth + 1, value, place, parts)
        return replace(node, items=items)
    raise NotADocument(place.problem(f"{so_far} is a single value, so it has no {short(key)!r}"))
