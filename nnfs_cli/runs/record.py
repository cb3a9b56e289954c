"""The files of a run: the only module that writes them.

A directory is created by mkdir, so commands started together never share one. Each file is written
under another name, synced and renamed; run.json comes last, and marks the directory as a run.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Struct

from nnfs_cli import __version__, machine
from nnfs_cli.config import loading
from nnfs_cli.config.schema import Config
from nnfs_cli.config.writing import dump, too_large
from nnfs_cli.core.activations import Array
from nnfs_cli.core.network import Network
from nnfs_cli.data.encoding import Encoding
from nnfs_cli.errors import ConfigError, FileError
from nnfs_cli.runs.directory import (
    CONFIG,
    COSTS,
    FACTS,
    MAX_CONFIG,
    MAX_FACTS,
    WEIGHTS,
    is_there,
    known_runs,
)
from nnfs_cli.runs.paths import movable, real
from nnfs_cli.storage.arrays import read_arrays, write_arrays
from nnfs_cli.storage.digest import digest
from nnfs_cli.storage.files import read_json, reason, write


class Run(Struct, frozen=True):
    """The content of a run's directory; `facts` is run.json."""

    path: Path
    config: Config
    encoding: Encoding
    facts: dict[str, Any]
    params: Array | None = None  # for a run of a sweep; None: in weights.npz
    log: dict[str, Array] | None = None  # for a run of a sweep; None: in costs.npz
    identity: str = ""


class _Facts(Struct):
    """Validated fields of a run's run.json."""

    status: str
    epochs: Annotated[int, Meta(ge=0)]
    encoding: Encoding
    seconds: float = 0
    versions: dict[str, str] = {}
    versions_before: list[dict[str, str]] = []  # of earlier sessions of a resumed training


def save(
    path: Path,
    config: Config,
    encoding: Encoding,
    log: Mapping[str, Sequence[float]],
    weights: Mapping[str, Array],
    facts: Mapping[str, Any],
) -> Run:
    """Write a run into its directory, run.json last, and return it."""
    costs = {key: np.array(values) for key, values in log.items()}
    write_config(path, config)
    write_arrays(path / COSTS, costs)
    write_arrays(path / WEIGHTS, weights)
    written = {**facts, "costs_digest": digest(costs), "weights_digest": digest(weights)}
    return Run(path, config, encoding, write_facts(path, written, encoding))


def write_config(path: Path, config: Config) -> None:
    """Write a run's configuration with every default filled in."""
    text = dump(movable(config, path))
    write(path / CONFIG, lambda file: file.write(text.encode()))


def check_readable(path: Path, config: Config, encoding: Encoding) -> None:
    """Raise ConfigError if config.yaml or run.json of a run in a directory like `path` would be too
    large to be read again."""
    text = dump(movable(config, path))
    if message := too_large(config):
        raise ConfigError(f"{config.name}: {message}")
    columns = msgspec.json.encode(encoding)
    if len(columns) > MAX_FACTS // 16:  # indentation may add that factor
        columns = msgspec.json.format(columns, indent=3)
    for file, size, most in (
        (CONFIG, len(text), MAX_CONFIG),
        (FACTS, len(columns) + (1 << 21), MAX_FACTS),
    ):
        if size > most:
            problem = f"{file} would exceed {most >> 20} MiB, the limit for reading it"
            count = f"the data have {len(encoding.facts.columns):,} columns"
            raise ConfigError(f"{config.name}: {problem}: {count}; choose some with dataset.inputs")


def write_facts(path: Path, facts: Mapping[str, Any], encoding: Encoding) -> dict[str, Any]:
    """Write a run's run.json beside its configuration, and return its content."""
    plain = msgspec.to_builtins(encoding)
    named = {"identity": identity((path / CONFIG).read_text("utf-8"), plain)}
    written = {**facts, **named, "encoding": plain}
    text = msgspec.json.format(msgspec.json.encode(written), indent=2)
    write(path / FACTS, lambda file: file.write(text + b"\n"))
    return written


def identity(text: str, encoding: object) -> str:
    """Return the digest of config.yaml as text, so that keys added later do not change it, and of
    the data's encoding; without the name, the epochs, which may be raised, and the data set, which
    has its own digest."""
    kept = re.sub(r"^(name|epochs|dataset):.*\n( .*\n)*", "", text, flags=re.MULTILINE)
    return hashlib.sha256(kept.encode() + msgspec.json.encode(encoding)).hexdigest()


