"""A sweep as one HTML file: how its runs ended, pictures, results best first, and the best run."""

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

ROWS = 2000  # runs that a page lists: with more, browsers become slow


def of_sweep(path: Path, look: Look) -> str:
    """Return the report of a sweep: how its runs ended, its results, best first, its best run."""
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
    """Return the best run of a sweep, or None and why there is none."""
    try:
        return members.read_run(path, members.best(path, look.by)), ""
    except FileError as error:
        return None, str(error)


def outcome(
    path: Path, records: Sequence[summary.Record], best: Run | None, reason: str, look: Look
) -> str:
    """Return how the runs of a sweep ended, which is the best, and what is wrong with it."""
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
    """Return what became of the first run that was tried, where none is the best."""
    tried = next((r["index"] for r in records if r["status"] in {"diverged", "failed"}), None)
    if tried is None or any(record["status"] == "finished" for record in records):
        return page.verdict("bad", heading, [page.text(reason)], {})
    try:
        run = members.read_run(path, tried)
    except FileError as error:  # which says why it failed
        return page.verdict("bad", heading, [page.text(error)], {})
    seen, _ = report_run.findings(run, look)
    words = f"No run finished, so none is the best. {page.text(style.name_of(run))} shows:"
    return page.verdict("bad", heading, [words], seen, report_run.cure(run, seen))


def best_medians(path: Path, look: Look) -> str:
    """Return in HTML where a sweep has its best median, for each picture of it."""
    texts = []
    for shown in views(path, look):
        found = points.results(path, shown)
        if found.has_several and (told := found.best_text()):
            texts.append(page.text(f"{told[0].upper()}{told[1:]}."))
    return " ".join(texts)


def views(path: Path, look: Look) -> list[Look]:
    """Return how a sweep is drawn: over one key, two keys, or each of more, which are too many."""
    keys = [key for key in sweep_directory.read_facts(path).keys if key != "seed"]
    if look.against or len(keys) <= 2:
        return [look]
    return [replace(look, against=(key,)) for key in keys]


def pictures_of_sweep(path: Path, look: Look) -> list[Picture]:
    """Return the pictures of a sweep."""
    found = []
    for shown in views(path, look):
        results_ = points.results(path, shown)
        heading = f"{points.worded(look.by)} over {' and '.join(results_.keys)}"
        if not results_.groups:
            caption = "No run finished: what became of them."
        elif len(results_.keys) == 2:
            caption = "The median of the runs that finished; deeper colour is a larger value."
        elif results_.has_several:
            caption = "The median of the runs that finished; half of them lie in the shaded part."
        else:
            caption = "Each point is a run."
        heading = f"{heading[0].upper()}{heading[1:]}"
        found.append(Picture("sweep", path, shown, heading, caption))
    return [*found, Picture("curves", path, look, *report_run.CAPTIONS["curves"])]


def results(path: Path, records: Sequence[summary.Record], look: Look) -> Iterator[str]:
    """Yield the tables of a sweep, best first: of statistics over its seeds, and of all runs."""
    sign = "" if summary.smaller_is_better(look.by) else "-"
    keys = sweep_directory.read_facts(path).keys
    if "seed" in keys and len(keys) > 1:
        yield "<h2>Over the seeds</h2>"
        yield page.note(
            "Best median first, those last of which half of the runs or more did not finish. "
            "Medians and best values are of the runs that finished. A click on a name sorts."
        )
        first = [*(key for key in keys if key != "seed"), f"{look.by}_median"]
        rows = [_led(group, first) for group in _over_seeds(path, look)]
        # Those that come last for another reason are not in the order that the head would show.
        in_order = not any(2 * row["finished"] <= row["runs"] for row in rows)
        yield page.table(rows, f"{sign}{look.by}_median" if in_order else "")
    yield "<h2>Runs</h2>"
    known = look.by in records[0]
    listed = summary.ordered(records, f"{sign}{look.by}") if known else list(records)
    told = "Best first; a click on a name sorts."
    if len(listed) > ROWS:
        line = shlex.join(["nnfs", "show", str(path)])
        told += f" These are the first {ROWS:,} of {len(listed):,}: {line} prints all."
    yield page.note(told)
    rows = [_led(record, ["index", look.by, "status"]) for record in listed[:ROWS]]
    yield page.table(rows, f"{sign}{look.by}" if known else "index")


def _led(record: summary.Record, first: Sequence[str]) -> summary.Record:
    """Return a record that begins with some of its columns, which narrow screens then show."""
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
