"""Two ways to call nnfs: `nnfs` as a process of its own; `call` in this one, 100 times faster."""

import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
CONFIG_FILES = sorted(CONFIGS.glob("*.yaml"))
XOR = str(CONFIGS / "xor.yaml")
NNFS = (sys.executable, "-m", "nnfs_cli")
TIMEOUT = 60  # seconds, after which what ought to end is taken to hang


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


def trained(*args):
    """Train in this process and return the run's directory."""
    done = call("train", "-q", *args)
    assert (done.code, done.stderr) == (0, "")
    return Path(done.stdout.strip())


def matches(text, wanted):
    """Return whether `text` is the wanted one, in which `...` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, wanted.split("..."))), text, re.DOTALL)
