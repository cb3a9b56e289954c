"""Trainings that are stopped, killed or resumed: nothing is lost, and the bits are the same."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from shell import CONFIGS, XOR, arrays, call, facts_of, nnfs, start, trained
from specimens import contents

from nnfs_cli.analysis import reproduction
from nnfs_cli.config import loading
from nnfs_cli.data.source import Sources
from nnfs_cli.runs import checkpoint, record
from nnfs_cli.runs import directory as run_directory
from nnfs_cli.sweeps import members
from nnfs_cli.training import loop

FILES = ["config.yaml", "costs.npz", "run.json", "weights.npz"]
CHECKPOINT = "checkpoint.npz"
MOONS = (str(CONFIGS / "moons.yaml"), "dataset.samples=60")
SETTINGS = {
    "plain": (XOR, "epochs=2500"),
    "float32": (XOR, "epochs=2500", "dtype=float32"),
    "gradient-clip": (XOR, "epochs=2500", "gradient_clip=0.01"),
    "log-every-37": (XOR, "epochs=2500", "log_every=37"),
    "log-every-1": (XOR, "epochs=300", "log_every=1"),
    "log-nothing-between": (XOR, "epochs=2500", "log_every=100000"),
    "test-part": (*MOONS, "epochs=700", "log_every=150"),
    "regression": (str(CONFIGS / "diabetes.yaml"), "epochs=250", "log_every=40"),
    "threads": (MOONS[0], "dataset.samples=9000", "epochs=12", "log_every=5", "--threads=2"),
}
each_setting = pytest.mark.parametrize("given", SETTINGS.values(), ids=SETTINGS.keys())


pytestmark = pytest.mark.usefixtures("elsewhere")


def names(directory):
    return sorted(path.name for path in Path(directory).iterdir())


def same(run, whole):
    """Check that a run is, but for its name and its clock, the one that was never stopped."""
    assert names(run) == names(whole) == FILES
    for file in "costs.npz", "weights.npz":
        assert (run / file).read_bytes() == (whole / file).read_bytes(), file
    texts = [re.sub("^name: .*", "", (d / "config.yaml").read_text()) for d in (run, whole)]
    assert texts[0] == texts[1]
    facts = [facts_of(directory) for directory in (run, whole)]
    for fact in facts:
        for key in ("started", "seconds", "command"):
            del fact[key]
    assert facts[0] == facts[1]


@contextmanager
def signalled(number, at):
    """Let the signal come when a training reaches an epoch."""
    train = loop.train

    def watched(training, until=None):
        due = True
        for epoch in train(training, until):
            if due and epoch >= at:
                due = False
                signal.raise_signal(number)
            yield epoch

    with patch.object(loop, "train", watched):
        yield


def stopped(number, at, *args):
    """Train in this process until the signal comes; return the run's directory."""
    with signalled(number, at):
        done = call("train", *args)
    assert done.code == 128 + number, done.stderr
    run = Path(done.stdout.strip())
    *_, last, hint = done.stderr.splitlines()
    assert re.match(re.escape(f"{run}: interrupted at epoch ") + r"\d+: cost \d", last)
    assert hint == f"to continue: nnfs train --resume {shlex.quote(str(run))}"
    assert facts_of(run)["status"] == "interrupted"
    assert names(run) == sorted([*FILES, CHECKPOINT])
    return run


def resumed(run, *args):
    """Train a run to its end and return its directory."""
    assert trained("--resume", str(run), *args) == run
    return run


# --- the same bits ---------------------------------------------------------------------------


