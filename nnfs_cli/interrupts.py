"""Signals become requests to stop or to save: handlers record them, loops look where they pause."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Asked:
    """Which signal stops the work, and how often its state was to be saved."""

    stop = 0
    saves = 0


class Stopped(Exception):
    """The work stopped because a signal asked for that."""


asked = Asked()


@contextmanager
def saves_noted() -> Iterator[None]:
    """Note SIGUSR1 meanwhile, which would end a process that has nothing to save yet."""
    asked.saves = 0
    former = signal.signal(signal.SIGUSR1, note_save)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, former)


@contextmanager
def noted() -> Iterator[Asked]:
    """Note signals meanwhile: SIGINT, SIGTERM and SIGHUP stop, a second SIGINT or SIGTERM at once;
    SIGUSR1 saves, also if it came within saves_noted()."""
    asked.stop = 0
    if signal.getsignal(signal.SIGUSR1) is not note_save:
        asked.saves = 0
    handlers = {
        signal.SIGINT: _note_stop_or_end,
        signal.SIGTERM: _note_stop_or_end,
        signal.SIGUSR1: note_save,
    }
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup sets it
        handlers[signal.SIGHUP] = _note_hangup
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield asked
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def note_stop(number: int, frame: Any) -> None:
    """Note that the work is to stop."""
    asked.stop = number


def _note_stop_or_end(number: int, frame: Any) -> None:
    if asked.stop:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    note_stop(number, frame)


def _note_hangup(number: int, frame: Any) -> None:
    # A terminal that closes sends it twice: once by its shell, once by the kernel.
    asked.stop = asked.stop or number


def note_save(number: int, frame: Any) -> None:
    """Note that the state is to be saved."""
    asked.saves += 1
