"""Checks of how much a network has learned, compared with simpler models.

A check is a function that takes Evidence and returns a Found, or None.
"""

from __future__ import annotations

from typing import Any

from nnfs_cli.analysis import baselines
from nnfs_cli.analysis.checks import (
    dead_units,
    learning_rate_low,
    learning_rate_zero,
    overfitting,
    saturated_units,
    symmetric_units,
    vanishing_gradients,
)
from nnfs_cli.analysis.cures import Found, bent, calmer, rate_times, scaling, wider
from nnfs_cli.analysis.symptoms import Evidence
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.errors import short


def majority_class(e: Evidence) -> Found | None:
    if e.majority is None or not e.steps:
        return None
    for part, key, share in (
        ("", "accuracy", e.majority),
        ("test ", "test_accuracy", e.test_majority),
    ):
        if share is None or key not in e.log:
            continue
        accuracy = float(e.log[key][-1])
        if accuracy <= share + 1e-9 and accuracy < 1:
            seen = f"{part}accuracy is {accuracy:.4g}; "
            seen += f"always guessing the most common class scores {share:.4g}"
            change, *others = _stuck(e)
            return Found(seen, change, {key: accuracy, f"{part}majority": share}, others)
    return None


def missed_class(e: Evidence) -> Found | None:
    if not e.missed or not e.steps or majority_class(e):
        return None
    classes = ", ".join(f"{short(name)!r} ({count})" for name, count in list(e.missed.items())[:8])
    seen = f"classes that are never predicted, with their number of samples: {classes}"
    change, *others = _stuck(e)
    return Found(seen, change, {"classes": e.missed}, others)


def linear_network(e: Evidence) -> Found | None:
    hidden = e.config.layers[:-1]
    if not hidden or not e.end or not e.steps:
        return None
    figures = {"cost": e.last}
    if all(layer.activation.linear for layer in e.network.layers[:-1]):
        perfect = "accuracy" in e.log and e.log["accuracy"][-1] == 1
        if perfect or e.last <= 0.01 * e.constant:
            return None
        seen = "every hidden layer is linear: the network is a linear model"
    elif e.linearity > 0.999 and e.baselines and e.baselines.bends and _poor(e):
        seen = "the hidden layers are nearly linear: the network is in effect a linear model"
        figures["linearity"] = e.linearity
    else:
        return None
    change = [c for i in range(len(hidden)) for c in bent(e, i)]
    change = change or [c for i in range(len(e.config.layers)) for c in calmer(e, i)]
    seen += f"; it costs {e.last:.4g}"
    return Found(seen, change, figures, [wider(e, change)])


def underfitting(e: Evidence) -> Found | None:
    if not e.end or not e.steps or not e.last > 1e-9:
        return None
    figures: dict[str, Any] = {"cost": e.last, "constant": e.constant}
    if e.last >= 0.95 * e.constant:
        answer = f"the {LOSSES[e.config.loss].best_constant}"
        if e.majority is not None and answer == "the mean":
            answer = "the classes' shares"
        seen = f"the cost is {e.last:.4g}; always answering {answer} costs {e.constant:.4g}"
        change, *others = _stuck(e)
        return Found(seen, change, figures, others)
    simple = e.baselines if _poor(e) else None
    if simple is None or not simple.bends:
        return None
    figures |= {"linear": simple.linear, "curved": simple.curved}
    hidden = len(e.config.layers) > 1
    if hidden and e.cost >= 0.97 * simple.linear > 0.1 * e.constant:
        seen = (
            f"the cost is {e.last:.4g}; a linear model of the same data costs {simple.linear:.4g}"
        )
    elif e.cost > 1.5 * simple.curved:
        reached = simple.curved if simple.curved > 1e-6 * e.constant else 0
        seen = f"the cost is {e.last:.4g}; a model on random features costs {reached:.4g}"
        seen += "" if e.samples < baselines.FEW else " on samples kept out of its fit"
    else:
        return None
    change, *others = _stuck(e)
    return Found(seen, change, figures, others)


def _poor(e: Evidence) -> bool:
    """Return whether the cost is more than a tenth of the best constant answer's."""
    return e.last > 0.1 * e.constant


def _stuck(e: Evidence) -> list[list[str]]:
    """Return sets of overrides for a network that has learned too little, causes first."""
    layers = e.config.layers
    causes = (
        symmetric_units,
        dead_units,
        saturated_units,
        vanishing_gradients,
        learning_rate_zero,
        learning_rate_low,
    )
    found = [*filter(None, (check(e) for check in causes))]
    small = [c for i, size in enumerate(e.sizes) if size < 0.3 for c in calmer(e, i)]
    sets = [list(scaling(e)), small, *(list(item.change) for item in found)]
    if len(layers) == 1:
        output = layers[0]
        new = f"{{units: 8, activation: tanh}}, {{units: {output.units}, "
        sets.append([f"layers=[{new}activation: {output.activation.name}}}]"])
    else:
        curved = [c for i in range(len(layers) - 1) for c in bent(e, i)]
        sets += [curved, wider(e, curved)]
    if not learning_rate_zero(e):
        sets += [rate_times(e, 0.3 if e.rises else 3), [] if e.rises else rate_times(e, 10)]
    if e.config.epochs and not overfitting(e):
        sets.append([f"epochs={3 * e.config.epochs}"])
    sets.append([f"seed={(e.config.seed + 1) % 2**32}"])
    return [change for change in sets if change]
