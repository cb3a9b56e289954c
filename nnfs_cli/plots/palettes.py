"""The colours of pictures, in a light and a dark style."""

from __future__ import annotations

from typing import NamedTuple


class Palette(NamedTuple):
    """The colours of one style; each has one meaning in all pictures.

    `ground` is the background, `ink` text and outlines, `soft` axes; `series` are classes or, in a
    comparison, runs; `negative` and `positive` are signs of weights and biases; `train` and `test`
    are parts of the data; `amount` shades counts and figures; `best` is a sweep's best run; `fault`
    marks failures.
    """

    ground: str
    ink: str
    soft: str
    series: tuple[str, ...]
    negative: str
    positive: str
    train: str
    test: str
    amount: str
    best: str
    fault: str


# Okabe and Ito 2008, "Color universal design": colour-blind readers can distinguish them. The ones
# with the strongest contrast to the background come first. Signs are brown and violet, as in
# ColorBrewer's PuOr, and neither is a hue of Okabe and Ito.
BLUE, ORANGE, GREEN, PINK = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, YELLOW = "#56B4E9", "#F0E442"
PALETTES = {
    "light": Palette(
        "#FFFFFF",
        "#202428",
        "#8A9097",
        (BLUE, ORANGE, GREEN, PINK, SKY, YELLOW, "#7A7F85", "#1B2A6B", "#882255", "#B5DE6F"),
        negative="#B35806",
        positive="#7552C0",
        train="#3C444C",
        test="#C2187A",
        amount="#5B6B7B",
        best="#6A8A00",
        fault="#D0192F",
    ),
    "dark": Palette(
        "#15191E",
        "#E8EAED",
        "#7E858C",
        (SKY, ORANGE, GREEN, PINK, YELLOW, BLUE, "#A4AAB0", "#4A63D8", "#A8486F", "#C5EE8F"),
        negative="#D27B3A",
        positive="#A58BEA",
        train="#D3D8DD",
        test="#F364B4",
        amount="#9FB0C0",
        best="#B2D235",
        fault="#FF5D63",
    ),
}
