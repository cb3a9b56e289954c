"""Results as a Markdown page and a figure."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.contest import COMMAND, US, Result, Run
from benchmarks.measure import Spread, ratios, spread
from benchmarks.sides import SIDES
from benchmarks.startup import Start

NOTEWORTHY = 0.05  # seconds of compiling from which the table shows them
PRODUCTS = "matrix products only"
INTRODUCTION = """\
# Performance

Written by `python -m benchmarks`; do not edit.

{machine}.
{versions}.
{date}. {rounds}.

Every side gets the same data, initial parameters, epochs, dtype and number of threads, and as many
cores as threads; it may use any kernels that this processor supports. The sides run in turns. A
time is the median of all rounds. A ratio is the side's time divided by that of nnfs in the same
round: median (lowest to highest); above 1, nnfs is faster. *Whole process* is the time a shell
would measure: starting Python, importing, reading the data, compiling, training and saving. For
nnfs it is the command `nnfs` if a configuration can express the job. *Compiling* is included in it.
*In the loop* is the time of training only, in a separate process that has trained for one epoch
before.

PyTorch and JAX are written in their fastest form, not their shortest. The articles' code also
computes cost and accuracy at every epoch, as published; nnfs logs both every 100 epochs, its
default."""


def render(
    start: dict[str, Start] | None,
    results: Sequence[Result],
    sizes: Sequence[Result],
    rounds: int,
    missing: Sequence[str],
) -> str:
    """Return the report as Markdown."""
    parts = [
        INTRODUCTION.format(
            machine=machine(),
            versions=versions(),
            date=date.today().isoformat(),
            rounds=plural(rounds, "round"),
        )
    ]
    if missing:
        parts.append(f"Left out because not installed: {', '.join(missing)}.")
    if results:
        parts.append("![Time of each side divided by that of nnfs](performance.svg)")
    if start:
        parts.append(start_section(start))
    parts += [section(result) for result in results]
    if sizes:
        parts.append(sizes_section(sizes))
    return "\n\n".join(parts) + "\n"


def start_section(start: dict[str, Start]) -> str:
    """Return the section about start-up times."""
    rows = [
        [
            f"`{name}`",
            time(taken.seconds.median),
            around(taken.units),
            around(taken.one_thread_units),
        ]
        for name, taken in start.items()
    ]
    head = ["", "whole process", "relative to the first", "relative to the second"]
    return "## start\n\n" + table(head, rows)


def section(result: Result) -> str:
    """Return a job's section: description, table and notes."""
    job, ours = result.job, result.runs[US]
    rows = []
    for name, runs in result.runs.items():
        alone = name == PRODUCTS
        row = [name + mark(result, name)]
        row += ["", ""] if alone else pair([r.whole for r in runs], [r.whole for r in ours])
        compiling = spread([r.compile for r in runs]).median
        row += [time(compiling) if compiling > NOTEWORTHY else ""]
        row += pair([r.loop for r in runs], [r.loop for r in ours])
        row += ["" if alone else f"{result.costs[name]:.7g}"]
        if job.name == "long":
            row.append("" if alone else megabytes(runs))
        rows.append(row)
    head = ["", "whole process", "/ nnfs", "compiling", "in the loop", "/ nnfs", "cost"]
    if job.name == "long":
        head.append("memory beyond the data")
    return "\n\n".join([f"## {job.title}\n\n{job.describe()}.", table(head, rows), notes(result)])


def notes(result: Result) -> str:
    """Return notes: sides with the same cost, with another cost, changed or left out."""
    agreeing = [
        name for name in result.costs if name not in result.astray and not mark(result, name)
    ]
    lines = []
    if len(agreeing) > 1:
        lines.append(
            f"Same cost: {', '.join(agreeing)} (at most {result.error:.1e} relative difference)."
        )
    lines += [
        f"**Different cost**: {name}, {e:.1e} from nnfs." for name, e in result.astray.items()
    ]
    lines += [
        f"\\* {name}: {SIDES[name].differs[result.job.name]}; its cost is not compared."
        for name in result.costs
        if mark(result, name)
    ]
    reasons: dict[str, list[str]] = {}
    for name, reason in result.missing.items():
        reasons.setdefault(reason, []).append(name)
    lines += [f"Left out: {', '.join(names)} ({reason})." for reason, names in reasons.items()]
    return "\n".join(f"- {line}" for line in lines)


