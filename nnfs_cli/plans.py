"""What a sweep is to do: a configuration and specifications -> points, each a configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from nnfs_cli import config as configuration
from nnfs_cli import data, document, grid, planfiles, trials
from nnfs_cli.checker import Checker, absolute_path
from nnfs_cli.config import BLOCK
from nnfs_cli.document import Mapping, Node, NotADocument, Place, Scalar, Setting
from nnfs_cli.errors import ConfigError, Problem, config_error, short
from nnfs_cli.files import Watcher
from nnfs_cli.grid import Axis, Point
from nnfs_cli.paths import KEYS, movable, movable_plain, relative
from nnfs_cli.planfiles import with_paths
from nnfs_cli.schema import PART_KEYS, Config, kind_of
from nnfs_cli.trials import Trial

NOTHING = "nothing was swept"
MAX_RUNS = 10_000
ALONE = {"seed", "learning_rate", "epochs", "gradient_clip", "log_every"}  # no other depends on
PATHS = {f"dataset.{key}": key for key in KEYS}
SETTINGS = {
    "zip": list[str],
    "random": Annotated[int, Meta(ge=1)],
    "sweep_seed": Annotated[int, Meta(ge=0)],
    "from": str,
}


class Options(Struct, frozen=True):
    """How the points are made of the axes; what the command line says goes before the file."""

    zip: tuple[str, ...] = ()
    random: int | None = None
    sweep_seed: int = 0
    trials: str | None = None
    max_runs: int = MAX_RUNS


@dataclass(frozen=True)
class Plan:
    """A sweep's runs: the base configuration as nodes, its points and their configurations.

    `specs` are the axes as they were written, `constants` the keys with one value, which are in
    the base already; `keys` are those that the points set.
    """

    name: str
    base: Mapping
    options: Options
    specs: dict[str, str]
    constants: dict[str, str]
    keys: list[str]
    points: list[Point]
    configs: list[Config]

    def relative_paths(self, directory: Path) -> dict[str, str]:
        """Return how paths of data are written into a file of a directory, if they were written
        relative to another file."""
        parts = (config.dataset for config in self.configs)
        given = {part.parameters[key] for part in parts for key in part.relative}
        return {path: relative(path, directory) for path in given}

    def identities(self, directory: Path) -> list[str]:
        """Return digests of points and data, whatever the sweep is called.

        The first has paths as they are written in `directory`, so that it stays when a project is
        moved. The others are those of the same sweep with absolute paths, as in older versions,
        and with relative ones.
        """
        plain = [configuration.to_plain(config) for config in self.configs]
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
        """Return base and sweep block as YAML, as it is written into a directory; `trials` is the
        path of the copied trials."""
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
        return planfiles.text(self.name, base, block)


def load(
    path: str, arguments: Sequence[str], options: Options, watch: Watcher | None = None
) -> Plan:
    """Return the plan of a sweep; ConfigError lists all that is wrong with it."""
    data.forget_changed()
    text, path = configuration.read_text(path, consequence=NOTHING), configuration.name_of(path)
    problems: list[Problem] = []
    try:
        root, found = document.compose(text, path)
    except NotADocument as error:
        raise config_error([error.problem], NOTHING) from None
    problems += found
    if not isinstance(root, Mapping):
        configuration.parse(text, path, consequence=NOTHING)  # which says what is wrong
        raise AssertionError
    specs: dict[str, tuple[str, Place]] = {}
    _, block = root.items.get(BLOCK, (None, None))
    root = replace(root, items={k: v for k, v in root.items.items() if k != BLOCK})
    if block is not None:
        options = _read_block(block, specs, options, problems, path)
    for number, argument in enumerate(arguments):
        key, equals, spec = argument.partition("=")
        place = Place(argument, column=number)
        if not equals or not key:
            problems.append(place.problem("a specification is written KEY=SPEC"))
        else:
            specs[key] = (spec, place)
    axes = [axis for axis in _axes(specs, problems) if axis is not None]
    if problems:
        raise config_error(problems, NOTHING)
    rows = trials.read(options.trials, NOTHING) if options.trials else []
    # A key that has one value alone is no axis: it belongs to the base.
    constants = {}
    for axis in [a for a in axes if len(a.values) == 1]:
        axes.remove(axis)
        constants[axis.key] = axis.values[0]
        if rows and axis.key in rows[0].places:
            message = f"{short(axis.key)!r} is a column of the file of trials, too"
            problems.append(axis.place.problem(message))
        try:
            given = Setting(axis.key, axis.values[0], axis.place)
            root = document.override(root, given, PART_KEYS)
        except NotADocument as error:
            problems.append(error.problem)
    points, keys = _points(axes, rows, options, problems)
    if problems:
        raise config_error(problems, NOTHING)
    assert isinstance(root, Mapping)
    base_name = root.items.get("name", (None, None))[1]
    name = base_name.text if isinstance(base_name, Scalar) else configuration.default_name(path)
    places = {key: place for key, (_, place) in specs.items() if place.line >= 0}
    each = [row.places for row in rows] or [places] * len(points)
    configs = _configs(root, points, each, path, watch)
    root = with_paths(root, absolute_path)
    kept = {axis.key: specs[axis.key][0] for axis in axes}
    for axis in axes:
        if axis.key in PATHS:  # for it is written elsewhere
            paths = [absolute_path(Scalar(axis.place, value)) for value in axis.values]
            kept[axis.key] = ",".join(paths)
    return Plan(name, root, options, kept, constants, keys, points, configs)


def typed(plan: Plan, number: int, directory: Path | None = None) -> dict[str, str]:
    """Return what a point sets, and what is set for all, as it may be typed anywhere, or written
    into a directory."""
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
    """Fill in specs from a sweep block, and return the options with those that it sets."""
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
        elif isinstance(node, document.Sequence) and all(
            isinstance(item, Scalar) for item in node.items
        ):
            texts = [item.text for item in node.items if isinstance(item, Scalar)]
            specs[key] = (",".join(texts), node.place)
        else:
            problems.append(key_node.place.problem(f"{key}: must be a value or a list of values"))
    problems += checker.problems
    return options


def _axes(specs: dict[str, tuple[str, Place]], problems: list[Problem]) -> Iterator[Axis | None]:
    for key, (spec, place) in specs.items():
        try:
            yield grid.axis(key, spec, place)
        except ValueError as error:
            message = str(error) if place.line < 0 else f"{key}: {error}"
            problems.append(place.problem(message))
            yield None


def _points(
    axes: list[Axis], rows: list[Trial], options: Options, problems: list[Problem]
) -> tuple[list[Point], list[str]]:
    """Return the points, and the keys that they set in order."""
    keys = [axis.key for axis in axes]
    if rows:
        message = "with a file of trials, a key has one value or a column of the file"
        problems += [a.place.problem(message) for a in axes]
    elif options.random and options.zip:
        problems.append(Problem("--zip", "what is drawn at random does not go in step"))
    problems += [
        Problem("--zip", f"{short(key)!r} has no list of values to go in step")
        for key in options.zip
        if key not in keys
    ]
    lengths = {axis.key: len(axis.values) for axis in axes if axis.key in options.zip}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{short(key)} {length}" for key, length in lengths.items())
        problems.append(Problem("--zip", f"the lists are not of one length: {told}"))
    if not rows and options.random is None:
        problems += [
            a.place.problem(
                f"{a.scale}: needs a number of values, as in {a.scale}:...:5, or --random N"
            )
            for a in axes
            if a.scale
        ]
    if problems:
        return [], keys
    made: Iterator[Point]
    if rows:
        count, made = len(rows), (row.point for row in rows)
        keys = list(rows[0].places)
    elif options.random is not None:
        count, made = options.random, grid.sample(axes, options.random, options.sweep_seed)
    else:
        count, made = grid.count(axes, options.zip), grid.grid(axes, options.zip)
    if count > options.max_runs:
        if count > 10**12:  # which may have more digits than Python prints
            text = f"more than 10^12 runs; more than {options.max_runs:,} need --max-runs"
        else:
            text = f"{count:,} runs; more than {options.max_runs:,} need --max-runs {count}"
        problems.append(Problem("sweep", text))
        return [], keys
    return list(islice(made, count)), keys


def _configs(
    root: Mapping,
    points: Sequence[Point],
    places: Sequence[dict[str, Place]],
    path: str,
    watch: Watcher | None,
) -> list[Config]:
    """Return the configuration of each point; `places` tells where a file sets its keys.

    Points that differ in ALONE keys alone share the checks of everything else.
    """
    problems: list[Problem] = []
    configs: list[Config] = []
    whole: dict[Point, Config] = {}
    values: dict[Setting, Any] = {}
    for point, written in zip(points, places, strict=True):
        rest = tuple(pair for pair in point if pair[0] not in ALONE)
        settings = [
            Setting(key, text, written.get(key, Place(f"{key}={text}"))) for key, text in point
        ]
        try:
            if rest not in whole:
                whole[rest] = configuration.build(
                    root, path, settings, consequence=NOTHING, watch=watch
                )
            for given in settings:
                if given.key in ALONE and given not in values:
                    values[given] = configuration.value(given, NOTHING)
        except ConfigError as error:
            problems += error.problems
            if len(problems) > 20:
                break
            continue
        changes = {given.key: values[given] for given in settings if given.key in ALONE}
        configs.append(msgspec.structs.replace(whole[rest], **changes))
    if problems:
        raise config_error(problems, NOTHING)
    return configs
