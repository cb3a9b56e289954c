"""The findings of a run: what is wrong, in numbers, and the overrides that may cure it.

A check is a function that takes Evidence and returns a Found, or None; CHECKS lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nnfs_cli.analysis.checks import (
    dead_units,
    diverged,
    exploding_gradients,
    initial_cost_high,
    learning_rate_high,
    learning_rate_low,
    learning_rate_zero,
    not_converged,
    not_trained,
    overfitting,
    saturated_units,
    symmetric_units,
    vanishing_gradients,
)
from nnfs_cli.analysis.cures import Found
from nnfs_cli.analysis.learning import linear_network, majority_class, missed_class, underfitting
from nnfs_cli.analysis.symptoms import Evidence


@dataclass(frozen=True)
class Finding:
    """Something wrong: `seen` describes it, and `change` is a set of overrides that may cure it.

    `others` are alternatives to `change`. `figures` are the numbers in `seen`. `code` is the name
    of the check; it is part of the JSON output and does not change.
    """

    code: str
    seen: str
    change: list[str]
    figures: dict[str, Any] = field(default_factory=dict)
    others: list[list[str]] = field(default_factory=list)


def findings(evidence: Evidence) -> list[Finding]:
    """Return the findings of a run in the order of CHECKS; none if it is healthy."""
    found = ((code, check(evidence)) for code, check in CHECKS.items())
    return [
        Finding(
            code,
            item.seen,
            list(dict.fromkeys(item.change)),
            item.figures,
            [list(dict.fromkeys(other)) for other in item.others if other],
        )
        for code, item in found
        if item
    ]


CHECKS: dict[str, Callable[[Evidence], Found | None]] = {
    "diverged": diverged,
    "not_trained": not_trained,
    "learning_rate_zero": learning_rate_zero,
    "learning_rate_high": learning_rate_high,
    "learning_rate_low": learning_rate_low,
    "not_converged": not_converged,
    "initial_cost_high": initial_cost_high,
    "majority_class": majority_class,
    "missed_class": missed_class,
    "linear_network": linear_network,
    "underfitting": underfitting,
    "overfitting": overfitting,
    "dead_units": dead_units,
    "saturated_units": saturated_units,
    "symmetric_units": symmetric_units,
    "vanishing_gradients": vanishing_gradients,
    "exploding_gradients": exploding_gradients,
}
