"""A sweep as one HTML file: how its runs ended, pictures, sorted results, and the best run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np

from nnfs_cli.errors import FileError
from nnfs_cli.plots import points, style, sweep_results
from nnfs_cli.plots.style import Look
from nnfs_cli.report import page
from nnfs_cli.report import run as report_run
from nnfs_cli.report.run import Picture
from nnfs_cli.runs import directory
from nnfs_cli.runs.record import Run
from nnfs_cli.sweeps import directory as sweep_directory
from nnfs_cli.sweeps import members, summary

ROWS = 2000  # runs listed at most; more would make browsers slow


def of_sweep(path: Path, look: Look) -> str:
    """Return the report of a sweep."""
    facts, records = directory.peek(path) or {}, summary.records(path)
    trained = [r["index"] for r in records if r["status"] in {"finished", "diverged"}]
    about = sweep_results.shared(path, trained[0]) if trained else []
    best, reason = best_of(path, look)
    counts = {status: n for status, n in summary.count(records).items() if n}
    parts = [
        report_run.head(path.name, [*about, report_run.when(facts)]),
        outcome(path, records, best, reason, look),
        page.facts({"runs": len(records), **counts}),
    ]
    if trained:
        parts += report_run.pictures(pictures_of_sweep(path, look))
    parts += results(path, records, look)
    if best is not None:
        name = page.text(style.name_of(best))
        parts += [f"<h2>The best run: {name}</h2>", page.facts(report_run.figures_of(best))]
        parts += report_run.pictures(report_run.pictures_of(best, look))
    parts += [
        *report_run.origin(facts),
        "<h2>Configuration</h2>",
        f"<pre>{escape(_text(path))}</pre>",
    ]
    return page.whole(path.name, parts)


def best_of(path: Path, look: Look) -> tuple[Run | None, str]:
    """Return the best run of a sweep, or None and the reason."""
    try:
        return members.read_run(path, members.best(path, look.by)), ""
    except FileError as error:
        return None, str(error)


def outcome(
    path: Path, records: Sequence[summary.Record], best: Run | None, reason: str, look: Look
) -> str:
    """Return the box about a sweep: how its runs ended, the best run, and findings about that."""
    counts = summary.count(records)
    heading = f"{counts['finished']:,} of {len(records):,} runs finished"
    others = [f"{n:,} {status}" for status, n in counts.items() if n and status != "finished"]
    heading = ", ".join([heading, *others])
    if best is None:
        return _no_best(path, records, heading, reason, look)
    seen, unknown = report_run.findings(best, look)
    row = next(record for record in records if str(record["index"]) == best.path.name)
    keys = sweep_directory.read_facts(path).keys
    settings = ", ".join(f"{key}={page.number(row[key])}" for key in keys)
    figure = f"{points.worded(look.by)} {page.number(best.facts.get(look.by))}"
    state = f"not diagnosed: {unknown}" if unknown else "it has:" if seen else "healthy."
    words = f"Best run: <b>{page.text(style.name_of(best))}</b> "
    words += page.text(f"({settings}), {figure}; {state}")
    tone = "good" if not others and not seen else "fair"
    tone = "bad" if 2 * counts["finished"] < len(records) else tone
    medians = best_medians(path, look)
    return page.verdict(tone, heading, [medians, words], seen, report_run.cure(best, seen))


def _no_best(
    path: Path, records: Sequence[summary.Record], heading: str, reason: str, look: Look
) -> str:
    """Return the box of a sweep without a best run, with findings about a run that failed."""
    tried = next((r["index"] for r in records if r["status"] in {"diverged", "failed"}), None)
    if tried is None or any(record["status"] == "finished" for record in records):
        return page.verdict("bad", heading, [page.text(reason)], {})
    try:
        run = members.read_run(path, tried)
    except FileError as error:  # the reason why the run failed
        return page.verdict("bad", heading, [page.text(error)], {})
    seen, _ = report_run.findings(run, look)
    words = f"No run finished, so there is no best run. {page.text(style.name_of(run))} shows:"
    return page.verdict("bad", heading, [words], seen, report_run.cure(run, seen))


def best_medians(path: Path, look: Look) -> str:
    """Return as HTML the point with the best median, for each picture of a sweep."""
    texts = []
    for shown in views(path, look):
        figure = points.results(path, shown)
        if figure.has_several and (best := figure.best_text()):
            texts.append(page.text(f"{best[0].upper()}{best[1:]}."))
    return " ".join(texts)


def views(path: Path, look: Look) -> list[Look]:
    """Return the looks to draw a sweep with: one for one or two keys, else one for each key."""
    keys = [key for key in sweep_directory.read_facts(path).keys if key != "seed"]
    if look.against or len(keys) <= 2:
        return [look]
    return [replace(look, against=(key,)) for key in keys]


def pictures_of_sweep(path: Path, look: Look) -> list[Picture]:
    """Return the pictures of a sweep."""
    wanted = []
    for shown in views(path, look):
        results_ = points.results(path, shown)
        heading = f"{points.worded(look.by)} over {' and '.join(results_.keys)}"
        if not results_.groups:
            caption = "No run finished; the columns show how they ended."
        elif len(results_.keys) == 2:
            caption = "The median of finished runs; stronger colour is a larger value."
        elif results_.has_several:
            caption = "The median of finished runs; half of them lie in the shaded area."
        else:
            caption = "Each point is a run."
        heading = f"{heading[0].upper()}{heading[1:]}"
        wanted.append(Picture("sweep", path, shown, heading, caption))
    return [*wanted, Picture("curves", path, look, *report_run.CAPTIONS["curves"])]


def results(path: Path, records: Sequence[summary.Record], look: Look) -> Iterator[str]:
    """Yield the tables of a sweep, best first: statistics over its seeds, then all runs."""
    sign = "" if summary.smaller_is_better(look.by) else "-"
    keys = sweep_directory.read_facts(path).keys
    if "seed" in keys and len(keys) > 1:
        yield "<h2>Over the seeds</h2>"
        yield page.note(
            "Best median first; points where half of the runs or more did not finish come last. "
            "Medians and best values are of finished runs. Click a column's name to sort."
        )
        first = [*(key for key in keys if key != "seed"), f"{look.by}_median"]
        rows = [_led(group, first) for group in _over_seeds(path, look)]
        # Points that come last for their unfinished runs may have a better median than others.
        in_order = not any(2 * row["finished"] <= row["runs"] for row in rows)
        yield page.table(rows, f"{sign}{look.by}_median" if in_order else "")
    yield "<h2>Runs</h2>"
    has_figure = look.by in records[0]
    listed = summary.ordered(records, f"{sign}{look.by}") if has_figure else list(records)
    words = "Best first; click a column's name to sort."
    if len(listed) > ROWS:
        line = shlex.join(["nnfs", "show", str(path)])
        words += f" These are the first {ROWS:,} of {len(listed):,}: {line} prints all."
    yield page.note(words)
    rows = [_led(record, ["index", look.by, "status"]) for record in listed[:ROWS]]
    yield page.table(rows, f"{sign}{look.by}" if has_figure else "index")


def _led(record: summary.Record, first: Sequence[str]) -> summary.Record:
    """Return a record with some columns moved to the front, where narrow screens show them."""
    return {key: record[key] for key in first if key in record} | record


def _over_seeds(path: Path, look: Look) -> list[summary.Record]:
    groups = summary.grouped(path, "seed")
    sign = 1 if summary.smaller_is_better(look.by) else -1

    def place(group: summary.Record) -> tuple[bool, bool, float]:
        median = group.get(f"{look.by}_median")
        if median is None or not np.isfinite(median):
            return True, True, 0.0
        return 2 * group["finished"] <= group["runs"], False, sign * median

    groups.sort(key=place)
    left_out = {k for k in ("failed", "missing") if not any(group[k] for group in groups)}
    return [
        {k: v for k, v in group.items() if k not in left_out and not k.endswith(("_mean", "_sd"))}
        for group in groups[:ROWS]
    ]


def _text(path: Path) -> str:
    try:
        return (path / directory.CONFIG).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise FileError(f"{path / directory.CONFIG}: cannot be read: {error}") from None
