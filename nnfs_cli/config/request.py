"""The data that a configuration asks for."""

from __future__ import annotations

from typing import Literal

from nnfs_cli.config.schema import COMMON, Config
from nnfs_cli.core.activations import ACTIVATIONS
from nnfs_cli.core.losses import LOSSES
from nnfs_cli.data.request import DataRequest, TargetKind


def request_of(config: Config) -> DataRequest:
    """Return the request for a configuration's data."""
    parameters = config.dataset.parameters
    return DataRequest(
        name=config.dataset.name,
        parameters={key: v for key, v in parameters.items() if key not in COMMON},
        target=_target(config),
        outputs=config.layers[-1].units,
        dtype=config.dtype,
        features=config.features,
        **{key: parameters[key] for key in COMMON},
    )


def _target(config: Config) -> TargetKind:
    """Return whether the network is trained on classes or on numbers.

    Cross-entropies and softmax require classes; a sigmoid output also learns two numbers as
    classes; every other output learns numbers.
    """
    part = config.layers[-1].activation
    output = ACTIVATIONS[part.name](**part.parameters)
    kind: Literal["classes", "either", "numbers"] = "numbers"
    if LOSSES[config.loss].classes or (output.probability and not output.elementwise):
        kind = "classes"
    elif output.probability:
        kind = "either"
    return TargetKind(kind, f"{config.loss} with {part.name}")
