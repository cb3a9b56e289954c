"""Checks of a run's log, units and gradients.

A check is a function that takes Evidence and returns a Found, or None.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from nnfs_cli.analysis.concerns import no_step
from nnfs_cli.analysis.cures import Found, calmer, narrower, rate_times, scaling, suggested_rate
from nnfs_cli.analysis.symptoms import Evidence, LayerState


def diverged(e: Evidence) -> Found | None:
    if e.status != "diverged":
        return None
    epoch, cost = int(e.log["epoch"][-1]), float(e.log["cost"][-1])
    if not isfinite(cost):
        change = [*scaling(e), *(c for i in range(len(e.config.layers)) for c in calmer(e, i))]
        return Found("the cost was not finite before the first update", change, {"epoch": epoch})
    seen = f"the cost is no longer finite; the last finite cost was {cost:.4g}, at epoch {epoch}"
    clip = [] if e.config.gradient_clip else ["gradient_clip=1"]
    others = [list(scaling(e)), clip, rate_times(e, 0.1), rate_times(e, 0.01)]
    return Found(seen, [*rate_times(e, 0.1), *clip], {"epoch": epoch, "cost": cost}, others)


def not_trained(e: Evidence) -> Found | None:
    if e.config.epochs:
        return None
    return Found("there was no update, because epochs is 0", ["epochs=1000"], {"epochs": 0})


def learning_rate_zero(e: Evidence) -> Found | None:
    rate = e.config.learning_rate
    if not e.config.epochs or not no_step(rate, e.samples, e.config.dtype):
        return None
    seen = f"no update changes anything: {no_step(rate, e.samples, e.config.dtype)}"
    return Found(seen, [f"learning_rate={suggested_rate(e)}"], {"learning_rate": rate})


def learning_rate_high(e: Evidence) -> Found | None:
    if not e.rises or (e.rises < 0.1 * e.steps and e.last <= e.first):
        return None
    seen = f"the cost rose in {e.rises} of {e.steps} logged steps; it began at {e.first:.4g} "
    seen += f"and ended at {e.last:.4g}"
    figures = {"rises": e.rises, "steps": e.steps}
    return Found(seen, rate_times(e, 0.3), figures, [list(scaling(e)), rate_times(e, 0.1)])


def learning_rate_low(e: Evidence) -> Found | None:
    if not e.end or not e.steps or e.rises or learning_rate_zero(e) or overfitting(e):
        return None
    # A steady fall has a tenth of its drop in the last tenth; a high cost counts from a hundredth.
    slow = e.last_tenth >= (0.01 if e.last > e.first / 2 else 0.05)
    if not (slow or _could_fall(e)) or not _has_room(e):
        return None
    if not 0 < e.config.learning_rate * e.sharpness < 0.1:
        return None  # larger steps would overshoot: the cost has a floor, or needs more epochs
    seen = f"the cost went from {e.first:.4g} to {e.last:.4g}"
    if slow:
        seen = (
            f"the cost fell from {e.first:.4g} to {e.last:.4g} without a rise, "
            f"{e.last_tenth:.1%} of it in the last tenth of the epochs"
        )
    limit = 2 / e.sharpness
    seen += f"; steps overshoot only above a learning rate of about {limit:.2g}"
    change = rate_times(e, 10) if slow else [f"learning_rate={suggested_rate(e)}"]
    others = [[f"learning_rate={suggested_rate(e)}"], rate_times(e, 3)]
    return Found(seen, change, {"last_tenth": e.last_tenth, "limit": limit}, others)


def _could_fall(e: Evidence) -> bool:
    """Return whether a cost that hardly fell could have, at a rate that the curvature allows."""
    if e.first - e.last > 0.01 * abs(e.first) or not e.end or not e.sharpness > 0:
        return False
    slope = sum(layer.gradient * layer.gradient for layer in e.end)
    return e.config.epochs * slope / e.sharpness > 0.05 * e.last


def _has_room(e: Evidence) -> bool:
    """Return whether the cost is clearly above a simple model's on samples kept out."""
    return e.baselines is None or e.cost > 1.1 * e.baselines.floor


def not_converged(e: Evidence) -> Found | None:
    if e.last_tenth < 0.01 or overfitting(e):
        return None
    seen = (
        f"the cost was still falling: {e.last_tenth:.1%} of its drop came in the last tenth of "
        "the epochs"
    )
    others = [] if e.rises else [rate_times(e, 3)]
    return Found(seen, [f"epochs={3 * e.config.epochs}"], {"last_tenth": e.last_tenth}, others)


def initial_cost_high(e: Evidence) -> Found | None:
    if not e.first > 2 * e.chance > 0 or not _has_room(e):
        return None
    seen = f"the cost began at {e.first:.4g}; guessing costs {e.chance:.4g}"
    change = list(scaling(e))
    if not change:
        last = len(e.config.layers) - 1
        change = calmer(e, last, "plain")
    return Found(seen, change, {"initial_cost": e.first, "chance": e.chance})


