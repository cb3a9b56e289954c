"""A file that is spoilt, swapped or no file at all is refused in plain words, or read as it was."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from shell import MIB, arrays, call, forked, powerless
from specimens import AGAIN, RUN, STOPPED, SWEEP, TARGETS, answer, contents, refused, reset

from nnfs_cli import cli
from nnfs_cli.storage.digest import sealed, unsealed

each_target = pytest.mark.parametrize("name", TARGETS)


# --- spoilt files ----------------------------------------------------------------------------


def mutated(content, rng):
    """Return content spoilt in one of the ways that files are."""
    content = bytearray(content)
    start = rng.randint(len(content))
    end = min(len(content), start + 1 + int(rng.exponential(12)))
    kind = rng.randint(9)
    if kind == 0:
        del content[start:]
    elif kind == 1:
        content[start] ^= 1 << rng.randint(8)
    elif kind == 2:
        content[start:end] = rng.bytes(end - start)
    elif kind == 3:
        del content[start:end]
    elif kind == 4:
        content[start:start] = rng.bytes(end - start)
    elif kind == 5:
        content[start:end] = bytes(end - start)
    elif kind == 6:
        content[start:start] = content[rng.randint(len(content)) :][: end - start]
    elif kind == 7:
        digits = [i for i, byte in enumerate(content) if byte in b"0123456789"] or [start]
        content[digits[rng.randint(len(digits))]] = rng.choice([*b"0123456789.,-e"])
    else:
        content += rng.bytes(1 + rng.randint(40))
    return bytes(content)


@pytest.mark.timeout(900)  # of 6667 cases with --full
@each_target
def test_a_spoilt_file_is_refused_or_read_as_it_was(name, here, originals, cases):
    target = TARGETS[name]
    path, content = Path(target.path), Path(target.path).read_bytes()
    whole = {}
    for line in target.commands:
        whole[line] = answer(call(*line.split()))
        reset(here, originals)
    ended = Counter()
    many = 6667 if name in ("weights", "costs", "checkpoint") else 1250
    for i, rng in enumerate(cases(24, many)):
        path.write_bytes(mutated(content, rng))
        line = target.commands[i % len(target.commands)]
        with np.errstate(all="raise"):
            done = call(*line.split())
        if target.same or done.code not in (0, 3, 4):
            assert done.code in (0, 6), (i, line, done)
        if done.code in (3, 6):
            quiet = done._replace(stdout="") if name == "input" else done  # it answers as it reads
            refused(quiet, done.code)
            where = {path.name, str(path.parent) if target.same else line.split()[1]}
            assert any(words in done.stderr for words in where), (i, line, done)
        elif target.same:
            assert answer(done) == whole[line], (i, line)
        ended[f"exit {done.code}"] += 1
        if done.code in (0, 4) and line.startswith(("train", "sweep")):
            reset(here, originals)
    print(f"{name}: {ended.total()} spoilt files: {dict(ended)}")
    assert ended["exit 0"] < ended.total() / 2 or not target.same


@pytest.mark.parametrize("name", ["weights", "costs", "checkpoint", "stack"])
def test_a_bit_of_an_array_that_is_another_is_noticed(name, here, cases):
    target = TARGETS[name]
    whole = arrays(target.path)
    for number, rng in enumerate(cases(8, 1000)):
        found = {key: array.copy() for key, array in whole.items()}
        there = [key for key, array in found.items() if array.size]
        array = found[there[rng.randint(len(there))]].reshape(-1)
        content = array.view("u4" if array.dtype.kind == "U" else "u1")  # whole letters
        content[rng.randint(len(content))] ^= 1 << rng.randint(5)
        np.savez(target.path, **found)
        line = target.commands[number % len(target.commands)]
        refused(call(*line.split()), 6, target.path)
    print(f"{name}: {number + 1} archives with another bit: all were noticed")


# --- things that are no files ----------------------------------------------------------------


def sparse(path):
    """Make a file of 100 GB that takes no room, beginning as the one that it replaces."""
    with path.open("r+b") as file:
        file.truncate(100 << 30)


def instead(make):
    """Return a function that makes something else in a file's place."""
    return lambda path: (path.unlink(), make(path))