def read(path: Path) -> Run:
    """Return the run in a directory."""
    if not is_there(path):
        raise FileError(f"{path}: no such run{known_runs(path)}")
    if not path.is_dir():
        raise FileError(f"{path}: is not a run, but a file{known_runs(path)}")
    if not (path / FACTS).exists():
        raise FileError(f"{path}: is not a finished run: it has no {FACTS}")
    try:
        facts = read_json(path / FACTS, MAX_FACTS)
        valid = msgspec.convert(facts, _Facts)
        source, consequence = str(real(path) / CONFIG), "the run cannot be read"
        text = loading.read_text(source, consequence=consequence, limit=MAX_CONFIG)
        config = loading.parse(text, source, known=valid.encoding.facts, consequence=consequence)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise FileError(f"{path / FACTS}: cannot be read: {reason(error)}") from None
    except ConfigError as error:
        raise FileError(str(error)) from None
    if valid.epochs > config.epochs:
        raise FileError(
            f"{path / FACTS}: has {valid.epochs} epochs, but {CONFIG} has {config.epochs}"
        )
    named = identity(text, facts["encoding"])
    return Run(path, config, valid.encoding, facts, identity=named)


def read_weights(run: Run, network: Network) -> Array:
    """Return the run's parameters, (n_params,), checked against its configuration and digest."""
    path = run.path / WEIGHTS
    if run.facts.get("status") == "running":
        raise FileError(
            f"{run.path}: is still training, or was killed; if killed, continue it: "
            f"nnfs train --resume {shlex.quote(str(run.path))}"
        )
    shapes: dict[str, tuple[int, ...]] = {}
    for number, layer in enumerate(network.layers, 1):
        shapes |= {f"W{number}": (layer.units, layer.fan_in), f"b{number}": (layer.units,)}
    arrays = read_arrays(path)
    held = {key: array.shape for key, array in arrays.items()}
    if held != shapes:
        raise FileError(f"{path}: holds {_shapes(held)}; {CONFIG} requires {_shapes(shapes)}")
    if wrong := {key for key, array in arrays.items() if array.dtype != run.config.dtype}:
        raise FileError(f"{path}: {', '.join(sorted(wrong))} should be {run.config.dtype}")
    if digest(arrays) != run.facts.get("weights_digest"):
        raise FileError(f"{path}: was changed: its digest is not the one in {FACTS}")
    check_identity(run)
    params = np.empty(network.n_params, run.config.dtype)
    for number, Wb in enumerate(network.views(params), 1):
        Wb[:, :-1], Wb[:, -1] = arrays[f"W{number}"], arrays[f"b{number}"]
    return params


def check_identity(run: Run) -> None:
    """Raise FileError unless config.yaml and run.json belong together."""
    if run.facts.get("identity", run.identity) != run.identity:
        raise FileError(f"{run.path / CONFIG}: was changed, or {FACTS} was: they do not match")


def read_log(run: Run) -> dict[str, Array]:
    """Return a run's log: epoch (entries,), cost, accuracy, ..., all of one length."""
    log = read_arrays(run.path / COSTS) if run.log is None else run.log
    check_log(run.path / COSTS, log)
    if not np.isfinite(log["cost"][:-1]).all():  # training ends at the first such cost
        raise FileError(f"{run.path / COSTS}: has costs that are not finite")
    if run.log is None and run.facts.get("costs_digest", found := digest(log)) != found:
        problem = f"was changed: its digest is not the one in {FACTS}"
        raise FileError(f"{run.path / COSTS}: {problem}")
    return log


def check_log(path: Path, log: Mapping[str, Array]) -> None:
    """Raise FileError unless the arrays are numbers of one length, at epochs rising from 0."""
    epoch = log.get("epoch")
    if (
        epoch is None
        or epoch.dtype.kind != "i"
        or epoch.ndim != 1
        or not len(epoch)
        or "cost" not in log
        or any(
            values.shape != epoch.shape or values.dtype.kind not in "if" for values in log.values()
        )
        or epoch[0] != 0
        or (np.diff(epoch) <= 0).any()
    ):
        raise FileError(f"{path}: is not a log of costs")


def weights_of(network: Network, params: Array) -> dict[str, Array]:
    """Return params (n_params,) as the arrays W1, b1, W2, ... of weights.npz."""
    weights: dict[str, Array] = {}
    for number, Wb in enumerate(network.views(params), 1):
        weights |= {f"W{number}": Wb[:, :-1].copy(), f"b{number}": Wb[:, -1].copy()}
    return weights


def _shapes(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{key} {'x'.join(map(str, shape))}" for key, shape in shapes.items())


def versions() -> dict[str, str]:
    """Return versions and hardware that may affect a run's last bits."""
    config: Any = np.show_config(mode="dicts")
    blas, kernels = config["Build Dependencies"]["blas"], os.environ.get("OPENBLAS_CORETYPE")
    return {
        "nnfs": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "numpy": np.__version__,
        "blas": " ".join([blas.get("name"), blas.get("version"), *filter(None, [kernels])]),
        "kernels": machine.kernels(),
        "instructions": machine.instructions(),
        "blas_threads": machine.blas_threads(),
        "machine": os.uname().machine,
        "processor": machine.processor(),
    }


def changed_versions(old: object) -> dict[str, tuple[str, str]]:
    """Return the versions of a run.json that differ now, as (was, is) by name."""
    if not isinstance(old, Mapping):
        return {}
    now = versions().items()
    return {key: (str(old[key]), value) for key, value in now if old.get(key, value) != value}
