"""A run as one HTML file: what is wrong with it, its figures, pictures and configuration."""

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
WIDTH = 5.0  # inches of a picture, so that its letters can be read on a telephone
CAPTIONS = {  # of each picture, a heading and what it shows
    "cost": (
        "Cost over the epochs",
        "What the network's answers cost at each logged epoch; less is better.",
    ),
    "boundary": (
        "Decision boundary",
        "Colours are classes; the line is where two are equally likely. Rings mark mistakes.",
    ),
    "confusion": (
        "Confusion",
        "Rows are true classes, columns the network's answers: mistakes are off the diagonal.",
    ),
    "fit": ("Fit", "Predicted against true numbers: on the line, they are equal."),
    "network": (
        "Network",
        "Circles are units and lines weights: the wider, the larger; colour is the sign.",
    ),
    "weights": (
        "Weights and activations",
        "How large the weights of each layer are, and what its units answer to the training data.",
    ),
    "curves": ("Cost over the epochs", "A faint line for each run; strong ones as named."),
}


class Picture(NamedTuple):
    """A picture to draw: a kind of plots.KINDS, of what, and how; its heading and its caption."""

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
    """Return a page's title and a line about what it is of."""
    about = list(filter(None, about))
    return f"<h1>{page.text(name)}</h1>\n<p class=lead>{page.text('; '.join(about))}</p>"


def when(facts: Mapping[str, Any]) -> str:
    """Return when a run was started, nothing where that is not known."""
    try:
        started = datetime.fromisoformat(str(facts.get("started")))
    except ValueError:
        return ""
    return f"{started.day} {started:%B %Y, %H:%M %Z}".strip()


def health(run: Run, look: Look) -> str:
    """Return what is wrong with a run, as far as its data are there to tell."""
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
    """Return as HTML how to learn what helps against findings."""
    line = shlex.join(["nnfs", "diagnose", str(run.path)])
    return f"What may help: <code>{page.text(line)}</code>" if seen else ""


def findings(run: Run, look: Look) -> tuple[dict[str, str], str]:
    """Return what each check that found something saw, and why nothing could be checked, if so."""
    try:
        gathered = symptoms.gather(run, look.cache_dir)
    except FileError as error:
        return {}, str(error)
    return {finding.code: finding.seen for finding in analysis_findings.findings(gathered)}, ""


def figures_of(run: Run) -> dict[str, Any]:
    """Return a run's figures; those that are not finite are None."""
    figures: dict[str, Any] = {}
    for key in (key for key in FIGURES if key in run.facts):
        value = run.facts[key]
        lost = isinstance(value, float) and not np.isfinite(value)
        figures[key] = None if lost else value
    return figures


def pictures_of(run: Run, look: Look) -> list[Picture]:
    """Return the pictures of a run; of one whose weights are not finite, only its cost."""
    known = run.encoding.facts
    kinds = ["confusion" if known.classes else "fit", "network", "weights"]
    if known.classes and (look.columns or len(known.columns) == 2):
        kinds.insert(0, "boundary")
    cost = Picture("cost", [run], look, *CAPTIONS["cost"])
    if has_answers(run):
        return [cost, *(Picture(kind, run, look, *CAPTIONS[kind]) for kind in kinds)]
    caption = "There are no pictures of its answers and weights: the weights are not finite."
    return [cost._replace(caption=f"{cost.caption} {caption}")]


def has_answers(run: Run) -> bool:
    """Return whether a run's weights are finite, or cannot be read, which its pictures say."""
    try:
        return bool(np.isfinite(model.load(run).params).all())
    except FileError:
        return True


def origin(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield how a run or a sweep was made, as far as it is known."""
    made = []
    if isinstance(command := facts.get("command"), str):
        made.append(f"<pre>{escape(command)}</pre>")
    if isinstance(versions := facts.get("versions"), dict):
        made.append(page.note(", ".join(f"{key} {value}" for key, value in versions.items())))
    if made:
        yield from ["<h2>Made by</h2>", *made]


def pictures(found: Sequence[Picture]) -> Iterator[str]:
    """Yield pictures as inline SVG; where there can be none, why."""
    yield "<div class=figures>"
    for number, (kind, subject, look, heading, caption) in enumerate(found):
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
    """Return a picture without the heading, which the page has."""
    with style.drawing(look.palette):
        style.need("matplotlib").rcParams["figure.figsize"] = (WIDTH, WIDTH)
        made = plots.KINDS[kind].draw(subject, look)
        lettering.behead(made)
    return style.render(made, "svg", look.palette).decode()