PLACES = {
    "nothing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "binary": lambda path: path.write_bytes(np.random.RandomState(0).bytes(5000)),
    "directory": instead(Path.mkdir),
    "loop": instead(lambda path: path.symlink_to(path.name)),
    "dangling": instead(lambda path: path.symlink_to("nowhere")),
    "pipe": instead(os.mkfifo),
    "device": instead(lambda path: path.symlink_to("/dev/zero")),
    "terminal": instead(lambda path: path.symlink_to("/dev/tty")),
    "unreadable": lambda path: path.chmod(0),
    "sparse": sparse,
}
PLACED = {(name, place) for name in TARGETS for place in PLACES}
PLACED -= {("input", "pipe"), ("input", "terminal")}  # which predict reads as they come


def lines_of(target, full):
    return target.commands if full else target.commands[:1]


@pytest.mark.parametrize(("name", "place"), sorted(PLACED))
def test_what_is_no_file_is_refused_or_not_needed(name, place, here, originals, full):
    target = TARGETS[name]
    path = Path(target.path)
    for line in lines_of(target, full):
        whole = answer(call(*line.split()))
        reset(here, originals)
        PLACES[place](path)
        done = forked(*line.split(), before=powerless if place == "unreadable" else lambda: None)
        assert done.growth < 60 * MIB, done
        if done.code:
            quiet = done._replace(stdout="") if name == "input" else done  # it answers as it reads
            missing = place in ("nothing", "loop", "dangling") and path.parent.name
            refused(quiet, target.code, missing or str(path))
        else:
            assert answer(done) == whole
        path.rmdir() if place == "directory" else path.unlink(missing_ok=True)
        shutil.copy(originals / "here" / path, path)
        reset(here, originals)


@each_target
def test_a_link_is_followed(name, here, originals, full):
    target = TARGETS[name]
    path = Path(target.path)
    for line in lines_of(target, full):
        whole = answer(call(*line.split()))
        reset(here, originals)
        path.rename("moved")
        path.symlink_to(Path("moved").absolute())
        done = call(*line.split())
        assert (done.code, answer(done)) == (0, whole)
        path.unlink(missing_ok=True)  # which a checkpoint is in the end
        shutil.copy(originals / "here" / path, path)
        reset(here, originals)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("weights", "weights.npz: was changed"),
        ("costs", "costs.npz: was changed"),
        ("run.json", "weights.npz: was changed"),
        ("config.yaml", "config.yaml: was changed"),
        ("checkpoint", "checkpoint.npz: is not the state of this run"),
        ("checkpoint's run.json", "run.json was"),
        ("stack", "stacks-0-0.npz: was not written by this sweep"),
        ("sweep's run.json", "stacks-0-0.npz: was not written by this sweep"),
    ],
)
def test_another_run_s_file_is_noticed(name, told, here, originals):
    target = TARGETS[name]
    shutil.copy(originals / "other" / target.path, target.path)
    for line in target.commands:
        refused(call(*line.split()), 6, told)


@pytest.mark.parametrize("place", [*PLACES, "spoilt", "another's"])
@pytest.mark.parametrize("name", AGAIN)
def test_what_can_be_made_anew_is(name, place, here, originals, cases):
    directory, line = AGAIN[name]
    whole = answer(call(*line.split()))
    reset(here, originals)
    (path,) = (file for file in Path(directory).iterdir() if file.name[0] != ".")
    content = path.read_bytes()
    for rng in cases(10, 300) if place == "spoilt" else [None]:
        if rng:
            path.write_bytes(mutated(content, rng))
        elif place == "another's":
            (other,) = (originals / "other" / directory).glob("[!.]*")
            shutil.copy(other, path)
        else:
            PLACES[place](path)
        done = forked(*line.split(), before=powerless if place == "unreadable" else lambda: None)
        if (name, place) == ("index", "directory"):
            refused(done, 1, str(path))
        else:
            assert (done.code, done.stderr, answer(done)) == (0, "", whole)
        reset(here, originals)


