"""How pictures look (fonts, sizes, scales, legends), and how they are written to files.

Only these functions load matplotlib, and without pyplot: no display, no global figure.
"""

from __future__ import annotations

import importlib
import io
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, floor, log10
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError, NnfsError
from nnfs_cli.plots import lettering, packing
from nnfs_cli.plots.palettes import PALETTES, Palette
from nnfs_cli.runs.record import Run

Axes: TypeAlias = Any  # matplotlib's
Figure: TypeAlias = Any
WIDTH = 6.0  # inches; 10 point text is legible at 600 pixels
DPI = 150
FLOOR, CEILING = 1e-300, 1e300  # limits beyond which an axis overflows
SUFFIXES = ("png", "svg", "pdf")
SETTINGS = ("MPLBACKEND", "MATPLOTLIBRC")
MARKERS = {"train": "o", "test": "D"}


@dataclass(frozen=True)
class Look:
    """Options of a picture; `note` is called with a sentence about anything it leaves out."""

    style: str = "light"
    scale: str = "auto"
    columns: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    by: str = "cost"
    cache_dir: Path = Path("runs/.cache")
    note: Callable[[str], None] = lambda message: None

    @property
    def palette(self) -> Palette:
        return PALETTES[self.style]


def need(library: str) -> Any:
    """Return a library of the `plot` extra; NnfsError with the install command if it is missing."""
    # matplotlib warns about font caches and unwritable homes, which do not affect the picture.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    # Settings meant for other programs, such as a notebook's backend, would change the pictures.
    hidden = {key: os.environ.pop(key) for key in SETTINGS if key in os.environ}
    os.environ["MATPLOTLIBRC"] = os.devnull
    try:
        return importlib.import_module(library)
    except ImportError:
        message = f"pictures need {library}, which is not installed: pip install '.[plot]'"
        raise NnfsError(message) from None
    except (OSError, ValueError) as error:
        message = f"{library} cannot be loaded: {error}; is the file ./matplotlibrc meant for it?"
        raise NnfsError(message) from None
    finally:
        del os.environ["MATPLOTLIBRC"]
        os.environ.update(hidden)


