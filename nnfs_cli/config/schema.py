"""The schema of a configuration.

Config is the only place that defines a key's type, range, default and help. Parts (a data set, an
activation, an initializer) are functions in the tables; their signatures are their schemas.
"""

from collections.abc import Mapping
from functools import cache
from inspect import Parameter, signature
from types import NoneType
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from msgspec import UNSET, Meta, Struct
from msgspec.structs import fields

from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.initializers import INITIALIZERS
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.data import builtin
from nnfs_cli.data.builtin import DATASETS, Seed


class Part(Struct, frozen=True):
    """A table entry's name and parameters; written as only the name if it has no parameters.

    Paths among the parameters are absolute. `relative` names those written as relative paths; it is
    ignored in comparisons.
    """

    name: str
    parameters: dict[str, Any] = {}
    relative: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Part):
            return NotImplemented
        return (self.name, self.parameters) == (other.name, other.parameters)


NAME = r"\w[\w.+=,@-]{0,59}"  # a run's name, at most 60 characters


def of_table(table: str, description: str) -> Meta:
    """Return the annotation of a Part chosen from TABLES[table]."""
    return Meta(description=description, extra={"table": table})


def one_of(table: Mapping[str, Any], description: str) -> Meta:
    """Return the annotation of a string chosen from the names in `table`."""
    return Meta(description=description, extra={"names": list(table)})


class LayerConfig(Struct, frozen=True, kw_only=True):
    """One layer: its units, activation and initial parameters."""

    units: Annotated[int, Meta(ge=1, description="number of units")]
    activation: Annotated[Part, of_table("activation", "activation function")]
    initializer: Annotated[Part | None, of_table("initializer", "initializer of W")] = None
    bias_initializer: Annotated[Part, of_table("initializer", "initializer of b")] = Part("zeros")
    weights: Annotated[
        list[list[float]] | None, Meta(description="explicit values of W, units x inputs")
    ] = None
    biases: Annotated[
        list[float] | None, Meta(description="explicit values of b, one per unit")
    ] = None


class Config(Struct, frozen=True, kw_only=True):
    """A complete training configuration."""

    name: Annotated[
        str,
        Meta(
            pattern=rf"^{NAME}$",
            description="name of the runs; default: the file's name without suffix",
        ),
    ]
    dataset: Annotated[Part, of_table("dataset", "samples and targets")]
    features: Annotated[
        list[str] | None,
        Meta(min_length=1, description="products of columns and powers; default: all columns"),
    ] = None
    layers: Annotated[
        list[LayerConfig], Meta(min_length=1, description="layers, first hidden layer first")
    ]
    loss: Annotated[str, one_of(LOSSES, "loss function")]
    learning_rate: Annotated[float, Meta(gt=0, description="step size of an update")] = 0.1
    epochs: Annotated[int, Meta(ge=0, description="full-batch updates")] = 1000
    gradient_clip: Annotated[
        float | None, Meta(gt=0, description="bound on every component of the gradient")
    ] = None
    seed: Annotated[Seed, Meta(description="seed of the initial parameters")] = 0
    dtype: Annotated[
        str, Meta(description="type of all numbers", extra={"names": ["float64", "float32"]})
    ] = "float64"
    log_every: Annotated[int, Meta(ge=1, description="epochs between logged costs")] = 100


FILE = builtin.FILE
Scale = Annotated[str, Meta(extra={"names": ["none", "standard", "minmax"]})]
COMMON = {
    "test_size": (Annotated[float, Meta(ge=0, lt=1)], 0.0),
    "split_seed": (Seed, 0),
    "scale": (Scale, "none"),
    "scale_target": (Scale, "none"),
}
TABLES: dict[str, Mapping[str, Any]] = {
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "dataset": {FILE: builtin.file} | {name: d.load for name, d in DATASETS.items()},
}
PART_KEYS = frozenset({"dataset", "activation", "initializer", "bias_initializer"})


def parameters(table: str, name: str) -> dict[str, tuple[Any, Any]]:
    """Return each parameter's type and default for a part; UNSET marks a required parameter."""
    own = {
        key: (each.annotation, UNSET if each.default is Parameter.empty else each.default)
        for key, each in signature(TABLES[table][name]).parameters.items()
    }
    return {**own, **COMMON} if table == "dataset" else own


class Kind(NamedTuple):
    """The type, limits and extras of an annotation."""

    type: Any
    optional: bool
    limits: dict[str, Any]
    extra: dict[str, Any]


@cache
def keys_of(struct: type) -> Mapping[str, tuple[Any, Any]]:
    """Return the annotation and the default (UNSET if required) of each key of a struct."""
    return {
        field.name: (field.type, UNSET if field.required else field.default)
        for field in fields(struct)
    }


@cache
def kind_of(annotation: Any) -> Kind:
    """Return the type, limits and extra of an annotation such as Annotated[int, Meta(ge=0)]."""
    limits: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    while get_origin(annotation) is Annotated:
        annotation, *metas = get_args(annotation)
        for meta in metas:
            set_limits = {key: getattr(meta, key) for key in LIMITS}
            limits |= {key: limit for key, limit in set_limits.items() if limit is not None}
            extra |= meta.extra or {}
    optional = NoneType in get_args(annotation)
    if optional:
        (annotation,) = (t for t in get_args(annotation) if t is not NoneType)
    return Kind(annotation, optional, limits, extra)


LIMITS = ("ge", "gt", "le", "lt", "pattern", "min_length")
