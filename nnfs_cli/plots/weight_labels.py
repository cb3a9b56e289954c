"""Numbers on the lines of a drawn network: their text, and positions where all can be read."""

from __future__ import annotations

import re

import numpy as np

from nnfs_cli.plots.palettes import Palette
from nnfs_cli.plots.style import Axes

RADIUS = 0.16  # of a circle that can hold a number


def places(segments: list[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Return the position of each line's number: as far as possible from the other lines and from
    the numbers already placed."""
    lines = np.array(segments, dtype=float)  # (lines, ends, xy)
    edge = (RADIUS + 0.22) / float(lines[0, 1, 0] - lines[0, 0, 0])  # beside the circles
    share = np.linspace(edge, 1 - edge, 37)
    x = lines[0, 0, 0] + share * (lines[0, 1, 0] - lines[0, 0, 0])
    y = lines[:, :1, 1] + share * (lines[:, 1:, 1] - lines[:, :1, 1])
    placed: list[tuple[float, float]] = []
    for i in range(len(lines)):
        others = np.delete(y, i, axis=0)
        room = np.abs(others - y[i]).min(axis=0) if len(others) else np.ones(len(share))
        for at, height in placed:  # a number is three times as wide as it is high
            room = np.minimum(room, np.hypot((x - at) / 2.2, y[i] - height))
        room = np.minimum(room, 0.2) - 0.02 * np.abs(share - 0.5)
        best = int(room.argmax())
        placed.append((float(x[best]), float(y[i, best])))
    return placed


def number(value: float, small: str = ".2g") -> str:
    """Return a number in few characters."""
    if not np.isfinite(value):
        return f"{value}"
    form = "g" if not value else small if abs(value) < 0.01 else ".2g"
    text = f"{value:{form if abs(value) < 1000 else '.0e'}}"
    return re.sub(r"e([+-])0*", lambda m: "e" + m[1].strip("+"), text)


def label(axes: Axes, x: float, y: float, text: str, palette: Palette, rotation: float = 0) -> None:
    """Write text over lines, on a box of the background's colour."""
    box = {"boxstyle": "round,pad=0.12", "facecolor": palette.ground, "edgecolor": "none"}
    place = {"ha": "center", "va": "center", "zorder": 2, "rotation": rotation}
    axes.annotate(text, (x, y), fontsize=7.5, bbox=box, **place)
