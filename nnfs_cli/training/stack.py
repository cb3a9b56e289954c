"""Train many networks of one shape together, each with exactly the result of a single run."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from nnfs_cli.config.request import request_of
from nnfs_cli.config.schema import Config
from nnfs_cli.config.writing import to_plain
from nnfs_cli.core.activations import Array
from nnfs_cli.core.backprop import Backprop
from nnfs_cli.core.network import Network
from nnfs_cli.data.encoding import Encoding, Samples
from nnfs_cli.data.source import Sources
from nnfs_cli.errors import NnfsError
from nnfs_cli.storage.digest import digest
from nnfs_cli.training import loop, setup
from nnfs_cli.training.endings import Log
from nnfs_cli.training.loop import Figures


@dataclass(frozen=True)
class Stack:
    """Runs of one shape, by their numbers in the sweep; `digests` come from source.digests."""

    numbers: Sequence[int]
    configs: Sequence[Config]
    cache_dir: Path | None
    digests: Mapping[str, str] = field(default_factory=dict)

    def without(self, numbers: Container[int]) -> Stack | None:
        """Return the stack without some of its runs, or None if none is left."""
        left = [i for i, number in enumerate(self.numbers) if number not in numbers]
        if not left:
            return None
        return replace(
            self,
            numbers=[self.numbers[i] for i in left],
            configs=[self.configs[i] for i in left],
        )


@dataclass(frozen=True)
class Trained:
    """The results of a stack's runs, one row per run; every field but the log is one array.

    `log` holds epoch (entries,) and cost, accuracy, ... (runs, entries), NaN after a run's last
    entry; `entries` counts the entries of each run, and `diverged` marks those that diverged;
    params is (runs, n_params). Text is JSON: `config` is the first run's configuration, `changes`
    each run's differences from it. `encodings` and `digests` have an item per data set, and
    `encoding` the position of each run's data set among them. Runs without readable data are
    `failed`, with `messages`, and have no row.
    """

    numbers: Array
    diverged: Array
    entries: Array
    log: dict[str, Array]
    params: Array
    config: Array
    changes: Array
    encodings: Array
    digests: Array
    encoding: Array
    failed: Array
    messages: Array


class StackState(NamedTuple):
    """A stack in training. `log`, `entries` and `diverged` are as in Trained, so far; `final` has
    the parameters of the networks that diverged, at the entry that shows it."""

    epoch: int
    params: Array
    final: Array
    entries: Array
    diverged: Array
    log: dict[str, Array]


def train(
    stack: Stack,
    state: StackState | None = None,
    pause: Callable[[StackState], None] = lambda state: None,
    sources: Sources | None = None,
) -> Trained:
    """Train a stack and return its runs; weights and costs are bit for bit those of single runs.

    Training begins at the start, or at a state that `pause` received in an earlier call; `pause`
    may raise to stop.
    """
    sources = sources or Sources()
    sources.forget_changed()
    prepared: dict[str, tuple[Encoding, Samples, Samples | None]] = {}
    failures: dict[str, str] = {}
    keys = [repr((config.dataset, config.features)) for config in stack.configs]
    for config, key in zip(stack.configs, keys, strict=True):
        if key not in prepared and key not in failures:
            try:
                sources.check_unchanged(request_of(config), stack.digests)
                prepared[key] = setup.encode(config, stack.cache_dir, sources, keep=True)
            except NnfsError as error:
                failures[key] = str(error)
    able = [i for i, key in enumerate(keys) if key in prepared]
    failed = [i for i, key in enumerate(keys) if key in failures]
    used = [keys[i] for i in able]
    members = [stack.configs[i] for i in able]
    # A state has a row for every run, so it does not fit if some runs have failed.
    end = _train(members, [prepared[key] for key in used], None if failed else state, pause)
    _check_mapped(stack, prepared, keys, sources)
    numbers = np.array(stack.numbers, np.int64)
    base, changes = texts(members)
    order = list(prepared)
    return Trained(
        numbers[able],
        end.diverged,
        end.entries,
        end.log,
        np.where(end.diverged[:, np.newaxis], end.final, end.params),
        base,
        changes,
        _json([encoding for encoding, *_ in prepared.values()]),
        np.array([digest(setup.arrays(a, b)) for _, a, b in prepared.values()], str),
        np.array([order.index(key) for key in used], np.int64),
        numbers[failed],
        np.array([failures[keys[i]] for i in failed], str),
    )


def _check_mapped(
    stack: Stack,
    prepared: Mapping[str, tuple[Encoding, Samples, Samples | None]],
    keys: Sequence[str],
    sources: Sources,
) -> None:
    """Raise FileError if a memory-mapped file changed during training."""
    mapped = {key for key, (_, *parts) in prepared.items() if any(map(_is_mapped, parts))}
    if mapped:
        sources.forget_changed()
        for config, key in zip(stack.configs, keys, strict=True):
            if key in mapped:
                sources.check_unchanged(request_of(config), stack.digests)


def _is_mapped(samples: Samples | None) -> bool:
    return samples is not None and isinstance(samples.x, np.memmap)


def texts(configs: Sequence[Config]) -> tuple[Array, Array]:
    """Return the first configuration, and each one's differences from it, as JSON."""
    plain = [to_plain(config) for config in configs]
    base = plain[0] if plain else {}
    changes = [{k: v for k, v in config.items() if v != base[k]} for config in plain]
    return _json([base])[0], _json(changes)