@each_setting
def test_a_training_that_is_stopped_and_resumed_is_the_one_never_stopped(given):
    whole = trained(*given, "--name", "whole")
    epochs = facts_of(whole)["epochs"]
    rng = np.random.RandomState(epochs)
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        moments = np.sort(rng.randint(epochs // 2, size=3)).tolist()
        run = stopped(number, moments[0], *given, "--name", "stopped")
        for at in moments[1:]:
            assert stopped(number, at, "--resume", str(run), *given[1:]) == run
        same(resumed(run), whole)


@pytest.mark.parametrize("at", [0, 1, 99, 100, 101, 180])
def test_it_may_be_stopped_at_any_epoch(at):
    whole = trained(XOR, "epochs=250", "--name", "whole")
    run = stopped(signal.SIGINT, at, XOR, "epochs=250")
    same(resumed(run), whole)


def test_an_interrupted_run_can_be_looked_at_and_logs_where_it_is():
    run = stopped(signal.SIGTERM, 130, XOR, "epochs=1000")
    facts = facts_of(run)
    log = arrays(run / "costs.npz")
    assert log["epoch"].tolist() == [0, 100, facts["epochs"]]
    figures = json.loads(call("evaluate", str(run)).stdout)
    assert figures["cost"] == facts["cost"] == log["cost"][-1]
    same(resumed(run), trained(XOR, "epochs=1000", "--name", "whole"))


@pytest.mark.parametrize("given", [(XOR,), (*MOONS, "log_every=7")], ids=["xor", "moons"])
@pytest.mark.parametrize(("few", "many"), [(0, 1), (0, 250), (40, 250), (200, 250), (230, 401)])
def test_raised_epochs_give_the_bits_of_as_many_from_the_start(given, few, many):
    whole = trained(*given, f"epochs={many}", "--name", "whole")
    run = trained(*given, f"epochs={few}", "--name", "raised")
    for epochs in (few, many):  # the first changes nothing
        resumed(run, f"epochs={epochs}")
        assert loading.load(str(run / "config.yaml")).epochs == epochs
    same(run, whole)


def test_raised_epochs_stay_raised_when_stopped():
    whole = trained(XOR, "epochs=900", "--name", "whole")
    run = trained(XOR, "epochs=100", "--name", "raised")
    stopped(signal.SIGINT, 450, "--resume", str(run), "epochs=900")
    assert "is 800; it can only be raised" in call("train", "--resume", str(run), "epochs=800")[2]
    same(resumed(run), whole)


def test_resumed_with_its_configuration_is_resumed():
    whole = trained(XOR, "epochs=900", "--name", "whole")
    for given in ([XOR, "epochs=900"], ["epochs=900"], [XOR, "epochs=900", "name=other"], []):
        run = stopped(signal.SIGINT, 450, XOR, "epochs=900", "--name", "stopped")
        assert trained(*given, "--resume", run.name) == run
        same(run, whole)


# --- signals ---------------------------------------------------------------------------------


def begun(*args):
    """Start a training; return its process and its directory, once signals are looked for."""
    process = start("train", *args)
    note = process.stderr.readline()
    assert ": 2-3-1, " in note, note
    return process, Path(note.partition(":")[0])


def ended(process, code):
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in stderr) == (code, False), stderr
    return stdout, stderr


LONG = (XOR, "epochs=25000", "log_every=3000")  # about a quarter of a second


STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", STOPS, ids=lambda n: n.name)
def test_a_process_that_is_stopped_at_any_moment_is_resumed_to_the_same_bits(number, cases):
    whole = trained(*LONG, "--name", "whole")
    for rng in cases(2, 30):
        process, run = begun(*LONG)
        time.sleep(rng.uniform(0, 0.15))
        process.send_signal(number)
        stdout, stderr = ended(process, 128 + number)
        assert stdout.strip() == str(run)
        assert stderr.endswith(f"to continue: nnfs train --resume {run}\n")
        same(resumed(run), whole)


def test_sigusr1_saves_and_goes_on_and_what_is_saved_outlives_sigkill(cases):
    whole = trained(*LONG, "--name", "whole")
    for rng in cases(2, 30):
        process, run = begun(*LONG)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGUSR1)
        while not (run / "run.json").exists():
            assert process.poll() is None
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        ended(process, -signal.SIGKILL)
        assert facts_of(run)["status"] == "running"
        for command in ("predict", "evaluate", "reproduce"):
            done = call(command, str(run))
            assert (done.code, done.stdout) == (6, "")
            assert f"nnfs train --resume {run}" in done.stderr
        same(resumed(run), whole)


def test_sigusr1_leaves_no_trace_in_the_end():
    whole = trained(XOR, "epochs=900", "--name", "whole")
    saved = []
    write = checkpoint.write

    def watched(path, *args):
        write(path, *args)
        saved.append(names(path))

    with signalled(signal.SIGUSR1, 300), patch.object(checkpoint, "write", watched):
        run = trained(XOR, "epochs=900")
    assert saved[0] == [CHECKPOINT, "config.yaml", "run.json"]
    same(run, whole)


@pytest.mark.parametrize("given", [(), ("--checkpoint-every", "1000")], ids=["default", "1000"])
def test_a_training_that_is_short_saves_no_state(given):
    with patch.object(checkpoint, "write", side_effect=AssertionError):
        run = trained(XOR, "epochs=900", *given)
    assert names(run) == FILES


def test_a_state_is_saved_every_so_often():
    times = []
    write = checkpoint.write

    def watched(*args):
        write(*args)
        times.append(time.monotonic())

    with patch.object(checkpoint, "write", watched):
        trained(*LONG, "--checkpoint-every", "0.03")
    assert len(times) >= 3
    assert min(np.diff(times[:-1])) >= 0.03  # the last is that of the end


@contextmanager
def child():
    """Yield the process id that os.fork gives, 0 in the child, which leaves no other way."""
    with warnings.catch_warnings(action="ignore"):  # of threads, which are idle
        pid = os.fork()
    if pid:
        yield pid
        return
    try:
        yield 0
    finally:
        os._exit(99)


