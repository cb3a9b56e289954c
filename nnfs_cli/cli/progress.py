"""Progress display, warnings and one-line summaries of a training, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from nnfs_cli.cli.output import count, note
from nnfs_cli.errors import one_line

if TYPE_CHECKING:
    from nnfs_cli.config.schema import Config
    from nnfs_cli.data.source import Sources
    from nnfs_cli.training.setup import Training


MANY = 40  # layers; of more, only the first and the last are shown


def describe(training: Training) -> str:
    """Return a line with the network's shape and the numbers of samples and epochs."""
    layers = training.network.layers
    units = [str(n) for n in (layers[0].fan_in, *(layer.units for layer in layers))]
    if len(units) > MANY:
        units[MANY // 2 : -MANY // 2] = ["..."]
    shape = "-".join(units)
    samples = count(training.backprop.samples, "sample")
    if training.test:
        samples += f" ({training.test.samples} more to test)"
    return (
        f"{shape}, {count(training.network.n_params, 'parameter')}, {samples}, "
        f"{count(training.config.epochs, 'epoch')}"
    )


def outcome(training: Training) -> str:
    """Return a line with the last logged figures."""
    figures = ", ".join(f"{k.replace('_', ' ')} {v:.6g}" for k, v in training.figures.items())
    return f"epoch {training.epoch}: {figures}"


def warn_of(configs: Iterable[Config], sources: Sources, quiet: bool = False) -> None:
    """Print warnings about the data that is about to be trained on, each line once."""
    from nnfs_cli.config.request import request_of

    opened = (sources.open(request_of(config)) for config in configs)
    for line in dict.fromkeys(line for source in opened for line in source.warnings):
        note(line, unless=quiet)


def warn(path: Path, warnings: Iterable[str]) -> None:
    """Print warnings about a run on stderr."""
    for warning in warnings:
        note(f"{path}: warning: {warning}")


def warn_of_versions(path: Path, facts: Mapping[str, Any]) -> bool:
    """Print a note if versions have changed since run.json, `facts`, was written, and return
    whether they have: the last bits may depend on them."""
    from nnfs_cli.runs import record

    changed = record.changed_versions(facts.get("versions"))
    if changed:
        lines = (f"\n  {key.replace('_', ' ')} was {a}, is {b}" for key, (a, b) in changed.items())
        note(
            f"{path}: continues with other versions or on another machine; the last digits may "
            f"differ from those of an uninterrupted training:{''.join(lines)}"
        )
    return bool(changed)


@contextmanager
def noting(notices: list[str], quiet: bool = False) -> Iterator[None]:
    """Print the notices that are added meanwhile, each once, also if an error ends it."""
    try:
        yield
    finally:
        for notice in dict.fromkeys(notices):
            note(notice, unless=quiet)


@contextmanager
def reading(quiet: bool) -> Iterator[Sources]:
    """Yield sources that show, on a terminal, how much of a large file is read; print notices."""
    from nnfs_cli.data.source import Sources

    clock, shown = perf_counter(), False

    def watch(path: str, share: float) -> None:
        nonlocal clock, shown
        if perf_counter() - clock > 0.2:
            clock, shown = perf_counter(), True
            click.echo(f"\r{one_line(path)}: {share:4.0%} read", err=True, nl=False)

    sources = Sources(watch if sys.stderr.isatty() and not quiet else None)
    with noting(sources.notices, quiet):
        yield sources
        if shown:
            click.echo("\r\033[K", err=True, nl=False)


@contextmanager
def progress(training: Training, quiet: bool, verbose: bool) -> Iterator[Callable[[], None]]:
    """Yield a function that shows how far the training is: on a terminal, a progress bar."""
    if verbose and not quiet:
        printed: list[int] = []

        def print_entry() -> None:
            if training.log["epoch"][len(printed) :]:
                printed.append(training.epoch)
                note(outcome(training))

        yield print_entry
    elif quiet or not sys.stderr.isatty() or not training.config.epochs:
        yield lambda: None
    else:
        clock, first = perf_counter(), training.epoch

        def figures(_: object) -> str:
            if not training.log:
                return ""
            speed = (training.epoch - first) / max(perf_counter() - clock, 1e-9)
            return f"cost {training.figures['cost']:.6g}  {speed:,.0f} epochs/s"

        with click.progressbar(
            length=training.config.epochs,
            file=sys.stderr,
            item_show_func=figures,
            show_pos=True,
            show_percent=False,
            width=24,
            bar_template="epoch %(info)s  [%(bar)s]",
        ) as bar:
            yield lambda: bar.update(training.epoch - bar.pos, 1)
