"""Workers that train stacks: this process, several processes, or a Dask cluster."""

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
GLANCE = 0.2  # seconds between checks for stop and save requests


class Workers(Protocol):
    """Do pieces of work, `width` at a time; `remote` if on machines without shared files.

    `shortage` is the reason for having fewer workers than requested, or "".
    """

    width: int
    shortage: str

    @property
    def remote(self) -> bool: ...

    @property
    def busy(self) -> bool:
        """Whether results are outstanding."""

    def ready(self) -> bool:
        """Return whether a worker is free."""

    def give(self, work: Callable[[Any, Sources], Any], piece: Any) -> None:
        """Give a piece of work to a free worker, which adds the sources that it keeps."""

    def finished(self, seconds: float) -> Iterator[Any]:
        """Yield results that arrive within some seconds; reraise exceptions of the work."""

    def signal(self, number: int) -> None:
        """Send a signal to every worker."""


class Here:
    """Does the work immediately, in this process."""

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
    """Yield `jobs` workers, or those of a cluster; on exit, work not yet begun is dropped.

    Workers on this machine begin with the files that `sources` has read.
    """
    if cluster is not None:
        from nnfs_cli.sweeps.cluster import connected

        with connected(cluster) as cluster_workers:
            yield cluster_workers
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
    """Yield each result as it arrives, until all pieces are done or a stop is requested."""
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
        # A terminal signals all processes: this one may get the signal after its worker.
        time.sleep(0 if interrupts.asked.stop else GLANCE)
        if not interrupts.asked.stop:
            raise NnfsError(
                "a worker was stopped by a signal; to continue, repeat the same command"
            ) from None
    if not workers.remote:
        yield from _last(workers)


def _last(workers: Workers) -> Iterator[Any]:
    """Stop workers, and yield the results of those that finished before noticing."""
    workers.signal(signal.SIGTERM)
    while workers.busy:
        try:
            yield from workers.finished(GLANCE)
        except interrupts.Stopped:
            continue
