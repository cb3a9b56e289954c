"""A run's findings: what is wrong with it, in numbers, and what to change in its configuration.

A check is a function from Evidence to a Finding, or None; CHECKS at the foot has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.evidence import Evidence, LayerState
from nnfs_cli.schema import LayerConfig


@dataclass(frozen=True)
class Finding:
    """Something wrong: what was seen, in plain words, and the overrides that may mend it.

    `figures` are the numbers of `seen`; `code` names the check and does not change.
    """

    code: str
    seen: str
    change: list[str]
    figures: dict[str, Any] = field(default_factory=dict)


class Found(NamedTuple):
    """What a check returns; a Finding without its code."""

    seen: str
    change: Sequence[str]
    figures: dict[str, Any]


def findings(evidence: Evidence) -> list[Finding]:
    """Return what is wrong with a run, in the order of CHECKS; nothing if it is healthy."""
    found = ((code, check(evidence)) for code, check in CHECKS.items())
    return [
        Finding(code, item.seen, list(dict.fromkeys(item.change)), item.figures)
        for code, item in found
        if item
    ]


# --- the cost ------------------------------------------------------------------------------


def diverged(e: Evidence) -> Found | None:
    if e.status != "diverged":
        return None
    epoch, cost = int(e.log["epoch"][-1]), float(e.log["cost"][-1])
    if not isfinite(cost):
        change = [*_scale(e), *(c for i in range(len(e.config.layers)) for c in _calm(e, i))]
        return Found("the cost was not finite before the first update", change, {"epoch": epoch})
    seen = f"the cost is no longer finite; it was {cost:.4g} at epoch {epoch}"
    clip = [] if e.config.gradient_clip else ["gradient_clip=1"]
    return Found(seen, [*_rate(e, 0.1), *clip], {"epoch": epoch, "cost": cost})


def not_trained(e: Evidence) -> Found | None:
    if e.config.epochs:
        return None
    return Found("there was no update: epochs is 0", ["epochs=1000"], {"epochs": 0})


def learning_rate_high(e: Evidence) -> Found | None:
    first, last = float(e.log["cost"][0]), float(e.log["cost"][-1])
    if not e.rises or (e.rises < 0.1 * e.steps and last <= first):
        return None
    seen = f"the cost went up in {e.rises} of {e.steps} logged steps; it began at {first:.4g} "
    seen += f"and ended at {last:.4g}"
    return Found(seen, _rate(e, 0.3), {"rises": e.rises, "steps": e.steps})


def learning_rate_low(e: Evidence) -> Found | None:
    first, last = float(e.log["cost"][0]), float(e.log["cost"][-1])
    # On a straight line the last tenth brings a tenth; less is a sign too, of a cost still high.
    if e.rises or e.last_tenth < (0.01 if last > first / 2 else 0.05):
        return None
    seen = (
        f"the cost fell from {first:.4g} to {last:.4g} and never went up, "
        f"and the last tenth of the epochs still brought {e.last_tenth:.1%} of this"
    )
    return Found(seen, _rate(e, 10), {"last_tenth": e.last_tenth})


def not_converged(e: Evidence) -> Found | None:
    if e.last_tenth < 0.01:
        return None
    seen = (
        f"the cost was still falling: the last tenth brought {e.last_tenth:.1%} of the whole fall"
    )
    return Found(seen, [f"epochs={3 * e.config.epochs}"], {"last_tenth": e.last_tenth})


def initial_cost_high(e: Evidence) -> Found | None:
    first = float(e.log["cost"][0])
    if not first > 2 * e.chance > 0:
        return None
    seen = f"the cost began at {first:.4g}; an answer that knows nothing costs {e.chance:.4g}"
    change = list(_scale(e))
    if not change:
        last = len(e.config.layers) - 1
        change = _calm(e, last, "plain")
    return Found(seen, change, {"initial_cost": first, "chance": e.chance})


def majority_class(e: Evidence) -> Found | None:
    if e.majority is None or not e.steps or e.log["accuracy"][-1] > e.majority + 1e-9:
        return None
    accuracy = float(e.log["accuracy"][-1])
    seen = f"accuracy is {accuracy:.4g}; to name the largest class always gives {e.majority:.4g}"
    causes = (symmetric_units, dead_units, saturated_units, vanishing_gradients, learning_rate_low)
    cause = next(filter(None, (check(e) for check in causes)), None)
    if cause:
        change = list(cause.change)
    elif len(e.config.layers) == 1:
        output = e.config.layers[0]
        layers = f"{{units: 8, activation: tanh}}, {{units: {output.units}, "
        change = [f"layers=[{layers}activation: {output.activation.name}}}]"]
    else:
        change = [f"seed={(e.config.seed + 1) % 2**32}", *_rate(e, 0.3 if e.rises else 3)]
    return Found(seen, change, {"accuracy": accuracy, "majority": e.majority})


def overfitting(e: Evidence) -> Found | None:
    test, cost = e.log.get("test_cost"), e.log["cost"]
    if test is None or not e.steps:
        return None
    best = int(test.argmin())
    low, last, first = float(test[best]), float(test[-1]), float(cost[-1])
    epoch = int(e.log["epoch"][best])
    figures = {"epoch": epoch, "best_test_cost": low, "test_cost": last, "cost": first}
    if last - low > max(0.1 * low, 0.02 * e.chance) and cost[-1] < cost[best]:
        seen = (
            f"the test cost rose from {low:.4g} at epoch {epoch} to {last:.4g}, "
            f"while the training cost fell from {float(cost[best]):.4g} to {first:.4g}"
        )
        return Found(seen, [f"epochs={max(epoch, 1)}"], figures)
    if last > 3 * first and last - first > 0.1 * e.chance:
        seen = f"the test cost is {last:.4g}, the training cost {first:.4g}"
        hidden = enumerate(e.config.layers[:-1])
        return Found(seen, [f"layers.{i}.units={-(-h.units // 2)}" for i, h in hidden], figures)
    return None


# --- units -----------------------------------------------------------------------------------


def dead_units(e: Evidence) -> Found | None:
    bad = _ill(e, lambda layer: layer.dead, range(len(e.config.layers)))
    if not bad:
        return None
    seen = f"relu units that no training sample activates: {_told(e, bad)}"
    change = [f"layers.{i}.activation=leaky_relu" for i in bad]
    born = [i for i in bad if e.start[i].dead]
    change += [c for i in born for c in _calm(e, i)] if born else _rate(e, 0.3)
    return Found(seen, change, {"units": {str(i + 1): n for i, n in bad.items()}})


def saturated_units(e: Evidence) -> Found | None:
    bad = _ill(e, lambda layer: layer.saturated, range(len(e.config.layers) - 1))
    if not bad:
        return None
    seen = f"units within 2 % of their limits on more than 95 % of the samples: {_told(e, bad)}"
    change = list(_scale(e)) or [c for i in bad if e.start[i].saturated for c in _calm(e, i)]
    figures = {"units": {str(i + 1): n for i, n in bad.items()}}
    return Found(seen, change or _rate(e, 0.3), figures)


def symmetric_units(e: Evidence) -> Found | None:
    bad = _ill(e, lambda layer: layer.copies, range(len(e.config.layers) - 1))
    if not bad:
        return None
    seen = f"hidden units that are copies of each other: {_told(e, bad)}"
    change = [c for i in bad for c in _calm(e, i)]
    return Found(seen, change, {"units": {str(i + 1): n for i, n in bad.items()}})


# --- gradients -------------------------------------------------------------------------------


def vanishing_gradients(e: Evidence) -> Found | None:
    ratios = _ratios(e)
    if not any(0 < ratio < 1e-3 for ratio in ratios.values()):
        return None
    seen = f"the gradient of layer 1 is, to that of the last, {_ratio_text(ratios)}"
    change = []
    for i, layer in enumerate(e.config.layers[:-1]):
        if layer.activation.name == "sigmoid":
            change.append(f"layers.{i}.activation=tanh")
        change += _calm(e, i)
    return Found(seen, change, {"ratio": ratios})


def exploding_gradients(e: Evidence) -> Found | None:
    ratios, step = _ratios(e), max(layer.step for layer in e.start)
    far = max(ratios.values()) > 100
    if not far and step <= 10:
        return None
    layer = 1 + max(range(len(e.start)), key=lambda i: e.start[i].step)
    seen = f"the first update changes layer {layer} by {step:.3g} times its size"
    if far:
        seen = f"the gradient of layer 1 is, to that of the last, {_ratio_text(ratios)}"
    change = list(_scale(e)) or [c for i in range(len(e.config.layers)) for c in _calm(e, i)]
    clip = [] if e.config.gradient_clip else ["gradient_clip=1"]
    return Found(seen, [*(change or _rate(e, 0.1)), *clip], {"ratio": ratios, "step": step})


def _ratios(e: Evidence) -> dict[str, float]:
    """Return the first layer's gradient to the last one's, at the start and at the end."""
    states = {"start": e.start, "end": e.end or e.start}
    return {
        when: layers[0].gradient / layers[-1].gradient if layers[-1].gradient else 0.0
        for when, layers in states.items()
    }


def _ratio_text(ratios: dict[str, float]) -> str:
    return f"{ratios['start']:.3g} to 1 at the start and {ratios['end']:.3g} to 1 at the end"


# --- what to change --------------------------------------------------------------------------


def _rate(e: Evidence, factor: float) -> list[str]:
    return [f"learning_rate={e.config.learning_rate * factor:.2g}"]


def _scale(e: Evidence) -> Iterator[str]:
    """Yield how to scale the data, if that is not done and some is large."""
    given = e.config.dataset.parameters
    if given["scale"] == "none" and e.size > 10:
        yield "dataset.scale=standard"
    if e.majority is None and given["scale_target"] == "none" and e.chance > 10:
        yield "dataset.scale_target=standard"


def _calm(e: Evidence, i: int, initializer: str = "") -> list[str]:
    """Return how layer i gets parameters that suit its activation, if it has others."""
    layer = e.config.layers[i]
    usual = initializer or _usual(layer)
    change = [f"layers.{i}.weights=null"] if layer.weights is not None else []
    if layer.initializer is None or layer.initializer.name != usual:
        change.append(f"layers.{i}.initializer={usual}")
    if layer.biases is not None:
        change.append(f"layers.{i}.biases=null")
    if layer.bias_initializer.name != "zeros":
        change.append(f"layers.{i}.bias_initializer=zeros")
    return change


def _usual(layer: LayerConfig) -> str:
    return ACTIVATIONS[layer.activation.name](**layer.activation.parameters).initializer


def _ill(e: Evidence, count: Callable[[LayerState], int], layers: range) -> dict[int, int]:
    """Return how many units are ill in each layer where a tenth or more is, after training."""
    counts = {i: count(e.end[i]) for i in layers} if e.end else {}
    return {i: n for i, n in counts.items() if n >= 0.1 * e.config.layers[i].units}


def _told(e: Evidence, counts: dict[int, int]) -> str:
    units = [layer.units for layer in e.config.layers]
    return ", ".join(f"{n} of {units[i]} in layer {i + 1}" for i, n in counts.items())


CHECKS: dict[str, Callable[[Evidence], Found | None]] = {
    "diverged": diverged,
    "not_trained": not_trained,
    "learning_rate_high": learning_rate_high,
    "learning_rate_low": learning_rate_low,
    "not_converged": not_converged,
    "initial_cost_high": initial_cost_high,
    "majority_class": majority_class,
    "overfitting": overfitting,
    "dead_units": dead_units,
    "saturated_units": saturated_units,
    "symmetric_units": symmetric_units,
    "vanishing_gradients": vanishing_gradients,
    "exploding_gradients": exploding_gradients,
}
