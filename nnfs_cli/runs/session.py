"""A training carried to its end in its run directory: checkpoints, interruption, final files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, NamedTuple

from nnfs_cli.errors import Diverged
from nnfs_cli.interrupts import Asked
from nnfs_cli.runs import checkpoint, directory, record
from nnfs_cli.runs.record import Run
from nnfs_cli.training import loop
from nnfs_cli.training.setup import Training

BEFORE = "versions_before"  # versions of the earlier sessions of a run
KEPT = ("started", "seconds", "command", BEFORE)  # entries of run.json that outlast a session


class Ended(NamedTuple):
    """A run after a session; `divergence` says how it diverged, if it did."""

    run: Run
    status: str
    divergence: Diverged | None


def first_facts(command: str) -> dict[str, Any]:
    """Return the first entries of a new run's run.json."""
    return {"command": command, "started": datetime.now(UTC).isoformat(timespec="seconds")}


def next_facts(run: Run, command: str) -> dict[str, Any]:
    """Return the first entries of run.json for a run that continues.

    Versions that have changed since the last session are added to `versions_before`.
    """
    facts = {"command": command, **{key: run.facts[key] for key in KEPT if key in run.facts}}
    if record.changed_versions(run.facts.get("versions")):
        facts[BEFORE] = [*facts.get(BEFORE, []), run.facts["versions"]]
    return facts


def is_complete(run: Run, training: Training) -> bool:
    """Return whether a run, restored as `training`, has finished all its epochs."""
    epochs = training.config.epochs
    finished = run.facts.get("status") == "finished" and run.facts["epochs"] == epochs
    return finished and training.epoch == epochs


def carry_on(
    training: Training,
    path: Path,
    facts: Mapping[str, Any],
    asked: Asked,
    checkpoint_every: float,
    on_progress: Callable[[], None],
    keep: bool = False,
) -> Ended:
    """Train to the last epoch, a stop request or divergence; save the run and return it.

    With `keep`, the run already has weights: until the end, run.json describes those.
    """
    start, seconds = perf_counter(), float(facts.get("seconds", 0))

    def facts_now() -> dict[str, Any]:
        return {
            **facts,
            "seconds": round(seconds + perf_counter() - start, 3),
            "data_digest": training.data_digest,
            "versions": record.versions(),
        }

    def save() -> None:
        checkpoint.write(path, training, None if keep else facts_now())

    divergence = None
    try:
        interrupted = _train(training, asked, checkpoint_every, on_progress, save)
        status = "interrupted" if interrupted else "finished"
    except Diverged as error:
        status, divergence = "diverged", error
    return Ended(_save_end(training, path, status, facts_now), status, divergence)


def _train(
    training: Training,
    asked: Asked,
    checkpoint_every: float,
    on_progress: Callable[[], None],
    save: Callable[[], None],
) -> bool:
    """Train, and save every `checkpoint_every` seconds and on request; return whether a stop
    request came before the last epoch."""
    saved, saves = monotonic(), 0
    for _ in loop.train(training):
        on_progress()
        if monotonic() - saved >= checkpoint_every or asked.stop or asked.saves > saves:
            save()
            saves, saved = asked.saves, monotonic()
        if asked.stop and training.epoch < training.config.epochs:
            return True
    return False


def _save_end(
    training: Training, path: Path, status: str, facts_now: Callable[[], dict[str, Any]]
) -> Run:
    """Write the run's final files and return it; remove the checkpoint unless it was
    interrupted."""
    if directory.is_there(path / directory.FACTS):
        # If killed while writing the files below, the run can still be resumed to its end.
        checkpoint.write(path, training, facts_now())
    loop.log(training)  # the epoch of an interruption may not be a logged one
    figures = {"status": status, "epochs": training.epoch, **training.figures}
    weights = record.weights_of(training.network, training.params)
    facts = {**figures, **facts_now()}
    run = record.save(path, training.config, training.encoding, training.log, weights, facts)
    if status != "interrupted":
        checkpoint.remove(path)
    return run
