"""Pictures in letters for terminals that lack some: Latin-1 and ASCII have no braille."""

from __future__ import annotations

import codecs

BRAILLE = 0x2800  # the first of 256, in which each bit is a dot
TOP, BOTTOM = 0b00011011, 0b11100100  # the dots of the upper two rows, and of the lower two
PLAIN = {
    "│": "|", "─": "-", "└": "+", "█": "#", "▓": "%", "▒": "+", "░": ".",
    "…": "...", "±": "+-", "×": "x", "≥": ">=", "≤": "<=", "“": '"', "”": '"',
}  # fmt: skip


def written(text: str, encoding: str | None) -> str:
    """Return text as a stream of some encoding can show it."""
    code = encoding or "utf-8"
    return text.encode(code, "nnfs-letters").decode(code)


def plain(letter: str) -> str:
    """Return what stands for a letter in ASCII, `?` for an unknown one."""
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
