"""Endings: what ends a run before its last epoch.

An entry of ENDINGS is a function of the ending's parameters that returns an Ending. The loop calls
it after every logged entry, for one network or for a stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from nnfs_cli.core.activations import Array

Log: TypeAlias = Mapping[str, Any]

# (log, entry, params) -> mask (networks...): the networks whose run ends with this entry.
#
# `log[figure][entry]` holds a figure, such as cost or test_accuracy, of each network (networks...);
# entries up to this one are filled. A network that ended earlier has NaN from then on. `params` are
# the present parameters (networks..., n_params). An ending keeps nothing between calls, so a
# resumed run ends where an uninterrupted one does.
Ending: TypeAlias = "Callable[[Log, int, Array], Array]"


def diverged() -> Ending:
    """End the run of a network whose cost, or any of its parameters, is not finite."""

    def ends(log: Log, entry: int, params: Array) -> Array:
        finite = np.isfinite(log["cost"][entry]) & np.isfinite(params).all(axis=-1)
        mask: Array = np.logical_not(finite)
        return mask

    return ends


ENDINGS: dict[str, Callable[..., Ending]] = {"diverged": diverged}
