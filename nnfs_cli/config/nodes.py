"""A YAML document as a tree of nodes that know where they were written."""

from __future__ import annotations

import re
from math import inf
from typing import Any, TypeAlias

from msgspec import Struct

from nnfs_cli.errors import UNSAFE, Problem, one_line, short

UNWRITABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Place(Struct, frozen=True):
    """The source of a node: a file's line and column, or an override."""

    source: str  # a path, or the override's text
    line: int = -1  # from 0; -1 for an override
    column: int = 0  # from 0; for an override, its position on the command line
    width: int = 1
    text: str = ""  # the whole line

    def problem(self, message: str) -> Problem:
        if self.line < 0:
            typed = one_line(short(self.source, 100))
            return Problem("on the command line", f"{typed}: {message}", order=(inf, self.column))
        where = f"{self.source}:{self.line + 1}:{self.column + 1}"
        if not self.text.strip():
            return Problem(where, message, order=(self.line, self.column))
        # A line may be wider than the screen: show the part around the column.
        start = max(0, self.column - 60) if len(self.text) > 100 else 0
        # A control character must not reach the terminal, but keeps its column.
        text = self.text[start : start + 100]
        for pattern in UNWRITABLE, UNSAFE:
            text = pattern.sub("\N{REPLACEMENT CHARACTER}", text)
        text = text.replace("\t", " ")
        width = max(1, min(self.width, len(text) - (self.column - start)))
        number = f"{self.line + 1:>5}"
        caret = " " * (self.column - start) + "^" * width
        snippet = f"\n{number} | {text}\n{' ' * 5} | {caret}"
        return Problem(where, message, snippet, (self.line, self.column))


class Scalar(Struct, frozen=True):
    """Text as written; `plain` means unquoted."""

    place: Place
    text: str
    plain: bool = True


class Sequence(Struct, frozen=True):
    place: Place
    items: list[Any] = []  # of nodes


class Mapping(Struct, frozen=True):
    """Keys and values in the order written; keys are unique."""

    place: Place
    items: dict[str, tuple[Scalar, Any]] = {}  # key -> its node and the value's


Node: TypeAlias = Scalar | Sequence | Mapping

KINDS = {Scalar: "a single value", Sequence: "a list", Mapping: "a mapping"}


class NotADocument(Exception):
    """Raised for text that cannot be parsed; carries the one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