@pytest.mark.parametrize(
    "text", ["../elsewhere/xor-sweep-1", "/proc/self", "..", ".", "a\0b", "\n", "xor-1"]
)
def test_the_index_leads_nowhere_else(text, here):
    shutil.copytree("runs", "elsewhere")
    before = contents("elsewhere"), contents(RUN)
    (path,) = (file for file in Path("runs/.sweeps").iterdir() if file.name[0] != ".")
    path.write_text(text)
    done = call(*AGAIN["index"][1].split())
    assert (done.code, done.stdout) == (0, "runs/xor-sweep-2\n"), done
    assert (contents("elsewhere"), contents(RUN)) == before


# --- facts that do not fit -------------------------------------------------------------------


def with_facts(run, change):
    """Change a run's run.json in place."""
    path = Path(run) / "run.json"
    facts = json.loads(path.read_bytes())
    change(facts)
    path.write_text(json.dumps(facts))


def deep(levels):
    """Return a list in a list in a list ..."""
    value = []
    for _ in range(levels):
        value = [value]
    return value


FACTS = {"columns": ["a"], "targets": ["y"], "classes": None, "samples": "x"}
STRANGE = {
    "epochs": [None, "x", -1, 1.5, 10**30, 10**9, [], {}],
    "status": [None, 1, [], {}],
    "seconds": ["x", None, []],
    "versions": [[], "x", {"numpy": 1}, {"numpy": None}],
    "encoding": [None, [], {}, {"facts": {}}, {"facts": FACTS}],
    "command": [None, 1, ["a"], "x" * 10**5],
    "cost": ["x", None, [1], {}],
    "started": [None, 1, {}],
    "kind": ["run", None, 1],
    "identity": [None, 1, "x"],
    "data_digest": [None, 1, "x"],
    "weights_digest": [None, 1, "x"],
    "costs_digest": [None, 1, "x"],
    "runs": [None, "x", -1, 10**30, []],
    "keys": [None, 1, [1], [["seed"]], ["epochs"]],
    "finished": [None, "x", -1, []],
    "unknown": [None, {"a": {"b": "c"}}, deep(19), deep(400), deep(900)],
}
OF_RUN = ("predict {} --x 0,1", "evaluate {}", "reproduce {}", "diagnose {}", "plot {}")
OF_RUN += ("explain {}", "report {} -o page.html", "train -q --resume {}")
OF_SWEEP = ("predict {}/1 --x 0,1", "evaluate {}/best", "reproduce {}/2", "show {} --over seed")
OF_SWEEP += ("plot {}", "report {} -o page.html", AGAIN["index"][1])
PICTURES, MATPLOTLIB_MISSING = ("plot", "report"), "matplotlib, which is not installed"
OF_BOTH = ("show {}", "show {} --json", "runs", "runs --json")


@pytest.mark.parametrize("run", [RUN, SWEEP])
@pytest.mark.parametrize("key", STRANGE)
def test_facts_of_another_kind_are_no_reason_to_crash(key, run, here, full):
    before = (Path(run) / "run.json").read_bytes()
    lines = (*(OF_RUN if run == RUN else OF_SWEEP), *OF_BOTH)
    step = 1 if full else 8
    for i, value in enumerate(STRANGE[key], len(key)):
        with_facts(run, lambda facts, value=value: facts.update({key: value}))
        for line in lines[i % step :: step]:
            done = call(*line.format(run).split())
            differs = line.startswith("reproduce") and done.code == 1
            undrawn = line.startswith(PICTURES) and MATPLOTLIB_MISSING in done.stderr
            assert done.code in (0, 6) or differs or undrawn, (line, value, done)
            assert "Traceback" not in done.stderr
        (Path(run) / "run.json").write_bytes(before)


