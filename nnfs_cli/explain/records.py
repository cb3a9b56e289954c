"""The parts of a worked iteration: steps, arrays, remarks, and their names."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import NamedTuple

from nnfs_cli.core.activations import ACTIVATIONS, Activation, Array, Formula
from nnfs_cli.errors import harmless
from nnfs_cli.explain.iteration import Report

PHASES = ("forward", "backward", "update")  # in the order of an iteration
QUIZZES = {"forward": "forward", "gradients": "backward", "update": "update"}  # quiz -> phase


def hidden_phases(quiz: str | None) -> frozenset[str]:
    """Return the phases that a quiz leaves blank: its own and the later ones, which reveal it."""
    return frozenset(PHASES[PHASES.index(QUIZZES[quiz]) :] if quiz else ())


class Matrix(NamedTuple):
    """An array with its name. `phase` is forward, backward or update, or "" for given data.

    An array that a quiz asks for has a number `asked`, from 1; `hidden` leaves its values blank.
    """

    name: Formula
    values: Array  # (rows, columns)
    phase: str = ""
    asked: int = 0
    hidden: bool = False


class Remark(NamedTuple):
    """A sentence; `phase` is that of the results it reveals, as in Matrix."""

    text: str
    phase: str = ""


@dataclass(frozen=True)
class Step:
    """One thing to compute. `nodes` are the groups of graph nodes that it computes."""

    phase: str  # data, forward, backward or update
    title: str
    formulas: tuple[Formula, ...]
    matrices: tuple[Matrix, ...]
    remarks: tuple[Remark, ...] = ()
    nodes: tuple[str, ...] = ()
    number: int = 0  # from 1, the same on a worksheet and on its answer sheet


class Names(NamedTuple):
    """The names of a report's arrays; with one layer, they have no numbers."""

    layers: int
    single: bool

    def of(self, letter: str, number: int) -> Formula:
        """Return the name of a layer's array; A of layer 0 is X."""
        if letter == "A" and number == 0:
            return Formula("X", "X")
        if self.layers == 1:
            return Formula(letter, letter)
        return Formula(f"{letter}{number}", f"{letter}_{{{number}}}")

    @property
    def cost(self) -> str:
        return "L" if self.single else "C"

    def grad(self, letter: str, number: int) -> Formula:
        """Return the name of the cost's derivative with respect to a layer's array."""
        name = self.of(letter, number)
        latex = rf"\frac{{\partial {self.cost}}}{{\partial {name.latex}}}"
        short = letter in "Wb"
        return Formula(f"d{name.text}" if short else f"d{self.cost}/d{name.text}", latex)


def names_of(report: Report) -> Names:
    """Return the names of the report's arrays."""
    return Names(len(report.config.layers), report.sample is not None)


def activation_of(report: Report, number: int) -> tuple[str, Activation]:
    """Return a layer's activation and its name."""
    part = report.config.layers[number - 1].activation
    return part.name, ACTIVATIONS[part.name](**part.parameters)


def escape(text: str) -> str:
    """Return text escaped for LaTeX's \\text within a Markdown table."""
    text = text.translate({ord("`"): "'", ord("|"): "/", ord("\\"): "/"})
    return re.sub(r"[{}_#%&$]", lambda match: rf"\{match[0]}", text)


def escaped(text: str) -> str:
    """Return text escaped for HTML and XML, with `?` for control characters."""
    return html.escape("".join(c if c.isprintable() else "?" for c in text))


def named(text: str) -> Formula:
    """Return the name of a column or feature as a formula."""
    powers = re.sub(r"\^(\d+)", r"}^{\1}\\text{", rf"\text{{{escape(harmless(text))}}}")
    return Formula(harmless(text), powers.replace(r"\text{}", ""))


def listed(names: Sequence[str]) -> str:
    """Return names separated by commas; the middle of more than 6 is left out."""
    names = [harmless(name) for name in names]
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:3])}, ..., {names[-1]}"


def ask(steps: Sequence[Step], quiz: str) -> list[Step]:
    """Return the steps with numbered blanks from the quiz's phase on."""
    numbers, phases = count(1), hidden_phases(quiz)
    return [
        replace(
            step,
            matrices=tuple(
                m._replace(asked=next(numbers), hidden=True) if m.phase in phases else m
                for m in step.matrices
            ),
            remarks=tuple(remark for remark in step.remarks if remark.phase not in phases),
        )
        for step in steps
    ]


def answers(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that a quiz asks about, with only the arrays it asks for."""
    asked = (
        replace(
            step,
            matrices=tuple(m._replace(hidden=False) for m in step.matrices if m.asked),
            remarks=(),
        )
        for step in steps
    )
    return [step for step in asked if step.matrices]
