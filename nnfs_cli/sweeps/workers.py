"""Where work is done: in this process, in several, or on a Dask cluster; only the workers
differ."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from nnfs_cli import interrupts
from nnfs_cli.data.source import Sources
from nnfs_cli.errors import NnfsError

Work = TypeVar("Work")
Result = TypeVar("Result")
GLANCE = 0.2  # seconds between two looks at whether to stop


class Workers(Protocol):
    """What does pieces of work, `width` at a time; `remote` if on machines that share no files.

    `shortage` says why there are fewer than were asked for, if so.
    """

    width: int
    shortage: str

    @property
    def remote(self) -> bool: ...

    @property
    def busy(self) -> bool:
        """Whether results are to come."""

    def ready(self) -> bool:
        """Return whether a piece of work can be given."""

    def give(self, work: Callable[[Any, Sources], Any], piece: Any) -> None:
        """Have a piece of work done; the worker adds the sources that it keeps."""

    def finished(self, seconds: float) -> Iterator[Any]:
        """Yield the results that come within some seconds; raise what the work raised."""

    def signal(self, number: int) -> None:
        """Send a signal to every worker."""


class Here:
    """Does the work at once, in this process."""

    remote = False

    def __init__(self, sources: Sources | None = None) -> None:
        self.width = 1
        self._sources = sources or Sources()
        self.shortage = ""
        self._results: list[Any] = []

    @property
    def busy(self) -> bool:
        return bool(self._results)

    def ready(self) -> bool:
        return not self._results

    def give(self, work: Callable[[Any, Sources], Any], piece: Any) -> None:
        self._results.append(work(piece, self._sources))

    def finished(self, seconds: float) -> Iterator[Any]:
        while self._results:
            yield self._results.pop()

    def signal(self, number: int) -> None:
        pass


@contextmanager
def workers(
    jobs: int, cluster: str | None = None, sources: Sources | None = None
) -> Iterator[Workers]:
    """Yield the workers that are asked for; what they have not begun on leaving is dropped.

    Those on this machine begin with what `sources` has read.
    """
    if cluster is not None:
        from nnfs_cli.sweeps.cluster import connected

        with connected(cluster) as found:
            yield found
    elif jobs == 1:
        yield Here(sources)
    else:
        from nnfs_cli.sweeps.processes import Processes

        processes = Processes(jobs, sources)
        try:
            yield processes
        finally:
            processes.close()


def results(
    workers: Workers, work: Callable[[Work, Sources], Result], pieces: Iterable[Work]
) -> Iterator[Result]:
    """Yield the result of each piece as it is done, until all are or a signal asks to stop."""
    rest, saves = iter(pieces), interrupts.asked.saves
    try:
        piece = next(rest, None)
        while not interrupts.asked.stop:
            if interrupts.asked.saves > saves:
                saves = interrupts.asked.saves
                workers.signal(signal.SIGUSR1)
            while piece is not None and workers.ready():
                workers.give(work, piece)
                piece = next(rest, None)
            if piece is None and not workers.busy:
                return
            yield from workers.finished(GLANCE)
    except interrupts.Stopped:
        time.sleep(0 if interrupts.asked.stop else GLANCE)  # the signal may be on its way here, too
        if not interrupts.asked.stop:
            raise NnfsError(
                "a worker was stopped by a signal; type the same command again to go on"
            ) from None
    if not workers.remote:
        yield from _last(workers)


def _last(workers: Workers) -> Iterator[Any]:
    """Stop workers, and yield the results of those that were done before they noticed."""
    workers.signal(signal.SIGTERM)
    while workers.busy:
        try:
            yield from workers.finished(GLANCE)
        except interrupts.Stopped:
            continue
