"""A training drawn in the terminal while it runs: its cost and, over two columns, its boundary."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import zip_longest
from math import isfinite
from pathlib import Path
from time import perf_counter, sleep
from typing import NamedTuple, TypeAlias

import numpy as np

from nnfs_cli.config.schema import Config
from nnfs_cli.core.activations import Array
from nnfs_cli.errors import FileError
from nnfs_cli.plots import boundary, curves, letters, style, terminal, titles
from nnfs_cli.plots.boundary import Tables
from nnfs_cli.plots.style import Look
from nnfs_cli.plots.terminal import Screen
from nnfs_cli.runs.directory import cache_dir
from nnfs_cli.runs.model import Model
from nnfs_cli.runs.record import Run
from nnfs_cli.training.setup import Training

Log: TypeAlias = Mapping[str, list[float]]

SHARE = 0.08  # time for pictures, as a share of the training's
FASTEST = 0.1  # least time between two pictures, seconds
FIRST = 0.06  # expected time of the first picture, seconds
BESIDE = 120  # least width for two pictures side by side, characters
TALL = 24  # greatest height of a learning curve, lines
MANY = 20_000  # samples at most for the boundary: they are read again
REPLAY = 1.2  # length of the replay of a training too short to be seen, seconds
FRAMES = 24  # pictures of a replay, at most twice as many
FEW = 6  # pictures below which a training is replayed
KEPT = 2_000_000  # parameters of all moments kept for a replay
HIDE, SHOW = "\033[?25l", "\033[?25h"  # hide and show the cursor
COLOURS = re.compile("\033\\[[0-9;]*m")


class Budget:
    """A limit on drawing: pictures take at most SHARE of the training's time."""

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
        """Count the time of a block as spent on pictures."""
        before = self.clock()
        yield
        self.last = self.clock()
        took = self.last - before
        self.spent, self.expected = self.spent + took, max(took, self.expected / 2)


def possible(picture: str, quiet: bool) -> str:
    """Return the picture that is possible here: `plot` instead of `live` without a terminal.

    Raises NnfsError before the training if plotille is not installed.
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
    """Return the display of a training: `live` draws while it runs, `plot` once it has ended."""
    if picture == "live":
        return window(training, path, cache_dir(path.parent))
    return afterwards(training, progress)


class Moment(NamedTuple):
    """A state of a training: its epoch, the number of log entries, and its parameters."""

    epoch: int
    entries: int
    params: Array


class Moments:
    """Copies of some states of a training, evenly spread over its pauses."""

    def __init__(self, training: Training) -> None:
        self.training, self.kept = training, list[Moment]()
        self.seen, self.stride = 0, 1
        self.most = min(2 * FRAMES, KEPT // training.params.size)

    def note(self) -> None:
        """Copy the present state if it is due; with too many, drop every second one."""
        if self.seen % self.stride == 0 and self.training.log:
            self.kept.append(now(self.training)._replace(params=self.training.params.copy()))
            if len(self.kept) > self.most:
                self.kept, self.stride = self.kept[::2], 2 * self.stride
        self.seen += 1


def now(training: Training) -> Moment:
    """Return the present state of a training, its parameters not copied."""
    return Moment(training.epoch, len(training.log["epoch"]), training.params)


def is_over(training: Training) -> bool:
    """Return whether a training has finished or diverged; false if it was interrupted."""
    return training.epoch == training.config.epochs or not (
        np.isfinite(training.params).all() and isfinite(training.figures["cost"])
    )


class Window:
    """The lines on stderr in which a training is drawn, each time over the last ones."""

    def __init__(self, training: Training, path: Path, cached: Path) -> None:
        self.training, self.path, self.cached = training, path, cached
        self.budget, self.first = Budget(), training.epoch
        self.run = Run(path, training.config, training.encoding, {})
        self.tables: Tables | None = None
        self.lines, self.pictures = 0, 0

    def draw(self, moment: Moment, pace: str = "") -> None:
        """Draw a state of the training; `pace` is by default the number of epochs per second."""
        training = self.training
        model = Model(self.run, training.network, moment.params)
        if self.tables is None:
            self.tables = samples(model, self.cached)
        shown = terminal.screen(sys.stderr)
        speed = (training.epoch - self.first) / max(self.budget.trained, 1e-9)
        head = f"{self.path}: epoch {moment.epoch:,} of {training.config.epochs:,}, "
        head += pace or f"{speed:,.0f} epochs/s"
        log = {key: values[: moment.entries] for key, values in training.log.items()}
        over = moment.epoch == training.epoch and is_over(training)
        lines = [head[: shown.width], *pictures(log, model, self.tables, shown, is_over=over)]
        _write_over(lines, self.lines)
        self.lines, self.pictures = len(lines), self.pictures + 1

    def replay(self, moments: list[Moment], rest: Callable[[float], object]) -> None:
        """Draw some states again within about REPLAY seconds, with rests in between."""
        with self.budget.spending():
            begin = self.budget.clock()
            for moment in moments:
                self.draw(moment, "slowed down")
                rest(REPLAY / len(moments))
                if self.budget.clock() - begin > 2 * REPLAY:  # on a slow terminal
                    break


@contextmanager
def window(
    training: Training, path: Path, cached: Path, rest: Callable[[float], object] = sleep
) -> Iterator[Callable[[], None]]:
    """Yield a function that draws the training's state on stderr if there is time for it.

    The end is always drawn. A training that ended before it could be seen is replayed from some of
    its states; `rest` is called between their pictures.
    """
    shown, moments = Window(training, path, cached), Moments(training)

    def report() -> None:
        moments.note()
        if training.log and shown.budget.allows():
            with shown.budget.spending():
                shown.draw(now(training))

    try:
        yield report
        if shown.pictures < FEW and training.log and is_over(training):
            shown.replay(moments.kept, rest)
    finally:
        if training.log:
            shown.draw(now(training))
        with suppress(OSError):
            sys.stderr.write(SHOW)
            sys.stderr.flush()


def _write_over(lines: list[str], drawn: int) -> None:
    """Write lines on stderr over the `drawn` lines before them."""
    back = f"\r\033[{drawn}A" if drawn else "\r"
    text = HIDE + back + "".join(f"{line}\033[K\n" for line in lines) + "\033[J"
    with suppress(OSError):
        sys.stderr.write(letters.written(text, sys.stderr.encoding))
        sys.stderr.flush()


@contextmanager
def afterwards(
    training: Training, progress: AbstractContextManager[Callable[[], None]]
) -> Iterator[Callable[[], None]]:
    """Yield the progress display's report function; draw the cost on stderr at the end."""
    try:
        with progress as report:
            yield report
    finally:
        if training.log:
            shown = terminal.screen(sys.stderr)
            shown = shown._replace(height=shown.height - 2)
            lines = cost(training.log, training.config, shown, is_over=is_over(training))
            with suppress(OSError):
                sys.stderr.write(letters.written("\n".join([*lines, ""]), sys.stderr.encoding))