@contextmanager
def drawing(palette: Palette) -> Iterator[None]:
    """Give matplotlib the settings of a palette for the duration of a block."""
    matplotlib = need("matplotlib")
    # A matplotlibrc in this directory or at home would change the pictures.
    usual = {k: v for k, v in matplotlib.rcParamsDefault.items() if not k.startswith("backend")}
    settings = usual | {
        "figure.facecolor": palette.ground,
        "figure.figsize": (WIDTH, WIDTH),
        "savefig.facecolor": palette.ground,
        "axes.facecolor": palette.ground,
        "axes.edgecolor": palette.soft,
        "axes.labelcolor": palette.ink,
        "axes.titlesize": "medium",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.formatter.use_mathtext": False,
        "text.color": palette.ink,
        "text.parse_math": False,  # a column may be called "$"
        "text.usetex": False,
        "xtick.color": palette.soft,
        "ytick.color": palette.soft,
        "xtick.labelcolor": palette.ink,
        "ytick.labelcolor": palette.ink,
        "legend.frameon": False,
        "font.family": "sans-serif",
        "font.size": 10.0,
        "figure.constrained_layout.w_pad": 0.1,
        "figure.constrained_layout.h_pad": 0.1,
        "svg.fonttype": "none",
        "svg.hashsalt": "nnfs",  # the same picture is the same file
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # of a column's name, for example
        yield


def drawable(values: Array) -> Array:
    """Return values as float64 in the range of an axis: nan if not finite, else clipped to CEILING
    and, if positive, to FLOOR."""
    numbers = np.asarray(values, np.float64)
    shown = np.where(np.isfinite(numbers), np.clip(numbers, -CEILING, CEILING), np.nan)
    return np.where((shown > 0) & (shown < FLOOR), FLOOR, shown)


def figure(
    rows: int = 1, columns: int = 1, height: float = 4.0, width: float | None = None
) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes, row by row; sizes are inches.

    The default width is rcParams', set by `drawing` or, narrower, by a report.
    """
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    width = rcParams["figure.figsize"][0] if width is None else width
    made = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    axes: list[Axes] = made.subplots(rows, columns, squeeze=False).ravel().tolist()
    return made, axes


def render(made: Figure, suffix: str, palette: Palette) -> bytes:
    """Return a figure as the bytes of a file; equal figures give equal bytes.

    `suffix` is one of SUFFIXES.
    """
    undated: dict[str, dict[str, str | None]] = {
        "svg": {"Date": None},
        "pdf": {"CreationDate": None},
    }
    file = io.BytesIO()
    with drawing(palette):
        made.savefig(file, format=suffix, dpi=DPI, metadata=undated.get(suffix))
    return packing.packed(file, palette) if suffix == "png" else file.getvalue()


def colours(palette: Palette, count: int) -> list[str]:
    """Return `count` different colours: the palette's, then darker shades of them."""
    from matplotlib.colors import to_hex, to_rgb

    size = len(palette.series)
    hues = []
    for i in range(count):
        shade = 0.62 ** (i // size)
        hues.append(to_hex([shade * part for part in to_rgb(palette.series[i % size])]))
    return hues


def of_part(palette: Palette, part: str) -> str:
    """Return the colour of a part of the data: train or test."""
    return palette.test if part == "test" else palette.train


def name_of(run: Run) -> str:
    """Return a run's name: the last part of its path, or the last two for a run of a sweep."""
    path = run.path
    return f"{path.parent.name}/{path.name}" if path.name.isdecimal() else path.name


def is_log(scale: str, values: Array) -> bool:
    """Return whether an axis of finite values is logarithmic; FileError if it cannot be."""
    can = values.size > 0 and values.min() > 0
    if scale == "log" and not can:
        raise FileError("a logarithmic axis needs values above 0; use --scale linear")
    return bool(scale != "linear" and can and (scale == "log" or values.max() > 20 * values.min()))


def set_scale(axes: Axes, scale: str, values: Array, axis: str = "y") -> None:
    """Make an axis logarithmic if `scale` is log, or is auto and positive values span decades."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

    values = drawable(values)
    values = values[np.isfinite(values)]
    if not is_log(scale, values):
        return
    low, high = (float(np.log10(end)) for end in (values.min(), values.max()))
    chosen = getattr(axes, f"{axis}axis")
    extreme = high - low > 20 or low < -290 or high > 290
    if extreme:  # matplotlib's own margins and ticks would overflow
        margin = 0.05 * (high - low) or 0.5
        low, high = max(low - margin, log10(FLOOR)), min(high + margin, log10(CEILING))
        getattr(axes, f"set_{axis}lim")(10**low, 10**high)
    getattr(axes, f"set_{axis}scale")("log")
    if extreme:
        step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if high - low <= 8 * step)
        powers = range(step * ceil(low / step), floor(high) + 1, step)
        chosen.set_major_locator(FixedLocator([10.0**power for power in powers]))
        axes.minorticks_off()
    else:
        subs = (1.0,) if high - low > 2 else (1.0, 2.0, 5.0)
        chosen.set_major_locator(LogLocator(subs=subs))
    chosen.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    chosen.set_minor_formatter(NullFormatter())


def _tick(value: float) -> str:
    """Return the label of a tick, with ≤ or ≥ at a limit to which values are clipped."""
    beyond = "≤" if value <= 1.01 * FLOOR else "≥" if value >= 0.99 * CEILING else ""
    text = f"{value:.0e}" if value >= 1e5 and value == 10.0 ** round(log10(value)) else f"{value:g}"
    return beyond + re.sub(r"e([+-])0*", lambda m: "e" + m[1].strip("+"), text)


def legend_below(made: Figure, handles: list[Any] | None = None) -> None:
    """Add a legend below the axes, in as many columns as fit.

    The figure grows by the rows beyond the first, so a heading must be added afterwards.
    """
    if handles is None:
        handles = made.axes[0].get_legend_handles_labels()[0]
    room, size, beside = made.get_figwidth() - 0.3, 9.0, 0.62  # inches, points, inches
    for handle in handles:
        handle.set_label(lettering.shortened(handle.get_label(), room - beside, size))
    widest = max(lettering.width_of(handle.get_label(), size) for handle in handles)
    columns = max(1, min(int(room / (widest + beside)), len(handles)))
    rows = -(-len(handles) // columns)
    columns = -(-len(handles) // rows)  # balances the rows
    made.set_figheight(made.get_figheight() + 0.19 * (rows - 1))
    made.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=size)


def aside(axes: Axes, text: str, hue: str, palette: Palette, y: float = 0.5) -> Any:
    """Write text in a box across the middle of the axes, and return it."""
    box = {"boxstyle": "round,pad=0.35", "facecolor": palette.ground, "edgecolor": hue}
    middle = {"transform": axes.transAxes, "ha": "center", "va": "center", "zorder": 8}
    return axes.text(0.5, y, text, color=hue, fontsize=9, bbox=box, **middle)


def shades(palette: Palette) -> Any:
    """Return a colour map for amounts, pale enough for text on it."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    hue = palette.amount
    return LinearSegmentedColormap.from_list("shades", [to_rgba(hue, 0.04), to_rgba(hue, 0.6)])


def whole_numbers(axis: Any, most: int = 7) -> None:
    """Give an axis at most `most` ticks, at integers, with commas between thousands."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=most, integer=True, min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
