"""The parts of a report's page: one HTML file, with its style and script, that loads nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from nnfs_cli.errors import one_line
from nnfs_cli.plots.palettes import PALETTES, Palette
from nnfs_cli.sweeps.store import FIGURES

LOST = ("diverged", "failed", "missing")  # columns that count unfinished runs
# Pictures are drawn in the light style; a dark page replaces each colour by the dark style's.
PAGE_STYLE = """
:root { color-scheme: light dark; --quiet: #575e66; --line: #8884; --raised: #8881; %s }
@media (prefers-color-scheme: dark) { :root { --quiet: #a9b0b8; %s } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%%; text-size-adjust: 100%%; }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  max-width: 72rem; margin: 0 auto; padding: 1.5rem max(.75rem, 2vw); overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .4rem 0; }
.lead, figcaption, .note { color: var(--quiet); }
.verdict { border-left: .35rem solid var(--tone); background: var(--raised);
  padding: .7rem 1rem; margin: 1.2rem 0; border-radius: 0 .3rem .3rem 0; }
.verdict h2 { margin: 0; }
.verdict ul { margin: .4rem 0; padding-left: 1.1rem; }
.good { --tone: var(--best); } .bad { --tone: var(--fault); } .fair { --tone: var(--caution); }
.lost { color: var(--fault); font-weight: 600; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.8rem, 1fr));
  gap: .6rem 1rem; margin: 1.2rem 0; }
.facts div { border-top: 1px solid var(--line); padding-top: .3rem; }
.facts dt { color: var(--quiet); font-size: .85em; }
.facts dd { margin: 0; font-size: 1.1rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.figures { columns: 2 24rem; column-gap: 2.5rem; }
figure { margin: 0; padding-bottom: 1.8rem; max-width: 36rem; break-inside: avoid; }
figure svg { display: block; width: 100%%; height: auto; }
figcaption { font-size: .9em; margin-top: .3rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
.wide { overflow: auto; max-height: 36rem; width: fit-content; max-width: 100%%;
  border: 1px solid var(--line); border-radius: .3rem; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
.number, .number button { text-align: right; }
thead th { position: sticky; top: 0; background: var(--ground); padding: 0;
  box-shadow: 0 1px var(--line); }
th button { all: unset; cursor: pointer; font-weight: 600; padding: .4rem .7rem; width: 100%%;
  box-sizing: border-box; }
th button:hover { background: var(--raised); }
th button:focus-visible { outline: 2px solid; outline-offset: -2px; }
th button::after { content: " \\2195"; opacity: .45; }
th[aria-sort=ascending] button::after { content: " \\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: " \\2193"; opacity: 1; }
code { font-size: .95em; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid var(--line); border-radius: .3rem;
  font-size: .85rem; overflow-wrap: normal; }
"""

SORT = """
document.querySelectorAll("table.sortable").forEach(table => {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    // In both directions, numbers come before words, and empty cells last.
    const kind = text => text === "" ? 2 : isNaN(text) ? 1 : 0;
    const compare = (a, b) => kind(a) - kind(b) ||
      (down ? -1 : 1) * (kind(a) ? a.localeCompare(b) : a - b);
    const rows = [...table.tBodies[0].rows].sort((a, b) => compare(key(a), key(b)));
    table.tBodies[0].append(...rows);
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  }));
});
"""


def whole(title: str, parts: Sequence[str]) -> str:
    """Return a whole HTML file."""
    light, dark = (
        " ".join(f"--{name}: {colour};" for name, colour in colours(PALETTES[style]).items())
        for style in ("light", "dark")
    )
    head = '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">'
    head += f"\n<title>{text(title)}</title>"
    # Without an icon here, browsers would request one.
    head += '\n<meta name="viewport" content="width=device-width, initial-scale=1">'
    head += '\n<link rel="icon" href="data:,">'
    body = "\n".join(parts)
    script = f"<script>{SORT}</script>\n" if "<button" in body else ""
    return f"{head}\n<style>{PAGE_STYLE % (light, dark)}</style>\n{body}\n{script}</html>\n"


def colours(palette: Palette) -> dict[str, str]:
    """Return a palette's colours by the names of their CSS variables."""
    named = {key: hue for key, hue in palette._asdict().items() if isinstance(hue, str)}
    series = {f"series-{i}": hue for i, hue in enumerate(palette.series)}
    return named | series | {"caution": palette.series[1]}


def text(value: object) -> str:
    """Return a value as escaped HTML, on one line."""
    return escape(one_line(str(value)))


def number(value: Any) -> str:
    """Return a value as tables show it."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else one_line(str(value))


def note(message: object) -> str:
    """Return a remark in a paragraph."""
    return f'<p class="note">{text(message)}</p>'


def verdict(
    tone: str, heading: str, words: Sequence[str], seen: Mapping[str, str], foot: str = ""
) -> str:
    """Return the box at the top of a page: `tone` is good, fair or bad.

    `words` and `foot` are HTML; between them comes `seen`, a sentence for each finding's code.
    """
    lines = [f"<p>{line}</p>" for line in words if line]
    items = [f"<li><b>{text(code)}</b>: {text(words)}</li>" for code, words in seen.items()]
    if items:
        lines.append(f"<ul>{''.join(items)}</ul>")
    body = "".join([*lines, f"<p>{foot}</p>" if foot else ""])
    return f'<section class="verdict {tone}"><h2>{text(heading)}</h2>{body}</section>'


def facts(values: Mapping[str, Any]) -> str:
    """Return a list of figures under their names; None is shown as not finite."""
    cells = []
    for key, value in values.items():
        shown = text(number(value)) if value is not None else '<span class="lost">not finite</span>'
        cells.append(f"<div><dt>{text(key.replace('_', ' '))}</dt><dd>{shown}</dd></div>")
    return f"<dl class=facts>{''.join(cells)}</dl>"


def table(records: Sequence[Mapping[str, Any]], sorted_by: str = "") -> str:
    """Return a table of records; a click on a column's head sorts by it.

    `sorted_by` is the column that the records are sorted by already, -COLUMN if descending.
    """
    name, down = sorted_by.removeprefix("-"), sorted_by.startswith("-")
    heads = []
    for key in records[0]:
        order = f' aria-sort="{"descending" if down else "ascending"}"' if key == name else ""
        values = [record[key] for record in records if record[key] is not None]
        kind = " class=number" if values and all(isinstance(v, int | float) for v in values) else ""
        words = text(key.replace("_", " "))
        heads.append(f'<th scope=col{kind}{order}><button type="button">{words}</button></th>')
    rows = "\n".join(f"<tr>{''.join(_cells(record))}</tr>" for record in records)
    return (
        f'<div class=wide tabindex=0><table class="sortable"><thead><tr>{"".join(heads)}</tr>'
        f"</thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _cells(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the cells of a row: the text shown and, for sorting, the value."""
    for key, value in record.items():
        is_number = value is None or isinstance(value, int | float)
        held = str(value).replace("inf", "Infinity") if is_number else str(value)
        unfinished = record.get("status", "finished") != "finished" and key in FIGURES
        held = "" if held in {"None", "nan"} or unfinished else held
        is_lost = value not in {None, "finished"} if key == "status" else key in LOST and value
        kinds = ["number"] * is_number + ["lost"] * bool(is_lost)
        kind = f' class="{" ".join(kinds)}"' if kinds else ""
        yield f'<td{kind} data-value="{escape(held)}">{text(number(value))}</td>'


def inline(svg: str, label: str, prefix: str) -> str:
    """Return an SVG file for use in a page, with unique ids and the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for before in ('href="#', "url(#"):
        svg = svg.replace(before, f"{before}{prefix}-")
    taken = Counter[str]()

    def own(match: re.Match[str]) -> str:
        taken[match[1]] += 1  # the bars of a histogram share a name
        again = f"-{taken[match[1]]}" if taken[match[1]] > 1 else ""
        return f' id="{prefix}-{match[1]}{again}"'

    svg = re.sub(r' id="([^"]*)"', own, svg)
    names = {hue.lower(): name for name, hue in reversed(colours(PALETTES["light"]).items())}
    # matplotlib writes colours in style properties, where variables are allowed.
    svg = re.sub(
        r"(?<=: )#[0-9a-f]{6}\b", lambda m: f"var(--{names[m[0]]})" if m[0] in names else m[0], svg
    )
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
