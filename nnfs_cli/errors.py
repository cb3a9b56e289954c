"""Errors that a user can cause. The shell prints their text and exits with their code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple


class NnfsError(Exception):
    """The command failed."""

    exit_code = 1


class ConfigError(NnfsError):
    """The configuration is invalid; the text lists every problem."""

    exit_code = 3

    def __init__(self, text: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(text)
        self.problems = list(problems)


class Diverged(NnfsError):
    """A cost or a parameter is no longer finite."""

    exit_code = 4


class RequirementUnmet(NnfsError):
    """A figure does not meet --require."""

    exit_code = 5


class FileError(NnfsError):
    """A run or data file is unreadable, or does not match."""

    exit_code = 6


class Problem(NamedTuple):
    """One problem in a configuration; `where` is `file:line:column` or similar."""

    where: str
    message: str
    snippet: str = ""
    order: tuple[float, int] = (inf, 0)  # line and column; overrides sort after the file

    def __str__(self) -> str:
        return f"{self.where}: {self.message}{self.snippet}"


MAX_LISTED = 100  # problems printed; the rest are counted


def config_error(problems: Sequence[Problem], consequence: str) -> ConfigError:
    """Return one error that lists all problems without duplicates, then the consequence.

    Problems beyond MAX_LISTED, usually one mistake repeated, are only counted.
    """
    lines = list(dict.fromkeys(map(str, sorted(problems, key=lambda problem: problem.order))))
    count = "1 error" if len(lines) == 1 else f"{len(lines)} errors"
    if len(lines) > MAX_LISTED:
        lines[MAX_LISTED:] = [f"... and {len(lines) - MAX_LISTED} more"]
    return ConfigError("\n".join([*lines, f"{count}; {consequence}"]), problems)


def short(text: str, most: int = 40) -> str:
    """Return text, cut to `most` characters with a final `...` if it is longer."""
    return text if len(text) <= most else text[: most - 3] + "..."


def listed(names: Sequence[str]) -> str:
    """Return names joined with commas: at most 8, each cut to 40 characters."""
    return ", ".join(one_line(name[:40]) for name in names[:8]) + ", ..." * (len(names) > 8)


# Control characters except tab and line feed (also as bytes that are not UTF-8), marks that change
# the direction of text, and separators that some programs treat as line ends.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udc9f"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]"
)


def harmless(text: str) -> str:
    """Return text with every character escaped that could control the terminal or reorder text."""
    return UNSAFE.sub(_escaped, text)


def one_line(text: str) -> str:
    """Return text with line ends and tabs escaped as well as UNSAFE characters."""
    return harmless(text).replace("\n", "\\n").replace("\t", "\\t")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    code -= 0xDC00 if code >= 0xDC80 else 0  # a byte of a file name that is not UTF-8
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def printed(message: str, typed: Iterable[str]) -> str:
    """Return a message safe to print; line ends and tabs in `typed` names are escaped."""
    for name in typed:
        if name.strip() and ("\n" in name or "\t" in name):
            message = message.replace(name, one_line(name))
    return harmless(message)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the closest known word, or an empty string."""
    from difflib import get_close_matches

    matches = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {short(matches[0])!r}?" if matches else ""
