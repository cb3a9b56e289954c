"""Worker processes on this machine. The parent runs no threads: it forks, and it reads pipes.

`concurrent.futures` ends its workers by SIGTERM, which ours note in order to save their state; from
Python 3.12 on, it then waits for them forever.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from nnfs_cli import interrupts
from nnfs_cli.data.source import Sources
from nnfs_cli.errors import NnfsError

ORPHAN_CHECK = 0.05  # seconds between two checks that the parent lives
SIGNALS = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
}  # a process begins with these blocked
SCARCE = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}  # the system's limits
KILLED = (
    "a worker was killed, possibly out of memory; "
    "type the same command again to go on, with a smaller -j if memory is short"
)


class Processes:
    """As many processes as there are pieces of work at a time, at most `width`.

    If the system allows fewer, `shortage` says why; if it allows none, the work is done here. Each
    has its own `sources`: a forked process begins with a copy, a spawned one with none open.
    """

    remote = False

    def __init__(self, width: int, sources: Sources | None = None) -> None:
        self.width = width
        self._sources = sources or Sources()
        self.shortage = ""
        self._members: dict[Connection, BaseProcess] = {}
        self._idle: list[Connection] = []
        self._here: list[Any] = []  # results of work done in this process

    @property
    def busy(self) -> bool:
        """Whether results are to come."""
        return len(self._idle) < len(self._members) or bool(self._here)

    def ready(self) -> bool:
        """Return whether a piece of work can be given; start a process for it, if need be."""
        if self._idle or (len(self._members) < self.width and self._start()):
            return True
        return not self._members and not self._here

    def give(self, work: Callable[[Any, Sources], Any], piece: Any) -> None:
        """Have a piece of work done."""
        if not self._idle:
            self._here.append(work(piece, self._sources))
            return
        with _death_is_an_error():
            _send(self._idle.pop(), (work, piece))

    def finished(self, seconds: float) -> Iterator[Any]:
        """Yield the results that come within some seconds; raise what the work raised."""
        while self._here:
            yield self._here.pop()
        for pipe in connection.wait(list(self._members), seconds) if self._members else ():
            assert isinstance(pipe, Connection)
            with _death_is_an_error():
                result, error = _receive(pipe)
            self._idle.append(pipe)
            if error is not None:
                raise error
            yield result

    def signal(self, number: int) -> None:
        """Send a signal to every process."""
        for member in self._members.values():
            if member.is_alive() and member.pid:
                os.kill(member.pid, number)

    def close(self) -> None:
        """End all processes; those at work save their state first."""
        self.signal(signal.SIGTERM)
        for pipe in self._members:
            pipe.close()
        for member in self._members.values():
            member.join()

    def _start(self) -> bool:
        """Start a process, and return whether that worked; if not, no other is tried."""
        # A forked process has everything loaded; elsewhere than on Linux forking is not safe.
        forks = sys.platform == "linux"
        context = (
            multiprocessing.get_context("fork") if forks else multiprocessing.get_context("spawn")
        )
        ends: list[Connection] = []
        try:
            ends += context.Pipe()
            here, there = ends
            inherited = (*self._members, here) if forks else ()
            member = context.Process(
                target=_serve, args=(there, inherited, os.getpid(), self._sources)
            )
            with warnings.catch_warnings(), _blocked():
                # The threads that Python 3.12 warns of are those of BLAS, which outlives a fork.
                warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
                member.start()
        except OSError as error:
            for end in ends:
                end.close()
            if error.errno not in SCARCE:
                raise
            self.width = len(self._members)
            self.shortage = str(error.strerror)
            return False
        there.close()  # so that the pipe ends with the process
        self._members[here] = member
        self._idle.append(here)
        return True


@contextmanager
def _blocked() -> Iterator[None]:
    """Let signals wait, here and in a process that is started meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _death_is_an_error() -> Iterator[None]:
    """Raise NnfsError if the other end of a pipe is gone."""
    try:
        yield
    except (EOFError, ConnectionError):
        raise NnfsError(KILLED) from None


def _send(pipe: Connection, value: object) -> None:
    """Send a value through a pipe.

    When a pipe is broken, Connection.send leaves a buffer behind that crashes the garbage collector
    of Python 3.12.1.
    """
    pipe.send_bytes(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


def _receive(pipe: Connection) -> Any:
    """Return the next value that comes through a pipe."""
    return pickle.loads(pipe.recv_bytes())


def _serve(
    pipe: Connection, inherited: Sequence[Connection], parent: int, sources: Sources
) -> None:
    """Do what comes through a pipe until the parent closes it, or ends.

    `inherited` are the parent's ends of pipes: while a copy of one is open, it is not closed.
    """
    for end in inherited:
        end.close()
    _begin(parent)
    while True:
        try:
            work, piece = _receive(pipe)
            _send(pipe, _outcome(work, piece, sources))
        except (EOFError, ConnectionError):
            return


def _outcome(
    work: Callable[[Any, Sources], Any], piece: Any, sources: Sources
) -> tuple[Any, Exception | None]:
    """Return the result of a piece of work, or what it raised."""
    try:
        return work(piece, sources), None
    except Exception as error:
        if not isinstance(error, NnfsError | interrupts.Stopped):
            error.add_note(traceback.format_exc())
        return None, error


def _begin(parent: int) -> None:
    """Leave a terminal's signals to the parent, and end with it, however it ends."""

    def check_parent(number: int, frame: Any) -> None:
        if os.getppid() != parent:  # its locks are held until then
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, interrupts.note_stop)
    signal.signal(signal.SIGUSR1, interrupts.note_save)
    signal.signal(signal.SIGALRM, check_parent)  # a thread might not be allowed
    signal.setitimer(signal.ITIMER_REAL, ORPHAN_CHECK, ORPHAN_CHECK)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
