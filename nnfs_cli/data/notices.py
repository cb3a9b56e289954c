"""Remarks on a user's files that are not errors: heard by the shell, which prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str], None]

_listener: Listener | None = None


def say(message: str) -> None:
    """Pass a remark to the listener, if there is one."""
    if _listener:
        _listener(message)


@contextmanager
def heard_by(listener: Listener | None) -> Iterator[None]:
    """Let a listener have the remarks made meanwhile, each once; None drops them."""
    global _listener
    heard: set[str] = set()

    def hear(message: str) -> None:
        if listener and message not in heard:
            heard.add(message)
            listener(message)

    before, _listener = _listener, hear
    try:
        yield
    finally:
        _listener = before
