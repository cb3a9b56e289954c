"""The plan of a sweep: a configuration and specifications -> points, each a configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from nnfs_cli.config import loading, nodes, overrides, yaml_reader
from nnfs_cli.config.loading import BLOCK
from nnfs_cli.config.nodes import Mapping, Node, NotADocument, Place, Scalar
from nnfs_cli.config.overrides import Setting
from nnfs_cli.config.request import request_of
from nnfs_cli.config.schema import PART_KEYS, Config, kind_of
from nnfs_cli.config.values import Checker, absolute_path
from nnfs_cli.config.writing import to_plain
from nnfs_cli.data.source import Sources
from nnfs_cli.data.table import DataInfo
from nnfs_cli.errors import Problem, config_error, short
from nnfs_cli.runs.paths import KEYS, movable, movable_plain, relative
from nnfs_cli.sweeps import plan_file
from nnfs_cli.sweeps import trials as sweeps_trials
from nnfs_cli.sweeps.axes import Axis, Point
from nnfs_cli.sweeps.plan_file import with_paths
from nnfs_cli.sweeps.points import NOTHING, Options, axes_of, configs_of, points_of
from nnfs_cli.sweeps.trials import Trial

PATHS = {f"dataset.{key}": key for key in KEYS}
SETTINGS = {
    "zip": list[str],
    "random": Annotated[int, Meta(ge=1)],
    "sweep_seed": Annotated[int, Meta(ge=0)],
    "from": str,
}


@dataclass(frozen=True)
class Plan:
    """A sweep's runs: the base configuration as nodes, its points and their configurations.

    `specs` are the axes as they were written; `constants` are the keys with one value, which the
    base includes; `keys` are those that the points set.
    """

    name: str
    base: Mapping
    options: Options
    specs: dict[str, str]
    constants: dict[str, str]
    keys: list[str]
    points: list[Point]
    configs: list[Config]
    sources: Sources

    def info(self, config: Config) -> DataInfo:
        """Return the names and length of the data of one of the configurations."""
        return self.sources.open(request_of(config)).info

    def distinct(self) -> list[Config]:
        """Return configurations with all the data and networks of the sweep; points share what
        they do not set."""
        return [*{(id(c.dataset), id(c.layers), c.loss): c for c in self.configs}.values()]

    def digests(self) -> dict[str, str]:
        """Return the digest of each data file, for Sources.check_unchanged."""
        return self.sources.digests(map(request_of, self.distinct()))

    def relative_paths(self, directory: Path) -> dict[str, str]:
        """Return the paths of data relative to a directory, by absolute path; those that were
        written as absolute paths are left out."""
        parts = (config.dataset for config in self.configs)
        given = {part.parameters[key] for part in parts for key in part.relative}
        return {path: relative(path, directory) for path in given}

    def identities(self, directory: Path) -> list[str]:
        """Return digests of points and data, independent of the sweep's name.

        The first has paths as they are written in `directory`, so that it stays the same when a
        project is moved. The others are those of the same sweep with absolute paths, as in older
        versions, and with relative ones.
        """
        plain = [to_plain(config) for config in self.configs]
        for config in plain:
            del config["name"]
        found = (config.dataset.parameters.get(key) for config in self.configs for key in KEYS)
        paths = sorted({path for path in found if path})
        digests = []
        for path in paths:
            with Path(path).open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").digest())
        every = {path: relative(path, directory) for path in paths}
        identities = []
        for written in (self.relative_paths(directory), {}, every):
            moved = [movable_plain(config, written) for config in plain]
            content = msgspec.json.encode([self.keys, moved], order="deterministic")
            identities.append(hashlib.sha256(b"".join([content, *digests])).hexdigest())
        return list(dict.fromkeys(identities))

    def text(self, trials: str | None, directory: Path) -> str:
        """Return base and sweep block as YAML for a file in a directory; `trials` is the path of
        the copied trials."""
        written = self.relative_paths(directory)
        block: dict[str, Any] = dict(self.specs)
        for key in block.keys() & PATHS:
            block[key] = ",".join(written.get(path, path) for path in self.specs[key].split(","))
        if self.options.zip:
            block["zip"] = list(self.options.zip)
        if self.options.random is not None:
            block |= {"random": self.options.random, "sweep_seed": self.options.sweep_seed}
        if trials:
            block["from"] = trials
        base = with_paths(self.base, lambda node: written.get(node.text, node.text))
        return plan_file.text(self.name, base, block)


def load(
    path: str, arguments: Sequence[str], options: Options, sources: Sources | None = None
) -> Plan:
    """Return the plan of a sweep; ConfigError lists all mistakes."""
    sources = sources or Sources()
    text, path = loading.read_text(path, consequence=NOTHING), loading.name_of(path)
    try:
        root, problems = yaml_reader.compose(text, path)
    except NotADocument as error:
        raise config_error([error.problem], NOTHING) from None
    if not isinstance(root, Mapping):
        loading.parse(text, path, consequence=NOTHING)  # raises ConfigError
        raise AssertionError
    root, specs, options = _specs(root, arguments, options, problems, path)
    axes = [axis for axis in axes_of(specs, problems) if axis is not None]
    if problems:
        raise config_error(problems, NOTHING)
    rows = sweeps_trials.read(options.trials, NOTHING) if options.trials else []
    single = [axis for axis in axes if len(axis.values) == 1]
    axes = [axis for axis in axes if len(axis.values) != 1]
    root = _with_constants(root, single, rows, problems)
    points, keys = points_of(axes, rows, options, problems)
    if problems:
        raise config_error(problems, NOTHING)
    base_name = root.items.get("name", (None, None))[1]
    name = base_name.text if isinstance(base_name, Scalar) else loading.default_name(path)
    places = {key: place for key, (_, place) in specs.items() if place.line >= 0}
    each = [row.places for row in rows] or [places] * len(points)
    configs = configs_of(root, points, each, path, sources)
    root = with_paths(root, absolute_path)
    constants = {axis.key: axis.values[0] for axis in single}
    written = {axis.key: _written(axis, specs[axis.key][0]) for axis in axes}
    return Plan(name, root, options, written, constants, keys, points, configs, sources)


def _specs(
    root: Mapping,
    arguments: Sequence[str],
    options: Options,
    problems: list[Problem],
    path: str,
) -> tuple[Mapping, dict[str, tuple[str, Place]], Options]:
    """Return the configuration without its sweep block, and the specifications and options of the
    block and the command line, which takes precedence."""
    specs: dict[str, tuple[str, Place]] = {}
    _, block = root.items.get(BLOCK, (None, None))
    if block is not None:
        options = _read_block(block, specs, options, problems, path)
    for number, argument in enumerate(arguments):
        key, equals, spec = argument.partition("=")
        place = Place(argument, column=number)
        if not equals or not key:
            problems.append(place.problem("a specification is written KEY=SPEC"))
        else:
            specs[key] = (spec, place)
    base = replace(root, items={k: v for k, v in root.items.items() if k != BLOCK})
    return base, specs, options


def _with_constants(
    root: Mapping, single: Sequence[Axis], rows: Sequence[Trial], problems: list[Problem]
) -> Mapping:
    """Return the base with the keys that have only one value, which are not axes."""
    changed: Node = root
    for axis in single:
        if rows and axis.key in rows[0].places:
            message = f"{short(axis.key)!r} is also a column of the file of trials"
            problems.append(axis.place.problem(message))
        try:
            setting = Setting(axis.key, axis.values[0], axis.place)
            changed = overrides.override(changed, setting, PART_KEYS)
        except NotADocument as error:
            problems.append(error.problem)
    assert isinstance(changed, Mapping)
    return changed


def _written(axis: Axis, spec: str) -> str:
    """Return an axis as config.yaml has it: with absolute paths, since that is another file."""
    if axis.key not in PATHS:
        return spec
    return ",".join(absolute_path(Scalar(axis.place, value)) for value in axis.values)


def typed(plan: Plan, number: int, directory: Path | None = None) -> dict[str, str]:
    """Return the settings of a point, including those of all points, with absolute paths, or with
    paths for a file in `directory`."""
    given = {**plan.constants, **dict(plan.points[number])}
    config = plan.configs[number]
    parameters = (movable(config, directory) if directory else config).dataset.parameters
    return {key: parameters[PATHS[key]] if key in PATHS else given[key] for key in given}


def _read_block(
    block: Node,
    specs: dict[str, tuple[str, Place]],
    options: Options,
    problems: list[Problem],
    path: str,
) -> Options:
    """Add a sweep block's specifications to `specs`, and return the options with its own."""
    if not isinstance(block, Mapping):
        problems.append(block.place.problem("sweep: must be a mapping of keys to values"))
        return options
    checker = Checker()
    for key, (key_node, node) in block.items.items():
        if key in SETTINGS:
            value = checker.value(node, kind_of(SETTINGS[key]), key)
            if value is msgspec.UNSET:
                continue
            if key == "zip" and not options.zip:
                options = replace(options, zip=tuple(value))
            elif key == "random" and options.random is None:
                options = replace(options, random=value)
            elif key == "sweep_seed" and not options.sweep_seed:
                options = replace(options, sweep_seed=value)
            elif key == "from" and not options.trials:
                options = replace(options, trials=str(Path(path).parent / value))
        elif isinstance(node, Scalar):
            specs[key] = (node.text, node.place)
        elif isinstance(node, nodes.Sequence) and all(
            isinstance(item, Scalar) for item in node.items
        ):
            texts = [item.text for item in node.items if isinstance(item, Scalar)]
            specs[key] = (",".join(texts), node.place)
        else:
            problems.append(key_node.place.problem(f"{key}: must be a value or a list of values"))
    problems += checker.problems
    return options
