"""Train a run again, and compare the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_UP, Decimal
from math import inf
from typing import Any, NamedTuple

import numpy as np

from nnfs_cli.core.activations import Array
from nnfs_cli.data.source import Sources
from nnfs_cli.errors import Diverged
from nnfs_cli.runs import directory, record
from nnfs_cli.runs.record import Run
from nnfs_cli.training import loop, setup
from nnfs_cli.training.setup import Training


class Comparison(NamedTuple):
    """Whether two trainings are bit for bit the same, and if not, where they differ."""

    identical: bool
    entries: int
    data: bool  # whether the data set is unchanged
    epoch: int | None  # first logged epoch at which a figure differs
    figure: str | None
    was: float | None
    now: float | None
    weights: float  # largest difference of a weight
    difference: float  # largest |now - was| / (1 + |was|) of weights and figures
    versions: dict[str, tuple[str, str]]  # the differing ones: before, now
    recorded: bool  # whether the run's versions are recorded

    def differences(self) -> Iterator[str]:
        """Yield each difference as a phrase."""
        if not self.data:
            yield "the data set has changed"
        if self.epoch is not None:
            yield f"from epoch {self.epoch} on: {self.figure} was {self.was!r}, is {self.now!r}"
        if self.weights:
            yield f"the weights differ by up to {self.weights:.3g}"
        for name, (was, now) in self.versions.items():
            yield f"{name.replace('_', ' ')} was {was}, is {now}"
        if not self.recorded:
            yield "the run does not say with which versions it was trained"
        elif not self.versions:
            yield "versions and machine are the same"


def check(run: Run, sources: Sources) -> None:
    """Raise FileError unless the run and its data can be read and fit each other."""
    if run.params is None:
        record.read_weights(run, setup.network_of(run.config, run.encoding.facts))
    record.read_log(run)
    setup.check_facts(run.config, run.encoding.facts, run.path, sources)


def train(training: Training, run: Run, report: Callable[[], None]) -> dict[str, Array]:
    """Train to the epoch where the run ended, and return the log."""
    last: int = run.facts["epochs"]
    try:
        for _ in loop.train(training, until=last):
            report()
    except Diverged:
        pass  # perhaps the run did, too: the comparison shows it
    return {key: np.array(values) for key, values in training.log.items()}


def compare(run: Run, training: Training, again: Mapping[str, Array]) -> Comparison:
    """Return the comparison of a run with its repetition, `training` with the log `again`."""
    before = record.read_log(run)
    params = record.read_weights(run, training.network) if run.params is None else run.params
    different = (training.params != params) & ~(np.isnan(training.params) & np.isnan(params))
    with np.errstate(invalid="ignore"):
        gap = np.abs(training.params - params)[different]
    weights = float(np.nanmax(gap)) if len(gap) and not np.isnan(gap).all() else float(len(gap) > 0)
    epoch, figure, was, now = _parting(before, again)
    data = run.facts.get("data_digest", training.data_digest) == training.data_digest
    recorded = _versions_of(run)
    return Comparison(
        data and epoch is None and not different.any(),
        len(before["epoch"]),
        data,
        epoch,
        figure,
        was,
        now,
        weights,
        max(
            _difference(training.params, params),
            *(_difference(again.get(key), values) for key, values in before.items()),
        ),
        {k: v for old in reversed(recorded) for k, v in record.changed_versions(old).items()},
        bool(recorded),
    )


def _difference(now: Array | None, was: Array) -> float:
    """Return the largest |now - was| / (1 + |was|); infinity if it is not finite or missing."""
    if now is None or now.shape != was.shape:
        return inf
    different = (now != was) & ~(np.isnan(now) & np.isnan(was))
    with np.errstate(invalid="ignore"):
        ratios = (np.abs(now - was) / (1 + np.abs(was)))[different]
    return float(np.where(np.isfinite(ratios), ratios, inf).max(initial=0))


def rounded_up(number: float) -> float:
    """Return a positive number rounded up to one significant digit."""
    power = Decimal(number).adjusted()
    return float(Decimal(number).quantize(Decimal(1).scaleb(power), ROUND_UP))


def _versions_of(run: Run) -> list[Mapping[str, Any]]:
    """Return the versions that a run was trained with, oldest first; for a run of a sweep, those
    of the sweep."""
    facts = run.facts if run.params is None else directory.peek(run.path.parent) or {}
    before = facts.get("versions_before")
    each = [*(before if isinstance(before, list) else []), facts.get("versions")]
    return [versions for versions in each if versions and isinstance(versions, Mapping)]


def _parting(
    before: Mapping[str, Array], again: Mapping[str, Array]
) -> tuple[int | None, str | None, float | None, float | None]:
    """Return the first epoch at which two logs differ, the figure, and its two values."""
    length = min(len(before["epoch"]), len(again["epoch"]))
    for i in range(length):
        for key in (key for key in before if key in again):
            was, now = float(before[key][i]), float(again[key][i])
            if was != now and not (np.isnan(was) and np.isnan(now)):
                return int(before["epoch"][i]), key, was, now
    if len(before["epoch"]) != len(again["epoch"]):
        longer = before if len(before["epoch"]) > length else again
        return int(longer["epoch"][length]), "epoch", len(before["epoch"]), len(again["epoch"])
    return None, None, None, None
