"""What signals ask of this process: noted when they come, heeded where work pauses."""

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
def noted() -> Iterator[Asked]:
    """Note signals meanwhile: SIGINT and SIGTERM stop, the second one at once; SIGUSR1 saves."""
    asked.stop = asked.saves = 0
    before = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGINT, _note_stop_or_end),
            (signal.SIGTERM, _note_stop_or_end),
            (signal.SIGUSR1, note_save),
        )
    }
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


def note_save(number: int, frame: Any) -> None:
    """Note that the state is to be saved."""
    asked.saves += 1