def status_of(pid):
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_second_signal_stops_at_once(first, second):
    def write(*args):
        signal.raise_signal(second)
        os._exit(1)

    with child() as pid:
        if not pid:
            for number in first, second:
                signal.signal(number, signal.SIG_DFL)
            with signalled(first, 100), patch.object(checkpoint, "write", write):
                call("train", XOR)
    assert status_of(pid) == second
    assert call("train", "--resume", "runs/xor-1").code == 6
    assert call("train", XOR, "epochs=1", "--resume-if-exists", "-q").stdout == "runs/xor-2\n"


@pytest.mark.parametrize("number", STOPS, ids=lambda n: n.name)
def test_a_signal_that_comes_too_late_stops_nothing(number):
    def save(*args, save=record.save):
        signal.raise_signal(number)
        return save(*args)

    with patch.object(record, "save", save):
        done = call("train", XOR, "epochs=9")
    assert (done.code, done.stdout) == (0, "runs/xor-1\n")
    assert "to go on" not in done.stderr
    same(Path("runs/xor-1"), trained(XOR, "epochs=9", "--name", "whole"))


def test_a_terminal_that_closes_hangs_up_twice_and_nothing_is_lost():
    def write(*args, write=checkpoint.write):
        signal.raise_signal(signal.SIGHUP)
        write(*args)

    whole = trained(XOR, "epochs=900", "--name", "whole")
    with child() as pid:
        if not pid:
            with patch.object(checkpoint, "write", write):
                stopped(signal.SIGHUP, 300, XOR, "epochs=900")
            os._exit(0)
    assert status_of(pid) == 0
    same(resumed(Path("runs/xor-1")), whole)


@pytest.mark.parametrize("command", ["train", "train --json"])
def test_a_hangup_saves_and_ends_with_129_though_nobody_reads_any_more(command):
    leader, follower = os.openpty()
    endless = (XOR, "epochs=1e9", "log_every=1e9")
    with start(*command.split(), *endless, stdout=follower, stderr=follower) as process:
        os.close(follower)
        assert b"2-3-1" in os.read(leader, 1000)
        process.send_signal(signal.SIGHUP)
        os.close(leader)
        assert process.wait(timeout=60) == 128 + signal.SIGHUP
    assert facts_of("runs/xor-1")["status"] == "interrupted"
    assert call("predict", "runs/xor-1").code == 0


def test_a_training_outlives_the_terminal_that_shows_its_progress():
    leader, follower = os.openpty()
    with start("train", *LONG, stderr=follower) as process:
        os.close(follower)
        assert b"2-3-1" in os.read(leader, 1000)
        os.close(leader)
        assert process.stdout.read() == "runs/xor-1\n"
        assert process.wait(timeout=60) == 0


def test_hangups_that_nohup_ignores_stop_nothing():
    def ignored():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with start("train", *LONG, preexec_fn=ignored) as process:
        assert ": 2-3-1, " in process.stderr.readline()
        process.send_signal(signal.SIGHUP)
        stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (0, "runs/xor-1\n")
    assert facts_of("runs/xor-1")["status"] == "finished"


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_a_terminal_that_closes_stops_a_sweep_and_its_workers_which_save(jobs):
    args = ("sweep", XOR, "seed=0..3", "layers.0.units=2,3", "epochs=1e9", "log_every=1e9")
    with start(*args, jobs, start_new_session=True) as process:
        assert process.stderr.readline() == "runs/xor-sweep-1: 8 runs\n"
        for _ in range(2):
            os.killpg(process.pid, signal.SIGHUP)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGHUP
    assert stderr.endswith("to continue, repeat the same command\n")
    assert facts_of("runs/xor-sweep-1")["status"] == "unfinished"


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_sigusr1_while_data_are_read_ends_nothing(command):
    def read(*args, read=Sources.open):
        signal.raise_signal(signal.SIGUSR1)
        return read(*args)

    with child() as pid:
        if not pid:
            signal.signal(signal.SIGUSR1, signal.SIG_DFL)
            with patch.object(Sources, "open", read):
                done = call(command, XOR, "epochs=9", *(["seed=0,1", "-j1"] * (command == "sweep")))
            os._exit(done.code)
    assert status_of(pid) == 0


# --- SIGKILL ---------------------------------------------------------------------------------


def whole_files(directory):
    """Check that each file under a final name is whole, and return the run's status, if any."""
    directory = Path(directory)
    if not directory.exists():
        return None
    there = [name for name in names(directory) if not name.startswith(".")]
    for name in there:
        path = directory / name
        if name.endswith(".npz"):
            assert arrays(path)
        elif name == "config.yaml":
            assert loading.load(str(path)).epochs
        else:
            assert facts_of(directory)["encoding"]
    if "run.json" not in there:
        return None
    status = facts_of(directory)["status"]
    assert call("show", str(directory)).code == 0
    assert call("predict", str(directory), "--x", "0,1").code == (6 if status == "running" else 0)
    return status


