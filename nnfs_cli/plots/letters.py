"""Replacements for the characters of terminal pictures that a stream cannot encode."""

from __future__ import annotations

import codecs

BRAILLE = 0x2800  # first of 256 braille patterns; each bit is a dot
TOP, BOTTOM = 0b00011011, 0b11100100  # dots of the upper two rows, and of the lower two
PLAIN = {
    "│": "|", "─": "-", "└": "+", "█": "#", "▓": "%", "▒": "+", "░": ".",
    "…": "...", "±": "+-", "×": "x", "≥": ">=", "≤": "<=", "“": '"', "”": '"',
}  # fmt: skip


def written(text: str, encoding: str | None) -> str:
    """Return text with every character that `encoding` lacks replaced by one that it has."""
    code = encoding or "utf-8"
    return text.encode(code, "nnfs-letters").decode(code)


def plain(letter: str) -> str:
    """Return the ASCII replacement of a character, `?` if it has none."""
    dots = ord(letter) - BRAILLE
    if not 0 <= dots < 256:
        return PLAIN.get(letter, "?")
    if not dots:
        return " "
    return ":" if dots & TOP and dots & BOTTOM else "'" if dots & TOP else "."


def _replaced(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(plain, error.object[error.start : error.end])), error.end


codecs.register_error("nnfs-letters", _replaced)
