"""A worked iteration as JSON with every array at full precision; the structs are its schema."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from nnfs_cli.core.activations import Array
from nnfs_cli.explain.iteration import Iteration, LayerPass, Report
from nnfs_cli.explain.records import hidden_phases

FORM = "nnfs explain 1"
Numbers = list[float | None]  # null: not finite, or asked for by a quiz
Matrix = list[Numbers]


class Activation(Struct, kw_only=True, forbid_unknown_fields=True):
    """An activation's name and parameters."""

    name: str
    parameters: dict[str, Any]


class Factor(Struct, kw_only=True, forbid_unknown_fields=True):
    """A column raised to a power."""

    column: str
    power: int


class Feature(Struct, kw_only=True, forbid_unknown_fields=True):
    """An input as a product of factors."""

    name: str
    factors: list[Factor]


class Layer(Struct, kw_only=True, forbid_unknown_fields=True):
    """One layer: W is (units, inputs), b (units), z, a and their gradients (units, samples).

    dC_da is the upstream gradient and da_dz the local one; if units depend on each other, jacobian
    replaces da_dz, with da_i/dz_j at [i][j][sample]. All three are null if short_form is true.
    clipped_dW and clipped_db are null without a gradient_clip.
    """

    layer: int
    activation: Activation
    short_form: bool
    W: Matrix | None
    b: Numbers | None
    z: Matrix | None
    a: Matrix | None
    dC_da: Matrix | None
    da_dz: Matrix | None
    jacobian: list[Matrix] | None
    dC_dz: Matrix | None
    dW: Matrix | None
    db: Numbers | None
    clipped_dW: Matrix | None
    clipped_db: Numbers | None
    new_W: Matrix | None
    new_b: Numbers | None


class Update(Struct, kw_only=True, forbid_unknown_fields=True):
    """One iteration: each sample's loss, their mean, and y_hat and cost after the update."""

    epoch: int
    layers: list[Layer]
    losses: Numbers | None
    cost: float | None
    new_y_hat: Matrix | None
    new_cost: float | None


class Document(Struct, kw_only=True, forbid_unknown_fields=True):
    """The whole document. x is (inputs, samples), y (outputs, samples), columns (columns, samples).

    `sample` is the number of the only sample, or null; with one, every cost is its loss.
    """

    schema: str
    name: str
    loss: str
    learning_rate: float
    gradient_clip: float | None
    dtype: str
    sample: int | None
    column_names: list[str]
    columns: Matrix
    inputs: list[str]
    features: list[Feature] | None
    outputs: list[str]
    x: Matrix | None
    y: Matrix
    iterations: list[Update]


Computed = TypeVar("Computed", Layer, Update)
FIELDS = {  # computed in each phase
    "forward": {"z", "a", "losses", "cost"},
    "backward": {"dC_da", "da_dz", "jacobian", "dC_dz", "dW", "db", "clipped_dW", "clipped_db"},
    "update": {"new_W", "new_b", "new_y_hat", "new_cost"},
}


def json(report: Report, quiz: str | None = None) -> str:
    """Return the report as JSON; what a quiz asks for is null."""
    config = report.config
    asked = {name for phase in hidden_phases(quiz) for name in FIELDS[phase]}
    features = None
    if report.terms:
        features = [
            Feature(
                name=name,
                factors=[Factor(column=report.columns[c], power=power) for c, power in term],
            )
            for name, term in zip(report.inputs, report.terms, strict=True)
        ]
    document = Document(
        schema=FORM,
        name=config.name,
        loss=config.loss,
        learning_rate=config.learning_rate,
        gradient_clip=config.gradient_clip,
        dtype=config.dtype,
        sample=report.sample,
        column_names=list(report.columns),
        columns=report.column_values.tolist(),
        inputs=list(report.inputs),
        features=features,
        outputs=list(report.outputs),
        x=None if features and quiz == "forward" else report.x.tolist(),
        y=report.y.tolist(),
        iterations=[_update(report, iteration, asked) for iteration in report.iterations],
    )
    text = msgspec.json.format(msgspec.json.encode(document), indent=1).decode()
    # Each innermost list goes on one line; encoded strings contain no line ends.
    return re.sub(r"\[[^][{}]*\]", lambda match: re.sub(r"\n\s*", " ", match[0]), text) + "\n"


def _update(report: Report, iteration: Iteration, asked: set[str]) -> Update:
    update = Update(
        epoch=iteration.epoch,
        layers=[_layer(report, n, layer, asked) for n, layer in enumerate(iteration.layers, 1)],
        losses=iteration.losses[0].tolist(),
        cost=iteration.cost,
        new_y_hat=iteration.new_y_hat.tolist(),
        new_cost=iteration.new_cost,
    )
    return _without(update, asked)


def _layer(report: Report, number: int, layer: LayerPass, asked: set[str]) -> Layer:
    part = report.config.layers[number - 1].activation
    coupled = layer.local is not None and layer.local.ndim == 3
    clipped = report.config.gradient_clip is not None
    values = Layer(
        layer=number,
        activation=Activation(name=part.name, parameters=part.parameters),
        short_form=layer.upstream is None,
        W=layer.W.tolist(),
        b=layer.b[:, 0].tolist(),
        z=layer.z.tolist(),
        a=layer.a.tolist(),
        dC_da=_list(layer.upstream),
        da_dz=None if coupled else _list(layer.local),
        jacobian=_list(layer.local) if coupled else None,
        dC_dz=layer.delta.tolist(),
        dW=layer.dW.tolist(),
        db=layer.db[:, 0].tolist(),
        clipped_dW=layer.step_W.tolist() if clipped else None,
        clipped_db=layer.step_b[:, 0].tolist() if clipped else None,
        new_W=layer.new_W.tolist(),
        new_b=layer.new_b[:, 0].tolist(),
    )
    return _without(values, asked)


def _list(array: Array | None) -> Any:
    return None if array is None else array.tolist()


def _without(struct: Computed, asked: set[str]) -> Computed:
    names = {field.name for field in msgspec.structs.fields(type(struct))}
    return msgspec.structs.replace(struct, **dict.fromkeys(asked & names))