def killed(moment, *args):
    """Train in a process that is killed a while after it says that it begins; before, if < 0."""
    with start("train", *args, stdout=subprocess.DEVNULL) as process:
        if moment < 0:
            time.sleep(-moment)
        else:
            process.stderr.readline()
            time.sleep(moment)
        process.kill()


def test_sigkill_at_any_moment_loses_nothing(cases):
    whole = trained(*LONG, "--name", "whole")
    found = Counter()
    for number, rng in enumerate(cases(2, 100)):  # each is killed three times
        often = ("--checkpoint-every", "0.05")
        run, status = Path(f"runs/x{number}-1"), None
        for _ in range(3):
            begin = (*LONG, "--name", f"x{number}") if status is None else ("--resume", str(run))
            killed(rng.uniform(-0.1, 0.2), *begin, *often)
            before, status = status, whole_files(run)
            found[str(status)] += 1
            assert before != "finished" or status == "finished"
            if status is None and run.exists():
                done = call("train", "--resume", str(run))
                assert (done.code, "it has no run.json" in done.stderr) == (6, True)
                shutil.rmtree(run)
        if status is not None:
            same(resumed(run), whole)
    print(f"SIGKILL left runs that were {dict(found)}")


class Crash:
    """Ends the process before the n-th step that changes a directory."""

    def __init__(self, moment):
        self.left = moment

    def __call__(self, step):
        def stepped(*args, **kwargs):
            self.left -= 1
            if self.left < 0:
                os._exit(9)
            return step(*args, **kwargs)

        return stepped


def crashed(moment, every, *args):
    """Train in a child that ends at a moment; return whether it came to that.

    It saves its state at the logged epochs alone, whose number does not depend on the clock.
    """
    with child() as pid:
        if not pid:
            crash = Crash(moment)
            for name in "mkdir", "replace", "unlink":
                patch.object(Path, name, crash(getattr(Path, name))).start()
            patch.object(loop, "pauses", loop.logged_epochs).start()
            call("train", *args, "--checkpoint-every", every)
            os._exit(0)
    status = status_of(pid)
    assert status in (0, 9 << 8)
    return bool(status)


@pytest.mark.parametrize("every", ["0", "10"])
@pytest.mark.parametrize("before", ["nothing", "interrupted", "finished", "raised and killed"])
def test_a_crash_around_any_write_loses_nothing(before, every):
    """Each crash is followed by another at the same step of the training that goes on."""
    whole = trained(XOR, "epochs=300", "--name", "whole")
    for moment in range(100):
        name = f"x{moment}"
        run = Path("runs") / f"{name}-1"
        given = ("--resume", str(run), "epochs=300")
        if before == "nothing":
            given = (XOR, "epochs=300", "--name", name)
        elif before == "interrupted":
            stopped(signal.SIGINT, 50, XOR, "epochs=300", "--name", name)
        else:
            trained(XOR, "epochs=50", "--name", name)
        if before == "raised and killed":
            assert crashed(4, "0", "--resume", str(run), "epochs=250")
            assert whole_files(run) == "finished"
        if not crashed(moment, every, *given):
            break
        status = whole_files(run)
        if before == "nothing" and status is None:
            continue
        assert status == "running" or facts_of(run)["epochs"] >= (0 if status[0] == "i" else 50)
        crashed(moment, every, "--resume", str(run))
        assert whole_files(run)
        same(resumed(run, "epochs=300"), whole)
    assert moment > (5 if every == "10" else 8)
    same(run, whole)


@pytest.mark.parametrize("before", ["interrupted", "finished"])
def test_a_run_that_is_killed_as_it_goes_on_still_has_the_weights_it_had(before):
    whole = trained(XOR, "epochs=300", "--name", "whole")
    if before == "finished":
        run = trained(XOR, "epochs=150")
    else:
        run = stopped(signal.SIGINT, 150, XOR, "epochs=300")
    commands = [(name, str(run)) for name in ("predict", "evaluate", "reproduce", "show")]
    answers = [call(*command) for command in commands]
    assert [done.code for done in answers] == [0] * 4
    assert crashed(2, "0", "--resume", str(run), "epochs=300")
    assert int(arrays(run / CHECKPOINT)["epoch"]) > 150
    for command, answer in zip(commands[:3], answers, strict=False):
        done = call(*command)
        assert (done.code, done.stdout) == (0, answer.stdout)
        note = f"config.yaml now has 300 epochs; to continue: nnfs train --resume {run}"
        assert (note in done.stderr) == (before == "finished")
    assert call("show", str(run)).code == 0
    same(resumed(run), whole)


