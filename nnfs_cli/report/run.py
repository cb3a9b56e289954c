"""A run as one HTML file: findings, figures, pictures and configuration."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import Any, NamedTuple

import numpy as np

from nnfs_cli import plots
from nnfs_cli.analysis import findings as analysis_findings
from nnfs_cli.analysis import symptoms
from nnfs_cli.config.writing import dump
from nnfs_cli.errors import FileError
from nnfs_cli.plots import lettering, style, titles
from nnfs_cli.plots.style import Look
from nnfs_cli.report import page
from nnfs_cli.runs import model
from nnfs_cli.runs.record import Run

FIGURES = ("status", "epochs", "cost", "accuracy", "test_cost", "test_accuracy", "seconds")
WIDTH = 5.0  # width of a picture, inches: its text is legible on a phone
CAPTIONS = {  # heading and caption of each picture
    "cost": (
        "Cost over the epochs",
        "The cost at each logged epoch; lower is better.",
    ),
    "boundary": (
        "Decision boundary",
        "Colours are classes; on the line, two are equally likely. Rings mark mistakes.",
    ),
    "confusion": (
        "Confusion",
        "Rows are true classes, columns predicted ones: mistakes are off the diagonal.",
    ),
    "fit": ("Fit", "Predicted against true values; the line is a perfect prediction."),
    "network": (
        "Network",
        "Circles are units, lines are weights; thickness is a weight's size, colour its sign.",
    ),
    "weights": (
        "Weights and activations",
        "The weights of each layer, and its units' activations on the training data.",
    ),
    "curves": ("Cost over the epochs", "Each faint line is a run; the legend names the others."),
}


class Picture(NamedTuple):
    """A picture to draw: a kind of plots.KINDS, its subject and look, its heading and caption."""

    kind: str
    subject: Any
    look: Look
    heading: str
    caption: str


def of_run(run: Run, look: Look) -> str:
    """Return the report of a run."""
    name = style.name_of(run)
    about = [titles.dataset(run), titles.architecture(run), when(run.facts)]
    parts = [
        head(name, about),
        health(run, look),
        page.facts(figures_of(run)),
        *pictures(pictures_of(run, look)),
        *origin(run.facts),
        "<h2>Configuration</h2>",
        f"<pre>{escape(dump(run.config))}</pre>",
    ]
    return page.whole(name, parts)


def head(name: str, about: Sequence[str]) -> str:
    """Return a page's title, and a line about its subject."""
    about = list(filter(None, about))
    return f"<h1>{page.text(name)}</h1>\n<p class=lead>{page.text('; '.join(about))}</p>"


def when(facts: Mapping[str, Any]) -> str:
    """Return the time at which a run was started, "" if unknown."""
    try:
        started = datetime.fromisoformat(str(facts.get("started")))
    except ValueError:
        return ""
    return f"{started.day} {started:%B %Y, %H:%M %Z}".strip()


def health(run: Run, look: Look) -> str:
    """Return the box with a run's findings; without the run's data, with the reason."""
    status, fault = str(run.facts.get("status")), titles.fault_of(run)
    seen, reason = findings(run, look)
    if status == "diverged":
        tone, heading = "bad", "Diverged"
        seen = {"diverged": fault, **seen}
    elif fault:
        tone, heading = "bad", "The cost rose"
        seen = seen or {"cost": fault}
    elif reason:
        tone, heading = "fair", "Not diagnosed"
    else:
        tone = "fair" if seen else "good"
        count = f"{len(seen)} finding{'s' * (len(seen) != 1)}"
        heading = count if seen else "Healthy: no check found anything wrong"
    if status not in {"finished", "diverged"}:
        heading = f"{status.capitalize()}. {heading}"
    return page.verdict(tone, heading, [page.text(reason)], seen, cure(run, seen))


def cure(run: Run, seen: Mapping[str, str]) -> str:
    """Return as HTML the command that suggests remedies, "" without findings."""
    line = shlex.join(["nnfs", "diagnose", str(run.path)])
    return f"To find a remedy: <code>{page.text(line)}</code>" if seen else ""


def findings(run: Run, look: Look) -> tuple[dict[str, str], str]:
    """Return a sentence for each finding's code, and the reason if nothing could be checked."""
    try:
        gathered = symptoms.gather(run, look.cache_dir)
    except FileError as error:
        return {}, str(error)
    return {finding.code: finding.seen for finding in analysis_findings.findings(gathered)}, ""


def figures_of(run: Run) -> dict[str, Any]:
    """Return a run's figures, with None in place of those that are not finite."""
    figures: dict[str, Any] = {}
    for key in (key for key in FIGURES if key in run.facts):
        value = run.facts[key]
        lost = isinstance(value, float) and not np.isfinite(value)
        figures[key] = None if lost else value
    return figures


def pictures_of(run: Run, look: Look) -> list[Picture]:
    """Return the pictures of a run: only the cost if its weights are not finite."""
    data = run.encoding.facts
    kinds = ["confusion" if data.classes else "fit", "network", "weights"]
    if data.classes and (look.columns or len(data.columns) == 2):
        kinds.insert(0, "boundary")
    cost = Picture("cost", [run], look, *CAPTIONS["cost"])
    if has_answers(run):
        return [cost, *(Picture(kind, run, look, *CAPTIONS[kind]) for kind in kinds)]
    caption = "Predictions and weights are not drawn: the weights are not finite."
    return [cost._replace(caption=f"{cost.caption} {caption}")]


def has_answers(run: Run) -> bool:
    """Return whether a run's weights are finite, or unreadable: its pictures report the error."""
    try:
        return bool(np.isfinite(model.load(run).params).all())
    except FileError:
        return True


def origin(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the command and the versions that made a run or a sweep, as far as recorded."""
    lines = []
    if isinstance(command := facts.get("command"), str):
        lines.append(f"<pre>{escape(command)}</pre>")
    if isinstance(versions := facts.get("versions"), dict):
        lines.append(page.note(", ".join(f"{key} {value}" for key, value in versions.items())))
    if lines:
        yield from ["<h2>Made by</h2>", *lines]


def pictures(wanted: Sequence[Picture]) -> Iterator[str]:
    """Yield pictures as inline SVG; a picture that cannot be drawn has the reason as caption."""
    yield "<div class=figures>"
    for number, (kind, subject, look, heading, caption) in enumerate(wanted):
        notes: list[str] = []
        try:
            svg = _svg(kind, subject, replace(look, style="light", note=notes.append))
            drawn = page.inline(svg, kind, f"{kind}-{number}")
        except FileError as error:
            drawn, caption = "", str(error)
        words = " ".join([caption, *(f"{remark.rstrip('.')}." for remark in notes)])
        yield f"<figure><h3>{page.text(heading)}</h3>{drawn}"
        yield f"<figcaption>{page.text(words)}</figcaption></figure>"
    yield "</div>"


def _svg(kind: str, subject: Any, look: Look) -> str:
    """Return a picture as SVG without its heading; the page has one."""
    with style.drawing(look.palette):
        style.need("matplotlib").rcParams["figure.figsize"] = (WIDTH, WIDTH)
        made = plots.KINDS[kind].draw(subject, look)
        lettering.behead(made)
    return style.render(made, "svg", look.palette).decode()
