"""nnfs evaluate"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from nnfs_cli.cli import options
from nnfs_cli.cli.inputs import by_position, check_reading, first_line, has_header, open_run, opened
from nnfs_cli.cli.output import print_json
from nnfs_cli.cli.progress import noting
from nnfs_cli.errors import RequirementUnmet, did_you_mean

RELATIONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


@click.command()
@options.run
@click.argument("source", metavar="[DATA]", required=False)
@click.option(
    "--require",
    "requirements",
    multiple=True,
    metavar="'FIGURE>=N'",
    help="Exit 5 unless this holds; repeatable; with >=, <=, ==, > or <.",
)
@first_line
@by_position
@options.by
@options.runs_dir
@click.option(
    "--json", "as_json", is_flag=True, help="Add the scores per class and the confusion matrix."
)
def command(
    run: str,
    source: str | None,
    requirements: tuple[str, ...],
    first_line: str | None,
    by_position: bool,
    by: str,
    runs_dir: Path,
    as_json: bool,
) -> None:
    """Print a run's cost and scores as one JSON object.

    DATA is a CSV file, or - for standard input, with the run's columns and targets, matched by the
    header's names. Without a header, they must be in the run's order, targets last. Without DATA,
    the run's own data is used.
    """
    from nnfs_cli.analysis.evaluation import evaluate, evaluate_own
    from nnfs_cli.data.source import Sources
    from nnfs_cli.runs import directory
    from nnfs_cli.runs import model as models

    parsed = [parse(requirement) for requirement in requirements]
    check_reading(source, first_line, by_position)
    header = has_header(first_line)
    model = models.load(open_run(run, runs_dir, by))
    sources = Sources()
    notices = sources.notices
    with noting(notices), opened(source) as (table, name):
        if table is None:
            figures = evaluate_own(model, directory.cache_dir(runs_dir), sources)
        else:
            rows = models.read_labelled(
                model, table, name, header=header, by_position=by_position, notices=notices
            )
            figures = evaluate(model, rows)
    flat = {key: value for key, value in figures.items() if isinstance(value, float)}
    unmet = check(flat, parsed)
    print_json({"run": str(model.run.path), **(figures if as_json else flat)})
    if unmet:
        raise RequirementUnmet("\n".join(unmet))


def parse(requirement: str) -> tuple[str, str, float]:
    """Return figure, relation and number of a requirement such as 'accuracy>=0.95'."""
    match = re.fullmatch(r"\s*(\w+)\s*(>=|<=|==|>|<)\s*(\S+)\s*", requirement)
    try:
        if match:
            return match[1], match[2], float(match[3])
    except ValueError:
        pass
    raise click.BadParameter(
        f"{requirement!r} should be of the form 'accuracy>=0.95'", param_hint="'--require'"
    )


def check(figures: Mapping[str, float], requirements: list[tuple[str, str, float]]) -> list[str]:
    """Return a message for each requirement that is not met."""
    unmet = []
    for figure, relation, number in requirements:
        if figure not in figures:
            raise click.BadParameter(
                f"no figure {figure!r}; choose from {', '.join(figures)}"
                f"{did_you_mean(figure, figures)}",
                param_hint="'--require'",
            )
        if not RELATIONS[relation](figures[figure], number):
            unmet.append(f"{figure} is {figures[figure]!r}, not {relation} {number!r}")
    return unmet