def test_what_is_not_a_training_s_own_outlives_it(monkeypatch):
    run = stopped(signal.SIGINT, 150, XOR, "epochs=300")
    with start("train", "--help", stdout=subprocess.DEVNULL) as process:
        process.wait()
    gone, alive = process.pid, os.getppid()
    others = [
        ".my.notes.2",
        ".a.b.1",
        f".cost.png.{gone}",  # of a plot; another user's may be alive, on another machine
        f".run.json.{alive}",
        f".weights.npz.{gone}.bak",
        f"run.json.{gone}",
        f".weights.{gone}",
    ]
    own = [f".{name}.{gone}" for name in (*FILES, CHECKPOINT)]
    own += [f".run.json.{gone}-0123abcd", f".run.json.{os.getpid()}", ".run.json.9999999999"]
    for name in others + own:
        (run / name).write_text("x")
    resumed(run)
    assert names(run) == sorted([*FILES, *others])


def test_going_on_with_other_versions_or_kernels_is_said():
    whole = trained(XOR, "epochs=300", "--name", "whole")
    run = stopped(signal.SIGINT, 150, XOR, "epochs=300")
    facts = facts_of(run)
    facts["versions"] |= {"numpy": "1.0", "kernels": "Prescott"}
    facts["versions"].pop("instructions")  # an older run has fewer
    (run / "run.json").write_text(json.dumps(facts))
    told = call("train", "--resume", str(run), "-q").stderr
    numpy, kernels = (facts_of(whole)["versions"][key] for key in ("numpy", "kernels"))
    assert told.startswith(f"{run}: continues with other versions or on another machine; ")
    assert told.endswith(
        f"of an uninterrupted training:\n  numpy was 1.0, is {numpy}\n"
        f"  kernels was Prescott, is {kernels}\n"
    )
    assert facts_of(run)["versions"] == facts_of(whole)["versions"]
    assert facts_of(run)["versions_before"] == [facts["versions"]]
    assert trained("--resume", str(run), "epochs=400")  # nothing changed since
    assert facts_of(run)["versions_before"] == [facts["versions"]]
    with patch.object(reproduction, "train", lambda *a: {"epoch": np.array([7])}):
        told = call("reproduce", str(run)).stdout
    assert f"  numpy was 1.0, is {numpy}\n  kernels was Prescott, is {kernels}\n" in told


def test_a_sweep_that_goes_on_with_other_versions_says_so():
    args = ("sweep", XOR, "seed=0,1", "epochs=50", "-j1", "-q")
    path = Path(call(*args).stdout.strip())
    facts = facts_of(path)
    facts["versions"]["kernels"] = "Prescott"
    (path / "run.json").write_text(json.dumps(facts))
    assert call(*args).stderr == ""  # there is nothing to do
    (path / "run.json").write_text(json.dumps(facts | {"status": "unfinished"}))
    assert "\n  kernels was Prescott, is " in call(*args).stderr


# --- what a run writes can be read -----------------------------------------------------------


@pytest.mark.parametrize("command", ["check", "train", "sweep"])
def test_a_configuration_that_its_own_run_could_not_have_is_refused(command):
    layers = "- &a {units: 1, activation: sigmoid}\n" + "- *a\n" * 30_999
    Path("deep.yaml").write_text(f"dataset: xor\nloss: squared_error\nlayers:\n{layers}epochs: 1\n")
    done = call(command, "deep.yaml", *(["seed=0,1"] * (command == "sweep")))
    assert (done.code, done.stdout) == (3, "")
    assert (
        "values with every default filled in; a configuration can have at most 262,144"
        in done.stderr
    )
    assert not Path("runs").exists()


@pytest.mark.parametrize("layers", [29_123, 29_124])
def test_the_largest_configuration_is_read_as_it_is_written(layers):
    text = "- &a {units: 1, activation: sigmoid}\n" + "- *a\n" * (layers - 1)
    Path("deep.yaml").write_text(f"dataset: xor\nloss: squared_error\nlayers:\n{text}epochs: 1\n")
    done = call("check", "deep.yaml")
    Path("again.yaml").write_text(done.stdout)
    refused = layers == 29_124
    assert done.code == (3 if refused else 0)
    if not refused:
        limit = run_directory.MAX_CONFIG
        assert len(loading.load("again.yaml", limit=limit).layers) == layers


def test_weights_to_begin_with_that_make_a_configuration_too_long_are_refused():
    wide = "layers.0.units=2000"
    old = trained(XOR, "epochs=0", wide)
    with patch("nnfs_cli.config.writing.MAX_NODES", 10_000):
        done = call("train", XOR, wide, "--init-from", str(old))
    assert (done.code, done.stdout, names("runs")) == (3, "", ["xor-1"])
    assert "a configuration can have at most 10,000" in done.stderr


