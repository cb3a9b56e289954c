"""Configurations that something happened to: each is used, or told where it is wrong.

With --full they are the 100,000 of the issue, and what became of them is printed.
"""

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from damage import TRAPS, damaged, of_tokens, pick, pieces
from shell import CONFIG_FILES, CONFIGS, call
from test_random_configs import configurations, effort

from nnfs_cli.config import consistency, loading
from nnfs_cli.config.request import request_of
from nnfs_cli.config.writing import to_plain
from nnfs_cli.data.source import Sources
from nnfs_cli.errors import NnfsError

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
given, st = hypothesis.given, hypothesis.strategies

GOOD = [path.read_bytes() for path in CONFIG_FILES]
BAD = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("bad/*.yaml"))]
LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as YAML breaks lines
REPORT = re.compile(
    r"(?:in\.yaml:(\d+):(\d+)|on the command line|in\.csv(?::\d+)*|sweep|--zip): (.+)\n"
    r"(?: *\d+ \| (.*)\n +\| ( *)\^+\n)?"
)
END = re.compile(r"(\.\.\. and \d+ more\n)?(1 error|\d+ errors); .*\n")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NNFS_RUNS_DIR", "runs")
    shutil.copy(CONFIGS / "flowers.csv", ".")


def is_told(done, content):
    """Check that a command used a configuration, or said in few words where it is wrong."""
    assert done.code in (0, 3, 6), done
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.stderr), "reaches the terminal"
    assert max(map(len, done.stderr.split("\n"))) < (600 if done.code == 3 else 5000), done.stderr
    if done.code == 6:  # of a data file, whose path it has in full
        assert re.fullmatch(r"/.+: .+\n", done.stderr), done.stderr
    if done.code != 3:
        return
    assert done.stdout == ""
    lines, at = LINE_END.split(content.decode("utf-8-sig", "replace")), 0
    while report := REPORT.match(done.stderr, at):
        at = report.end()
        line, column, _, shown, arrow = report.groups()
        if line:
            assert int(line) <= len(lines), (done.stderr, content)
            there = lines[int(line) - 1]
            assert 1 <= int(column) <= len(there) + 1
            if shown is not None:
                start = int(column) - 1 - len(arrow)
                seen = there[start : start + len(shown)].replace("\t", " ")
                pairs = zip(shown, seen, strict=True)
                assert all(a in (b, "\N{REPLACEMENT CHARACTER}") for a, b in pairs), done.stderr
    assert at, done.stderr
    assert END.fullmatch(done.stderr, at), done.stderr


def check(content, *overrides):
    """Return how `nnfs check` ends on a file's content; what it prints must be as good."""
    Path("in.yaml").write_bytes(content)
    done = call("check", "in.yaml", "--", *overrides)
    is_told(done, content)
    if done.code == 0:
        Path("out.yaml").write_text(done.stdout)
        again = call("check", "out.yaml")
        told = f"{content!r} {overrides} {again.stderr}"
        assert (again.code, again.stdout) == (0, done.stdout), told
    return done.code


def train(*overrides):
    """Return how a short training of in.yaml ends, or nothing if it would not be short."""
    try:
        asked = loading.load("in.yaml", overrides)
        known = Sources().open(request_of(asked)).info
    except NnfsError:
        return None
    if max(known.samples, consistency.n_params(asked, known)) > 2000:
        return None
    done = call("train", "-q", "in.yaml", "epochs=1", "name=x", "--", *overrides)
    assert done.code in (0, 4, 6), done
    assert done.stderr.count("\n") == (done.code != 0)
    return f"trained, {done.code}"


def test_a_damaged_configuration_is_used_or_told_where_it_is_wrong(cases, tally):
    for number, rng in enumerate(cases(1500, 60_000)):
        content = damaged(rng, pick(rng, GOOD if rng.randint(4) else BAD))
        code = check(content)
        tally[code] += 1
        if code == 0 and number % 5 == 0 and (ended := train()):
            tally[ended] += 1


def test_a_damaged_generated_configuration_is_used_or_told_where_it_is_wrong(request, tally):
    @effort(request, 100, 10_000)
    @given(configurations(), st.integers(0, 2**32 - 1))
    def try_one(plain, seed):
        rng = np.random.RandomState(seed)
        text = json.dumps(plain, indent=pick(rng, [None, 1]), ensure_ascii=False)
        tally[check(damaged(rng, text.encode()))] += 1

    try_one()


def keys_of(plain, path=()):
    """Yield every dotted key of a configuration with its value as text."""
    if path:
        yield ".".join(path), json.dumps(plain)
    items = plain.items() if isinstance(plain, dict) else ()
    for key, value in enumerate(plain) if isinstance(plain, list) else items:
        yield from keys_of(value, (*path, str(key)))


@pytest.fixture(scope="module")
def settings():
    """Return each good configuration with its keys and values."""
    return [
        (path.read_bytes(), [*keys_of(to_plain(loading.load(str(path))))]) for path in CONFIG_FILES
    ]