def _json(values: Sequence[object]) -> Array:
    """Return values as JSON texts."""
    return np.array([msgspec.json.encode(value).decode() for value in values], str)


def _train(
    configs: Sequence[Config],
    prepared: Sequence[tuple[Encoding, Samples, Samples | None]],
    state: StackState | None,
    pause: Callable[[StackState], None],
) -> StackState:
    """Train a stack and return its last state."""
    if not configs:
        none = np.zeros(0, np.int64)
        empty = np.zeros((0, 0))
        return StackState(0, empty, empty, none, none.astype(bool), {"epoch": none})
    first, encoding = configs[0], prepared[0][0]
    network = setup.network_of(first, encoding.facts)
    if state is None or not _fits(state, first, (len(configs), network.n_params)):
        state = _first_state(configs, network)
    start, params, final, entries, diverged, _ = state

    def evaluator(parts: Sequence[Samples | None]) -> Backprop | None:
        samples = _stacked([part for part in parts if part is not None])
        return samples and setup.evaluator(first, encoding, network, params, samples)

    train = evaluator([train for _, train, _ in prepared])
    test = evaluator([test for _, _, test in prepared])
    assert train is not None
    method, before = loop.method_of(train, *configs), diverged.copy()
    course = loop.Course(method, train, test, _recorder(state, first.log_every), ended=diverged)
    for epoch in loop.run(course, int(start), first.epochs, first.log_every):
        lost = diverged & ~before
        if lost.any():
            final[lost], entries[lost] = params[lost], -(-epoch // first.log_every) + 1
            before |= lost
        state = state._replace(epoch=epoch)
        if not diverged.all():
            pause(state)
    return state


def _recorder(state: StackState, log_every: int) -> Callable[[int, Figures], tuple[Log, int]]:
    """Return a function that logs the figures of the networks that have not diverged."""
    diverged, log = state.diverged, state.log
    shape = len(diverged), len(log["epoch"])

    def record(epoch: int, figures: Figures) -> tuple[Log, int]:
        entry = -(-epoch // log_every)
        for key, values in figures.items():
            if key not in log:
                log[key] = np.full(shape, np.nan)
            log[key][~diverged, entry] = values[~diverged]
        return {key: values.T for key, values in log.items()}, entry

    return record


def _first_state(configs: Sequence[Config], network: Network) -> StackState:
    """Return the state of a stack before its first update."""
    first = configs[0]
    params = np.stack([setup.initial_params(config, network) for config in configs])
    epochs = _logged_epochs(first)
    entries, diverged = np.full(len(configs), len(epochs)), np.zeros(len(configs), bool)
    return StackState(0, params, params.copy(), entries, diverged, {"epoch": epochs})


def _logged_epochs(config: Config) -> Array:
    """Return loop.logged_epochs as an array; a list would take five times the memory."""
    return np.append(np.arange(0, config.epochs, config.log_every), config.epochs)


def _stacked(samples: Sequence[Samples]) -> Samples | None:
    """Return the samples of all networks, unstacked if all share them; None if there are none."""
    if not samples:
        return None
    if all(part is samples[0] for part in samples):
        return samples[0]
    return Samples(*map(np.stack, zip(*samples, strict=True)))


def _fits(state: StackState, config: Config, shape: tuple[int, int]) -> bool:
    """Return whether a state is that of a stack of such configurations and parameters."""
    dtype, epochs = config.dtype, _logged_epochs(config)
    epoch, entries, diverged = np.asarray(state.epoch), state.entries, state.diverged
    figures = [values for key, values in state.log.items() if key != "epoch"]
    return bool(
        state.params.shape == state.final.shape == shape
        and state.params.dtype == state.final.dtype == dtype
        and entries.shape == diverged.shape == shape[:1]
        and entries.dtype.kind + diverged.dtype.kind + epoch.dtype.kind == "ibi"
        and ((entries > 0) & (entries <= len(epochs))).all()
        and np.array_equal(state.log.get("epoch", ()), epochs)
        and all(v.shape == (shape[0], len(epochs)) and v.dtype == float for v in figures)
        and epoch.shape == ()
        and 0 <= epoch <= epochs[-1]
    )