def test_data_whose_names_no_run_json_could_hold_are_refused(monkeypatch):
    own_data(ROWS)
    assert trained("own.yaml")
    monkeypatch.setattr(record, "MAX_FACTS", (1 << 21) + 40)
    done = call("train", "own.yaml")
    assert (done.code, done.stdout, names("runs")) == (3, "", ["own-1"])
    assert "run.json would exceed 2 MiB" in done.stderr


@pytest.mark.parametrize("command", ["train", "check", "sweep"])
def test_data_in_a_directory_whose_name_is_not_utf8_are_refused_before_training(command):
    Path("caf\udce9").mkdir()
    own_data(ROWS)
    for name in "own.yaml", "data.csv":
        Path(name).rename(Path("caf\udce9") / name)
    done = call(command, "caf\udce9/own.yaml", *(["seed=0,1"] * (command == "sweep")))
    assert (done.code, done.stdout) == (3, "")
    assert "the name is not UTF-8" in done.stderr
    assert not Path("runs").exists() or names("runs") == []


def test_a_project_in_a_directory_whose_name_is_not_utf8_trains(monkeypatch):
    Path("caf\udce9").mkdir()
    monkeypatch.chdir("caf\udce9")
    own_data(ROWS)
    for line in ("train own.yaml", "evaluate own-1", "train own.yaml --resume-if-exists"):
        done = call(*line.split())
        assert done.code == 0, done.stderr
    assert names("runs") == ["own-1"]


def test_a_sweep_that_is_killed_goes_on_to_the_same_results(cases):
    args = ("sweep", XOR, "seed=0..199", "layers.0.units=2..4", "epochs=500")
    assert nnfs(*args, "--runs-dir", "whole").code == 0
    whole = Path("whole/xor-sweep-1")
    for number, rng in enumerate(cases(1, 17)):
        directory = f"runs{number}"
        for _ in range(3):
            often = ("--checkpoint-every", str(rng.choice([0, 0.05, 10])), "--runs-dir", directory)
            with start(*args, *often, stdout=subprocess.DEVNULL) as process:
                process.stderr.readline()
                time.sleep(rng.uniform(0, 0.6))
                process.kill()
            for path in Path(directory).glob("*/*.npz"):
                assert arrays(path)
        done = nnfs(*args, "--runs-dir", directory)
        assert done.code == 0, done.stderr
        sweep = Path(done.stdout.strip())
        assert (sweep / "results.csv").read_bytes() == (whole / "results.csv").read_bytes()
        for i in rng.randint(600, size=5):
            parameters = [members.read_run(path, i).params for path in (sweep, whole)]
            np.testing.assert_array_equal(*parameters, strict=True)


# --- what is refused -------------------------------------------------------------------------


@pytest.fixture
def run():
    return trained(XOR, "epochs=120")


