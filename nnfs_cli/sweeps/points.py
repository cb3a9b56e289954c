"""The points of a sweep: axes and trials -> overrides, each with its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from nnfs_cli.config import loading
from nnfs_cli.config.nodes import Mapping, Place
from nnfs_cli.config.overrides import Setting
from nnfs_cli.config.schema import Config
from nnfs_cli.data.source import Sources
from nnfs_cli.errors import ConfigError, Problem, config_error, short
from nnfs_cli.sweeps import axes as sweeps_axes
from nnfs_cli.sweeps.axes import Axis, Point
from nnfs_cli.sweeps.trials import Trial

NOTHING = "nothing was swept"
MAX_RUNS = 10_000
ALONE = {"seed", "learning_rate", "epochs", "gradient_clip", "log_every"}  # not in others' checks


class Options(Struct, frozen=True):
    """How axes become points; the command line takes precedence over the file."""

    zip: tuple[str, ...] = ()
    random: int | None = None
    sweep_seed: int = 0
    trials: str | None = None
    max_runs: int = MAX_RUNS


def axes_of(specs: dict[str, tuple[str, Place]], problems: list[Problem]) -> Iterator[Axis | None]:
    """Yield the axis of each specification; mistakes are added to `problems`."""
    for key, (spec, place) in specs.items():
        try:
            yield sweeps_axes.axis(key, spec, place)
        except ValueError as error:
            message = str(error) if place.line < 0 else f"{key}: {error}"
            problems.append(place.problem(message))
            yield None


def points_of(
    axes: list[Axis], rows: list[Trial], options: Options, problems: list[Problem]
) -> tuple[list[Point], list[str]]:
    """Return the points, and the keys that they set, in order; mistakes go to `problems`."""
    keys = [axis.key for axis in axes]
    if rows:
        message = "with a file of trials, a key has one value or a column of the file"
        problems += [a.place.problem(message) for a in axes]
    elif options.random and options.zip:
        text = "cannot be combined with --random, which draws each key by itself"
        problems.append(Problem("--zip", text))
    problems += [
        Problem("--zip", f"{short(key)!r} has no list of values to go in step")
        for key in options.zip
        if key not in keys
    ]
    lengths = {axis.key: len(axis.values) for axis in axes if axis.key in options.zip}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{short(key)} {length}" for key, length in lengths.items())
        problems.append(Problem("--zip", f"the lists differ in length: {shown}"))
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
        count, made = options.random, sweeps_axes.sample(axes, options.random, options.sweep_seed)
    else:
        count, made = sweeps_axes.count(axes, options.zip), sweeps_axes.grid(axes, options.zip)
    if count > options.max_runs:
        if count > 10**12:  # it may have more digits than Python prints
            text = f"more than 10^12 runs; more than {options.max_runs:,} need --max-runs"
        else:
            text = f"{count:,} runs; more than {options.max_runs:,} need --max-runs {count}"
        problems.append(Problem("sweep", text))
        return [], keys
    return list(islice(made, count)), keys


def configs_of(
    root: Mapping,
    points: Sequence[Point],
    places: Sequence[dict[str, Place]],
    path: str,
    sources: Sources,
) -> list[Config]:
    """Return the configuration of each point; `places` has the places of keys set in a file.

    Points that differ only in keys of ALONE share the checks of everything else.
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
                whole[rest] = loading.build(
                    root, path, settings, consequence=NOTHING, sources=sources
                )
            for setting in settings:
                if setting.key in ALONE and setting not in values:
                    values[setting] = loading.value(setting, NOTHING)
        except ConfigError as error:
            problems += error.problems
            if len(problems) > 20:
                break
            continue
        changes = {each.key: values[each] for each in settings if each.key in ALONE}
        configs.append(msgspec.structs.replace(whole[rest], **changes))
    if problems:
        raise config_error(problems, NOTHING)
    return configs