def samples(model: Model, cached: Path) -> Tables:
    """Return the samples to draw with the boundary, {} if no boundary can be drawn."""
    if model.known.samples > MANY or len(model.known.columns) != 2 or model.known.classes is None:
        return {}
    try:
        return boundary.own_tables(model, Look(cache_dir=cached))
    except FileError:  # a file that has changed since the training read it
        return {}


def cost(log: Log, config: Config, shown: Screen, *, is_over: bool = False) -> list[str]:
    """Return the learning curve so far, in at most TALL lines; at the end, with a failure."""
    drawn = curves.of_log(log)
    hues = [terminal.PARTS[part] for part in terminal.PARTS][: len(drawn)]
    shown = shown._replace(height=min(shown.height, TALL))
    fault = titles.fault_in(log) if is_over else ""
    return terminal.chart(drawn, curves.cost_label([config]), "auto", shown, hues=hues, fault=fault)


def pictures(
    log: Log, model: Model, tables: Tables, shown: Screen, *, is_over: bool = False
) -> list[str]:
    """Return cost and boundary as lines that fill the screen, side by side if there is room."""
    height, config = shown.height - 3, model.run.config
    if not tables:
        return cost(log, config, shown._replace(height=height), is_over=is_over)
    if shown.width < BESIDE:
        half = shown._replace(height=max(height // 2, 8))
        grid = terminal.plane(model, tables, (), half)
        costs = cost(log, config, half, is_over=is_over)
        return [*costs, *terminal.field(model, tables, grid, half)]
    half = shown._replace(width=shown.width // 2, height=min(height, TALL + 8))
    grid = terminal.plane(model, tables, (), half)
    costs = cost(log, config, half, is_over=is_over)
    return beside(costs, terminal.field(model, tables, grid, half), half.width)


def beside(left: list[str], right: list[str], width: int) -> list[str]:
    """Return two pictures side by side; colour codes do not count as width."""
    return [
        a + " " * max(width - len(COLOURS.sub("", a)), 0) + b
        for a, b in zip_longest(left, right, fillvalue="")
    ]
