"""A run or a sweep as one HTML file that needs no network: figures, metrics, configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from nnfs_cli import config as configuration
from nnfs_cli import plots, runs, summaries, sweeps
from nnfs_cli.errors import FileError
from nnfs_cli.plots import style
from nnfs_cli.plots.style import PALETTES, Look
from nnfs_cli.runs import Run

FIGURES = ("status", "epochs", "cost", "accuracy", "test_cost", "test_accuracy", "seconds")
# The figures are drawn for the light style; in a dark page, these three take the other's colours.
VARIABLES = ("ground", "ink", "soft")

STYLE = """
:root { color-scheme: light dark; %s }
@media (prefers-color-scheme: dark) { :root { %s } }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1.5rem; }
figure { margin: 0; flex: 1 1 26rem; max-width: 40rem; }
figure svg { width: 100%%; height: auto; }
figcaption, .note { color: var(--soft); font-size: .9em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; max-height: 40rem; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #8884; }
th button { all: unset; cursor: pointer; font-weight: bold; }
th button:focus-visible { outline: 2px solid; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid #8884; border-radius: .3rem; }
"""

SORT = """
document.querySelectorAll("table.sortable").forEach(table => {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const compare = (a, b) => (a === "") - (b === "") || (down ? -1 : 1) *
      (isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
    const rows = [...table.tBodies[0].rows].sort((a, b) => compare(key(a), key(b)));
    table.tBodies[0].append(...rows);
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  }));
});
"""


def of_run(run: Run, look: Look) -> str:
    """Return the report of a run."""
    kinds = ["cost", "confusion" if run.encoding.facts.classes else "fit", "network", "weights"]
    if run.encoding.facts.classes and (look.columns or len(run.encoding.facts.columns) == 2):
        kinds.insert(1, "boundary")
    subjects = {kind: [run] if kind == "cost" else run for kind in kinds}
    facts = {key: run.facts[key] for key in FIGURES if key in run.facts}
    parts = [
        facts_table(facts),
        *figures(subjects, look),
        "<h2>Configuration</h2>",
        f"<pre>{escape(configuration.dump(run.config))}</pre>",
    ]
    return page(style.name_of(run), parts)


def of_sweep(path: Path, look: Look) -> str:
    """Return the report of a sweep, with the table of its runs and its best one."""
    facts = runs.peek(path) or {}
    records = summaries.records(path)
    subjects: dict[str, Any] = {"sweep": path, "curves": path}
    keys = ("status", "runs", "finished", "diverged", "failed", "seconds")
    told = {key: facts[key] for key in keys if key in facts}
    parts = [facts_table(told), *figures(subjects, look)]
    try:
        best = sweeps.read_run(path, sweeps.best(path, look.by))
    except FileError as error:
        parts.append(note(error))
    else:
        parts.append(f"<h2>The best run: {escape(path.name)}/{escape(best.path.name)}</h2>")
        known = best.encoding.facts
        kind = "confusion" if known.classes else "fit"
        if known.classes and (look.columns or len(known.columns) == 2):
            kind = "boundary"
        parts += figures({kind: best, "network": best}, look)
    parts += ["<h2>Runs</h2>", table(records), "<h2>Configuration</h2>"]
    parts.append(f"<pre>{escape(_text(path / runs.CONFIG))}</pre>")
    return page(path.name, parts, SORT)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read: {error}") from None


# --- parts -----------------------------------------------------------------------------------


def page(title: str, parts: Sequence[str], script: str = "") -> str:
    """Return a whole HTML file."""
    light, dark = (
        " ".join(f"--{name}: {getattr(palette, name)};" for name in VARIABLES)
        for palette in (PALETTES["light"], PALETTES["dark"])
    )
    head = '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">'
    head += f"\n<title>{escape(title)}</title>"
    # Browsers ask for an icon, which a file without a server does not have.
    head += '\n<meta name="viewport" content="width=device-width">\n<link rel="icon" href="data:,">'
    script = f"<script>{script}</script>" if script else ""
    body = "\n".join([f"<h1>{escape(title)}</h1>", *parts])
    return f"{head}\n<style>{STYLE % (light, dark)}</style>\n{body}\n{script}\n</html>\n"


def figures(subjects: Mapping[str, Any], look: Look) -> Iterator[str]:
    """Yield the figures as inline SVG; where there can be none, what is missing."""
    yield '<div class="figures">'
    for kind, subject in subjects.items():
        notes: list[str] = []
        try:
            drawn = plots.file_of(kind, subject, _noting(look, notes.append), "svg").decode()
        except FileError as error:
            yield f"<figure>{note(f'no {kind}: {error}')}</figure>"
            continue
        caption = f"<figcaption>{escape(plots.KINDS[kind].help)}</figcaption>"
        yield f"<figure>{inline(drawn, kind)}{caption}{''.join(map(note, notes))}</figure>"
    yield "</div>"


def _noting(look: Look, tell: Callable[[str], None]) -> Look:
    return Look("light", look.scale, look.columns, look.against, look.by, look.cache_dir, tell)


def inline(svg: str, kind: str) -> str:
    """Return an SVG file as a part of a page: names of its own, and colours that follow it."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for before in (' id="', 'href="#', "url(#"):
        svg = svg.replace(before, f"{before}{kind}-")
    for name in VARIABLES:
        # An attribute cannot hold a variable, and matplotlib writes its colours in styles.
        svg = svg.replace(getattr(PALETTES["light"], name).lower(), f"var(--{name})")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{kind}" ', 1)


def facts_table(facts: Mapping[str, Any]) -> str:
    """Return names and values, one under the other."""
    rows = [
        f"<tr><th scope=row>{escape(key.replace('_', ' '))}</th><td>{escape(_cell(v))}</td></tr>"
        for key, v in facts.items()
    ]
    return f"<table class=facts>{''.join(rows)}</table>"


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of records that sorts by the column that is clicked."""
    heads = "".join(
        f"<th scope=col><button>{escape(key.replace('_', ' '))}</button></th>" for key in records[0]
    )
    rows = []
    for record in records:
        cells = [
            f'<td data-value="{escape("" if v is None else str(v))}">{escape(_cell(v))}</td>'
            for v in record.values()
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    body = "\n".join(rows)
    return (
        f'<div class=wide><table class="sortable"><thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def note(message: object) -> str:
    """Return a remark."""
    return f'<p class="note">{escape(str(message))}</p>'


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def text_of(subject: Run | Path, look: Look) -> str:
    """Return the report of a run, or of the sweep in a directory."""
    return of_sweep(subject, look) if isinstance(subject, Path) else of_run(subject, look)
