"""A training on the terminal while it goes on: its cost and, of two columns, its boundary."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from time import perf_counter

from nnfs_cli.errors import FileError
from nnfs_cli.experiment import Training
from nnfs_cli.plots import curves, planes, style, terminal
from nnfs_cli.plots.planes import Tables
from nnfs_cli.plots.style import Look
from nnfs_cli.plots.terminal import Screen
from nnfs_cli.prediction import Model
from nnfs_cli.runs import Run, cache_dir

SHARE = 0.08  # of the training's time that may be spent on pictures
FASTEST = 0.1  # seconds from one picture to the next
FIRST = 0.06  # seconds that the first picture is thought to take
BESIDE = 120  # letters across which there is room for two pictures
MANY = 20_000  # samples that take long to read once more
HIDE, SHOW = "\033[?25l", "\033[?25h"  # the cursor
COLOURS = re.compile("\033\\[[0-9;]*m")


class Budget:
    """Says when to draw, so that pictures take no more than SHARE of the training's time."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self.clock = clock
        self.start = self.last = clock()
        self.spent, self.expected = 0.0, FIRST

    @property
    def trained(self) -> float:
        """Seconds since the start that were not spent on pictures."""
        return self.clock() - self.start - self.spent

    def allows(self) -> bool:
        """Return whether there is time for a picture now."""
        now = self.clock()
        afford = self.spent + self.expected <= SHARE * (now - self.start - self.spent)
        return afford and now - self.last >= FASTEST

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count what is done meanwhile."""
        before = self.clock()
        yield
        self.last = self.clock()
        took = self.last - before
        self.spent, self.expected = self.spent + took, max(took, self.expected / 2)


def possible(picture: str, quiet: bool) -> str:
    """Return how a training can be shown, `live` or `plot`, if `picture` is wanted.

    Raises NnfsError where what draws is not installed, which is better told before a training.
    """
    style.need("plotille")
    if picture == "live" and not sys.stderr.isatty():
        if not quiet:
            sys.stderr.write("--live needs a terminal; the cost is drawn at the end\n")
        return "plot"
    return picture


def pictured(
    progress: AbstractContextManager[Callable[[], None]],
    picture: str,
    training: Training,
    path: Path,
) -> AbstractContextManager[Callable[[], None]]:
    """Return what shows a training: `live` in a window, `plot` in words and a picture at last."""
    if picture == "live":
        return window(training, path, cache_dir(path.parent))
    return afterwards(training, progress)


@contextmanager
def window(training: Training, path: Path, cached: Path) -> Iterator[Callable[[], None]]:
    """Yield what draws the training's state on stderr if there is time; draw it at the end."""
    budget, first = Budget(), training.epoch
    model = Model(
        Run(path, training.config, training.encoding, {}), training.network, training.params
    )
    tables: Tables | None = None
    drawn = 0

    def draw() -> None:
        nonlocal tables, drawn
        if tables is None:
            tables = samples(model, cached)
        shown = terminal.screen(sys.stderr)
        pace = (training.epoch - first) / max(budget.trained, 1e-9)
        head = f"{path}: epoch {training.epoch:,} of {training.config.epochs:,}"
        head += f", {pace:,.0f} epochs/s"
        lines = [head[: shown.width], *pictures(training, model, tables, shown)]
        back = f"\r\033[{drawn}A" if drawn else "\r"
        with suppress(OSError):
            sys.stderr.write(HIDE + back + "".join(f"{line}\033[K\n" for line in lines) + "\033[J")
            sys.stderr.flush()
        drawn = len(lines)

    def report() -> None:
        if training.log and budget.allows():
            with budget.spending():
                draw()

    try:
        yield report
    finally:
        if training.log:
            draw()
        with suppress(OSError):
            sys.stderr.write(SHOW)
            sys.stderr.flush()


@contextmanager
def afterwards(
    training: Training, progress: AbstractContextManager[Callable[[], None]]
) -> Iterator[Callable[[], None]]:
    """Yield what tells the progress; at the end, draw the cost on stderr."""
    try:
        with progress as report:
            yield report
    finally:
        if training.log:
            shown = terminal.screen(sys.stderr)
            lines = cost(training, shown._replace(height=min(shown.height - 2, 24)))
            code = sys.stderr.encoding or "utf-8"
            with suppress(OSError):
                sys.stderr.write("\n".join([*lines, ""]).encode(code, "replace").decode(code))


def samples(model: Model, cached: Path) -> Tables:
    """Return the samples to draw with the boundary; none if there is no plane for it."""
    if model.known.samples > MANY or len(model.known.columns) != 2 or model.known.classes is None:
        return {}
    try:
        return planes.own_tables(model, Look(cache_dir=cached))
    except FileError:  # a file that has changed since the training read it
        return {}


def cost(training: Training, shown: Screen) -> list[str]:
    """Return the learning curve so far."""
    found = curves.of_log(training.log)
    return terminal.chart(found, curves.cost_label([training.config]), "auto", shown)


def pictures(training: Training, model: Model, tables: Tables, shown: Screen) -> list[str]:
    """Return cost and boundary, beside or under each other, as lines that fill the screen."""
    height = shown.height - 3
    if not tables:
        return cost(training, shown._replace(height=min(height, 24)))
    if shown.width < BESIDE:
        half = shown._replace(height=max(height // 2, 8))
        grid = terminal.plane(model, tables, (), half)
        return [*cost(training, half), *terminal.field(model, tables, grid, half)]
    half = shown._replace(width=shown.width // 2, height=min(height, 32))
    grid = terminal.plane(model, tables, (), half)
    return beside(cost(training, half), terminal.field(model, tables, grid, half), half.width)


def beside(left: list[str], right: list[str], width: int) -> list[str]:
    """Return two pictures side by side; what colours a line takes no room."""
    return [
        a + " " * max(width - len(COLOURS.sub("", a)), 0) + b
        for a, b in zip_longest(left, right, fillvalue="")
    ]
