"""Ways to call nnfs: `nnfs` as a process of its own; `call` in this one, 100 times faster; `forked`
in a copy of this one, whose limits and faults are its own."""

import ctypes
import io
import json
import os
import pickle
import re
import resource
import signal
import struct
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
CONFIGS = ROOT / "configs"
CONFIG_FILES = sorted(CONFIGS.glob("*.yaml"))
XOR = str(CONFIGS / "xor.yaml")
NNFS = (sys.executable, "-m", "nnfs_cli")
TIMEOUT = 60  # seconds, after which what ought to end is taken to hang
MIB = 1 << 20


class Done(NamedTuple):
    """What a command left."""

    code: int
    stdout: str
    stderr: str
    raw: bytes  # stdout


def environment(changes):
    """Return this process's environment, with warnings made errors, and with changes."""
    return {**os.environ, "PYTHONWARNINGS": "error", **changes}


def nnfs(*args, stdin=b"", env=(), program=NNFS, timeout=TIMEOUT, **options):
    """Run a command as a process; `env` is added to the environment."""
    stdin = stdin if isinstance(stdin, bytes) else stdin.encode()
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    if "stdin" not in given:
        given["input"] = stdin
    done = subprocess.run([*program, *args], env=environment(dict(env)), timeout=timeout, **given)
    out, err = done.stdout or b"", done.stderr or b""
    told = err.decode(errors="backslashreplace")
    return Done(done.returncode, out.decode(errors="replace"), told, out)


def start(*args, **options):
    """Start a command and return its process, with text in its pipes."""
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen([*NNFS, *args], env=environment({}), **given)


def shell(script):
    """Run a line of shell in which `nnfs` is this one."""
    function = f'nnfs() {{ "{sys.executable}" -m nnfs_cli "$@"; }}\n'
    return nnfs(function + script, program=("bash", "-c"))


def call(*args):
    """Run a command in this process, through main()."""
    from nnfs_cli.cli import main

    out = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", newline="")
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", ["nnfs", *args]):
        try:
            main()
        except SystemExit as error:
            code = error.code
    for stream in out, err:
        stream.flush()
    raw, told = out.buffer.getvalue(), err.buffer.getvalue().decode(errors="backslashreplace")
    return Done(code, raw.decode(errors="replace"), told, raw)


class Outcome(NamedTuple):
    """How a command ended in a process of its own, and what it took there."""

    code: int
    stdout: str
    stderr: str
    growth: int  # bytes by which the process became larger
    seconds: float  # of the processor


def forked(*args, before=lambda: None):
    """Run a command in a fork of this process, after `before()`; it is ended if it hangs."""
    reader, writer = os.pipe()
    with warnings.catch_warnings(action="ignore"):  # of threads, which are idle
        pid = os.fork()
    if not pid:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(TIMEOUT)
            limit_memory(2048 * MIB)
            before()
            start = resource.getrusage(resource.RUSAGE_SELF)
            done = call(*args)
            end = resource.getrusage(resource.RUSAGE_SELF)
            growth = (end.ru_maxrss - start.ru_maxrss) * 1024
            seconds = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(pickle.dumps((*done[:3], growth, seconds)))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    assert not os.WIFSIGNALED(status), f"{args} hangs, or died of {os.WTERMSIG(status)}"
    assert told, f"{args} left no word"
    return Outcome(*pickle.loads(told))


def limit_memory(more):
    """Let this process become larger by some bytes at most."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + more, hard))


def powerless():
    """Give up a superuser's right to read and write what is forbidden."""
    if os.geteuid() == 0:
        header = struct.pack("Ii", 0x20080522, 0)
        assert ctypes.CDLL(None).capset(header, bytes(24)) == 0


def trained(*args):
    """Train in this process and return the run's directory."""
    done = call("train", "-q", *args)
    assert (done.code, done.stderr) == (0, "")
    return Path(done.stdout.strip())


def facts_of(run):
    """Return the content of a run's run.json."""
    return json.loads((Path(run) / "run.json").read_bytes())


def arrays(path):
    """Return the arrays of an .npz file by name."""
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def matches(text, wanted):
    """Return whether `text` is the wanted one, in which `...` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, wanted.split("..."))), text, re.DOTALL)