def mark(result: Result, name: str) -> str:
    """Return an asterisk for a side that solves a changed problem, else an empty string."""
    if name in (PRODUCTS, COMMAND):
        return ""
    return " \\*" if result.job.name in SIDES[name].differs else ""


def sizes_section(sizes: Sequence[Result]) -> str:
    """Return the table of nnfs at increasing numbers of samples."""
    rows = []
    for result in sizes:
        job, runs = result.job, result.runs[US]
        loop = spread([run.loop for run in runs])
        rows.append(
            [
                f"{job.samples:,}",
                f"{loop.median / job.epochs / job.samples * 1e9:.1f} ns",
                megabytes(runs),
            ]
        )
    return "## long, by number of samples\n\n" + table(
        ["samples", "time per sample and epoch", "memory beyond the data"], rows
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are right-aligned."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def pair(values: Sequence[float], ours: Sequence[float]) -> list[str]:
    """Return a time and its ratio to that of nnfs, as text."""
    return [time(spread(values).median), "" if values == ours else around(ratios(values, ours))]


def time(seconds: float) -> str:
    """Return a time as text in s, ms or us."""
    for unit, scale in (("s", 1), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def around(ratio: Spread) -> str:
    """Return a ratio and its spread as text."""
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def megabytes(runs: Sequence[Run]) -> str:
    """Return the largest memory that a run needed beyond its data, as text."""
    told = [run.memory for run in runs if run.memory is not None]
    return f"{max(told) / 2**20:.1f} MiB" if told else "?"


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def machine() -> str:
    """Return processor, cores and system in one line."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(": ")[1] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {plural(os.cpu_count() or 1, 'core')}, {platform.system()}"


def versions() -> str:
    """Return the versions of Python and of every package that takes part."""
    packages = dict.fromkeys(package for side in SIDES.values() for package in side.packages)
    numbers = {"Python": platform.python_version()} | {name: known(name) for name in packages}
    return ", ".join(f"{name} {number}" for name, number in numbers.items() if number)


def known(package: str) -> str | None:
    """Return a package's version, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def write(directory: Path, text: str, results: Sequence[Result]) -> None:
    """Write performance.md and, if matplotlib is installed, performance.svg."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        draw(directory / "performance.svg", results)
    except ImportError:
        text = text.replace(
            "![Time of each side divided by that of nnfs](performance.svg)",
            "(No figure: matplotlib is not installed.)",
        )
    (directory / "performance.md").write_text(text)


def draw(path: Path, results: Sequence[Result]) -> None:
    """Draw each side's time divided by that of nnfs: whole process and in the loop."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.55 * len(results) + 1.6), layout="constrained")
    FigureCanvasSVG(figure)
    for axes, part in zip(figure.subplots(1, 2, sharey=True), ("whole", "loop"), strict=True):
        for i, name in enumerate(n for n in SIDES if n not in (US, PRODUCTS)):
            points = [
                (ratios([getattr(r, part) for r in result.runs[name]], ours).median, row)
                for row, result in enumerate(results)
                if name in result.runs
                for ours in [[getattr(r, part) for r in result.runs[US]]]
            ]
            if points:
                x, y = zip(*points, strict=True)
                axes.plot(x, y, "osD^v"[i], label=name, color=f"C{i}", markersize=6, alpha=0.85)
        axes.axvline(1, color="black", linewidth=1)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("time over that of nnfs (right of the line, nnfs is faster)", fontsize=8)
        axes.set_title({"whole": "whole process", "loop": "in the loop"}[part], fontsize=10)
        axes.grid(axis="x", alpha=0.3)
        axes.set_yticks(range(len(results)), [result.job.title for result in results])
    figure.axes[0].invert_yaxis()
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    figure.savefig(path, metadata={"Date": None})