def dead_units(e: Evidence) -> Found | None:
    bad = _ill(e, lambda layer: layer.dead, range(len(e.config.layers)))
    if not bad:
        return None
    names = " and ".join(sorted({e.config.layers[i].activation.name for i in bad}))
    seen = f"{names} units that no training sample activates: {_listed(e, bad)}"
    change = [f"layers.{i}.activation=leaky_relu" for i in bad]
    born = [i for i in bad if e.start[i].dead]
    change += [c for i in born for c in calmer(e, i)] if born else rate_times(e, 0.3)
    others = [[f"layers.{i}.activation=leaky_relu" for i in bad], rate_times(e, 0.3)]
    return Found(seen, change, {"units": {str(i + 1): n for i, n in bad.items()}}, others)


def saturated_units(e: Evidence) -> Found | None:
    bad = _ill(e, lambda layer: layer.saturated, range(len(e.config.layers) - 1))
    if not bad:
        return None
    seen = f"units within 2 % of their limits on more than 95 % of the samples: {_listed(e, bad)}"
    change = list(scaling(e)) or [c for i in bad if e.start[i].saturated for c in calmer(e, i)]
    figures = {"units": {str(i + 1): n for i, n in bad.items()}}
    return Found(seen, change or rate_times(e, 0.3), figures)


def symmetric_units(e: Evidence) -> Found | None:
    bad = _ill(e, lambda layer: layer.copies, range(len(e.config.layers) - 1))
    if not bad:
        return None
    seen = f"hidden units that are copies of each other: {_listed(e, bad)}"
    change = [c for i in bad for c in calmer(e, i)]
    return Found(seen, change, {"units": {str(i + 1): n for i, n in bad.items()}})


def vanishing_gradients(e: Evidence) -> Found | None:
    ratios = _ratios(e)
    if not any(0 < ratio < 1e-3 for ratio in ratios.values()):
        return None
    seen = f"the gradient of layer 1 is {_ratio_text(ratios)}"
    change = []
    for i in range(len(e.config.layers) - 1):
        limits = e.network.layers[i].activation.limits
        if limits and limits[1] - limits[0] < 2:  # flatter than tanh
            change.append(f"layers.{i}.activation=tanh")
        change += calmer(e, i)
    return Found(seen, change, {"ratio": ratios})


def exploding_gradients(e: Evidence) -> Found | None:
    ratios, step = _ratios(e), max(layer.step for layer in e.start)
    far = max(ratios.values()) > 100
    if not far and step <= 10:
        return None
    layer = 1 + max(range(len(e.start)), key=lambda i: e.start[i].step)
    seen = f"the first update changes layer {layer} by {step:.3g} times its norm"
    if far:
        seen = f"the gradient of layer 1 is {_ratio_text(ratios)}"
    change = list(scaling(e)) or [c for i in range(len(e.config.layers)) for c in calmer(e, i)]
    clip = [] if e.config.gradient_clip else ["gradient_clip=1"]
    return Found(seen, [*(change or rate_times(e, 0.1)), *clip], {"ratio": ratios, "step": step})


def _ratios(e: Evidence) -> dict[str, float]:
    """Return the ratio of the first layer's gradient to the last's, at start and end."""
    states = {"start": e.start, "end": e.end or e.start}
    return {
        when: layers[0].gradient / layers[-1].gradient if layers[-1].gradient else 0.0
        for when, layers in states.items()
    }


def _ratio_text(ratios: dict[str, float]) -> str:
    start, end = ratios["start"], ratios["end"]
    return f"{start:.3g} times the last layer's at the start, {end:.3g} times at the end"


def overfitting(e: Evidence) -> Found | None:
    test, cost = e.log.get("test_cost"), e.log["cost"]
    if test is None or not e.steps:
        return None
    others = [[f"epochs={-(-e.config.epochs // part)}"] for part in (4, 16)]
    best = int(test.argmin())
    low, last, first = float(test[best]), float(test[-1]), float(cost[-1])
    epoch = int(e.log["epoch"][best])
    figures = {"epoch": epoch, "best_test_cost": low, "test_cost": last, "cost": first}
    if last - low > max(0.1 * low, 0.02 * e.chance) and cost[-1] < cost[best]:
        seen = (
            f"the test cost rose from {low:.4g} at epoch {epoch} to {last:.4g}, "
            f"while the training cost fell from {float(cost[best]):.4g} to {first:.4g}"
        )
        return Found(seen, narrower(e), figures, others)
    if last > 3 * first and last - first > 0.1 * e.chance:
        seen = f"the test cost is {last:.4g}, the training cost {first:.4g}"
        return Found(seen, narrower(e), figures, others)
    return None


def _ill(e: Evidence, count: Callable[[LayerState], int], layers: range) -> dict[int, int]:
    """Return the affected units per layer after training, where a tenth or more are."""
    counts = {i: count(e.end[i]) for i in layers} if e.end else {}
    return {i: n for i, n in counts.items() if n >= 0.1 * e.config.layers[i].units}


def _listed(e: Evidence, counts: dict[int, int]) -> str:
    units = [layer.units for layer in e.config.layers]
    return ", ".join(f"{n} of {units[i]} in layer {i + 1}" for i, n in counts.items())
