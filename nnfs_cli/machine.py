"""What this process may use of its machine, and what the last bits of its numbers depend on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


def cores() -> int:
    """Return the number of processors that this process may use, at least 1.

    Affinity (`taskset`, SLURM) and the quotas of its control groups (containers) limit it.
    """
    try:
        allowed = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on macOS
        allowed = os.cpu_count() or 1
    return max(1, min([allowed, *(-int(-quota // 1) for quota in _quotas())]))


def _quotas() -> Iterator[float]:
    """Yield the processors that each control group around this process may use, where limited."""
    with suppress(OSError, ValueError):
        for line in OWN_CGROUPS.read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            if controllers == "":
                root, files = CGROUPS, ["cpu.max"]
            elif "cpu" in controllers.split(","):
                root, files = CGROUPS / "cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
            else:
                continue
            # In a container the name may be the host's; its own group is then the root.
            group = root / name.strip("/")
            for directory in (group, *group.parents):
                yield from _quota(directory, files)
                if directory == root:
                    break


def _quota(directory: Path, files: list[str]) -> Iterator[float]:
    """Yield quota / period of one control group, if it has them."""
    with suppress(OSError, ValueError):
        words = [word for file in files for word in (directory / file).read_text().split()]
        quota, period = map(int, words)  # "max" and -1 stand for no limit
        if quota > 0 and period > 0:
            yield quota / period


def memory() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def processor() -> str:
    """Return the processor's model name, or "unknown" where the system does not say."""
    with suppress(OSError), Path("/proc/cpuinfo").open() as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "unknown"


def kernels() -> str:
    """Return which of its kernels OpenBLAS chose for this processor, or "unknown"."""
    import ctypes
    from importlib import import_module

    with suppress(ImportError, OSError):
        # The library of NumPy's own code also resolves the symbols of the BLAS it is linked with.
        library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
        for name in (
            "scipy_openblas_get_corename64_",
            "scipy_openblas_get_corename",
            "openblas_get_corename64_",
            "openblas_get_corename",
        ):
            if function := getattr(library, name, None):
                function.restype = ctypes.c_char_p
                return str(function().decode(errors="replace"))
    return "unknown"


def instructions() -> str:
    """Return the instruction sets that NumPy found on this processor, and computes with."""
    import numpy as np

    return " ".join(np.show_config(mode="dicts")["SIMD Extensions"]["found"])
