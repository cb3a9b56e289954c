"""Where work is done: in this process, in several, or on a Dask cluster; only the executor
differs."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from nnfs_cli import signals
from nnfs_cli.errors import NnfsError

Work = TypeVar("Work")
Result = TypeVar("Result")
GLANCE = 0.2  # seconds between two looks at whether to stop


class Workers(NamedTuple):
    """An executor, how many pieces of work it does at a time, and how to pass on a signal."""

    executor: Executor
    width: int
    tell: Callable[[int], None] = lambda number: None


class _Serial(Executor):
    """Does the work at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def workers(jobs: int, cluster: str | None = None) -> Iterator[Workers]:
    """Yield the workers that are asked for; what they have not begun on leaving is dropped."""
    if cluster:
        yield from _cluster(cluster)
    elif jobs == 1:
        yield Workers(_Serial(), 1)
    else:
        # A forked worker has everything loaded; elsewhere than on Linux forking is not safe.
        method = "fork" if sys.platform == "linux" else "spawn"
        pool = ProcessPoolExecutor(
            jobs,
            mp_context=multiprocessing.get_context(method),
            initializer=_begin_worker,
            initargs=(os.getpid(),),
        )

        def tell(number: int) -> None:
            for worker in list(pool._processes or ()):
                with suppress(ProcessLookupError):
                    os.kill(worker, number)

        try:
            yield Workers(pool, jobs, tell)
        finally:
            tell(signal.SIGTERM)
            pool.shutdown(cancel_futures=True)  # when they have saved what they are at


def _begin_worker(parent: int) -> None:
    """Leave a terminal's signals to the parent, and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signals.note_stop)
    signal.signal(signal.SIGUSR1, signals.note_save)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.05)  # it keeps the parent's locks until then
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _cluster(address: str) -> Iterator[Workers]:
    try:
        from distributed import Client, KilledWorker
        from distributed.comm import CommClosedError
    except ImportError:
        raise NnfsError(
            "--cluster needs the library 'distributed': pip install 'nnfs-cli[cluster]'"
        ) from None
    logging.disable()  # what Dask says of a lost connection is not for the user: see below
    try:
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise NnfsError(f"{address}: no Dask scheduler answers there: {error}") from None
    with client:
        width = max(1, sum(client.nthreads().values()))
        try:
            yield Workers(client.get_executor(pure=False, retries=3), width)
        except (CancelledError, CommClosedError):
            raise NnfsError(f"{address}: the Dask scheduler is gone") from None
        except KilledWorker:
            raise NnfsError("workers were killed, perhaps for want of memory") from None


def results(
    workers: Workers, work: Callable[[Work], Result], pieces: Iterable[Work]
) -> Iterator[Result]:
    """Yield the result of each piece as it is done, until all are or a signal asks to stop."""
    waiting: set[Future[Result]] = set()
    rest, saves = iter(pieces), signals.asked.saves
    try:
        while not signals.asked.stop:
            if signals.asked.saves > saves:
                saves = signals.asked.saves
                workers.tell(signal.SIGUSR1)
            for piece in rest:
                waiting.add(workers.executor.submit(work, piece))
                if len(waiting) >= 2 * workers.width or isinstance(workers.executor, _Serial):
                    break
            if not waiting:
                return
            finished, waiting = wait(waiting, timeout=GLANCE, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    except signals.Stopped:
        return
    except BrokenProcessPool:
        raise NnfsError("a worker was killed, perhaps for want of memory") from None