def damaged_setting(rng, keys, values):
    """Return KEY=VALUE, one of which is not as it was."""
    key, value = pick(rng, keys)
    value = pick(rng, [value, pick(rng, values), pick(rng, TRAPS)])
    text = f"{key}={value}"
    return (text if rng.randint(3) else of_tokens(rng, text)).replace("\0", "")


def test_a_damaged_override_is_used_or_told(cases, tally, settings):
    values = [value for _, keys in settings for _, value in keys]
    for number, rng in enumerate(cases(500, 20_000)):
        content, keys = pick(rng, settings)
        overrides = [damaged_setting(rng, keys, values) for _ in range(rng.randint(1, 4))]
        code = check(content, *overrides)
        tally[code] += 1
        if code == 0 and number % 5 == 0 and (ended := train(*overrides)):
            tally[ended] += 1


SPECS = [
    *("seed=0..3", "epochs=3", "seed=0..9..3", "learning_rate=0.1,1"),
    *("learning_rate=log:1e-3..1:3", "dtype=float32,float64", "gradient_clip=lin:0.5..1"),
    "layers.0.activation=tanh,relu",
    *("layers.0.initializer=he,{name: normal, mean: 0, std: 1}", "dataset.test_size=0,0.25,0.5"),
]  # fmt: skip


def damaged_sweep(rng, content, keys):
    """Write in.yaml and in.csv, and return the arguments of a sweep of them."""
    specs = [pick(rng, SPECS) for _ in range(rng.randint(1, 4))]
    parts = re.findall(r"[\w.]+?|.", specs[-1], re.DOTALL)
    strange = pick(rng, [*TRAPS, *keys]).replace("\0", "")
    specs[-1] = pick(rng, [specs[-1], "".join(pieces(rng, parts, 5, strange)), strange])
    pairs = [spec.partition("=")[::2] for spec in specs]
    options = pick(rng, [[], [], ["--random", "3"], ["--zip", f"{pairs[0][0]},{pairs[-1][0]}"]])
    form = rng.randint(3)
    if form == 0:
        lines = [f"  {key}: {value}\n" for key, value in pairs]
        block = "sweep:\n" + "".join(lines)
        content += damaged(rng, block.encode()) if rng.randint(2) else block.encode()
    elif form == 1:
        rows = [",".join(column) for column in zip(*pairs, strict=True)]
        rows = "\n".join([*rows, rows[-1], ""]).encode()
        Path("in.csv").write_bytes(damaged(rng, rows) if rng.randint(2) else rows)
        options = ["--from", "in.csv"]
    Path("in.yaml").write_bytes(content)
    return content, [*options, "--max-runs", "100", "--", *(specs if form == 2 else [])]


def test_a_damaged_sweep_is_planned_or_told(cases, tally, settings):
    for rng in cases(300, 10_000):
        content, keys = pick(rng, settings)
        content, arguments = damaged_sweep(rng, content, [f"{key}={value}" for key, value in keys])
        done = call("sweep", "in.yaml", "--print-commands", *arguments)
        is_told(done, content)
        tally[done.code] += 1
        for command in done.stdout.splitlines()[:3]:
            _, verb, _, path, *overrides = shlex.split(command)
            assert (verb, path) == ("train", "in.yaml")
            assert call("check", path, "--", *overrides).code == 0, f"{command}\n{content!r}"


def scalars(text):
    """Yield where every scalar of a YAML text begins and ends, and whether it is a key."""
    stack = []  # for each mapping, whether a key comes next; None for a list
    for event in yaml.parse(text):
        is_key = bool(stack and stack[-1])
        if isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
        elif stack and stack[-1] is not None:
            stack[-1] = not stack[-1]
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append(True if isinstance(event, yaml.MappingStartEvent) else None)
        if isinstance(event, yaml.ScalarEvent):
            yield event.start_mark, event.end_mark, is_key


def is_pointed_at(path, start, end, wrong):
    """Check that a configuration is refused at the place of what has been put into it."""
    text = path.read_text()
    spoilt = text[: start.index] + wrong + text[end.index :]
    Path("in.yaml").write_text(spoilt)
    done = call("check", "in.yaml")
    is_told(done, spoilt.encode())
    assert done.code == 3
    assert f"in.yaml:{start.line + 1}:{start.column + 1}: " in done.stderr, done.stderr
    return done


each_config = pytest.mark.parametrize("path", CONFIG_FILES, ids=lambda path: path.stem)


@each_config
@pytest.mark.parametrize("wrong", ["{a: [1]}", "\x07", "!t 1", "*nothing"], ids=ascii)
def test_every_wrong_value_is_pointed_at(path, wrong):
    for start, end, is_key in scalars(path.read_text()):
        if not is_key:
            is_pointed_at(path, start, end, wrong)


@each_config
def test_every_misspelt_key_is_pointed_at_and_its_word_is_known(path):
    text = path.read_text()
    for start, end, is_key in scalars(text):
        key = text[start.index : end.index]
        if is_key:
            done = is_pointed_at(path, start, end, key[:-1] + 2 * key[-1])
            assert f"; did you mean {key!r}?\n" in done.stderr