def refused(code, run, *args):
    """Check that a run is not resumed, and stays as it is; return what is said."""
    before = contents(run)
    done = call("train", *args)
    assert (done.code, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert contents(run) == before
    return done.stderr


@pytest.mark.parametrize(
    ("overrides", "lines"),
    [
        (["seed=1"], ["seed: was 48, is 1"]),
        (["epochs=119"], ["epochs: was 120, is 119; it can only be raised"]),
        (["learning_rate=2"], ["learning_rate: was 1.0, is 2.0"]),
        (["dtype=float32"], ["dtype: was float64, is float32"]),
        (["dataset=or"], ["dataset.name: was xor, is or"]),
        (["dataset.test_size=0.25"], ["dataset.test_size: was 0.0, is 0.25"]),
        (["log_every=7"], ["log_every: was 100, is 7"]),
        (["gradient_clip=1"], ["gradient_clip: was None, is 1.0"]),
        (["layers.0.activation=tanh"], ["layers.0.activation: was sigmoid, is tanh"]),
        (["features=[x1, x1*x2]"], ["features: was None, is None", "features.0: was None"]),
        (
            ["epochs=5", "layers.0.units=4", "layers.1.initializer=he"],
            ["layers.0.units: was 3, is 4", "layers.1.initializer: was xavier, is he", "epochs: "],
        ),
    ],
    ids=lambda value: value[0].partition("=")[0] if "=" in value[0] else "",
)
def test_any_other_difference_is_told_key_by_key(run, overrides, lines):
    for given in [XOR, "epochs=120"], []:
        told = refused(3, run, *given, *overrides, "--resume", str(run)).splitlines()
        assert told[0] == f"{run}: cannot be resumed with another configuration:"
        for line in lines:
            if "is None" not in line:
                assert any(text.startswith(f"  {line}") for text in told[1:]), told
        assert not any("name: was xor-" in text for text in told)


def test_a_long_difference_is_told_in_short(run):
    weights = np.arange(6.0).reshape(3, 2).tolist()
    biases = [0.125] * 3
    layer = f"{{units: 3, activation: sigmoid, weights: {weights}, biases: {biases}}}"
    told = refused(3, run, XOR, "epochs=120", "--resume", str(run), f"layers.0={layer}")
    assert len(told.splitlines()) < 20
    assert max(map(len, told.splitlines())) < 200


@pytest.mark.parametrize("args", [(), (XOR, "epochs=120"), ("epochs=120",)])
def test_a_run_that_is_finished_says_so(run, args):
    before = contents(run)
    done = call("train", "--resume", str(run), *args)
    assert (done.code, done.stdout) == (0, f"{run}\n")
    assert re.match(f"{run}: finished already, at epoch 120: cost ", done.stderr)
    shown = call("train", "--resume", str(run), *args, "-q", "--json")
    assert (shown.code, shown.stderr) == (0, "")
    assert json.loads(shown.stdout) == {"run": str(run), **facts_of(run)}
    assert contents(run) == before


def test_a_run_that_diverged_is_not_resumed():
    done = call("train", XOR, "learning_rate=1e300", "layers.1.activation=identity")
    assert done.code == 4
    run = Path(done.stdout.strip())
    assert "diverged; change the configuration" in refused(1, run, "--resume", str(run))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "none: no such run"),
        ("runs/none-1", "runs/none-1: no such run"),
        ("file", "file: is not a run, but a file"),
        ("runs", "runs: is not a finished run"),
        ("loop", "loop: no such run"),
        ("x" * 300, "no such run"),
        ("a\udcff", "no such run"),
        ("\x1b[31m", r"\x1b[31m: no such run"),
    ],
)
def test_what_is_no_run_is_not_resumed(run, name, message):
    Path("file").write_text("")
    Path("loop").symlink_to("loop")
    for given in (), (XOR,):
        assert message in refused(6, run, *given, "--resume", name)


@pytest.mark.parametrize("option", [("--name", "n"), ("--init-from", "x"), ("--resume-if-exists",)])
def test_options_that_make_no_sense_with_resume_are_refused(run, option):
    done = call("train", "--resume", str(run), *option)
    assert (done.code, "--resume cannot be combined with" in done.stderr) == (2, True)


@pytest.mark.parametrize("args", [("--resume", "xor-1"), (XOR, "epochs=120", "--resume-if-exists")])
def test_a_run_that_another_process_trains_is_refused(run, args):
    with checkpoint.held(run):
        assert "another process is training this run" in refused(1, run, *args)
    assert call("train", *args).code == 0


def test_a_training_holds_its_run():
    process, run = begun(XOR, "epochs=100000000", "--checkpoint-every", "0.01")
    while not (run / "run.json").exists():
        assert process.poll() is None
    for args in (), ("epochs=200000000",):
        done = call("train", "--resume", str(run), *args)
        assert (done.code, "another process is training this run" in done.stderr) == (1, True)
    process.terminate()
    ended(process, 143)


# --- data that changes -----------------------------------------------------------------------


def own_data(rows):
    text = "a,b,label\n" + "".join(f"{a},{b},{label}\n" for a, b, label in rows)
    Path("data.csv").write_text(text)
    Path("own.yaml").write_text(
        "dataset: {path: data.csv, test_size: 0.25}\n"
        "layers: [{units: 3, activation: tanh}, {units: 1, activation: sigmoid}]\n"
        "loss: binary_cross_entropy\nepochs: 900\nlearning_rate: 1\n"
    )


ROWS = [(i % 5, i % 3, "yes" if i % 2 else "no") for i in range(20)]
CHANGES = {
    "a number": [(9, 9, "no"), *ROWS[1:]],
    "a label": [(0, 0, "yes"), *ROWS[1:]],
    "a row less": ROWS[:-1],
    "a row more": [*ROWS, (1, 1, "no")],
    "the order": ROWS[::-1],
    "the classes' names": [(a, b, {"yes": "ja"}.get(c, c)) for a, b, c in ROWS],
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES.keys())
def test_data_that_has_changed_is_noticed(changed):
    own_data(ROWS)
    whole = trained("own.yaml", "--name", "whole")
    run = stopped(signal.SIGINT, 300, "own.yaml")
    own_data(changed)
    for given in (), ("own.yaml",):
        told = refused(6, run, *given, "--resume", str(run))
        assert told.startswith(f"{run}: its data set has changed")
    own_data(ROWS)
    same(resumed(run), whole)