def test_every_command_is_tried_on_facts_of_another_kind():
    tried = {line.split()[0] for line in (*OF_RUN, *OF_SWEEP, *OF_BOTH)}
    assert tried | {"check"} == set(cli.COMMANDS)


@pytest.mark.parametrize(
    ("run", "key", "lines"),
    [
        (RUN, "weights_digest", (*OF_RUN[:4], f"train given.yaml --init-from {RUN}")),
        (RUN, "costs_digest", (OF_RUN[2], OF_RUN[3])),
        (RUN, "data_digest", (OF_RUN[1], "train -q --resume {} epochs=50")),
        (RUN, "identity", OF_RUN[:4]),
        (STOPPED, "identity", (OF_RUN[-1],)),
        (STOPPED, "data_digest", (OF_RUN[-1],)),
        (SWEEP, "identity", OF_SWEEP[:3]),
    ],
)
def test_a_digest_that_is_another_is_noticed(run, key, lines, here, full):
    digest = json.loads((Path(run) / "run.json").read_bytes())[key]
    places = range(0, len(digest), 1 if full else 40)
    for i in places:
        changed = digest[:i] + "0123456789abcdef"[(int(digest[i], 16) + 1) % 16] + digest[i + 1 :]
        with_facts(run, lambda facts, changed=changed: facts.update({key: changed}))
        for line in lines:
            refused(call(*line.format(run).split()), 6, run)
    print(f"{key}: {len(places) * len(lines)} digests with another digit: all were noticed")


@pytest.mark.parametrize(
    "scaling",
    [
        {"shift": [], "factor": []},
        {"shift": [1.0], "factor": [1.0]},
        {"shift": [1.0, 2.0, 3.0], "factor": [1.0, 2.0, 3.0]},
        {"shift": ["a", "b"], "factor": [1.0, 2.0]},
        {"shift": [0.0, 0.0]},
        [],
        5,
    ],
    ids=str,
)
def test_an_encoding_that_does_not_fit_is_refused(scaling, here):
    with_facts(RUN, lambda facts: facts["encoding"].update(inputs=scaling))
    for line in OF_RUN:
        refused(call(*line.format(RUN).split()), 6, f"{RUN}/run.json")


def test_an_encoding_that_is_another_is_noticed(here):
    with_facts(RUN, lambda f: f["encoding"].update(inputs={"shift": [0, 0], "factor": [1, 2]}))
    for line in OF_RUN[:4]:
        refused(call(*line.format(RUN).split()), 6, "was changed")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sigmoid", "tanh"),
        ("seed: 48", "seed: 49"),
        ("learning_rate: 1.0", "learning_rate: 2.0"),
        ("float64", "float32"),
        ("log_every: 15", "log_every: 25"),
    ],
)
def test_a_configuration_that_is_another_is_noticed(old, new, here):
    for run, line in ((RUN, OF_RUN[0]), (RUN, OF_RUN[2]), (STOPPED, OF_RUN[-1])):
        path = Path(run) / "config.yaml"
        path.write_text(path.read_text().replace(old, new))
        refused(call(*line.format(run).split()), 6, run)


# --- arrays that do not fit, though their digest is right --------------------------------------


def changed(path, change):
    """Change an archive that has its digest in it, and the digest with it."""
    found = unsealed(arrays(path))
    change(found)
    np.savez(path, **sealed(found))


def to(name, function):
    """Return a function that changes one of some arrays in place."""
    return lambda found: found.update({name: np.array(function(found[name]))})


def renamed(name, new):
    return lambda found: found.update({new: found.pop(name)})


