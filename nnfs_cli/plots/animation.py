"""Animate a training: the boundary or the fit, with the cost beside it.

The run is trained again from its configuration, and drawn at some epochs.
"""

from __future__ import annotations

import io
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.errors import Diverged, FileError, NnfsError
from nnfs_cli.plots import boundary, lettering, regression, style, titles
from nnfs_cli.plots.boundary import Redraw
from nnfs_cli.plots.curves import cost_label, mark_failure
from nnfs_cli.plots.style import Axes, Figure, Look
from nnfs_cli.runs import model as models
from nnfs_cli.runs import record
from nnfs_cli.runs.model import Model
from nnfs_cli.runs.record import Run
from nnfs_cli.training import loop, setup
from nnfs_cli.training.setup import Training

SUFFIXES = ("gif", "mp4")
FPS = 12
LINGER = 1.5  # time on the last frame, seconds
PIXELS = 100  # per inch


def frame_epochs(epochs: int, frames: int) -> list[int]:
    """Return at most `frames` epochs from 0 to the last: dense at first, then further apart."""
    power = max(3.0, log(max(epochs, 1)) / log(frames))  # so that the first step is one epoch
    stops = [0]
    for i in range(1, min(frames, epochs + 1)):
        stops.append(max(stops[-1] + 1, round(epochs * (i / (frames - 1)) ** power)))
    if epochs:
        stops[-1] = epochs
    return stops


def again(run: Run, look: Look, frames: int) -> Iterator[tuple[Training, Model]]:
    """Train a run again, and yield the training and its model at each frame's epoch.

    The frame at which it diverges is the last one.
    """
    training = setup.prepare(run.config, look.cache_dir)
    if run.facts.get("data_digest", training.data_digest) != training.data_digest:
        raise FileError(f"{run.path}: its data set has changed since it was trained")
    model = Model(run, training.network, training.params)
    stops = frame_epochs(run.facts.get("epochs", run.config.epochs), frames)
    try:
        for _ in loop.train(training, at=stops):
            yield training, model
    except Diverged:
        yield training, model


def is_over(training: Training, run: Run) -> bool:
    """Return whether this is the run's last epoch, or it has diverged."""
    last = run.facts.get("epochs", run.config.epochs)
    return bool(training.epoch == last or loop.has_diverged(training))


def scene(run: Run, look: Look) -> tuple[Figure, Callable[[Training, Model], None]]:
    """Return a figure with two axes, and a function that draws the training's state on it."""
    model = models.load(run)
    if model.known.classes is not None:
        boundary.chosen_columns(model, look.columns)
    tables = boundary.own_tables(model, look)
    made, (left, right) = style.figure(1, 2, height=3.2, width=7.2)
    made.set_dpi(PIXELS)
    redraw: Redraw
    if model.known.classes is not None:
        grid = boundary.plane(model, tables, look.columns, 150, 130)
        redraw = boundary.paint_boundary(left, model, tables, grid, look.palette, moves=True)
    elif len(model.known.columns) == 1:
        redraw = regression.paint_curve(left, model, tables, look.palette)
    else:
        redraw = regression.paint_truth(left, model, tables, look.palette)
    move = _cost_axes(right, run, look)
    handles, _ = right.get_legend_handles_labels()
    if len(handles) > 1:
        style.legend_below(made, handles)
    name, fault = lettering.plain(style.name_of(run)), titles.fault_of(run)
    end = run.facts.get("epochs", run.config.epochs)
    title, _, *faults = lettering.heading(
        made,
        look.palette,
        f"{name}: epoch 0 of {end:,}",
        [lettering.shortened(titles.details(run)[0], 6.9, lettering.DETAIL)],
        fault,
    )
    fault_texts = [text.get_text() for text in faults]

    def show(training: Training, model: Model) -> None:
        redraw(model)
        move(training)
        title.set_text(f"{name}: epoch {training.epoch:,} of {end:,}")
        for text, words in zip(faults, fault_texts, strict=True):
            text.set_text(words if is_over(training, run) else "")

    return made, show


def _cost_axes(axes: Axes, run: Run, look: Look) -> Callable[[Training], None]:
    """Prepare the cost's axes for the whole training; return a function that draws it so far."""
    epochs = run.facts.get("epochs", run.config.epochs)
    lines = {
        key: axes.plot([], [], dash, label=part, linewidth=1.8, markevery=[-1])[0]
        for key, part, dash in (("cost", "train", "o-"), ("test_cost", "test", "D--"))
        if key in record.read_log(run)
    }
    for line in lines.values():
        line.set_color(style.of_part(look.palette, line.get_label()))
    axes.set(xlabel="epoch", ylabel=cost_label([run.config]))
    axes.set_xscale("symlog", linthresh=10)  # as the frames are spaced
    axes.set_xlim(0, max(epochs, 1))
    ticks = [0, *(10**k for k in range(1, 10) if 10**k <= epochs)]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    failure = titles.failure_of(run)

    def move(training: Training) -> None:
        for key, line in lines.items():
            values = style.drawable(np.array(training.log[key]))
            finite = np.isfinite(values)  # the marker belongs on the last finite cost
            line.set_data(np.array(training.log["epoch"])[finite], values[finite])
        here = titles.failure_in(training.log, "diverged")
        if failure and here and is_over(training, run):
            mark_failure(axes, here, look.palette)

    return move


