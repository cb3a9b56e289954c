"""Workers of a Dask cluster.

Dask's messages may contain pickled objects, and unpickling one can run any code its sender chose.
Here only plain values and the type of our results, bytes, are unpickled.
"""

from __future__ import annotations

import io
import logging
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from time import monotonic, sleep
from types import ModuleType
from typing import Any

from nnfs_cli import __version__, interrupts
from nnfs_cli.data.source import Sources
from nnfs_cli.errors import NnfsError

CONNECT = 10  # timeout for connecting to the scheduler, seconds
PATIENCE = 10.0  # longest time that a cluster may have no workers, seconds
RETRIES = 3  # repetitions of work after the death of its worker
POLL = 0.02  # seconds between checks for results
EXTRA = "pip install 'nnfs-cli[cluster]'"
ADDRESS = re.compile(r"((tcp|tls)://)?[^/\s]+:[0-9]{1,5}")
TLS = """\
{}: tls:// requires certificates; set the paths of their files, for example:
export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=ca.pem
export DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT=cert.pem
export DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY=key.pem"""


class Cluster:
    """The workers of a Dask cluster; see workers.Workers."""

    remote = True
    shortage = ""

    def __init__(self, client: Any, address: str) -> None:
        self.width = 1
        self._client = client
        self._address = address
        self._futures: set[Any] = set()
        self._seen = monotonic()  # last time with workers
        self._looked = 0.0  # last time they were counted

    @property
    def busy(self) -> bool:
        return bool(self._futures)

    def ready(self) -> bool:
        return len(self._futures) < 2 * self.width

    def give(self, work: Callable[[Any, Sources], Any], piece: Any) -> None:
        with _translated(self._address):
            self._futures.add(self._client.submit(_do, work, piece, pure=False, retries=RETRIES))

    def finished(self, seconds: float) -> Iterator[bytes]:
        end = monotonic() + seconds
        while not (done := [future for future in self._futures if future.done()]):
            self.look()
            if monotonic() > end:
                return
            sleep(POLL)
        for future in done:
            self._futures.remove(future)
            with _translated(self._address):
                if future.status == "error":
                    raise self._failure(future.exception())
                content = future.result()
            if not isinstance(content, bytes):
                raise NnfsError(f"{self._address}: a worker sent a result that is not bytes")
            yield content

    def signal(self, number: int) -> None:
        """Do nothing: signals cannot reach other machines."""

    def look(self) -> bool:
        """Count the workers, at most once a second, and return whether there are any; NnfsError if
        there have been none for PATIENCE seconds."""
        if monotonic() - self._looked > 1:
            with _translated(self._address):
                threads = sum(self._client.nthreads().values())
            self._looked = monotonic()
            if threads:
                self.width, self._seen = threads, self._looked
            if self._looked - self._seen > PATIENCE:
                raise NnfsError(
                    f"{self._address}: the cluster has no workers; start some with "
                    f"'dask worker {self._address}', and repeat the same command"
                )
        return self._seen == self._looked

    def _failure(self, error: BaseException) -> NnfsError:
        """Return the error for a piece of work that failed outside our code."""
        text = repr(error)  # if the exception was not unpickled, its bytes
        if "KilledWorker" in text:
            return NnfsError(f"{self._address}: workers were killed, possibly out of memory")
        missing = re.search("No module named '?([A-Za-z_.]+)", text)
        what = f" (it lacks {missing[1]})" if missing else ""
        return NnfsError(
            f"{self._address}: a worker could not do the work{what}; "
            f"every worker requires nnfs-cli {__version__}: {EXTRA}"
        )


def _do(work: Callable[[Any, Sources], Any], piece: Any) -> Any:
    """Do a piece of work on a worker of the cluster, which keeps what it has read of files."""
    from distributed import get_worker

    return work(piece, vars(get_worker()).setdefault("nnfs_sources", Sources()))


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Yield a cluster's workers once there are any."""
    try:
        from distributed import Client
    except ImportError:
        raise NnfsError(f"--cluster requires the library 'distributed': {EXTRA}") from None
    logging.disable()  # lost connections are reported by _translated instead
    with _distrusting():
        try:
            client = Client(address, timeout=CONNECT, set_as_default=False)
        except TypeError:  # raised by Dask for missing certificates
            if not address.startswith("tls://"):
                raise
            raise NnfsError(TLS.format(address)) from None
        except (OSError, ValueError) as error:
            text = f"{address}: cannot connect to a Dask scheduler: {error}"
            raise NnfsError(text) from None
        with client:
            cluster = Cluster(client, address)
            while not (interrupts.asked.stop or cluster.look()):
                sleep(POLL)
            yield cluster


@contextmanager
def _translated(address: str) -> Iterator[None]:
    """Turn Dask's exceptions into NnfsError."""
    from distributed.comm import CommClosedError

    try:
        yield
    except Refused as error:
        raise NnfsError(f"{address}: {error}") from None
    except (CancelledError, CommClosedError, OSError, TimeoutError):
        raise NnfsError(f"{address}: lost the connection to the Dask scheduler") from None


class Refused(TypeError):
    """The cluster sent a pickled object; a TypeError, as Dask expects for failed unpickling."""


class _Unpickler(pickle.Unpickler):
    """Loads only plain values and the type of our results."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("builtins", "bytes"):
            return bytes
        raise Refused(f"it sent an object of {module}.{name}; such objects are not unpickled")


class _Pickle(ModuleType):
    """A replacement for the module pickle inside Dask."""

    def __getattr__(self, name: str) -> Any:
        return getattr(pickle, name)

    @staticmethod
    def loads(data: Any, **options: Any) -> Any:
        return _Unpickler(io.BytesIO(data), **options).load()

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        return _Unpickler(file, **options).load()


@contextmanager
def _distrusting() -> Iterator[None]:
    """Make Dask use _Unpickler in this process."""
    ours = _Pickle("pickle")
    modules = [module for name, module in sys.modules.items() if name.startswith("distributed.")]
    changed = [module for module in modules if vars(module).get("pickle") is pickle]
    if sys.modules["distributed.protocol.pickle"] not in changed:
        raise NnfsError(f"this version of 'distributed' is not supported: {EXTRA}")
    for module in changed:
        vars(module)["pickle"] = ours
    try:
        yield
    finally:
        for module in changed:
            vars(module)["pickle"] = pickle
