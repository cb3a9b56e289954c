"""Workers of a Dask cluster.

Dask's messages may hold pickled objects, and unpickling runs whatever code their sender likes. What
comes from a cluster must not: results are bytes, and of pickled objects only those are accepted
that consist of nothing but FOUND.
"""

from __future__ import annotations

import importlib
import io
import logging
import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from time import monotonic, sleep
from types import ModuleType
from typing import Any

from nnfs_cli import signals
from nnfs_cli.errors import NnfsError

PATIENCE = 10.0  # seconds that a cluster may be without workers
GLANCE = 0.1  # seconds between two looks at whether there are some
FOUND = {("builtins", "bytes")}  # what a pickled object may refer to


class _Unpickler(pickle.Unpickler):
    """Loads objects that consist of FOUND only; TypeError, as Dask expects it, for any other."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in FOUND:
            return super().find_class(module, name)
        raise TypeError(f"{module}.{name} is not accepted from a cluster")


class _Pickle(ModuleType):
    """Stands for the module pickle in Dask's own."""

    Unpickler = _Unpickler

    def __getattr__(self, name: str) -> Any:
        return getattr(pickle, name)

    @staticmethod
    def loads(data: Any, **options: Any) -> Any:
        print("LOADS", bytes(data)[:300], file=sys.stderr)
        return _Unpickler(io.BytesIO(data), **options).load()

    @staticmethod
    def load(file: Any, **options: Any) -> Any:
        return _Unpickler(file, **options).load()

def distrust():
    for name in list(sys.modules):
        if name.partition(".")[0] == "distributed":
            m = sys.modules[name]
            if getattr(m, "pickle", None) is pickle:
                print("patched", name)
                m.pickle = _Pickle("pickle")
