"""What a user can cause. Each error's text is complete: the shell prints it and exits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple


class NnfsError(Exception):
    """The run failed."""

    exit_code = 1


class ConfigError(NnfsError):
    """The configuration is wrong, in all the places that the text lists."""

    exit_code = 3

    def __init__(self, text: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(text)
        self.problems = list(problems)


class Diverged(NnfsError):
    """A cost or a parameter is no longer finite."""

    exit_code = 4


class RequirementUnmet(NnfsError):
    """A figure is not what --require asked for."""

    exit_code = 5


class FileError(NnfsError):
    """A run or a data file is unreadable, or does not fit."""

    exit_code = 6


class Problem(NamedTuple):
    """Something wrong in a configuration, and where: `where` is `file:line:column` or the like."""

    where: str
    message: str
    snippet: str = ""
    order: tuple[float, int] = (inf, 0)  # line and column; overrides come after the file

    def __str__(self) -> str:
        return f"{self.where}: {self.message}{self.snippet}"


MAX_TOLD = 100


def config_error(problems: Sequence[Problem], consequence: str) -> ConfigError:
    """Return one error for all problems, each told once, ending with what follows from them.

    Of more than MAX_TOLD, which is one mistake made many times over, the others are counted.
    """
    told = list(dict.fromkeys(map(str, sorted(problems, key=lambda problem: problem.order))))
    count = "1 error" if len(told) == 1 else f"{len(told)} errors"
    if len(told) > MAX_TOLD:
        told[MAX_TOLD:] = [f"... and {len(told) - MAX_TOLD} more"]
    return ConfigError("\n".join([*told, f"{count}; {consequence}"]), problems)


def short(text: str, most: int = 40) -> str:
    """Return text, or as much of its beginning as makes `most` characters with `...` behind it."""
    return text if len(text) <= most else text[: most - 3] + "..."


def listed(names: Sequence[str]) -> str:
    """Return names with commas between; of many names, and of long ones, the beginning."""
    return ", ".join(name[:40] for name in names[:8]) + ", ..." * (len(names) > 8)


def harmless(text: str) -> str:
    """Return text without the control characters that would move a terminal's cursor, or worse."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda m: f"\\x{ord(m[0]):02x}", text)


def one_line(text: str) -> str:
    """Return text that stays in its place in a table: line ends, and marks that turn the direction
    of what follows, become escapes as in Python."""
    marks = "[\t\n\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
    return harmless(re.sub(marks, lambda m: m[0].encode("unicode_escape").decode(), text))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the closest known word, or nothing."""
    from difflib import get_close_matches

    matches = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {short(matches[0])!r}?" if matches else ""
