"""Lanes: how the samples are divided among threads, and the threads.

The number of lanes, and where each begins, depends only on the number of samples: with any number
of threads, sums are taken in the same order.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

LANE = 400  # fewest samples of a lane, where there is more than one
MAX_LANES = 8


def divide(samples: int, parts: int) -> list[tuple[int, int]]:
    """Return where each of `parts` parts of about equal size starts and stops."""
    return list(pairwise(i * samples // parts for i in range(parts + 1)))


def lane_count(samples: int) -> int:
    """Return the number of lanes, a power of two, as numbers of threads usually are."""
    lanes = 1
    while lanes < MAX_LANES and samples >= 2 * lanes * LANE:
        lanes *= 2
    return lanes


def pool(threads: int) -> ThreadPoolExecutor | None:
    """Return a pool with its threads already started: fewer if the system refuses some, or None.

    Left to itself, an executor starts a thread at submit. If that fails, the work stays queued, and
    is done twice when the caller does it instead.
    """
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    def ignore_overflow() -> None:
        np.seterr(all="ignore")  # errstate is per thread; callers check finiteness

    while threads:
        executor = ThreadPoolExecutor(threads, initializer=ignore_overflow)
        all_started, started = Event(), 0
        try:
            for _ in range(threads):
                executor.submit(all_started.wait)  # occupies its thread, so the next needs another
                started += 1
            return executor
        except RuntimeError:  # can't start new thread
            threads = started
        finally:
            all_started.set()
        executor.shutdown()
    return None
