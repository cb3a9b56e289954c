"""The command line: one module per command, imported when the command is called."""

from __future__ import annotations

import codecs
import gc
import importlib
import io
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

import click

from nnfs_cli import __version__
from nnfs_cli.errors import NnfsError, printed

# The first line of each command's help, repeated so that `nnfs --help` imports no command.
COMMANDS = {
    "train": "Train the network that CONFIG describes.",
    "predict": "Print a run's predictions.",
    "evaluate": "Print a run's cost and scores as one JSON object.",
    "check": "Check CONFIG and print it with every default filled in.",
    "sweep": "Train CONFIG with many settings.",
    "explain": "Show one training iteration step by step, with all numbers.",
    "reproduce": "Train a run again and compare it bit for bit.",
    "runs": "List all runs.",
    "show": "Show the details of a run or a sweep.",
    "plot": "Draw a run, several runs or a sweep.",
    "report": "Write a run or a sweep as one HTML file.",
    "diagnose": "Find out what is wrong with a run and how to fix it.",
}
UTF8 = "put PYTHONUTF8=1 before nnfs to allow it"
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Commands(click.Group):
    """The commands by name, imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"nnfs_cli.cli.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS:
            from nnfs_cli.errors import did_you_mean

            ctx.fail(f"no such command {args[0]!r}{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="nnfs", message="%(prog)s %(version)s")
def group() -> None:
    """Train small neural networks from a YAML file, in plain NumPy.

    \b
    run=$(nnfs train configs/xor.yaml learning_rate=0.5)
    nnfs predict $run --x 0,1

    See 'nnfs COMMAND --help' for the options of a command.
    """


def start() -> NoReturn:
    """Run the command line as a process, and exit without tearing down the interpreter.

    Together with fewer garbage collections, this saves a tenth of a short command's time.
    """
    gc.set_threshold(50_000)
    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    os._exit(code)


def main() -> NoReturn:
    """Run the command line and exit with its exit code."""
    # More BLAS threads gain nothing at these sizes and slow down other processes. NumPy reads
    # these variables when it is imported; values set by the user are kept.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("MKL_NUM_THREADS", "1")
    _mend_streams()
    sys.exit(_run(sys.argv[1:]))


class _Unfailing(io.FileIO):
    """A file for stderr: write errors are ignored, as a lost message must not stop a training."""

    def write(self, content: Any) -> int | None:  # type: ignore[override]
        try:
            return super().write(content)
        except OSError:  # a full device, a closed pipe, a closed terminal
            return len(content)


def _mend_streams() -> None:
    """Replace closed streams by /dev/null, let streams print any file name, and let writes to
    stderr never fail."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "r" if number == 0 else "w"))  # noqa: PTH123, SIM115
    encoding = sys.stderr.encoding
    if sys.stderr is sys.__stderr__:
        raw = io.BufferedWriter(_Unfailing(2, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(raw, encoding, line_buffering=True)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            codecs.register_error(f"nnfs.{name}", partial(_escape, name))
            # ASCII without PYTHONIOENCODING means the locale C, where no encoding was chosen:
            # use UTF-8, as elsewhere.
            ascii_only = codecs.lookup(stream.encoding).name == "ascii"
            ascii_only = ascii_only and "PYTHONIOENCODING" not in os.environ
            stream.reconfigure(
                encoding="utf-8" if ascii_only else stream.encoding, errors=f"nnfs.{name}"
            )


def _escape(name: str, error: UnicodeError) -> tuple[bytes, int]:
    """Return the bytes to write for characters outside the stream's encoding, and their end.

    Undecodable bytes of file names are written as they are, other characters as `\\u0142`; the
    first of these in stdout is noted on stderr.
    """
    global _told
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    text = [letter for letter in letters if not "\ud800" <= letter <= "\udfff"]
    if text and name == "stdout" and not _told:
        _told = True
        _tell(
            f"stdout is {error.encoding}, which has no {text[0]}; such characters are escaped: "
            "set PYTHONIOENCODING=utf-8 to print them"
        )
    codes = (
        bytes([ord(letter) - 0xDC00])
        if "\udc80" <= letter <= "\udcff"
        else letter.encode("ascii", "backslashreplace")
        for letter in letters
    )
    return b"".join(codes), error.end


_told = False


def _run(args: list[str]) -> int:
    try:
        if "_NNFS_COMPLETE" in os.environ:
            group.main(prog_name="nnfs")
        if not args:  # click before 8.2 would exit with 0
            with group.make_context("nnfs", args, resilient_parsing=True) as context:
                _tell(context.get_help())
            return 2
        with group.make_context("nnfs", args) as context:
            group.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return _closed(error.exit_code)
    except click.ClickException as error:
        message = io.StringIO()
        error.show(message)
        _tell(message.getvalue().removesuffix("\n"))
        return error.exit_code
    except NnfsError as error:
        _tell(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _tell("interrupted")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return _closed(128 + signal.SIGPIPE)
    except UnicodeEncodeError as error:
        name = ascii(error.object[error.start : error.end])
        _tell(f"{name} cannot be part of a name in {error.encoding}; {UTF8}")
        return 1
    except MemoryError:
        _tell("out of memory")
        return 1
    except OSError as error:
        _tell(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return 1
    return 0


def _closed(code: int) -> int:
    """Flush stdout, or redirect it to /dev/null if its reader is gone, and return the code."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would flush again at exit and report the error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _tell(message: object) -> None:
    """Print a message on stderr; a closed stderr is replaced by /dev/null."""
    from nnfs_cli.cli.output import names_typed

    try:
        click.echo(printed(str(message), names_typed()), err=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