def film(run: Run, look: Look, frames: int, tell: Callable[[int], None]) -> Iterator[Array]:
    """Yield frames (height, width, 4) of bytes, and call `tell` with the number of each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    made, show = scene(run, look)
    canvas = FigureCanvasAgg(made)
    costs = made.axes[1]
    limits = _limits(run, look, frames)
    style.set_scale(costs, look.scale, limits)
    if limits.size:
        low, high = float(limits.min()), float(limits.max())
        is_log = costs.get_yscale() == "log"
        costs.set_ylim(low / 1.3 if is_log else low - 0.05 * (high - low or 1), high * 1.1)
    for number, (training, model) in enumerate(again(run, look, frames), 1):
        show(training, model)
        canvas.draw()
        if number == 1:
            made.set_layout_engine("none")  # one layout for all frames: steady and faster
        tell(number)
        yield np.array(canvas.buffer_rgba())


def _limits(run: Run, look: Look, frames: int) -> Array:
    """Return the finite costs that the film shows: the logged ones and, if the run diverged, those
    of the frames, which are often far higher."""
    logs: list[Any] = [record.read_log(run)]
    if titles.failure_of(run):
        logs += [training.log for training, _ in again(run, look, frames)][-1:]
    every = [style.drawable(log[k]) for log in logs for k in ("cost", "test_cost") if k in log]
    costs: Array = np.concatenate(every)
    return costs[np.isfinite(costs)]


def gif(pictures: Iterator[Array], look: Look) -> bytes:
    """Return frames as a GIF with one palette; a changing palette would flicker."""
    from PIL import Image

    frames: list[Any] = [Image.fromarray(picture).convert("RGB") for picture in pictures]
    if not frames:
        raise NnfsError("there is nothing to show: the network is not finite before it starts")
    palette = Image.new("P", (1, 1))
    palette.putpalette(gif_palette(look))
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    file = io.BytesIO()
    each = [1000 // FPS] * (len(frames) - 1) + [int(1000 * LINGER)]
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=each, loop=0, optimize=False
    )
    return file.getvalue()


def gif_palette(look: Look) -> list[int]:
    """Return at most 256 colours, three numbers each: those drawn, and their blends."""
    from matplotlib.colors import to_rgb

    ground, ink, soft = (np.array(to_rgb(hue)) for hue in look.palette[:3])
    hues = [np.array(to_rgb(hue)) for hue in look.palette.series]
    shaded = [ground + boundary.SHADE * (hue - ground) for hue in hues]
    others = [
        np.array(to_rgb(hue)) for hue in (look.palette.train, look.palette.test, look.palette.fault)
    ]
    pairs = [(ground, end) for end in (*shaded, ink, soft, *hues, *others)]
    pairs += [(end, ink) for end in shaded[:6]]
    pairs += list(itertools.pairwise([*hues[:3], hues[0]]))
    blends = [
        a + share * (b - a) for a, b in pairs for share in np.linspace(0, 1, boundary.STEPS + 1)
    ]
    numbers = np.unique(np.round(np.array(blends) * 255).astype(int), axis=0)
    return [int(v) for colour in numbers[:256] for v in colour]


def mp4(pictures: Iterator[Array], look: Look) -> bytes:
    """Return frames as an MP4 made by ffmpeg. Raises NnfsError if that is not installed."""
    import subprocess

    if not shutil.which("ffmpeg"):
        raise NnfsError("an MP4 needs ffmpeg, which is not installed; a GIF needs nothing more")
    first = next(pictures)
    height, width = (size - size % 2 for size in first.shape[:2])  # the codec requires even sizes
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        command = ["ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgba"]
        command += ["-s", f"{width}x{height}", "-r", str(FPS), "-i", "-", "-pix_fmt", "yuv420p"]
        command += ["-vf", f"tpad=stop_mode=clone:stop_duration={LINGER}", str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            try:
                for picture in (first, *pictures):
                    process.stdin.write(np.ascontiguousarray(picture[:height, :width]).tobytes())
                process.stdin.close()
            except BrokenPipeError:
                pass  # ffmpeg's last line on stderr has the reason
            messages = process.stderr.read().decode(errors="replace").strip()
        if process.returncode or not path.exists():
            reason = next(reversed(messages.splitlines()), "no message")
            raise NnfsError(f"ffmpeg could not make the film: {reason}")
        return path.read_bytes()


def animate(run: Run, look: Look, suffix: str, frames: int, tell: Callable[[int], None]) -> bytes:
    """Return the film of a run's training as the bytes of a GIF or MP4, by suffix."""
    with style.drawing(look.palette):
        return (gif if suffix == "gif" else mp4)(film(run, look, frames, tell), look)
