"""The data that a training needs, as one record; `data` reads configurations in no other form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from msgspec import Struct

OnProgress: TypeAlias = Callable[[str, float], None]  # called with a path and the share read


class TargetKind(Struct, frozen=True):
    """Whether a target is read as classes or as numbers.

    `either` means classes if it is text or has two different values, numbers otherwise. `network`
    names the loss and the output layer in messages: "cross_entropy with softmax".
    """

    kind: Literal["classes", "either", "numbers"]
    network: str


class DataRequest(Struct, frozen=True, kw_only=True):
    """A data set with its own parameters, how it is split and scaled, and the network's side of it.

    `outputs` is the number of units in the output layer.
    """

    name: str
    parameters: dict[str, Any]
    target: TargetKind
    outputs: int
    dtype: str
    features: list[str] | None
    test_size: float
    split_seed: int
    scale: str
    scale_target: str

    @property
    def place(self) -> str:
        """The path of the file, or the name of the data set; errors begin with it."""
        return str(self.parameters.get("path", self.name))
