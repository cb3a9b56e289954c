"""Text that fits: its width in inches, its lines, and a figure's heading."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnfs_cli.plots.palettes import Palette
    from nnfs_cli.plots.style import Figure

TITLE, DETAIL = 11.0, 9.0  # points
LEADING = 1.4  # height of a line, as a multiple of its letters'
EDGE = 0.12  # inches around a heading


def width_of(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of a line in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return float(width) / 72


def shortened(text: str, room: float, size: float, weight: str = "normal") -> str:
    """Return text, or as much of its beginning as fits into `room` inches with `…` behind it."""
    if width_of(text, size, weight) <= room:
        return text
    fits, cut = 0, len(text)
    while cut - fits > 1:
        middle = (fits + cut) // 2
        if width_of(f"{text[:middle]}…", size, weight) <= room:
            fits = middle
        else:
            cut = middle
    return f"{text[:fits].rstrip()}…"


def lines_of(
    text: str, room: float, size: float, most: int = 2, weight: str = "normal"
) -> list[str]:
    """Return text as at most so many lines of `room` inches, broken after spaces, _ , - and /."""
    words = re.findall(r"[^\s_/-]*[\s_/-]+|[^\s_/-]+", text) or [text]
    lines = [""]
    for i, word in enumerate(words):
        if width_of((lines[-1] + word).rstrip(), size, weight) <= room or not lines[-1]:
            lines[-1] += word
        elif len(lines) < most:
            lines.append(word)
        else:
            lines[-1] += "".join(words[i:])
            break
    return [shortened(line.strip(), room, size, weight) for line in lines]


def plain(text: str) -> str:
    """Return text on one line, without characters that cannot be printed."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def heading(
    made: Figure, palette: Palette, title: str, details: Sequence[str] = (), fault: str = ""
) -> list[Any]:
    """Add a heading above a figure's axes and return its texts, the title first.

    The details follow, then in the colour of faults what went wrong. The figure becomes higher by
    as much, and is `constrained` to what is below the heading.
    """
    room = made.get_figwidth() - 2 * EDGE
    found = [(line, TITLE, "bold", palette.ink) for line in lines_of(title, room, TITLE, 2, "bold")]
    for detail in details:
        lines = lines_of(detail, room, DETAIL, 3)
        found += [(line, DETAIL, "normal", palette.ink) for line in lines]
    if fault:
        lines = lines_of(fault, room, DETAIL, 3, "bold")
        found += [(line, DETAIL, "bold", palette.fault) for line in lines]
    taken = EDGE + sum(LEADING * size / 72 for _, size, _, _ in found)
    height = made.get_figheight() + taken
    made.set_figheight(height)
    made.get_layout_engine().set(rect=(0, 0, 1, 1 - taken / height))
    texts, y = [], height - EDGE
    for line, size, weight, hue in found:
        place = {"ha": "left", "va": "top", "fontsize": size, "fontweight": weight, "color": hue}
        texts.append(made.text(EDGE / made.get_figwidth(), y / height, line, **place))
        y -= LEADING * size / 72
    return texts


def behead(made: Figure) -> None:
    """Take a figure's heading away again, and its room, where something else says what it shows."""
    layout = made.get_layout_engine()
    left, bottom, width, share = layout.get()["rect"]
    for text in [text for text in made.texts if text.get_position()[1] > share]:
        text.remove()
    made.set_figheight(made.get_figheight() * share)
    layout.set(rect=(left, bottom, width, 1))
