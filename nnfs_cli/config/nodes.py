"""A YAML document as a tree of nodes that know where they were written."""

from __future__ import annotations

import re
from math import inf
from typing import Any, TypeAlias

from msgspec import Struct

from nnfs_cli.errors import UNSAFE, Problem, one_line, short

UNWRITABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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
