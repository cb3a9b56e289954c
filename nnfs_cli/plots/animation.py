"""A training in motion: the boundary or the fit, and the cost beside it, epoch by epoch.

The run is trained again from its configuration, to the same bits, and looked at on the way.
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

from nnfs_cli import experiment, prediction, runs
from nnfs_cli.core.activations import Array
from nnfs_cli.core.descent import descend
from nnfs_cli.errors import FileError, NnfsError
from nnfs_cli.experiment import Training
from nnfs_cli.plots import fits, planes, style
from nnfs_cli.plots.curves import cost_label
from nnfs_cli.plots.planes import Redraw
from nnfs_cli.plots.style import Axes, Figure, Look
from nnfs_cli.prediction import Model
from nnfs_cli.runs import Run

SUFFIXES = ("gif", "mp4")
FPS = 12
LINGER = 1.5  # seconds on the last frame
PIXELS = 100  # an inch


def frame_epochs(epochs: int, frames: int) -> list[int]:
    """Return at most so many epochs from 0 to the last, close at first, then further apart."""
    power = max(3.0, log(max(epochs, 1)) / log(frames))  # so that the first step is one epoch
    found = [0]
    for i in range(1, min(frames, epochs + 1)):
        found.append(max(found[-1] + 1, round(epochs * (i / (frames - 1)) ** power)))
    if epochs:
        found[-1] = epochs
    return found


def again(run: Run, look: Look, frames: int) -> Iterator[tuple[Training, Model]]:
    """Train a run once more, and yield the training and its model at each frame's epoch."""
    training = experiment.prepare(run.config, look.cache_dir)
    if run.facts.get("data_digest", training.data_digest) != training.data_digest:
        raise FileError(f"{run.path}: its data set has changed since it was trained")
    model = Model(run, training.network, training.params)
    stops = frame_epochs(run.facts.get("epochs", run.config.epochs), frames)
    clip, rate = run.config.gradient_clip, run.config.learning_rate
    for epoch in descend(training.backprop, rate, stops, gradient_clip=clip):
        training.epoch = epoch
        experiment.log(training)
        if not np.isfinite(training.params).all():
            return
        yield training, model


def scene(run: Run, look: Look) -> tuple[Figure, Callable[[Training, Model], None]]:
    """Return a figure with two axes, and what draws a moment of the training on it."""
    model = prediction.load(run)
    if model.known.classes is not None:
        planes.chosen_columns(model, look.columns)
    tables = planes.own_tables(model, look)
    made, (left, right) = style.figure(1, 2, height=3.2, width=7.2)
    made.set_dpi(PIXELS)
    redraw: Redraw
    if model.known.classes is not None:
        grid = planes.plane(model, tables, look.columns, 150, 130)
        redraw = planes.paint_boundary(left, model, tables, grid, look.palette, moves=True)
    elif len(model.known.columns) == 1:
        redraw = fits.paint_curve(left, model, tables, look.palette)
    else:
        redraw = fits.paint_truth(left, model, tables, look.palette)
    move = _cost_axes(right, run, look)
    title = made.suptitle(style.name_of(run), fontsize="medium")

    def show(training: Training, model: Model) -> None:
        redraw(model)
        move(training)
        title.set_text(f"{style.name_of(run)}: epoch {training.epoch:,}")

    return made, show


def _cost_axes(axes: Axes, run: Run, look: Look) -> Callable[[Training], None]:
    """Prepare the axes of the cost for the whole training; return what draws it so far."""
    lines = {
        key: axes.plot([], [], dash, color=hue, linewidth=1.8, label=label, markevery=[-1])[0]
        for key, label, hue, dash in zip(
            ("cost", "test_cost"),
            ("train", "test"),
            look.palette.series,
            ("o-", "o--"),
            strict=False,
        )
    }
    epochs = run.facts.get("epochs", run.config.epochs)
    axes.set(xlabel="epoch", ylabel=cost_label([run.config]))
    axes.set_xscale("symlog", linthresh=10)  # as the frames are spaced
    axes.set_xlim(0, max(epochs, 1))
    ticks = [0, *(10**k for k in range(1, 10) if 10**k <= epochs)]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()

    def move(training: Training) -> None:
        for key, line in lines.items():
            if key in training.log:
                line.set_data(training.log["epoch"], style.drawable(np.array(training.log[key])))

    return move


def film(run: Run, look: Look, frames: int, tell: Callable[[int], None]) -> Iterator[Array]:
    """Yield frames (height, width, 4) of bytes; `tell` is called with the number of each."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    made, show = scene(run, look)
    canvas = FigureCanvasAgg(made)
    costs = made.axes[1]
    limits = _limits(run)
    style.set_scale(costs, look.scale, limits)
    if limits.size:
        low, high = float(limits.min()), float(limits.max())
        is_log = costs.get_yscale() == "log"
        costs.set_ylim(low / 1.3 if is_log else low - 0.05 * (high - low or 1), high * 1.1)
    if any(key.startswith("test") for key in run.facts):
        costs.legend(fontsize=8, loc="upper right")
    for number, (training, model) in enumerate(again(run, look, frames), 1):
        show(training, model)
        canvas.draw()
        if number == 1:
            made.set_layout_engine("none")  # laid out once: nothing jumps, and it is quicker
        tell(number)
        yield np.array(canvas.buffer_rgba())


def _limits(run: Run) -> Array:
    """Return the finite costs that the run will pass, as it logged them."""
    logged = runs.read_log(run)
    found: Array = np.concatenate(
        [style.drawable(logged[k]) for k in ("cost", "test_cost") if k in logged]
    )
    return found[np.isfinite(found)]


def gif(pictures: Iterator[Array], look: Look) -> bytes:
    """Return frames as a GIF of one palette, for one that changes would flicker."""
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
    """Return at most 256 colours, three numbers each: those that are drawn, and their blends."""
    from matplotlib.colors import to_rgb

    ground, ink, soft = (np.array(to_rgb(hue)) for hue in look.palette[:3])
    hues = [np.array(to_rgb(hue)) for hue in look.palette.series]
    shaded = [ground + planes.SHADE * (hue - ground) for hue in hues]
    pairs = [(ground, end) for end in (*shaded, ink, soft, *hues)]
    pairs += [(end, ink) for end in shaded[:6]]
    pairs += list(itertools.pairwise([*hues[:3], hues[0]]))
    found = [a + share * (b - a) for a, b in pairs for share in np.linspace(0, 1, planes.STEPS + 1)]
    numbers = np.unique(np.round(np.array(found) * 255).astype(int), axis=0)
    return [int(v) for colour in numbers[:256] for v in colour]


def mp4(pictures: Iterator[Array], look: Look) -> bytes:
    """Return frames as an MP4, by ffmpeg; NnfsError without it."""
    import subprocess

    if not shutil.which("ffmpeg"):
        raise NnfsError("an MP4 needs ffmpeg, which is not installed; a GIF needs nothing more")
    first = next(pictures)
    height, width = (size - size % 2 for size in first.shape[:2])  # as the codec wants them
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
                pass  # ffmpeg says why
            told = process.stderr.read().decode(errors="replace").strip()
        if process.returncode or not path.exists():
            raise NnfsError(
                f"ffmpeg could not make the film: {told.splitlines()[-1:] or 'no word'}"
            )
        return path.read_bytes()


def animate(run: Run, look: Look, suffix: str, frames: int, tell: Callable[[int], None]) -> bytes:
    """Return the film of a run's training as a file of a suffix in SUFFIXES."""
    with style.drawing(look.palette):
        return (gif if suffix == "gif" else mp4)(film(run, look, frames, tell), look)