DEEP = '{"a":' * 5000
STACKS = {
    "no params": lambda stack: stack.pop("0/params"),
    "no epochs": lambda stack: stack.pop("0/log/epoch"),
    "no costs": lambda stack: stack.pop("0/log/cost"),
    "no identity": lambda stack: stack.pop("identity"),
    "half a stack": lambda stack: stack.update({"9/params": stack["0/params"]}),
    "no stack": lambda stack: stack.update({"params": stack["0/params"]}),
    "a strange array": lambda stack: stack.update({"0/strange": stack["0/params"]}),
    "a strange log": lambda stack: stack.update({"0/log/": stack["0/params"]}),
    "fewer params": to("0/params", lambda params: params[:, :-1]),
    "fewer networks": to("0/params", lambda params: params[:-1]),
    "flat params": to("0/params", np.ravel),
    "other params": to("0/params", lambda params: params.astype("f4")),
    "texts": to("0/params", lambda params: params.astype("U9")),
    "too many entries": to("0/entries", lambda entries: entries + 1),
    "negative entries": to("0/entries", np.negative),
    "broken entries": to("0/entries", lambda entries: entries * 0.5),
    "fewer numbers": to("0/numbers", lambda numbers: numbers[:2]),
    "square numbers": to("0/numbers", lambda numbers: numbers.reshape(2, 2)),
    "no such encoding": to("0/encoding", lambda encoding: encoding + 5),
    "half an encoding": to("0/encodings", lambda _: ["{"]),
    "an empty encoding": to("0/encodings", lambda _: ["{}"]),
    "a deep encoding": to("0/encodings", lambda _: [DEEP]),
    "a list for a configuration": to("0/config", lambda _: "[]"),
    "an empty configuration": to("0/config", lambda _: "{}"),
    "a deep configuration": to("0/config", lambda _: DEEP),
    "a configuration of bytes": to("0/config", lambda _: b"{}"),
    "lists for changes": to("0/changes", lambda _: ["[]"] * 4),
    "changes to nonsense": to("0/changes", lambda _: ['{"layers": 5}'] * 4),
    "deep changes": to("0/changes", lambda _: [DEEP] * 4),
    "messages for nobody": to("0/messages", lambda _: ["a", "b"]),
    "words for divergence": to("0/diverged", lambda _: [b"no"] * 4),
    "shorter costs": to("0/log/cost", lambda cost: cost[:, :1]),
    "complex costs": to("0/log/cost", lambda cost: cost.astype(complex)),
    "epochs that are no numbers": to("0/log/epoch", lambda epoch: epoch * np.nan),
    "epochs that fall": to("0/log/epoch", lambda epoch: epoch[::-1]),
}
CHECKPOINTS = {
    "no params": lambda state: state.pop("params"),
    "no epoch": lambda state: state.pop("epoch"),
    "no identity": lambda state: state.pop("identity"),
    "no costs": lambda state: state.pop("log/cost"),
    "no epochs": lambda state: state.pop("log/epoch"),
    "fewer params": to("params", lambda params: params[:-1]),
    "other params": to("params", lambda params: params.astype("f4")),
    "an epoch to come": to("epoch", lambda _: 41),
    "a negative epoch": to("epoch", lambda _: -1),
    "half an epoch": to("epoch", lambda _: 20.5),
    "epochs": to("epoch", lambda epoch: [epoch]),
    "shorter costs": to("log/cost", lambda cost: cost[:1]),
    "costs that are words": to("log/cost", lambda cost: cost.astype("U9")),
    "epochs that fall": to("log/epoch", lambda epoch: epoch[::-1]),
    "a log of the future": to("log/epoch", lambda epoch: epoch * 100),
    "a log that begins late": to("log/epoch", lambda epoch: epoch + 15),
    "another log": renamed("log/cost", "log/costs"),
}


@pytest.mark.parametrize("change", STACKS.values(), ids=STACKS)
def test_a_stack_that_does_not_fit_is_refused(change, here):
    target = TARGETS["stack"]
    changed(target.path, change)
    for line in target.commands:
        refused(call(*line.split()), 6, SWEEP)


@pytest.mark.parametrize("change", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_a_checkpoint_that_does_not_fit_is_refused(change, here):
    target = TARGETS["checkpoint"]
    changed(target.path, change)
    refused(call(*target.commands[0].split()), 6, target.path)
