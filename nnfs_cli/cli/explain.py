"""nnfs explain"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.inputs import open_run
from nnfs_cli.cli.output import write

if TYPE_CHECKING:
    from nnfs_cli.explain.iteration import Report, Subject

FORMATS = ["text", "md", "json", "html", "svg"]
SUFFIXES = {".txt": "text", ".htm": "html", **{f".{form}": form for form in FORMATS[1:]}}


@click.command()
@click.argument("source", metavar="CONFIG|RUN")
@options.overrides
@click.option(
    "--sample", type=click.IntRange(min=0), metavar="I", help="Explain one sample, from 0."
)
@click.option(
    "--epoch",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Explain epoch N.  [default: 0]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=1,
    metavar="K",
    help="Explain K iterations, one step each after the first.  [default: 1]",
)
@click.option(
    "--digits",
    type=click.IntRange(0, 17),
    default=3,
    show_default=True,
    help="Decimals; 16 and 17 count significant digits, and 17 are exact.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Output format.  [default: the suffix of -o, else text]",
)
@click.option(
    "--quiz",
    type=click.Choice(["forward", "gradients", "update"]),
    help="Leave blanks from this step on.",
)
@click.option("--answers", is_flag=True, help="With --quiz: print the solutions.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to FILE instead of stdout.",
)
@options.by
@options.runs_dir
def command(
    source: str,
    overrides: tuple[str, ...],
    sample: int | None,
    epoch: int,
    epochs: int,
    digits: int,
    form: str | None,
    quiz: str | None,
    answers: bool,
    output: Path | None,
    by: str,
    runs_dir: Path,
) -> None:
    """Show one training iteration step by step, with all numbers.

    Prints formulas and numbers in the order in which a person computes them: Z and A of each
    layer, the cost, the gradients from the output back, the update, and the new cost. CONFIG is a
    YAML file, or - for standard input; RUN is trained again up to --epoch. Each KEY=VALUE sets a
    key of the configuration; nested keys are dotted: layers.0.units=8.
    """
    from nnfs_cli.explain import iteration as explain

    if answers and not quiz:
        raise click.UsageError("--answers requires --quiz")
    form = form or format_of(output)
    if quiz and form == "json" and epochs > 1:  # one iteration would reveal another
        raise click.UsageError("--quiz as JSON explains one iteration only; leave out --epochs")
    subject, last = opened(source, overrides, runs_dir, by)
    if sample is not None and sample >= (m := subject.samples.x.shape[-1]):
        raise click.BadParameter(f"{sample} should be from 0 to {m - 1}", param_hint="'--sample'")
    if epoch + epochs - 1 > last:
        hint = "'--epoch'" if epoch > last else "'--epochs'"
        raise click.BadParameter(
            f"{epoch + epochs - 1}: {source} ends with epoch {last}", param_hint=hint
        )
    explain.advance(subject, epoch)
    report = explain.explain(subject, epoch=epoch, count=epochs, sample=sample)
    colour = output is None and has_colour()
    text = render(report, form, digits, quiz, answers, colour)
    if output is None:
        # Pages and JSON are UTF-8 in any locale.
        click.echo(text if form == "text" else text.encode(), nl=False)
    else:
        write(output, iter([text.encode()]))


def format_of(output: Path | None) -> str:
    """Return the format for a file's suffix; text if it has none."""
    if output is None or not output.suffix:
        return "text"
    if form := SUFFIXES.get(output.suffix.lower()):
        return form
    known = ", ".join(SUFFIXES)
    raise click.BadParameter(
        f"{str(output)!r} should end in one of {known}; or choose one with --format",
        param_hint="'-o'",
    )


def opened(source: str, overrides: tuple[str, ...], runs_dir: Path, by: str) -> tuple[Subject, int]:
    """Return the subject that a configuration or run describes, and its last epoch."""
    from nnfs_cli.config import loading
    from nnfs_cli.config.writing import dump
    from nnfs_cli.data.source import Sources
    from nnfs_cli.errors import FileError
    from nnfs_cli.explain import iteration as explain
    from nnfs_cli.runs import directory, model

    cache_dir, consequence = directory.cache_dir(runs_dir), "nothing was explained"
    path = directory.find(source, runs_dir)
    if not is_run(source, path):
        sources = Sources()
        config = loading.load(source, overrides, consequence=consequence, sources=sources)
        return explain.prepare(config, cache_dir, sources), config.epochs
    if (directory.peek(path) or {}).get("kind") == "sweep":
        raise FileError(f"{path}: is a sweep; explain a run of it, {path}/0 or {path}/best")
    run = open_run(source, runs_dir, by)
    config = run.config
    if overrides:
        text, name = dump(config), str(run.path / directory.CONFIG)
        config = loading.parse(text, name, overrides, consequence=consequence)
        return explain.prepare(config, cache_dir), config.epochs
    model.own_tables(model.load(run), cache_dir)  # raises if the data has changed
    return explain.prepare(config, cache_dir), int(run.facts.get("epochs", config.epochs))


def is_run(source: str, path: Path) -> bool:
    """Return whether the argument is a run, or does not exist and looks like one."""
    if source == "-" or path.is_file():
        return False
    return path.is_dir() or path.suffix not in (".yaml", ".yml")


def has_colour() -> bool:
    """Return whether stdout is a terminal with colours that are not turned off."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and sys.stdout.isatty()


def render(
    report: Report, form: str, digits: int, quiz: str | None, answers: bool, colour: bool
) -> str:
    """Return the report in one of FORMATS."""
    from nnfs_cli.explain import steps as explain_steps
    from nnfs_cli.explain.records import answers as answers_of

    asked = None if answers else quiz
    if form == "json":
        from nnfs_cli.explain.json import json

        return json(report, asked)
    if form == "svg":
        from nnfs_cli.explain.svg import svg

        return svg(report, digits, quiz=asked)
    steps = explain_steps.all_steps(report, quiz)
    if answers:
        steps = answers_of(steps)
    if form == "html":
        from nnfs_cli.explain.html import html

        return html(report, steps, digits, quiz=asked)
    if form == "md":
        from nnfs_cli.explain.markdown import markdown

        return markdown(report, steps, digits)
    from nnfs_cli.explain.text import text

    return text(report, steps, digits, colour=colour)
