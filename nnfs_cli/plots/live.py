"""A training on the terminal while it goes on: its cost and, of two columns, its boundary."""

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

SHARE = 0.08  # of the training's time that may be spent on pictures
FASTEST = 0.1  # seconds from one picture to the next
FIRST = 0.06  # seconds that the first picture is thought to take
BESIDE = 120  # letters across which there is room for two pictures
TALL = 24  # lines of a learning curve
MANY = 20_000  # samples that take long to read once more
REPLAY = 1.2  # seconds in which a training that was too short to be seen is shown once more
FRAMES = 24  # of such a replay, at most twice as many
FEW = 6  # pictures of a training that are no motion
KEPT = 2_000_000  # parameters of all moments that are kept
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


class Moment(NamedTuple):
    """A state of a training: its epoch, how many entries its log had, and its parameters."""

    epoch: int
    entries: int
    params: Array


class Moments:
    """Some states of a training, evenly spread over its pauses; copies, as it goes on."""

    def __init__(self, training: Training) -> None:
        self.training, self.found = training, list[Moment]()
        self.seen, self.stride = 0, 1
        self.most = min(2 * FRAMES, KEPT // training.params.size)

    def note(self) -> None:
        """Keep the present state, if its turn has come; every second one when there are many."""
        if self.seen % self.stride == 0 and self.training.log:
            self.found.append(now(self.training)._replace(params=self.training.params.copy()))
            if len(self.found) > self.most:
                self.found, self.stride = self.found[::2], 2 * self.stride
        self.seen += 1


def now(training: Training) -> Moment:
    """Return the present state of a training, its parameters not copied."""
    return Moment(training.epoch, len(training.log["epoch"]), training.params)


def is_over(training: Training) -> bool:
    """Return whether a training came to its end, good or bad, and was not interrupted."""
    return training.epoch == training.config.epochs or not (
        np.isfinite(training.params).all() and isfinite(training.figures["cost"])
    )


@contextmanager
def window(
    training: Training, path: Path, cached: Path, rest: Callable[[float], object] = sleep
) -> Iterator[Callable[[], None]]:
    """Yield what draws the training's state on stderr if there is time; draw it at the end.

    A training that was over before it could be seen is shown once more from what was kept of it,
    in REPLAY seconds; `rest` is called between its pictures.
    """
    budget, first, moments = Budget(), training.epoch, Moments(training)
    run = Run(path, training.config, training.encoding, {})
    tables: Tables | None = None
    drawn, pictured = 0, 0

    def draw(moment: Moment, how: str = "") -> None:
        nonlocal tables, drawn, pictured
        model = Model(run, training.network, moment.params)
        if tables is None:
            tables = samples(model, cached)
        shown = terminal.screen(sys.stderr)
        pace = (training.epoch - first) / max(budget.trained, 1e-9)
        head = f"{path}: epoch {moment.epoch:,} of {training.config.epochs:,}"
        head += how or f", {pace:,.0f} epochs/s"
        log = {key: values[: moment.entries] for key, values in training.log.items()}
        over = moment.epoch == training.epoch and is_over(training)
        lines = [head[: shown.width], *pictures(log, model, tables, shown, is_over=over)]
        _write_over(lines, drawn)
        drawn, pictured = len(lines), pictured + 1

    def report() -> None:
        moments.note()
        if training.log and budget.allows():
            with budget.spending():
                draw(now(training))

    try:
        yield report
        if pictured < FEW and training.log and is_over(training):
            with budget.spending():
                begin = budget.clock()
                for moment in moments.found:
                    draw(moment, ", slowed down")
                    rest(REPLAY / len(moments.found))
                    if budget.clock() - begin > 2 * REPLAY:  # for pictures that take long
                        break
    finally:
        if training.log:
            draw(now(training))
        with suppress(OSError):
            sys.stderr.write(SHOW)
            sys.stderr.flush()


def _write_over(lines: list[str], drawn: int) -> None:
    """Write lines on stderr in the place of those that were drawn before."""
    back = f"\r\033[{drawn}A" if drawn else "\r"
    text = HIDE + back + "".join(f"{line}\033[K\n" for line in lines) + "\033[J"
    with suppress(OSError):
        sys.stderr.write(letters.written(text, sys.stderr.encoding))
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
            shown = shown._replace(height=shown.height - 2)
            lines = cost(training.log, training.config, shown, is_over=is_over(training))
            with suppress(OSError):
                sys.stderr.write(letters.written("\n".join([*lines, ""]), sys.stderr.encoding))


def samples(model: Model, cached: Path) -> Tables:
    """Return the samples to draw with the boundary; none if there is no plane for it."""
    if model.known.samples > MANY or len(model.known.columns) != 2 or model.known.classes is None:
        return {}
    try:
        return boundary.own_tables(model, Look(cache_dir=cached))
    except FileError:  # a file that has changed since the training read it
        return {}


def cost(log: Log, config: Config, shown: Screen, *, is_over: bool = False) -> list[str]:
    """Return the learning curve so far, in at most TALL lines; when it is over, what is wrong."""
    found = curves.of_log(log)
    hues = [terminal.PARTS[part] for part in terminal.PARTS][: len(found)]
    shown = shown._replace(height=min(shown.height, TALL))
    told = titles.fault_in(log) if is_over else ""
    return terminal.chart(found, curves.cost_label([config]), "auto", shown, hues=hues, fault=told)


def pictures(
    log: Log, model: Model, tables: Tables, shown: Screen, *, is_over: bool = False
) -> list[str]:
    """Return cost and boundary, beside or under each other, as lines that fill the screen."""
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
    """Return two pictures side by side; what colours a line takes no room."""
    return [
        a + " " * max(width - len(COLOURS.sub("", a)), 0) + b
        for a, b in zip_longest(left, right, fillvalue="")
    ]
