"""Cores and memory that this process may use, and the hardware and BLAS that decide rounding."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


def cores() -> int:
    """Return the number of cores that this process may use, at least 1.

    Respects CPU affinity (`taskset`, SLURM) and control group quotas (containers).
    """
    try:
        allowed = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on macOS
        allowed = os.cpu_count() or 1
    return max(1, min([allowed, *(-int(-quota // 1) for quota in _quotas())]))


def _quotas() -> Iterator[float]:
    """Yield the CPU quota, in cores, of each enclosing control group that has one."""
    with suppress(OSError, ValueError):
        for line in OWN_CGROUPS.read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            if controllers == "":
                root, files = CGROUPS, ["cpu.max"]
            elif "cpu" in controllers.split(","):
                root, files = CGROUPS / "cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
            else:
                continue
            # In a container the name may be the host's; the container's own group is then the root.
            group = root / name.strip("/")
            for directory in (group, *group.parents):
                yield from _quota(directory, files)
                if directory == root:
                    break


def _quota(directory: Path, files: list[str]) -> Iterator[float]:
    """Yield one control group's quota / period, in cores, if it is limited."""
    with suppress(OSError, ValueError):
        words = [word for file in files for word in (directory / file).read_text().split()]
        quota, period = map(int, words)  # "max" and -1 mean no limit
        if quota > 0 and period > 0:
            yield quota / period


def memory() -> int:
    """Return the machine's physical memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def processor() -> str:
    """Return the processor's model name, or "unknown" if the system does not report it."""
    with suppress(OSError), Path("/proc/cpuinfo").open() as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "unknown"


def kernels() -> str:
    """Return the name of the kernels that OpenBLAS chose for this processor, or "unknown"."""
    import ctypes

    if (function := _openblas("get_corename")) is None:
        return "unknown"
    function.restype = ctypes.c_char_p
    return str(function().decode(errors="replace"))


def blas_threads() -> str:
    """Return the number of threads that OpenBLAS uses, or "unknown"."""
    function = _openblas("get_num_threads")
    return "unknown" if function is None else str(function())


def _openblas(name: str) -> Any:
    """Return a function of the OpenBLAS that NumPy is linked with, or None."""
    import ctypes
    from importlib import import_module

    try:
        # Symbols of the libraries that NumPy's extension is linked with are found through it.
        library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
    except (ImportError, OSError):
        return None
    spellings = (f"{start}openblas_{name}{end}" for start in ("scipy_", "") for end in ("64_", ""))
    return next((f for spelling in spellings if (f := getattr(library, spelling, None))), None)


def instructions() -> str:
    """Return the SIMD instruction sets that NumPy uses on this processor."""
    import numpy as np

    return " ".join(np.show_config(mode="dicts")["SIMD Extensions"]["found"])