@pytest.mark.parametrize(
    "content", [None, "a,b,c\n", "a,b,label\n1,2,no\n", "0,0,0,0,u\n1,1,1,1,v\n"]
)
def test_data_that_no_longer_fits_is_no_reason_to_crash(content):
    own_data(ROWS)
    run = stopped(signal.SIGINT, 300, "own.yaml")
    Path("data.csv").unlink()
    if content is not None:
        Path("data.csv").write_text(content)
    refused(6, run, "--resume", str(run))


# --- --resume-if-exists ----------------------------------------------------------------------


def test_resume_if_exists_begins_goes_on_and_ends():
    whole = trained(XOR, "epochs=900", "--name", "whole")
    args = (XOR, "epochs=900", "--resume-if-exists")
    run = stopped(signal.SIGTERM, 200, *args)
    assert run == Path("runs/xor-1")
    trained(XOR, "epochs=901")  # another configuration is another run
    assert stopped(signal.SIGTERM, 500, *args) == run
    assert trained(*args) == run
    same(run, whole)
    done = call("train", *args)
    assert (done.code, done.stdout) == (0, f"{run}\n")
    assert "finished already" in done.stderr
    assert names("runs") == ["whole-1", "xor-1", "xor-2"]


def test_resume_if_exists_takes_the_newest_and_passes_over_what_cannot_be_read():
    args = (XOR, "epochs=90")
    for _ in range(4):
        trained(*args)
    time.sleep(0.02)
    for name, content in (("xor-3", "{"), ("xor-4", None)):
        (Path("runs") / name / "run.json").unlink()
        if content:
            (Path("runs") / name / "run.json").write_text(content)
    os.mkfifo("runs/xor-4/run.json")
    assert trained(*args, "--resume-if-exists") == Path("runs/xor-2")
    Path("runs/xor-2/config.yaml").unlink()
    os.mkfifo("runs/xor-2/config.yaml")
    assert trained(*args, "--resume-if-exists") == Path("runs/xor-1")


# --- --init-from -----------------------------------------------------------------------------


@pytest.mark.parametrize("given", [(XOR,), MOONS, (XOR, "dtype=float32")])
def test_a_run_begins_with_the_weights_of_another(given):
    old = trained(*given, "epochs=60", "--name", "old")
    new = trained(*given, "epochs=0", "seed=7", "--init-from", str(old))
    assert (new / "weights.npz").read_bytes() == (old / "weights.npz").read_bytes()
    assert arrays(new / "costs.npz")["cost"][0] == facts_of(old)["cost"]
    longer = trained(*given, "epochs=60", "--init-from", "old-1")
    both = trained(*given, "epochs=120", "--name", "both")
    assert (longer / "weights.npz").read_bytes() == (both / "weights.npz").read_bytes()
    again = trained(str(longer / "config.yaml"))
    assert (again / "weights.npz").read_bytes() == (both / "weights.npz").read_bytes()


def test_a_run_that_began_so_is_resumed_too():
    old = trained(XOR, "epochs=60", "--name", "old")
    args = (XOR, "epochs=900", "learning_rate=0.5", "--init-from", str(old))
    whole = trained(*args, "--name", "whole")
    run = stopped(signal.SIGINT, 400, *args)
    assert trained(*args, "--resume-if-exists") == run
    same(run, whole)


def test_a_run_may_begin_with_a_sweep_s():
    assert call("sweep", XOR, "seed=0..3", "epochs=50", "-q").code == 0
    new = trained(XOR, "epochs=0", "--init-from", "runs/xor-sweep-1/2")
    assert (new / "weights.npz").read_bytes() == (
        trained(XOR, "epochs=50", "seed=2") / "weights.npz"
    ).read_bytes()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("layers.0.units=4", "its network is 2-3-1, but the configuration's is 2-4-1"),
        ("features=[x1]", "its network is 2-3-1, but the configuration's is 1-3-1"),
        ("layers=[{units: 1, activation: tanh}]", "its network is 2-3-1, but the conf"),
    ],
)
def test_another_shape_is_refused(override, message):
    old = trained(XOR, "epochs=6")
    assert message in refused(6, old, XOR, override, "--init-from", str(old))
    assert names("runs") == ["xor-1"]


def test_weights_that_cannot_be_written_out_are_refused():
    overflowing = ("learning_rate=1.7e308", "layers.1.activation=identity")
    old = Path(call("train", XOR, *overflowing).stdout.strip())
    assert not all(np.isfinite(array).all() for array in arrays(old / "weights.npz").values())
    assert "not finite" in refused(6, old, XOR, "--init-from", str(old))
    old = trained(XOR, "epochs=0", "layers.0.units=70000", "--name", "wide")
    assert "parameters" in refused(6, old, XOR, "layers.0.units=70000", "--init-from", str(old))
