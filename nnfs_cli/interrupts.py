"""Handlers record stop and save requests; loops check them at pauses."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Asked:
    """The signal that requested a stop (0: none), and the number of save requests."""

    stop = 0
    saves = 0


class Stopped(Exception):
    """The work stopped because a signal requested it."""


asked = Asked()


@contextmanager
def saves_noted() -> Iterator[None]:
    """Record SIGUSR1 inside the block, where it would otherwise end the process."""
    asked.saves = 0
    former = signal.signal(signal.SIGUSR1, note_save)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, former)


@contextmanager
def noted() -> Iterator[Asked]:
    """Record signals inside the block: SIGINT, SIGTERM and SIGHUP request a stop, SIGUSR1 a save.

    A second SIGINT or SIGTERM ends the process at once. Saves requested within `saves_noted()`
    still count.
    """
    asked.stop = 0
    if signal.getsignal(signal.SIGUSR1) is not note_save:
        asked.saves = 0
    handlers = {
        signal.SIGINT: _note_stop_or_end,
        signal.SIGTERM: _note_stop_or_end,
        signal.SIGUSR1: note_save,
    }
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it
        handlers[signal.SIGHUP] = _note_hangup
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield asked
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def note_stop(number: int, frame: Any) -> None:
    """Record a request to stop."""
    asked.stop = number


def _note_stop_or_end(number: int, frame: Any) -> None:
    if asked.stop:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    note_stop(number, frame)


def _note_hangup(number: int, frame: Any) -> None:
    # A closing terminal sends SIGHUP twice, from its shell and from the kernel.
    asked.stop = asked.stop or number


def note_save(number: int, frame: Any) -> None:
    """Record a request to save."""
    asked.saves += 1
