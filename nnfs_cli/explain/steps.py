"""The steps of an iteration in the order in which a person computes them.

Every format prints these steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nnfs_cli.core.activations import Formula
from nnfs_cli.explain import backward, forward
from nnfs_cli.explain.iteration import Iteration, Report
from nnfs_cli.explain.records import Matrix, Names, Remark, Step, ask, names_of


def all_steps(report: Report, quiz: str | None = None) -> list[Step]:
    """Return the steps of all iterations, one step each after the first.

    With a quiz, results from its phase on are blank, and remarks that reveal them are left out.
    """
    first, *others = report.iterations
    unnumbered = [*steps_of(report, first), *(short_form(report, it) for it in others)]
    steps = [replace(step, number=number) for number, step in enumerate(unnumbered, 1)]
    return ask(steps, quiz) if quiz else steps


def steps_of(report: Report, iteration: Iteration) -> Iterator[Step]:
    """Yield the steps of an iteration."""
    names, total = names_of(report), len(iteration.layers)
    yield forward.data(report)
    if report.terms:
        yield forward.crosses(report)
    for number, layer in enumerate(iteration.layers, 1):
        yield forward.weigh(names, number, layer)
        yield forward.activate(report, names, number, layer)
    yield forward.cost(report, names, iteration)
    for number in range(total, 0, -1):
        above = iteration.layers[number] if number < total else None
        yield backward.back(report, names, number, iteration.layers[number - 1], above)
        yield backward.gradient(names, number, iteration.layers[number - 1])
    yield update(report, names, iteration)
    yield afterwards(report, names, iteration)


def update(report: Report, names: Names, iteration: Iteration) -> Step:
    """Return the step to the new parameters of all layers, with clipped gradients if any."""
    rate, clip = report.config.learning_rate, report.config.gradient_clip
    formulas = [
        Formula(f"{letter} <- {letter} - {rate:g} * d{letter}",
                rf"{letter} \leftarrow {letter} - {rate:g} \frac{{\partial {names.cost}}}"
                rf"{{\partial {letter}}}")
        for letter in "Wb"
    ]  # fmt: skip
    if clip is not None:
        text = f"d <- clip(d, {-clip:g}, {clip:g})"
        latex = rf"d \leftarrow \max(-{clip:g}, \min(d, {clip:g}))"
        formulas.insert(0, Formula(text, latex))
    matrices = []
    for number, layer in enumerate(iteration.layers, 1):
        for letter, step, new in (
            ("W", layer.step_W, layer.new_W),
            ("b", layer.step_b, layer.new_b),
        ):
            if clip is not None:
                name = names.grad(letter, number)
                clipped = Formula(f"{name.text} clipped", rf"{name.latex}\text{{ clipped}}")
                matrices.append(Matrix(clipped, step, "backward"))
            matrices.append(Matrix(names.of(letter, number), new, "update"))
    nodes = tuple(f"z{number}" for number in range(1, names.layers + 1))
    return Step("update", "gradient descent", tuple(formulas), tuple(matrices), (), nodes)


def afterwards(report: Report, names: Names, iteration: Iteration) -> Step:
    """Return the step to y_hat and cost after the update, and whether the cost fell."""
    what = "loss" if names.single else "cost"
    y_hat = Matrix(Formula("new y_hat", r"\hat y_{\text{new}}"), iteration.new_y_hat, "update")
    new = Formula(f"new {names.cost}", rf"{names.cost}_{{\text{{new}}}}")
    matrix = Matrix(new, np.array([[iteration.new_cost]]), "update")
    return Step(
        "update",
        f"the new {what}",
        (),
        (y_hat, matrix),
        (Remark(verdict(what, iteration), "update"),),
        ("C",),
    )


def verdict(what: str, iteration: Iteration) -> str:
    """Return a sentence that says whether the cost fell."""
    if iteration.new_cost < iteration.cost:
        return f"The {what} fell."
    if iteration.new_cost == iteration.cost:
        return f"The {what} did not change."
    return f"The {what} did not fall: a smaller learning_rate may help."


def short_form(report: Report, iteration: Iteration) -> Step:
    """Return a whole iteration as one step; the previous step shows the cost before it."""
    names, what = names_of(report), "loss" if report.sample is not None else "cost"
    matrices: list[Matrix] = []
    for number, layer in enumerate(iteration.layers, 1):
        dW, db = names.grad("W", number), names.grad("b", number)
        W, b = names.of("W", number), names.of("b", number)
        matrices += [
            Matrix(dW, layer.dW, "backward"),
            Matrix(db, layer.db, "backward"),
            Matrix(W, layer.new_W, "update"),
            Matrix(b, layer.new_b, "update"),
        ]
    new = Formula(f"new {names.cost}", rf"{names.cost}_{{\text{{new}}}}")
    matrices.append(Matrix(new, np.array([[iteration.new_cost]]), "update"))
    remarks = (Remark(verdict(what, iteration), "update"),)
    return Step("update", f"the iteration of epoch {iteration.epoch}", (), tuple(matrices), remarks)


def title_of(report: Report) -> str:
    """Return the title: configuration, shape, loss, samples and epochs in one line."""
    config, first = report.config, report.iterations[0].epoch
    shape = "-".join(map(str, (len(report.inputs), *(layer.units for layer in config.layers))))
    last = report.iterations[-1].epoch
    epochs = f"epoch {first}" if last == first else f"epochs {first} to {last}"
    m = report.x.shape[1]
    samples = f"{m} sample{'s' * (m != 1)}" if report.sample is None else f"sample {report.sample}"
    return f"{config.name}: {shape}, {config.loss}, {samples}, {epochs}"
