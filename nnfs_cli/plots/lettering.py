"""Text that fits: width in inches, line breaks, and the heading of a figure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnfs_cli.plots.palettes import Palette
    from nnfs_cli.plots.style import Figure

TITLE, DETAIL = 11.0, 9.0  # points
LEADING = 1.4  # line height, in multiples of the font size
EDGE = 0.12  # margin of a heading, inches


def width_of(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of a line in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return float(width) / 72


def shortened(text: str, room: float, size: float, weight: str = "normal") -> str:
    """Return text, cut to fit into `room` inches with `…` at its end."""
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
    """Return text as at most `most` lines of `room` inches, broken after spaces, _ , - and /."""
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
    """Return text on one line, with `?` for characters that cannot be printed."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def heading(
    made: Figure, palette: Palette, title: str, details: Sequence[str] = (), fault: str = ""
) -> list[Any]:
    """Add a heading above a figure's axes and return its texts, the title first.

    The details follow, and then `fault` in the palette's colour for failures. The figure grows by
    the height of the heading, and its layout is constrained to the space below.
    """
    room = made.get_figwidth() - 2 * EDGE
    styled = [
        (line, TITLE, "bold", palette.ink) for line in lines_of(title, room, TITLE, 2, "bold")
    ]
    for detail in details:
        lines = lines_of(detail, room, DETAIL, 3)
        styled += [(line, DETAIL, "normal", palette.ink) for line in lines]
    if fault:
        lines = lines_of(fault, room, DETAIL, 3, "bold")
        styled += [(line, DETAIL, "bold", palette.fault) for line in lines]
    taken = EDGE + sum(LEADING * size / 72 for _, size, _, _ in styled)
    height = made.get_figheight() + taken
    made.set_figheight(height)
    made.get_layout_engine().set(rect=(0, 0, 1, 1 - taken / height))
    texts, y = [], height - EDGE
    for line, size, weight, hue in styled:
        place = {"ha": "left", "va": "top", "fontsize": size, "fontweight": weight, "color": hue}
        texts.append(made.text(EDGE / made.get_figwidth(), y / height, line, **place))
        y -= LEADING * size / 72
    return texts


def behead(made: Figure) -> None:
    """Remove a figure's heading and its space, for pages that have a heading of their own."""
    layout = made.get_layout_engine()
    left, bottom, width, share = layout.get()["rect"]
    for text in [text for text in made.texts if text.get_position()[1] > share]:
        text.remove()
    made.set_figheight(made.get_figheight() * share)
    layout.set(rect=(left, bottom, width, 1))
